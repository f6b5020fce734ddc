//! What others see of a client's subscriptions, transaction and tracking, and of what the writer keeps for clients. For
//! `CLIENT LIST`, `INFO`, and code that sends messages to clients.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// The numbers of a client's subscriptions.
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
    /// Whether there are any.
    pub fn any(&self) -> bool {
        [&self.channels, &self.patterns, &self.shard_channels].iter().any(|count| count.load(Relaxed) > 0)
    }
}

/// A client's transaction, as others see it.
#[derive(Debug)]
pub struct TransactionMarks {
    /// Commands queued; negative if there is no transaction.
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

/// What the writer keeps for clients. Only the writer changes these counts.
#[derive(Default)]
pub struct KeptForClients {
    /// Number of pairs of client and watched key; may be too high, never too low. Set before the reply to `WATCH` is
    /// sent.
    pub watchers: AtomicUsize,
    /// Keys that blocked clients wait for.
    pub awaited_keys: AtomicUsize,
}
