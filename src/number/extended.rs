//! Floating point with a 64-bit mantissa, like x86's `long double`.
//!
//! Redis's `INCRBYFLOAT` adds with that type and prints with `%.17Lf`, so its results differ from those of `f64` (0.1 +
//! 0.2 is 0.3 there). This file does the same three steps in integer arithmetic, each rounded once, half to even: the
//! decimal text becomes the nearest mantissa, the sum becomes the nearest mantissa, and the exact value of that is
//! rounded to 17 decimals. Subnormal numbers keep their full precision; 17 decimals cannot show the difference.

use std::cmp::Ordering;

use super::extended_big::Big;

/// The longest text that is parsed as a number, in bytes.
const TEXT_BYTES_MAX: usize = 5 * 1024 - 1;
/// Numbers at or above two to this power are infinite.
const POWER_MAX: i32 = 16_384;
/// Numbers below two to this power are zero.
const POWER_MIN: i32 = -16_445;
/// Maximum number of digits printed after the decimal point.
const DECIMALS: usize = 17;
/// Ten to the power of [`DECIMALS`].
const DECIMALS_SCALE: u128 = 10_u128.pow(DECIMALS as u32);

/// A number with a 64-bit mantissa, or an infinity.
#[derive(Clone, Copy, Debug)]
pub struct Extended {
    /// Whether it is below zero.
    negative: bool,
    /// Its size.
    magnitude: Magnitude,
}

/// The size of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Magnitude {
    /// `mantissa` times two to the power of `exponent`; the mantissa's highest bit is set, or it is zero.
    Finite {
        /// The significant bits.
        mantissa: u64,
        /// The power of two that they are multiplied by.
        exponent: i32,
    },
    /// Beyond every number.
    Infinite,
}

impl Extended {
    /// Zero.
    pub const ZERO: Self =
        Self { negative: false, magnitude: Magnitude::Finite { mantissa: 0, exponent: 0 } };
    /// The greatest finite number.
    pub const MAX: Self = Self {
        negative: false,
        magnitude: Magnitude::Finite { mantissa: u64::MAX, exponent: POWER_MAX - 64 },
    };
    /// The least finite number.
    pub const MIN: Self = Self { negative: true, ..Self::MAX };

    /// Parses a number in the syntax of C's `strtold`: decimal or hexadecimal, with or without an exponent, or an
    /// infinity. `None` for anything else, and for numbers too large or too small.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.is_empty() || text.len() > TEXT_BYTES_MAX {
            return None;
        }
        let (negative, digits) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let magnitude = if digits.eq_ignore_ascii_case(b"inf") || digits.eq_ignore_ascii_case(b"infinity") {
            Magnitude::Infinite
        } else if digits.len() > 2 && digits[..2].eq_ignore_ascii_case(b"0x") {
            parse_hexadecimal(&digits[2..])?
        } else {
            parse_decimal(digits)?
        };
        Some(Self { negative, magnitude })
    }

    /// Whether it is not an infinity.
    pub fn is_finite(self) -> bool {
        self.magnitude != Magnitude::Infinite
    }

    /// Whether it is below zero.
    pub fn is_negative(self) -> bool {
        self.negative && self.magnitude != Self::ZERO.magnitude
    }

    /// The difference, or `None` if it is not a finite number.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.checked_add(Self { negative: !other.negative, ..other })
    }

    /// The sum, or `None` if it is not a finite number.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let (Magnitude::Finite { .. }, Magnitude::Finite { .. }) = (self.magnitude, other.magnitude) else {
            return None;
        };
        let sum = add_finite(self, other);
        (sum.magnitude != Magnitude::Infinite).then_some(sum)
    }

    /// The number times `factor`, rounded up to an integer; `None` if that is out of range.
    pub fn times_rounded_up(self, factor: u32) -> Option<i64> {
        let Magnitude::Finite { mantissa, exponent } = self.magnitude else { return None };
        let product = u128::from(mantissa) * u128::from(factor);
        let (whole, has_rest) = match exponent {
            0.. if product == 0 => (0, false),
            0.. if exponent.unsigned_abs() >= product.leading_zeros() => return None,
            0.. => (product << exponent, false),
            -127..0 => {
                let bits = exponent.unsigned_abs();
                (product >> bits, product & ((1 << bits) - 1) != 0)
            }
            _ => (0, product != 0),
        };
        let whole = i64::try_from(whole).ok()?;
        if self.negative { Some(-whole) } else { whole.checked_add(i64::from(has_rest)) }
    }

    /// The number with at most 17 decimals, without trailing zeros.
    pub fn format(self) -> String {
        let (integer, fraction) = match self.magnitude {
            Magnitude::Infinite => return if self.negative { "-inf".into() } else { "inf".into() },
            Magnitude::Finite { mantissa, exponent } if exponent < 0 => {
                let scaled =
                    shift_right_rounded(u128::from(mantissa) * DECIMALS_SCALE, exponent.unsigned_abs());
                ((scaled / DECIMALS_SCALE).to_string(), scaled % DECIMALS_SCALE)
            }
            Magnitude::Finite { mantissa, exponent } => {
                (Big::from(mantissa).shifted_left(exponent as u32).to_decimal(), 0)
            }
        };
        let mut text = String::with_capacity(integer.len() + 2 + DECIMALS);
        if self.negative && (integer != "0" || fraction != 0) {
            text.push('-');
        }
        text.push_str(&integer);
        if fraction != 0 {
            text.push('.');
            let decimals = format!("{fraction:0width$}", width = DECIMALS);
            text.push_str(decimals.trim_end_matches('0'));
        }
        text
    }
}

