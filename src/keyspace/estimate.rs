//! How much space a command may need, known before it runs.
//!
//! The writer reserves that much in the log and in the table first, so that a full disk refuses a command before it
//! has changed anything. The figures are upper bounds for the log; for the table they are generous.

use super::cell::{Kind, PIECE_BYTES};
use super::{
    KEY_BYTES_MAX, KeyspaceError, MEMBER_BYTES_MAX, PURGED_FIELDS_BYTES, PURGED_FIELDS_MAX, check_depth,
    deadlines_slot, field_deadline, keys_slot, reader, walk,
};
use crate::table::{Root, View};

/// Space that a command may need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Bytes of the record's payload, at most.
    pub log_bytes: u64,
    /// Pages of the table.
    pub table_pages: u64,
}

/// Bytes of random members that a command removes at most, unless it removes all.
pub const POP_BYTES_MAX: u64 = 16 << 20;
/// Bytes of an effect besides its keys and value, at most.
const EFFECT_BYTES_MAX: u64 = 48;
/// Bytes of the length of an item, at most.
const LENGTH_BYTES_MAX: u64 = 5;
/// Pages of a collection that has just been unpacked, at most, with those of its trees that are new.
const UNPACKED_PAGES: u64 = 16;
/// Pages that a change of one element may copy or add in a tree of 2^36 elements.
const LARGEST_PATH_PAGES: u64 = path_pages(1 << 36);
/// Pages that the deletion of one hash's due fields takes, at most: each stands in two trees of any size.
const PURGE_PAGES: u64 = 2 * PURGED_FIELDS_MAX * 8 + 32;
/// Bytes of a page that a cell takes besides its key and bytes.
const CELL_OVERHEAD_BYTES: usize = 16;

impl Estimate {
    /// Adds the change of one key: its purge, its cell, its deadline.
    pub fn add_key(&mut self, view: &View<'_>, db: usize, key: &[u8]) {
        let (key_bytes, keys) = (key.len() as u64, view.root(keys_slot(db)).len());
        self.log_bytes += 2 * (EFFECT_BYTES_MAX + key_bytes);
        // Three changes of trees: the cell, the old deadline, the new one. Long keys take pages of their own.
        let path = path_pages(keys.max(view.root(deadlines_slot(db)).len()));
        self.table_pages += 3 * (path + key_bytes / 500);
    }

    /// Adds the deletion of `keys` keys of `key_bytes` bytes together.
    pub fn add_deletions(&mut self, view: &View<'_>, db: usize, keys: u64, key_bytes: u64) {
        self.log_bytes += keys * EFFECT_BYTES_MAX + key_bytes;
        self.table_pages += 2 * (keys * path_pages(view.root(keys_slot(db)).len()) + key_bytes / 500);
    }

    /// Adds bytes that are stored.
    pub fn add_value(&mut self, bytes: u64) {
        self.log_bytes += EFFECT_BYTES_MAX + bytes;
        self.table_pages += pages_of(bytes);
    }

    /// Adds the value of `key`, which is copied inside the table.
    pub fn add_copy(&mut self, view: &View<'_>, db: usize, key: &[u8]) -> Result<(), KeyspaceError> {
        if let Some(value) = reader::lookup(view, db, key)? {
            for root in value.roots.as_slice() {
                self.table_pages += copy_pages(view, *root, 0)?;
            }
        }
        Ok(())
    }

    /// Adds `effects` effects on one key besides the first.
    pub fn add_effects(&mut self, key: &[u8], effects: u64) {
        self.log_bytes += effects * (EFFECT_BYTES_MAX + key.len() as u64);
    }

    /// Adds changes of up to `elements` elements of a collection, each in up to two trees. The collection is not looked
    /// at: it counts as one of the largest.
    pub fn add_elements(&mut self, elements: u64) {
        self.log_bytes += elements * LENGTH_BYTES_MAX;
        self.table_pages += UNPACKED_PAGES + 2 * elements * LARGEST_PATH_PAGES;
    }

