//! Counting bits in blocks of words, by adding the words up bit by bit: only one word in sixteen is counted for itself.
//! Plain arithmetic, so that the compiler can work on several words at once.

/// Words that are added up side by side.
const LANES: usize = 4;
/// Words of a lane in a block.
const ROWS: usize = 16;
/// Bytes of a block.
const BLOCK_BYTES: usize = 8 * LANES * ROWS;

/// One word of each lane.
type Row = [u64; LANES];

/// Number of bits that are set.
pub(super) fn count(bytes: &[u8]) -> u64 {
    let (blocks, rest) = bytes.as_chunks::<BLOCK_BYTES>();
    let mut sums = Sums::default();
    let sixteens = blocks.iter().map(|block| ones(sums.add(block))).sum::<u64>();
    let (words, rest) = rest.as_chunks::<8>();
    let words = words.iter().map(|word| u64::from(u64::from_ne_bytes(*word).count_ones()));
    let rest = rest.iter().map(|byte| u64::from(byte.count_ones()));
    16 * sixteens + sums.count() + words.sum::<u64>() + rest.sum::<u64>()
}

/// Number of bits that are set in a row.
fn ones(row: Row) -> u64 {
    row.iter().map(|word| u64::from(word.count_ones())).sum()
}

/// The sum of all words so far, for each bit of a row: a number of four bits.
#[derive(Default)]
struct Sums {
    ones: Row,
    twos: Row,
    fours: Row,
    eights: Row,
}

impl Sums {
    /// Adds a block; returns the carries, which are worth sixteen.
    fn add(&mut self, block: &[u8; BLOCK_BYTES]) -> Row {
        let (rows, _) = block.as_chunks::<{ 8 * LANES }>();
        let row = |at: usize| -> Row {
            let words = rows[at].as_chunks::<8>().0;
            std::array::from_fn(|lane| u64::from_ne_bytes(words[lane]))
        };
        let mut eights = [[0; LANES]; 2];
        for (half, eights) in eights.iter_mut().enumerate() {
            let mut fours = [[0; LANES]; 2];
            for (quarter, fours) in fours.iter_mut().enumerate() {
                let at = 8 * half + 4 * quarter;
                let one = carry(&mut self.ones, row(at), row(at + 1));
                let other = carry(&mut self.ones, row(at + 2), row(at + 3));
                *fours = carry(&mut self.twos, one, other);
            }
            *eights = carry(&mut self.fours, fours[0], fours[1]);
        }
        carry(&mut self.eights, eights[0], eights[1])
    }

    /// The sum as a number.
    fn count(&self) -> u64 {
        ones(self.ones) + 2 * ones(self.twos) + 4 * ones(self.fours) + 8 * ones(self.eights)
    }
}

/// Adds two rows to a sum, bit by bit, and returns the carries.
#[inline(always)]
fn carry(sum: &mut Row, one: Row, other: Row) -> Row {
    std::array::from_fn(|lane| {
        let (a, b, c) = (sum[lane], one[lane], other[lane]);
        let half = a ^ b;
        sum[lane] = half ^ c;
        a & b | half & c
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bits_are_counted_one_by_one(
            bytes in proptest::collection::vec(any::<u8>(), 0..4 * BLOCK_BYTES),
            sets_all in any::<bool>(),
        ) {
            let bytes = if sets_all { vec![0xFF; bytes.len()] } else { bytes };
            let one_by_one: u64 = bytes.iter().map(|byte| (0..8).filter(|bit| byte >> bit & 1 == 1).count() as u64).sum();
            prop_assert_eq!(count(&bytes), one_by_one);
        }
    }
}
