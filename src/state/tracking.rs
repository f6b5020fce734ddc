//! Client-side caching: which client may have which key in its cache, and who is notified when the key changes.
//!
//! A client that reads a key is remembered *before* the read takes its snapshot (on the writer: in the order of
//! execution). A change is looked up *after* its version is published, or readers know that they must have it published
//! first. So a client that read the old value is always notified. A client that was notified of a key is then forgotten
//! for that key until it reads it again. Clients in broadcasting mode are instead notified of every change of a key
//! with one of their prefixes. As in Redis, the table has keys by name, whatever their database.
//!
//! The table is bounded by `tracking-table-max-keys`: beyond that, some key is forgotten, and its clients are notified
//! as if it had changed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use smallvec::SmallVec;

use super::clients::ClientInfo;
use super::deliver::Deliver;
use super::outbox::Message;
use crate::resp::{Protocol, Reply};

/// Shards of the table.
const SHARDS: usize = 16;
/// Number of clients of one key from which on clients that are gone are searched and removed.
const HOLDERS_PRUNE: usize = 16;
/// Channel on which RESP2 clients are notified.
const INVALIDATE_CHANNEL: &[u8] = b"__redis__:invalidate";

/// What a client asked for with `CLIENT TRACKING ON`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrackingMode {
    /// `REDIRECT`: the client that is notified.
    pub redirect: Option<u64>,
    /// `BCAST`: notifies of all keys with one of these prefixes.
    pub prefixes: Option<BTreeSet<Box<[u8]>>>,
    /// `OPTIN`: remembers only what follows `CLIENT CACHING YES`.
    pub opt_in: bool,
    /// `OPTOUT`: remembers all but what follows `CLIENT CACHING NO`.
    pub opt_out: bool,
    /// `NOLOOP`: does not notify the client of its own changes.
    pub no_loop: bool,
}

/// A client that tracks.
struct Tracker {
    /// The client.
    info: Arc<ClientInfo>,
    /// What it asked for.
    mode: TrackingMode,
}

/// The clients that may have a key in their cache.
type Holders = SmallVec<[u64; 2]>;
/// Keys, and the clients that may have them in their cache.
type Shard = HashMap<Box<[u8]>, Holders>;

/// The clients that track, and the table of keys.
pub struct Tracking {
    /// Number of clients that track. The data path only checks this.
    len: AtomicUsize,
    /// The clients that track.
    trackers: RwLock<BTreeMap<u64, Tracker>>,
    /// Prefixes, and the clients that are notified of keys with them.
    prefixes: RwLock<BTreeMap<Box<[u8]>, BTreeSet<u64>>>,
    /// The table.
    shards: [Mutex<Shard>; SHARDS],
    /// Chooses a key's shard.
    hasher: RandomState,
    /// Number of keys in the table.
    keys: AtomicUsize,
}

impl Default for Tracking {
    fn default() -> Self {
        Self {
            len: AtomicUsize::new(0),
            trackers: RwLock::default(),
            prefixes: RwLock::default(),
            shards: Default::default(),
            hasher: RandomState::new(),
            keys: AtomicUsize::new(0),
        }
    }
}

/// Sizes of the table, for `INFO`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrackingSizes {
    /// Clients that track.
    pub clients: usize,
    /// Keys in the table.
    pub keys: usize,
    /// Pairs of key and client in the table.
    pub items: usize,
    /// Prefixes of clients in broadcasting mode.
    pub prefixes: usize,
}

impl Tracking {
    /// Whether any client tracks.
    #[inline]
    pub fn any(&self) -> bool {
        self.len.load(Relaxed) > 0
    }

    /// Whether any client tracks, or the table still has keys.
    #[inline]
    pub fn is_in_use(&self) -> bool {
        self.any() || self.keys.load(SeqCst) > 0
    }

