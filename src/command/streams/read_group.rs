//! `XREADGROUP`: entries are delivered to the consumers of a group, each to one of them.

use super::idle::{self, Idle};
use super::read::{self, Words};
use super::*;
use crate::command::Wait;
use crate::effect::{ItemsBuffer, count_bytes};
use crate::keyspace::Consumer;
use crate::resp::Args;

/// A consumer that was seen less than so many milliseconds ago, and gets nothing, is not noted as seen again: otherwise one
/// that polls all the time would cause a record each time.
const SEEN_STEP_MS: u64 = 50;
/// The same for one that waits for entries to claim: its command runs again and again.
const WAITING_STEP_MS: u64 = 1000;

/// Which entries of a stream a consumer wants.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Those that nobody of the group got yet.
    New,
    /// Those that it got, and has not acknowledged, after this one.
    History(EntryId),
}

/// What a consumer gets of a stream.
enum Delivery {
    /// New entries: all in a range.
    New {
        /// The range.
        range: IdRange,
        /// Their IDs.
        ids: ItemsBuffer,
        /// Number of entries that the group has read then, if it is known.
        read: Option<u64>,
    },
    /// Entries that are pending already, with the number of their deliveries; 0: the entry was deleted.
    History(Vec<(EntryId, u64)>),
}

impl Delivery {
    /// The range of the new entries.
    fn range(&self) -> Option<IdRange> {
        match self {
            Delivery::New { range, .. } => Some(*range),
            Delivery::History(_) => None,
        }
    }
}

/// The names of a group and of a consumer.
type Reader<'a> = (&'a [u8], &'a [u8]);

/// What a consumer gets of one of the streams.
struct Delivered<'a> {
    /// The key of the stream.
    key: &'a [u8],
    /// Entries that it claimed, if it claims any.
    idle: Option<Vec<Idle>>,
    /// The others.
    delivery: Option<Delivery>,
}

impl Delivered<'_> {
    /// Whether there is nothing.
    fn is_empty(&self) -> bool {
        self.delivery.is_none() && self.idle.as_ref().is_none_or(Vec::is_empty)
    }
}

/// `XREADGROUP GROUP group consumer [COUNT count] [BLOCK milliseconds] [CLAIM min-idle-time] [NOACK] STREAMS key [key ...]
/// id [id ...]`
pub(super) fn xreadgroup(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let words = Words::parse(args, true)?;
    let reader = words.group.unwrap_or_default();
    let wanted = check(context, &words, reader.0)?;
    check_name(reader.1, "consumer name")?;
    let mut delivered = Vec::new();
    for (&(key, _), wanted) in words.streams.iter().zip(wanted) {
        let found = deliver_of(context, &words, (key, reader), wanted)?;
        delivered.extend(Some(found).filter(|found| !found.is_empty()));
    }
    if delivered.is_empty() {
        context.wait = wait(context, &words, reader.0)?;
        if context.wait.is_none() {
            reply.null_array();
        }
        return Ok(());
    }
    read::start(reply, delivered.len());
    for Delivered { key, idle, delivery } in delivered {
        read::start_stream(reply, key);
        reply_delivery(context, key, (idle, delivery), reply)?;
    }
    Ok(())
}

/// What the command waits for, if it blocks.
fn wait(context: &WriteCtx<'_>, words: &Words<'_>, group: &[u8]) -> Result<Option<Wait>, CommandError> {
    let Some(wait) = words.wait().filter(|_| context.may_wait) else { return Ok(None) };
    let keys = words.streams.iter().map(|(key, _)| *key);
    let claims = words.claim_ms.map(|min_idle_ms| idle::awaited(context, keys, group, min_idle_ms));
    Ok(Some(Wait { claims: claims.transpose()?, ..wait }))
}

