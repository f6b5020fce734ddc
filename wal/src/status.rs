//! Counters and state of a running log.

use std::time::Duration;

use crate::Lsn;
use crate::storage::Method;

/// Number of buckets of [`LogStatus::sync_micros_log2`].
pub const LATENCY_BUCKETS: usize = 32;

/// Counters and state that only a log in files has.
#[derive(Clone, Debug)]
pub struct FileStatus {
    /// How appends are made durable.
    pub method: Method,
    /// File name of the active segment, the one that groups are appended to.
    pub active_segment: String,
    /// Bytes of the active segment in use, its header included.
    pub active_bytes: u64,
    /// Segments with records, the active one included.
    pub segments: usize,
    /// Total length in bytes of these segments.
    pub segment_bytes: u64,
    /// Segments prepared for use.
    pub spare_segments: usize,
    /// Times that the next segment was taken into use.
    pub rotations: u64,
}

/// Counters and state of a log at one moment. Counters start at zero when the log is opened.
#[derive(Clone, Debug)]
pub struct LogStatus {
    /// `None` for a log that is not in files.
    pub files: Option<FileStatus>,
    /// Whether the last attempt to prepare a segment failed on a full disk. Groups are still accepted while they fit into
    /// segments prepared earlier.
    pub full: bool,
    /// Whether an error ended this log.
    pub poisoned: bool,
    /// LSN of the last record submitted.
    pub last_lsn: Lsn,
    /// LSN of the last record known to be durable.
    pub synced_lsn: Lsn,
    /// LSN of the oldest record still in the log.
    pub oldest_lsn: Lsn,
    /// Groups written, seals included.
    pub groups: u64,
    /// Seals written.
    pub seals: u64,
    /// Records written.
    pub records: u64,
    /// Bytes written by groups, padding included.
    pub written_bytes: u64,
    /// Bytes of headers and records in these groups, before padding.
    pub content_bytes: u64,
    /// Durable writes and syncs issued for groups and segment headers.
    pub syncs: u64,
    /// How long groups took to become durable: bucket `i` counts those of `2^i` to `2^(i+1)` microseconds, bucket
    /// 0 also those below one.
    pub sync_micros_log2: [u64; LATENCY_BUCKETS],
    /// Sum of the same times in microseconds.
    pub sync_micros_total: u64,
}

impl LogStatus {
    /// Upper bound in microseconds of the bucket that holds the given quantile (0.5 is the median) of the times
    /// that groups took to become durable; 0 before the first one.
    pub fn sync_micros_quantile(&self, quantile: f64) -> u64 {
        let total: u64 = self.sync_micros_log2.iter().sum();
        let rank = (quantile.clamp(0.0, 1.0) * total as f64).ceil() as u64;
        let mut seen = 0;
        for (bucket, &count) in self.sync_micros_log2.iter().enumerate() {
            seen += count;
            if count > 0 && seen >= rank {
                return 1 << (bucket + 1);
            }
        }
        0
    }
}

/// Counters of a running log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters {
    pub groups: u64,
    pub seals: u64,
    pub records: u64,
    pub written_bytes: u64,
    pub content_bytes: u64,
    pub syncs: u64,
    pub rotations: u64,
    pub sync_micros_log2: [u64; LATENCY_BUCKETS],
    pub sync_micros_total: u64,
}

impl Counters {
    /// Counts one group that took `elapsed` to become durable.
    pub fn count_sync(&mut self, elapsed: Duration) {
        let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        let bucket = micros.max(1).ilog2() as usize;
        self.sync_micros_log2[bucket.min(LATENCY_BUCKETS - 1)] += 1;
        self.sync_micros_total = self.sync_micros_total.saturating_add(micros);
    }
}
