//! `XCLAIM`: pending entries are given to another consumer.

use std::collections::BTreeMap;

use super::*;
use crate::effect::{ItemsBuffer, count_bytes};
use crate::keyspace::Pending;
use crate::resp::Args;

/// The options of `XCLAIM`.
struct Options {
    /// Only entries that were delivered at least so many milliseconds ago; 0: all.
    min_idle_ms: i64,
    /// When they count as delivered.
    delivered_ms: u64,
    /// The number of deliveries that they get.
    deliveries: Option<u64>,
    /// Whether entries that are not pending become so.
    forces: bool,
    /// Whether only IDs are returned, and no delivery is counted.
    just_ids: bool,
    /// The last ID that the group read, if it is above the one that the group has.
    last: EntryId,
}

impl Options {
    /// Parses the minimal idle time and the options from word `at` on.
    fn parse(args: &Args<'_>, mut at: usize, now_ms: u64) -> Result<Self, CommandError> {
        let number = |at: usize, what: &str| {
            args.integer(at)
                .ok_or_else(|| CommandError::from(format!("ERR Invalid {what} argument for XCLAIM")))
        };
        let min_idle_ms = number(4, "min-idle-time")?.max(0);
        let (mut delivered_ms, mut deliveries) = (None, None);
        let (mut forces, mut just_ids, mut last) = (false, false, EntryId::MIN);
        while let Some(option) = args.get(at) {
            let has_more = at + 1 < args.len();
            at += 1;
            match option {
                option if words::is(option, "force") => forces = true,
                option if words::is(option, "justid") => just_ids = true,
                option if has_more && words::is(option, "idle") => {
                    delivered_ms = Some((now_ms as i64).wrapping_sub(number(at, "IDLE option")?));
                    at += 1;
                }
                option if has_more && words::is(option, "time") => {
                    delivered_ms = Some(number(at, "TIME option")?);
                    at += 1;
                }
                option if has_more && words::is(option, "retrycount") => {
                    deliveries = u64::try_from(number(at, "RETRYCOUNT option")?).ok();
                    at += 1;
                }
                option if has_more && words::is(option, "lastid") => {
                    last = ids::strict(&args[at])?;
                    at += 1;
                }
                option => return Err(format!("ERR Unrecognized XCLAIM option '{}'", shown(option)).into()),
            }
        }
        // A time that cannot be is replaced by the present.
        let delivered_ms = delivered_ms.and_then(|time| u64::try_from(time).ok());
        let delivered_ms = delivered_ms.filter(|time| *time <= now_ms).unwrap_or(now_ms);
        Ok(Self { min_idle_ms, delivered_ms, deliveries, forces, just_ids, last })
    }
}

/// What is to be done with the entries that a client named.
#[derive(Default)]
pub(super) struct Claimed {
    /// The claimed entries, in the order of the reply.
    pub reply: Vec<EntryId>,
    /// Each of them with its number of deliveries.
    pub entries: BTreeMap<EntryId, u64>,
    /// Entries that are pending, but were deleted from the stream.
    pub gone: Vec<EntryId>,
}

impl Claimed {
    /// Number of entries that were pending.
    pub fn len(&self) -> u64 {
        (self.entries.len() + self.gone.len()) as u64
    }
}

/// `XCLAIM key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-milliseconds] [RETRYCOUNT count]
/// [FORCE] [JUSTID] [LASTID lastid]`
pub(super) fn xclaim(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (key, name, now_ms) = (&args[1], &args[2], context.now_ms);
    let (options, claimed, last) = with_stream(context, key, |view, stream| {
        let (stream, group) = existing(view, stream, key, name)?;
        let ids: Vec<EntryId> = args.from(5).map_while(|word| ids::strict(word).ok()).collect();
        let options = Options::parse(args, 5 + ids.len(), now_ms)?;
        check_name(&args[3], "consumer name")?;
        let mut claimed = Claimed::default();
        for id in ids {
            options.claim(view, (&stream, &group), (id, now_ms), &mut claimed)?;
        }
        let last = (options.last > group.last).then_some((options.last, group.read));
        Ok((options, claimed, last))
    })?;
    if let Some((last, read)) = last {
        change_group(context, key, StreamChange::SetGroup { group: name, last, read })?;
    }
    store(context, key, (name, &args[3]), (&claimed, options.delivered_ms))?;
    reply_claimed(context, key, &claimed.reply, options.just_ids, reply)
}

