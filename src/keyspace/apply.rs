//! What each effect does to the table. Deterministic: the same effects on the same data give the same data.

use super::cell::{self, Value};
use super::error::KeyspaceError;
use super::layout::{deadlines_slot, keys_slot};
use super::lookup::lookup;
use super::put::{Deadlines, Old, drop_trees, put, replace_deadlines};
use super::walk::{check_depth, walk};
use super::{deadline, field_deadline, hash, list_change as list, set, string_change as string, zset};
use crate::effect::{DATABASES_MAX, Effect};
use crate::table::{CELL_ROOTS_MAX, Cell, CellRoots, Root, TableWriter};

/// Bytes of keys and cells that are copied from tree to tree at once.
const COPY_BYTES: usize = 64 << 10;

/// Makes the change.
pub(super) fn apply(table: &mut TableWriter, effect: &Effect<'_>) -> Result<(), KeyspaceError> {
    match *effect {
        Effect::Set { db, key, value, expire_at_ms, raw } => {
            string::set(table, (db, key), value, expire_at_ms, raw)
        }
        Effect::Append { db, key, value } => string::append(table, db, key, value),
        Effect::SetRange { db, key, offset, value } => {
            string::set_range(table, (db, key), offset, value, effect.name())
        }
        Effect::Delete { db, key, .. } => remove(table, db, key)?.ok_or(missing(effect)),
        Effect::Expire { db, key, expire_at_ms } => {
            expire(table, db, key, expire_at_ms)?.ok_or(missing(effect))
        }
        Effect::Rename { db, key, to } => relocate(table, (db, key), (db, to))?.ok_or(missing(effect)),
        Effect::Move { db, key, to_db } => relocate(table, (db, key), (to_db, key))?.ok_or(missing(effect)),
        Effect::Copy { db, key, to_db, to } => copy(table, (db, key), (to_db, to))?.ok_or(missing(effect)),
        Effect::FlushDb { db } => flush(table, db),
        Effect::FlushAll => (0..DATABASES_MAX).try_for_each(|db| flush(table, db)),
        Effect::SwapDb { a, b } => {
            swap(table, keys_slot(a), keys_slot(b));
            swap(table, deadlines_slot(a), deadlines_slot(b));
            field_deadline::swap(table, a, b)
        }
        Effect::HashSet { db, key, pairs, expire_at_ms } => hash::set(table, (db, key), pairs, expire_at_ms),
        Effect::HashDelete { db, key, fields, .. } => hash::delete(table, (db, key), fields, effect.name()),
        Effect::HashExpire { db, key, fields, expire_at_ms } => {
            hash::expire(table, (db, key), fields, expire_at_ms, effect.name())
        }
        Effect::SetAdd { db, key, members } => set::add(table, (db, key), members),
        Effect::SetRemove { db, key, members } => set::remove(table, (db, key), members),
        Effect::ListPush { db, key, end, elements } => list::push(table, (db, key), end, elements),
        Effect::ListPop { db, key, end, count } => list::pop(table, (db, key), end, count),
        Effect::ListInsert { db, key, index, pivot_and_element, .. } => {
            let element = pivot_and_element.iter().nth(1).unwrap_or_default();
            list::insert(table, (db, key), index, element)
        }
        Effect::ListRemove { db, key, end, count, element } => {
            let element = element.iter().next().unwrap_or_default();
            list::remove(table, (db, key), (end, count), element)
        }
        Effect::ListSet { db, key, index, value } => list::set(table, (db, key), index, value),
        Effect::ListTrim { db, key, index, count } => list::trim(table, (db, key), index, count),
        Effect::SortedSetAdd { db, key, elements } => zset::add(table, (db, key), elements),
        Effect::SortedSetRemove { db, key, members } => zset::remove(table, (db, key), members),
    }
}

/// The effect's key does not exist.
fn missing(effect: &Effect<'_>) -> KeyspaceError {
    KeyspaceError::Mismatch { effect: effect.name(), reason: "its key does not exist" }
}

