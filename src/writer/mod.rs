//! The writer: one task on a thread of its own, through which every change goes.
//!
//! It takes what waits in its queue, and for all of it together: has the [`executor`](crate::executor) **execute** the
//! commands on its own, unpublished version of the table, and the [`committer`](crate::committer) **append** their effects
//! to the log as one group, **sync** the group, **publish** the version, so that readers see it, and send the **replies**.
//! While one group is in flight to the disk the next one is executed; nobody waits on a timer.
//!
//! What has to be true of that stands with the two: of records and the table with the executor, of groups, versions and
//! replies with the committer. Here is only decided when a group is closed.

pub mod doorbell;
#[cfg(test)]
mod fenced_tests;
mod intake;
mod options;
mod queue;
#[cfg(test)]
mod space_tests;
#[cfg(test)]
mod tests;

pub use crate::committer::{RecoveryFigures, WriterError, WriterGauges};
pub use crate::executor::{ExecutorOptions, notify_events};
pub use crate::submission::{Closed, Completion, Item, Promise, Resolver, Submission, promise};
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
/// A group of this many records is closed as soon as the disk is idle: a sync takes less time than executing it took, and
/// goes on while the next group is executed. Without this, groups grow until all clients wait for one.
const GROUP_RECORDS_ENOUGH: u32 = 256;
/// Times that a small group yields the processor in a row before it is closed.
const YIELDS_MAX: u32 = 2;
/// Pages of cut-off trees that a quiet moment frees, in those that a group does.
const QUIET_RECLAIMS: usize = 16;

/// The one task that changes data.
pub struct Writer<L> {
    /// Runs commands.
    executor: Executor,
    /// Makes durable what they did.
    committer: Committer<L>,
    /// Where they come from.
    intake: Intake,
    /// The group that takes commands, if it has any.
    open: Option<OpenGroup>,
    /// A group takes no further commands when it holds this many bytes.
    group_bytes_max: usize,
}

/// How to stop.
struct Stop {
    /// Whether to take a last checkpoint.
    checkpoint: bool,
    /// Who wants to know how it went.
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

    /// Has the files of the data directory looked after.
    pub fn guarding(mut self, guard: FileGuard) -> Self {
        self.committer.guard(guard);
        self
    }

    /// Serves the queue until it is told to stop, or until something fails for good.
    pub async fn run(mut self) -> Result<(), WriterError> {
        let outcome = self.serve_queue().await;
        if let Err(error) = &outcome {
            self.committer.look_once_more(error);
        }
        outcome
    }

    /// As [`Writer::run`], without a last look at the files.
    async fn serve_queue(&mut self) -> Result<(), WriterError> {
        self.committer.show_clock();
        while self.wait().await {
            if let Some(stop) = self.turn()? {
                return self.stop(stop);
            }
        }
        self.stop(Stop { checkpoint: true, done: None })
    }

    /// Waits until there is something to do; `false` when there never will be. More expired keys are something
    /// to do, in a group of their own if nobody wants anything else.
    async fn wait(&mut self) -> bool {
        if self.executor.expires_more() && !self.committer.is_in_flight() {
            self.intake.take_ahead(&self.executor);
            return true;
        }
        self.intake.wait().await
    }

    /// Executes what is there, and sends it on its way to the disk unless another group still is.
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

    /// A new group.
    fn open(&mut self) -> OpenGroup {
        let mut open = self.committer.open();
        self.executor.begin_group();
        self.executor.look(&mut self.committer.round(&mut open));
        open
    }

    /// Executes what waits in the queue, up to the size of a group.
    fn gather(&mut self, open: &mut OpenGroup) -> Result<Option<Stop>, WriterError> {
        while let Some(job) = self.intake.next() {
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
                self.intake.take_ahead(&self.executor);
                if landed && self.intake.has_taken_none() {
                    self.let_others_submit(open);
                }
            }
        }
        Ok(None)
    }

    /// Before a small group is closed, lets connections whose commands have arrived already submit them: a sync costs the
    /// same for many as for few. Yields the processor, and waits for nobody.
    fn let_others_submit(&mut self, open: &OpenGroup) {
        for _ in 0..YIELDS_MAX {
            if open.count() >= SMALL_GROUP_RECORDS {
                return;
            }
            std::thread::yield_now();
            self.intake.take_ahead(&self.executor);
            if !self.intake.has_taken_none() {
                return;
            }
        }
    }

    /// Work of quiet moments: says in the log how far it is synced, lets readers see all, and has all looked after that is.
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

    /// Closes a group and has it written. Nothing may be in flight.
    fn launch(&mut self, open: OpenGroup) -> Result<(), WriterError> {
        let Self { executor, committer, intake, .. } = self;
        committer.launch(open, Executed { executor, waiting: || intake.len() })
    }

    /// Takes notice if the group in flight is durable by now. Whether nothing is in flight any more.
    fn landed(&mut self, open: &mut OpenGroup) -> Result<bool, WriterError> {
        let Self { executor, committer, intake, .. } = self;
        let landing = committer.landed(Executed { executor, waiting: || intake.len() })?;
        self.renew(open, landing);
        Ok(landing != Landing::InFlight)
    }

    /// Waits until nothing is in flight.
    fn wait_for_landing(&mut self, open: &mut OpenGroup) -> Result<(), WriterError> {
        let Self { executor, committer, intake, .. } = self;
        let landing = committer.wait_for_landing(Executed { executor, waiting: || intake.len() })?;
        self.renew(open, landing);
        Ok(())
    }

    /// Puts a new group in the place of one that was executed on what was given up.
    #[inline]
    fn renew(&mut self, open: &mut OpenGroup, landing: Landing) {
        if landing == Landing::GivenUp {
            *open = self.open();
        }
    }

    /// Ends the work: a last checkpoint if asked for, and the seal that says that all is synced.
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
