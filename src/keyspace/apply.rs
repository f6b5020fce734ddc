//! What each effect does to the table: its family knows. Deterministic: the same effects on the same data give the same
//! data.

use super::error::KeyspaceError;
use super::{database_change, hash, key_change, list_change, set, string_change, zset};
use crate::effect::{Change, Effect};
use crate::table::TableWriter;

/// Makes the change.
pub(super) fn apply(table: &mut TableWriter, effect: &Effect<'_>) -> Result<(), KeyspaceError> {
    let (place, change) = match effect {
        Effect::Database(change) => return database_change::apply(table, change),
        Effect::Key { db, key, change } => ((*db, *key), change),
    };
    match change {
        Change::Key(change) => key_change::apply(table, place, change),
        Change::String(change) => string_change::apply(table, place, change),
        Change::List(change) => list_change::apply(table, place, change),
        Change::Hash(change) => hash::apply(table, place, change),
        Change::Set(change) => set::apply(table, place, change),
        Change::SortedSet(change) => zset::apply(table, place, change),
    }
}
