//! The keys that clients watch.
//!
//! Only the writer uses this, so a key is watched from a point in the writer's order of execution on. A change is
//! either before the `WATCH`, and visible to what the client reads after it, or it touches the key. A client that stops
//! watching drops its [`Watch`]; its entries here are removed by a sweep later.
//!
//! The rules are Redis's: a change touches a key, and so does expiry. Flushing or swapping databases touches the keys
//! that exist before or after it. A key that had already expired when it was watched is deleted then, which does not
//! touch it.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use crate::effect::{Change, DATABASES_MAX, Effect, KeyChange};
use crate::keyspace::keys_slot;
use crate::state::{Watch, WatchedKey};
use crate::table::View;

/// The next sweep comes when there are this many entries more than twice those left by the last sweep.
const DEAD_ENTRIES_MAX: usize = 64;

/// A client that watches a key.
struct Watcher {
    /// The client's end; dropped when it stops watching.
    watch: Weak<Watch>,
    /// Whether the key existed before the command that is about to change whole databases.
    existed: bool,
    /// Whether the key had expired when it was watched. Then its deletion because of that is not a change.
    was_due: bool,
}

/// The watched keys of one database.
type Keys = HashMap<Arc<[u8]>, Vec<Watcher>>;

/// The keys that clients watch.
pub(super) struct WatchedKeys {
    /// By database.
    keys: Vec<Keys>,
    /// Number of watchers of all keys.
    len: usize,
    /// Number of them after the last sweep.
    swept_len: usize,
}

impl Default for WatchedKeys {
    fn default() -> Self {
        Self { keys: (0..DATABASES_MAX).map(|_| Keys::new()).collect(), len: 0, swept_len: 0 }
    }
}

impl WatchedKeys {
    /// Whether no key is watched. Checked for each command.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Watches a key.
    pub fn add(&mut self, watch: &Arc<Watch>, db: usize, key: &[u8], was_due: bool) {
        let this = Arc::downgrade(watch);
        let keys = &mut self.keys[db];
        let (name, watchers) = match keys.get_key_value(key) {
            Some((_, watchers)) if watchers.iter().any(|watcher| watcher.watch.ptr_eq(&this)) => return,
            Some((name, _)) => (name.clone(), keys.get_mut(key).expect("it was found")),
            None => {
                let name: Arc<[u8]> = key.into();
                (name.clone(), keys.entry(name).or_default())
            }
        };
        watchers.push(Watcher { watch: this, existed: false, was_due });
        watch.keys().push(WatchedKey { db: db as u16, key: name, was_due });
        self.len += 1;
        if self.len > 2 * self.swept_len + DEAD_ENTRIES_MAX {
            self.sweep();
        }
    }

    /// Removes the keys of a `Watch`.
    pub fn remove(&mut self, watch: &Arc<Watch>) {
        for WatchedKey { db, key, .. } in watch.keys().drain(..) {
            let keys = &mut self.keys[usize::from(db)];
            let Some(watchers) = keys.get_mut(&key) else { continue };
            let before = watchers.len();
            watchers.retain(|watcher| !std::ptr::eq(watcher.watch.as_ptr(), Arc::as_ptr(watch)));
            self.len -= before - watchers.len();
            if watchers.is_empty() {
                keys.remove(&key);
            }
        }
    }

    /// Removes the entries of clients that have stopped watching.
    pub fn sweep(&mut self) {
        for keys in &mut self.keys {
            keys.retain(|_, watchers| {
                watchers.retain(|watcher| watcher.watch.strong_count() > 0);
                !watchers.is_empty()
            });
        }
        self.len = self.keys.iter().flat_map(HashMap::values).map(Vec::len).sum();
        self.swept_len = self.len;
    }

    /// Remembers which of the keys exist, before a command that may change whole databases.
    pub fn note_existing(&mut self, view: &View<'_>) {
        for (db, keys) in self.keys.iter_mut().enumerate() {
            for (key, watchers) in keys.iter_mut() {
                let existed = may_exist(view, db, key);
                watchers.iter_mut().for_each(|watcher| watcher.existed = existed);
            }
        }
    }

