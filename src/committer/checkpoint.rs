//! Checkpoints: the published version is made durable on another thread, and then the log before it is recycled.

use std::time::Instant;

use wal::Log;

use super::Committer;
use super::error::WriterError;
use crate::checkpointer::CheckpointOutcome;
use crate::state::LatencyEvent;
use crate::table::TableWriter;

impl<L: Log> Committer<L> {
    /// Starts a checkpoint of the published version, which has everything that is synced.
    pub(super) fn start_checkpoint(&mut self, table: &mut TableWriter) {
        let lsn = self.log.synced_lsn();
        table.set_log_checksum(self.log.synced_checksum());
        let checkpoint = table.begin_checkpoint(lsn, self.clock.now_ms());
        self.checkpointer.start(checkpoint, lsn);
        self.checkpoint_began = Instant::now();
        self.gauges.checkpoint_started();
    }

    /// Ends a checkpoint: frees the pages that only the former one used, and recycles the log before it.
    pub(super) fn end_checkpoint(
        &mut self,
        table: &mut TableWriter,
        outcome: CheckpointOutcome,
    ) -> Result<(), WriterError> {
        let lsn = outcome.lsn;
        let durable = outcome.result.map_err(WriterError::Checkpoint)?;
        // From here on, only the table has what was logged before.
        self.look_at_files(table)?;
        if self.guard.is_some() {
            self.log.look_at_header()?;
        }
        table.end_checkpoint(durable);
        self.state.took(LatencyEvent::Checkpoint, self.checkpoint_began.elapsed());
        self.log.recycle_through(lsn)?;
        self.gauges.checkpoint_ended(lsn, self.clock.now_ms());
        self.clock.stored();
        self.checkpointer.answer();
        Ok(())
    }

    /// Waits for the running checkpoint.
    fn wait_for_checkpoint(&mut self, table: &mut TableWriter) -> Result<(), WriterError> {
        match self.checkpointer.wait() {
            Some(outcome) => self.end_checkpoint(table, outcome),
            None => Ok(()),
        }
    }

    /// Ends the work, when no group is in flight: takes a last checkpoint if requested, and seals the log.
    pub fn finish(&mut self, table: &mut TableWriter, checkpoint: bool) -> Result<(), WriterError> {
        self.wait_for_checkpoint(table)?;
        if checkpoint && self.log.fence().is_none() {
            self.start_checkpoint(table);
            self.wait_for_checkpoint(table)?;
        }
        self.seal(self.clock.now_ms())?;
        self.show_log();
        Ok(())
    }
}
