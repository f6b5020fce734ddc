//! Which closed segments are checked next: the newest ones each time, and of the older ones that a replay needs some in turn,
//! so that the cost stays small however long the log is.

use std::collections::VecDeque;

use crate::closed::Closed;
use crate::log::Lsn;

/// The newest closed segments, which are checked each time.
const NEWEST_LOOKED_AT: usize = 64;
/// Number of times in which each of the older segments that a replay needs is checked once. A server checks once a second,
/// so it notices within a minute.
pub(crate) const LOOKS_FOR_ALL: usize = 60;
/// The same if the log neither grows nor loses segments to a checkpoint meanwhile.
const LOOKS_FOR_ALL_AT_REST: usize = LOOKS_FOR_ALL / 2;

/// The turns of the closed segments.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    /// Number of the older segment that was checked last.
    last: u64,
    /// LSN of the last checkpoint: a replay needs no segment that ends there or before.
    checkpoint_lsn: Lsn,
}

impl Looks {
    /// Notes that a replay needs nothing up to this LSN.
    pub fn checkpoint(&mut self, lsn: Lsn) {
        self.checkpoint_lsn = self.checkpoint_lsn.max(lsn);
    }

    /// The numbers of the segments to check now. `closed` has the oldest first.
    pub fn next(&mut self, closed: &VecDeque<Closed>) -> Vec<u64> {
        let newest = closed.len().saturating_sub(NEWEST_LOOKED_AT);
        let needed = closed.partition_point(|closed| closed.last_lsn <= self.checkpoint_lsn).min(newest);
        let turn = closed.partition_point(|closed| closed.sequence <= self.last).clamp(needed, newest);
        let older = closed.range(turn..newest).chain(closed.range(needed..turn));
        let mut looks: Vec<u64> = older
            .take((newest - needed).div_ceil(LOOKS_FOR_ALL_AT_REST))
            .map(|closed| closed.sequence)
            .collect();
        self.last = looks.last().copied().unwrap_or(self.last);
        looks.extend(closed.range(newest..).map(|closed| closed.sequence));
        looks
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Closed segments with ten records each.
    fn segments(sequences: std::ops::Range<u64>) -> VecDeque<Closed> {
        let closed = |sequence| Closed {
            sequence,
            bytes: 1 << 20,
            first_lsn: sequence * 10 + 1,
            last_lsn: sequence * 10 + 10,
        };
        sequences.map(closed).collect()
    }

    #[test]
    fn each_segment_of_a_replay_is_checked_within_so_many_times_and_few_at_once() {
        for count in [0, 1, 64, 65, 124, 125, 1000, 100_000] {
            let (mut looks, closed) = (Looks::default(), segments(5..5 + count));
            // The turn may be anywhere when the time begins.
            (0..7).for_each(|_| drop(looks.next(&closed)));
            let mut seen = BTreeSet::new();
            for _ in 0..LOOKS_FOR_ALL {
                let next = looks.next(&closed);
                assert!(next.len() <= 64 + count as usize / 30 + 1, "{count}: {} at once", next.len());
                let newest = next.iter().rev().take(64).rev();
                assert!(newest.eq(closed.iter().rev().take(64).rev().map(|closed| &closed.sequence)));
                seen.extend(next);
            }
            assert!(seen.into_iter().eq(5..5 + count), "{count}");
        }
    }

    #[test]
    fn a_log_that_grows_keeps_nobody_from_its_turn() {
        let (mut looks, mut seen) = (Looks::default(), BTreeSet::new());
        for look in 0..LOOKS_FOR_ALL as u64 {
            seen.extend(looks.next(&segments(0..1000 + 10 * look)));
        }
        assert!((0..1000).all(|sequence| seen.contains(&sequence)));
    }

    #[test]
    fn a_checkpoint_keeps_nobody_from_its_turn() {
        for checkpoint in 1..LOOKS_FOR_ALL {
            let (mut looks, closed) = (Looks::default(), segments(0..1000));
            let mut seen = BTreeSet::new();
            for look in 0..LOOKS_FOR_ALL {
                if look == checkpoint {
                    looks.checkpoint(6000);
                }
                seen.extend(looks.next(&closed));
            }
            assert!((600..1000).all(|sequence| seen.contains(&sequence)), "{checkpoint}");
        }
    }

    #[test]
    fn history_that_no_replay_needs_is_not_checked() {
        let (mut looks, closed) = (Looks::default(), segments(0..1000));
        looks.checkpoint(5005);
        let seen: BTreeSet<u64> = (0..100).flat_map(|_| looks.next(&closed)).collect();
        assert!(seen.into_iter().eq(500..1000));
        looks.checkpoint(9999);
        let seen: BTreeSet<u64> = (0..100).flat_map(|_| looks.next(&closed)).collect();
        assert!(seen.into_iter().eq(936..1000));
    }
}
