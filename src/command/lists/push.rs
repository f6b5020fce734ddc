//! Pushes, inserts and replacements.

use super::*;

/// `LPUSH key element [element ...]`
pub(super) fn lpush(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    push(context, args, (End::Head, true), reply)
}

/// `RPUSH key element [element ...]`
pub(super) fn rpush(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    push(context, args, (End::Tail, true), reply)
}

/// `LPUSHX key element [element ...]`
pub(super) fn lpushx(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    push(context, args, (End::Head, false), reply)
}

/// `RPUSHX key element [element ...]`
pub(super) fn rpushx(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    push(context, args, (End::Tail, false), reply)
}

/// Pushes elements to an end of a list. If there is no list, creates one if `creates`.
fn push(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    (end, creates): (End, bool),
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (db, key) = (context.db, &args[1]);
    let len = len_of(context, key)?;
    if len.is_none() && !creates {
        reply.integer(0);
        return Ok(());
    }
    let elements: ItemsBuffer = args.from(2).collect();
    let effect = Effect::on(db, key, ListChange::Push { end, elements: elements.items() });
    context.keys.change(&effect, Classes::LIST, push_event(end))?;
    reply.integer((len.unwrap_or(0) + elements.len()) as i64);
    Ok(())
}

/// `LSET key index element`
pub(super) fn lset(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (db, key, value) = (context.db, &args[1], &args[3]);
    let len = len_of(context, key)?.ok_or(CommandError::NO_SUCH_KEY)?;
    let index = index_in(words::integer(&args[2])?, len);
    let index = index.ok_or(CommandError::from("ERR index out of range"))?;
    context.keys.change(&Effect::on(db, key, ListChange::Set { index, value }), Classes::LIST, "lset")?;
    reply.ok();
    Ok(())
}

/// `LINSERT key BEFORE|AFTER pivot element`
pub(super) fn linsert(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (db, key, pivot, element) = (context.db, &args[1], &args[3], &args[4]);
    let before = match &args[2] {
        word if words::is(word, "before") => true,
        word if words::is(word, "after") => false,
        _ => return Err(CommandError::SYNTAX),
    };
    noted_len_of(context, key)?;
    let found = with_list(context, key, |view, list| {
        let Some(list) = list else { return Ok(None) };
        Ok(Some((list.find(view, pivot)?, list.len()?)))
    })?;
    match found {
        None => reply.integer(0),
        Some((None, _)) => reply.integer(-1),
        Some((Some(index), len)) => {
            let index = if before { index } else { index + 1 };
            let words: ItemsBuffer = [pivot, element].into_iter().collect();
            let pivot_and_element = words.items();
            let effect = Effect::on(db, key, ListChange::Insert { index, before, pivot_and_element });
            context.keys.change_noted(&effect, Classes::LIST, "linsert")?;
            reply.integer(len as i64 + 1);
        }
    }
    Ok(())
}
