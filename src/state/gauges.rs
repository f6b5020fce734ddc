//! Figures of log and table, for `INFO`; never read on the data path.

use crate::keyspace::{average_expiry_ms, expiries_len, keys_slot};
use crate::table::View;

/// Figures of one database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatabaseGauges {
    /// Keys.
    pub keys: u64,
    /// Keys with an expiry.
    pub expires: u64,
    /// Their average expiry, estimated, in milliseconds since the Unix epoch; `None` if there is no such key.
    pub average_expiry_ms: Option<u64>,
}

impl DatabaseGauges {
    /// The figures of a database in one version.
    pub fn of(view: &View<'_>, db: usize) -> Self {
        Self {
            keys: view.root(keys_slot(db)).len(),
            expires: expiries_len(view, db),
            average_expiry_ms: average_expiry_ms(view, db),
        }
    }
}

/// Figures of log and table.
#[derive(Clone, Debug, Default)]
pub struct StorageGauges {
    /// LSN of the newest record handed to the log.
    pub last_lsn: u64,
    /// LSN up to which the log is durable.
    pub synced_lsn: u64,
    /// Bytes that the log's segments take.
    pub log_bytes: u64,
    /// Number of the log's segments.
    pub log_segments: u64,
    /// How the log syncs: `O_DIRECT|RWF_DSYNC`, `pwrite+fdatasync`, or `none` for a log without files.
    pub log_method: &'static str,
    /// Groups synced since the start.
    pub groups: u64,
    /// Records synced since the start.
    pub records: u64,
    /// Median time of a sync, in microseconds.
    pub sync_us_p50: u64,
    /// 99th percentile of the time of a sync, in microseconds.
    pub sync_us_p99: u64,
    /// LSN of the newest durable checkpoint.
    pub checkpoint_lsn: u64,
    /// When that checkpoint became durable, in milliseconds since the Unix epoch; 0 for never.
    pub checkpoint_unix_ms: u64,
    /// Whether a checkpoint is running.
    pub checkpoint_running: bool,
    /// Whether the last checkpoint succeeded.
    pub checkpoint_ok: bool,
    /// Milliseconds that recovery took at this start.
    pub recovery_ms: u64,
    /// Records that recovery replayed at this start.
    pub recovery_records: u64,
    /// Bytes of the table's file.
    pub table_bytes: u64,
    /// Bytes of the table's file that are in use.
    pub table_used_bytes: u64,
    /// Milliseconds by which the time in table and log is ahead of the system's clock.
    pub clock_ahead_ms: u64,
    /// Whether writes are accepted; `false` while there is no space.
    pub writable: bool,
}

/// A damaged page of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamageGauge {
    /// Number of the page.
    pub page: u64,
    /// Where it is in the file, in bytes.
    pub offset: u64,
    /// What is wrong with it.
    pub reason: String,
    /// Keys on it, as far as known.
    pub keys: String,
}

/// Provides figures of log and table. Each call may take a snapshot.
pub trait Gauges: Send + Sync {
    /// Database `db`; all zero past the last one.
    fn database(&self, db: usize) -> DatabaseGauges;
    /// The figures of log and table.
    fn storage(&self) -> StorageGauges;
    /// The damaged pages that are known.
    fn damage(&self) -> Vec<DamageGauge>;
}
