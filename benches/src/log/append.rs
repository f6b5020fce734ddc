//! Appending groups to a log and waiting for each.

use std::path::Path;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use wal::{BLOCK_BYTES, DirStorage, Group, LocalLog, Log, LogOptions, disk_bytes};

use super::{Figures, Options};
use crate::Outcome;

/// Segments with records that are kept; older ones are recycled, as after a checkpoint.
const SEGMENTS: usize = 4;
/// Number of segments that are filled before anything is measured: after that, segments are recycled and none is filled
/// with zeros.
const ROTATIONS_BEFORE: u64 = 12;
/// Bytes of a group while segments are made.
const WARM_UP_BYTES: u32 = 1 << 20;

/// A log that is written to.
pub struct Appender {
    /// The log.
    log: LocalLog<DirStorage>,
    /// The bytes of a record.
    record: Vec<u8>,
}

impl Appender {
    /// A log in a new directory, all of whose segments have been used.
    pub fn create(dir: &Path, options: &Options) -> Outcome<Self> {
        let log = LocalLog::create(DirStorage::create(dir)?, LogOptions::default())?;
        let mut appender = Self { log, record: vec![0x5a; options.record as usize] };
        while appender.log.status().files.expect("segments").rotations < ROTATIONS_BEFORE {
            appender.append(WARM_UP_BYTES)?;
        }
        Ok(appender)
    }

    /// How the log makes groups durable.
    pub fn method(&self) -> String {
        self.log.status().files.expect("segments").method.to_string()
    }

    /// Appends groups of one size for some time.
    pub fn measure(&mut self, group_bytes: u32, options: &Options) -> Outcome<Figures> {
        let time = Duration::from_secs_f64(options.seconds);
        let mut latency_ns = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3)?;
        let (start, before) = (Instant::now(), self.log.status().written_bytes);
        while start.elapsed() < time {
            let took = self.append(group_bytes)?;
            latency_ns.saturating_record(took.as_nanos() as u64);
        }
        let written = self.log.status().written_bytes - before;
        let expected = latency_ns.len() * u64::from(group_bytes);
        if written != expected {
            return Err(format!("{written} bytes were written instead of {expected}").into());
        }
        Ok(Figures {
            bytes_per_s: written as f64 / start.elapsed().as_secs_f64(),
            p50_us: latency_ns.value_at_quantile(0.5) as f64 / 1e3,
            p99_us: latency_ns.value_at_quantile(0.99) as f64 / 1e3,
        })
    }

    /// Appends a group of exactly this size; returns the time from its submission until it is durable.
    fn append(&mut self, group_bytes: u32) -> Outcome<Duration> {
        let mut group = self.log.group();
        let fits = |len: usize| disk_bytes(len, BLOCK_BYTES) <= u64::from(group_bytes);
        while fits(group.len_bytes() + Group::record_bytes(self.record.len())) {
            group.record(|buffer| buffer.extend_from_slice(&self.record));
        }
        self.log.reserve(group.len_bytes() as u64)?;
        let start = Instant::now();
        let (_, last_lsn) = self.log.submit(group, 0)?;
        self.log.durable()?;
        let took = start.elapsed();
        if self.log.status().files.expect("segments").segments > SEGMENTS {
            self.log.recycle_through(last_lsn)?;
        }
        Ok(took)
    }
}
