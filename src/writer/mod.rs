//! The writer: one task on a thread of its own, through which every change goes.
//!
//! It takes what waits in its queue, and for all of it together: **executes** the commands on its own, unpublished
//! version of the table; **appends** their effects to the log as one group; **syncs** the group; **publishes** the
//! version, so that readers see it; **replies**. From time to time it starts a **checkpoint**. While one group syncs
//! the next one gathers in the queue; nobody waits on a timer.
//!
//! Pages of an unpublished version are changed in place, those of a published one are copied first. So while nobody
//! reads, groups are synced and acknowledged without being published ([`Publication`]); the next reader has them
//! published before it takes its snapshot.
//!
//! Invariants:
//! - a reply leaves only after the group that holds its write is synced, and published or said to be behind;
//! - only what is synced is published;
//! - a record's effects are all in the table or none is: commands check everything before their first change;
//! - an error of log, table or checkpoint ends the task with the reason, before any reply of the group; space that is
//!   short is no such error, see [`space`].
//!
//! [`Publication`]: crate::state::Publication

mod execute;
mod expiry;
mod gauges;
mod queue;
mod space;
mod submission;

pub use gauges::{RecoveryFigures, WriterGauges};
pub use queue::{
    Closed, Message, QUEUE_BYTES_MAX, QUEUE_MESSAGES_MAX, WriterInbox, WriterQueue, writer_queue,
    writer_queue_with,
};
pub use submission::{Completion, Item, Submission};

use std::collections::VecDeque;
use std::sync::Arc;

use wal::{Group, Log, LogError};

use crate::checkpoint::{CheckpointOutcome, Checkpoints};
use crate::clock::Clock;
use crate::command::Limits;
use crate::effect::EffectBuffer;
use crate::keyspace::{KeyspaceError, Lookups};
use crate::state::ServerState;
use crate::table::{TableError, TableWriter};
use space::SpaceTold;

/// Messages taken ahead of their execution, so that the leaves of their keys can be fetched meanwhile.
const TAKEN_MAX: usize = 16;

/// Commands taken ahead, unless one message holds more: their leaves are to stay in the processor's cache until then.
const TAKEN_ITEMS_MAX: usize = 16;
/// A group of fewer records is small.
const SMALL_GROUP_RECORDS: u32 = 64;
/// Times that a small group gives the processor away in a row before it is closed.
const YIELDS_MAX: u32 = 2;

/// Groups that are published after one that somebody read: a read that finds its version published need not wait for
/// the writer, so where reads and writes mix, each group is.
const PUBLISHED_GROUPS: u32 = 16;