    /// Starts tracking for a client, or changes its mode.
    pub fn start(&self, info: &Arc<ClientInfo>, mode: TrackingMode) {
        let id = info.id();
        if let Some(wanted) = &mode.prefixes {
            let mut prefixes = self.prefixes.write().unwrap_or_else(PoisonError::into_inner);
            for prefix in wanted {
                prefixes.entry(prefix.clone()).or_default().insert(id);
            }
        }
        let mut trackers = self.trackers.write().unwrap_or_else(PoisonError::into_inner);
        trackers.insert(id, Tracker { info: info.clone(), mode });
        self.len.store(trackers.len(), SeqCst);
    }

    /// Ends tracking for a client. Its entries in the table are removed later.
    pub fn stop(&self, id: u64) {
        let mut trackers = self.trackers.write().unwrap_or_else(PoisonError::into_inner);
        let Some(tracker) = trackers.remove(&id) else { return };
        self.len.store(trackers.len(), SeqCst);
        drop(trackers);
        if tracker.mode.prefixes.is_some() {
            let mut prefixes = self.prefixes.write().unwrap_or_else(PoisonError::into_inner);
            prefixes.retain(|_, clients| {
                clients.remove(&id);
                !clients.is_empty()
            });
        }
    }

    /// Remembers that a client may have these keys in its cache. To be called before they are read.
    pub fn remember<'a>(&self, server: &impl Deliver, id: u64, keys: impl Iterator<Item = &'a [u8]>) {
        for key in keys {
            self.remember_one(id, key);
        }
        self.shrink(server);
    }

    /// Forgets keys beyond the limit; their clients are notified as if the keys had changed.
    pub fn shrink(&self, server: &impl Deliver) {
        while self.keys.load(SeqCst) as u64 > server.tracking_keys_max() {
            let Some((key, holders)) = self.take_any() else { return };
            self.notify_holders(server, &holders, &key, None);
        }
    }

    /// Remembers one key.
    fn remember_one(&self, id: u64, key: &[u8]) {
        let mut shard = self.shard(key);
        let Some(holders) = shard.get_mut(key) else {
            shard.insert(key.into(), SmallVec::from_slice(&[id]));
            self.keys.fetch_add(1, SeqCst);
            return;
        };
        if holders.contains(&id) {
            return;
        }
        if holders.len() >= HOLDERS_PRUNE && holders.len().is_power_of_two() {
            let trackers = self.trackers.read().unwrap_or_else(PoisonError::into_inner);
            holders.retain(|id| trackers.contains_key(id));
        }
        holders.push(id);
    }

    /// Takes some key out of the table.
    fn take_any(&self) -> Option<(Box<[u8]>, Holders)> {
        let first = self.hasher.hash_one(self.keys.load(SeqCst)) as usize;
        (0..SHARDS).find_map(|step| {
            let mut shard = lock(&self.shards[(first + step) % SHARDS]);
            let key = shard.keys().next()?.clone();
            let holders = shard.remove(&key)?;
            self.keys.fetch_sub(1, SeqCst);
            Some((key, holders))
        })
    }

    /// Notifies the clients that may have `key` in their cache that the client `by` changed it, or that it was deleted.
    pub fn changed(&self, server: &impl Deliver, key: &[u8], by: Option<u64>) {
        let holders = self.shard(key).remove(key);
        if let Some(holders) = holders {
            self.keys.fetch_sub(1, SeqCst);
            self.notify_holders(server, &holders, key, by);
        }
    }

    /// Notifies clients that a key changed.
    fn notify_holders(&self, server: &impl Deliver, holders: &[u64], key: &[u8], by: Option<u64>) {
        let trackers = self.trackers.read().unwrap_or_else(PoisonError::into_inner);
        for tracker in holders.iter().filter_map(|id| trackers.get(id)) {
            let is_own = tracker.mode.no_loop && by == Some(tracker.info.id());
            if tracker.mode.prefixes.is_none() && !is_own {
                notify(server, tracker, Some(&[key]));
            }
        }
    }

    /// Notifies clients in broadcasting mode of changed keys; each comes with the client that changed it. As in Redis,
    /// a message has each key once, and the keys sorted.
    pub fn broadcast(&self, server: &impl Deliver, changes: &[(&[u8], Option<u64>)]) {
        let prefixes = self.prefixes.read().unwrap_or_else(PoisonError::into_inner);
        if prefixes.is_empty() || changes.is_empty() {
            return;
        }
        let trackers = self.trackers.read().unwrap_or_else(PoisonError::into_inner);
        for (prefix, ids) in prefixes.iter() {
            let mut matching: Vec<&(&[u8], Option<u64>)> =
                changes.iter().filter(|(key, _)| key.starts_with(prefix)).collect();
            matching.sort_unstable();
            matching.dedup();
            for tracker in ids.iter().filter_map(|id| trackers.get(id)) {
                let others = |by: Option<u64>| !tracker.mode.no_loop || by != Some(tracker.info.id());
                let mut keys: Vec<&[u8]> =
                    matching.iter().filter(|(_, by)| others(*by)).map(|(key, _)| *key).collect();
                keys.dedup();
                if !keys.is_empty() {
                    notify(server, tracker, Some(&keys));
                }
            }
        }
    }

    /// Notifies all clients except `but` that whole databases changed, and forgets all keys.
    pub fn flushed(&self, server: &impl Deliver, but: Option<u64>) {
        for shard in &self.shards {
            let forgotten = std::mem::take(&mut *lock(shard));
            self.keys.fetch_sub(forgotten.len(), SeqCst);
        }
        let trackers = self.trackers.read().unwrap_or_else(PoisonError::into_inner);
        let notified = trackers.values().filter(|tracker| Some(tracker.info.id()) != but);
        notified.for_each(|tracker| notify(server, tracker, None));
    }

    /// The sizes of the table.
    pub fn sizes(&self) -> TrackingSizes {
        TrackingSizes {
            clients: self.len.load(SeqCst),
            keys: self.keys.load(SeqCst),
            items: self
                .shards
                .iter()
                .map(|shard| lock(shard).values().map(|ids| ids.len()).sum::<usize>())
                .sum(),
            prefixes: self.prefixes.read().unwrap_or_else(PoisonError::into_inner).len(),
        }
    }

    /// A key's shard, locked.
    fn shard(&self, key: &[u8]) -> MutexGuard<'_, Shard> {
        lock(&self.shards[self.hasher.hash_one(key) as usize % SHARDS])
    }
}

