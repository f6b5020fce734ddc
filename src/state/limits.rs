//! Live configuration values that connections read.
//!
//! Each is an atomic, so that `CONFIG SET` takes effect at once and no command waits for a lock. Values that cannot
//! change while the server runs (addresses, number of threads) are not here.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};

use super::command_limits::EncodingLimits;
use crate::config::OutputLimit;
use crate::keyspace::Classes;

/// Live configuration values; the defaults are Redis's unless stated.
pub struct Limits {
    /// See [`Limits::clients_max`].
    clients_max: AtomicU32,
    /// See [`Limits::timeout_s`].
    timeout_s: AtomicU32,
    /// See [`Limits::unauthenticated_timeout_s`].
    unauthenticated_timeout_s: AtomicU32,
    /// See [`Limits::tcp_keepalive_s`].
    tcp_keepalive_s: AtomicU32,
    /// See [`Limits::bulk_bytes_max`].
    bulk_bytes_max: AtomicU64,
    /// See [`Limits::query_buffer_bytes_max`].
    query_buffer_bytes_max: AtomicU64,
    /// See [`Limits::protected_mode`].
    protected_mode: AtomicBool,
    /// See [`Limits::slowlog_slower_than_us`].
    slowlog_slower_than_us: AtomicI64,
    /// See [`Limits::slowlog_len_max`].
    slowlog_len_max: AtomicU64,
    /// See [`Limits::request_larger_than`].
    request_larger_than: AtomicI64,
    /// See [`Limits::large_requests_max`].
    large_requests_max: AtomicU64,
    /// See [`Limits::reply_larger_than`].
    reply_larger_than: AtomicI64,
    /// See [`Limits::large_replies_max`].
    large_replies_max: AtomicU64,
    /// See [`Limits::latency_threshold_ms`].
    latency_threshold_ms: AtomicU64,
    /// See [`Limits::databases`].
    databases: AtomicU32,
    /// See [`Limits::auth_failures_max`].
    auth_failures_max: AtomicU32,
    /// See [`Limits::unauthenticated_bytes_max`].
    unauthenticated_bytes_max: AtomicU64,
    /// See [`Limits::output_bytes_max`].
    output_bytes_max: AtomicU64,
    /// See [`Limits::reply_bytes_max`].
    reply_bytes_max: AtomicUsize,
    /// See [`Limits::recovery_target_ms`].
    recovery_target_ms: AtomicU64,
    /// See [`Limits::scrub_rate`].
    scrub_rate: AtomicU32,
    /// See [`Limits::checkpoint_interval_s`].
    checkpoint_interval_s: AtomicU32,
    /// See [`Limits::transaction_bytes_max`].
    transaction_bytes_max: AtomicU64,
    /// See [`Limits::transaction_commands_max`].
    transaction_commands_max: AtomicU64,
    /// See [`Limits::subscriptions_max`].
    subscriptions_max: AtomicU64,
    /// See [`Limits::tracking_keys_max`].
    tracking_keys_max: AtomicU64,
    /// The bits of [`Limits::notified`].
    notified_bits: AtomicU32,
    /// See [`Limits::normal_output`].
    normal_output: AtomicLimit,
    /// See [`Limits::pubsub_output`].
    pubsub_output: AtomicLimit,
    /// See [`Limits::encodings`]; in the order of [`EncodingLimits::to_array`].
    encodings: [AtomicI64; 8],
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients_max: AtomicU32::new(10_000),
            timeout_s: AtomicU32::new(0),
            unauthenticated_timeout_s: AtomicU32::new(10),
            tcp_keepalive_s: AtomicU32::new(300),
            bulk_bytes_max: AtomicU64::new(512 << 20),
            query_buffer_bytes_max: AtomicU64::new(1 << 30),
            protected_mode: AtomicBool::new(true),
            slowlog_slower_than_us: AtomicI64::new(10_000),
            slowlog_len_max: AtomicU64::new(128),
            request_larger_than: AtomicI64::new(1 << 20),
            large_requests_max: AtomicU64::new(128),
            reply_larger_than: AtomicI64::new(1 << 20),
            large_replies_max: AtomicU64::new(128),
            latency_threshold_ms: AtomicU64::new(0),
            databases: AtomicU32::new(16),
            auth_failures_max: AtomicU32::new(10),
            unauthenticated_bytes_max: AtomicU64::new(64 << 10),
            output_bytes_max: AtomicU64::new(256 << 10),
            reply_bytes_max: AtomicUsize::new(1 << 30),
            recovery_target_ms: AtomicU64::new(800),
            scrub_rate: AtomicU32::new(1000),
            checkpoint_interval_s: AtomicU32::new(300),
            transaction_bytes_max: AtomicU64::new(256 << 20),
            transaction_commands_max: AtomicU64::new(1_000_000),
            subscriptions_max: AtomicU64::new(1_000_000),
            tracking_keys_max: AtomicU64::new(1_000_000),
            notified_bits: AtomicU32::new(0),
            normal_output: AtomicLimit::default(),
            pubsub_output: AtomicLimit::default(),
            encodings: EncodingLimits::default().to_array().map(AtomicI64::new),
        }
    }
}