impl PartialEq for Extended {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Extended {}

impl Ord for Extended {
    fn cmp(&self, other: &Self) -> Ordering {
        let magnitude = |number: &Self| match number.magnitude {
            Magnitude::Finite { mantissa: 0, .. } => (i32::MIN, 0),
            Magnitude::Finite { mantissa, exponent } => (exponent, mantissa),
            Magnitude::Infinite => (i32::MAX, 0),
        };
        match (self.is_negative(), other.is_negative()) {
            (false, false) => magnitude(self).cmp(&magnitude(other)),
            (true, true) => magnitude(other).cmp(&magnitude(self)),
            (negative, _) => {
                if negative {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
        }
    }
}

impl PartialOrd for Extended {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// `value` divided by two to the power of `bits`, rounded half to even.
fn shift_right_rounded(value: u128, bits: u32) -> u128 {
    if bits >= 128 {
        return 0;
    }
    let (quotient, rest, half) = (value >> bits, value & ((1 << bits) - 1), 1_u128 << (bits - 1));
    quotient + u128::from(rest > half || (rest == half && quotient & 1 == 1))
}

/// Rounds `bits` times two to the power of `exponent`, plus something positive and smaller than the last bit if
/// `sticky`, to a 64-bit mantissa.
///
/// With `sticky`, `bits` has more than 65 significant bits, so that the lost part cannot be half of the last place.
fn rounded(bits: u128, exponent: i32, sticky: bool) -> Magnitude {
    if bits == 0 {
        return Magnitude::Finite { mantissa: 0, exponent: 0 };
    }
    let width = 128 - bits.leading_zeros();
    debug_assert!(!sticky || width > 65);
    let (mut mantissa, mut exponent) = if width <= 64 {
        ((bits as u64) << (64 - width), exponent - (64 - width) as i32)
    } else {
        let dropped = width - 64;
        let kept = (bits >> dropped) as u64;
        let (rest, half) = (bits & ((1 << dropped) - 1), 1_u128 << (dropped - 1));
        let up = rest > half || (rest == half && (sticky || kept & 1 == 1));
        let (sum, carry) = kept.overflowing_add(u64::from(up));
        if carry { (1 << 63, exponent + dropped as i32 + 1) } else { (sum, exponent + dropped as i32) }
    };
    if exponent + 64 > POWER_MAX {
        return Magnitude::Infinite;
    }
    if exponent + 63 < POWER_MIN {
        (mantissa, exponent) = (0, 0);
    }
    Magnitude::Finite { mantissa, exponent }
}

/// The sum of two finite numbers.
fn add_finite(a: Extended, b: Extended) -> Extended {
    let parts = |number: Extended| match number.magnitude {
        Magnitude::Finite { mantissa, exponent } => (mantissa, exponent),
        Magnitude::Infinite => unreachable!("the caller checked that both are finite"),
    };
    let ((mantissa_a, exponent_a), (mantissa_b, exponent_b)) = (parts(a), parts(b));
    if mantissa_a == 0 || mantissa_b == 0 {
        let other = if mantissa_a == 0 { b } else { a };
        return if mantissa_a | mantissa_b == 0 {
            Extended { negative: a.negative && b.negative, ..a }
        } else {
            other
        };
    }
    // Mantissas are normalised: the greater exponent has the greater magnitude.
    let a_is_large = (exponent_a, mantissa_a) >= (exponent_b, mantissa_b);
    let (large, small) = if a_is_large { (a, b) } else { (b, a) };
    let ((mantissa_large, exponent_large), (mantissa_small, exponent_small)) = (parts(large), parts(small));

    // 63 extra bits below the large mantissa hold what the small one adds; bits below those only matter as "and a bit
    // more".
    let distance = (i64::from(exponent_large) - i64::from(exponent_small)) as u32;
    let high = u128::from(mantissa_large) << 63;
    let low = u128::from(mantissa_small) << 63;
    let (low, sticky) =
        if distance >= 127 { (0, true) } else { (low >> distance, low & ((1_u128 << distance) - 1) != 0) };
    let exponent = exponent_large - 63;
    let sum = if large.negative == small.negative {
        high + low
    } else {
        // The lost bits would be subtracted. Subtract one too many instead, so that they become an addition again.
        high - low - u128::from(sticky)
    };
    let magnitude = rounded(sum, exponent, sticky);
    let zero = matches!(magnitude, Magnitude::Finite { mantissa: 0, .. });
    Extended { negative: large.negative && !zero, magnitude }
}

/// Splits the exponent (after any of `marks`) from the digits; `None` if it is not an integer. Huge exponents are
/// clamped.
fn split_exponent(text: &[u8], marks: [u8; 2]) -> Option<(&[u8], i64)> {
    let Some(at) = text.iter().position(|byte| marks.contains(byte)) else {
        return Some((text, 0));
    };
    let (negative, digits) = match &text[at + 1..] {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value =
        digits.iter().fold(0_i64, |value, digit| (value * 10 + i64::from(digit - b'0')).min(1_000_000));
    Some((&text[..at], if negative { -value } else { value }))
}

/// Splits digits at the decimal point; `None` unless there is at least one digit and nothing but digits.
fn split_point(text: &[u8], is_digit: fn(&u8) -> bool) -> Option<(&[u8], &[u8])> {
    let (integer, fraction) = match text.iter().position(|&byte| byte == b'.') {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, &text[..0]),
    };
    let valid = integer.len() + fraction.len() > 0 && integer.iter().chain(fraction).all(is_digit);
    valid.then_some((integer, fraction))
}

/// A decimal number without its sign.
fn parse_decimal(text: &[u8]) -> Option<Magnitude> {
    let (digits, exponent) = split_exponent(text, [b'e', b'E'])?;
    let (integer, fraction) = split_point(digits, u8::is_ascii_digit)?;
    let digits: Vec<u8> =
        integer.iter().chain(fraction).map(|digit| digit - b'0').skip_while(|&digit| digit == 0).collect();
    let significant = digits.iter().rposition(|&digit| digit != 0).map_or(0, |last| last + 1);
    if significant == 0 {
        return Some(Magnitude::Finite { mantissa: 0, exponent: 0 });
    }
    let power = exponent - fraction.len() as i64 + (digits.len() - significant) as i64;
    // 10^4933 is beyond the greatest number and 10^-4952 below the least.
    let order = power + significant as i64;
    if !(-4960..=4940).contains(&order) {
        return None;
    }
    let number = Big::from_digits(&digits[..significant]);
    let magnitude = if power >= 0 {
        let (bits, exponent, sticky) = number.times_power_of_ten(power as u32).top_bits();
        rounded(bits, exponent, sticky)
    } else {
        let (bits, exponent, sticky) = number.divided_by(&Big::from(1).times_power_of_ten(-power as u32));
        rounded(bits, exponent, sticky)
    };
    in_range(magnitude)
}

/// A hexadecimal number without its sign and `0x`.
fn parse_hexadecimal(text: &[u8]) -> Option<Magnitude> {
    let (digits, power) = split_exponent(text, [b'p', b'P'])?;
    let (integer, fraction) = split_point(digits, u8::is_ascii_hexdigit)?;
    let mut bits = 0_u128;
    let (mut dropped, mut sticky) = (0_i64, false);
    for digit in integer.iter().chain(fraction) {
        let value = (*digit as char).to_digit(16)?;
        if bits >> 120 == 0 {
            bits = bits << 4 | u128::from(value);
        } else {
            dropped += 4;
            sticky |= value != 0;
        }
    }
    if bits == 0 {
        return Some(Magnitude::Finite { mantissa: 0, exponent: 0 });
    }
    let exponent = power + dropped - 4 * fraction.len() as i64;
    in_range(rounded(bits, exponent.clamp(-100_000, 100_000) as i32, sticky))
}

/// `None` for a number that overflowed or underflowed.
fn in_range(magnitude: Magnitude) -> Option<Magnitude> {
    match magnitude {
        Magnitude::Infinite | Magnitude::Finite { mantissa: 0, .. } => None,
        finite => Some(finite),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(a: &str, b: &str) -> String {
        let parse = |text: &str| Extended::parse(text.as_bytes()).unwrap();
        parse(a).checked_add(parse(b)).unwrap().format()
    }

    #[test]
    fn sums_are_those_of_a_64_bit_mantissa() {
        assert_eq!(sum("0.1", "0.2"), "0.3");
        assert_eq!(sum("10.50", "0.1"), "10.6");
        assert_eq!(sum("5.0e3", "2.0e2"), "5200");
        assert_eq!(sum("3", "1.5"), "4.5");
        assert_eq!(sum("1", "-1"), "0");
        assert_eq!(sum("-0.5", "0.25"), "-0.25");
        assert_eq!(sum("9223372036854775807", "1"), "9223372036854775808");
        assert_eq!(sum("18446744073709551615", "1"), "18446744073709551616");
        assert_eq!(sum("18446744073709551616", "1"), "18446744073709551616");
        assert_eq!(sum("18446744073709551616", "-0.5"), "18446744073709551616");
        assert_eq!(sum("1e17", "0.1"), "100000000000000000.1015625");
        assert_eq!(sum("0", "-0"), "0");
        assert_eq!(sum("1e19", "-0.5"), "10000000000000000000", "halves go to the even side");
        assert_eq!(sum("1e19", "-0x0.8000000000000001"), "9999999999999999999", "more than a half does not");
        assert_eq!(sum("0x10", "0x1p-1"), "16.5");
    }

    #[test]
    fn text_that_is_no_number_is_refused() {
        for text in [
            "", "a", "1a", "1e", "1e+", ".", "-", "nan", "0x", "1 ", " 1", "1.2.3", "1e5000", "1e-5000",
            "--1",
        ] {
            assert_eq!(Extended::parse(text.as_bytes()), None, "{text}");
        }
        assert!(Extended::parse(b"inf").is_some_and(|number| number.checked_add(number).is_none()));
    }

    #[test]
    fn numbers_are_in_order() {
        let texts = [
            "-inf",
            "-1e4932",
            "-2.5",
            "-2",
            "-1e-4000",
            "0",
            "1e-4000",
            "0.5",
            "2",
            "2.5",
            "18446744073709551615",
            "18446744073709551616",
            "1e4932",
            "inf",
        ];
        let numbers = texts.map(|text| Extended::parse(text.as_bytes()).unwrap());
        assert!(numbers.is_sorted_by(|a, b| a < b));
        assert!(Extended::MIN < numbers[1] && numbers[12] < Extended::MAX && Extended::MAX < numbers[13]);
        assert_eq!(Extended::parse(b"-0").unwrap().cmp(&Extended::ZERO), Ordering::Equal);
        assert!(Extended::MAX.checked_add(Extended::MAX).is_none());
        assert_eq!(numbers[9].checked_sub(numbers[7]).unwrap().format(), "2");
        assert_eq!(numbers[7].checked_sub(numbers[9]).unwrap().format(), "-2");
    }

    #[test]
    fn the_greatest_numbers_print_in_full_and_overflow_is_told() {
        let greatest = Extended::parse(b"1e4932").unwrap();
        assert_eq!(greatest.format().len(), 4933);
        assert!(Extended::parse(b"1.1897e4932").unwrap().checked_add(greatest).is_none());
    }
}
