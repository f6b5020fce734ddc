//! Changes of whole databases: their trees are swapped or dropped.

use super::error::KeyspaceError;
use super::field_expiry;
use super::layout::{expiries_slot, keys_slot};
use crate::effect::DatabaseChange;
use crate::table::{Root, TableWriter};

/// Makes the change.
pub(super) fn apply(table: &mut TableWriter, change: &DatabaseChange) -> Result<(), KeyspaceError> {
    match *change {
        DatabaseChange::Flush { .. } | DatabaseChange::FlushAll => {
            change.all().try_for_each(|db| flush(table, db))
        }
        DatabaseChange::Swap { a, b } => {
            swap(table, keys_slot(a), keys_slot(b));
            swap(table, expiries_slot(a), expiries_slot(b));
            field_expiry::swap(table, a, b)
        }
    }
}

/// Empties a database.
fn flush(table: &mut TableWriter, db: usize) -> Result<(), KeyspaceError> {
    for slot in [keys_slot(db), expiries_slot(db)] {
        let root = table.root(slot);
        if !root.is_empty() {
            table.set_root(slot, Root::EMPTY);
            table.drop_tree(root)?;
        }
    }
    field_expiry::flush(table, db)
}

/// Exchanges the trees of two slots.
fn swap(table: &mut TableWriter, a: usize, b: usize) {
    let (root_a, root_b) = (table.root(a), table.root(b));
    table.set_root(a, root_b);
    table.set_root(b, root_a);
}
