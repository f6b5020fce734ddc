//! Parses arguments: keywords, integers, times.

use super::CommandError;
use crate::number::parse_i64;

/// Whether `word` is `keyword`, in any case.
pub(super) fn is(word: &[u8], keyword: &str) -> bool {
    word.eq_ignore_ascii_case(keyword.as_bytes())
}

/// Parses an integer.
pub(super) fn integer(word: &[u8]) -> Result<i64, CommandError> {
    parse_i64(word).ok_or(CommandError::NOT_AN_INTEGER)
}

/// Parses a count of elements; if it is negative, an element may be returned more than once.
pub(super) fn signed_count(word: &[u8]) -> Result<i64, CommandError> {
    let count = integer(word)?;
    if count == i64::MIN {
        return Err(
            format!("ERR value is out of range, value must between {} and {}", -i64::MAX, i64::MAX).into()
        );
    }
    Ok(count)
}

/// Parses the number of a database.
pub(super) fn database(word: &[u8], databases: usize) -> Result<usize, CommandError> {
    let number = integer(word)?;
    if i32::try_from(number).is_err() {
        return Err("ERR value is out of range, value must between -2147483648 and 2147483647".into());
    }
    usize::try_from(number).ok().filter(|&db| db < databases).ok_or(CommandError::DB_OUT_OF_RANGE)
}

/// The form of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimeForm {
    /// Milliseconds per unit: 1000 or 1.
    pub(super) unit_ms: i64,
    /// Whether it is relative to now; otherwise it is since 1970.
    pub(super) relative: bool,
}

impl TimeForm {
    /// Seconds from now.
    pub(super) const SECONDS: TimeForm = TimeForm { unit_ms: 1000, relative: true };
    /// Milliseconds from now.
    pub(super) const MILLIS: TimeForm = TimeForm { unit_ms: 1, relative: true };
    /// Seconds since 1970.
    pub(super) const AT_SECONDS: TimeForm = TimeForm { unit_ms: 1000, relative: false };
    /// Milliseconds since 1970.
    pub(super) const AT_MILLIS: TimeForm = TimeForm { unit_ms: 1, relative: false };

    /// The form of the time that follows the option `word` of `SET` and `GETEX`.
    pub(super) fn of_option(word: &[u8]) -> Option<Self> {
        let forms = [
            ("ex", Self::SECONDS),
            ("px", Self::MILLIS),
            ("exat", Self::AT_SECONDS),
            ("pxat", Self::AT_MILLIS),
        ];
        forms.into_iter().find(|(name, _)| is(word, name)).map(|(_, form)| form)
    }

    /// Converts `amount` to milliseconds since 1970; `None` if that overflows.
    pub(super) fn moment_ms(self, amount: i64, now_ms: u64) -> Option<i64> {
        let amount_ms = amount.checked_mul(self.unit_ms)?;
        let base_ms = if self.relative { i64::try_from(now_ms).ok()? } else { 0 };
        amount_ms.checked_add(base_ms)
    }

    /// Parses an expiry, which must be after 1970, for a command that stores a value with it.
    pub(super) fn expiry(self, word: &[u8], now_ms: u64, command: &str) -> Result<u64, CommandError> {
        let amount = integer(word)?;
        let moment_ms = if amount > 0 { self.moment_ms(amount, now_ms) } else { None };
        moment_ms
            .filter(|&moment_ms| moment_ms > 0)
            .map(|moment_ms| moment_ms as u64)
            .ok_or_else(|| invalid_expire(command))
    }
}

/// The error of an invalid time.
pub(super) fn invalid_expire(command: &str) -> CommandError {
    format!("ERR invalid expire time in '{command}' command").into()
}

/// The first 128 bytes of a word, for an error text.
pub(super) fn excerpt(word: &[u8]) -> String {
    String::from_utf8_lossy(&word[..word.len().min(128)]).into_owned()
}
