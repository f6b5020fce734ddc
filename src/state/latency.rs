//! Histogram of the run times of a command, with four buckets per doubling.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Times below 2^this nanoseconds share the first bucket.
const FIRST_OCTAVE: u32 = 8;
/// Buckets per doubling.
const STEPS: u32 = 4;
/// Number of buckets. Times from about four seconds on share the last one.
const BUCKETS: usize = 1 + ((32 - FIRST_OCTAVE) * STEPS) as usize;

/// Counts of durations. A bucket's upper bound is at most a quarter above its lower bound.
pub struct LatencyHistogram {
    /// Durations per bucket.
    counts: [AtomicU64; BUCKETS],
}

impl Default for LatencyHistogram {
    fn default() -> Self {
        Self { counts: [const { AtomicU64::new(0) }; BUCKETS] }
    }
}

impl LatencyHistogram {
    /// Counts one duration.
    pub fn record(&self, took: Duration) {
        self.counts[bucket(took.as_nanos() as u64)].fetch_add(1, Relaxed);
    }

    /// Adds the counts of `other`.
    pub fn add(&self, other: &LatencyHistogram) {
        for (mine, theirs) in self.counts.iter().zip(&other.counts) {
            mine.fetch_add(theirs.load(Relaxed), Relaxed);
        }
    }

    /// Forgets everything.
    pub fn reset(&self) {
        self.counts.iter().for_each(|count| count.store(0, Relaxed));
    }

    /// Number of durations counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|count| count.load(Relaxed)).sum()
    }

    /// A percentile in nanoseconds: the upper bound of its bucket. 0 if there are no durations.
    pub fn percentile_ns(&self, percent: f64) -> u64 {
        let wanted = (self.count() as f64 * percent / 100.0).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (upper_ns, count) in self.buckets() {
            seen += count;
            if seen >= wanted {
                return upper_ns;
            }
        }
        0
    }

    /// The buckets that are not empty: upper bound in nanoseconds, and count.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> {
        self.counts
            .iter()
            .enumerate()
            .map(|(index, count)| (upper_ns(index), count.load(Relaxed)))
            .filter(|&(_, count)| count > 0)
    }
}

/// The bucket of a duration.
fn bucket(ns: u64) -> usize {
    let octave = ns.max(1).ilog2();
    if octave < FIRST_OCTAVE {
        return 0;
    }
    let step = (ns >> (octave - 2)) & 3;
    (1 + (octave - FIRST_OCTAVE) as usize * STEPS as usize + step as usize).min(BUCKETS - 1)
}

/// The upper bound of a bucket, in nanoseconds: the first duration above it.
fn upper_ns(index: usize) -> u64 {
    let Some(index) = index.checked_sub(1) else { return 1 << FIRST_OCTAVE };
    let (octave, step) = (FIRST_OCTAVE + (index as u32) / STEPS, index as u64 % u64::from(STEPS));
    (4 + step + 1) << (octave - 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_duration_lies_below_the_upper_bound_of_its_bucket_and_near_it() {
        for ns in (0..40_000).chain([1 << 20, (1 << 31) - 1, 3_999_999_999]) {
            let upper = upper_ns(bucket(ns));
            assert!(ns < upper, "{ns} in a bucket up to {upper}");
            assert!(ns < 256 || upper <= ns + ns / 4 + 1, "{ns} in a bucket up to {upper}");
        }
    }

    #[test]
    fn percentiles_come_from_the_buckets() {
        let histogram = LatencyHistogram::default();
        assert_eq!(histogram.percentile_ns(99.0), 0);
        for _ in 0..99 {
            histogram.record(Duration::from_nanos(1000));
        }
        histogram.record(Duration::from_millis(1));
        assert!((1000..1300).contains(&histogram.percentile_ns(50.0)));
        assert!((1000..1300).contains(&histogram.percentile_ns(99.0)));
        assert!(histogram.percentile_ns(100.0) > 1_000_000);
    }
}
