//! Scores of sorted sets, encoded in eight bytes that sort like the numbers.
//!
//! ```text
//! score = u64 BE: the bits of the f64, all inverted if it is negative, else with the sign bit set
//! ```
//!
//! A score is never NaN, and a negative zero is a zero: two scores are equal if and only if their bytes are.

use std::cmp::Ordering;

/// Bytes of a score.
pub const SCORE_BYTES: usize = 8;

/// The score of a member; infinities are scores too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score(f64);

impl Score {
    /// Zero.
    pub const ZERO: Score = Score(0.0);

    /// The score with this value, or `None` if it is not a number.
    pub fn new(value: f64) -> Option<Self> {
        // Adding zero makes a negative zero positive.
        (!value.is_nan()).then_some(Self(value + 0.0))
    }

    /// Its value.
    pub fn get(self) -> f64 {
        self.0
    }

    /// Its position among all scores.
    pub fn order(self) -> u64 {
        let bits = self.0.to_bits();
        if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
    }

    /// Its bytes, which sort like the scores.
    pub fn to_bytes(self) -> [u8; SCORE_BYTES] {
        self.order().to_be_bytes()
    }

    /// The score with these bytes, or `None` if no score has them.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let order = u64::from_be_bytes(bytes.try_into().ok()?);
        let bits = if order >> 63 == 1 { order & !(1 << 63) } else { !order };
        Self::new(f64::from_bits(bits)).filter(|score| score.order() == order)
    }
}

impl Eq for Score {}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn scores_have_their_bytes() {
        let bytes = |value| Score::new(value).unwrap().to_bytes();
        assert_eq!(bytes(0.0), [0x80, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes(-0.0), bytes(0.0));
        assert_eq!(bytes(1.5), [0xBF, 0xF8, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes(-1.5), [0x40, 0x07, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
        assert_eq!(bytes(f64::INFINITY)[..2], [0xFF, 0xF0]);
        assert_eq!(Score::new(f64::NAN), None);
        for bytes in [[0xFF; 8].as_slice(), &[0; 8], &[0x80; 7], &[0x7F, 255, 255, 255, 255, 255, 255, 255]] {
            assert_eq!(Score::from_bytes(bytes), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn bytes_are_in_the_order_of_scores(a in any::<f64>(), b in any::<f64>()) {
            let (Some(a), Some(b)) = (Score::new(a), Score::new(b)) else { return Ok(()) };
            prop_assert_eq!(a.get().partial_cmp(&b.get()).unwrap(), a.to_bytes().cmp(&b.to_bytes()));
            prop_assert_eq!(Score::from_bytes(&a.to_bytes()), Some(a));
        }
    }
}