/// What ends the writer before it is asked to stop.
#[derive(Debug, thiserror::Error)]
pub enum WriterError {
    /// The log could not take or sync a group.
    #[error("the log failed, nothing in this group was acknowledged: {0}")]
    Log(#[from] LogError),
    /// The table failed in the middle of a change.
    #[error("the table failed: {0}")]
    Table(#[from] TableError),
    /// The key space found cells that it cannot have written.
    #[error("the key space failed: {0}")]
    Keyspace(#[from] KeyspaceError),
    /// A checkpoint could not be made durable.
    #[error("the checkpoint failed: {0}")]
    Checkpoint(String),
}

/// Limits of the writer's work.
#[derive(Clone, Debug)]
pub struct WriterOptions {
    /// A group takes no further commands when it holds so many bytes.
    pub group_bytes_max: usize,
    /// Replies to one submission grow to about so many bytes; what is left of it then is answered in the next turn.
    pub output_bytes_max: usize,
    /// Keys past their deadline that one group deletes by itself at most.
    pub expire_keys_max: usize,
    /// Pages of cut-off trees that one group frees at most.
    pub reclaim_pages_max: usize,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            group_bytes_max: 1 << 20,
            output_bytes_max: 1 << 20,
            expire_keys_max: 200,
            reclaim_pages_max: 256,
        }
    }
}

/// The one task that changes data.
pub struct Writer<L> {
    /// Where effects become durable.
    log: L,
    /// What holds the data.
    table: TableWriter,
    /// Where commands come from.
    inbox: WriterInbox,
    /// What all connections share.
    state: Arc<ServerState>,
    /// What `INFO` shows of log and table.
    gauges: Arc<WriterGauges>,
    /// Tells the time, never backwards.
    clock: Arc<Clock>,
    /// Decides when the table is made durable, and does it beside the writer.
    checkpoints: Checkpoints,
    /// Limits of the work.
    options: WriterOptions,
    /// Effects of the command that is being executed.
    effects: EffectBuffer,
    /// What the reading commands of a submission looked up.
    lookups: Lookups,
    /// Limits of the configuration that commands look at, as of the open group.
    limits: Limits,
    /// Messages taken from the queue and not dealt with yet; empty between groups, unless the writer stops.
    taken: VecDeque<Message>,
    /// Submissions executed in the open group; their replies wait for its sync.
    answered: Vec<(Submission, usize)>,
    /// Groups that are still to be published, because somebody reads.
    publish_left: u32,
    /// Whether the version holds changes that are not published.
    unpublished: bool,
    /// Readers that wait for a publication.
    readers: Vec<async_channel::Sender<()>>,
    /// What the log of events was last told about space.
    space_told: Option<SpaceTold>,
}

/// A group that takes commands.
struct OpenGroup {
    /// The records so far.
    group: Group,
    /// The time that all commands of the group see, in milliseconds since the Unix epoch.
    now_ms: u64,
    /// Whether the table may have been changed in this group.
    changed: bool,
    /// Whether this is a quiet moment: publishing now costs no writer anything.
    quiet: bool,
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
        checkpoints: Checkpoints,
        options: WriterOptions,
    ) -> Self {
        Self {
            log,
            table,
            inbox,
            state,
            gauges,
            clock,
            checkpoints,
            options,
            effects: EffectBuffer::new(),
            lookups: Lookups::default(),
            limits: Limits::default(),
            taken: VecDeque::new(),
            answered: Vec::new(),
            publish_left: 0,
            unpublished: false,
            readers: Vec::new(),
            space_told: None,
        }
    }

    /// Serves the queue until it is told to stop, or until something fails for good.
    pub async fn run(mut self) -> Result<(), WriterError> {
        while let Some(message) = self.inbox.recv().await {
            if let Some(stop) = self.turn(message)? {
                return self.stop(stop);
            }
        }
        self.stop(Stop { checkpoint: true, done: None })
    }

    /// One group, from the first message to the replies.
    fn turn(&mut self, first: Message) -> Result<Option<Stop>, WriterError> {
        self.limits = self.state.command_limits();
        let now_ms = self.clock.now_ms();
        let mut open = OpenGroup { group: self.log.group(), now_ms, changed: false, quiet: false };
        let stop = self.gather(first, &mut open)?;
        self.expire(&mut open)?;
        self.commit(open)?;
        self.checkpoint()?;
        Ok(stop)
    }

