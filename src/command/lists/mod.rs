//! Lists: `LPUSH`, `LPOP`, `BLPOP` and related commands.

mod blocking;
mod pop;
mod push;
mod read;
mod remove;
mod runs;
#[cfg(test)]
mod tests;
mod transfer;
mod transfer_several;

pub(super) use runs::{RUNS, WORK};

use super::blocking::timeout_ms;
use super::{CommandError, ReadCtx, WriteCtx, sources, words};
use crate::effect::{Effect, End, ItemsBuffer, KeyChange, ListChange};
use crate::keyspace::{Classes, Kind, List};
use crate::resp::{Args, Reply};
use crate::table::View;

/// The list that a key holds.
fn list_of<'a>(context: &mut ReadCtx<'a>, key: &[u8]) -> Result<Option<List<'a>>, CommandError> {
    match context.keys.get(context.db, key)? {
        Some(value) => value.list().map(Some).ok_or(CommandError::WRONG_TYPE),
        None => Ok(None),
    }
}

/// Calls `look` with the list that a key holds.
fn with_list<R>(
    context: &WriteCtx<'_>,
    key: &[u8],
    look: impl FnOnce(&View<'_>, Option<List<'_>>) -> Result<R, CommandError>,
) -> Result<R, CommandError> {
    context.keys.with_value(context.db, key, |view, value| {
        let list = value.map(|value| value.list().ok_or(CommandError::WRONG_TYPE)).transpose()?;
        look(view, list)
    })
}

/// The length of the list that a key holds, or `None` if there is no such key.
fn len_of(context: &WriteCtx<'_>, key: &[u8]) -> Result<Option<u64>, CommandError> {
    with_list(context, key, |_, list| Ok(list.map(|list| list.len()).transpose()?))
}

/// Like [`len_of`]. If the command is worked out, what the key holds counts as one of its sources.
fn noted_len_of(context: &mut WriteCtx<'_>, key: &[u8]) -> Result<Option<u64>, CommandError> {
    if context.keys.prepares() {
        let db = context.db;
        sources::read(context, |keys| Ok(keys.peek(db, key).map(drop)?))?;
    }
    len_of(context, key)
}

/// The name of the event of a push to an end.
fn push_event(end: End) -> &'static str {
    if end == End::Head { "lpush" } else { "rpush" }
}

/// Converts a client's index into a list of `len` elements; negative ones count from the tail. `None` if out of range.
fn index_in(number: i64, len: u64) -> Option<u64> {
    let index = if number < 0 { len.checked_sub(number.unsigned_abs())? } else { number as u64 };
    (index < len).then_some(index)
}
