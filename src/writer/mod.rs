//! The writer: one task on a thread of its own, through which every change goes.
//!
//! It takes what waits in its queue, and for all of it together: **executes** the commands on its own, unpublished
//! version of the table; **appends** their effects to the log as one group; **syncs** the group; **publishes** the
//! version, so that readers see it; **replies**. From time to time it starts a **checkpoint**. While one group is in
//! [flight] to the disk the next one is executed; nobody waits on a timer.
//!
//! Pages of an unpublished version are changed in place, those of a published one are copied first. So while nobody
//! reads, groups are synced and acknowledged without being published ([`Publication`]); the next reader has them
//! published before it takes its snapshot.
//!
//! Invariants:
//! - a reply leaves only after the group that holds its write is synced, and published or said to be behind;
//! - only what is synced is published, and one group at most is in flight;
//! - a record's effects are all in the table or none is: commands check everything before their first change, and what
//!   a command that failed all the same has changed is taken back, see [`undo`];
//! - an error of log, table or checkpoint ends the task with the reason, before any reply of the group; space that is
//!   short is no such error, see [`space`].
//!
//! [`Publication`]: crate::state::Publication

mod aftermath;
mod blocking;
pub mod doorbell;
mod error;
mod execute;
mod expiry;
mod flight;
mod gauges;
mod group;
mod idle;
mod noted;
mod options;
mod outcome;
mod promise;
mod queue;
mod record;
mod redo;
mod room;
mod set_back;
mod space;
#[cfg(test)]
mod space_tests;
mod submission;
mod task;
#[cfg(test)]
mod tests;
mod transaction;
mod undo;
mod waiting;
mod watches;

pub(crate) use aftermath::tell_events;
pub use error::WriterError;
pub use gauges::{RecoveryFigures, WriterGauges};
pub use idle::IdleWatch;
pub use options::WriterOptions;
pub use promise::{Closed, Promise, Resolver, promise};
pub use queue::{
    Message, QUEUE_BYTES_MAX, QUEUE_MESSAGES_MAX, WriterInbox, WriterQueue, writer_queue, writer_queue_with,
};
pub use submission::{Completion, Item, Submission};
pub use task::Writer;

use std::time::{Duration, Instant};

use wal::Log;

use crate::ebb;
use crate::keyspace::{Classes, Keyspace};
use crate::state::LatencyEvent;
use aftermath::Aftermath;
use group::OpenGroup;
use room::CommandRoom;

/// Messages taken ahead of their execution, so that the leaves of their keys can be fetched meanwhile.
const TAKEN_MAX: usize = 16;

/// Commands taken ahead, unless one message holds more: their leaves are to stay in the processor's cache until then.
const TAKEN_ITEMS_MAX: usize = 16;
/// Milliseconds between two looks for keys that are watched no more.
const SWEEP_INTERVAL_MS: u64 = 1000;

/// How often it is made sure that nobody took files away.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// A group of fewer records is small.
const SMALL_GROUP_RECORDS: u32 = 64;
/// A group of so many records is closed as soon as the disk is idle: a sync takes less time than executing it took, and
/// goes on while the next group is executed. Without this, groups grow until all clients wait for one.
const GROUP_RECORDS_ENOUGH: u32 = 256;
/// Times that a small group gives the processor away in a row before it is closed.
const YIELDS_MAX: u32 = 2;

/// How to stop.
struct Stop {
    /// Whether to take a last checkpoint.
    checkpoint: bool,
    /// Who wants to know how it went.
    done: Option<async_channel::Sender<Result<(), String>>>,
}

impl<L: Log> Writer<L> {
    /// Serves the queue until it is told to stop, or until something fails for good.
    pub async fn run(mut self) -> Result<(), WriterError> {
        let outcome = self.serve_queue().await;
        // The log may be the first to meet a directory that was removed; its table is to be saved then, too.
        if let (Err(error), Some(guard)) = (&outcome, &self.guard)
            && !matches!(error, WriterError::Files(_))
            && let Err(change) = guard.look()
        {
            tracing::error!("{change}");
        }
        outcome
    }

