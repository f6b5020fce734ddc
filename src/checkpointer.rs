//! Checkpoints: when the table is made durable, and the checkpointer, the thread that does it.
//!
//! A checkpoint bounds how long a restart replays the log. It is due in any of these cases:
//! - Replaying the log would take as long as the recovery target. This counts what was logged since the last one began,
//!   and what will probably be logged while it runs (as much as during the last one), see `replay_time`.
//! - The last one is old, and anything was logged since or the table's file can be shortened.
//! - A write found no space, and anything was logged since.
//! - Somebody asks for one.
//!
//! One runs at a time, on a thread of its own; the writer keeps running. Without the thread, the order of events depends
//! only on the writer's calls.

mod replay_time;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use replay_time::Replay;

use crate::state::ServerState;
use crate::table::{Checkpoint, Durable, TableError, TableWriter, Work};

/// How a checkpoint ended.
pub struct CheckpointOutcome {
    /// The checkpoint holds all records up to this LSN.
    pub lsn: u64,
    /// The proof for the table that it is durable, or why it failed.
    pub result: Result<Durable, TableError>,
}

/// Starts checkpoints, runs them on their thread and reports how they ended.
pub struct Checkpointer {
    /// The shared state, whose configuration says when one is due.
    state: Arc<ServerState>,
    /// What runs them.
    runner: Runner,
    /// Whether one is running.
    running: bool,
    /// When the last one was started, or the server.
    started: Instant,
    /// Records that were logged since the running or last one began.
    records: u64,
    /// Their bytes.
    log_bytes: u64,
    /// What the writer had done when the running or last one was due.
    work_before: Work,
    /// What the writer had done when one was last found due.
    work_due: Work,
    /// Estimated time to replay what was logged while the last one ran; unknown before the first.
    replay_meanwhile: Option<Duration>,
    /// Whether a write was refused for lack of space since the running or last one began.
    short_of_space: bool,
    /// Callers that asked for a checkpoint that has not begun yet.
    requests: Vec<async_channel::Sender<Result<(), String>>>,
    /// Callers that wait for the running one.
    waiting: Vec<async_channel::Sender<Result<(), String>>>,
}

/// What runs checkpoints.
enum Runner {
    /// A dedicated thread.
    Thread(CheckpointThread),
    /// The caller that asks for the outcome.
    Caller {
        /// The checkpoint that was started and has not run yet.
        work: Option<Box<(Checkpoint, u64)>>,
        /// How many calls get no outcome before the work is done.
        asks: u32,
        /// How many of these calls are left.
        asks_left: u32,
    },
}

/// The thread and its channels.
struct CheckpointThread {
    /// The channel of its work; closed to end the thread.
    work: Option<Sender<(Checkpoint, u64)>>,
    /// The channel of outcomes.
    outcomes: Receiver<CheckpointOutcome>,
    /// An outcome that was taken from it, but not asked for yet.
    outcome: Option<CheckpointOutcome>,
    /// The thread, to be joined at the end.
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts the thread, which calls `notify` whenever a checkpoint has ended.
    pub fn new(state: Arc<ServerState>, notify: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let (work, jobs) = channel::<(Checkpoint, u64)>();
        let (ended, outcomes) = channel();
        let thread = std::thread::Builder::new().name("checkpoint".into()).spawn(move || {
            for work in jobs {
                if ended.send(run(work)).is_err() {
                    return;
                }
                notify();
            }
        })?;
        let thread = CheckpointThread { work: Some(work), outcomes, outcome: None, thread: Some(thread) };
        Ok(Self::with(state, Runner::Thread(thread)))
    }

    /// Starts no thread: a checkpoint is run by the call of `ended` that follows `asks` others, or by `wait`.
    pub fn on_caller(state: Arc<ServerState>, asks: u32) -> Self {
        Self::with(state, Runner::Caller { work: None, asks, asks_left: 0 })
    }

    /// A checkpointer for which nothing is due yet.
    fn with(state: Arc<ServerState>, runner: Runner) -> Self {
        Self {
            state,
            runner,
            running: false,
            started: Instant::now(),
            records: 0,
            log_bytes: 0,
            work_before: Work::default(),
            work_due: Work::default(),
            replay_meanwhile: None,
            short_of_space: false,
            requests: Vec::new(),
            waiting: Vec::new(),
        }
    }

    /// Counts a synced group, or the records that recovery replayed.
    pub fn logged(&mut self, records: u64, bytes: u64) {
        self.records += records;
        self.log_bytes += bytes;
    }

    /// Requests a checkpoint of everything that is published now.
    pub fn request(&mut self, done: async_channel::Sender<Result<(), String>>) {
        self.requests.push(done);
    }

