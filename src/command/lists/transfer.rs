//! Moves an element from list to list, blocking or not.

use super::*;

/// Parses an end.
pub(super) fn end(word: &[u8]) -> Result<End, CommandError> {
    match word {
        word if words::is(word, "left") => Ok(End::Head),
        word if words::is(word, "right") => Ok(End::Tail),
        _ => Err(CommandError::SYNTAX),
    }
}

/// `LMOVE source destination LEFT|RIGHT LEFT|RIGHT`
pub(super) fn lmove(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let ends = (end(&args[3])?, end(&args[4])?);
    if !transfer(context, args, ends, reply)? {
        reply.null();
    }
    Ok(())
}

/// `RPOPLPUSH source destination`
pub(super) fn rpoplpush(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    if !transfer(context, args, (End::Tail, End::Head), reply)? {
        reply.null();
    }
    Ok(())
}

/// `BLMOVE source destination LEFT|RIGHT LEFT|RIGHT timeout`
pub(super) fn blmove(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let ends = (end(&args[3])?, end(&args[4])?);
    transfer_or_wait(context, args, ends, timeout_ms(&args[5])?, reply)
}

/// `BRPOPLPUSH source destination timeout`
pub(super) fn brpoplpush(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let timeout_ms = timeout_ms(&args[3])?;
    transfer_or_wait(context, args, (End::Tail, End::Head), timeout_ms, reply)
}

/// Moves an element, or blocks.
fn transfer_or_wait(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    ends: (End, End),
    timeout_ms: Option<u64>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let moved = transfer(context, args, ends, reply)?;
    if !moved && !context.wait_for(Kind::List, args.from(1).take(1), timeout_ms, 1) {
        reply.null();
    }
    Ok(())
}

/// Moves an element from an end of the list that word 1 names to an end of the one that word 2 names, and replies with
/// it. Returns whether there was one.
fn transfer(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    (from, to): (End, End),
    reply: &mut Reply<'_>,
) -> Result<bool, CommandError> {
    let (db, source, destination) = (context.db, &args[1], &args[2]);
    let Some(len) = len_of(context, source)? else { return Ok(false) };
    len_of(context, destination)?;
    let mut moved = ItemsBuffer::new();
    with_list(context, source, |view, list| {
        let index = if from == End::Head { 0 } else { len - 1 };
        if let Some(text) = list.map(|list| list.get(view, index)).transpose()?.flatten() {
            moved.push(&text.to_contiguous(view)?);
        }
        Ok(())
    })?;
    moved.items().iter().for_each(|element| reply.bulk(element));
    // An element that moves back to its own position changes nothing.
    if source == destination && (from == to || len == 1) {
        context.keys.event(Classes::LIST, push_event(to), db, source);
        context.keys.event(Classes::LIST, pop::pop_event(from), db, source);
        return Ok(true);
    }
    if len == 1 {
        context.keys.apply(&Effect::on(db, source, KeyChange::Delete { expired: false }))?;
    } else {
        context.keys.apply(&Effect::on(db, source, ListChange::Pop { end: from, count: 1 }))?;
    }
    let push = Effect::on(db, destination, ListChange::Push { end: to, elements: moved.items() });
    // The notification of the push comes first, as in Redis.
    context.keys.change(&push, Classes::LIST, push_event(to))?;
    context.keys.event(Classes::LIST, pop::pop_event(from), db, source);
    if len == 1 {
        context.keys.event(Classes::GENERIC, "del", db, source);
    }
    Ok(true)
}
