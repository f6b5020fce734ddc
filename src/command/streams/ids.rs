//! Reads IDs as clients write them: `ms-seq`, `ms`, `ms-*`, and for ranges `-`, `+` and `(id`.

use super::CommandError;
use crate::effect::EntryId;
use crate::keyspace::IdRange;

/// The longest ID that is read, in bytes.
const ID_BYTES_MAX: usize = 127;

/// The error of an ID that cannot be read.
pub(super) const INVALID: CommandError = CommandError::Reply(std::borrow::Cow::Borrowed(
    "ERR Invalid stream ID specified as stream command argument",
));

/// A number as C's `strtoull` reads it. A word ends at a zero byte.
fn number(word: &[u8]) -> Option<u64> {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let digits = &word[word.iter().take_while(|byte| is_space(byte)).count()..];
    let (negative, digits) = match digits {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let mut number = 0_u64;
    for digit in digits {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number = number.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    // A plain negative number is refused; C reads one with leading spaces or zeros.
    let is_plain = word[0] == b'-' && !(digits.len() > 1 && digits[0] == b'0') && number <= 1 << 63;
    match negative {
        true if is_plain && number != 0 => None,
        true => Some(number.wrapping_neg()),
        false => Some(number),
    }
}

/// The sequence number of an ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seq {
    /// Given.
    Given(u64),
    /// Left out.
    Missing,
    /// `*`: to be generated.
    Auto,
}

/// Reads an ID in two parts.
fn parts(word: &[u8]) -> Option<(u64, Seq)> {
    if word.len() > ID_BYTES_MAX {
        return None;
    }
    let word = &word[..word.iter().position(|byte| *byte == 0).unwrap_or(word.len())];
    let Some(at) = word.iter().position(|byte| *byte == b'-') else {
        return Some((number(word)?, Seq::Missing));
    };
    let (ms, seq) = (&word[..at], &word[at + 1..]);
    let ms = number(ms)?;
    Some((ms, if seq == b"*" { Seq::Auto } else { Seq::Given(number(seq)?) }))
}

/// Reads an ID; `missing_seq` is the sequence number if that is left out.
fn parse(word: &[u8], missing_seq: u64) -> Result<EntryId, CommandError> {
    match parts(word) {
        Some((ms, Seq::Given(seq))) => Ok(EntryId { ms, seq }),
        Some((ms, Seq::Missing)) => Ok(EntryId { ms, seq: missing_seq }),
        _ => Err(INVALID),
    }
}

/// Reads an ID that is neither `-` nor `+`.
pub(super) fn strict(word: &[u8]) -> Result<EntryId, CommandError> {
    parse(word, 0)
}

/// Reads an ID, or `-` for the lowest or `+` for the highest.
pub(super) fn any(word: &[u8], missing_seq: u64) -> Result<EntryId, CommandError> {
    match word {
        b"-" => Ok(EntryId::MIN),
        b"+" => Ok(EntryId::MAX),
        word => parse(word, missing_seq),
    }
}

/// Reads the ID of a new entry.
pub(super) fn new(word: &[u8]) -> Result<(u64, Seq), CommandError> {
    match parts(word).ok_or(INVALID)? {
        (ms, Seq::Missing) => Ok((ms, Seq::Given(0))),
        parts => Ok(parts),
    }
}

/// Reads IDs.
pub(super) fn all<'w>(words: impl Iterator<Item = &'w [u8]>) -> Result<Vec<EntryId>, CommandError> {
    words.map(strict).collect()
}

/// Reads the start of a range.
pub(super) fn start(word: &[u8]) -> Result<EntryId, CommandError> {
    match word {
        [b'(', id @ ..] if !id.is_empty() => {
            parse(id, 0)?.next().ok_or("ERR invalid start ID for the interval".into())
        }
        word => any(word, 0),
    }
}

/// Reads the end of a range.
fn end(word: &[u8]) -> Result<EntryId, CommandError> {
    match word {
        [b'(', id @ ..] if !id.is_empty() => {
            parse(id, u64::MAX)?.previous().ok_or("ERR invalid end ID for the interval".into())
        }
        word => any(word, u64::MAX),
    }
}

/// Reads a range.
pub(super) fn range(first: &[u8], last: &[u8]) -> Result<IdRange, CommandError> {
    Ok(IdRange { first: start(first)?, last: end(last)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_that_c_reads() {
        let max = u64::MAX.to_string();
        for (word, expected) in [
            ("0", Some(0)),
            ("007", Some(7)),
            (" 7", Some(7)),
            ("+7", Some(7)),
            ("-7", None),
            ("-07", Some(u64::MAX - 6)),
            ("-0", Some(0)),
            ("7 ", None),
            ("", None),
            ("+", None),
            ("7x", None),
            ("18446744073709551616", None),
            (max.as_str(), Some(u64::MAX)),
        ] {
            assert_eq!(number(word.as_bytes()), expected, "{word}");
        }
    }

    #[test]
    fn ids_have_one_or_two_parts() {
        let id = |ms, seq| Some(EntryId { ms, seq });
        let parsed = |word: &str| parse(word.as_bytes(), 9).ok();
        assert_eq!((parsed("5-3"), parsed("5")), (id(5, 3), id(5, 9)));
        for word in ["", "-", "+", "5-", "-5", "5-3-1", "5-*", "*", "a-1"] {
            assert_eq!(parsed(word), None, "{word}");
        }
        assert_eq!(new(b"5-*").ok(), Some((5, Seq::Auto)));
        assert_eq!(new(b"5").ok(), Some((5, Seq::Given(0))));
        assert_eq!(
            range(b"(5-3", b"(5").ok(),
            Some(IdRange { first: EntryId { ms: 5, seq: 4 }, last: EntryId { ms: 5, seq: u64::MAX - 1 } })
        );
        assert!(range(b"(-", b"+").is_err() && range(b"-", b"(0-0").is_err());
    }
}
