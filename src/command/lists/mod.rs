//! Lists: `LPUSH`, `LPOP`, `BLPOP` and their kin.

mod blocking;
mod pop;
mod push;
mod read;
mod runs;
#[cfg(test)]
mod tests;
mod transfer;

pub(super) use runs::RUNS;

use super::blocking::timeout_ms;
use super::{CommandError, ReadCtx, WriteCtx, words};
use crate::effect::{Effect, End, ItemsBuffer, KeyChange, ListChange};
use crate::keyspace::{Classes, Kind, List};
use crate::resp::{Args, Reply};
use crate::table::View;

// The numbers of commands whose need of space the data decides.
/// The list that a key holds.
fn list_of<'a>(context: &mut ReadCtx<'a>, key: &[u8]) -> Result<Option<List<'a>>, CommandError> {
    match context.keys.get(context.db, key)? {
        Some(value) => value.list().map(Some).ok_or(CommandError::WRONG_TYPE),
        None => Ok(None),
    }
}

/// Hands the list that a key holds to `look`.
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

/// What the event of adding to an end is called.
fn push_event(end: End) -> &'static str {
    if end == End::Head { "lpush" } else { "rpush" }
}

/// The index that a number means in a list of `len` elements, if it is one; negative numbers count from the tail.
fn index_in(number: i64, len: u64) -> Option<u64> {
    let index = if number < 0 { len.checked_sub(number.unsigned_abs())? } else { number as u64 };
    (index < len).then_some(index)
}
