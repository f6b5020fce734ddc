//! What the writer is made of. What it does stands in the files around.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use super::gauges::WriterGauges;
use super::group::{Flight, OpenGroup};
use super::noted::Noted;
use super::options::WriterOptions;
use super::queue::{Message, WriterInbox};
use super::redo::Redo;
use super::room::{Secured, SpaceTold};
use super::submission::Submission;
use super::waiting::Waiting;
use super::watches::Watches;
use crate::checkpoint::Checkpoints;
use crate::clock::Clock;
use crate::effect::EffectBuffer;
use crate::file_guard::FileGuard;
use crate::keyspace::{Classes, Events, Given, Lookups};
use crate::state::{CommandLimits, ServerState};
use crate::table::TableWriter;

/// The one task that changes data.
pub struct Writer<L> {
    /// Where effects become durable.
    pub(super) log: L,
    /// What it was asked for.
    pub(super) secured: Secured,
    /// What holds the data.
    pub(super) table: TableWriter,
    /// Where commands come from.
    pub(super) inbox: WriterInbox,
    /// What all connections share.
    pub(super) state: Arc<ServerState>,
    /// What `INFO` shows of log and table.
    pub(super) gauges: Arc<WriterGauges>,
    /// Tells the time.
    pub(super) clock: Arc<Clock>,
    /// Decides when the table is made durable, and does it beside the writer.
    pub(super) checkpoints: Checkpoints,
    /// Limits of the work.
    pub(super) options: WriterOptions,
    /// Effects of the command that is being executed.
    pub(super) effects: EffectBuffer,
    /// What the reading commands of a submission looked up.
    pub(super) lookups: Lookups,
    /// Limits of the configuration that commands look at, as of the submission.
    pub(super) limits: CommandLimits,
    /// Messages taken from the queue and not dealt with yet.
    pub(super) taken: VecDeque<Message>,
    /// The group that takes commands, if it has any.
    pub(super) open: Option<OpenGroup>,
    /// Submissions executed in the open group; their replies wait for its sync.
    pub(super) answered: Vec<(Box<Submission>, usize)>,
    /// Tasks that are about to be woken: empty, but keeps its memory.
    pub(super) wakers: Vec<Waker>,
    /// Readers that wait for the open group to be published.
    pub(super) readers: Vec<async_channel::Sender<()>>,
    /// The group on its way to the disk.
    pub(super) flight: Option<Flight>,
    /// Whether commands came in while the last group was synced.
    pub(super) overlaps: bool,
    /// Groups that are still to be published, because somebody reads.
    pub(super) publish_left: u32,
    /// Groups in a row that changed nothing.
    pub(super) unchanged_groups: u32,
    /// Whether the version holds changes that are not published, nor frozen to be.
    pub(super) unpublished: bool,
    /// The records of these changes, as far as their groups are closed.
    pub(super) redo: Redo,
    /// Commands that wait for data.
    pub(super) waiting: Waiting,
    /// What the log of events was last told about space.
    pub(super) space_told: Option<SpaceTold>,
    /// The keys that clients watch.
    pub(super) watches: Watches,
    /// What the command that is being executed tells of the keys that it touches.
    pub(super) touched: Events,
    /// When those that are watched no more were last forgotten, in milliseconds since 1970.
    pub(super) swept_ms: u64,
    /// Whether the last group deleted as many keys past their deadline as one may: there are probably more.
    pub(super) expires_more: bool,
    /// When the running checkpoint began.
    pub(super) checkpoint_began: Instant,
    /// Deadlines that stood when the clock was set back.
    pub(super) noted: Noted,
    /// What was given a deadline since the last record, while there are such.
    pub(super) given: Given,
    /// When it was last said that the stored time is ahead of the clock.
    pub(super) clock_told: Option<Instant>,
    /// Looks after the files that have names.
    pub(super) guard: Option<FileGuard>,
    /// When they were last looked at.
    pub(super) looked: Instant,
}

impl<L> Writer<L> {
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
        let redo = Redo::new(options.redo_bytes_max);
        Self {
            log,
            secured: Secured::new(),
            table,
            inbox,
            state,
            gauges,
            clock,
            checkpoints,
            options,
            effects: EffectBuffer::new(),
            lookups: Lookups::default(),
            limits: CommandLimits::default(),
            taken: VecDeque::new(),
            open: None,
            answered: Vec::new(),
            wakers: Vec::new(),
            readers: Vec::new(),
            flight: None,
            overlaps: false,
            publish_left: 0,
            unchanged_groups: 0,
            unpublished: false,
            redo,
            waiting: Waiting::default(),
            space_told: None,
            watches: Watches::default(),
            touched: Events::new(Classes::TOUCHES),
            swept_ms: 0,
            expires_more: false,
            checkpoint_began: Instant::now(),
            noted: Noted::default(),
            given: Given::default(),
            clock_told: None,
            guard: None,
            looked: Instant::now(),
        }
    }

    /// Has the files of the data directory looked after.
    pub fn guarding(self, guard: FileGuard) -> Self {
        Self { guard: Some(guard), ..self }
    }
}
