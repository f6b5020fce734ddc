//! What a blocking command waits for: which keys, and for how long.
//!
//! If there is data, a blocking command takes it like any other command. If there is none, it returns a [`Wait`]
//! instead of a reply, and the writer runs it again when one of the keys may hold data. In a transaction it does not
//! wait, but replies as if it had timed out.

use super::CommandError;
use crate::keyspace::Kind;
use crate::number::Extended;

/// What a command waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The type that a key must have to end the wait.
    pub kind: Kind,
    /// The keys.
    pub keys: Box<[Box<[u8]>]>,
    /// The timeout in milliseconds; `None`: no timeout.
    pub timeout_ms: Option<u64>,
    /// Number of elements that it takes at most.
    pub takes: u64,
    /// The group that reads, if one does. Such a command also runs again when a key is deleted or gets another type. If one
    /// of a group finds nothing in a key, the others of the group find nothing either.
    pub group: Option<Box<[u8]>>,
    /// What it claims in the group, if it does.
    pub claims: Option<Claims>,
    /// Words to be replaced when the command runs again: what they mean was decided when it arrived.
    pub settled: Vec<(usize, Box<[u8]>)>,
}

/// Pending entries that a command claims. It runs again when it may get some, also if no key changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Those that were delivered at least so many milliseconds ago.
    pub min_idle_ms: u64,
    /// When the first of them will be, in milliseconds since 1970.
    pub from_ms: u64,
}

/// The most elements that are taken in microseconds.
const QUICK_TAKES_MAX: u64 = 64;

impl Wait {
    /// Whether the command takes microseconds when it runs again, however much there is.
    pub fn is_quick(&self) -> bool {
        self.takes <= QUICK_TAKES_MAX
    }

    /// A wait until one of the keys holds a value of the type.
    pub(super) fn new<'k>(
        kind: Kind,
        keys: impl Iterator<Item = &'k [u8]>,
        timeout_ms: Option<u64>,
        takes: u64,
    ) -> Self {
        Self {
            kind,
            keys: keys.map(Into::into).collect(),
            timeout_ms,
            takes,
            group: None,
            claims: None,
            settled: Vec::new(),
        }
    }
}

/// Parses a timeout in seconds; returns milliseconds, or `None` for 0, which means no timeout.
pub(super) fn timeout_ms(word: &[u8]) -> Result<Option<u64>, CommandError> {
    let no_float = CommandError::from("ERR timeout is not a float or out of range");
    let seconds = Extended::parse(word).ok_or(no_float)?;
    let timeout_ms = match seconds.times_rounded_up(1000) {
        None if word.starts_with(b"-") => -1,
        timeout_ms => timeout_ms.ok_or(CommandError::from("ERR timeout is out of range"))?,
    };
    let timeout_ms = u64::try_from(timeout_ms).map_err(|_| CommandError::from("ERR timeout is negative"))?;
    Ok((timeout_ms > 0).then_some(timeout_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_a_number_of_seconds() {
        let of = |word: &str| timeout_ms(word.as_bytes()).map_err(|error| error.to_string());
        assert_eq!(of("0"), Ok(None));
        assert_eq!(of("1"), Ok(Some(1000)));
        assert_eq!(of("0.0001"), Ok(Some(1)));
        assert_eq!(of("1.0005"), Ok(Some(1001)));
        assert_eq!(of("-0.0001"), Ok(None));
        assert_eq!(of("0x1p-4"), Ok(Some(63)));
        assert_eq!(of("9223372036854775"), Ok(Some(9_223_372_036_854_775_000)));
        for word in ["-1", "-inf", "-0.002"] {
            assert_eq!(of(word), Err("ERR timeout is negative".into()), "{word}");
        }
        for word in ["inf", "1e400", "9223372036854776"] {
            assert_eq!(of(word), Err("ERR timeout is out of range".into()), "{word}");
        }
        for word in ["", "abc", "nan", " 1", "1 "] {
            assert_eq!(of(word), Err("ERR timeout is not a float or out of range".into()), "{word}");
        }
    }
}
