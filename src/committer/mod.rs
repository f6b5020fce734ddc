//! The committer: makes groups durable, and only then publishes their versions and sends notifications and replies.
//!
//! A group that takes commands ([`OpenGroup`]) is closed, **appended** to the log and **synced**; its version of the
//! table is **published**, so that readers see it; its **replies** are sent. While one group is in [flight] to the
//! disk, the next one is executed. From time to time a [checkpoint] is started, and when the log is idle it is sealed.
//!
//! Pages of an unpublished version are changed in place, those of a published one are copied first. So while nobody
//! reads, groups are synced and acknowledged without being published ([`Publication`]); the next reader has them
//! published before it takes its snapshot.
//!
//! Invariants:
//! - a reply is sent only after the group with its write is synced, and published or known to readers as not published;
//! - only what is synced is published, and one group at most is in flight;
//! - a final error of log, table or checkpoint ends the work with the reason, before any reply of the group is sent; a
//!   log that is fenced or cannot be reached is not such an error, see [`writer_log`] and [`give_up`].
//!
//! [`Publication`]: crate::state::Publication

mod checkpoint;
mod error;
mod flight;
mod give_up;
mod group;
mod group_room;
mod idle;
mod own_sync;
mod pace;
mod quiet;
mod writer_gauges;
mod writer_log;

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
use own_sync::OwnSync;
use pace::Pace;
use writer_log::WriterLog;

/// Makes groups durable.
pub struct Committer<L> {
    /// The log.
    log: WriterLog<L>,
    /// What all connections share.
    state: Arc<ServerState>,
    /// What `INFO` shows of log and table.
    gauges: Arc<WriterGauges>,
    /// Tells the time.
    clock: Arc<Clock>,
    /// Decides when a checkpoint is due, and writes it on another thread.
    checkpointer: Checkpointer,
    /// When the running checkpoint began.
    checkpoint_began: Instant,
    /// Tasks that are about to be woken: empty, but keeps its memory.
    wakers: Vec<Waker>,
    /// Readers that wait for the open group to be published.
    readers: Vec<async_channel::Sender<()>>,
    /// The group in flight.
    flight: Option<Flight>,
    /// Whether enough submissions came in while the last group was synced.
    overlaps: bool,
    /// How fast the disk is.
    pace: Pace,
    /// Whether a thread that serves connections waits for syncs itself.
    own_sync: OwnSync,
    /// How many more groups are to be published, because somebody has read.
    publish_left: u32,
    /// Groups in a row that changed nothing.
    unchanged_groups: u32,
    /// Whether the version has changes that are neither published nor frozen.
    unpublished: bool,
    /// When it was last reported that the stored time is ahead of the clock.
    clock_reported: Option<Instant>,
    /// Watches the files of the data directory.
    guard: Option<FileGuard>,
    /// When they were last checked.
    looked: Instant,
}

impl<L: Log> Committer<L> {
    /// A committer that appends to `log`.
    pub fn new(
        log: L,
        state: Arc<ServerState>,
        gauges: Arc<WriterGauges>,
        clock: Arc<Clock>,
        checkpointer: Checkpointer,
    ) -> Self {
        Self {
            log: WriterLog::new(log, gauges.clone()),
            state,
            gauges,
            clock,
            checkpointer,
            checkpoint_began: Instant::now(),
            wakers: Vec::new(),
            readers: Vec::new(),
            flight: None,
            overlaps: false,
            pace: Pace::default(),
            own_sync: OwnSync::default(),
            publish_left: 0,
            unchanged_groups: 0,
            unpublished: false,
            clock_reported: None,
            guard: None,
            looked: Instant::now(),
        }
    }

    /// Has `guard` watch the files of the data directory.
    pub fn guard(&mut self, guard: FileGuard) {
        self.guard = Some(guard);
    }

    /// A new group.
    pub fn open(&mut self) -> OpenGroup {
        let notifications = Notifications::new(&self.state);
        let (group, now_ms) = (self.log.group(), self.clock.now_ms());
        OpenGroup { group, now_ms, tidied: false, quiet: false, notifications }
    }

    /// Whether a group is in flight.
    pub fn is_in_flight(&self) -> bool {
        self.flight.is_some()
    }

    /// Requests a checkpoint; `done` gets the outcome.
    pub fn request_checkpoint(&mut self, done: async_channel::Sender<Result<(), String>>) {
        self.checkpointer.request(done);
    }

    /// Requests that the open group is published; `done` gets a message when it is.
    pub fn request_publication(&mut self, done: async_channel::Sender<()>) {
        self.readers.push(done);
    }

    /// Now, if latencies are measured.
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
