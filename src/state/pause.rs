//! `CLIENT PAUSE`: commands wait until a time, or until somebody lifts the pause.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

/// Which commands wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseMode {
    /// Commands that may change data.
    Write,
    /// All commands.
    All,
}

/// The current pause, if any. Times are milliseconds of uptime, see `ServerState::uptime_ms`.
#[derive(Default)]
pub struct Pause {
    /// End of the pause; 0 if there is none. The data path only reads this.
    until_ms: AtomicU64,
    /// Whether all commands wait, or only writes.
    all: AtomicBool,
}

impl Pause {
    /// Pauses until `until_ms`. As in Redis, a current pause is only ever made longer and wider.
    pub fn start(&self, mode: PauseMode, now_ms: u64, until_ms: u64) {
        let in_force = self.until_ms.load(SeqCst) > now_ms;
        self.all.store(mode == PauseMode::All || (in_force && self.all.load(SeqCst)), SeqCst);
        if !in_force {
            self.until_ms.store(until_ms.max(1), SeqCst);
        } else {
            self.until_ms.fetch_max(until_ms, SeqCst);
        }
    }

    /// Lifts the pause. The caller then wakes the clients: see `Clients::wake_all`.
    pub fn end(&self) {
        self.until_ms.store(0, SeqCst);
    }

    /// Whether writes are paused. Then nothing expires either, so that the data does not change.
    pub fn holds_writes(&self, uptime_ms: impl FnOnce() -> u64) -> bool {
        self.is_set() && self.wait_until(true, uptime_ms()).is_some()
    }

    /// Whether there may be a pause: one load, for the data path.
    pub fn is_set(&self) -> bool {
        self.until_ms.load(SeqCst) != 0
    }

    /// Until when a command has to wait, or `None` if it may run. Clears a pause that has ended.
    pub fn wait_until(&self, is_write: bool, now_ms: u64) -> Option<u64> {
        let until_ms = self.until_ms.load(SeqCst);
        if until_ms == 0 {
            return None;
        }
        if until_ms <= now_ms {
            let _ = self.until_ms.compare_exchange(until_ms, 0, SeqCst, SeqCst);
            return None;
        }
        (is_write || self.all.load(SeqCst)).then_some(until_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_holds_what_it_names_until_it_runs_out() {
        let pause = Pause::default();
        assert!(!pause.is_set());
        pause.start(PauseMode::Write, 100, 200);
        assert_eq!(pause.wait_until(true, 150), Some(200));
        assert_eq!(pause.wait_until(false, 150), None);
        assert!(pause.is_set());
        assert_eq!(pause.wait_until(true, 200), None);
        assert!(!pause.is_set());
    }

    #[test]
    fn a_second_pause_only_makes_it_longer_and_wider() {
        let pause = Pause::default();
        pause.start(PauseMode::All, 0, 500);
        pause.start(PauseMode::Write, 10, 300);
        assert_eq!(pause.wait_until(false, 20), Some(500));
        pause.end();
        assert_eq!(pause.wait_until(true, 20), None);
    }
}
