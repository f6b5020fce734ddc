//! `XREADGROUP` with `CLAIM`: pending entries that nobody has acknowledged for some time come before new ones.

use super::claim::{Claimed, store};
use super::*;
use crate::command::Claims;
use crate::keyspace::Pending;

/// A claimed entry, with what was known of it before.
pub(super) struct Idle {
    /// The entry.
    pub id: EntryId,
    /// How long ago it was delivered, in milliseconds.
    pub ms: u64,
    /// How often.
    pub deliveries: u64,
}

/// Claims the entries of a group that were delivered at least `min_idle_ms` ago, the oldest deliveries first, `count` at
/// most if that is not 0. Those that were deleted from the stream are pending no more, and count, too.
pub(super) fn claim(
    context: &mut WriteCtx<'_>,
    key: &[u8],
    (group, consumer): (&[u8], &[u8]),
    (min_idle_ms, count): (u64, u64),
) -> Result<Vec<Idle>, CommandError> {
    let now_ms = context.now_ms;
    let Some(until_ms) = now_ms.checked_sub(min_idle_ms) else { return Ok(Vec::new()) };
    let (mut idle, mut claimed) = (Vec::new(), Claimed::default());
    with_stream(context, key, |view, stream| {
        let (stream, group) = existing(view, stream, key, group)?;
        stream.each_pending_by_time(view, &group, |id, delivered_ms| {
            if delivered_ms > until_ms {
                return Ok(false);
            }
            if !stream.contains(view, id)? {
                claimed.gone.push(id);
                return Ok(count == 0 || claimed.len() < count);
            }
            const MISSING: KeyspaceError = KeyspaceError::BadCell("a time of an entry that is not pending");
            let Pending { deliveries, .. } = stream.pending(view, &group, id)?.ok_or(MISSING)?;
            claimed.entries.insert(id, deliveries.saturating_add(1));
            idle.push(Idle { id, ms: now_ms - delivered_ms, deliveries });
            Ok::<_, CommandError>(count == 0 || claimed.len() < count)
        })
    })?;
    if !claimed.entries.is_empty() || !claimed.gone.is_empty() {
        claimed.gone.sort_unstable();
        store(context, key, (group, consumer), (&claimed, now_ms))?;
    }
    Ok(idle)
}

/// What a command waits for that found nothing to claim in these streams.
pub(super) fn awaited<'k>(
    context: &WriteCtx<'_>,
    keys: impl Iterator<Item = &'k [u8]>,
    group: &[u8],
    min_idle_ms: u64,
) -> Result<Claims, CommandError> {
    // What is delivered from now on.
    let mut first_ms = context.now_ms;
    for key in keys {
        with_stream(context, key, |view, stream| {
            let (stream, group) = existing(view, stream, key, group)?;
            stream.each_pending_by_time(view, &group, |_, delivered_ms| {
                first_ms = first_ms.min(delivered_ms);
                Ok::<_, CommandError>(false)
            })
        })?;
    }
    Ok(Claims { min_idle_ms, from_ms: first_ms.saturating_add(min_idle_ms) })
}

/// Writes the claimed entries and the new ones, each with how long ago and how often it was delivered before.
pub(super) fn reply_with_new(
    context: &WriteCtx<'_>,
    key: &[u8],
    (idle, new): (&[Idle], Option<IdRange>),
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    with_stream(context, key, |view, stream| {
        let Some(stream) = stream else { return Ok(()) };
        let new_len = new.map_or(Ok(0), |range| len_of(view, &stream, range))?;
        reply.array(idle.len() + new_len as usize);
        for Idle { id, ms, deliveries } in idle {
            stream.each(view, IdRange::one(*id), false, |id, entry| {
                reply_counted(reply, (id, entry), (*ms, *deliveries))?;
                Ok::<_, CommandError>(false)
            })?;
        }
        let Some(range) = new else { return Ok(()) };
        stream.each(view, range, false, |id, entry| {
            reply_counted(reply, (id, entry), (0, 0))?;
            Ok(!reply.is_cut())
        })
    })
}

/// Writes an entry with how long ago and how often it was delivered.
fn reply_counted(
    reply: &mut Reply<'_>,
    (id, entry): (EntryId, &StreamEntry<'_>),
    (idle_ms, deliveries): (u64, u64),
) -> Result<(), KeyspaceError> {
    reply.array(4);
    reply_id(reply, id);
    reply_fields(reply, entry)?;
    reply.integer(idle_ms as i64);
    reply.integer(deliveries as i64);
    Ok(())
}
