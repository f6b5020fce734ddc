//! The writer: one task, through which every change goes.
//!
//! It runs on the thread that serves connections, or on one of its own: see [`place`]. It is done in steps. It takes everything that is in its queue. The [`executor`](crate::executor) **executes** the commands on its own,
//! unpublished version of the table. The [`committer`](crate::committer) **appends** their effects to the log as one
//! group, **syncs** the group, **publishes** the version, so that readers see it, and sends the **replies**. While one
//! group is in flight to the disk, the next one is executed. No group waits for a timer.
//!
//! The invariants are in those two: about records and the table in the executor; about groups, versions and replies in
//! the committer. The writer only decides when a group is closed.

#[cfg(test)]
mod fenced_tests;
mod intake;
mod options;
mod place;
#[cfg(test)]
mod place_tests;
mod queue;
mod quick;
#[cfg(test)]
mod space_tests;
mod station;
#[cfg(test)]
mod step_tests;
#[cfg(test)]
mod store_tests;
#[cfg(test)]
mod tests;

pub use crate::committer::{RecoveryFigures, WriterError, WriterGauges};
pub use crate::executor::{ExecutorOptions, notify_events};
pub use crate::submission::{Closed, Completion, Item, Promise, Resolver, Submission, WorkedOut, promise};
pub use options::WriterOptions;
pub use place::{Progress, Steps};
pub use queue::{
    Job, QUEUE_BYTES_MAX, QUEUE_JOBS_MAX, WriterInbox, WriterQueue, writer_queue, writer_queue_with,
};

use std::sync::Arc;

use wal::Log;

use crate::checkpointer::Checkpointer;
use crate::clock::Clock;
use crate::committer::{Committer, Executed, Landing, OpenGroup};
use crate::ebb;
use crate::executor::Executor;
use crate::file_guard::FileGuard;
use crate::state::ServerState;
use crate::table::TableWriter;
use intake::Intake;
use quick::{is_quick, log_bytes};

/// A group of fewer records is small.
const SMALL_GROUP_RECORDS: u32 = 64;
/// A group of this many records is closed as soon as the disk is idle: syncing it takes less time than executing it
/// took, and goes on while the next group is executed. Without this, groups would grow until all clients wait for the
/// same group.
const GROUP_RECORDS_ENOUGH: u32 = 256;
/// How often in a row the writer yields the processor before it closes a small group.
const YIELDS_MAX: u32 = 2;
/// Bytes of the log that must be free before a step that must not wait, besides twice the reserve: for the records of
/// expired keys.
const FREE_LOG_BYTES: u64 = 16 << 10;
/// A quiet moment frees this many times as many pages of dropped trees as a group.
const QUIET_RECLAIMS: usize = 16;

/// The one task that changes data.
pub struct Writer<L> {
    /// Runs commands.
    executor: Executor,
    /// Makes their effects durable.
    committer: Committer<L>,
    /// The queue.
    intake: Intake,
    /// The open group, if it has any commands.
    open: Option<OpenGroup>,
    /// A group takes no further commands when it holds this many bytes.
    group_bytes_max: usize,
    /// Bytes of the log that must be free before a step that must not wait.
    free_log_bytes: u64,
}

/// Why a step takes no more jobs.
enum Gathered {
    /// There are none, or the group has enough.
    All,
    /// The next one takes time.
    NeedsThread,
    /// The writer is to stop.
    Stop(Stop),
}

/// A request to stop.
struct Stop {
    /// Whether to take a last checkpoint.
    checkpoint: bool,
    /// Gets the outcome.
    done: async_channel::Sender<Result<(), String>>,
}

impl<L: Log> Writer<L> {
    /// A writer on an opened log and table.
    #[allow(clippy::too_many_arguments, reason = "each is a part of its own, and there is one caller")]
    pub fn new(
        log: L,
        table: TableWriter,
        inbox: WriterInbox,
        state: Arc<ServerState>,
        gauges: Arc<WriterGauges>,
        clock: Arc<Clock>,
        checkpointer: Checkpointer,
        options: WriterOptions,
    ) -> Self {
        let WriterOptions { group_bytes_max, executor } = options;
        let free_log_bytes = 2 * executor.log_reserve_bytes + FREE_LOG_BYTES;
        let mut committer = Committer::new(log, state.clone(), gauges, clock.clone(), checkpointer);
        committer.show_clock();
        Self {
            executor: Executor::new(table, state, clock, executor),
            committer,
            intake: Intake::new(inbox),
            open: None,
            group_bytes_max,
            free_log_bytes,
        }
    }

