//! Stores the value of a key: its cell, its trees and its expiry times, in place of the old ones.

use super::cell::{Kind, Value};
use super::error::KeyspaceError;
use super::layout::keys_slot;
use super::{expiry, field_expiry};
use crate::table::{Cell, CellRoots, Root, TableWriter, View};

/// The expiry times of a key in the indexes of its database, in milliseconds since 1970.
#[derive(Clone, Copy, Default)]
pub(super) struct Expiries {
    /// Its own.
    pub key: Option<u64>,
    /// The earliest one of its fields, if it is a hash.
    pub first_field: Option<u64>,
}

impl Expiries {
    /// Those of a key that holds `value`.
    pub(super) fn of(view: &View<'_>, value: &Value<'_>) -> Result<Self, KeyspaceError> {
        Ok(Self { key: value.expire_at_ms, first_field: value.first_field_ms(view)? })
    }
}

/// The parts of a key's old value that must be removed.
#[derive(Default)]
pub(super) struct Old {
    /// Its expiry times.
    expiries: Expiries,
    /// Its trees.
    roots: CellRoots,
}

impl Old {
    /// The parts of the value of `key`.
    pub(super) fn of(table: &TableWriter, db: usize, key: &[u8]) -> Result<Self, KeyspaceError> {
        let root = table.root(keys_slot(db));
        if root.is_empty() {
            return Ok(Self::default());
        }
        let view = table.view();
        let Some(cell) = view.get(root, key)? else {
            return Ok(Self::default());
        };
        Ok(Self { expiries: Expiries::of(&view, &Value::read(&cell)?)?, roots: cell.roots })
    }

    /// Only expiry times: the value stays, and they may change.
    pub(super) fn kept(expiries: Expiries) -> Self {
        Self { expiries, roots: CellRoots::default() }
    }
}

/// Stores a cell without trees under a key, in place of whatever was there, in a single descent of the tree.
pub(super) fn overwrite(
    table: &mut TableWriter,
    (db, key): (usize, &[u8]),
    bytes: [&[u8]; 2],
    expiries: Expiries,
) -> Result<(), KeyspaceError> {
    let mut root = table.root(keys_slot(db));
    let mut before = Ok(Before::Known(Old::default()));
    table.replace(&mut root, key, bytes, &[], |cell| before = Before::of(&cell))?;
    table.set_root(keys_slot(db), root);
    let old = match before? {
        Before::Known(old) => old,
        Before::Hash { bytes, roots } => {
            let cell = Cell { bytes: &bytes, roots };
            Old { expiries: Expiries::of(&table.view(), &Value::read(&cell)?)?, roots }
        }
    };
    replace_expiries(table, (db, key), old.expiries, expiries)?;
    drop_trees(table, &old.roots)
}

/// The content of an overwritten cell.
enum Before {
    /// Everything that must be removed.
    Known(Old),
    /// A hash, whose fields may have expiry times. They must be read from its trees, which still exist.
    Hash {
        /// The cell's bytes.
        bytes: Vec<u8>,
        /// The cell's trees.
        roots: CellRoots,
    },
}

impl Before {
    /// The content of a cell.
    fn of(cell: &Cell<'_>) -> Result<Self, KeyspaceError> {
        let (value, roots) = (Value::read(cell)?, cell.roots);
        Ok(match value.kind {
            Kind::Hash => Before::Hash { bytes: cell.bytes.to_vec(), roots },
            _ => {
                let expiries = Expiries { key: value.expire_at_ms, first_field: None };
                Before::Known(Old { expiries, roots })
            }
        })
    }
}

/// Stores a cell, bytes in two pieces and trees, under a key, in place of `old`.
pub(super) fn put(
    table: &mut TableWriter,
    (db, key): (usize, &[u8]),
    (bytes, roots): ([&[u8]; 2], &[Root]),
    old: Old,
    expiries: Expiries,
) -> Result<(), KeyspaceError> {
    let mut root = table.root(keys_slot(db));
    table.replace(&mut root, key, bytes, roots, |_| ())?;
    table.set_root(keys_slot(db), root);
    replace_expiries(table, (db, key), old.expiries, expiries)?;
    drop_trees(table, &old.roots)
}

/// Replaces the key's expiry times in the indexes of its database, from `old` to `new`.
pub(super) fn replace_expiries(
    table: &mut TableWriter,
    (db, key): (usize, &[u8]),
    old: Expiries,
    new: Expiries,
) -> Result<(), KeyspaceError> {
    expiry::replace(table, db, key, old.key, new.key)?;
    field_expiry::replace(table, db, key, old.first_field, new.first_field)
}

/// Frees the trees that a key had.
pub(super) fn drop_trees(table: &mut TableWriter, roots: &CellRoots) -> Result<(), KeyspaceError> {
    for root in roots.as_slice() {
        table.drop_tree(*root)?;
    }
    Ok(())
}
