//! A group's way from execution to the replies: closed, written and synced, published, answered.
//!
//! If commands wait, or probably come in during the sync, the log's thread syncs the group, and the next one is
//! executed meanwhile. If hardly any come in meanwhile, as with a single client, the committer syncs the group itself:
//! handing it to another thread and back would only take time.

use std::task::Waker;

use wal::Log;

use super::Committer;
use super::error::WriterError;
use super::group::{Flight, OpenGroup};
use super::own_sync::Company;
use super::writer_log::Submitted;
use crate::executor::Executor;
use crate::state::LatencyEvent;
use crate::submission::Completion;
use crate::table::TableWriter;

/// Number of groups that are published after somebody has read. A read need not wait for the writer if everything is
/// published, so while reads and writes mix, every group is.
const PUBLISHED_GROUPS: u32 = 16;

/// This many groups in a row without a change are a quiet moment: publishing then costs nothing, and afterwards writes
/// that change nothing no longer need the writer.
pub const UNCHANGED_GROUPS: u32 = 4;

/// Executing during a sync pays if more than one submission comes in meanwhile for this many in the group.
const MEANWHILE_SHARE: usize = 4;

/// The executor, the number of jobs that wait for it, and whether the caller may wait for the disk.
pub struct Executed<'a, W> {
    /// The executor.
    pub executor: &'a mut Executor,
    /// Returns how many jobs wait now.
    pub waiting: W,
    /// Whether the caller may wait for the disk.
    pub may_wait: bool,
}

/// What happened to the group in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landing {
    /// It is still in flight.
    InFlight,
    /// It is durable, or there was none.
    Landed,
    /// It was given up, with everything executed since. The open group must be given up, too.
    GivenUp,
}

impl<L: Log> Committer<L> {
    /// Closes a group and has it written. No group may be in flight.
    pub fn launch(
        &mut self,
        mut open: OpenGroup,
        mut executed: Executed<'_, impl Fn() -> usize>,
    ) -> Result<(), WriterError> {
        let executor = &mut *executed.executor;
        let started = self.latency_clock();
        executor.expire(&mut self.round(&mut open))?;
        self.took(LatencyEvent::ExpireCycle, started);
        // It takes time: who may not wait was told so before, and leaves one that has just ended to the next group.
        if executed.may_wait
            && let Some(outcome) = self.checkpointer.ended(executor.table())
        {
            self.end_checkpoint(executor.table(), outcome)?;
        }
        let mut changed = open.tidied || !open.is_empty();
        let mut checkpoint = false;
        if let Some(reason) = self.log.fence() {
            self.checkpointer.refuse(reason);
        } else {
            changed |= executor.reclaim(&self.round(&mut open), 1)?;
            checkpoint = self.checkpointer.is_due(executor.table());
        }
        if checkpoint {
            changed |= executor.move_down(&self.round(&mut open))?;
        }
        executor.close(&self.round(&mut open));
        let OpenGroup { group, now_ms, quiet, notifications, .. } = open;
        let publish = self.publishes(executor, changed, quiet, checkpoint);
        let company = self.company(executor.answered().len(), u64::from(group.count()));
        self.own_sync.note(company, &self.pace);
        let is_empty = group.is_empty();
        self.flight = Some(Flight {
            last_lsn: self.log.last_lsn() + u64::from(group.count()),
            records: u64::from(group.count()),
            bytes: group.len_bytes() as u64,
            changed,
            handed: false,
            frozen: None,
            checkpoint,
            notifications,
            started: self.latency_clock(),
            answered: std::mem::take(executor.answered()),
            readers: std::mem::take(&mut self.readers),
        });
        // Empty groups, too: the log reuses the buffer.
        let submitted = self.log.submit(group, now_ms * 1000)?;
        if let Submitted::Dropped(shortage) = &submitted {
            return self.flight_dropped(executor, shortage);
        }
        // Not before: the pages of a frozen version cannot be reused when it is withdrawn.
        if let (Some(flight), true) = (&mut self.flight, publish) {
            flight.frozen = Some(executor.freeze());
        }
        match submitted {
            Submitted::Lost => self.flight_lost(&mut executed).map(drop),
            _ if is_empty => self.land(&mut executed),
            _ => self.sync(&mut executed),
        }
    }

    /// Whether the version of the closed group is to be published when it is durable.
    fn publishes(&mut self, executor: &Executor, changed: bool, quiet: bool, checkpoint: bool) -> bool {
        self.unpublished |= changed;
        self.unchanged_groups = if changed { 0 } else { self.unchanged_groups.saturating_add(1) };
        let quiet = quiet || self.unchanged_groups >= UNCHANGED_GROUPS;
        let wanted = self.is_read(quiet) | checkpoint | executor.should_freeze();
        wanted && std::mem::take(&mut self.unpublished)
    }

    /// What is known of a group for so many submissions.
    fn company(&self, submissions: usize, records: u64) -> Company {
        let (is_read, is_alone) = (self.publish_left > 0, self.state.clients.len() == 1);
        Company { submissions, records, is_read, is_alone }
    }

