//! The log as the committer uses it: every call goes through here, and the meaning of an error is decided here.
//!
//! While the log cannot be reached, writes are refused, and the next one tries again; a seal, recycling, or a check of the
//! files is left out. A fenced log, to which another server writes now, is only asked what is durable. Neither ends the
//! server. Failures are final.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wal::{Group, Log, LogError, LogErrorKind, LogStatus, Lsn};

use super::error::WriterError;
use super::writer_gauges::WriterGauges;
use crate::executor::Shortage;

/// Time between two messages that the log cannot be reached.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// Whether the log accepts groups, as of its last answers.
enum LogState {
    /// It accepts groups.
    Open,
    /// It could not be reached; the next write tries again.
    Unavailable,
    /// It is fenced, for this reason. This is final.
    Fenced(String),
}

/// What happened to a submitted group.
pub(super) enum Submitted {
    /// It was accepted.
    Taken,
    /// The log does not have it, for this reason.
    Dropped(Shortage),
    /// The log is fenced, and may or may not have it.
    Lost,
}

/// The log, and whether it accepts groups.
pub(super) struct WriterLog<L> {
    /// The log.
    log: L,
    /// Whether it accepts groups.
    state: LogState,
    /// Bytes that are reserved in the log for the open group: 0 unless the log is open.
    secured_bytes: u64,
    /// Whether log or table had no space for the last write.
    is_short: bool,
    /// Shows whether writes are accepted.
    gauges: Arc<WriterGauges>,
    /// When it was last reported that the log cannot be reached.
    reported: Option<Instant>,
}

impl<L: Log> WriterLog<L> {
    /// An opened log.
    pub fn new(log: L, gauges: Arc<WriterGauges>) -> Self {
        Self { log, state: LogState::Open, secured_bytes: 0, is_short: false, gauges, reported: None }
    }

    /// Why the log is fenced, if it is.
    pub fn fence(&self) -> Option<&str> {
        match &self.state {
            LogState::Fenced(reason) => Some(reason),
            LogState::Open | LogState::Unavailable => None,
        }
    }

    /// An empty group.
    pub fn group(&mut self) -> Group {
        self.log.group()
    }

    /// Reserves space for a group of so many bytes, or returns why there is none.
    #[inline]
    pub fn secure(&mut self, bytes: u64) -> Result<Option<Shortage>, WriterError> {
        if bytes <= self.secured_bytes {
            return Ok(None);
        }
        if let Some(reason) = self.fence() {
            return Ok(Some(Shortage::Fenced(reason.to_owned())));
        }
        match self.log.reserve(bytes) {
            Ok(()) => {
                self.reached();
                self.secured_bytes = bytes;
                Ok(None)
            }
            Err(error) => self.met(error).map(Some),
        }
    }

    /// Whether reserving space for a group of so many bytes, or submitting it, may wait for the disk.
    pub fn would_wait(&self, bytes: u64) -> bool {
        self.fence().is_none() && self.log.would_wait(bytes)
    }

    /// Notes whether log or table had no space for a write. Returns whether space is the reason: it is not if the log
    /// accepts nothing anyway.
    pub fn note_space(&mut self, is_short: bool) -> bool {
        self.is_short = is_short && matches!(self.state, LogState::Open);
        self.show_writable();
        self.is_short
    }

    /// Submits a group. The log only reuses the buffer of an empty one.
    pub fn submit(&mut self, group: Group, wall_micros: u64) -> Result<Submitted, WriterError> {
        self.secured_bytes = 0;
        let is_empty = group.is_empty();
        if let Some(reason) = self.fence() {
            let dropped = Submitted::Dropped(Shortage::Fenced(reason.to_owned()));
            return Ok(if is_empty { Submitted::Taken } else { dropped });
        }
        match self.log.submit(group, wall_micros) {
            Ok(_) if is_empty => Ok(Submitted::Taken),
            Ok(_) => {
                self.reached();
                Ok(Submitted::Taken)
            }
            Err(error) => Ok(match self.met(error)? {
                _ if is_empty => Submitted::Taken,
                Shortage::Fenced(_) => Submitted::Lost,
                shortage => Submitted::Dropped(shortage),
            }),
        }
    }

    /// Has the log's thread sync what was submitted; false if there is none.
    pub fn sync_meanwhile(&mut self) -> bool {
        self.log.sync_meanwhile()
    }

    /// The LSN up to which the log is durable; `None` if the log is fenced.
    pub fn poll_durable(&mut self) -> Result<Option<Lsn>, WriterError> {
        let durable = self.log.poll_durable();
        self.unless_fenced(durable)
    }

