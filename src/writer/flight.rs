//! A group's way from execution to the replies: closed, written and synced, published, answered.
//!
//! Where commands wait or come in while a group is synced, the log's thread does that, and the writer executes the next
//! group meanwhile. Where hardly anybody submits meanwhile, as with a single client, the writer syncs the group itself:
//! handing it over and back would only take time.

use std::task::Waker;
use std::time::Instant;

use wal::{Group, Log};

use super::error::WriterError;
use super::group::{Flight, OpenGroup};
use super::submission::{Completion, Submission};
use super::task::Writer;
use crate::checkpoint::CheckpointOutcome;
use crate::state::LatencyEvent;

/// Groups that are published after one that somebody read: a read that finds its version published need not wait for
/// the writer, so where reads and writes mix, each group is.
const PUBLISHED_GROUPS: u32 = 16;

/// So many groups in a row without a change are a quiet moment: publishing then costs nobody anything, and writes that
/// change nothing need the writer no more.
pub(super) const UNCHANGED_GROUPS: u32 = 4;

/// Executing while a group is synced pays if at least one in so many as it holds submissions come in meanwhile.
const MEANWHILE_SHARE: usize = 4;

impl<L: Log> Writer<L> {
    /// Closes a group and has it written. Nothing may be in flight.
    pub(super) fn launch(&mut self, mut open: OpenGroup) -> Result<(), WriterError> {
        let started = self.latency_clock();
        self.expire(&mut open)?;
        self.took(LatencyEvent::ExpireCycle, started);
        if let Some(outcome) = self.checkpoints.ended(self.table.dirty_pages()) {
            self.end_checkpoint(outcome)?;
        }
        let OpenGroup { group, now_ms, mut changed, quiet, aftermath } = open;
        changed |= self.reclaim(&group, self.options.reclaim_pages_max)?;
        let checkpoint = self.checkpoints.is_due(&self.table);
        if checkpoint {
            changed |= self.move_down(&group)?;
        }
        self.unpublished |= changed;
        self.unchanged_groups = if changed { 0 } else { self.unchanged_groups.saturating_add(1) };
        let quiet = quiet || self.unchanged_groups >= UNCHANGED_GROUPS;
        self.redo.push(&group);
        let wanted = self.is_read(quiet) | checkpoint | self.redo.is_full(self.table.pages_taken());
        let publish = wanted && std::mem::take(&mut self.unpublished);
        if publish {
            self.redo.clear(self.table.pages_taken());
        }
        self.flight = Some(Flight {
            records: u64::from(group.count()),
            bytes: group.len_bytes() as u64,
            changed,
            frozen: publish.then(|| self.table.freeze()),
            checkpoint,
            aftermath,
            started: self.latency_clock(),
            answered: std::mem::take(&mut self.answered),
            readers: std::mem::take(&mut self.readers),
        });
        self.sync(group, now_ms)
    }

    /// Appends the group, and syncs it unless the log's thread does.
    fn sync(&mut self, group: Group, now_ms: u64) -> Result<(), WriterError> {
        let is_empty = group.is_empty();
        // An empty group too: the log takes its buffer back.
        self.log.submit(group, now_ms * 1000)?;
        self.secured.group_bytes = 0;
        if is_empty {
            return self.land();
        }
        let waiting = self.taken.len() + self.inbox.len();
        if (waiting > 0 || self.overlaps) && self.log.sync_meanwhile() {
            return Ok(());
        }
        self.log.durable()?;
        self.land()
    }

    /// Takes notice if the group in flight is durable by now. Whether nothing is in flight any more.
    pub(super) fn landed(&mut self) -> Result<bool, WriterError> {
        if self.flight.is_some() {
            if !self.log.is_durable()? {
                return Ok(false);
            }
            self.land()?;
        }
        Ok(true)
    }

    /// Waits until nothing is in flight.
    pub(super) fn wait_for_landing(&mut self) -> Result<(), WriterError> {
        if self.flight.is_some() {
            self.log.durable()?;
            self.land()?;
        }
        Ok(())
    }

    /// The group in flight is durable: shows it to those who read, and sends its replies.
    fn land(&mut self) -> Result<(), WriterError> {
        let mut flight = self.flight.take().expect("a group is in flight");
        let meanwhile = self.answered.len() + self.taken.len() + self.inbox.len();
        self.overlaps = meanwhile * MEANWHILE_SHARE > flight.answered.len();
        if flight.records > 0 {
            self.checkpoints.logged(flight.records, flight.bytes);
            self.took(LatencyEvent::LogSync, flight.started);
        }
        if let Some(frozen) = flight.frozen {
            self.table.publish(frozen);
            self.state.publication.set_behind(false);
        } else if flight.changed {
            self.state.publication.set_behind(true);
        }
        self.gauges.committed(flight.records, self.log.last_lsn(), self.log.synced_lsn());
        flight.aftermath.tell(&self.state, flight.records > 0);
        self.resolve(&mut flight.answered);
        for done in flight.readers {
            let _ = done.try_send(());
        }
        if self.answered.is_empty() {
            self.answered = flight.answered;
        }
        if flight.checkpoint {
            self.start_checkpoint();
        }
        Ok(())
    }

    /// Keeps the promises of the submissions that were answered, then wakes who waits for them.
    fn resolve(&mut self, answered: &mut Vec<(Box<Submission>, usize)>) {
        let completions =
            answered.drain(..).map(|(submission, executed)| Completion { submission, executed });
        self.wakers.extend(completions.filter_map(Completion::resolve));
        self.wakers.drain(..).for_each(Waker::wake);
    }

    /// Whether the group that is closed is to be published when it is durable.
    fn is_read(&mut self, quiet: bool) -> bool {
        if self.state.publication.take_wanted() {
            self.publish_left = PUBLISHED_GROUPS;
        }
        let wanted = self.publish_left > 0;
        self.publish_left = self.publish_left.saturating_sub(1);
        wanted || quiet || !self.readers.is_empty()
    }

    /// Starts a checkpoint of the published version, which holds all that is synced.
    pub(super) fn start_checkpoint(&mut self) {
        let lsn = self.log.synced_lsn();
        self.table.set_log_checksum(self.log.synced_checksum());
        let checkpoint = self.table.begin_checkpoint(lsn, self.clock.now_ms());
        self.checkpoints.start(checkpoint, lsn);
        self.checkpoint_began = Instant::now();
        self.gauges.checkpoint_started();
    }

    /// Releases what only the former checkpoint held, in table and log.
    pub(super) fn end_checkpoint(&mut self, outcome: CheckpointOutcome) -> Result<(), WriterError> {
        let lsn = outcome.lsn;
        let durable = outcome.result.map_err(WriterError::Checkpoint)?;
        // From here on the table alone has what was logged before.
        self.look_at_files()?;
        if self.guard.is_some() {
            self.log.look_at_header()?;
        }
        self.table.end_checkpoint(durable);
        self.state.took(LatencyEvent::Checkpoint, self.checkpoint_began.elapsed());
        self.log.recycle_through(lsn)?;
        self.gauges.checkpoint_ended(lsn, self.clock.now_ms());
        self.clock.stored();
        self.checkpoints.answer();
        Ok(())
    }
}
