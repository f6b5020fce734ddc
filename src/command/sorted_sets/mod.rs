//! Sorted sets: `ZADD`, `ZRANGE` and related commands.

mod add;
mod algebra;
mod blocking;
mod pop;
mod query;
mod random;
mod range;
mod read;
mod runs;
mod store;
mod taken;
#[cfg(test)]
mod tests;

pub(super) use add::{Options, put};
pub(super) use runs::{RUNS, WORK};
pub(super) use store::replace;

use super::{CommandError, WriteCtx};
use crate::effect::Score;
use crate::keyspace::{KeyReader, SortedSet, Value};
use crate::resp::Reply;
use crate::table::View;

/// A member and its score, owned.
pub(super) type Element = (Score, Vec<u8>);

/// The sorted set in a value.
fn sorted_set<'a>(value: Option<Value<'a>>) -> Result<Option<SortedSet<'a>>, CommandError> {
    value.map(|value| value.sorted_set().ok_or(CommandError::WRONG_TYPE)).transpose()
}

/// The sorted set that a key holds.
pub(super) fn set_of<'a>(
    keys: &mut KeyReader<'a>,
    db: usize,
    key: &[u8],
) -> Result<Option<SortedSet<'a>>, CommandError> {
    sorted_set(keys.get(db, key)?)
}

/// Calls `look` with the sorted set that a key holds.
fn with_set<R>(
    context: &WriteCtx<'_>,
    key: &[u8],
    look: impl FnOnce(&View<'_>, Option<SortedSet<'_>>) -> Result<R, CommandError>,
) -> Result<R, CommandError> {
    context.keys.with_value(context.db, key, |view, value| look(view, sorted_set(value)?))
}

/// Writes one element of an array. With scores, RESP2 has member and score as two elements, and RESP3 as a pair.
fn reply_element(reply: &mut Reply<'_>, member: &[u8], score: Score, with_scores: bool) {
    if with_scores && reply.is_resp3() {
        reply.array(2);
    }
    reply.bulk(member);
    if with_scores {
        reply.double(score.get());
    }
}

/// Writes the start of an array of `len` elements, which [`reply_element`] then writes.
fn reply_elements(reply: &mut Reply<'_>, len: u64, with_scores: bool) {
    let words = if with_scores && !reply.is_resp3() { 2 } else { 1 };
    reply.array(len as usize * words);
}
