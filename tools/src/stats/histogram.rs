//! Histograms: counts by powers of two, and quantiles within 1 %.

use hdrhistogram::Histogram as Bins;
use serde::{Serialize, Serializer};

/// Significant decimal digits of a quantile.
const DIGITS: u8 = 2;

/// How often each number was counted.
#[derive(Clone, Debug)]
pub struct Histogram {
    /// Numbers in the same bin agree in [`DIGITS`] digits. No bin crosses a power of two.
    bins: Bins<u64>,
    /// The bins know these two only roughly.
    sum: u128,
    max: u64,
}

/// Numbers between two powers of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// The smallest number that counts here.
    pub from: u64,
    /// The largest number that counts here.
    pub to: u64,
    pub count: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        let bins = Bins::new_with_bounds(1, u64::MAX, DIGITS).expect("the bounds are valid");
        Self { bins, sum: 0, max: 0 }
    }
}

impl Histogram {
    pub fn add(&mut self, number: u64) {
        self.bins.saturating_record(number);
        self.sum += u128::from(number);
        self.max = self.max.max(number);
    }

    /// How many numbers were counted.
    pub fn total(&self) -> u64 {
        self.bins.len()
    }

    /// Their mean, 0 when there are none.
    pub fn mean(&self) -> f64 {
        if self.total() == 0 { 0.0 } else { self.sum as f64 / self.total() as f64 }
    }

    /// The largest of them, 0 when there are none.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The number that this share of them does not exceed: 0.5 gives the median.
    pub fn quantile(&self, share: f64) -> u64 {
        self.bins.value_at_quantile(share).min(self.max)
    }

    /// The buckets in which something was counted.
    pub fn buckets(&self) -> Vec<Bucket> {
        let mut buckets: Vec<Bucket> = Vec::new();
        for bin in self.bins.iter_recorded() {
            let (from, to) = powers_around(bin.value_iterated_to());
            match buckets.last_mut() {
                Some(bucket) if bucket.from == from => bucket.count += bin.count_at_value(),
                _ => buckets.push(Bucket { from, to, count: bin.count_at_value() }),
            }
        }
        buckets
    }
}

/// The smallest and the largest number with the same number of bits.
fn powers_around(number: u64) -> (u64, u64) {
    match number.checked_ilog2() {
        None => (0, 0),
        Some(bit) => (1 << bit, u64::MAX >> (u64::BITS - 1 - bit)),
    }
}

impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.buckets())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        numbers.into_iter().for_each(|number| histogram.add(number));
        histogram
    }

    #[test]
    fn numbers_fall_between_powers_of_two() {
        let histogram = of([0, 1, 2, 3, 4, u64::MAX]);
        let found: Vec<_> =
            histogram.buckets().iter().map(|bucket| (bucket.from, bucket.to, bucket.count)).collect();
        assert_eq!(found, [(0, 0, 1), (1, 1, 1), (2, 3, 2), (4, 7, 1), (1 << 63, u64::MAX, 1)]);
        assert_eq!((histogram.total(), histogram.max()), (6, u64::MAX));
    }

    #[test]
    fn every_power_of_two_begins_a_bucket() {
        for bit in 1..64 {
            let power = 1_u64 << bit;
            let counts: Vec<_> =
                of([power - 1, power]).buckets().iter().map(|bucket| (bucket.from, bucket.count)).collect();
            assert_eq!(counts, [(power / 2, 1), (power, 1)], "2^{bit}");
        }
    }

    #[test]
    fn quantiles_are_within_one_percent() {
        let histogram = of((1..=10_000).map(|number| number * 1000));
        assert_eq!(histogram.mean(), 5_000_500.0);
        for share in [0.5, 0.9, 0.99, 1.0] {
            let (found, exact) = (histogram.quantile(share) as f64, share * 1e7);
            assert!((found / exact - 1.0).abs() <= 0.01, "{share}: {found} for {exact}");
        }
        assert_eq!((of([7]).quantile(0.5), of([9001]).quantile(0.99), of([]).quantile(0.5)), (7, 9001, 0));
    }
}