/// Delivers what a consumer wants of one stream.
fn deliver_of<'a>(
    context: &mut WriteCtx<'_>,
    words: &Words<'_>,
    (key, reader): (&'a [u8], Reader<'_>),
    wanted: Wanted,
) -> Result<Delivered<'a>, CommandError> {
    let consumer = consumer_of(context, key, reader)?;
    let claims = words.claim_ms.filter(|_| wanted == Wanted::New);
    let idle = match claims {
        Some(min_idle_ms) => Some(idle::claim(context, key, reader, (min_idle_ms, words.count))?),
        None => None,
    };
    let claimed = idle.as_ref().map_or(0, |idle| idle.len() as u64);
    if words.count > 0 && claimed == words.count {
        return Ok(Delivered { key, idle, delivery: None });
    }
    let delivery = with_stream(context, key, |view, stream| {
        let (stream, group) = existing(view, stream, key, reader.0)?;
        match wanted {
            Wanted::New => new(view, &stream, &group, words.count.saturating_sub(claimed)),
            Wanted::History(after) => {
                history(view, &stream, (&group, &consumer), (after, words.count)).map(Some)
            }
        }
    })?;
    let is_noted = match &delivery {
        Some(delivery) => deliver(context, key, reader, (&consumer, words.no_ack), delivery)?,
        None => false,
    };
    if !is_noted && claimed == 0 {
        let waits = context.may_wait && words.claim_ms.is_some();
        let step_ms = if waits { WAITING_STEP_MS } else { SEEN_STEP_MS };
        note_seen(context, key, reader, (&consumer, step_ms))?;
    }
    Ok(Delivered { key, idle, delivery })
}

/// Checks that all streams have the group; returns what is wanted of each.
fn check(context: &WriteCtx<'_>, words: &Words<'_>, group: &[u8]) -> Result<Vec<Wanted>, CommandError> {
    let check_one = |&(key, id): &(&[u8], &[u8])| {
        with_stream(context, key, |view, stream| {
            let found = stream.map(|stream| stream.group(view, group)).transpose()?.flatten();
            if found.is_none() {
                return Err(format!(
                    "NOGROUP No such key '{}' or consumer group '{}' in XREADGROUP with GROUP option",
                    shown(key),
                    shown(group)
                )
                .into());
            }
            match id {
                b"$" => {
                    Err("ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the \
                             history of this consumer by specifying a proper ID, or use the > ID to get new \
                             messages. The $ ID would just return an empty result set."
                        .into())
                }
                b">" => Ok(Wanted::New),
                id => match ids::strict(id)? {
                    // Redis does not tell it from `>`.
                    EntryId::MAX => Ok(Wanted::New),
                    id => Ok(Wanted::History(id)),
                },
            }
        })
    };
    words.streams.iter().map(check_one).collect()
}

/// The consumer, which is created if it is missing.
fn consumer_of(
    context: &mut WriteCtx<'_>,
    key: &[u8],
    (group, name): Reader<'_>,
) -> Result<Consumer, CommandError> {
    let look = |context: &WriteCtx<'_>| {
        with_stream(context, key, |view, stream| {
            let (stream, found) = existing(view, stream, key, group)?;
            Ok(stream.consumer(view, &found, name)?)
        })
    };
    if let Some(consumer) = look(context)? {
        return Ok(consumer);
    }
    let seen_ms = context.now_ms;
    change_group(
        context,
        key,
        StreamChange::SetConsumer { group, consumer: name, seen_ms, active_ms: None },
    )?;
    group_event(context, key, "xgroup-createconsumer");
    look(context)?.ok_or_else(|| no_key_or_group(key, group))
}

/// Notes that a consumer was seen, if it was not within so many milliseconds.
fn note_seen(
    context: &mut WriteCtx<'_>,
    key: &[u8],
    (group, name): Reader<'_>,
    (consumer, step_ms): (&Consumer, u64),
) -> Result<(), KeyspaceError> {
    let (seen_ms, active_ms) = (context.now_ms, consumer.active_ms);
    if consumer.seen_ms.abs_diff(seen_ms) < step_ms {
        return Ok(());
    }
    change_group(context, key, StreamChange::SetConsumer { group, consumer: name, seen_ms, active_ms })
}

