//! Unsigned integers of any size: the few operations that decimal conversion needs.

/// Words of 32 bits, the least significant first, without leading zero words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Big(Vec<u32>);

/// Quotient bits that [`Big::divided_by`] computes: more than 65, so that rounding to 64 bits is exact.
const QUOTIENT_BITS: u32 = 68;

impl From<u64> for Big {
    fn from(value: u64) -> Self {
        Big(vec![value as u32, (value >> 32) as u32]).trimmed()
    }
}

impl Big {
    /// The number with these decimal digits (0 to 9), the most significant first.
    pub(super) fn from_digits(digits: &[u8]) -> Self {
        let mut number = Big(Vec::with_capacity(digits.len() / 9 + 1));
        for group in digits.chunks(9) {
            let value = group.iter().fold(0, |value, &digit| value * 10 + u32::from(digit));
            number.multiply_add(10_u32.pow(group.len() as u32), value);
        }
        number
    }

    /// The product with ten to the power of `power`.
    pub(super) fn times_power_of_ten(mut self, power: u32) -> Self {
        for _ in 0..power / 9 {
            self.multiply_add(1_000_000_000, 0);
        }
        self.multiply_add(10_u32.pow(power % 9), 0);
        self
    }

    /// The product with two to the power of `bits`.
    pub(super) fn shifted_left(&self, bits: u32) -> Self {
        let mut words = vec![0; bits as usize / 32];
        let mut carry = 0_u64;
        for &word in &self.0 {
            carry |= u64::from(word) << (bits % 32);
            words.push(carry as u32);
            carry >>= 32;
        }
        words.push(carry as u32);
        Big(words).trimmed()
    }

    /// The highest 128 bits, the power of two of the last of them, and whether a lower bit is set.
    pub(super) fn top_bits(&self) -> (u128, i32, bool) {
        let skipped = self.0.len().saturating_sub(4);
        let bits = self.0[skipped..].iter().rev().fold(0_u128, |bits, &word| bits << 32 | u128::from(word));
        (bits, skipped as i32 * 32, self.0[..skipped].iter().any(|&word| word != 0))
    }

    /// The quotient's highest bits (68 or 69 of them), the power of two of the last one, and whether there is a
    /// remainder.
    pub(super) fn divided_by(&self, divisor: &Big) -> (u128, i32, bool) {
        let exponent = self.bits() as i32 - divisor.bits() as i32 - QUOTIENT_BITS as i32;
        let (mut rest, divisor) = if exponent < 0 {
            (self.shifted_left(exponent.unsigned_abs()), divisor.clone())
        } else {
            (self.clone(), divisor.shifted_left(exponent as u32))
        };
        let mut quotient = 0_u128;
        for bit in (0..=QUOTIENT_BITS).rev() {
            quotient <<= 1;
            let multiple = divisor.shifted_left(bit);
            if rest.at_least(&multiple) {
                rest.subtract(&multiple);
                quotient |= 1;
            }
        }
        (quotient, exponent, !rest.0.is_empty())
    }

    /// The decimal digits.
    pub(super) fn to_decimal(&self) -> String {
        let mut words = self.0.clone();
        let mut groups = Vec::new();
        while !words.is_empty() {
            let mut rest = 0_u64;
            for word in words.iter_mut().rev() {
                rest = rest << 32 | u64::from(*word);
                *word = (rest / 1_000_000_000) as u32;
                rest %= 1_000_000_000;
            }
            groups.push(rest);
            words = Big(words).trimmed().0;
        }
        let mut text = groups.pop().unwrap_or(0).to_string();
        for group in groups.iter().rev() {
            text.push_str(&format!("{group:09}"));
        }
        text
    }

    /// Number of significant bits.
    fn bits(&self) -> u32 {
        self.0.last().map_or(0, |word| self.0.len() as u32 * 32 - word.leading_zeros())
    }

    /// Multiplies the number by `factor` and adds `addend`.
    fn multiply_add(&mut self, factor: u32, addend: u32) {
        let mut carry = u64::from(addend);
        for word in &mut self.0 {
            carry += u64::from(*word) * u64::from(factor);
            *word = carry as u32;
            carry >>= 32;
        }
        if carry != 0 {
            self.0.push(carry as u32);
        }
    }

    /// Whether the number is `other` or more.
    fn at_least(&self, other: &Big) -> bool {
        let order = self.0.len().cmp(&other.0.len());
        order.then_with(|| self.0.iter().rev().cmp(other.0.iter().rev())).is_ge()
    }

    /// Subtracts `other`, which must not be greater.
    fn subtract(&mut self, other: &Big) {
        let mut borrow = 0_i64;
        for (index, word) in self.0.iter_mut().enumerate() {
            let difference = i64::from(*word) - i64::from(other.0.get(index).copied().unwrap_or(0)) + borrow;
            *word = difference as u32;
            borrow = difference >> 32;
        }
        debug_assert_eq!(borrow, 0);
        *self = Big(std::mem::take(&mut self.0)).trimmed();
    }

    /// Without leading zero words.
    fn trimmed(mut self) -> Self {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
        self
    }
}
