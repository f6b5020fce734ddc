//! What each effect does to the table. Deterministic: the same effects on the same data give the same data.

use super::cell::{self, INLINE_BYTES_MAX, PIECE_BYTES, Text, Value};
use super::{DATABASES_MAX, KeyspaceError, deadline, deadlines_slot, keys_slot, reader, walk};
use crate::effect::Effect;
use crate::table::{Cell, CellRoots, Root, TableWriter};

/// Bytes of keys and cells that are copied from tree to tree at once.
const COPY_BYTES: usize = 64 << 10;

/// Makes the change.
pub(super) fn apply(table: &mut TableWriter, effect: &Effect<'_>) -> Result<(), KeyspaceError> {
    match *effect {
        Effect::Set { db, key, value, expire_at_ms, raw } => set(table, db, key, value, expire_at_ms, raw),
        Effect::Append { db, key, value } => append(table, db, key, value),
        Effect::SetRange { db, key, offset, value } => set_range(table, db, key, offset, value),
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
            Ok(())
        }
    }
}

/// The effect's key does not exist.
fn missing(effect: &Effect<'_>) -> KeyspaceError {
    KeyspaceError::Mismatch { effect: effect.name(), reason: "its key does not exist" }
}

/// What a key held before, as far as it must be cleared away.
#[derive(Default)]
struct Old {
    /// Its deadline.
    expire_at_ms: Option<u64>,
    /// Its trees.
    roots: CellRoots,
}

impl Old {
    /// What a cell says.
    fn of(cell: &Cell<'_>) -> Result<Self, KeyspaceError> {
        Ok(Self { expire_at_ms: Value::read(cell)?.expire_at_ms, roots: cell.roots })
    }
}

/// Makes `key` the string `value`, in place of what it was.
fn set(
    table: &mut TableWriter,
    db: usize,
    key: &[u8],
    value: &[u8],
    expire_at_ms: Option<u64>,
    raw: bool,
) -> Result<(), KeyspaceError> {
    if value.len() <= INLINE_BYTES_MAX {
        let cell = cell::short(expire_at_ms, raw, value);
        return put(table, (db, key), (&cell, &[]), expire_at_ms);
    }
    let mut pieces = Root::EMPTY;
    write_pieces(table, &mut pieces, 0, value)?;
    let cell = cell::in_pieces(expire_at_ms, raw, value.len() as u64);
    put(table, (db, key), (&cell, &[pieces]), expire_at_ms)
}

/// Stores a cell, bytes and trees, under a key, in place of what was there.
fn put(
    table: &mut TableWriter,
    at: (usize, &[u8]),
    cell: (&[u8], &[Root]),
    expire_at_ms: Option<u64>,
) -> Result<(), KeyspaceError> {
    let old = store(table, at, cell, expire_at_ms)?;
    drop_trees(table, &old.roots)
}

/// Stores a cell that goes on with the trees of the one before it.
fn go_on(
    table: &mut TableWriter,
    at: (usize, &[u8]),
    cell: (&[u8], &[Root]),
    expire_at_ms: Option<u64>,
) -> Result<(), KeyspaceError> {
    store(table, at, cell, expire_at_ms).map(|_| ())
}

/// Stores a cell with its deadline, and says what was there before.
fn store(
    table: &mut TableWriter,
    (db, key): (usize, &[u8]),
    (bytes, roots): (&[u8], &[Root]),
    expire_at_ms: Option<u64>,
) -> Result<Old, KeyspaceError> {
    let mut root = table.root(keys_slot(db));
    let mut old = Ok(Old::default());
    table.replace(&mut root, key, bytes, roots, |cell| old = Old::of(&cell))?;
    table.set_root(keys_slot(db), root);
    let old = old?;
    deadline::replace(table, db, key, old.expire_at_ms, expire_at_ms)?;
    Ok(old)
}

