//! The writer: one task on a thread of its own, through which every change goes.
//!
//! It takes everything that is in its queue. The [`executor`](crate::executor) **executes** the commands on its own,
//! unpublished version of the table. The [`committer`](crate::committer) **appends** their effects to the log as one
//! group, **syncs** the group, **publishes** the version, so that readers see it, and sends the **replies**. While one
//! group is in flight to the disk, the next one is executed. No group waits for a timer.
//!
//! The invariants are in those two: about records and the table in the executor; about groups, versions and replies in
//! the committer. The writer only decides when a group is closed.

pub mod doorbell;
#[cfg(test)]
mod fenced_tests;
mod intake;
mod options;
mod queue;
#[cfg(test)]
mod space_tests;
#[cfg(test)]
mod store_tests;
#[cfg(test)]
mod tests;

pub use crate::committer::{RecoveryFigures, WriterError, WriterGauges};
pub use crate::executor::{ExecutorOptions, notify_events};
pub use crate::submission::{Closed, Completion, Item, Promise, Resolver, Submission, WorkedOut, promise};
pub use options::WriterOptions;
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

/// A group of fewer records is small.
const SMALL_GROUP_RECORDS: u32 = 64;
/// A group of this many records is closed as soon as the disk is idle: syncing it takes less time than executing it
/// took, and goes on while the next group is executed. Without this, groups would grow until all clients wait for the
/// same group.
const GROUP_RECORDS_ENOUGH: u32 = 256;
/// How often in a row the writer yields the processor before it closes a small group.
const YIELDS_MAX: u32 = 2;
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
}

/// A request to stop.
struct Stop {
    /// Whether to take a last checkpoint.
    checkpoint: bool,
    /// Gets the outcome.
    done: Option<async_channel::Sender<Result<(), String>>>,
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
        Self {
            executor: Executor::new(table, state.clone(), clock.clone(), executor),
            committer: Committer::new(log, state, gauges, clock, checkpointer),
            intake: Intake::new(inbox),
            open: None,
            group_bytes_max,
        }
    }

    /// Has `guard` watch the files of the data directory.
    pub fn guarding(mut self, guard: FileGuard) -> Self {
        self.committer.guard(guard);
        self
    }

    /// Serves the queue until a job says to stop, or an error ends the writer.
    pub async fn run(mut self) -> Result<(), WriterError> {
        let outcome = self.serve_queue().await;
        if let Err(error) = &outcome {
            self.committer.look_once_more(error);
        }
        outcome
    }

    /// Like [`Writer::run`], without the last look at the files.
    async fn serve_queue(&mut self) -> Result<(), WriterError> {
        self.committer.show_clock();
        while self.wait().await {
            if let Some(stop) = self.turn()? {
                return self.stop(stop);
            }
        }
        self.stop(Stop { checkpoint: true, done: None })
    }

    /// Waits until there is something to do; `false` if there will be nothing any more. Expired keys that are left are
    /// something to do, in a group of their own if there are no jobs.
    async fn wait(&mut self) -> bool {
        if self.executor.expires_more() && !self.committer.is_in_flight() {
            self.intake.take_ahead(&mut self.executor);
            return true;
        }
        self.intake.wait().await
    }

    /// Executes the waiting jobs, and launches the group unless another one is in flight.
    fn turn(&mut self) -> Result<Option<Stop>, WriterError> {
        let mut open = self.open.take().unwrap_or_else(|| self.open());
        let stop = self.gather(&mut open)?;
        let full = open.len_bytes() >= self.group_bytes_max;
        if stop.is_some() || (!self.landed(&mut open)? && !full) {
            self.open = Some(open);
            return Ok(stop);
        }
        self.wait_for_landing(&mut open)?;
        self.launch(open)?;
        Ok(None)
    }

    /// Opens a group.
    fn open(&mut self) -> OpenGroup {
        let mut open = self.committer.open();
        self.executor.begin_group();
        self.executor.look(&mut self.committer.round(&mut open));
        open
    }

    /// Executes the waiting jobs, up to the size of a group.
    fn gather(&mut self, open: &mut OpenGroup) -> Result<Option<Stop>, WriterError> {
        while let Some(job) = self.intake.next(&mut self.executor) {
            match job {
                Job::Submission(submission) => {
                    let mut round = self.committer.round(open);
                    self.executor.look(&mut round);
                    self.executor.execute(&mut round, submission)?;
                }
                Job::Checkpoint { done } => self.committer.request_checkpoint(done),
                Job::Publish { done } => self.committer.request_publication(done),
                Job::Synced => {}
                Job::Unblock { client_id } => self.executor.unblock(client_id),
                Job::Tick => self.tick(open)?,
                Job::Shutdown { checkpoint, done } => {
                    return Ok(Some(Stop { checkpoint, done: Some(done) }));
                }
            }
            let landed = self.landed(open)?;
            if landed && open.count() >= GROUP_RECORDS_ENOUGH {
                break;
            }
            if open.len_bytes() < self.group_bytes_max {
                self.intake.take_ahead(&mut self.executor);
                if landed && self.intake.has_taken_none() {
                    self.let_others_submit(open);
                }
            }
        }
        Ok(None)
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
    fn launch(&mut self, open: OpenGroup) -> Result<(), WriterError> {
        let Self { executor, committer, intake, .. } = self;
        committer.launch(open, Executed { executor, waiting: || intake.len() })
    }

    /// Checks whether the group in flight is durable, and finishes it if so. Returns whether no group is in flight any
    /// more.
    fn landed(&mut self, open: &mut OpenGroup) -> Result<bool, WriterError> {
        let Self { executor, committer, intake, .. } = self;
        let landing = committer.landed(Executed { executor, waiting: || intake.len() })?;
        self.renew(open, landing);
        Ok(landing != Landing::InFlight)
    }

    /// Waits until no group is in flight.
    fn wait_for_landing(&mut self, open: &mut OpenGroup) -> Result<(), WriterError> {
        let Self { executor, committer, intake, .. } = self;
        let landing = committer.wait_for_landing(Executed { executor, waiting: || intake.len() })?;
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
        if let Some(done) = stop.done {
            let told = result.as_ref().map(|_| ()).map_err(ToString::to_string);
            let _ = done.try_send(told);
        }
        result
    }

    fn finish(&mut self, checkpoint: bool) -> Result<(), WriterError> {
        self.committer.look_at_files(self.executor.table())?;
        let mut open = self.open.take().unwrap_or_else(|| self.open());
        self.wait_for_landing(&mut open)?;
        open.be_quiet();
        self.launch(open)?;
        let Self { executor, committer, intake, .. } = self;
        committer.wait_for_landing(Executed { executor, waiting: || intake.len() })?;
        self.committer.finish(self.executor.table(), checkpoint)
    }
}