/// Generates the getter and the setter of each plain value.
macro_rules! values {
    ($($(#[$doc:meta])* $name:ident, $set:ident: $kind:ty;)*) => {
        impl Limits {
            $(
                $(#[$doc])*
                pub fn $name(&self) -> $kind {
                    self.$name.load(Relaxed)
                }

                #[doc = concat!("Sets [`Limits::", stringify!($name), "`].")]
                pub fn $set(&self, value: $kind) {
                    self.$name.store(value, Relaxed);
                }
            )*
        }
    };
}

values! {
    /// `maxclients`: the most connections; further ones are refused.
    clients_max, set_clients_max: u32;
    /// `timeout`: a client idle for this many seconds is closed; 0 means never.
    timeout_s, set_timeout_s: u32;
    /// A client that has not authenticated after this many seconds is closed, when a password is set; 0 means never.
    unauthenticated_timeout_s, set_unauthenticated_timeout_s: u32;
    /// `tcp-keepalive`: seconds between probes of a silent peer; 0 means no probes.
    tcp_keepalive_s, set_tcp_keepalive_s: u32;
    /// `proto-max-bulk-len`: the longest bulk string of a request, in bytes.
    bulk_bytes_max, set_bulk_bytes_max: u64;
    /// `client-query-buffer-limit`: the most bytes kept of a client's unfinished command.
    query_buffer_bytes_max, set_query_buffer_bytes_max: u64;
    /// `protected-mode`: without a password, only peers on this machine are served.
    protected_mode, set_protected_mode: bool;
    /// `slowlog-log-slower-than`: a command that took at least this many microseconds is kept; negative: none.
    slowlog_slower_than_us, set_slowlog_slower_than_us: i64;
    /// `slowlog-max-len`: the most slow commands kept.
    slowlog_len_max, set_slowlog_len_max: u64;
    /// `commandlog-request-larger-than`: a command whose request has at least this many bytes is kept; negative: none.
    request_larger_than, set_request_larger_than: i64;
    /// `commandlog-large-request-max-len`: the most commands with large requests kept.
    large_requests_max, set_large_requests_max: u64;
    /// `commandlog-reply-larger-than`: a command whose reply has at least this many bytes is kept; negative: none.
    reply_larger_than, set_reply_larger_than: i64;
    /// `commandlog-large-reply-max-len`: the most commands with large replies kept.
    large_replies_max, set_large_replies_max: u64;
    /// `latency-monitor-threshold`, in milliseconds; 0 switches the monitor off.
    latency_threshold_ms, set_latency_threshold_ms: u64;
    /// `databases`: number of databases that `SELECT` reaches.
    databases, set_databases: u32;
    /// `output-buffer-bytes`: once there are this many bytes of replies, they are sent before the client's next command
    /// runs.
    output_bytes_max, set_output_bytes_max: u64;
    /// `reply-bytes-max`: a command whose reply would be longer is refused.
    reply_bytes_max, set_reply_bytes_max: usize;
    /// `scrub-rate`: pages of the table that the scrub reads per second; 0: none.
    scrub_rate, set_scrub_rate: u32;
    /// `recovery-target-ms`: how long the replay after a restart may take, in milliseconds.
    recovery_target_ms, set_recovery_target_ms: u64;
    /// `checkpoint-interval`: seconds after which a checkpoint is taken if anything was written; 0 means never.
    checkpoint_interval_s, set_checkpoint_interval_s: u32;
    /// `unauthenticated-bytes-max`: the most bytes kept of a client that has not authenticated.
    unauthenticated_bytes_max, set_unauthenticated_bytes_max: u64;
    /// `transaction-bytes-max`: the most bytes of commands that a client queues between `MULTI` and `EXEC`.
    transaction_bytes_max, set_transaction_bytes_max: u64;
    /// `transaction-commands-max`: the most commands that a client queues between `MULTI` and `EXEC`.
    transaction_commands_max, set_transaction_commands_max: u64;
    /// `subscriptions-max`: the most channels and patterns that one client may subscribe to.
    subscriptions_max, set_subscriptions_max: u64;
    /// `tracking-table-max-keys`: the most keys that are remembered for clients that track.
    tracking_keys_max, set_tracking_keys_max: u64;
    /// `auth-failures-max`: this many wrong passwords in a row close the connection.
    auth_failures_max, set_auth_failures_max: u32;
}

/// An [`OutputLimit`] of atomics. A reader may see a mixture of old and new values for a moment; that does no harm.
#[derive(Default)]
struct AtomicLimit {
    /// See [`OutputLimit::hard_bytes`].
    hard_bytes: AtomicU64,
    /// See [`OutputLimit::soft_bytes`].
    soft_bytes: AtomicU64,
    /// See [`OutputLimit::soft_s`].
    soft_s: AtomicU64,
}

impl AtomicLimit {
    fn load(&self) -> OutputLimit {
        OutputLimit {
            hard_bytes: self.hard_bytes.load(Relaxed),
            soft_bytes: self.soft_bytes.load(Relaxed),
            soft_s: self.soft_s.load(Relaxed),
        }
    }

    fn store(&self, limit: OutputLimit) {
        self.hard_bytes.store(limit.hard_bytes, Relaxed);
        self.soft_bytes.store(limit.soft_bytes, Relaxed);
        self.soft_s.store(limit.soft_s, Relaxed);
    }
}

impl Limits {
    /// `notify-keyspace-events`: the classes of events that are published.
    pub fn notified(&self) -> Classes {
        Classes::from_bits(self.notified_bits.load(Relaxed))
    }

    /// Sets [`Limits::notified`].
    pub fn set_notified(&self, classes: Classes) {
        self.notified_bits.store(classes.bits(), Relaxed);
    }

    /// `client-output-buffer-limit` of subscribed clients.
    pub fn pubsub_output(&self) -> OutputLimit {
        self.pubsub_output.load()
    }

    /// `client-output-buffer-limit` of all others.
    pub fn normal_output(&self) -> OutputLimit {
        self.normal_output.load()
    }

    /// Sets [`Limits::normal_output`] and [`Limits::pubsub_output`].
    pub fn set_outputs(&self, normal: OutputLimit, pubsub: OutputLimit) {
        self.normal_output.store(normal);
        self.pubsub_output.store(pubsub);
    }

    /// Limits up to which Redis would keep collections in compact encodings.
    pub fn encodings(&self) -> EncodingLimits {
        EncodingLimits::from_array(std::array::from_fn(|index| self.encodings[index].load(Relaxed)))
    }

    /// Sets [`Limits::encodings`].
    pub fn set_encodings(&self, encodings: EncodingLimits) {
        for (stored, value) in self.encodings.iter().zip(encodings.to_array()) {
            stored.store(value, Relaxed);
        }
    }
}