/// Adds `value` to the end of a string.
fn append(table: &mut TableWriter, db: usize, key: &[u8], value: &[u8]) -> Result<(), KeyspaceError> {
    match string(table, db, key, "append")? {
        None => set(table, db, key, value, None, false),
        Some((_, text)) => set_range(table, db, key, text.len(), value),
    }
}

/// Writes `value` to `offset` of a string.
fn set_range(
    table: &mut TableWriter,
    db: usize,
    key: &[u8],
    offset: u64,
    value: &[u8],
) -> Result<(), KeyspaceError> {
    let (expire_at_ms, old) =
        string(table, db, key, "setrange")?.unwrap_or((None, OldText::Short(Vec::new())));
    let len = old.len().max(offset + value.len() as u64);
    let mut pieces = match old {
        OldText::Short(mut bytes) if len <= INLINE_BYTES_MAX as u64 => {
            bytes.resize(len as usize, 0);
            bytes[offset as usize..][..value.len()].copy_from_slice(value);
            let cell = cell::short(expire_at_ms, true, &bytes);
            return go_on(table, (db, key), (&cell, &[]), expire_at_ms);
        }
        OldText::Short(bytes) => {
            let mut pieces = Root::EMPTY;
            write_pieces(table, &mut pieces, 0, &bytes)?;
            pieces
        }
        OldText::InPieces { root, .. } => root,
    };
    write_pieces(table, &mut pieces, offset, value)?;
    let cell = cell::in_pieces(expire_at_ms, true, len);
    go_on(table, (db, key), (&cell, &[pieces]), expire_at_ms)
}

/// A string as it was, owned, so that the table can be changed meanwhile.
enum OldText {
    /// The bytes.
    Short(Vec<u8>),
    /// Where they are.
    InPieces {
        /// Length, in bytes.
        len: u64,
        /// The pieces.
        root: Root,
    },
}

impl OldText {
    /// Length, in bytes.
    fn len(&self) -> u64 {
        match self {
            OldText::Short(bytes) => bytes.len() as u64,
            OldText::InPieces { len, .. } => *len,
        }
    }
}

/// Deadline and bytes of the string that `key` holds, or `None` if the key does not exist.
fn string(
    table: &TableWriter,
    db: usize,
    key: &[u8],
    effect: &'static str,
) -> Result<Option<(Option<u64>, OldText)>, KeyspaceError> {
    let view = table.view();
    let Some(value) = reader::lookup(&view, db, key)? else {
        return Ok(None);
    };
    let text = match value.text()? {
        Some(Text::Short(bytes)) => OldText::Short(bytes.to_vec()),
        Some(Text::InPieces { len, root }) => OldText::InPieces { len, root },
        None => return Err(KeyspaceError::Mismatch { effect, reason: "its key holds no string" }),
    };
    Ok(Some((value.expire_at_ms, text)))
}

/// Writes `bytes` to `offset` of the string in pieces that `root` holds. Touches the pieces concerned only.
fn write_pieces(
    table: &mut TableWriter,
    root: &mut Root,
    offset: u64,
    mut bytes: &[u8],
) -> Result<(), KeyspaceError> {
    let mut at = offset;
    while !bytes.is_empty() {
        let number = (at / PIECE_BYTES as u64) as u32;
        let within = (at % PIECE_BYTES as u64) as usize;
        let (part, rest) = bytes.split_at(bytes.len().min(PIECE_BYTES - within));
        write_piece(table, root, number, within, part)?;
        at += part.len() as u64;
        bytes = rest;
    }
    Ok(())
}

