//! Which of the commands that may be worked out on a snapshot are long. That is judged by the lengths of their sources,
//! before they run.

use super::Call;
use super::geo;
use super::lists;
use super::removed::Way;
use super::sets;
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
/// The writer removes this many elements that are next to each other in the time of one element.
const REMOVED_AT_ONCE: u64 = 10;
/// The writer picks and removes this many elements that are anywhere in a set in the time of one element.
const PICKED: u64 = 4;
/// A list is searched for an element among so many in the time of one element.
const SEARCHED_ELEMENTS: u64 = 20;
/// Merging a sketch takes as long as this many elements.
const SKETCH_ELEMENTS: u64 = 40;

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
    if id == spec::COPY.id {
        return keys.peek(call.db, &call.args[1])?.map_or(Ok(0), |value| copied(view, &value));
    }
    if let Some((_, order)) = removals().into_iter().find(|(spec, _)| spec.id == id) {
        let removed = sorted_sets::removed(&mut keys, call.db, order, &call.args);
        // Deleting all takes no time, if nobody wants to know what was there.
        let beside = matches!(removed.way(true), Way::FromCopy | Way::Rest);
        return Ok(if beside { removed.removed / REMOVED_AT_ONCE } else { 0 });
    }
    if id == spec::SPOP.id {
        let popped = sets::popped(&mut keys, call.db, &call.args, LONG_ELEMENTS - 1);
        return Ok(popped.removed / if popped.way(true) == Way::All { REMOVED_AT_ONCE } else { PICKED });
    }
    if [spec::ZPOPMIN.id, spec::ZPOPMAX.id, spec::ZMPOP.id].contains(&id) {
        let popped = sorted_sets::popped(&mut keys, call.db, (call.spec, &call.args), LONG_ELEMENTS - 1);
        let beside = popped.way(true) != Way::AtOnce;
        return Ok(if beside { popped.removed / REMOVED_AT_ONCE } else { 0 });
    }
    if [spec::LPOP.id, spec::RPOP.id, spec::LMPOP.id].contains(&id) {
        let popped = lists::popped(&mut keys, call.db, (call.spec, &call.args), LONG_ELEMENTS - 1);
        return Ok(popped.removed / REMOVED_AT_ONCE);
    }
    if [spec::LREM.id, spec::LINSERT.id].contains(&id) {
        let few = LONG_ELEMENTS * SEARCHED_ELEMENTS - 1;
        return Ok(lists::searched_len(&mut keys, call.db, (call.spec, &call.args), few) / SEARCHED_ELEMENTS);
    }
    if [spec::GEOSEARCHSTORE.id, spec::GEORADIUS.id, spec::GEORADIUSBYMEMBER.id].contains(&id) {
        return Ok(geo::visited_len(&mut keys, call.db, (call.spec, &call.args), LONG_ELEMENTS - 1));
    }
    if id == spec::GETDEL.id {
        // Its reply is a copy.
        let text = keys.peek(call.db, &call.args[1])?.filter(|value| value.kind == Kind::String);
        return text.map_or(Ok(0), |text| copied(view, &text));
    }
    if id == spec::PFMERGE.id {
        // Looking up many keys takes long, too.
        return Ok(call.keys().count() as u64 * SKETCH_ELEMENTS);
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
