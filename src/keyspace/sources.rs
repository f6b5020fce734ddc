//! What a result came from: the keys that were looked up for it, and what they held.
//!
//! Pages of a published version never change, and a page that takes the place of another has a later generation. So a
//! key whose cell has the same bytes and roots in a later version has the same value, however large it is.

use super::cell::Value;
use super::due::any_due;
use super::error::KeyspaceError;
use super::layout::keys_slot;
use crate::table::{Cell, CellRoots, Root, View};

/// Up to this many keys are remembered one by one; from then on, all keys of their database count as looked up.
const KEYS_MAX: usize = 2048;

/// What a result came from.
#[derive(Debug, Default)]
pub struct Sources {
    /// Keys.
    keys: Vec<Source>,
    /// Whole databases, with the trees of their keys.
    databases: Vec<(usize, Root)>,
}

/// A key that was looked up.
#[derive(Debug)]
struct Source {
    /// Its database.
    db: usize,
    /// The key.
    key: Box<[u8]>,
    /// Bytes and roots of its cell; `None` if there was no such key.
    cell: Option<(Box<[u8]>, CellRoots)>,
}

impl Source {
    /// Whether the key holds the same in `view`, and has not expired.
    fn is_same(&self, view: &View<'_>, now_ms: u64) -> Result<bool, KeyspaceError> {
        let cell = cell_of(view, self.db, &self.key)?;
        Ok(match (&self.cell, &cell) {
            (None, None) => true,
            (Some((bytes, roots)), Some(now)) => {
                **bytes == *now.bytes && *roots == now.roots && !Value::read(now)?.is_expired(now_ms)
            }
            _ => false,
        })
    }
}

impl Sources {
    /// Remembers a key that is looked up in `view`.
    pub(super) fn note(&mut self, view: &View<'_>, db: usize, key: &[u8]) -> Result<(), KeyspaceError> {
        if self.databases.iter().any(|(whole, _)| *whole == db) {
            return Ok(());
        }
        if self.keys.len() < KEYS_MAX {
            let cell = cell_of(view, db, key)?.map(|cell| (cell.bytes.into(), cell.roots));
            self.keys.push(Source { db, key: key.into(), cell });
        } else {
            self.databases.push((db, view.root(keys_slot(db))));
        }
        Ok(())
    }

    /// Adds what another part of the work came from.
    pub(super) fn add(&mut self, mut other: Sources) {
        self.keys.append(&mut other.keys);
        self.databases.append(&mut other.databases);
    }

    /// Whether the keys hold the same in `view`, and none of them has expired.
    pub(super) fn are_same(&self, view: &View<'_>, now_ms: u64) -> Result<bool, KeyspaceError> {
        for source in &self.keys {
            if !source.is_same(view, now_ms)? {
                return Ok(false);
            }
        }
        for (db, root) in &self.databases {
            if view.root(keys_slot(*db)) != *root || any_due(view, *db, now_ms)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The cell of a key.
fn cell_of<'v>(view: &'v View<'_>, db: usize, key: &[u8]) -> Result<Option<Cell<'v>>, KeyspaceError> {
    let root = view.root(keys_slot(db));
    Ok(if root.is_empty() { None } else { view.get(root, key)? })
}
