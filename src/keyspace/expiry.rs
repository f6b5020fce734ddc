//! The tree of expiry times: which keys expire when.
//!
//! ```text
//! key = expiry u64 BE, milliseconds since 1970 | the key            cell = empty
//! ```
//!
//! Big-endian, so that the tree's order is the order of time.

use smallvec::SmallVec;

use super::error::KeyspaceError;
use super::layout::{EXPIRY_BYTES, expiries_slot};
use super::lookup::DbKey;
use super::walk::walk;
use crate::effect::DATABASES_MAX;
use crate::table::{Root, TableWriter, View};

/// Number of expiry times that are read to estimate the average.
const EXPIRY_SAMPLES: u64 = 16;

/// The tree's key for `key`.
pub(super) fn index_key(expire_at_ms: u64, key: &[u8]) -> SmallVec<[u8; 128]> {
    let mut bytes = SmallVec::with_capacity(EXPIRY_BYTES + key.len());
    bytes.extend_from_slice(&expire_at_ms.to_be_bytes());
    bytes.extend_from_slice(key);
    bytes
}

/// Splits the tree's key.
pub(super) fn split(index_key: &[u8]) -> Result<(u64, &[u8]), KeyspaceError> {
    let (expiry, key) =
        index_key.split_first_chunk().ok_or(KeyspaceError::BadCell("a deadline of less than eight bytes"))?;
    Ok((u64::from_be_bytes(*expiry), key))
}

/// Replaces the key's expiry in the tree of its database, from `old` to `new`.
pub(super) fn replace(
    table: &mut TableWriter,
    db: usize,
    key: &[u8],
    old: Option<u64>,
    new: Option<u64>,
) -> Result<(), KeyspaceError> {
    if old == new {
        return Ok(());
    }
    let slot = expiries_slot(db);
    let mut root = table.root(slot);
    replace_in(table, &mut root, key, old, new)?;
    table.set_root(slot, root);
    Ok(())
}

/// Replaces the key's expiry in a given tree, from `old` to `new`.
pub(super) fn replace_in(
    table: &mut TableWriter,
    tree: &mut Root,
    key: &[u8],
    old: Option<u64>,
    new: Option<u64>,
) -> Result<(), KeyspaceError> {
    if let Some(old) = old {
        let removed = table.remove(tree, &index_key(old, key))?;
        removed.ok_or(KeyspaceError::BadCell("its deadline is not in the tree of deadlines"))?;
    }
    if let Some(new) = new {
        let added = table.insert(tree, &index_key(new, key), &[], &[])?;
        if !added {
            return Err(KeyspaceError::BadCell("its deadline is in the tree of deadlines already"));
        }
    }
    Ok(())
}

/// The earliest expiry of a database.
pub(super) fn first(view: &View<'_>, db: usize) -> Result<Option<u64>, KeyspaceError> {
    let mut first = None;
    walk(view, view.root(expiries_slot(db)), &[], |index_key, _| {
        first = Some(split(index_key)?.0);
        Ok(false)
    })?;
    Ok(first)
}

/// The average expiry of a database's keys in milliseconds since 1970, from a few samples at equal distances; `None` if
/// no key has one. Samples that cannot be read are skipped.
pub fn average_expiry_ms(view: &View<'_>, db: usize) -> Option<u64> {
    let root = view.root(expiries_slot(db));
    let samples = root.len().min(EXPIRY_SAMPLES);
    let expiries: Vec<u128> = (0..samples)
        .filter_map(|sample| {
            // The middle of each part.
            let position = u128::from(root.len()) * (2 * u128::from(sample) + 1) / (2 * u128::from(samples));
            let (index_key, _) = view.nth(root, position as u64).ok()??;
            Some(u128::from(split(&index_key).ok()?.0))
        })
        .collect();
    let sum: u128 = expiries.iter().sum();
    Some(sum.checked_div(expiries.len() as u128)? as u64)
}

/// Up to `keys_max` keys that have expired at `now_ms`.
pub(super) fn due(view: &View<'_>, now_ms: u64, keys_max: usize) -> Result<Vec<DbKey>, KeyspaceError> {
    let mut keys = Vec::new();
    for db in 0..DATABASES_MAX {
        walk(view, view.root(expiries_slot(db)), &[], |index_key, _| {
            let (expiry, key) = split(index_key)?;
            let due = keys.len() < keys_max && expiry <= now_ms;
            if due {
                keys.push(DbKey { db, key: key.into() });
            }
            Ok(due)
        })?;
    }
    Ok(keys)
}