    /// As [`Self::poll_durable`], after all submitted groups are durable.
    pub fn durable(&mut self) -> Result<Option<Lsn>, WriterError> {
        let durable = self.log.durable();
        self.unless_fenced(durable)
    }

    /// Seals the log.
    pub fn seal(&mut self, wall_micros: u64) -> Result<(), WriterError> {
        self.if_it_can(|log| log.seal(wall_micros))
    }

    /// Allows the log to recycle the space of records up to `lsn`. If that is left out, the next checkpoint does it.
    pub fn recycle_through(&mut self, lsn: Lsn) -> Result<(), WriterError> {
        self.if_it_can(|log| log.recycle_through(lsn))
    }

    /// Checks the log's files, if it has any.
    pub fn look_at_files(&mut self) -> Result<(), WriterError> {
        self.if_it_can(L::look_at_files)
    }

    /// Checks the header of the active segment, if there is one.
    pub fn look_at_header(&mut self) -> Result<(), WriterError> {
        self.if_it_can(L::look_at_header)
    }

    /// How long the last write took until it was durable.
    pub fn sync_time(&self) -> Duration {
        self.log.sync_time()
    }

    /// LSN of the last record submitted.
    pub fn last_lsn(&self) -> Lsn {
        self.log.last_lsn()
    }

    /// LSN of the last durable record.
    pub fn synced_lsn(&self) -> Lsn {
        self.log.synced_lsn()
    }

    /// Checksum of the group that ends with it, if known.
    pub fn synced_checksum(&self) -> Option<u32> {
        self.log.synced_checksum()
    }

    /// Frees the memory that is kept for later.
    pub fn let_go(&mut self) {
        self.log.let_go();
    }

    /// Counters and state of the log.
    pub fn status(&self) -> LogStatus {
        self.log.status()
    }

    /// Has the log do what may be left out, unless it is fenced. An error that is not final is only noted.
    fn if_it_can(&mut self, work: impl FnOnce(&mut L) -> Result<(), LogError>) -> Result<(), WriterError> {
        if self.fence().is_some() {
            return Ok(());
        }
        work(&mut self.log).or_else(|error| self.met(error).map(drop))
    }

    /// The durable LSN, or `None` if the log is fenced. While a group is submitted, all other errors are final.
    #[inline]
    fn unless_fenced(&mut self, durable: Result<Lsn, LogError>) -> Result<Option<Lsn>, WriterError> {
        match durable {
            Ok(lsn) => Ok(Some(lsn)),
            Err(error) if error.kind() == LogErrorKind::Fenced => self.met(error).map(|_| None),
            Err(error) => Err(error.into()),
        }
    }

    /// Notes an error, and returns what it means for writes; a final error is returned as it is.
    #[cold]
    fn met(&mut self, error: LogError) -> Result<Shortage, WriterError> {
        let reason = error.to_string();
        match error.kind() {
            LogErrorKind::Full => Ok(Shortage::Full(reason)),
            LogErrorKind::TooLarge => Ok(Shortage::TooLarge(reason)),
            LogErrorKind::Unavailable => {
                if self.fence().is_none() {
                    self.report_unavailable(&reason);
                    self.enter(LogState::Unavailable);
                }
                Ok(Shortage::Unavailable(reason))
            }
            LogErrorKind::Fenced => {
                if self.fence().is_none() {
                    tracing::error!("{reason}: writes are refused from now on, reads go on");
                    self.enter(LogState::Fenced(reason.clone()));
                }
                Ok(Shortage::Fenced(reason))
            }
            LogErrorKind::Failed => Err(error.into()),
        }
    }

    /// Notes that the log did what a write needs.
    #[inline]
    fn reached(&mut self) {
        if matches!(self.state, LogState::Unavailable) {
            self.enter(LogState::Open);
            if self.reported.is_some_and(|at| at.elapsed() < REPORT_INTERVAL) {
                return;
            }
            tracing::info!("the log can be reached again");
        }
    }

    /// Reports that the log cannot be reached, but not too often.
    fn report_unavailable(&mut self, reason: &str) {
        if self.reported.is_none_or(|at| at.elapsed() >= REPORT_INTERVAL) {
            self.reported = Some(Instant::now());
            tracing::warn!("{reason}: writes are refused until it can be");
        }
    }

    /// Changes the state. What was reserved is no longer valid.
    #[cold]
    fn enter(&mut self, state: LogState) {
        self.state = state;
        self.secured_bytes = 0;
        self.show_writable();
    }

    /// Shows in `INFO` whether writes are accepted.
    fn show_writable(&self) {
        self.gauges.set_writable(matches!(self.state, LogState::Open) && !self.is_short);
    }
}
