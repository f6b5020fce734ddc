//! Keys, values and the order in which keys are used; the same for every engine.

use clap::ValueEnum;
use rand::{Rng, SeedableRng, rngs::SmallRng, seq::SliceRandom};
use serde::Serialize;

/// Bytes of a key.
pub const KEY_BYTES: usize = 16;
/// Bytes of a value.
pub const VALUE_BYTES: usize = 64;
/// Exponent of the skewed distribution, that of YCSB.
const SKEW: f64 = 0.99;

/// A key.
pub type Key = [u8; KEY_BYTES];
/// A value.
pub type Value = [u8; VALUE_BYTES];

/// The key with a number. Keys are in the order of their numbers.
pub fn key(number: u32) -> Key {
    let mut key = *b"key:000000000000";
    let mut rest = number;
    for digit in key.iter_mut().rev() {
        if rest == 0 {
            break;
        }
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    key
}

/// In which order keys are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// Every key as often as any other.
    Uniform,
    /// A few keys very often, scattered over the whole order.
    Zipf,
    /// One key after the other.
    Sequential,
}

impl Distribution {
    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Zipf => "zipf",
            Self::Sequential => "sequential",
        }
    }

    /// The order in which all keys are put for the first time.
    pub fn load_order(self, keys: u32, seed: u64) -> Vec<u32> {
        let mut order: Vec<u32> = (0..keys).collect();
        if self != Self::Sequential {
            order.shuffle(&mut SmallRng::seed_from_u64(seed));
        }
        order
    }

    /// Numbers of keys to use one after the other.
    pub fn picks(self, keys: u32, count: usize, seed: u64) -> Vec<u32> {
        let mut random = SmallRng::seed_from_u64(seed);
        match self {
            Self::Uniform => (0..count).map(|_| random.random_range(0..keys)).collect(),
            Self::Sequential => {
                let start = random.random_range(0..keys);
                (0..count).map(|step| ((u64::from(start) + step as u64) % u64::from(keys)) as u32).collect()
            }
            Self::Zipf => {
                let places = Self::Uniform.load_order(keys, seed);
                let zipf = Zipf::new(keys);
                (0..count).map(|_| places[zipf.rank(random.random::<f64>()) as usize]).collect()
            }
        }
    }
}

/// Ranks whose probability falls with their (rank + 1) to the power of `SKEW`, by the method of Gray et al., "Quickly
/// generating billion-record synthetic databases".
struct Zipf {
    /// Number of ranks.
    count: f64,
    /// Sum of all weights.
    zeta: f64,
    /// `1 / (1 - SKEW)`.
    alpha: f64,
    /// Scale of the approximated part.
    eta: f64,
}

impl Zipf {
    fn new(count: u32) -> Self {
        let zeta: f64 = (1..=count).map(|rank| f64::from(rank).powf(-SKEW)).sum();
        let count = f64::from(count);
        let first_two = 1.0 + 0.5f64.powf(SKEW);
        let eta = (1.0 - (2.0 / count).powf(1.0 - SKEW)) / (1.0 - first_two / zeta);
        Self { count, zeta, alpha: 1.0 / (1.0 - SKEW), eta }
    }

    /// The rank for an even chance between 0 and 1.
    fn rank(&self, chance: f64) -> u32 {
        let weight = chance * self.zeta;
        if weight < 1.0 {
            return 0;
        }
        if weight < 1.0 + 0.5f64.powf(SKEW) {
            return 1;
        }
        let rank = self.count * (self.eta * chance - self.eta + 1.0).powf(self.alpha);
        (rank as u32).min(self.count as u32 - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_their_numbers() {
        assert_eq!(&key(0), b"key:000000000000");
        assert_eq!(&key(4_294_967_295), b"key:004294967295");
        assert!(key(9) < key(10) && key(99_999) < key(100_000));
    }

    #[test]
    fn every_key_is_loaded_once() {
        for distribution in [Distribution::Uniform, Distribution::Sequential, Distribution::Zipf] {
            let mut order = distribution.load_order(1000, 1);
            order.sort_unstable();
            assert!(order.into_iter().eq(0..1000));
        }
    }

    #[test]
    fn the_skewed_distribution_has_the_weights_of_its_law() {
        let (keys, count) = (10_000, 1_000_000);
        let mut found = vec![0u32; keys];
        for pick in Distribution::Zipf.picks(keys as u32, count, 1) {
            found[pick as usize] += 1;
        }
        found.sort_unstable_by(|one, other| other.cmp(one));
        let zeta: f64 = (1..=keys).map(|rank| (rank as f64).powf(-SKEW)).sum();
        let expected = |rank: f64| count as f64 * rank.powf(-SKEW) / zeta;
        for (rank, tolerance) in [(1, 0.02), (2, 0.02), (10, 0.2), (100, 0.2)] {
            let (found, expected) = (f64::from(found[rank - 1]), expected(rank as f64));
            assert!((found / expected - 1.0).abs() < tolerance, "rank {rank}: {found}, not {expected}");
        }
    }
}
