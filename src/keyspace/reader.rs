//! Looking keys up in one version of the data.
//!
//! An expired key is missing to whoever asks, and is remembered in [`Lookups`]: its deletion must be in the
//! log before a client can learn from a reply that it is gone.

use super::cell::{Kind, Value};
use super::error::KeyspaceError;
use super::layout::keys_slot;
use super::lookup::{DbKey, lookup};
use super::walk::walk;
use crate::table::View;

/// What the lookups of one command found out on the side. Reused from command to command.
#[derive(Debug, Default)]
pub struct Lookups {
    /// Expired keys.
    pub expired: Vec<DbKey>,
    /// Whether these stay: nothing expires while writes are paused.
    pub keeps_expired: bool,
    /// Lookups of a key that was there.
    pub hits: u64,
    /// Lookups of a key that was not there.
    pub misses: u64,
    /// Whether the keys that were not there are to be remembered.
    pub notes_missing: bool,
    /// Those keys, if so.
    pub missing: Vec<DbKey>,
}

/// Looks keys up in one version, at one moment.
pub struct KeyReader<'a> {
    /// The version.
    view: &'a View<'a>,
    /// The moment, in milliseconds since 1970.
    now_ms: u64,
    /// What is found out on the side.
    lookups: &'a mut Lookups,
}

impl<'a> KeyReader<'a> {
    /// Reads `view` at `now_ms`.
    pub fn new(view: &'a View<'a>, now_ms: u64, lookups: &'a mut Lookups) -> Self {
        Self { view, now_ms, lookups }
    }

    /// The version that is read.
    pub fn view(&self) -> &'a View<'a> {
        self.view
    }

    /// The moment that expiry times are compared with, in milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// What the key holds. Counts as a hit or a miss.
    #[inline]
    pub fn get(&mut self, db: usize, key: &[u8]) -> Result<Option<Value<'a>>, KeyspaceError> {
        let value = self.peek(db, key)?;
        if value.is_some() {
            self.lookups.hits += 1;
        } else {
            self.lookups.misses += 1;
            if self.lookups.notes_missing {
                self.lookups.missing.push(DbKey { db, key: key.into() });
            }
        }
        Ok(value)
    }

    /// What the key holds, not counted.
    #[inline]
    pub fn peek(&mut self, db: usize, key: &[u8]) -> Result<Option<Value<'a>>, KeyspaceError> {
        let Some(value) = lookup(self.view, db, key)? else {
            return Ok(None);
        };
        Ok(if self.is_live(db, key, &value)? { Some(value) } else { None })
    }

    /// Number of keys in the database, those that have expired but are not yet deleted included.
    pub fn len(&self, db: usize) -> u64 {
        self.view.root(keys_slot(db)).len()
    }

    /// Whether the database holds no key.
    pub fn is_empty(&self, db: usize) -> bool {
        self.len(db) == 0
    }

    /// Hands the live keys from `start` on to `see`, in order, until it returns `false`. Expired keys are
    /// remembered and passed over; `see` is asked with `None` there, so that it can bound the work.
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

    /// Whether the key's expiry is still to come, and that of a field if it is a hash; remembers the key if it has
    /// something to delete.
    #[inline]
    fn is_live(&mut self, db: usize, key: &[u8], value: &Value<'_>) -> Result<bool, KeyspaceError> {
        if value.is_timed() && !value.is_expired(self.now_ms) {
            return self.has_live_field(db, key, value);
        }
        let expired = value.is_expired(self.now_ms);
        if expired {
            self.lookups.expired.push(DbKey { db, key: key.into() });
        }
        Ok(!expired)
    }

    /// Whether a field of a hash has its expiry still to come; remembers the key if one has not.
    #[cold]
    fn has_live_field(&mut self, db: usize, key: &[u8], value: &Value<'_>) -> Result<bool, KeyspaceError> {
        let Some(hash) = value.hash(self.now_ms) else { return Ok(true) };
        let live = hash.len(self.view)?;
        if live < hash.places()? {
            self.lookups.expired.push(DbKey { db, key: key.into() });
        }
        Ok(live > 0)
    }
}

/// What a writing command needs to know of a key before it decides: owned, so that the data can be changed meanwhile.
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
    /// What there is to know of `value`.
    pub(super) fn of(value: &Value<'_>) -> Result<Self, KeyspaceError> {
        let len = value.text()?.map_or(0, |text| text.len());
        Ok(Self { kind: value.kind, expire_at_ms: value.expire_at_ms, len })
    }
}
