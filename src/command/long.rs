//! Which of the commands that may be worked out on a snapshot are long. That is judged by the lengths of their sources,
//! before they run.

use super::Call;
use super::sorted_sets::{self, Order};
use crate::keyspace::{KeyReader, KeyspaceError, Kind, Lookups, Value};
use crate::spec::{self, Spec};
use crate::table::View;

/// A command with sources of this many elements is long: it takes some milliseconds.
const LONG_ELEMENTS: u64 = 2000;
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
/// The writer removes this many elements in the time of one element.
const REMOVED_AT_ONCE: u64 = 10;
/// A removal is not worked out if it leaves more than this many times as many elements as it removes: storing what is
/// left would take longer.
const LEFT_MAX: u64 = 16;

/// Whether a command with [`Flags::BESIDE`](crate::spec::Flags::BESIDE) is long. Costs some lookups of keys.
pub fn is_long(call: &Call<'_>, view: &View<'_>) -> bool {
    // A key that cannot be read is reported when the command runs.
    work(call, view).is_ok_and(|elements| elements >= LONG_ELEMENTS)
}

/// About how many elements the command goes through.
fn work(call: &Call<'_>, view: &View<'_>) -> Result<u64, KeyspaceError> {
    let mut lookups = Lookups::default();
    let mut keys = KeyReader::new(view, call.now_ms, &mut lookups);
    let id = call.spec.id;
    if id == spec::SORT.id {
        return elements(view, keys.peek(call.db, &call.args[1])?);
    }
    if id == spec::ZRANGESTORE.id {
        return Ok(sorted_sets::stored_len(&mut keys, call.db, &call.args));
    }
    if id == spec::RESTORE.id {
        return Ok(call.args[3].len() as u64 / RESTORED_BYTES);
    }
    if id == spec::COPY.id {
        return keys.peek(call.db, &call.args[1])?.map_or(Ok(0), |value| copied(view, &value));
    }
    if let Some((_, order)) = removals().into_iter().find(|(spec, _)| spec.id == id) {
        let (removed, left) = sorted_sets::removed_len(&mut keys, call.db, order, &call.args);
        return Ok(if left <= LEFT_MAX * removed { removed / REMOVED_AT_ONCE } else { 0 });
    }
    // The first key is the destination.
    let sources = call.keys().skip(1);
    let mut lens = sources.map(|key| keys.peek(call.db, key).and_then(|value| elements(view, value)));
    if [spec::SINTERSTORE.id, spec::ZINTERSTORE.id].contains(&id) {
        lens.reduce(|one, other| Ok(one?.min(other?))).unwrap_or(Ok(0))
    } else if [spec::SDIFFSTORE.id, spec::ZDIFFSTORE.id].contains(&id) {
        lens.next().unwrap_or(Ok(0))
    } else {
        lens.sum()
    }
}

/// The commands that remove a range of a sorted set.
fn removals() -> [(&'static Spec, Order); 3] {
    [
        (&spec::ZREMRANGEBYRANK, Order::Positions),
        (&spec::ZREMRANGEBYSCORE, Order::Scores),
        (&spec::ZREMRANGEBYLEX, Order::Members),
    ]
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
fn elements(view: &View<'_>, value: Option<Value<'_>>) -> Result<u64, KeyspaceError> {
    let Some(value) = value else { return Ok(0) };
    let len = value.length(view)?;
    Ok(if value.kind == Kind::String { len / ELEMENT_BYTES } else { len })
}
