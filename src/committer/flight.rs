//! A group's way from execution to the replies: closed, written and synced, published, answered.
//!
//! Where commands wait or come in while a group is synced, the log's thread does that, and the next group is executed
//! meanwhile. Where hardly anybody submits meanwhile, as with a single client, the committer syncs the group itself:
//! handing it over and back would only take time.

use std::task::Waker;

use wal::{Group, Log};

use super::Committer;
use super::error::WriterError;
use super::group::{Flight, OpenGroup};
use crate::executor::Executor;
use crate::state::LatencyEvent;
use crate::submission::Completion;

/// Groups that are published after one that somebody read: a read that finds its version published need not wait for
/// the writer, so where reads and writes mix, each group is.
const PUBLISHED_GROUPS: u32 = 16;

/// This many groups in a row without a change are a quiet moment: publishing then costs nobody anything, and writes that
/// change nothing need the writer no more.
pub const UNCHANGED_GROUPS: u32 = 4;

/// Executing while a group is synced pays if at least one in this many as it holds submissions come in meanwhile.
const MEANWHILE_SHARE: usize = 4;

/// What was executed, whose table is published; and the number of submissions that wait for it.
pub struct Executed<'a, W> {
    /// Who executes.
    pub executor: &'a mut Executor,
    /// Says how many wait by now.
    pub waiting: W,
}

/// What became of the group in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landing {
    /// It is on its way still.
    InFlight,
    /// It is durable, or there was none.
    Landed,
    /// It was given up, with all that was executed since: the group that is open must be, too.
    GivenUp,
}

impl<L: Log> Committer<L> {
    /// Closes a group and has it written. Nothing may be in flight.
    pub fn launch(
        &mut self,
        mut open: OpenGroup,
        mut executed: Executed<'_, impl Fn() -> usize>,
    ) -> Result<(), WriterError> {
        let executor = &mut *executed.executor;
        let started = self.latency_clock();
        executor.expire(&mut self.round(&mut open))?;
        self.took(LatencyEvent::ExpireCycle, started);
        if let Some(outcome) = self.checkpointer.ended(executor.table().dirty_pages()) {
            self.end_checkpoint(executor.table(), outcome)?;
        }
        let mut changed = open.tidied || !open.is_empty();
        self.refuse_checkpoints();
        let mut checkpoint = false;
        if !self.is_fenced() {
            changed |= executor.reclaim(&self.round(&mut open), 1)?;
            checkpoint = self.checkpointer.is_due(executor.table());
        }
        if checkpoint {
            changed |= executor.move_down(&self.round(&mut open))?;
        }
        executor.close(&self.round(&mut open));
        let OpenGroup { group, now_ms, quiet, notifications, .. } = open;
        let publish = self.publishes(executor, changed, quiet, checkpoint);
        self.flight = Some(Flight {
            last_lsn: self.log.last_lsn() + u64::from(group.count()),
            records: u64::from(group.count()),
            bytes: group.len_bytes() as u64,
            changed,
            frozen: publish.then(|| executor.freeze()),
            checkpoint,
            notifications,
            started: self.latency_clock(),
            answered: std::mem::take(executor.answered()),
            readers: std::mem::take(&mut self.readers),
        });
        self.sync(group, now_ms, &mut executed)
    }

    /// Whether the version of the group that is closed is to be published when it is durable.
    fn publishes(&mut self, executor: &Executor, changed: bool, quiet: bool, checkpoint: bool) -> bool {
        self.unpublished |= changed;
        self.unchanged_groups = if changed { 0 } else { self.unchanged_groups.saturating_add(1) };
        let quiet = quiet || self.unchanged_groups >= UNCHANGED_GROUPS;
        let wanted = self.is_read(quiet) | checkpoint | executor.should_freeze();
        wanted && std::mem::take(&mut self.unpublished)
    }

    /// Appends the group, and syncs it unless the log's thread does.
    fn sync(
        &mut self,
        group: Group,
        now_ms: u64,
        executed: &mut Executed<'_, impl Fn() -> usize>,
    ) -> Result<(), WriterError> {
        let is_empty = group.is_empty();
        // An empty group too: the log takes its buffer back.
        let submitted = self.log.submit(group, now_ms * 1000);
        self.secured_bytes = 0;
        if is_empty {
            self.unless_fenced(submitted)?;
            return self.land(executed);
        }
        if let Err(error) = submitted {
            return self.lost(error, executed).map(drop);
        }
        if ((executed.waiting)() > 0 || self.overlaps) && self.log.sync_meanwhile() {
            return Ok(());
        }
        match self.log.durable() {
            Ok(_) => self.land(executed),
            Err(error) => self.lost(error, executed).map(drop),
        }
    }

    /// Takes notice if the group in flight is durable by now.
    pub fn landed(&mut self, mut executed: Executed<'_, impl Fn() -> usize>) -> Result<Landing, WriterError> {
        let Some(flight) = &self.flight else { return Ok(Landing::Landed) };
        match self.log.poll_durable() {
            Ok(durable_lsn) if durable_lsn < flight.last_lsn => return Ok(Landing::InFlight),
            Ok(_) => self.land(&mut executed)?,
            Err(error) => return self.lost(error, &mut executed),
        }
        Ok(Landing::Landed)
    }

    /// Waits until nothing is in flight.
    pub fn wait_for_landing(
        &mut self,
        mut executed: Executed<'_, impl Fn() -> usize>,
    ) -> Result<Landing, WriterError> {
        if self.flight.is_some() {
            if let Err(error) = self.log.durable() {
                return self.lost(error, &mut executed);
            }
            self.land(&mut executed)?;
        }
        Ok(Landing::Landed)
    }

    /// The group in flight is durable: shows it to those who read, and sends its replies.
    fn land(&mut self, executed: &mut Executed<'_, impl Fn() -> usize>) -> Result<(), WriterError> {
        let mut flight = self.flight.take().expect("a group is in flight");
        let executor = &mut *executed.executor;
        let meanwhile = executor.answered().len() + (executed.waiting)();
        self.overlaps = meanwhile * MEANWHILE_SHARE > flight.answered.len();
        if flight.records > 0 {
            self.checkpointer.logged(flight.records, flight.bytes);
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

    /// Keeps the promises of the submissions that were answered, then wakes who waits for them.
    fn resolve(&mut self, answered: &mut Vec<Completion>) {
        self.wakers.extend(answered.drain(..).filter_map(Completion::resolve));
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
}