/// A shard, locked.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notifies a client, or the one that it redirects to, of changed keys; `None`: all keys.
fn notify(server: &impl Deliver, tracker: &Tracker, keys: Option<&[&[u8]]>) {
    let target = match tracker.mode.redirect {
        None => Some(tracker.info.clone()),
        Some(id) => server.client(id).filter(|info| !info.is_killed()),
    };
    let Some(target) = target else {
        redirect_broken(server, tracker);
        return;
    };
    let redirected = tracker.mode.redirect.is_some();
    if target.protocol_version() == 2 && !(redirected && target.subscriptions().any()) {
        // In RESP2, only a client that others redirect to, and that is subscribed, can be notified.
        return;
    }
    let mut message = Message::new(|reply: &mut Reply<'_>| {
        if reply.protocol() == Protocol::Resp3 {
            reply.push(2);
            reply.bulk(b"invalidate");
        } else {
            reply.push(3);
            reply.bulk(b"message");
            reply.bulk(INVALIDATE_CHANNEL);
        }
        match keys {
            None => reply.null(),
            Some(keys) => {
                reply.array(keys.len());
                keys.iter().for_each(|key| reply.bulk(key));
            }
        }
    });
    server.push(&target, &mut message);
}

/// Notes that the client that a tracker redirects to is gone, and notifies the tracker if it uses RESP3.
fn redirect_broken(server: &impl Deliver, tracker: &Tracker) {
    tracker.info.set_redirect_broken(true);
    if tracker.info.protocol_version() == 3 {
        let redirect = tracker.mode.redirect.unwrap_or(0);
        let mut message = Message::new(|reply: &mut Reply<'_>| {
            reply.push(2);
            reply.bulk(b"tracking-redir-broken");
            reply.integer(redirect as i64);
        });
        server.push(&tracker.info, &mut message);
    }
}

#[cfg(test)]
mod tests;
