//! `f64` as text, as Redis reads and prints scores.

/// The longest text that is parsed as a number, in bytes.
const TEXT_BYTES_MAX: usize = 5 * 1024;
/// Integers up to this size are printed in full.
const INTEGER_MAX: f64 = (i64::MAX / 2) as f64;

/// Parses the whole of `text` as a number, in the syntax of C's `strtod` without leading blanks. `None` for anything
/// else, for NaN, and for numbers that overflow to infinity or underflow to zero.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let (value, is_exact) = read(text)?;
    is_exact.then_some(value)
}

/// Parses the bound of a range. Like [`parse_f64`], but leading blanks are skipped, an empty text is zero, and numbers
/// that are too large are infinite.
pub fn parse_f64_bound(text: &[u8]) -> Option<f64> {
    read_loosely(text).map(|(value, _)| value)
}

/// Parses what `SORT` sorts by. Like [`parse_f64`], but leading blanks are skipped, and an empty text is zero.
pub fn parse_f64_in_range(text: &[u8]) -> Option<f64> {
    read_loosely(text).filter(|(_, is_exact)| *is_exact).map(|(value, _)| value)
}

/// Like [`read`], but skips leading blanks; an empty text is zero.
fn read_loosely(text: &[u8]) -> Option<(f64, bool)> {
    let is_blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0B;
    let start = text.iter().position(|byte| !is_blank(byte)).unwrap_or(text.len());
    if text.is_empty() { Some((0.0, true)) } else { read(&text[start..]) }
}

/// The number in `text`, and whether it is in the range of `f64`.
fn read(text: &[u8]) -> Option<(f64, bool)> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let (size, is_exact) = match digits {
        [b'0', b'x' | b'X', rest @ ..] => read_hexadecimal(rest)?,
        [b'0'..=b'9' | b'.', ..] => {
            let size: f64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
            let mantissa = digits.split(|byte| matches!(byte, b'e' | b'E')).next().unwrap_or_default();
            let is_zero = mantissa.iter().all(|digit| matches!(digit, b'0' | b'.'));
            (size, size.is_finite() && (size != 0.0 || is_zero))
        }
        _ if digits.eq_ignore_ascii_case(b"inf") || digits.eq_ignore_ascii_case(b"infinity") => {
            (f64::INFINITY, true)
        }
        _ => return None,
    };
    Some((if negative { -size } else { size }, is_exact))
}

/// Like [`read`], for the part after the sign and `0x`.
fn read_hexadecimal(text: &[u8]) -> Option<(f64, bool)> {
    let (digits, power) = match text.iter().position(|byte| matches!(byte, b'p' | b'P')) {
        Some(at) => (&text[..at], exponent(&text[at + 1..])?),
        None => (text, 0),
    };
    let (mut bits, mut exponent, mut sticky) = (0_u128, power, false);
    let (mut any, mut behind_point) = (false, false);
    for &byte in digits {
        if byte == b'.' && !behind_point {
            behind_point = true;
            continue;
        }
        let digit = (byte as char).to_digit(16)?;
        any = true;
        if bits >> 120 == 0 {
            bits = bits << 4 | u128::from(digit);
            exponent -= if behind_point { 4 } else { 0 };
        } else {
            sticky |= digit != 0;
            exponent += if behind_point { 0 } else { 4 };
        }
    }
    if !any {
        return None;
    }
    let mut size = (bits | u128::from(sticky)) as f64;
    // In steps that `f64` can represent.
    let mut left = exponent.clamp(-4000, 4000);
    while left != 0 {
        let step = left.clamp(-1000, 1000);
        size *= 2_f64.powi(step);
        left -= step;
    }
    Some((size, size.is_finite() && (size != 0.0 || bits == 0)))
}

/// The power of two in `text`; a huge one is clamped.
fn exponent(text: &[u8]) -> Option<i32> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let size = digits.iter().fold(0, |size: i32, digit| (size * 10 + i32::from(digit - b'0')).min(100_000));
    Some(if negative { -size } else { size })
}

/// `value` with at most 17 decimals, without trailing zeros.
pub fn format_fixed(value: f64) -> String {
    let text = format!("{value:.17}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".into() } else { text.into() }
}

/// The shortest text that parses to `value`.
pub fn format_f64(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "inf".into() } else { "-inf".into() };
    }
    if value.is_nan() {
        return "nan".into();
    }
    if value.trunc() == value && value.abs() <= INTEGER_MAX {
        return format!("{value}");
    }
    let text = format!("{:e}", value.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits = mantissa.replace('.', "");
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{}", place_point(&digits, exponent))
}

/// Inserts the decimal point into digits: after the first one, times ten to the power of `exponent`.
fn place_point(digits: &str, exponent: i32) -> String {
    let len = digits.len() as i32;
    // The power of ten of the last digit.
    let last = exponent - len + 1;
    if last >= 0 && exponent < len + 7 {
        return format!("{digits}{}", "0".repeat(last as usize));
    }
    if last < 0 && (last > -7 || exponent.abs() < 4) {
        return match len + last {
            0.. => {
                let (integer, fraction) = digits.split_at((len + last) as usize);
                format!("{}.{fraction}", if integer.is_empty() { "0" } else { integer })
            }
            zeros => format!("0.{}{digits}", "0".repeat(zeros.unsigned_abs() as usize)),
        };
    }
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{first}{point}{rest}e{sign}{}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_read_as_by_strtod() {
        for (text, value) in [
            ("1", 1.0),
            ("-1.5e3", -1500.0),
            ("+.5", 0.5),
            ("5.", 5.0),
            ("inf", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("0x10", 16.0),
            ("-0X.8p1", -1.0),
            ("0x1.fffffffffffff8p0", 2.0),
            ("1e-320", 1e-320),
            ("0e999", 0.0),
        ] {
            assert_eq!(parse_f64(text.as_bytes()), Some(value), "{text}");
        }
        for text in [
            "", "nan", " 1", "1 ", "1e", "0x", "0xg", "0x1p", "1e999", "1e-400", "0x1p9999", "e5", ".", "1_0",
        ] {
            assert_eq!(parse_f64(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse_f64_bound(b""), Some(0.0));
        assert_eq!(parse_f64_bound(b" 1"), Some(1.0));
        assert_eq!(parse_f64_bound(b"-1e999"), Some(f64::NEG_INFINITY));
        assert_eq!(parse_f64_bound(b" "), None);
        assert_eq!(parse_f64_bound(b"x"), None);
    }

    #[test]
    fn numbers_are_printed_as_redis_prints_scores() {
        for (value, text) in [
            (0.0, "0"),
            (3.0, "3"),
            (-17.5, "-17.5"),
            (0.1, "0.1"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e15, "1000000000000000"),
            (4e18, "4000000000000000000"),
            (1e20, "1e+20"),
            (1.5e300, "1.5e+300"),
            (0.000_01, "0.00001"),
            (1e-7, "1e-7"),
            (1.25e-9, "1.25e-9"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(format_f64(value), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_as_the_same_number(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            prop_assume!(!value.is_nan());
            prop_assert_eq!(parse_f64(format_f64(value).as_bytes()), Some(value));
        }
    }
}