    /// Adds all elements of the collection that `key` holds, which are logged, and removed or stored elsewhere.
    pub fn add_elements_of(&mut self, view: &View<'_>, db: usize, key: &[u8]) -> Result<(), KeyspaceError> {
        let Some(value) = reader::lookup(view, db, key)? else {
            return Ok(());
        };
        let (mut bytes, mut elements) = (value.payload.len() as u64, 0);
        if value.kind != Kind::String {
            for root in value.roots.as_slice() {
                bytes += tree_bytes(view, *root, 0)?;
                elements += root.len();
            }
        }
        self.add_value(bytes);
        self.log_bytes += elements * LENGTH_BYTES_MAX;
        self.table_pages += UNPACKED_PAGES + elements * path_pages(elements);
        Ok(())
    }

    /// Adds up to `count` members of the set that `key` holds, which are logged and removed. Nobody knows yet which: they
    /// may be the longest, up to [`POP_BYTES_MAX`] together.
    pub fn add_pop(
        &mut self,
        view: &View<'_>,
        db: usize,
        key: &[u8],
        count: u64,
    ) -> Result<(), KeyspaceError> {
        let value = reader::lookup(view, db, key)?;
        let Some(len) = value.and_then(|value| value.roots.first().map(Root::len)) else {
            return self.add_elements_of(view, db, key);
        };
        // Whoever pops all deletes the key.
        if count < len {
            let bytes = count.saturating_mul(MEMBER_BYTES_MAX as u64).min(POP_BYTES_MAX);
            self.log_bytes += EFFECT_BYTES_MAX + bytes + count * LENGTH_BYTES_MAX;
            self.table_pages += UNPACKED_PAGES + count.saturating_mul(path_pages(len));
        }
        Ok(())
    }

    /// Adds the deletion of fields past their deadline, if `key` holds a hash with deadlines.
    pub fn add_purge(&mut self, view: &View<'_>, db: usize, key: &[u8]) -> Result<(), KeyspaceError> {
        match reader::lookup(view, db, key)? {
            Some(value) if value.is_timed() => self.add_purges(view, db, 1),
            _ => Ok(()),
        }
    }

    /// Adds the deletion of fields past their deadline of up to `hashes` hashes, if a database has such.
    pub fn add_purges(&mut self, view: &View<'_>, db: usize, hashes: u64) -> Result<(), KeyspaceError> {
        if field_deadline::first(view, db)?.is_some() {
            // The last field may be as long as fields can be.
            let bytes =
                (PURGED_FIELDS_BYTES + MEMBER_BYTES_MAX) as u64 + PURGED_FIELDS_MAX * LENGTH_BYTES_MAX;
            self.log_bytes += hashes * (2 * (EFFECT_BYTES_MAX + KEY_BYTES_MAX as u64) + bytes);
            self.table_pages += hashes * PURGE_PAGES;
        }
        Ok(())
    }
}

/// Bytes of the keys and cells of a tree, with those of the trees in its cells.
fn tree_bytes(view: &View<'_>, root: Root, depth: usize) -> Result<u64, KeyspaceError> {
    check_depth(depth)?;
    let mut bytes = 0;
    walk(view, root, &[], |key, cell| {
        bytes += (key.len() + cell.bytes.len()) as u64;
        for root in cell.roots.as_slice() {
            bytes += tree_bytes(view, *root, depth + 1)?;
        }
        Ok(true)
    })?;
    Ok(bytes)
}

/// Pages for a copy of a tree, generously.
fn copy_pages(view: &View<'_>, root: Root, depth: usize) -> Result<u64, KeyspaceError> {
    check_depth(depth)?;
    let mut pages = 0;
    let mut bytes = 0;
    walk(view, root, &[], |key, cell| {
        bytes += (key.len() + cell.bytes.len() + CELL_OVERHEAD_BYTES) as u64;
        for root in cell.roots.as_slice() {
            pages += copy_pages(view, *root, depth + 1)?;
        }
        Ok(true)
    })?;
    // Leaves that are written in order are full but for one cell; branches add little.
    Ok(pages + bytes / 2048 + path_pages(root.len()))
}

/// Pages that a change of one key in a tree of `keys` keys may copy or add.
const fn path_pages(keys: u64) -> u64 {
    let keys = if keys == 0 { 1 } else { keys };
    3 + keys.ilog(16) as u64
}

/// Pages for a value: pieces in pages that are half full, and the path to them.
fn pages_of(bytes: u64) -> u64 {
    let pieces = bytes.div_ceil(PIECE_BYTES as u64);
    if pieces <= 1 { 1 } else { pieces + path_pages(pieces) }
}
