//! A log whose groups are synced while the next one is executed, as the log's thread does it, but without a thread: the
//! sync happens when it has been asked for often enough. Checks that a step that must not wait does not, or only for a sync
//! while nobody reads.

use super::logged::Logged;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use wal::{Group, Log, LogError, LogStatus, Lsn, SegmentMark};

/// Such a log.
pub struct LateLog<L> {
    log: L,
    /// How often it is asked in vain whether a group is durable; 0: no group is synced meanwhile.
    asks: u32,
    /// How often that is left for the group in flight, if one is synced meanwhile.
    asks_left: Option<u32>,
    /// Whether the current step may wait.
    may_wait: Arc<AtomicBool>,
    /// Whether somebody reads, who would have to wait for a sync, too.
    is_read: bool,
    /// What it took.
    logged: Logged,
}

impl<L: Log> LateLog<L> {
    /// Makes `log` late.
    pub fn new(log: L, asks: u32, may_wait: Arc<AtomicBool>, is_read: bool, logged: Logged) -> Self {
        Self { log, asks, asks_left: None, may_wait, is_read, logged }
    }

    /// Checks that waiting is allowed now.
    fn waits(&self) {
        assert!(self.may_wait.load(Relaxed), "a step waits that must not");
    }
}

impl<L: Log> Log for LateLog<L> {
    fn group(&mut self) -> Group {
        self.log.group()
    }

    fn reserve(&mut self, bytes: u64) -> Result<(), LogError> {
        if self.log.would_wait(bytes) {
            self.waits();
        }
        self.log.reserve(bytes)
    }

    fn would_wait(&self, bytes: u64) -> bool {
        self.log.would_wait(bytes)
    }

    fn submit(&mut self, group: Group, wall_micros: u64) -> Result<(Lsn, Lsn), LogError> {
        if !group.is_empty() && (self.asks_left.is_some() || self.log.would_wait(group.len_bytes() as u64)) {
            self.waits();
        }
        let found = Logged::of(&group);
        let taken = self.log.submit(group, wall_micros)?;
        self.logged.took(taken.0, found);
        Ok(taken)
    }

    fn sync_meanwhile(&mut self) -> bool {
        self.asks_left = (self.asks > 0).then_some(self.asks);
        self.asks_left.is_some()
    }

    fn poll_durable(&mut self) -> Result<Lsn, LogError> {
        match &mut self.asks_left {
            None => self.log.poll_durable(),
            Some(0) => {
                self.asks_left = None;
                self.log.durable()
            }
            Some(asks) => {
                *asks -= 1;
                self.log.poll_durable()
            }
        }
    }

    fn durable(&mut self) -> Result<Lsn, LogError> {
        if self.is_read {
            self.waits();
        }
        self.asks_left = None;
        self.log.durable()
    }

    fn seal(&mut self, wall_micros: u64) -> Result<(), LogError> {
        self.waits();
        self.log.seal(wall_micros)
    }

    fn seal_start(&mut self, wall_micros: u64) -> Result<(), LogError> {
        self.waits();
        self.log.seal_start(wall_micros)
    }

    fn mark(&self) -> Option<SegmentMark> {
        self.log.mark()
    }

    fn sync_time(&self) -> Duration {
        Duration::ZERO
    }

    fn last_lsn(&self) -> Lsn {
        self.log.last_lsn()
    }

    fn synced_lsn(&self) -> Lsn {
        self.log.synced_lsn()
    }

    fn synced_checksum(&self) -> Option<u32> {
        self.log.synced_checksum()
    }

    fn recycle_through(&mut self, lsn: Lsn) -> Result<(), LogError> {
        self.waits();
        self.log.recycle_through(lsn)
    }

    fn look_at_files(&mut self) -> Result<(), LogError> {
        self.waits();
        self.log.look_at_files()
    }

    fn look_at_header(&mut self) -> Result<(), LogError> {
        self.waits();
        self.log.look_at_header()
    }

    fn let_go(&mut self) {
        self.log.let_go();
    }

    fn status(&self) -> LogStatus {
        self.log.status()
    }
}
