//! The trees of field expiry times: which hashes have a field that expires, and when the first one does.
//!
//! ```text
//! slot 112        key = database u8                                         cell = empty, one root: its tree
//! a database's    key = expiry u64 BE, milliseconds since 1970 | the key    cell = empty
//! ```
//!
//! A hash is in the tree once, with the earliest expiry of its fields. A database without such hashes has no tree.

use super::error::KeyspaceError;
use super::expiry::{replace_in, split};
use super::layout::FIELD_EXPIRIES_SLOT as SLOT;
use super::lookup::DbKey;
use super::walk::walk;
use crate::effect::DRAFTS;
use crate::table::{Root, TableWriter, View};

/// The tree of a database, if there is one.
pub(super) fn tree(view: &View<'_>, db: usize) -> Result<Root, KeyspaceError> {
    let root = view.root(SLOT);
    if root.is_empty() {
        return Ok(Root::EMPTY);
    }
    let cell = view.get(root, &[db as u8])?;
    Ok(cell.and_then(|cell| cell.roots.first().copied()).unwrap_or(Root::EMPTY))
}

/// Makes `tree` the tree of a database. The old one is not freed.
fn set_tree(table: &mut TableWriter, db: usize, tree: Root) -> Result<(), KeyspaceError> {
    let mut root = table.root(SLOT);
    if tree.is_empty() {
        table.remove(&mut root, &[db as u8])?;
    } else {
        table.insert(&mut root, &[db as u8], &[], &[tree])?;
    }
    table.set_root(SLOT, root);
    Ok(())
}

/// Replaces the first expiry of the key's fields, from `old` to `new`.
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
    let mut root = tree(&table.view(), db)?;
    replace_in(table, &mut root, key, old, new)?;
    set_tree(table, db, root)
}

/// Removes all hashes of a database.
pub(super) fn flush(table: &mut TableWriter, db: usize) -> Result<(), KeyspaceError> {
    let root = tree(&table.view(), db)?;
    if !root.is_empty() {
        set_tree(table, db, Root::EMPTY)?;
        table.drop_tree(root)?;
    }
    Ok(())
}

/// Exchanges the trees of two databases.
pub(super) fn swap(table: &mut TableWriter, a: usize, b: usize) -> Result<(), KeyspaceError> {
    let (tree_a, tree_b) = (tree(&table.view(), a)?, tree(&table.view(), b)?);
    if tree_a != tree_b {
        set_tree(table, a, tree_b)?;
        set_tree(table, b, tree_a)?;
    }
    Ok(())
}

/// The earliest expiry of any field of a database.
pub(super) fn first(view: &View<'_>, db: usize) -> Result<Option<u64>, KeyspaceError> {
    let mut first = None;
    walk(view, tree(view, db)?, &[], |index_key, _| {
        first = Some(split(index_key)?.0);
        Ok(false)
    })?;
    Ok(first)
}

/// Up to `keys_max` hashes with a field whose expiry has passed at `now_ms`. Those of drafts stay: drafts are changed only by
/// whoever makes them.
pub(super) fn due(view: &View<'_>, now_ms: u64, keys_max: usize) -> Result<Vec<DbKey>, KeyspaceError> {
    let mut keys = Vec::new();
    walk(view, view.root(SLOT), &[], |db, cell| {
        let db = usize::from(*db.first().ok_or(KeyspaceError::BadCell("field deadlines of no database"))?);
        for root in cell.roots.as_slice().iter().filter(|_| db != DRAFTS) {
            walk(view, *root, &[], |index_key, _| {
                let (expiry, key) = split(index_key)?;
                let due = keys.len() < keys_max && expiry <= now_ms;
                if due {
                    keys.push(DbKey { db, key: key.into() });
                }
                Ok(due)
            })?;
        }
        Ok(keys.len() < keys_max)
    })?;
    Ok(keys)
}
