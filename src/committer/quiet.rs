//! Work of quiet moments: seals an idle log, updates figures, and checks the files.

use std::time::{Duration, Instant};

use wal::Log;

use super::Committer;
use super::error::WriterError;
use crate::clock::AHEAD_TOLERATED_MS;
use crate::table::TableWriter;

/// How often the files are checked.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How often it is reported that the stored time is ahead of the system's clock.
const REPORT_INTERVAL: Duration = Duration::from_secs(3600);

impl<L: Log> Committer<L> {
    /// Seals the log, unless it is fenced. No group may be in flight.
    pub fn seal(&mut self, now_ms: u64) -> Result<(), WriterError> {
        self.log.seal(now_ms * 1000)
    }

    /// Shows the clock, and checks that nobody has truncated the table's file, or removed or replaced a file.
    pub fn look_around(&mut self, table: &TableWriter) -> Result<(), WriterError> {
        self.show_clock();
        table.check_file()?;
        if self.looked.elapsed() >= LOOK_INTERVAL {
            self.look_at_files(table)?;
        }
        Ok(())
    }

    /// Shows the log's figures.
    pub fn show_log(&self) {
        self.gauges.show(self.log.status());
    }

    /// Checks that nobody has removed, replaced or truncated a file of table or log.
    pub fn look_at_files(&mut self, table: &TableWriter) -> Result<(), WriterError> {
        self.looked = Instant::now();
        if let Some(guard) = &self.guard {
            guard.look()?;
            self.log.look_at_files()?;
        }
        Ok(table.check_file()?)
    }

    /// Checks the files once more when the writer ends with an error: if the directory was removed, the log may be the
    /// first to fail, and then the table must be saved, too.
    pub fn look_once_more(&self, error: &WriterError) {
        if let Some(guard) = &self.guard
            && !matches!(error, WriterError::Files(_))
            && let Err(change) = guard.look()
        {
            tracing::error!("{change}");
        }
    }

    /// Shows by how much the stored time is ahead of the system's clock, and reports it from time to time.
    pub fn show_clock(&mut self) {
        let ahead_ms = self.clock.ahead_ms();
        self.gauges.set_clock_ahead(ahead_ms);
        let was_reported = self.clock_reported.is_some_and(|at| at.elapsed() < REPORT_INTERVAL);
        if ahead_ms > AHEAD_TOLERATED_MS && !was_reported {
            self.clock_reported = Some(Instant::now());
            tracing::warn!(
                ahead_ms,
                "the time in table and log is ahead of the system's clock, which was ahead once or is behind now: \
                 deadlines follow the clock as it is; keys that got theirs while it was ahead live longer; a \
                 checkpoint (SAVE) stores the time of now"
            );
        }
    }

    /// Frees the memory that is kept for later.
    pub fn let_go(&mut self) {
        self.log.let_go();
        self.wakers.shrink_to_fit();
    }
}