    /// Touches what an effect changed; `view` is the version with it.
    pub fn touch(&self, effect: &Effect<'_>, view: &View<'_>) {
        match *effect {
            Effect::Database(change) => change.all().for_each(|db| self.touch_all(db, view)),
            Effect::Key { db, key, change: Change::Key(KeyChange::Delete { expired: true }) } => {
                let watchers = self.watchers(db, key);
                watchers.filter(|watcher| !watcher.was_due).for_each(Watcher::touch);
            }
            _ => effect.touched().for_each(|(db, key)| self.touch_key(db, key)),
        }
    }

    /// Touches a key.
    pub fn touch_key(&self, db: usize, key: &[u8]) {
        self.watchers(db, key).for_each(Watcher::touch);
    }

    /// The watchers of a key. Nobody watches drafts.
    fn watchers(&self, db: usize, key: &[u8]) -> impl Iterator<Item = &Watcher> {
        self.keys.get(db).and_then(|keys| keys.get(key)).into_iter().flatten()
    }

    /// Number of watchers of all keys, including those that have stopped watching since the last sweep.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Touches the keys of a database that existed before or exist now.
    fn touch_all(&self, db: usize, view: &View<'_>) {
        for (key, watchers) in &self.keys[db] {
            let exists = may_exist(view, db, key);
            watchers.iter().filter(|watcher| exists || watcher.existed).for_each(Watcher::touch);
        }
    }
}

/// Whether a key exists. `true` if it cannot be read: then a transaction that watches it must not run.
fn may_exist(view: &View<'_>, db: usize, key: &[u8]) -> bool {
    let root = view.root(keys_slot(db));
    !root.is_empty() && view.get(root, key).map_or(true, |cell| cell.is_some())
}

impl Watcher {
    /// Marks the client's end as touched.
    fn touch(&self) {
        if let Some(watch) = self.watch.upgrade() {
            watch.touch();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touched(watched_keys: &WatchedKeys, effect: &Effect<'_>) {
        for (db, key) in effect.touched() {
            watched_keys.touch_key(db, key);
        }
    }

    #[test]
    fn only_a_change_of_the_key_in_its_database_touches() {
        let mut watched_keys = WatchedKeys::default();
        let (watch, other) = (Arc::new(Watch::default()), Arc::new(Watch::default()));
        watched_keys.add(&watch, 1, b"k", false);
        watched_keys.add(&watch, 1, b"k", false);
        watched_keys.add(&other, 1, b"j", false);
        assert_eq!((watched_keys.len, watch.keys().len()), (2, 1));
        touched(&watched_keys, &Effect::on(0, b"k", KeyChange::Delete { expired: false }));
        touched(&watched_keys, &Effect::on(1, b"k", KeyChange::Copy { to_db: 1, to: b"x" }));
        assert!(!watch.is_touched());
        touched(&watched_keys, &Effect::on(0, b"k", KeyChange::Move { to_db: 1 }));
        assert!(watch.is_touched() && !other.is_touched());
        touched(&watched_keys, &Effect::on(1, b"x", KeyChange::Rename { to: b"j" }));
        assert!(other.is_touched());
    }

    #[test]
    fn what_is_watched_no_more_does_not_add_up() {
        let mut watched_keys = WatchedKeys::default();
        let kept = Arc::new(Watch::default());
        watched_keys.add(&kept, 0, b"kept", false);
        for number in 0..10_000u32 {
            watched_keys.add(&Arc::new(Watch::default()), 0, &number.to_le_bytes(), false);
            assert!(watched_keys.len <= DEAD_ENTRIES_MAX + 5);
        }
        watched_keys.sweep();
        assert_eq!(watched_keys.len, 1);
        watched_keys.remove(&kept);
        assert!(watched_keys.is_empty() && watched_keys.keys[0].is_empty());
    }
}