    /// Tells the callers that asked for a checkpoint that has not begun that there will be none.
    pub fn refuse(&mut self, reason: &str) {
        for done in self.requests.drain(..) {
            let _ = done.try_send(Err(reason.to_owned()));
        }
    }

    /// Notes that a write was refused for lack of space: a checkpoint frees the log before it.
    pub fn short_of_space(&mut self) {
        self.short_of_space = true;
    }

    /// Estimated time to replay what was logged since the running or last one began.
    pub fn replay_time(&self, table: &TableWriter) -> Duration {
        let Self { records, log_bytes, .. } = *self;
        let work = table.work() - self.work_before;
        Replay { records, log_bytes, work, pages: table.dirty_pages() }.time()
    }

    /// Whether a checkpoint of `table` should start now.
    pub fn is_due(&mut self, table: &TableWriter) -> bool {
        let is_due = !self.running && self.is_wanted(table);
        if is_due {
            self.work_due = table.work();
        }
        is_due
    }

    /// Whether there is a reason for a checkpoint.
    fn is_wanted(&self, table: &TableWriter) -> bool {
        if self.records == 0 && self.requests.is_empty() {
            return self.is_old() && table.has_tail();
        }
        let target = Duration::from_millis(self.state.limits.recovery_target_ms());
        let meanwhile = self.replay_meanwhile.unwrap_or(target / 2).clamp(target / 8, target / 2);
        let long = self.replay_time(table) + meanwhile >= target;
        !self.requests.is_empty() || self.short_of_space || long || self.is_old()
    }

    /// Whether the last one has reached the maximum age.
    fn is_old(&self) -> bool {
        let interval_s = u64::from(self.state.limits.checkpoint_interval_s());
        interval_s > 0 && self.started.elapsed() >= Duration::from_secs(interval_s)
    }

    /// Starts a checkpoint.
    pub fn start(&mut self, checkpoint: Checkpoint, lsn: u64) {
        assert!(!self.running, "one checkpoint at a time");
        match &mut self.runner {
            Runner::Thread(thread) => {
                let work = thread.work.as_ref().expect("the thread runs");
                work.send((checkpoint, lsn)).expect("the thread takes work");
            }
            Runner::Caller { work, asks, asks_left } => {
                (*work, *asks_left) = (Some(Box::new((checkpoint, lsn))), *asks);
            }
        }
        self.running = true;
        self.started = Instant::now();
        (self.records, self.log_bytes) = (0, 0);
        self.work_before = self.work_due;
        self.short_of_space = false;
        self.waiting.append(&mut self.requests);
    }

    /// Whether the next call of `ended` returns an outcome.
    pub fn has_ended(&mut self) -> bool {
        match &mut self.runner {
            Runner::Thread(thread) => {
                thread.look();
                thread.outcome.is_some()
            }
            Runner::Caller { work, asks_left, .. } => work.is_some() && *asks_left == 0,
        }
    }

    /// The outcome of the running checkpoint of `table`, if it has ended.
    pub fn ended(&mut self, table: &TableWriter) -> Option<CheckpointOutcome> {
        let outcome = match &mut self.runner {
            Runner::Thread(thread) => {
                thread.look();
                thread.outcome.take()
            }
            Runner::Caller { work, asks_left: 0, .. } => work.take().map(|work| run(*work)),
            Runner::Caller { asks_left, .. } => {
                *asks_left -= 1;
                None
            }
        };
        if outcome.is_some() {
            self.running = false;
            self.replay_meanwhile = Some(self.replay_time(table));
        }
        outcome
    }

    /// Waits for the running checkpoint, if there is one.
    pub fn wait(&mut self) -> Option<CheckpointOutcome> {
        if !self.running {
            return None;
        }
        self.running = false;
        match &mut self.runner {
            Runner::Thread(thread) => {
                let received = || thread.outcomes.recv().expect("the checkpoint thread answers");
                Some(thread.outcome.take().unwrap_or_else(received))
            }
            Runner::Caller { work, .. } => work.take().map(|work| run(*work)),
        }
    }

    /// Tells the callers that waited that the checkpoint is durable.
    pub fn answer(&mut self) {
        for done in self.waiting.drain(..) {
            let _ = done.try_send(Ok(()));
        }
    }
}

/// Runs a checkpoint.
fn run((checkpoint, lsn): (Checkpoint, u64)) -> CheckpointOutcome {
    CheckpointOutcome { lsn, result: checkpoint.run() }
}

impl CheckpointThread {
    /// Takes the outcome from the channel, if it is there.
    fn look(&mut self) {
        if self.outcome.is_none() {
            self.outcome = match self.outcomes.try_recv() {
                Ok(outcome) => Some(outcome),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => panic!("the checkpoint thread is gone"),
            };
        }
    }
}

impl Drop for CheckpointThread {
    fn drop(&mut self) {
        self.work = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
