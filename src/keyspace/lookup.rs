//! Finds the cell of a key.

use super::cell::Value;
use super::error::KeyspaceError;
use super::layout::{KEY_BYTES_MAX, keys_slot};
use crate::table::{Hint, Snapshot, View};

/// A key of a database, for keys that a lookup found expired or missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DbKey {
    /// The key's database.
    pub db: usize,
    /// The key.
    pub key: Box<[u8]>,
}

/// The key's value, expired or not.
#[inline]
pub(super) fn lookup<'v>(
    view: &'v View<'_>,
    db: usize,
    key: &[u8],
) -> Result<Option<Value<'v>>, KeyspaceError> {
    lookup_at(view, db, key, &Hint::NONE)
}

/// The same, with a hint where the key may be.
#[inline]
pub(super) fn lookup_at<'v>(
    view: &'v View<'_>,
    db: usize,
    key: &[u8],
    hint: &Hint,
) -> Result<Option<Value<'v>>, KeyspaceError> {
    let root = view.root(keys_slot(db));
    if key.len() > KEY_BYTES_MAX || root.is_empty() {
        return Ok(None);
    }
    match view.get_at(root, key, hint)? {
        Some(cell) => Value::read(&cell).map(Some),
        None => Ok(None),
    }
}

/// Looks keys up ahead of the commands that read them: fetches their cells into the processor's cache, and appends a hint
/// for each key.
pub fn look_ahead(snapshot: &Snapshot<'_>, db: usize, keys: &[&[u8]], hints: &mut Vec<Hint>) {
    snapshot.look_ahead(snapshot.root(keys_slot(db)), keys, hints);
}
