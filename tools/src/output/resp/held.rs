//! Expiry times held back until the end.

use std::collections::BTreeMap;

use ackd::effect::{DATABASES_MAX, Items};

/// Expiry times nearer than this many milliseconds are held back: a replay may take that long.
pub(super) const MARGIN_MS: u64 = 3_600_000;

/// The held-back expiry times of a key, in milliseconds since 1970. There is at least one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    /// Its own.
    pub(super) key: Option<u64>,
    /// Those of its fields.
    pub(super) fields: BTreeMap<Vec<u8>, u64>,
}

/// The held-back expiry times of all keys.
pub(super) struct HeldBack {
    /// Expiry times up to this one, in milliseconds since 1970, are held back.
    near_ms: u64,
    /// By database and key.
    keys: Vec<BTreeMap<Vec<u8>, Held>>,
}

impl HeldBack {
    /// None yet; the replay is at about `now_ms`, in milliseconds since 1970.
    pub(super) fn new(now_ms: u64) -> Self {
        Self { near_ms: now_ms.saturating_add(MARGIN_MS), keys: vec![BTreeMap::new(); DATABASES_MAX] }
    }

    /// Forgets those of a key.
    pub(super) fn drop_key(&mut self, db: usize, key: &[u8]) {
        self.keys[db].remove(key);
    }

    /// Forgets those of a database.
    pub(super) fn clear(&mut self, db: usize) {
        self.keys[db].clear();
    }

    /// Swaps those of two databases.
    pub(super) fn swap(&mut self, a: usize, b: usize) {
        self.keys.swap(a, b);
    }

    /// Takes all of them, in the order of databases and keys.
    pub(super) fn take(&mut self) -> impl Iterator<Item = (usize, Vec<u8>, Held)> + use<> {
        let all = std::mem::take(&mut self.keys).into_iter().enumerate();
        all.flat_map(|(db, keys)| keys.into_iter().map(move |(key, held)| (db, key, held)))
    }

    /// Returns the expiry if it can be written now. A near one is held back.
    pub(super) fn if_far(&mut self, db: usize, key: &[u8], expire_at_ms: Option<u64>) -> Option<u64> {
        let near = expire_at_ms.filter(|expiry| *expiry <= self.near_ms);
        self.change(db, key, near.is_some(), |held| held.key = near);
        expire_at_ms.filter(|_| near.is_none())
    }

    /// Returns the expiry if it can be written now. A near one is held back for each of the fields.
    pub(super) fn fields_if_far(
        &mut self,
        db: usize,
        key: &[u8],
        fields: Items<'_>,
        expire_at_ms: Option<u64>,
    ) -> Option<u64> {
        let near = expire_at_ms.filter(|expiry| *expiry <= self.near_ms);
        self.change(db, key, near.is_some(), |held| {
            for field in fields {
                match near {
                    Some(expiry) => held.fields.insert(field.to_vec(), expiry),
                    None => held.fields.remove(field),
                };
            }
        });
        expire_at_ms.filter(|_| near.is_none())
    }

    /// Changes what is held back for a key. If nothing is, the change runs only if it `adds` something.
    fn change(&mut self, db: usize, key: &[u8], adds: bool, change: impl FnOnce(&mut Held)) {
        if let Some(held) = self.keys[db].get_mut(key) {
            change(held);
            if *held == Held::default() {
                self.keys[db].remove(key);
            }
        } else if adds {
            change(self.keys[db].entry(key.to_vec()).or_default());
        }
    }

    /// Moves or copies held expiry times with their value to another key, which loses its own.
    pub(super) fn hand_on(&mut self, (db, key): (usize, &[u8]), (to_db, to): (usize, &[u8]), moves: bool) {
        let held = if moves { self.keys[db].remove(key) } else { self.keys[db].get(key).cloned() };
        match held {
            Some(held) => self.keys[to_db].insert(to.to_vec(), held),
            None => self.keys[to_db].remove(to),
        };
    }
}
