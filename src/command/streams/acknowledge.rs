//! Acknowledging entries.

use super::*;
use crate::effect::ItemsBuffer;
use crate::resp::Args;

/// `XACK key group id [id ...]`
pub(super) fn xack(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (key, group) = (&args[1], &args[2]);
    let found = with_stream(context, key, |view, stream| {
        let mut found = ItemsBuffer::new();
        let Some(stream) = stream else { return Ok(found) };
        let Some(group) = stream.group(view, group)? else { return Ok(found) };
        let mut ids = ids::all(args.from(3))?;
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            if stream.pending(view, &group, id)?.is_some() {
                found.push(&id.to_bytes());
            }
        }
        Ok(found)
    })?;
    if !found.is_empty() {
        change_group(context, key, StreamChange::Acknowledge { group, ids: found.items() })?;
    }
    reply.integer(found.len() as i64);
    Ok(())
}