    /// Executes what waits in the queue, up to the size of a group.
    fn gather(&mut self, first: Message, open: &mut OpenGroup) -> Result<Option<Stop>, WriterError> {
        self.taken.push_back(first);
        while let Some(message) = self.taken.pop_front() {
            match message {
                Message::Submission(submission) => self.execute(open, submission)?,
                Message::Checkpoint { done } => self.checkpoints.request(done),
                Message::Publish { done } => self.readers.push(done),
                Message::Tick => self.tick(open)?,
                Message::Shutdown { checkpoint, done } => {
                    return Ok(Some(Stop { checkpoint, done: Some(done) }));
                }
            }
            if open.group.len_bytes() < self.options.group_bytes_max {
                self.take_ahead();
                if self.taken.is_empty() {
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

    /// Appends and syncs the group, shows it to those who read, and sends the replies.
    fn commit(&mut self, open: OpenGroup) -> Result<(), WriterError> {
        let OpenGroup { group, now_ms, changed, quiet } = open;
        self.unpublished |= changed | (self.table.reclaim(self.options.reclaim_pages_max)? > 0);
        if !group.is_empty() {
            let (records, bytes) = (u64::from(group.count()), group.len_bytes() as u64);
            self.log.submit(group, now_ms * 1000)?;
            self.log.durable()?;
            self.checkpoints.logged(records, bytes);
        }
        self.show(quiet);
        self.gauges.committed(self.log.last_lsn(), self.log.synced_lsn());
        self.reply();
        Ok(())
    }

    /// Publishes the synced version if somebody reads, or says that readers are behind.
    fn show(&mut self, quiet: bool) {
        if self.state.publication.take_wanted() {
            self.publish_left = PUBLISHED_GROUPS;
        }
        if quiet || self.publish_left > 0 || !self.readers.is_empty() {
            self.publish_left = self.publish_left.saturating_sub(1);
            self.publish();
        } else if self.unpublished {
            self.state.publication.set_behind(true);
        }
    }

    /// Publishes all that is synced. No group may be open.
    fn publish(&mut self) {
        if std::mem::take(&mut self.unpublished) {
            let frozen = self.table.freeze();
            self.table.publish(frozen);
            self.state.publication.set_behind(false);
        }
        for done in self.readers.drain(..) {
            let _ = done.try_send(());
        }
    }

    /// Sends the replies of a synced group. A client that is gone wants none.
    fn reply(&mut self) {
        for (submission, executed) in self.answered.drain(..) {
            let reply_to = submission.reply_to.clone();
            let _ = reply_to.try_send(Completion { submission, executed });
        }
    }

    /// Work of quiet moments: says in the log how far it is synced, lets readers see all, and shows the figures of log
    /// and table.
    fn tick(&mut self, open: &mut OpenGroup) -> Result<(), WriterError> {
        if open.group.is_empty() && self.inbox.is_empty() {
            self.log.seal(open.now_ms * 1000)?;
            open.quiet = true;
            open.changed |= self.table.reclaim(self.options.reclaim_pages_max * 16)? > 0;
        }
        self.gauges.show(self.log.status());
        Ok(())
    }

    /// Takes the outcome of a checkpoint that ended, and starts one that is due.
    fn checkpoint(&mut self) -> Result<(), WriterError> {
        if let Some(outcome) = self.checkpoints.ended() {
            self.end_checkpoint(outcome)?;
        }
        if self.checkpoints.is_due() {
            self.publish();
            let checkpoint = self.table.begin_checkpoint(self.log.synced_lsn(), self.clock.now_ms());
            self.checkpoints.start(checkpoint, self.log.synced_lsn());
            self.gauges.checkpoint_started();
        }
        Ok(())
    }

    /// Releases what only the former checkpoint held, in table and log.
    fn end_checkpoint(&mut self, outcome: CheckpointOutcome) -> Result<(), WriterError> {
        let lsn = outcome.lsn;
        let durable = outcome.result.map_err(|error| WriterError::Checkpoint(error.to_string()))?;
        self.table.end_checkpoint(durable);
        self.log.recycle_through(lsn)?;
        self.gauges.checkpoint_ended(lsn, self.clock.now_ms());
        self.checkpoints.answer();
        Ok(())
    }

    /// Ends the work: a last checkpoint if asked for, and the seal that says that all is synced.
    fn stop(mut self, stop: Stop) -> Result<(), WriterError> {
        let result = self.finish(stop.checkpoint);
        if let Some(done) = stop.done {
            let told = result.as_ref().map(|_| ()).map_err(ToString::to_string);
            let _ = done.try_send(told);
        }
        result
    }

    fn finish(&mut self, checkpoint: bool) -> Result<(), WriterError> {
        if let Some(outcome) = self.checkpoints.wait() {
            self.end_checkpoint(outcome)?;
        }
        self.publish();
        if checkpoint {
            let lsn = self.log.synced_lsn();
            let checkpoint = self.table.begin_checkpoint(lsn, self.clock.now_ms());
            self.checkpoints.start(checkpoint, lsn);
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
