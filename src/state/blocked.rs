//! Whether a client's command waits for data, and who ends the wait.
//!
//! The writer sets it when it puts the command aside, and takes it back before it runs the command again. Whoever wants
//! to end the wait (the client's own timeout, `CLIENT UNBLOCK`) asks for it here. One of them is first, so a command that
//! was told to give up takes nothing any more, and one that is being served is not told to give up.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::SeqCst};

/// Nothing waits.
const FREE: u8 = 0;
/// A command waits.
const WAITING: u8 = 1;
/// A command waits, and is to reply as if its time were up.
const TO_TIME_OUT: u8 = 2;
/// A command waits, and is to reply with an error.
const TO_FAIL: u8 = 3;

/// What a client is told whose wait another one ended with an error.
pub const UNBLOCKED: &str = "UNBLOCKED client unblocked via CLIENT UNBLOCK";

/// How a wait ends without data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unblock {
    /// As if its time were up.
    Timeout,
    /// With an error.
    Error,
}

/// Whether a command of a client waits. Times are milliseconds of uptime, see `ServerState::uptime_ms`.
#[derive(Debug, Default)]
pub struct Blocked {
    /// One of the constants above.
    state: AtomicU8,
    /// When the wait ends by itself; `u64::MAX`: never.
    until_ms: AtomicU64,
}

impl Blocked {
    /// A command begins to wait until `until_ms`, or without end.
    pub fn start(&self, until_ms: Option<u64>) {
        self.until_ms.store(until_ms.unwrap_or(u64::MAX), SeqCst);
        self.state.store(WAITING, SeqCst);
    }

    /// Takes the command back to run it; `false` if it was told to give up, or does not wait.
    pub fn resume(&self) -> bool {
        self.state.compare_exchange(WAITING, FREE, SeqCst, SeqCst).is_ok()
    }

    /// Asks for the end of the wait; says whether a command waited that nobody had asked before.
    pub fn request(&self, how: Unblock) -> bool {
        let state = if how == Unblock::Timeout { TO_TIME_OUT } else { TO_FAIL };
        self.state.compare_exchange(WAITING, state, SeqCst, SeqCst).is_ok()
    }

    /// How the wait was asked to end.
    pub fn requested(&self) -> Option<Unblock> {
        match self.state.load(SeqCst) {
            TO_TIME_OUT => Some(Unblock::Timeout),
            TO_FAIL => Some(Unblock::Error),
            _ => None,
        }
    }

    /// The wait has ended.
    pub fn end(&self) {
        self.state.store(FREE, SeqCst);
    }

    /// Whether a command waits.
    pub fn is_set(&self) -> bool {
        self.state.load(SeqCst) != FREE
    }

    /// When the wait ends by itself.
    pub fn until_ms(&self) -> Option<u64> {
        Some(self.until_ms.load(SeqCst)).filter(|until_ms| *until_ms != u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_those_who_end_a_wait_is_first() {
        let blocked = Blocked::default();
        assert!(!blocked.request(Unblock::Error) && !blocked.resume() && !blocked.is_set());
        blocked.start(Some(5));
        assert_eq!((blocked.is_set(), blocked.until_ms(), blocked.requested()), (true, Some(5), None));
        assert!(blocked.resume());
        assert!(!blocked.request(Unblock::Timeout), "it is being served");
        blocked.start(None);
        assert_eq!(blocked.until_ms(), None);
        assert!(blocked.request(Unblock::Error));
        assert!(!blocked.resume() && !blocked.request(Unblock::Timeout), "it was told to give up");
        assert_eq!((blocked.is_set(), blocked.requested()), (true, Some(Unblock::Error)));
        blocked.end();
        assert!(!blocked.is_set());
    }
}