    /// Syncs the group in flight, unless the log's thread does. A caller that must not wait leaves it unsynced if the log
    /// has no thread, but syncs it where handing it over would take longer.
    fn sync(&mut self, executed: &mut Executed<'_, impl Fn() -> usize>) -> Result<(), WriterError> {
        let hands_over = match executed.may_wait {
            true => (executed.waiting)() > 0 || self.overlaps,
            false => !self.own_sync.is_sure(),
        };
        if hands_over && self.log.sync_meanwhile() {
            self.flight.as_mut().expect("a group is in flight").handed = true;
            return Ok(());
        }
        if hands_over && !executed.may_wait {
            return Ok(());
        }
        match self.log.durable()? {
            Some(_) => self.land(executed),
            None => self.flight_lost(executed).map(drop),
        }
    }

    /// Syncs the group in flight, if a caller that must not wait has left it unsynced.
    pub fn sync_waiting(
        &mut self,
        executed: Executed<'_, impl Fn() -> usize>,
    ) -> Result<Landing, WriterError> {
        match &self.flight {
            Some(flight) if !flight.handed => self.wait_for_landing(executed),
            _ => Ok(Landing::InFlight),
        }
    }

    /// Whether all is for a thread that may wait: the disk is slow, or the group in flight is unsynced, or starts a
    /// checkpoint when it lands.
    pub fn needs_thread(&self) -> bool {
        let takes_time = |flight: &Flight| flight.checkpoint || !flight.handed;
        self.pace.is_slow() || self.flight.as_ref().is_some_and(takes_time)
    }

    /// Whether launching a group would wait for the disk, or take time, if the log needs `log_bytes` for it.
    pub fn launch_waits(&mut self, table: &TableWriter, log_bytes: u64) -> bool {
        self.log_would_wait(log_bytes) || self.checkpointer.has_ended() || self.checkpointer.is_due(table)
    }

    /// Whether a group of so many bytes may wait for the log.
    pub fn log_would_wait(&self, bytes: u64) -> bool {
        self.log.would_wait(bytes)
    }

    /// Checks whether the group in flight is durable, and finishes it if so.
    pub fn landed(&mut self, mut executed: Executed<'_, impl Fn() -> usize>) -> Result<Landing, WriterError> {
        let Some(flight) = &self.flight else { return Ok(Landing::Landed) };
        match self.log.poll_durable()? {
            Some(durable_lsn) if durable_lsn < flight.last_lsn => return Ok(Landing::InFlight),
            Some(_) => self.land(&mut executed)?,
            None => return self.flight_lost(&mut executed),
        }
        Ok(Landing::Landed)
    }

    /// Waits until no group is in flight.
    pub fn wait_for_landing(
        &mut self,
        mut executed: Executed<'_, impl Fn() -> usize>,
    ) -> Result<Landing, WriterError> {
        if self.flight.is_some() {
            if self.log.durable()?.is_none() {
                return self.flight_lost(&mut executed);
            }
            self.land(&mut executed)?;
        }
        Ok(Landing::Landed)
    }

    /// The group in flight is durable: publishes its version if that is wanted, and sends its notifications and
    /// replies.
    fn land(&mut self, executed: &mut Executed<'_, impl Fn() -> usize>) -> Result<(), WriterError> {
        let mut flight = self.flight.take().expect("a group is in flight");
        let executor = &mut *executed.executor;
        let meanwhile = executor.answered().len() + (executed.waiting)();
        self.overlaps = meanwhile * MEANWHILE_SHARE > flight.answered.len();
        if flight.records > 0 {
            self.checkpointer.logged(flight.records, flight.bytes);
            self.pace.note(self.log.sync_time());
            self.took(LatencyEvent::LogSync, flight.started);
        }
        if let Some(frozen) = flight.frozen {
            executor.publish(frozen);
            self.state.publication.set_behind(false);
        } else if flight.changed {
            self.state.publication.set_behind(true);
        }
        self.gauges.committed(flight.records, self.log.last_lsn(), self.log.synced_lsn());
        flight.notifications.send(&self.state, flight.records > 0);
        self.resolve(&mut flight.answered);
        for done in flight.readers {
            let _ = done.try_send(());
        }
        if executor.answered().is_empty() {
            *executor.answered() = flight.answered;
        }
        if flight.checkpoint {
            self.start_checkpoint(executor.table());
        }
        Ok(())
    }

    /// Resolves the promises of the answered submissions, then wakes the tasks that wait for them.
    pub(super) fn resolve(&mut self, answered: &mut Vec<Completion>) {
        self.wakers.extend(answered.drain(..).filter_map(Completion::resolve));
        self.wakers.drain(..).for_each(Waker::wake);
    }

    /// Whether a reader, or a quiet moment, wants the closed group published.
    fn is_read(&mut self, quiet: bool) -> bool {
        if self.state.publication.take_wanted() {
            self.publish_left = PUBLISHED_GROUPS;
        }
        let wanted = self.publish_left > 0;
        self.publish_left = self.publish_left.saturating_sub(1);
        wanted || quiet || !self.readers.is_empty()
    }
}