    /// Has `guard` watch the files of the data directory.
    pub fn guarding(mut self, guard: FileGuard) -> Self {
        self.committer.guard(guard);
        self
    }

    /// Takes what is queued, and launches the group unless another one is in flight.
    fn turn(&mut self, may_wait: bool) -> Result<Progress, WriterError> {
        if may_wait {
            self.sync_waiting()?;
        } else if self.committer.needs_thread() {
            return Ok(Progress::NeedsThread);
        }
        self.intake.take_first();
        if !self.has_work(may_wait)? {
            return Ok(Progress::Idle);
        }
        let mut open = self.take_open();
        match self.gather(&mut open, may_wait)? {
            Gathered::All => self.launch_if_landed(open, may_wait),
            Gathered::NeedsThread => {
                self.open = Some(open);
                Ok(Progress::NeedsThread)
            }
            Gathered::Stop(stop) => {
                self.open = Some(open);
                self.stop(stop).map(|()| Progress::Ended)
            }
        }
    }

    /// Launches a group unless another one is in flight. If the group is full, waits for that one.
    fn launch_if_landed(&mut self, mut open: OpenGroup, may_wait: bool) -> Result<Progress, WriterError> {
        let full = open.len_bytes() >= self.group_bytes_max;
        let landed = self.landed(&mut open, may_wait)?;
        if !landed && !full {
            self.open = Some(open);
            return Ok(Progress::Idle);
        }
        if !may_wait && (!landed || self.launch_waits(&open)) {
            self.open = Some(open);
            return Ok(Progress::NeedsThread);
        }
        self.wait_for_landing(&mut open, may_wait)?;
        self.launch(open, may_wait)?;
        Ok(if !may_wait && self.committer.needs_thread() {
            Progress::NeedsThread
        } else if self.intake.is_empty() && !self.executor.expires_more() {
            Progress::Idle
        } else {
            Progress::More
        })
    }

    /// Whether there are jobs, or a group can be launched, or expired keys are left, which get a group of their own if
    /// there are no jobs. Finishes the group in flight if it is durable.
    fn has_work(&mut self, may_wait: bool) -> Result<bool, WriterError> {
        if !self.intake.is_empty() {
            return Ok(true);
        }
        let Self { executor, committer, intake, .. } = self;
        let landing = committer.landed(Executed { executor, waiting: || intake.len(), may_wait })?;
        if landing == Landing::GivenUp {
            self.open = None;
        }
        Ok(landing != Landing::InFlight && (self.open.is_some() || self.executor.expires_more()))
    }

    /// Whether launching a group would wait for the disk, or take time.
    fn launch_waits(&mut self, open: &OpenGroup) -> bool {
        let bytes = open.len_bytes() as u64 + self.free_log_bytes;
        self.committer.launch_waits(self.executor.table(), bytes)
    }

    /// The open group; a new one if there is none.
    fn take_open(&mut self) -> OpenGroup {
        self.open.take().unwrap_or_else(|| self.open())
    }

    /// Opens a group.
    fn open(&mut self) -> OpenGroup {
        let mut open = self.committer.open();
        self.executor.begin_group();
        self.executor.look(&mut self.committer.round(&mut open));
        open
    }

    /// Executes the waiting jobs, up to the size of a group.
    fn gather(&mut self, open: &mut OpenGroup, may_wait: bool) -> Result<Gathered, WriterError> {
        while let Some(job) = self.next_job(open, may_wait) {
            match job {
                Job::Submission(submission) => {
                    let mut round = self.committer.round(open);
                    self.executor.look(&mut round);
                    self.executor.execute(&mut round, submission)?;
                }
                Job::Checkpoint { done } => self.committer.request_checkpoint(done),
                Job::Publish { done } => self.committer.request_publication(done),
                Job::Unblock { client_id } => self.executor.unblock(client_id),
                Job::Tick => self.tick(open)?,
                Job::Shutdown { checkpoint, done } => {
                    return Ok(Gathered::Stop(Stop { checkpoint, done }));
                }
            }
            let landed = self.landed(open, may_wait)?;
            if landed && open.count() >= GROUP_RECORDS_ENOUGH {
                return Ok(Gathered::All);
            }
            if open.len_bytes() < self.group_bytes_max {
                self.intake.take_ahead(&mut self.executor);
                if landed && may_wait && self.intake.has_taken_none() {
                    self.let_others_submit(open);
                }
            }
        }
        Ok(if self.intake.has_taken_none() { Gathered::All } else { Gathered::NeedsThread })
    }

