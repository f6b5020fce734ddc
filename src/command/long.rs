//! How long the commands take that may be worked out on a snapshot. That is judged by the lengths of their sources, before
//! they run.

use super::Call;
use crate::keyspace::{KeyReader, KeyspaceError, Kind, Value};
use crate::table::View;

/// About how long a command takes: the number of elements in whose time it is done. Costs some lookups of keys. 0 if the
/// command is wrong.
pub type WorkFn = fn(&Call<'_>, &mut KeyReader<'_>) -> Result<u64, KeyspaceError>;

/// A command that takes as long as going through this many elements is long: it takes some milliseconds.
pub(super) const LONG_ELEMENTS: u64 = 2000;
/// Combining this many bytes of strings takes as long as one element.
const ELEMENT_BYTES: u64 = 512;
/// The writer copies this many elements of a list or a set in the time of one element.
const COPIED_ELEMENTS: u64 = 800;
/// The same for a sorted set, which has two trees.
const COPIED_SCORED: u64 = 55;
/// The same for the bytes of a string.
const COPIED_BYTES: u64 = 5000;
/// The writer reads and stores this many bytes of a payload of `RESTORE` in the time of one element.
const RESTORED_BYTES: u64 = 16;
/// The writer removes this many elements that are next to each other in the time of one element.
pub(super) const REMOVED_AT_ONCE: u64 = 10;

/// Going through what the first word names.
pub(super) fn through_first(call: &Call<'_>, keys: &mut KeyReader<'_>) -> Result<u64, KeyspaceError> {
    elements(keys, call.db, &call.args[1])
}

/// Going through all keys but the first, which is the destination.
pub(super) fn through_sources(call: &Call<'_>, keys: &mut KeyReader<'_>) -> Result<u64, KeyspaceError> {
    call.keys().skip(1).map(|key| elements(keys, call.db, key)).sum()
}

/// Going through the shortest of all keys but the first.
pub(super) fn through_shortest_source(
    call: &Call<'_>,
    keys: &mut KeyReader<'_>,
) -> Result<u64, KeyspaceError> {
    let lens = call.keys().skip(1).map(|key| elements(keys, call.db, key));
    lens.reduce(|one, other| Ok(one?.min(other?))).unwrap_or(Ok(0))
}

/// Going through the second key.
pub(super) fn through_first_source(call: &Call<'_>, keys: &mut KeyReader<'_>) -> Result<u64, KeyspaceError> {
    call.keys().nth(1).map_or(Ok(0), |key| elements(keys, call.db, key))
}

/// Copying what the first word names.
pub(super) fn copying_first(call: &Call<'_>, keys: &mut KeyReader<'_>) -> Result<u64, KeyspaceError> {
    let value = keys.peek(call.db, &call.args[1])?;
    value.map_or(Ok(0), |value| copied(keys.view(), &value))
}

/// Reading and storing the payload that the fourth word has.
pub(super) fn restoring(call: &Call<'_>, _: &mut KeyReader<'_>) -> Result<u64, KeyspaceError> {
    Ok(call.args[3].len() as u64 / RESTORED_BYTES)
}

/// Copying a value takes the writer as long as going through so many elements: it copies pages.
fn copied(view: &View<'_>, value: &Value<'_>) -> Result<u64, KeyspaceError> {
    let len = value.length(view)?;
    Ok(match value.kind {
        Kind::String => len / COPIED_BYTES,
        Kind::SortedSet => len / COPIED_SCORED,
        Kind::Hash | Kind::Stream => 0,
        Kind::List | Kind::Set => len / COPIED_ELEMENTS,
    })
}

/// Number of elements of a value; for strings, what takes as long.
fn elements(keys: &mut KeyReader<'_>, db: usize, key: &[u8]) -> Result<u64, KeyspaceError> {
    let Some(value) = keys.peek(db, key)? else { return Ok(0) };
    let len = value.length(keys.view())?;
    Ok(if value.kind == Kind::String { len / ELEMENT_BYTES } else { len })
}