/// Writes `part` to byte `within` of one piece.
fn write_piece(
    table: &mut TableWriter,
    root: &mut Root,
    number: u32,
    within: usize,
    part: &[u8],
) -> Result<(), KeyspaceError> {
    let key = number.to_be_bytes();
    if part.len() == PIECE_BYTES {
        table.insert(root, &key, part, &[])?;
        return Ok(());
    }
    let mut piece = [0; PIECE_BYTES];
    let mut len = 0;
    if !root.is_empty()
        && let Some(cell) = table.view().get(*root, &key)?
    {
        len = cell.bytes.len();
        let old = piece.get_mut(..len).ok_or(KeyspaceError::BadCell("a piece that is too long"))?;
        old.copy_from_slice(cell.bytes);
    }
    piece[within..][..part.len()].copy_from_slice(part);
    table.insert(root, &key, &piece[..len.max(within + part.len())], &[])?;
    Ok(())
}

/// Removes a key with its deadline and trees; `None` if it does not exist.
fn remove(table: &mut TableWriter, db: usize, key: &[u8]) -> Result<Option<()>, KeyspaceError> {
    let expire_at_ms = match reader::lookup(&table.view(), db, key)? {
        Some(value) => value.expire_at_ms,
        None => return Ok(None),
    };
    let mut root = table.root(keys_slot(db));
    let roots = table.remove(&mut root, key)?;
    table.set_root(keys_slot(db), root);
    deadline::replace(table, db, key, expire_at_ms, None)?;
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
    let bytes = cell::with_deadline(&owned.cell(), expire_at_ms)?;
    go_on(table, (db, key), (&bytes, owned.roots.as_slice()), expire_at_ms)?;
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
    deadline::replace(table, from.0, from.1, owned.expire_at_ms, None)?;
    put(table, to, (&owned.bytes, owned.roots.as_slice()), owned.expire_at_ms)?;
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
    let mut copies = [Root::EMPTY; 3];
    let originals = owned.roots.as_slice();
    for (copy, original) in copies.iter_mut().zip(originals) {
        *copy = copy_tree(table, *original)?;
    }
    put(table, to, (&owned.bytes, &copies[..originals.len()]), owned.expire_at_ms)?;
    Ok(Some(()))
}

/// A cell as it was, owned, so that the table can be changed meanwhile.
struct OwnedCell {
    /// Its bytes.
    bytes: Vec<u8>,
    /// Its trees.
    roots: CellRoots,
    /// Its deadline.
    expire_at_ms: Option<u64>,
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
        let expire_at_ms = Value::read(&cell)?.expire_at_ms;
        Ok(Some(Self { bytes: cell.bytes.to_vec(), roots: cell.roots, expire_at_ms }))
    }

    /// The cell, lent.
    fn cell(&self) -> Cell<'_> {
        Cell { bytes: &self.bytes, roots: self.roots }
    }
}

/// A copy of a tree whose cells have no trees of their own.
fn copy_tree(table: &mut TableWriter, original: Root) -> Result<Root, KeyspaceError> {
    let mut copy = Root::EMPTY;
    let mut start = Vec::new();
    loop {
        let mut batch: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        let mut bytes = 0;
        walk(&table.view(), original, &start, |key, cell| {
            if !cell.roots.as_slice().is_empty() {
                return Err(KeyspaceError::BadCell("a tree within a value's tree"));
            }
            bytes += key.len() + cell.bytes.len();
            batch.push((key.to_vec(), cell.bytes.to_vec()));
            Ok(bytes < COPY_BYTES)
        })?;
        let Some((last, _)) = batch.last() else {
            return Ok(copy);
        };
        start.clone_from(last);
        start.push(0);
        for (key, bytes) in &batch {
            table.insert(&mut copy, key, bytes, &[])?;
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
    Ok(())
}

/// Exchanges the trees of two slots.
fn swap(table: &mut TableWriter, a: usize, b: usize) {
    let (root_a, root_b) = (table.root(a), table.root(b));
    table.set_root(a, root_b);
    table.set_root(b, root_a);
}

/// Frees the trees that a key had.
fn drop_trees(table: &mut TableWriter, roots: &CellRoots) -> Result<(), KeyspaceError> {
    for root in roots.as_slice() {
        table.drop_tree(*root)?;
    }
    Ok(())
}
