//! Counts by powers of two.

use serde::{Serialize, Serializer, ser::SerializeSeq};

/// How many numbers fell between each two powers of two.
#[derive(Clone, Copy, Debug)]
pub struct Histogram {
    /// `counts[0]` counts zeros, `counts[i]` numbers from `2^(i-1)` to `2^i - 1`.
    counts: [u64; 65],
    /// All of them.
    total: u64,
    /// Their sum.
    sum: u128,
}

/// Numbers within one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// The smallest number that counts here.
    pub from: u64,
    /// The largest number that counts here.
    pub to: u64,
    /// How many there were.
    pub count: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: [0; 65], total: 0, sum: 0 }
    }
}

impl Histogram {
    /// Counts a number.
    pub fn add(&mut self, number: u64) {
        let bucket = (u64::BITS - number.leading_zeros()) as usize;
        self.counts[bucket] += 1;
        self.total += 1;
        self.sum += u128::from(number);
    }

    /// How many numbers were counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Their mean, 0 when there are none.
    pub fn mean(&self) -> f64 {
        if self.total == 0 { 0.0 } else { self.sum as f64 / self.total as f64 }
    }

    /// The steps in which something was counted.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> + '_ {
        self.counts.iter().enumerate().filter(|&(_, &count)| count > 0).map(|(index, &count)| match index {
            0 => Bucket { from: 0, to: 0, count },
            _ => Bucket { from: 1 << (index - 1), to: u64::MAX >> (64 - index), count },
        })
    }
}

impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_seq(None)?;
        for bucket in self.buckets() {
            out.serialize_element(&bucket)?;
        }
        out.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fall_between_powers_of_two() {
        let mut histogram = Histogram::default();
        for number in [0, 1, 2, 3, 4, u64::MAX] {
            histogram.add(number);
        }
        let found: Vec<_> =
            histogram.buckets().map(|bucket| (bucket.from, bucket.to, bucket.count)).collect();
        assert_eq!(found, [(0, 0, 1), (1, 1, 1), (2, 3, 2), (4, 7, 1), (1 << 63, u64::MAX, 1)]);
        assert_eq!(histogram.total(), 6);
    }
}