    /// The next of the taken jobs, unless it may wait and must not.
    fn next_job(&mut self, open: &OpenGroup, may_wait: bool) -> Option<Job> {
        let Self { executor, intake, committer, free_log_bytes, .. } = self;
        let serves_slowly = executor.serves_slowly();
        intake.next_if(executor, |job| {
            let bytes = (open.len_bytes() + log_bytes(job)) as u64 + *free_log_bytes;
            may_wait || (is_quick(job) && !serves_slowly && !committer.log_would_wait(bytes))
        })
    }

    /// Before a small group is closed, lets connections submit commands that have already arrived: a sync costs the
    /// same for many as for few. Only yields the processor; does not wait.
    fn let_others_submit(&mut self, open: &OpenGroup) {
        for _ in 0..YIELDS_MAX {
            if open.count() >= SMALL_GROUP_RECORDS {
                return;
            }
            std::thread::yield_now();
            self.intake.take_ahead(&mut self.executor);
            if !self.intake.has_taken_none() {
                return;
            }
        }
    }

    /// Work of quiet moments: seals the log, has everything published, frees pages and memory, and checks the files.
    fn tick(&mut self, open: &mut OpenGroup) -> Result<(), WriterError> {
        if open.is_empty() && self.intake.is_inbox_empty() && !self.committer.is_in_flight() {
            self.committer.seal(open.now_ms())?;
            open.be_quiet();
            let tidied = self.executor.reclaim(&self.committer.round(open), QUIET_RECLAIMS)?;
            open.note_tidied(tidied);
        }
        self.committer.show_log();
        ebb::hear(|| self.let_go());
        self.committer.look_around(self.executor.table())?;
        self.executor.sweep(open.now_ms());
        Ok(())
    }

    /// Frees the memory that is kept for later.
    fn let_go(&mut self) {
        self.executor.let_go();
        self.committer.let_go();
        self.intake.let_go();
    }

    /// Closes a group and has it written. No group may be in flight.
    fn launch(&mut self, open: OpenGroup, may_wait: bool) -> Result<(), WriterError> {
        let Self { executor, committer, intake, .. } = self;
        committer.launch(open, Executed { executor, waiting: || intake.len(), may_wait })
    }

    /// Syncs the group in flight, if a step that must not wait has left it unsynced.
    fn sync_waiting(&mut self) -> Result<(), WriterError> {
        let Self { executor, committer, intake, .. } = self;
        let landing =
            committer.sync_waiting(Executed { executor, waiting: || intake.len(), may_wait: true })?;
        if landing == Landing::GivenUp {
            self.open = None;
        }
        Ok(())
    }

    /// Checks whether the group in flight is durable, and finishes it if so. Returns whether no group is in flight any
    /// more.
    fn landed(&mut self, open: &mut OpenGroup, may_wait: bool) -> Result<bool, WriterError> {
        let Self { executor, committer, intake, .. } = self;
        let landing = committer.landed(Executed { executor, waiting: || intake.len(), may_wait })?;
        self.renew(open, landing);
        Ok(landing != Landing::InFlight)
    }

    /// Waits until no group is in flight.
    fn wait_for_landing(&mut self, open: &mut OpenGroup, may_wait: bool) -> Result<(), WriterError> {
        let Self { executor, committer, intake, .. } = self;
        let landing =
            committer.wait_for_landing(Executed { executor, waiting: || intake.len(), may_wait })?;
        self.renew(open, landing);
        Ok(())
    }

    /// Replaces the open group if the one in flight, on which it was executed, was given up.
    #[inline]
    fn renew(&mut self, open: &mut OpenGroup, landing: Landing) {
        if landing == Landing::GivenUp {
            *open = self.open();
        }
    }

    /// Stops: takes a last checkpoint if requested, and seals the log.
    fn stop(&mut self, stop: Stop) -> Result<(), WriterError> {
        let result = self.finish(stop.checkpoint);
        let told = result.as_ref().map(|_| ()).map_err(ToString::to_string);
        let _ = stop.done.try_send(told);
        result
    }

    fn finish(&mut self, checkpoint: bool) -> Result<(), WriterError> {
        self.committer.look_at_files(self.executor.table())?;
        let mut open = self.take_open();
        self.wait_for_landing(&mut open, true)?;
        open.be_quiet();
        self.launch(open, true)?;
        let Self { executor, committer, intake, .. } = self;
        committer.wait_for_landing(Executed { executor, waiting: || intake.len(), may_wait: true })?;
        self.committer.finish(self.executor.table(), checkpoint)
    }
}

impl<L: Log> Steps for Writer<L> {
    fn step(&mut self, may_wait: bool) -> Result<Progress, WriterError> {
        self.turn(may_wait).inspect_err(|error| self.committer.look_once_more(error))
    }
}
