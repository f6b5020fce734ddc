//! Where the writer runs: on the thread that serves connections, if there is only one, as long as little is queued and
//! nothing takes time; otherwise on a thread of its own.
//!
//! With few processors, a change of threads costs more than the execution of a command. So the one thread that serves
//! connections runs the writer itself before it sleeps, and when a group has landed. It waits there only for a quick
//! sync, and after some rounds, or some time, it leaves the rest to the writer's own thread. Several threads leave all
//! of it to that thread, and wake it once for what they all submitted.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::station::{Ended, Station};
use crate::committer::WriterError;

/// The queued commands at which the own thread is called although one thread serves all connections: executing them
/// takes so long that another processor pays.
const INLINE_ITEMS_MAX: usize = 1000;
/// The queued commands at which the own thread is called if several threads serve connections.
const HELD_ITEMS_MAX: usize = 16;
/// The most rounds of a run on a thread that serves connections.
const INLINE_ROUNDS_MAX: u32 = 4;
/// The time after which such a run ends.
const INLINE_TIME_MAX: Duration = Duration::from_micros(500);

/// How far the writer got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is nothing to do until the writer is woken.
    Idle,
    /// There is more to do.
    More,
    /// What comes next waits for the disk, or takes time.
    NeedsThread,
    /// The writer has stopped.
    Ended,
}

/// A task that is done in steps.
pub trait Steps: Send {
    /// Does one step. Unless it `may_wait`, it waits for nothing but a quick sync, and leaves to others what takes time.
    ///
    /// # Errors
    /// The task cannot go on.
    fn step(&mut self, may_wait: bool) -> Result<Progress, WriterError>;
}

/// The writer, and how it failed.
struct Seat {
    /// The writer.
    writer: Box<dyn Steps>,
    /// An error that it met on a thread that serves connections; its own thread reports it.
    failed: Option<WriterError>,
}

/// Where the writer runs.
pub(super) struct Place {
    /// Who runs it.
    station: Station,
    /// The writer. Only the thread that runs it locks this.
    seat: Mutex<Option<Seat>>,
    /// Its own thread.
    thread: OnceLock<Thread>,
    /// The number of threads that serve connections.
    hosts: AtomicUsize,
    /// Rings the host, if there is only one and it sleeps.
    ring: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Place {
    /// A place without a writer.
    pub fn new() -> Self {
        Self {
            station: Station::vacant(),
            seat: Mutex::new(None),
            thread: OnceLock::new(),
            hosts: AtomicUsize::new(0),
            ring: OnceLock::new(),
        }
    }

    /// Runs the writer wherever it costs least; on this thread, its own, until it ends.
    pub fn serve(&self, writer: Box<dyn Steps>) -> Result<(), WriterError> {
        let _ = self.thread.set(thread::current());
        *self.seat() = Some(Seat { writer, failed: None });
        self.station.open();
        let ended = self.serve_calls();
        self.station.close();
        // Without the writer, submissions are refused, and those that wait learn it.
        let seat = self.seat().take();
        drop(seat);
        ended
    }

    /// Runs the writer each time that this thread is called.
    fn serve_calls(&self) -> Result<(), WriterError> {
        loop {
            while !self.station.begin_called() {
                thread::park();
            }
            loop {
                let progress = self.step(true)?;
                if progress == Progress::Ended {
                    return Ok(());
                }
                if progress == Progress::Idle && self.station.end_called() {
                    break;
                }
            }
        }
    }

    /// The threads that serve connections begin. If it is only one, `ring` interrupts its sleep.
    pub fn begin_hosting(&self, hosts: usize, ring: impl Fn() + Send + Sync + 'static) {
        if hosts == 1 {
            let _ = self.ring.set(Box::new(ring));
        }
        self.hosts.store(hosts, SeqCst);
    }

    /// The threads that serve connections have ended.
    pub fn end_hosting(&self) {
        self.hosts.store(0, SeqCst);
        self.hand_over();
    }

    /// Whether the only thread that serves connections runs the writer itself.
    pub fn is_hosted(&self) -> bool {
        self.hosts.load(SeqCst) == 1
    }

    /// Something was submitted by a task; `queued_items` commands are waiting now.
    pub fn submitted(&self, queued_items: usize) {
        let items_max = match self.hosts.load(SeqCst) {
            0 => 0,
            1 => INLINE_ITEMS_MAX,
            _ => HELD_ITEMS_MAX,
        };
        if queued_items >= items_max { self.call() } else { self.wake() }
    }

    /// There is something to do that takes no time, for whoever runs the writer.
    pub fn notify(&self) {
        if self.is_hosted() { self.wake() } else { self.call() }
    }

    /// There is something to do for the own thread.
    pub fn call(&self) {
        if self.station.call() {
            self.unpark();
        }
    }

    /// Calls the own thread if something waits that nobody has begun.
    pub fn hand_over(&self) {
        if self.station.call_if_waiting() {
            self.unpark();
        }
    }

    /// A thread that serves connections has nothing else to do now: runs the writer, or wakes it. Returns whether it ran.
    pub fn run_or_call(&self) -> bool {
        if !self.is_hosted() {
            self.hand_over();
            return false;
        }
        let runs = self.station.begin();
        if runs {
            self.run();
        }
        runs
    }

    /// Whether `run_or_call` would find something to do.
    pub fn is_waiting(&self) -> bool {
        self.station.is_waiting()
    }

    /// Runs the writer on this thread, which waits only for a quick sync.
    fn run(&self) {
        let began = Instant::now();
        for _ in 0..INLINE_ROUNDS_MAX {
            match self.step(false) {
                Ok(Progress::Idle) => match self.station.end() {
                    Ended::Rests => return,
                    Ended::Continues => {}
                    Ended::Called => return self.unpark(),
                },
                Ok(Progress::More) => {}
                Ok(Progress::NeedsThread | Progress::Ended) => break,
                Err(error) => {
                    self.seat().as_mut().expect("a writer").failed = Some(error);
                    break;
                }
            }
            if began.elapsed() > INLINE_TIME_MAX {
                break;
            }
        }
        self.station.hand_over();
        self.unpark();
    }

    /// One step of the writer, by the thread that runs it.
    fn step(&self, may_wait: bool) -> Result<Progress, WriterError> {
        let mut seat = self.seat();
        let seat = seat.as_mut().expect("a writer");
        match seat.failed.take() {
            Some(error) => Err(error),
            None => seat.writer.step(may_wait),
        }
    }

    /// There is something to do; rings the host, if it sleeps.
    fn wake(&self) {
        if self.station.wake()
            && let Some(ring) = self.ring.get()
        {
            ring();
        }
    }

    /// Wakes the own thread.
    fn unpark(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    /// The writer, locked.
    fn seat(&self) -> MutexGuard<'_, Option<Seat>> {
        self.seat.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
