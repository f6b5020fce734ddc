//! How much space a command may need, known before it runs.
//!
//! The writer reserves that much in the log and in the table first, so that a full disk refuses a command before it
//! has changed anything. The figures are upper bounds for the log; for the table they are generous.

use super::{KeyspaceError, cell::PIECE_BYTES, deadlines_slot, keys_slot, reader};
use crate::table::View;

/// Space that a command may need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Bytes of the record's payload, at most.
    pub log_bytes: u64,
    /// Pages of the table.
    pub table_pages: u64,
}

/// Bytes of an effect besides its keys and value, at most.
const EFFECT_BYTES_MAX: u64 = 48;

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
        if let Some(value) = reader::lookup(view, db, key)?
            && let Some(text) = value.text()?
        {
            self.table_pages += pages_of(text.len());
        }
        Ok(())
    }
}

/// Pages that a change of one key in a tree of `keys` keys may copy or add.
fn path_pages(keys: u64) -> u64 {
    3 + u64::from(keys.max(1).ilog(16))
}

/// Pages for a value: pieces in pages that are half full, and the path to them.
fn pages_of(bytes: u64) -> u64 {
    let pieces = bytes.div_ceil(PIECE_BYTES as u64);
    if pieces <= 1 { 1 } else { pieces + path_pages(pieces) }
}
