//! Whether a client is blocked, and who ends the wait.
//!
//! The writer sets it when it blocks a client, and clears it before it runs the command again. To end the wait (the
//! client's own timeout, `CLIENT UNBLOCK`), the end is requested here. Only one of them wins: a command that was told
//! to give up takes no data any more, and a command that is being run is not told to give up.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::SeqCst};

/// No command waits.
const FREE: u8 = 0;
/// A command waits.
const WAITING: u8 = 1;
/// A command waits, and must reply as if it had timed out.
const TO_TIME_OUT: u8 = 2;
/// A command waits, and must reply with an error.
const TO_FAIL: u8 = 3;

/// The reply to a client whose wait `CLIENT UNBLOCK` ended with an error.
pub const UNBLOCKED: &str = "UNBLOCKED client unblocked via CLIENT UNBLOCK";

/// How a wait ends without data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unblock {
    /// As if it had timed out.
    Timeout,
    /// With an error.
    Error,
}

/// Whether a command of a client waits. Times are milliseconds of uptime, see `ServerState::uptime_ms`.
#[derive(Debug, Default)]
pub struct Blocked {
    /// One of the constants above.
    state: AtomicU8,
    /// When the command times out; `u64::MAX`: never.
    until_ms: AtomicU64,
}

impl Blocked {
    /// A command begins to wait until `until_ms`, or without a timeout.
    pub fn start(&self, until_ms: Option<u64>) {
        self.until_ms.store(until_ms.unwrap_or(u64::MAX), SeqCst);
        self.state.store(WAITING, SeqCst);
    }

    /// Ends the wait, to run the command again. `false` if the command was told to give up, or does not wait.
    pub fn resume(&self) -> bool {
        self.state.compare_exchange(WAITING, FREE, SeqCst, SeqCst).is_ok()
    }

    /// Requests the end of the wait. `false` if no command waits, or somebody requested it before.
    pub fn request(&self, how: Unblock) -> bool {
        let state = if how == Unblock::Timeout { TO_TIME_OUT } else { TO_FAIL };
        self.state.compare_exchange(WAITING, state, SeqCst, SeqCst).is_ok()
    }

    /// How the wait is to end, if that was requested.
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

    /// When the command times out.
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