    /// As [`Writer::run`], without a last look at the files.
    async fn serve_queue(&mut self) -> Result<(), WriterError> {
        self.show_clock();
        while self.wait().await {
            if let Some(stop) = self.turn()? {
                return self.stop(stop);
            }
        }
        self.stop(Stop { checkpoint: true, done: None })
    }

    /// Waits until there is something to do; `false` when there never will be. More keys past their deadline are something
    /// to do, in a group of their own if nobody wants anything else.
    async fn wait(&mut self) -> bool {
        if self.expires_more && self.flight.is_none() {
            self.take_ahead();
            return true;
        }
        if self.taken.is_empty() {
            let Some(message) = self.inbox.recv().await else { return false };
            self.taken.push_back(message);
        }
        true
    }

    /// Executes what is there, and sends it on its way to the disk unless another group still is.
    fn turn(&mut self) -> Result<Option<Stop>, WriterError> {
        let mut open = self.open.take().unwrap_or_else(|| self.open());
        let stop = self.gather(&mut open)?;
        let full = open.group.len_bytes() >= self.options.group_bytes_max;
        if stop.is_some() || (!self.landed()? && !full) {
            self.open = Some(open);
            return Ok(stop);
        }
        self.wait_for_landing()?;
        self.launch(open)?;
        Ok(None)
    }

    /// A new group.
    fn open(&mut self) -> OpenGroup {
        let aftermath = Aftermath::new(&self.state);
        let (group, now_ms) = (self.log.group(), self.clock.now_ms());
        self.note_deadlines();
        let mut open = OpenGroup { group, now_ms, changed: false, quiet: false, aftermath };
        self.look(&mut open);
        open
    }

    /// Looks at what the configuration says now. A group stays open while the one before it is written, and whoever
    /// changed something meanwhile finds it changed for all commands that come later.
    fn look(&mut self, open: &mut OpenGroup) {
        self.limits = self.state.command_limits();
        open.aftermath.look(&self.state, open.group.count() > 0 || !self.effects.is_empty());
        self.lookups.keeps_expired = self.state.pauses_writes();
        self.lookups.notes_missing = open.aftermath.events.wants(Classes::KEY_MISS);
    }

    /// Executes what waits in the queue, up to the size of a group.
    fn gather(&mut self, open: &mut OpenGroup) -> Result<Option<Stop>, WriterError> {
        while let Some(message) = self.taken.pop_front() {
            match message {
                Message::Submission(submission) => {
                    self.look(open);
                    self.execute(open, submission)?;
                }
                Message::Checkpoint { done } => self.checkpoints.request(done),
                Message::Publish { done } => self.readers.push(done),
                Message::Synced => {}
                Message::Unblock { client_id } => self.unblock(client_id),
                Message::Tick => self.tick(open)?,
                Message::Shutdown { checkpoint, done } => {
                    return Ok(Some(Stop { checkpoint, done: Some(done) }));
                }
            }
            let landed = self.landed()?;
            if landed && open.group.count() >= GROUP_RECORDS_ENOUGH {
                break;
            }
            if open.group.len_bytes() < self.options.group_bytes_max {
                self.take_ahead();
                if landed && self.taken.is_empty() {
                    self.let_others_submit(open);
                }
            }
        }
        Ok(None)
    }

    /// Before a small group is closed, lets connections whose commands have arrived already submit them: a sync costs the
    /// same for many as for few. Gives the processor away, and waits for nobody.
    fn let_others_submit(&mut self, open: &OpenGroup) {
        for _ in 0..YIELDS_MAX {
            if open.group.count() >= SMALL_GROUP_RECORDS {
                return;
            }
            std::thread::yield_now();
            self.take_ahead();
            if !self.taken.is_empty() {
                return;
            }
        }
    }

    /// Takes some of the messages that wait, and has the leaves of their keys fetched while others are executed.
    fn take_ahead(&mut self) {
        let mut items: usize = self.taken.iter().map(items).sum();
        while self.taken.len() < TAKEN_MAX && items < TAKEN_ITEMS_MAX {
            let Some(message) = self.inbox.try_recv() else { return };
            self.prefetch(&message);
            items += self::items(&message);
            self.taken.push_back(message);
        }
    }

