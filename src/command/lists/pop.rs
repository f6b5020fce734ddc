//! Pops, and `LTRIM`.

use std::ops::Range;

use super::read::write_elements;
use super::*;
use crate::command::Call;
use crate::command::long::{LONG_ELEMENTS, REMOVED_AT_ONCE};
use crate::keyspace::{KeyReader, KeyspaceError, list_range};
use crate::number::parse_i64;
use crate::spec;

/// `LPOP key [count]`
pub(super) fn lpop(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    pop(context, args, End::Head, reply)
}

/// `RPOP key [count]`
pub(super) fn rpop(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    pop(context, args, End::Tail, reply)
}

/// Pops elements from an end of a list.
fn pop(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    end: End,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    if args.len() > 3 {
        return Err(format!("ERR wrong number of arguments for '{}' command", pop_event(end)).into());
    }
    let count = match args.get(2).map(|word| parse_i64(word).and_then(|count| u64::try_from(count).ok())) {
        Some(None) => return Err("ERR value is out of range, must be positive".into()),
        Some(count) => count,
        None => None,
    };
    let Some(count) = count else { return take_one(context, &args[1], end, reply) };
    match noted_len_of(context, &args[1])? {
        Some(len) => take(context, &args[1], (end, len), count, reply)?,
        None => reply.null_array(),
    }
    Ok(())
}

/// Pops the element at an end of a list, and replies with it, or with null if there is no list.
pub(super) fn take_one(
    context: &mut WriteCtx<'_>,
    key: &[u8],
    end: End,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let len = with_list(context, key, |view, list| {
        let len = list.as_ref().map(List::len).transpose()?.unwrap_or(0);
        match list.map(|list| list.at_end(view, end)).transpose()?.flatten() {
            Some(text) => text.bulk(view, 0, text.len(), reply)?,
            None => reply.null(),
        }
        Ok(len)
    })?;
    if len == 0 { Ok(()) } else { drop_elements(context, key, (end, len), 1) }
}

/// Pops up to `count` elements from an end of a list of `len` elements, and replies with them.
pub(super) fn take(
    context: &mut WriteCtx<'_>,
    key: &[u8],
    (end, len): (End, u64),
    count: u64,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let count = count.min(len);
    with_list(context, key, |view, list| {
        let index = if end == End::Head { 0 } else { len - 1 };
        match list {
            Some(list) => write_elements(view, &list, end, (index, count), reply),
            None => Ok(()),
        }
    })?;
    drop_elements(context, key, (end, len), count)
}

/// The name of the event of a pop from an end.
pub(super) fn pop_event(end: End) -> &'static str {
    if end == End::Head { "lpop" } else { "rpop" }
}

/// Removes `count` elements from an end of a list of `len` elements, and notifies. If none are left, the list is
/// deleted.
fn drop_elements(
    context: &mut WriteCtx<'_>,
    key: &[u8],
    (end, len): (End, u64),
    count: u64,
) -> Result<(), CommandError> {
    let db = context.db;
    let name = pop_event(end);
    if count >= len {
        context.keys.take_all_noted(db, key, Classes::LIST, name)?;
    } else if count > 0 {
        context.keys.change_noted(
            &Effect::on(db, key, ListChange::Pop { end, count }),
            Classes::LIST,
            name,
        )?;
    }
    Ok(())
}

/// How long `LPOP`, `RPOP` or `LMPOP` takes; 0 if it takes few elements.
pub(super) fn work(call: &Call<'_>, keys: &mut KeyReader<'_>) -> Result<u64, KeyspaceError> {
    let args = &call.args;
    let several = (call.spec.id == spec::LMPOP.id).then(|| Several::parse(args, 1).ok()).flatten();
    let count = match &several {
        Some(pop) => Some(pop.count),
        None => {
            args.get(2).filter(|_| args.len() == 3).and_then(parse_i64).and_then(|n| u64::try_from(n).ok())
        }
    };
    let Some(count) = count.filter(|count| *count >= LONG_ELEMENTS) else { return Ok(0) };
    for index in several.map_or(1..2, |pop| pop.keys) {
        if let Some(value) = keys.peek(call.db, &args[index])? {
            let len = value.list().map_or(Ok(0), |list| list.len())?;
            return Ok(count.min(len) / REMOVED_AT_ONCE);
        }
    }
    Ok(0)
}

/// `LTRIM key start stop`
pub(super) fn ltrim(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (db, key) = (context.db, &args[1]);
    let (start, stop) = (words::integer(&args[2])?, words::integer(&args[3])?);
    if let Some(len) = len_of(context, key)? {
        let (index, count) = list_range(start, stop, len);
        if count == 0 {
            context.keys.take_all(db, key, Classes::LIST, "ltrim")?;
        } else if count < len {
            context.keys.change(
                &Effect::on(db, key, ListChange::Trim { index, count }),
                Classes::LIST,
                "ltrim",
            )?;
        } else {
            context.keys.event(Classes::LIST, "ltrim", db, key);
        }
    }
    reply.ok();
    Ok(())
}

/// The arguments of `LMPOP` and `BLMPOP`.
pub(super) struct Several {
    /// The words that name the keys.
    pub keys: Range<usize>,
    /// The end to pop from.
    pub end: End,
    /// The most elements to pop.
    pub count: u64,
}

impl Several {
    /// Parses `numkeys key [key ...] LEFT|RIGHT [COUNT count]`; word `at` is the number of keys.
    pub fn parse(args: &Args<'_>, at: usize) -> Result<Self, CommandError> {
        let keys = parse_i64(&args[at]).and_then(|keys| usize::try_from(keys).ok()).filter(|keys| *keys > 0);
        let keys = keys.ok_or(CommandError::from("ERR numkeys should be greater than 0"))?;
        let after = (at + 1).checked_add(keys).ok_or(CommandError::SYNTAX)?;
        let end = transfer::end(args.get(after).ok_or(CommandError::SYNTAX)?)?;
        let mut count = None;
        let mut rest = args.from(after + 1);
        while let Some(option) = rest.next() {
            let value = rest.next().filter(|_| count.is_none() && words::is(option, "count"));
            let number = parse_i64(value.ok_or(CommandError::SYNTAX)?);
            let number = number.and_then(|number| u64::try_from(number).ok()).filter(|number| *number > 0);
            count = Some(number.ok_or(CommandError::from("ERR count should be greater than 0"))?);
        }
        Ok(Self { keys: at + 1..after, end, count: count.unwrap_or(1) })
    }

    /// Pops elements from the first of the lists that exists, and replies with them. Returns whether one exists.
    pub fn take(
        &self,
        context: &mut WriteCtx<'_>,
        args: &Args<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<bool, CommandError> {
        for key in args.from(self.keys.start).take(self.keys.len()) {
            if let Some(len) = noted_len_of(context, key)? {
                reply.array(2);
                reply.bulk(key);
                take(context, key, (self.end, len), self.count, reply)?;
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// `LMPOP numkeys key [key ...] LEFT|RIGHT [COUNT count]`
pub(super) fn lmpop(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    if !Several::parse(args, 1)?.take(context, args, reply)? {
        reply.null_array();
    }
    Ok(())
}
