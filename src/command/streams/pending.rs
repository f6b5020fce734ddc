//! `XPENDING`: which entries were delivered and not yet acknowledged.

use super::*;
use crate::resp::{Args, Elements};

/// `XPENDING key group [[IDLE min-idle-time] start end count [consumer]]`
pub(super) fn xpending(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (key, group) = (&args[1], &args[2]);
    let wanted = Wanted::parse(args)?;
    let (view, now_ms) = (context.keys.view(), context.keys.now_ms());
    let stream = stream_of(context, key)?;
    let (stream, group) = existing(view, stream, key, group)?;
    match wanted {
        None => reply_summary(view, &stream, &group, reply),
        Some(wanted) => wanted.reply(view, (&stream, &group), now_ms, reply),
    }
}

/// Replies with the number of pending entries, their ends, and how many each consumer has.
fn reply_summary(
    view: &View<'_>,
    stream: &Stream<'_>,
    group: &Group,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let ends = stream.pending_ends(view, group)?;
    view.check_lookups(stream.consumers_len(view, group)?)?;
    reply.array(4);
    reply.integer(stream.pending_len(view, group, None)? as i64);
    let Some((first, last)) = ends else {
        reply.null();
        reply.null();
        reply.null_array();
        return Ok(());
    };
    reply_id(reply, first);
    reply_id(reply, last);
    let mut consumers = Elements::new(reply);
    stream.each_consumer(view, group, |name, consumer| {
        let len = stream.pending_len(view, group, Some(consumer))?;
        if len > 0 {
            consumers.add(|reply| {
                reply.array(2);
                reply.bulk(name);
                reply.bulk_integer(len as i64);
            });
        }
        Ok::<_, CommandError>(())
    })?;
    consumers.array(reply);
    Ok(())
}

/// Which pending entries are wanted.
struct Wanted<'a> {
    /// Only those that were delivered at least so many milliseconds ago.
    min_idle_ms: i64,
    /// Their IDs.
    range: IdRange,
    /// The most.
    count: u64,
    /// The consumer that has them.
    consumer: Option<&'a [u8]>,
}

impl<'a> Wanted<'a> {
    /// Parses the words after the group; `None` if there are none.
    fn parse(args: &Args<'a>) -> Result<Option<Self>, CommandError> {
        if args.len() == 3 {
            return Ok(None);
        }
        if !(6..=9).contains(&args.len()) {
            return Err(CommandError::SYNTAX);
        }
        let (mut at, mut min_idle_ms) = (3, 0);
        if words::is(&args[3], "idle") {
            min_idle_ms = words::integer(&args[4])?;
            if args.len() < 8 {
                return Err(CommandError::SYNTAX);
            }
            at = 5;
        }
        let count = words::integer(&args[at + 2])?.max(0) as u64;
        let range = ids::range(&args[at], &args[at + 1])?;
        Ok(Some(Self { min_idle_ms, range, count, consumer: args.get(at + 3) }))
    }

    /// Replies with the entries.
    fn reply(
        &self,
        view: &View<'_>,
        (stream, group): (&Stream<'_>, &Group),
        now_ms: u64,
        reply: &mut Reply<'_>,
    ) -> Result<(), CommandError> {
        let mut found = Elements::new(reply);
        let consumer = self.consumer.map(|name| stream.consumer(view, group, name)).transpose()?;
        if matches!(consumer, Some(None)) || self.count == 0 {
            found.array(reply);
            return Ok(());
        }
        let consumer = consumer.flatten();
        let mut left = self.count;
        stream.each_pending(view, (group, consumer.as_ref()), self.range, |id, pending| {
            let idle_ms = now_ms as i64 - pending.delivered_ms as i64;
            if self.min_idle_ms != 0 && idle_ms < self.min_idle_ms {
                return Ok(true);
            }
            let name = stream.holder(view, group, pending)?;
            found.add(|reply| {
                reply.array(4);
                reply_id(reply, id);
                reply.bulk(&name);
                reply.integer(idle_ms.max(0));
                reply.integer(pending.deliveries as i64);
            });
            left -= 1;
            Ok::<_, CommandError>(left > 0 && !found.is_cut())
        })?;
        found.array(reply);
        Ok(())
    }
}
