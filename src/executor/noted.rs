//! Expiry times that were set before the clock was set back: they pass by the monotonic clock.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::time::Instant;

use crate::keyspace::Standing;

/// The most expiry times that are noted. Finding this many takes a tenth of a second.
pub(super) const NOTED_MAX: usize = 100_000;

/// Expiry times that pass by the monotonic clock.
#[derive(Default)]
pub(super) struct Noted {
    /// The earliest first, with the time at which each passes. Some may already be forgotten.
    queue: VecDeque<(Instant, Standing)>,
    /// Those that are not forgotten, by [`Standing::name`], with the same times.
    live: BTreeMap<Box<[u8]>, Instant>,
}

impl Noted {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Adds expiry times. One that is already noted keeps its time, which is the earlier one.
    pub fn add(&mut self, new: impl Iterator<Item = (Instant, Standing)>) {
        let Self { queue, live } = self;
        queue.retain(|(moment, standing)| live.get(&standing.name()) == Some(moment));
        for (moment, standing) in new {
            if let Entry::Vacant(place) = live.entry(standing.name()) {
                place.insert(moment);
                queue.push_back((moment, standing));
            }
        }
        queue.make_contiguous().sort_by_key(|(moment, _)| *moment);
        for (_, standing) in queue.drain(NOTED_MAX.min(queue.len())..) {
            live.remove(&standing.name());
        }
    }

    /// Forgets what was noted of a key or field; with `is_whole`, also of all fields of the key.
    pub fn forget(&mut self, name: &[u8], is_whole: bool) {
        if is_whole {
            let names = self.live.range::<[u8], _>((Bound::Included(name), Bound::Unbounded));
            let names = names.map(|(found, _)| found).take_while(|found| found.starts_with(name));
            for found in names.cloned().collect::<Vec<_>>() {
                self.live.remove(&found);
            }
        } else {
            self.live.remove(name);
        }
        if self.live.is_empty() {
            self.queue.clear();
        }
    }

    /// The first expiry that has passed at `now`, which stays until it is [done](Self::done).
    pub fn due(&mut self, now: Instant) -> Option<Standing> {
        while let Some((moment, standing)) = self.queue.front().filter(|(moment, _)| *moment <= now) {
            if self.live.get(&standing.name()) == Some(moment) {
                return Some(standing.clone());
            }
            self.queue.pop_front();
        }
        None
    }

    /// Forgets an expiry that is due.
    pub fn done(&mut self, standing: &Standing) {
        self.forget(&standing.name(), false);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn standing(key: &str, field: Option<&str>) -> Standing {
        let bytes = |text: &str| Box::from(text.as_bytes());
        Standing { db: 1, key: bytes(key), field: field.map(bytes), expire_at_ms: 5 }
    }

    /// The names of all that is due, in order.
    fn take_due(noted: &mut Noted, now: Instant) -> Vec<Standing> {
        std::iter::from_fn(|| {
            let due = noted.due(now)?;
            noted.done(&due);
            Some(due)
        })
        .collect()
    }

    #[test]
    fn an_expiry_that_is_noted_twice_passes_at_the_earlier_moment_and_one_that_is_forgotten_never() {
        let now = Instant::now();
        let later = |seconds| now + Duration::from_secs(seconds);
        let mut noted = Noted::default();
        let all = [("a", None, 3), ("b", None, 1), ("c", Some("f"), 2), ("c", Some("g"), 2), ("cc", None, 2)];
        noted.add(all.into_iter().map(|(key, field, at)| (later(at), standing(key, field))));
        noted.add([(later(9), standing("a", None)), (later(4), standing("d", None))].into_iter());
        noted.forget(&standing("b", None).name(), false);
        noted.add([(later(8), standing("b", None))].into_iter());
        noted.forget(&standing("c", None).name(), true);
        assert!(take_due(&mut noted, later(1)).is_empty());
        let due = take_due(&mut noted, later(7));
        assert_eq!(due, ["cc", "a", "d"].map(|key| standing(key, None)));
        assert_eq!(take_due(&mut noted, later(9)), [standing("b", None)]);
        assert!(noted.is_empty());
    }

    #[test]
    fn when_all_is_forgotten_nothing_is_kept() {
        let mut noted = Noted::default();
        noted.add([(Instant::now() + Duration::from_secs(1000), standing("a", None))].into_iter());
        noted.forget(&standing("a", None).name(), false);
        assert!(noted.is_empty());
    }
}
