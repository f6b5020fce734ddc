//! Looking keys up in one version of the data.
//!
//! Reads treat an expired key as missing and remember it in [`Lookups`]: its deletion must be in the log before a reply
//! can tell a client that it is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::cell::{Kind, Value};
use super::error::KeyspaceError;
use super::layout::keys_slot;
use super::lookup::{DbKey, lookup_at};
use super::sources::Sources;
use super::walk::walk;
use crate::table::{Hint, View};

/// What the lookups of one command noticed. Reused from command to command.
#[derive(Debug, Default)]
pub struct Lookups {
    /// Expired keys.
    pub expired: Vec<DbKey>,
    /// Set when a key is found expired, for whoever needs to know before the command ends.
    pub expired_flag: Option<Arc<AtomicBool>>,
    /// Whether expired keys are kept: nothing expires while writes are paused.
    pub keeps_expired: bool,
    /// Lookups of a key that was there.
    pub hits: u64,
    /// Lookups of a key that was not there.
    pub misses: u64,
    /// Whether missing keys are remembered.
    pub notes_missing: bool,
    /// The missing keys, if they are remembered.
    pub missing: Vec<DbKey>,
    /// The keys that were looked up, if they are remembered.
    pub sources: Option<Sources>,
}

impl Lookups {
    /// Counts a hit or a miss.
    #[inline]
    pub fn count(&mut self, is_there: bool) {
        if is_there {
            self.hits += 1;
        } else {
            self.misses += 1;
        }
    }

    /// Remembers an expired key.
    fn note_expired(&mut self, db: usize, key: &[u8]) {
        self.expired.push(DbKey { db, key: key.into() });
        if let Some(flag) = &self.expired_flag {
            flag.store(true, Relaxed);
        }
    }
}

/// Looks keys up in one version, at one time.
pub struct KeyReader<'a> {
    /// The version.
    view: &'a View<'a>,
    /// The time, in milliseconds since 1970.
    now_ms: u64,
    /// What the lookups notice.
    lookups: &'a mut Lookups,
    /// Where the keys may be that are looked up: one hint for each, in the order of the lookups.
    hints: &'a [Hint],
    /// The index of the next lookup's hint.
    next_hint: usize,
}

impl<'a> KeyReader<'a> {
    /// Reads `view` at `now_ms`.
    pub fn new(view: &'a View<'a>, now_ms: u64, lookups: &'a mut Lookups) -> Self {
        Self { view, now_ms, lookups, hints: &[], next_hint: 0 }
    }

    /// With hints for the keys that will be looked up first, in this order. A single hint is for all lookups. Wrong hints
    /// only cost time.
    #[must_use]
    pub fn with_hints(mut self, hints: &'a [Hint]) -> Self {
        self.hints = hints;
        self
    }

    /// The version that is read.
    pub fn view(&self) -> &'a View<'a> {
        self.view
    }

    /// The time that expiry times are compared with, in milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// The key's value. Counts as a hit or a miss; a missing key is remembered if that is wanted.
    #[inline]
    pub fn get(&mut self, db: usize, key: &[u8]) -> Result<Option<Value<'a>>, KeyspaceError> {
        let value = self.get_quietly(db, key)?;
        if value.is_none() && self.lookups.notes_missing {
            self.lookups.missing.push(DbKey { db, key: key.into() });
        }
        Ok(value)
    }

    /// The key's value. Counts as a hit or a miss.
    #[inline]
    pub fn get_quietly(&mut self, db: usize, key: &[u8]) -> Result<Option<Value<'a>>, KeyspaceError> {
        let value = self.peek(db, key)?;
        self.lookups.count(value.is_some());
        Ok(value)
    }

    /// The key's value, without counting.
    #[inline]
    pub fn peek(&mut self, db: usize, key: &[u8]) -> Result<Option<Value<'a>>, KeyspaceError> {
        if let Some(sources) = &mut self.lookups.sources {
            sources.note(self.view, db, key)?;
        }
        let hint = self.hints.get(self.next_hint).unwrap_or(&Hint::NONE);
        self.next_hint += usize::from(self.hints.len() > 1);
        let Some(value) = lookup_at(self.view, db, key, hint)? else {
            return Ok(None);
        };
        Ok(if self.is_live(db, key, &value)? { Some(value) } else { None })
    }

    /// Number of keys in the database, including those that have expired but are not yet deleted.
    pub fn len(&self, db: usize) -> u64 {
        self.view.root(keys_slot(db)).len()
    }

    /// Whether the database holds no key.
    pub fn is_empty(&self, db: usize) -> bool {
        self.len(db) == 0
    }

    /// Calls `see` with the live keys from `start` on, in order, until it returns `false`. Expired keys are remembered
    /// and skipped; `see` is called with `None` for them, so that it can limit the work.
    pub fn each_from(
        &mut self,
        db: usize,
        start: &[u8],
        mut see: impl FnMut(&[u8], Option<Value<'_>>) -> Result<bool, KeyspaceError>,
    ) -> Result<(), KeyspaceError> {
        let view = self.view;
        walk(view, view.root(keys_slot(db)), start, |key, cell| {
            let value = Value::read(&cell)?;
            let live = self.is_live(db, key, &value)?;
            see(key, live.then_some(value))
        })
    }

    /// The key at `position` of the database's order, if it is live.
    pub fn nth(&mut self, db: usize, position: u64) -> Result<Option<Vec<u8>>, KeyspaceError> {
        let view = self.view;
        let Some((key, cell)) = view.nth(view.root(keys_slot(db)), position)? else {
            return Ok(None);
        };
        let value = Value::read(&cell)?;
        Ok(self.is_live(db, &key, &value)?.then(|| key.to_vec()))
    }

    /// Whether the key has not expired and, if it is a hash, has a field that has not. Remembers the key if something
    /// in it must be deleted.
    #[inline]
    fn is_live(&mut self, db: usize, key: &[u8], value: &Value<'_>) -> Result<bool, KeyspaceError> {
        if value.is_timed() && !value.is_expired(self.now_ms) {
            return self.has_live_field(db, key, value);
        }
        let expired = value.is_expired(self.now_ms);
        if expired {
            self.lookups.note_expired(db, key);
        }
        Ok(!expired)
    }

    /// Whether a hash has a field that has not expired; remembers the key if some field has.
    #[cold]
    fn has_live_field(&mut self, db: usize, key: &[u8], value: &Value<'_>) -> Result<bool, KeyspaceError> {
        let Some(hash) = value.hash(self.now_ms) else { return Ok(true) };
        let live = hash.len(self.view)?;
        if live < hash.places()? {
            self.lookups.note_expired(db, key);
        }
        Ok(live > 0)
    }
}

/// What a writing command needs to know about a key before it decides. Owned, so that the data can be changed while it
/// is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Type of the value.
    pub kind: Kind,
    /// When the key expires, in milliseconds since 1970.
    pub expire_at_ms: Option<u64>,
    /// Length of the string in bytes; 0 for other types.
    pub len: u64,
}

impl KeyInfo {
    /// The information about `value`.
    pub(super) fn of(value: &Value<'_>) -> Result<Self, KeyspaceError> {
        let len = value.text()?.map_or(0, |text| text.len());
        Ok(Self { kind: value.kind, expire_at_ms: value.expire_at_ms, len })
    }
}