    /// Does work on the key space, with whoever listens to its events, and within the space that there is. `group_bytes`
    /// are those of the open group, and `grows` says whether the work may grow the data.
    fn within<R>(
        &mut self,
        aftermath: &mut Aftermath,
        (group_bytes, grows): (u64, bool),
        work: impl FnOnce(&mut Keyspace<'_>) -> R,
    ) -> R {
        self.leave_pages(grows);
        let left_bytes = self.left_bytes(grows);
        let notes_touches = aftermath.tracks || !self.watches.is_empty();
        let (log, secured) = (&mut self.log, &mut self.secured);
        let mut room = CommandRoom { log, secured, group_bytes, left_bytes };
        let events = (aftermath.events.wanted() != Classes::NONE).then_some(&mut aftermath.events);
        let touched = notes_touches.then_some(&mut self.touched);
        let given = (!self.noted.is_empty()).then_some(&mut self.given);
        let keyspace = Keyspace::new(&mut self.table, Some(&mut self.effects));
        work(&mut keyspace.telling(events).noting(touched).giving(given).within(&mut room))
    }

    /// Now, if anybody wants to know how long things take.
    fn latency_clock(&self) -> Option<Instant> {
        (self.state.limits.latency_threshold_ms() > 0).then(Instant::now)
    }

    /// Notes how long something took that began at `started`.
    fn took(&self, event: LatencyEvent, started: Option<Instant>) {
        if let Some(started) = started {
            self.state.took(event, started.elapsed());
        }
    }

    /// Work of quiet moments: says in the log how far it is synced, lets readers see all, shows the figures of log and
    /// table, and makes sure that nobody has cut the table's file.
    fn tick(&mut self, open: &mut OpenGroup) -> Result<(), WriterError> {
        if open.group.is_empty() && self.inbox.is_empty() && self.flight.is_none() {
            self.log.seal(open.now_ms * 1000)?;
            open.quiet = true;
            open.changed |= self.reclaim(&open.group, self.options.reclaim_pages_max * 16)?;
        }
        self.gauges.show(self.log.status());
        ebb::hear(|| self.let_go());
        self.show_clock();
        self.table.check_file()?;
        if self.looked.elapsed() >= LOOK_INTERVAL {
            self.look_at_files()?;
        }
        if !self.watches.is_empty() && open.now_ms.abs_diff(self.swept_ms) >= SWEEP_INTERVAL_MS {
            self.swept_ms = open.now_ms;
            self.watches.sweep();
            self.show_watchers();
        }
        Ok(())
    }

    /// Frees the memory that is kept for later.
    fn let_go(&mut self) {
        self.redo.let_go();
        self.log.let_go();
        self.table.let_go();
        self.taken.shrink_to_fit();
        self.wakers.shrink_to_fit();
        self.answered.shrink_to_fit();
        self.lookups.expired.shrink_to_fit();
        self.lookups.missing.shrink_to_fit();
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

    /// Makes sure that table and log are where they were: nobody removed or replaced a file, or cut it.
    fn look_at_files(&mut self) -> Result<(), WriterError> {
        self.looked = Instant::now();
        if let Some(guard) = &self.guard {
            guard.look()?;
            self.log.look_at_files()?;
        }
        Ok(self.table.check_file()?)
    }

    fn finish(&mut self, checkpoint: bool) -> Result<(), WriterError> {
        self.look_at_files()?;
        self.wait_for_landing()?;
        let open = self.open.take().unwrap_or_else(|| self.open());
        self.launch(OpenGroup { quiet: true, ..open })?;
        self.wait_for_landing()?;
        if let Some(outcome) = self.checkpoints.wait() {
            self.end_checkpoint(outcome)?;
        }
        if checkpoint {
            self.start_checkpoint();
            let outcome = self.checkpoints.wait().expect("a checkpoint was started");
            self.end_checkpoint(outcome)?;
        }
        self.log.seal(self.clock.now_ms() * 1000)?;
        self.gauges.show(self.log.status());
        Ok(())
    }
}

/// Number of things that a message asks to be answered.
fn items(message: &Message) -> usize {
    match message {
        Message::Submission(submission) => submission.items.len(),
        _ => 0,
    }
}
