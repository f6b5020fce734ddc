//! The figures of log and table in `INFO`: written by the writer, read by anybody.
//!
//! Counters are written before the LSNs that they belong to and read after them, so they are never too low for the
//! LSNs. LSNs are written in the order last, synced, checkpoint, and read in the opposite order, so a reader never sees
//! one above the one that it follows.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use std::sync::{Arc, Mutex};

use wal::{LogStatus, Method};

use super::idle::IdleWatch;
use crate::damage;
use crate::state::{DamageGauge, DatabaseGauges, Gauges, StorageGauges};
use crate::table::{Finding, PAGE_BYTES, Table};

/// What recovery did at this start.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecoveryFigures {
    /// Milliseconds that it took.
    pub took_ms: u64,
    /// Records that it replayed.
    pub records: u64,
    /// LSN of the checkpoint that it started from.
    pub checkpoint_lsn: u64,
}

/// Figures of log and table.
pub struct WriterGauges {
    /// The table, for its own figures.
    table: Arc<Table>,
    /// What recovery did.
    recovery: RecoveryFigures,
    /// Groups with records synced since the start.
    groups: AtomicU64,
    /// Records synced since the start.
    records: AtomicU64,
    /// LSN of the newest record handed to the log.
    last_lsn: AtomicU64,
    /// LSN up to which the log is durable.
    synced_lsn: AtomicU64,
    /// LSN of the newest durable checkpoint.
    checkpoint_lsn: AtomicU64,
    /// When it became durable, in milliseconds since the Unix epoch.
    checkpoint_unix_ms: AtomicU64,
    /// Whether one is running.
    checkpoint_running: AtomicBool,
    /// Milliseconds by which the stored time is ahead of the system's clock.
    clock_ahead_ms: AtomicU64,
    /// Whether there was space for the last write.
    writable: AtomicBool,
    /// Notices when no more groups come.
    idle: Arc<IdleWatch>,
    /// The log's own figures, as of the last quiet moment.
    log: Mutex<LogStatus>,
}

impl WriterGauges {
    /// Gauges that show a log and a table just opened.
    pub fn new(table: Arc<Table>, log: LogStatus, recovery: RecoveryFigures) -> Self {
        Self {
            table,
            recovery,
            groups: AtomicU64::new(0),
            records: AtomicU64::new(0),
            last_lsn: AtomicU64::new(log.last_lsn),
            synced_lsn: AtomicU64::new(log.synced_lsn),
            checkpoint_lsn: AtomicU64::new(recovery.checkpoint_lsn),
            checkpoint_unix_ms: AtomicU64::new(0),
            checkpoint_running: AtomicBool::new(false),
            clock_ahead_ms: AtomicU64::new(0),
            writable: AtomicBool::new(true),
            idle: Arc::default(),
            log: Mutex::new(log),
        }
    }

    /// The watch that notices when no more groups come.
    pub fn idle(&self) -> &Arc<IdleWatch> {
        &self.idle
    }

    /// A group of `records` records was synced.
    pub(super) fn committed(&self, records: u64, last_lsn: u64, synced_lsn: u64) {
        if records > 0 {
            self.groups.fetch_add(1, Relaxed);
            self.records.fetch_add(records, Relaxed);
        }
        if self.last_lsn.swap(last_lsn, Release) != last_lsn {
            self.idle.group();
        }
        self.synced_lsn.store(synced_lsn, Release);
    }

    /// Updates the log's own figures.
    pub(super) fn show(&self, log: LogStatus) {
        *self.log.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = log;
    }

    /// Notes whether there is space for writes.
    pub(super) fn set_writable(&self, writable: bool) {
        self.writable.store(writable, Relaxed);
    }

    /// Notes by how many milliseconds the stored time is ahead of the system's clock.
    pub(super) fn set_clock_ahead(&self, ms: u64) {
        self.clock_ahead_ms.store(ms, Relaxed);
    }

    /// A checkpoint began.
    pub(super) fn checkpoint_started(&self) {
        self.checkpoint_running.store(true, Relaxed);
    }

    /// A checkpoint became durable.
    pub(super) fn checkpoint_ended(&self, lsn: u64, unix_ms: u64) {
        self.checkpoint_lsn.store(lsn, Release);
        self.checkpoint_unix_ms.store(unix_ms, Relaxed);
        self.checkpoint_running.store(false, Relaxed);
    }
}

impl Gauges for WriterGauges {
    fn damage(&self) -> Vec<DamageGauge> {
        let gauge = |finding: Finding| DamageGauge {
            page: finding.page,
            offset: finding.page * PAGE_BYTES as u64,
            reason: finding.reason.to_string(),
            keys: damage::keys(&finding),
        };
        self.table.damage().into_iter().map(gauge).collect()
    }

    fn database(&self, db: usize) -> DatabaseGauges {
        DatabaseGauges::of(&self.table.snapshot(), db)
    }

    fn storage(&self) -> StorageGauges {
        let checkpoint_lsn = self.checkpoint_lsn.load(Acquire);
        let synced_lsn = self.synced_lsn.load(Acquire);
        let last_lsn = self.last_lsn.load(Acquire);
        let log = self.log.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
        let table = self.table.stats();
        StorageGauges {
            last_lsn,
            synced_lsn,
            log_bytes: log.files.as_ref().map_or(0, |files| files.segment_bytes),
            log_segments: log.files.as_ref().map_or(0, |files| files.segments as u64),
            log_method: log.files.as_ref().map_or("none", |files| method_name(files.method)),
            groups: self.groups.load(Relaxed) + log.seals,
            records: self.records.load(Relaxed),
            sync_us_p50: log.sync_micros_quantile(0.5),
            sync_us_p99: log.sync_micros_quantile(0.99),
            checkpoint_lsn,
            checkpoint_unix_ms: self.checkpoint_unix_ms.load(Relaxed),
            checkpoint_running: self.checkpoint_running.load(Relaxed),
            // A checkpoint that fails ends the process.
            checkpoint_ok: true,
            recovery_ms: self.recovery.took_ms,
            recovery_records: self.recovery.records,
            table_bytes: table.pages * PAGE_BYTES as u64,
            table_used_bytes: (table.pages - table.pages_free) * PAGE_BYTES as u64,
            clock_ahead_ms: self.clock_ahead_ms.load(Relaxed),
            writable: self.writable.load(Relaxed),
        }
    }
}

/// The name of a sync method in `INFO`.
fn method_name(method: Method) -> &'static str {
    match method {
        Method::Direct => "O_DIRECT|RWF_DSYNC",
        Method::Buffered => "pwrite+fdatasync",
    }
}
