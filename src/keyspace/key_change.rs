//! Changes of keys of any type: deletion, expiry, and moves and copies with their trees.

use super::cell::{self, Value};
use super::error::KeyspaceError;
use super::expiry;
use super::layout::keys_slot;
use super::lookup::lookup;
use super::put::{Expiries, Old, drop_trees, put, replace_expiries};
use crate::effect::KeyChange;
use crate::table::{CELL_ROOTS_MAX, Cell, CellRoots, Root, TableWriter};

/// Makes the change.
pub(super) fn apply(
    table: &mut TableWriter,
    (db, key): (usize, &[u8]),
    change: &KeyChange<'_>,
) -> Result<(), KeyspaceError> {
    let done = match *change {
        KeyChange::Delete { .. } => remove(table, db, key)?,
        KeyChange::Expire { expire_at_ms } => expire(table, db, key, expire_at_ms)?,
        KeyChange::Rename { to } => relocate(table, (db, key), (db, to))?,
        KeyChange::Move { to_db } => relocate(table, (db, key), (to_db, key))?,
        KeyChange::Copy { to_db, to } => copy(table, (db, key), (to_db, to))?,
    };
    done.ok_or(KeyspaceError::Mismatch { effect: change.name(), reason: "its key does not exist" })
}

/// Removes a key with its expiry times and trees; `None` if it does not exist.
fn remove(table: &mut TableWriter, db: usize, key: &[u8]) -> Result<Option<()>, KeyspaceError> {
    let expiries = {
        let view = table.view();
        match lookup(&view, db, key)? {
            Some(value) => Expiries::of(&view, &value)?,
            None => return Ok(None),
        }
    };
    let mut root = table.root(keys_slot(db));
    let roots = table.remove(&mut root, key)?;
    table.set_root(keys_slot(db), root);
    replace_expiries(table, (db, key), expiries, Expiries::default())?;
    if let Some(roots) = roots {
        drop_trees(table, &roots)?;
    }
    Ok(Some(()))
}

/// Gives a key another expiry; `None` if it does not exist.
fn expire(
    table: &mut TableWriter,
    db: usize,
    key: &[u8],
    expire_at_ms: Option<u64>,
) -> Result<Option<()>, KeyspaceError> {
    let Some(owned) = OwnedCell::of(table, db, key)? else {
        return Ok(None);
    };
    let cell = owned.cell();
    let bytes = cell::with_expiry(&cell, expire_at_ms)?;
    let mut root = table.root(keys_slot(db));
    table.replace(&mut root, key, bytes.pieces(), owned.roots.as_slice(), |_| ())?;
    table.set_root(keys_slot(db), root);
    expiry::replace(table, db, key, owned.expiries.key, expire_at_ms)?;
    Ok(Some(()))
}

/// Moves a value with its expiry from one place to another; `None` if there is none.
fn relocate(
    table: &mut TableWriter,
    from: (usize, &[u8]),
    to: (usize, &[u8]),
) -> Result<Option<()>, KeyspaceError> {
    let Some(owned) = OwnedCell::of(table, from.0, from.1)? else {
        return Ok(None);
    };
    if from == to {
        return Ok(Some(()));
    }
    let mut root = table.root(keys_slot(from.0));
    table.remove(&mut root, from.1)?;
    table.set_root(keys_slot(from.0), root);
    replace_expiries(table, from, owned.expiries, Expiries::default())?;
    place(table, to, &owned, owned.roots.as_slice())?;
    Ok(Some(()))
}

/// Copies a value with its expiry from one place to another; `None` if there is none.
fn copy(
    table: &mut TableWriter,
    from: (usize, &[u8]),
    to: (usize, &[u8]),
) -> Result<Option<()>, KeyspaceError> {
    let Some(owned) = OwnedCell::of(table, from.0, from.1)? else {
        return Ok(None);
    };
    if from == to {
        return Ok(Some(()));
    }
    let mut copies = [Root::EMPTY; CELL_ROOTS_MAX];
    let originals = owned.roots.as_slice();
    for (copy, original) in copies.iter_mut().zip(originals) {
        *copy = table.copy_tree(*original)?;
    }
    place(table, to, &owned, &copies[..originals.len()])?;
    Ok(Some(()))
}

/// Stores a cell with these trees in place of the old one.
fn place(
    table: &mut TableWriter,
    (db, key): (usize, &[u8]),
    owned: &OwnedCell,
    roots: &[Root],
) -> Result<(), KeyspaceError> {
    let old = Old::of(table, db, key)?;
    put(table, (db, key), ([&owned.bytes, &[]], roots), old, owned.expiries)
}

/// An owned copy of a cell, so that the table can be changed while it is used.
struct OwnedCell {
    /// Its bytes.
    bytes: Vec<u8>,
    /// Its trees.
    roots: CellRoots,
    /// Its expiry times.
    expiries: Expiries,
}

impl OwnedCell {
    /// The cell of `key`, or `None` if the key does not exist.
    fn of(table: &TableWriter, db: usize, key: &[u8]) -> Result<Option<Self>, KeyspaceError> {
        let root = table.root(keys_slot(db));
        if root.is_empty() {
            return Ok(None);
        }
        let view = table.view();
        let Some(cell) = view.get(root, key)? else {
            return Ok(None);
        };
        let expiries = Expiries::of(&view, &Value::read(&cell)?)?;
        Ok(Some(Self { bytes: cell.bytes.to_vec(), roots: cell.roots, expiries }))
    }

    /// The cell, borrowed.
    fn cell(&self) -> Cell<'_> {
        Cell { bytes: &self.bytes, roots: self.roots }
    }
}