/// Removes a key with its deadlines and trees; `None` if it does not exist.
fn remove(table: &mut TableWriter, db: usize, key: &[u8]) -> Result<Option<()>, KeyspaceError> {
    let deadlines = {
        let view = table.view();
        match lookup(&view, db, key)? {
            Some(value) => Deadlines::of(&view, &value)?,
            None => return Ok(None),
        }
    };
    let mut root = table.root(keys_slot(db));
    let roots = table.remove(&mut root, key)?;
    table.set_root(keys_slot(db), root);
    replace_deadlines(table, (db, key), deadlines, Deadlines::default())?;
    if let Some(roots) = roots {
        drop_trees(table, &roots)?;
    }
    Ok(Some(()))
}

/// Gives a key another deadline; `None` if it does not exist.
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
    let bytes = cell::with_deadline(&cell, expire_at_ms)?;
    let mut root = table.root(keys_slot(db));
    table.replace(&mut root, key, bytes.pieces(), owned.roots.as_slice(), |_| ())?;
    table.set_root(keys_slot(db), root);
    deadline::replace(table, db, key, owned.deadlines.key, expire_at_ms)?;
    Ok(Some(()))
}

/// Moves a value with its deadline from one place to another; `None` if there is none.
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
    replace_deadlines(table, from, owned.deadlines, Deadlines::default())?;
    place(table, to, &owned, owned.roots.as_slice())?;
    Ok(Some(()))
}

/// Copies a value with its deadline from one place to another; `None` if there is none.
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
        *copy = copy_tree(table, *original, 0)?;
    }
    place(table, to, &owned, &copies[..originals.len()])?;
    Ok(Some(()))
}

/// Stores a cell with these trees, in place of what is there.
fn place(
    table: &mut TableWriter,
    (db, key): (usize, &[u8]),
    owned: &OwnedCell,
    roots: &[Root],
) -> Result<(), KeyspaceError> {
    let old = Old::of(table, db, key)?;
    put(table, (db, key), ([&owned.bytes, &[]], roots), old, owned.deadlines)
}

/// A cell as it was, owned, so that the table can be changed meanwhile.
struct OwnedCell {
    /// Its bytes.
    bytes: Vec<u8>,
    /// Its trees.
    roots: CellRoots,
    /// Its deadlines.
    deadlines: Deadlines,
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
        let deadlines = Deadlines::of(&view, &Value::read(&cell)?)?;
        Ok(Some(Self { bytes: cell.bytes.to_vec(), roots: cell.roots, deadlines }))
    }

    /// The cell, lent.
    fn cell(&self) -> Cell<'_> {
        Cell { bytes: &self.bytes, roots: self.roots }
    }
}

/// A copy of a tree with the trees in its cells; it is in the trees of so many cells itself, beside its key's.
fn copy_tree(table: &mut TableWriter, original: Root, depth: usize) -> Result<Root, KeyspaceError> {
    check_depth(depth)?;
    let mut copy = Root::EMPTY;
    let mut start = Vec::new();
    loop {
        let mut batch: Vec<(Vec<u8>, Vec<u8>, CellRoots)> = Vec::new();
        let mut bytes = 0;
        walk(&table.view(), original, &start, |key, cell| {
            bytes += key.len() + cell.bytes.len();
            batch.push((key.to_vec(), cell.bytes.to_vec(), cell.roots));
            Ok(bytes < COPY_BYTES)
        })?;
        let Some((last, ..)) = batch.last() else {
            return Ok(copy);
        };
        if *last < start {
            return Err(KeyspaceError::BadCell("keys out of order"));
        }
        start.clone_from(last);
        start.push(0);
        for (key, bytes, roots) in &batch {
            let mut copies = [Root::EMPTY; CELL_ROOTS_MAX];
            for (copy, original) in copies.iter_mut().zip(roots.as_slice()) {
                *copy = copy_tree(table, *original, depth + 1)?;
            }
            table.insert(&mut copy, key, bytes, &copies[..roots.len()])?;
        }
    }
}

/// Empties a database.
fn flush(table: &mut TableWriter, db: usize) -> Result<(), KeyspaceError> {
    for slot in [keys_slot(db), deadlines_slot(db)] {
        let root = table.root(slot);
        if !root.is_empty() {
            table.set_root(slot, Root::EMPTY);
            table.drop_tree(root)?;
        }
    }
    field_deadline::flush(table, db)
}

/// Exchanges the trees of two slots.
fn swap(table: &mut TableWriter, a: usize, b: usize) {
    let (root_a, root_b) = (table.root(a), table.root(b));
    table.set_root(a, root_b);
    table.set_root(b, root_a);
}
