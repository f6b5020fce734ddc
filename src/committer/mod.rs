//! The committer: makes what was executed durable, and only then lets anybody know.
//!
//! A group that takes commands ([`OpenGroup`]) is closed, **appended** to the log and **synced**; its version of the table is
//! **published**, so that readers see it; its **replies** leave. While one group is in [flight] to the disk the next one is
//! executed. From time to time a [checkpoint] is started, and when the log is idle it is sealed.
//!
//! Pages of an unpublished version are changed in place, those of a published one are copied first. So while nobody
//! reads, groups are synced and acknowledged without being published ([`Publication`]); the next reader has them
//! published before it takes its snapshot.
//!
//! Invariants:
//! - a reply leaves only after the group that holds its write is synced, and published or said to be behind;
//! - only what is synced is published, and one group at most is in flight;
//! - an error of log, table or checkpoint ends the work with the reason, before any reply of the group; that the right to
//!   write is lost is no such error, see [`fence`].
//!
//! [`Publication`]: crate::state::Publication

mod checkpoint;
mod error;
mod fence;
mod flight;
mod group;
mod group_room;
mod idle;
mod quiet;
mod writer_gauges;

pub use error::WriterError;
pub use flight::{Executed, Landing, UNCHANGED_GROUPS};
pub use group::OpenGroup;
pub use group_room::GroupRoom;
pub use idle::IdleWatch;
pub use writer_gauges::{RecoveryFigures, WriterGauges};

use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use wal::Log;

use crate::checkpointer::Checkpointer;
use crate::clock::Clock;
use crate::executor::Notifications;
use crate::file_guard::FileGuard;
use crate::state::{LatencyEvent, ServerState};
use group::Flight;

/// What makes data durable.
pub struct Committer<L> {
    /// Where records become durable.
    log: L,
    /// Bytes that the open group may have without asking the log again.
    secured_bytes: u64,
    /// What all connections share.
    state: Arc<ServerState>,
    /// What `INFO` shows of log and table.
    gauges: Arc<WriterGauges>,
    /// Tells the time.
    clock: Arc<Clock>,
    /// Decides when the table is made durable, and does it beside the writer.
    checkpointer: Checkpointer,
    /// When the running checkpoint began.
    checkpoint_began: Instant,
    /// Tasks that are about to be woken: empty, but keeps its memory.
    wakers: Vec<Waker>,
    /// Readers that wait for the open group to be published.
    readers: Vec<async_channel::Sender<()>>,
    /// The group on its way to the disk.
    flight: Option<Flight>,
    /// Whether commands came in while the last group was synced.
    overlaps: bool,
    /// Groups that are still to be published, because somebody reads.
    publish_left: u32,
    /// Groups in a row that changed nothing.
    unchanged_groups: u32,
    /// Whether the version holds changes that are not published, nor frozen to be.
    unpublished: bool,
    /// When it was last said that the stored time is ahead of the clock.
    clock_reported: Option<Instant>,
    /// Why nothing can be written any more, once the right to do so is lost.
    fenced: Option<String>,
    /// Looks after the files that have names.
    guard: Option<FileGuard>,
    /// When they were last looked at.
    looked: Instant,
}

impl<L: Log> Committer<L> {
    /// Makes durable in `log`.
    pub fn new(
        log: L,
        state: Arc<ServerState>,
        gauges: Arc<WriterGauges>,
        clock: Arc<Clock>,
        checkpointer: Checkpointer,
    ) -> Self {
        Self {
            log,
            secured_bytes: 0,
            state,
            gauges,
            clock,
            checkpointer,
            checkpoint_began: Instant::now(),
            wakers: Vec::new(),
            readers: Vec::new(),
            flight: None,
            overlaps: false,
            publish_left: 0,
            unchanged_groups: 0,
            unpublished: false,
            clock_reported: None,
            fenced: None,
            guard: None,
            looked: Instant::now(),
        }
    }

    /// Has the files of the data directory looked after.
    pub fn guard(&mut self, guard: FileGuard) {
        self.guard = Some(guard);
    }

    /// A new group.
    pub fn open(&mut self) -> OpenGroup {
        let notifications = Notifications::new(&self.state);
        let (group, now_ms) = (self.log.group(), self.clock.now_ms());
        OpenGroup { group, now_ms, tidied: false, quiet: false, notifications }
    }

    /// Whether a group is on its way to the disk.
    pub fn is_in_flight(&self) -> bool {
        self.flight.is_some()
    }

    /// Somebody asks for a checkpoint.
    pub fn request_checkpoint(&mut self, done: async_channel::Sender<Result<(), String>>) {
        self.checkpointer.request(done);
    }

    /// Somebody waits for the open group to be published.
    pub fn request_publication(&mut self, done: async_channel::Sender<()>) {
        self.readers.push(done);
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
}
