//! Blocking pops.

use super::pop::{Several, take_one};
use super::*;

/// `BLPOP key [key ...] timeout`
pub(super) fn blpop(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    pop_or_wait(context, args, End::Head, reply)
}

/// `BRPOP key [key ...] timeout`
pub(super) fn brpop(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    pop_or_wait(context, args, End::Tail, reply)
}

/// Pops an element from the first of the lists that exists, or blocks.
fn pop_or_wait(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    end: End,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let keys = 1..args.len() - 1;
    let timeout_ms = timeout_ms(&args[keys.end])?;
    for key in args.from(1).take(keys.len()) {
        if len_of(context, key)?.is_some() {
            reply.array(2);
            reply.bulk(key);
            return take_one(context, key, end, reply);
        }
    }
    if !context.wait_for(Kind::List, args.from(1).take(keys.len()), timeout_ms, 1) {
        reply.null_array();
    }
    Ok(())
}

/// `BLMPOP timeout numkeys key [key ...] LEFT|RIGHT [COUNT count]`
pub(super) fn blmpop(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let several = Several::parse(args, 2)?;
    let timeout_ms = timeout_ms(&args[1])?;
    if !several.take(context, args, reply)?
        && !context.wait_for(Kind::List, args.from(several.keys.start).take(several.keys.len()), timeout_ms, several.count)
    {
        reply.null_array();
    }
    Ok(())
}
