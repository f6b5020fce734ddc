//! Blocking pops.

use super::pop::{MultiPop, pop};
use super::with_set;
use crate::command::blocking::timeout_ms;
use crate::command::{CommandError, WriteCtx};
use crate::keyspace::Kind;
use crate::resp::{Args, Reply};

/// `BZPOPMIN key [key ...] timeout`
pub(super) fn bzpopmin(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    pop_or_wait(context, args, false, reply)
}

/// `BZPOPMAX key [key ...] timeout`
pub(super) fn bzpopmax(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    pop_or_wait(context, args, true, reply)
}

/// Pops an element from the first of the sorted sets that exists, or blocks.
fn pop_or_wait(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    highest: bool,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let keys = 1..args.len() - 1;
    let timeout_ms = timeout_ms(&args[keys.end])?;
    for key in args.from(1).take(keys.len()) {
        if !with_set(context, key, |_, set| Ok(set.is_some()))? {
            continue;
        }
        for (score, member) in pop(context, key, highest, 1)? {
            reply.array(3);
            reply.bulk(key);
            reply.bulk(&member);
            reply.double(score.get());
        }
        return Ok(());
    }
    if !context.wait_for(Kind::SortedSet, args.from(1).take(keys.len()), timeout_ms, 1) {
        reply.null_array();
    }
    Ok(())
}

/// `BZMPOP timeout numkeys key [key ...] <MIN|MAX> [COUNT count]`
pub(super) fn bzmpop(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let wanted = MultiPop::parse(args, 2)?;
    let timeout_ms = timeout_ms(&args[1])?;
    if !wanted.take(context, reply)?
        && !context.wait_for(Kind::SortedSet, wanted.keys.iter().copied(), timeout_ms, wanted.count)
    {
        reply.null_array();
    }
    Ok(())
}
