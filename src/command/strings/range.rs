//! Commands on parts of strings. They read and write only the affected pieces of a long string.

use super::{string_info, text};
use crate::command::{CommandError, ReadCtx, WriteCtx, words};
use crate::effect::{Effect, StringChange};
use crate::keyspace::Classes;
use crate::resp::{Args, Reply};

/// `APPEND key value`
pub(super) fn append(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (db, key, value) = (context.db, &args[1], &args[2]);
    let before = string_info(context, key)?;
    let len = before.map_or(0, |info| info.len) + value.len() as u64;
    if before.is_some() && len > context.limits.value_bytes_max {
        return Err(CommandError::VALUE_TOO_LONG);
    }
    context.keys.apply(&Effect::on(db, key, StringChange::Append { value }))?;
    context.keys.event(Classes::STRING, "append", db, key);
    reply.integer(len as i64);
    Ok(())
}

/// `SETRANGE key offset value`
pub(super) fn setrange(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (db, key, value) = (context.db, &args[1], &args[3]);
    let offset = words::integer(&args[2])?;
    let offset = u64::try_from(offset).map_err(|_| CommandError::from("ERR offset is out of range"))?;
    let len = string_info(context, key)?.map_or(0, |info| info.len);
    if value.is_empty() {
        reply.integer(len as i64);
        return Ok(());
    }
    let end = offset.saturating_add(value.len() as u64);
    if end > context.limits.value_bytes_max {
        return Err(CommandError::VALUE_TOO_LONG);
    }
    context.keys.apply(&Effect::on(db, key, StringChange::SetRange { offset, value }))?;
    context.keys.event(Classes::STRING, "setrange", db, key);
    reply.integer(len.max(end) as i64);
    Ok(())
}

/// `GETRANGE key start end`, formerly `SUBSTR`: both ends included, negative ones count from the string's end.
pub(super) fn getrange(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (start, end) = (words::integer(&args[2])?, words::integer(&args[3])?);
    let Some(text) = text(context, &args[1])? else {
        reply.bulk(b"");
        return Ok(());
    };
    let (start, end) = resolve(start, end, text.len());
    text.bulk(context.keys.view(), start, end, reply)?;
    Ok(())
}

/// Converts the range to offsets into `len` bytes, the end not included.
fn resolve(start: i64, end: i64, len: u64) -> (u64, u64) {
    if start < 0 && end < 0 && start > end {
        return (0, 0);
    }
    let from_end =
        |index: i64| if index < 0 { len.saturating_sub(index.unsigned_abs()) } else { index as u64 };
    let (start, end) = (from_end(start), from_end(end).saturating_add(1).min(len));
    if start >= end { (0, 0) } else { (start, end) }
}
