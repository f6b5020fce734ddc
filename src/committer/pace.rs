//! How fast the disk is.
//!
//! On a slow disk, nothing matters but that a sync is for as many clients as possible. A committer that waits for the sync
//! finds all of them behind it. If the log's thread syncs, they fall apart into two halves that wait for each other: each
//! group is launched when the one before has landed, before the clients of that one have sent their next command.

use std::time::Duration;

/// If syncs take longer than this on average, the disk is slow. A change of threads costs a hundredth of it.
const SLOW: Duration = Duration::from_millis(1);
/// If they take less than this, waiting for one costs less than two changes of threads.
const FAST: Duration = Duration::from_micros(200);
/// The average is of about this many syncs.
const SYNCS: u32 = 8;

/// How long syncs take.
#[derive(Default)]
pub(super) struct Pace {
    /// The moving average.
    average: Duration,
}

impl Pace {
    /// Notes how long a sync took.
    pub fn note(&mut self, time: Duration) {
        self.average = (self.average * (SYNCS - 1) + time) / SYNCS;
    }

    /// Whether the disk is slow.
    pub fn is_slow(&self) -> bool {
        self.average > SLOW
    }

    /// Whether the disk is fast.
    pub fn is_fast(&self) -> bool {
        self.average < FAST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_sync_is_no_slow_disk() {
        let mut pace = Pace::default();
        pace.note(SLOW * 4);
        assert!(!pace.is_slow());
        (0..SYNCS).for_each(|_| pace.note(SLOW * 4));
        assert!(pace.is_slow());
        (0..4 * SYNCS).for_each(|_| pace.note(SLOW / 4));
        assert!(!pace.is_slow());
    }
}
