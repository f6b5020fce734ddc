//! Which thread runs the writer: at most one at a time, and one whenever there is something to do.
//!
//! The writer is *woken* when there is something to do. Then a thread that serves connections, the *host*, runs it before
//! it sleeps, unless the writer's own thread was *called*: that one waits for the disk and takes its time, and keeps the
//! writer until nothing is left to do.
//!
//! Invariants:
//! - between a `begin` that succeeds and the end of that run, no other `begin` succeeds;
//! - if the writer was woken, some thread will run it after that: the one that runs it now, the own thread if it was
//!   called, or the host, which looks once more after others can see that it sleeps.

use crate::sync::AtomicU8;
use crate::sync::Ordering::SeqCst;

/// Nothing to do.
const IDLE: u8 = 0;
/// There is something to do since the last run began.
const WOKEN: u8 = 1;
/// A thread runs the writer.
const RUNNING: u8 = 2;
/// The writer's own thread runs it, or must run it next.
const CALLED: u8 = 4;
/// There is no writer.
const DONE: u8 = 8;

/// What follows the end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Nothing: the next one to wake the writer finds somebody to run it.
    Rests,
    /// There is something to do again: the run goes on.
    Continues,
    /// The own thread was called meanwhile, and must be woken.
    Called,
}

/// The state that all threads share.
pub struct Station {
    /// The constants above, combined.
    state: AtomicU8,
}

impl Station {
    /// A station without a writer.
    pub fn vacant() -> Self {
        Self { state: AtomicU8::new(DONE) }
    }

    /// There is a writer from now on; its own thread, which calls this, runs it first.
    pub fn open(&self) {
        self.state.swap(WOKEN | CALLED, SeqCst);
    }

    /// There is something to do. Returns whether the host must be rung, if it sleeps.
    #[must_use]
    pub fn wake(&self) -> bool {
        self.state.fetch_or(WOKEN, SeqCst) == IDLE
    }

    /// There is something to do for the own thread. Returns whether it must be woken.
    #[must_use]
    pub fn call(&self) -> bool {
        self.state.fetch_or(WOKEN | CALLED, SeqCst) & (RUNNING | CALLED | DONE) == 0
    }

    /// Calls the own thread if there is something to do and nobody has begun. Returns whether it must be woken.
    #[must_use]
    pub fn call_if_waiting(&self) -> bool {
        self.state.load(SeqCst) == WOKEN && self.changes(WOKEN, WOKEN | CALLED)
    }

    /// Whether the host has something to do.
    pub fn is_waiting(&self) -> bool {
        self.state.load(SeqCst) == WOKEN
    }

    /// Begins a run of the host, if there is something to do for it.
    #[must_use]
    pub fn begin(&self) -> bool {
        self.is_waiting() && self.changes(WOKEN, RUNNING)
    }

    /// Ends a run of the host that found nothing more to do.
    #[must_use]
    pub fn end(&self) -> Ended {
        if self.changes(RUNNING, IDLE) {
            return Ended::Rests;
        }
        if self.changes(RUNNING | WOKEN, RUNNING) {
            return Ended::Continues;
        }
        // Only the own thread begins from here on.
        self.state.fetch_and(!RUNNING, SeqCst);
        Ended::Called
    }

    /// Ends a run of the host; the own thread, which must be woken, goes on.
    pub fn hand_over(&self) {
        self.state.swap(WOKEN | CALLED, SeqCst);
    }

    /// Begins a run of the own thread, if it was called.
    #[must_use]
    pub fn begin_called(&self) -> bool {
        self.changes(WOKEN | CALLED, RUNNING | CALLED)
    }

    /// Ends a run of the own thread that found nothing more to do. `false`: there is something again, it goes on.
    #[must_use]
    pub fn end_called(&self) -> bool {
        if self.changes(RUNNING | CALLED, IDLE) {
            return true;
        }
        self.state.fetch_and(!WOKEN, SeqCst);
        false
    }

    /// Ends the last run: there is no writer any more.
    pub fn close(&self) {
        self.state.swap(DONE, SeqCst);
    }

    /// Changes the state if it is `from`.
    fn changes(&self, from: u8, to: u8) -> bool {
        self.state.compare_exchange(from, to, SeqCst, SeqCst).is_ok()
    }
}
