//! `XAUTOCLAIM`: entries that have been pending for some time are given to another consumer.

use super::claim::{Claimed, reply_claimed, store};
use super::*;
use crate::resp::Args;

/// Entries that are claimed if the client gives no number.
const COUNT_DEFAULT: u64 = 100;
/// The most entries that a client may ask for.
const COUNT_MAX: u64 = i64::MAX as u64 / 16;
/// So many times as many entries are looked at.
const LOOKED_AT_FACTOR: u64 = 10;

/// The words of `XAUTOCLAIM`.
struct Options {
    /// Only entries that were delivered at least so many milliseconds ago; 0: all.
    min_idle_ms: i64,
    /// The first ID to look at.
    start: EntryId,
    /// The most entries to claim.
    count: u64,
    /// Whether only IDs are returned, and no delivery is counted.
    just_ids: bool,
}

impl Options {
    /// Parses the words from the minimal idle time on.
    fn parse(args: &Args<'_>) -> Result<Self, CommandError> {
        let min_idle_ms = args.integer(4).ok_or("ERR Invalid min-idle-time argument for XAUTOCLAIM")?.max(0);
        let start = ids::start(&args[5])?;
        let (mut count, mut just_ids) = (COUNT_DEFAULT, false);
        let mut at = 6;
        while let Some(option) = args.get(at) {
            if words::is(option, "count") && at + 1 < args.len() {
                let number = args.integer(at + 1).and_then(|number| u64::try_from(number).ok());
                count = number
                    .filter(|number| (1..=COUNT_MAX).contains(number))
                    .ok_or("ERR COUNT must be > 0")?;
                at += 1;
            } else if words::is(option, "justid") {
                just_ids = true;
            } else {
                return Err(CommandError::SYNTAX);
            }
            at += 1;
        }
        Ok(Self { min_idle_ms, start, count, just_ids })
    }

    /// The entries to claim, and where the next call starts; the lowest ID if nothing is left.
    fn find(
        &self,
        view: &View<'_>,
        (stream, group): (&Stream<'_>, &Group),
        now_ms: u64,
    ) -> Result<(Claimed, EntryId), CommandError> {
        let (mut claimed, mut next) = (Claimed::default(), EntryId::MIN);
        let (mut left, mut looks) = (self.count, self.count.saturating_mul(LOOKED_AT_FACTOR));
        let range = IdRange { first: self.start, last: EntryId::MAX };
        stream.each_pending(view, (group, None), range, |id, pending| {
            if left == 0 || looks == 0 {
                next = id;
                return Ok(false);
            }
            looks -= 1;
            if !stream.contains(view, id)? {
                claimed.gone.push(id);
                left -= 1;
                return Ok(true);
            }
            let idle_ms = now_ms as i64 - pending.delivered_ms as i64;
            if self.min_idle_ms > 0 && idle_ms < self.min_idle_ms {
                return Ok(true);
            }
            let deliveries = pending.deliveries.saturating_add(u64::from(!self.just_ids));
            claimed.entries.insert(id, deliveries);
            claimed.reply.push(id);
            left -= 1;
            Ok::<_, CommandError>(true)
        })?;
        Ok((claimed, next))
    }
}

/// `XAUTOCLAIM key group consumer min-idle-time start [COUNT count] [JUSTID]`
pub(super) fn xautoclaim(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let options = Options::parse(args)?;
    let (key, group, now_ms) = (&args[1], &args[2], context.now_ms);
    let (claimed, next) = with_stream(context, key, |view, stream| {
        let (stream, group) = existing(view, stream, key, group)?;
        check_name(&args[3], "consumer name")?;
        options.find(view, (&stream, &group), now_ms)
    })?;
    store(context, key, (group, &args[3]), (&claimed, now_ms))?;
    reply.array(3);
    reply_id(reply, next);
    reply_claimed(context, key, &claimed.reply, options.just_ids, reply)?;
    reply.array(claimed.gone.len());
    claimed.gone.iter().for_each(|id| reply_id(reply, *id));
    Ok(())
}
