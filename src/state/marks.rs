//! What others see of a client's subscriptions, transaction and tracking, and of what the writer keeps for clients: for
//! `CLIENT LIST`, `INFO`, and whoever sends a client something.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// How much a client listens to.
#[derive(Debug, Default)]
pub struct Subscriptions {
    /// Channels.
    pub channels: AtomicUsize,
    /// Patterns.
    pub patterns: AtomicUsize,
    /// Shard channels.
    pub shard_channels: AtomicUsize,
}

impl Subscriptions {
    /// Whether it listens to anything.
    pub fn any(&self) -> bool {
        [&self.channels, &self.patterns, &self.shard_channels].iter().any(|count| count.load(Relaxed) > 0)
    }
}

/// A transaction that a client has begun, as others may look at it.
#[derive(Debug)]
pub struct TransactionMarks {
    /// Commands queued; negative when none was begun.
    pub commands: AtomicI64,
    /// Bytes that they take.
    pub bytes: AtomicU64,
    /// Whether it watches keys.
    pub watched_keys: AtomicBool,
}

impl Default for TransactionMarks {
    fn default() -> Self {
        Self { commands: AtomicI64::new(-1), bytes: AtomicU64::new(0), watched_keys: AtomicBool::new(false) }
    }
}

/// What others see of a client's tracking.
#[derive(Default)]
pub struct TrackingMarks {
    /// The client tracks.
    pub on: AtomicBool,
    /// In broadcasting mode.
    pub broadcast: AtomicBool,
    /// The client that it redirects to is gone.
    pub redirect_broken: AtomicBool,
}

/// What the writer keeps for clients, counted by it alone.
#[derive(Default)]
pub struct KeptForClients {
    /// Watchers of all keys, not fewer than there are. Set before the reply to `WATCH` leaves.
    pub watchers: AtomicUsize,
    /// Keys that commands wait for.
    pub awaited_keys: AtomicUsize,
}