/// The next new entries of a group.
fn new(
    view: &View<'_>,
    stream: &Stream<'_>,
    group: &Group,
    count: u64,
) -> Result<Option<Delivery>, CommandError> {
    let Some(all) = IdRange::after(group.last) else { return Ok(None) };
    let (mut ids, mut last, mut read) = (ItemsBuffer::new(), None, group.read);
    stream.each(view, all, false, |id, _| {
        read = match read {
            Some(read) if !stream.has_gaps_from(view, id)? => Some(read.wrapping_add(1)),
            read if stream.past.added == 0 => read,
            _ => stream.read_up_to(view, id)?,
        };
        ids.push(&id.to_bytes());
        last = Some(id);
        Ok::<_, CommandError>(count == 0 || ids.len() < count)
    })?;
    Ok(last.map(|last| Delivery::New { range: IdRange { last, ..all }, ids, read }))
}

/// The pending entries of a consumer after an ID.
fn history(
    view: &View<'_>,
    stream: &Stream<'_>,
    (group, consumer): (&Group, &Consumer),
    (after, count): (EntryId, u64),
) -> Result<Delivery, CommandError> {
    let mut found = Vec::new();
    if let Some(range) = IdRange::after(after) {
        stream.each_pending(view, (group, Some(consumer)), range, |id, pending| {
            let exists = stream.contains(view, id)?;
            found.push((id, if exists { pending.deliveries.saturating_add(1) } else { 0 }));
            Ok::<_, CommandError>(count == 0 || (found.len() as u64) < count)
        })?;
    }
    Ok(Delivery::History(found))
}

/// Notes the delivery; returns whether that notes that the consumer was seen.
fn deliver(
    context: &mut WriteCtx<'_>,
    key: &[u8],
    (group, name): Reader<'_>,
    (consumer, no_ack): (&Consumer, bool),
    delivery: &Delivery,
) -> Result<bool, CommandError> {
    let now_ms = context.now_ms;
    Ok(match delivery {
        Delivery::New { range: IdRange { last, .. }, read, .. } if no_ack => {
            change_group(context, key, StreamChange::SetGroup { group, last: *last, read: *read })?;
            false
        }
        Delivery::New { range: IdRange { last, .. }, ids, read } => {
            let ids = ids.items();
            let (last, read) = (*last, *read);
            change_group(
                context,
                key,
                StreamChange::Deliver { group, consumer: name, now_ms, last, read, ids },
            )?;
            true
        }
        Delivery::History(found) => {
            let mut entries = ItemsBuffer::new();
            for (id, deliveries) in found.iter().filter(|(_, deliveries)| *deliveries > 0) {
                entries.push(&id.to_bytes());
                entries.push(&count_bytes(*deliveries));
            }
            if !entries.is_empty() {
                let claim = StreamChange::Claim {
                    group,
                    consumer: name,
                    seen_ms: now_ms,
                    active_ms: consumer.active_ms,
                    delivered_ms: now_ms,
                    entries: entries.items(),
                };
                change_group(context, key, claim)?;
            }
            !entries.is_empty()
        }
    })
}

/// Writes the entries.
fn reply_delivery(
    context: &WriteCtx<'_>,
    key: &[u8],
    (idle, delivery): (Option<Vec<Idle>>, Option<Delivery>),
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    if let Some(idle) = idle {
        let new = delivery.and_then(|delivery| delivery.range());
        return idle::reply_with_new(context, key, (&idle, new), reply);
    }
    with_stream(context, key, |view, stream| {
        let Some(stream) = stream else { return Ok(()) };
        let found = match &delivery {
            Some(Delivery::New { range, .. }) => {
                return reply_range(reply, view, &stream, (*range, false, 0));
            }
            Some(Delivery::History(found)) => &found[..],
            None => &[],
        };
        reply.array(found.len());
        for (id, deliveries) in found {
            if *deliveries == 0 {
                reply.array(2);
                reply_id(reply, *id);
                reply.null_array();
            } else {
                reply_one(reply, view, &stream, *id)?;
            }
        }
        Ok(())
    })
}
