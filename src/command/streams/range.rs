//! Reading entries by their IDs.

use super::*;
use crate::resp::Args;

/// `XLEN key`
pub(super) fn xlen(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let len = stream_of(context, &args[1])?.map_or(Ok(0), |stream| stream.len())?;
    reply.integer(len as i64);
    Ok(())
}

/// `XRANGE key start end [COUNT count]`
pub(super) fn xrange(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_between(context, args, (&args[2], &args[3]), false, reply)
}

/// `XREVRANGE key end start [COUNT count]`
pub(super) fn xrevrange(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_between(context, args, (&args[3], &args[2]), true, reply)
}

/// Replies with the entries between two IDs.
fn reply_between(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    (first, last): (&[u8], &[u8]),
    reverse: bool,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let range = ids::range(first, last)?;
    let mut count = None;
    let mut rest = args.from(4);
    while let Some(option) = rest.next() {
        let number = rest.next().filter(|_| words::is(option, "count")).ok_or(CommandError::SYNTAX)?;
        count = Some(words::integer(number)?.max(0) as u64);
    }
    let view = context.keys.view();
    let Some(stream) = stream_of(context, &args[1])? else {
        reply.array(0);
        return Ok(());
    };
    if count == Some(0) {
        reply.null_array();
        return Ok(());
    }
    reply_range(reply, view, &stream, (range, reverse, count.unwrap_or(0)))
}