impl Options {
    /// Finds out what is to be done with an entry.
    fn claim(
        &self,
        view: &View<'_>,
        (stream, group): (&Stream<'_>, &Group),
        (id, now_ms): (EntryId, u64),
        claimed: &mut Claimed,
    ) -> Result<(), CommandError> {
        if claimed.gone.contains(&id) {
            return Ok(());
        }
        // The client may name an entry twice.
        let (delivered_ms, before) = match claimed.entries.get(&id) {
            Some(deliveries) => (Some(self.delivered_ms), Some(*deliveries)),
            None => {
                let pending: Option<Pending> = stream.pending(view, group, id)?;
                (pending.map(|pending| pending.delivered_ms), pending.map(|pending| pending.deliveries))
            }
        };
        if !stream.contains(view, id)? {
            claimed.gone.extend(before.map(|_| id));
            return Ok(());
        }
        let Some(before) = before.or(self.forces.then_some(1)) else { return Ok(()) };
        let idle_ms = delivered_ms.map(|time| now_ms as i64 - time as i64);
        if self.min_idle_ms > 0 && idle_ms.is_some_and(|idle_ms| idle_ms < self.min_idle_ms) {
            return Ok(());
        }
        let counted = if self.just_ids { before } else { before.saturating_add(1) };
        claimed.entries.insert(id, self.deliveries.unwrap_or(counted));
        claimed.reply.push(id);
        Ok(())
    }
}

/// Stores what was claimed; creates the consumer if it is missing.
pub(super) fn store(
    context: &mut WriteCtx<'_>,
    key: &[u8],
    (group, consumer): (&[u8], &[u8]),
    (claimed, delivered_ms): (&Claimed, u64),
) -> Result<(), CommandError> {
    let seen_ms = context.now_ms;
    let found = with_stream(context, key, |view, stream| {
        let (stream, found) = existing(view, stream, key, group)?;
        Ok(stream.consumer(view, &found, consumer)?)
    })?;
    if !claimed.gone.is_empty() {
        let ids: Vec<_> = claimed.gone.iter().map(|id| id.to_bytes()).collect();
        let ids: ItemsBuffer = ids.iter().map(|id| &id[..]).collect();
        change_group(context, key, StreamChange::Acknowledge { group, ids: ids.items() })?;
    }
    if claimed.entries.is_empty() {
        let active_ms = found.and_then(|consumer| consumer.active_ms);
        change_group(context, key, StreamChange::SetConsumer { group, consumer, seen_ms, active_ms })?;
    } else {
        let mut entries = ItemsBuffer::new();
        for (id, deliveries) in &claimed.entries {
            entries.push(&id.to_bytes());
            entries.push(&count_bytes(*deliveries));
        }
        let (active_ms, entries) = (Some(seen_ms), entries.items());
        let claim = StreamChange::Claim { group, consumer, seen_ms, active_ms, delivered_ms, entries };
        change_group(context, key, claim)?;
    }
    if found.is_none() {
        group_event(context, key, "xgroup-createconsumer");
    }
    Ok(())
}

/// Replies with the claimed entries, or with their IDs.
pub(super) fn reply_claimed(
    context: &WriteCtx<'_>,
    key: &[u8],
    claimed: &[EntryId],
    just_ids: bool,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply.array(claimed.len());
    with_stream(context, key, |view, stream| {
        let Some(stream) = stream else { return Ok(()) };
        for id in claimed {
            if just_ids {
                reply_id(reply, *id);
            } else {
                reply_one(reply, view, &stream, *id)?;
            }
        }
        Ok(())
    })
}
