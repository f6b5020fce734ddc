//! The kinds of values of directives: how each is read, checked and written.
//!
//! A value arrives as the words of one line. Words are bytes: a path or a password may be in any encoding. A value that
//! is written reads back as the same value: `parse(format(v)) == v`, which a test checks for every directive. The error
//! texts are those that Redis's clients know.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::time::Duration;

use super::lines::Word;
use super::password::Password;
use crate::keyspace::Classes;
use crate::number::parse_i64;

/// Checks a value and returns it in the form in which it is shown.
pub type Check = fn(&[Word]) -> Result<Word, String>;

/// The kind of a directive's value, and its limits, both inclusive.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `yes` or `no`.
    YesNo,
    /// A whole number.
    Integer {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// A whole number, not below 0. If it is out of range, the nearest possible one is used.
    Hint {
        /// The smallest possible.
        min: i64,
        /// The largest possible.
        max: i64,
    },
    /// A number of bytes: `1048576`, `1k` (1000), `1kb` (1024), `64mb`, `1gb`, `1tb`.
    Bytes {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// A number of bytes. The nearest possible one is used: in whole `unit`s, and not above `most`.
    Size {
        /// The smallest.
        min: u64,
        /// The largest that may be configured.
        max: u64,
        /// The largest possible.
        most: u64,
        /// The value in force is a multiple of this.
        unit: u64,
    },
    /// A length of time. A bare number counts `unit`s; `100ms`, `30s`, `15m`, `2h` and `1d` have their own unit. The
    /// value in force is in whole `unit`s. A short time is rounded up, so that a limit does not become "never".
    Time {
        /// The unit of a bare number, and of the value that is shown.
        unit: TimeUnit,
        /// The shortest, in `unit`s.
        min: u64,
        /// The longest, in `unit`s.
        max: u64,
    },
    /// Permissions of a file, in octal: `700`.
    Permissions,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Any text; one word, quoted if it has spaces.
    Text,
    /// Several words.
    Words,
    /// Words that are checked by a function.
    Checked(Check),
    /// A password, kept and written as its digest, and never shown.
    Secret,
}

/// The unit of a bare number of a [`Kind::Time`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// Thousandths of a second.
    Milliseconds,
    /// Seconds.
    Seconds,
}

impl TimeUnit {
    /// Milliseconds in one unit.
    const fn millis(self) -> u64 {
        match self {
            TimeUnit::Milliseconds => 1,
            TimeUnit::Seconds => 1000,
        }
    }
}

impl Kind {
    /// Description of a value of this kind for the help: `bytes`, `seconds`, `yes|no` ...
    pub fn describe(&self) -> String {
        match self {
            Kind::YesNo => "yes|no".into(),
            Kind::Integer { min, max } if *max == i64::MAX => format!("number, {min} or more"),
            Kind::Integer { min, max } | Kind::Hint { min, max } => format!("number, {min} to {max}"),
            Kind::Bytes { min: 0, max: u64::MAX } => "bytes".into(),
            Kind::Bytes { min, max: u64::MAX } => format!("bytes, {} or more", bytes_text(*min)),
            Kind::Bytes { min, max } | Kind::Size { min, most: max, .. } => {
                format!("bytes, {} to {}", bytes_text(*min), bytes_text(*max))
            }
            Kind::Time { unit: TimeUnit::Milliseconds, .. } => "milliseconds, or 30s, 15m, 2h".into(),
            Kind::Time { unit: TimeUnit::Seconds, .. } => "seconds, or 100ms, 15m, 2h".into(),
            Kind::Permissions => "octal permissions".into(),
            Kind::OneOf(words) => words.join("|"),
            Kind::Text => "text".into(),
            Kind::Words | Kind::Checked(_) => "words".into(),
            Kind::Secret => "text, or sha256:<64 hex digits>".into(),
        }
    }
}

/// A type that a directive's value can have.
pub trait Setting: Sized {
    /// Parses the words of a line. The error is the text for the client or the operator.
    fn parse(words: &[Word], kind: &Kind) -> Result<Self, String>;

    /// Applies the words of a line, which may set only a part of the value.
    fn update(&mut self, words: &[Word], kind: &Kind) -> Result<(), String> {
        *self = Self::parse(words, kind)?;
        Ok(())
    }

    /// The value as `CONFIG GET` shows it.
    fn format(&self, kind: &Kind) -> Word;

    /// The value as it is written in a file: quoted if necessary.
    fn write(&self, kind: &Kind) -> Word {
        super::lines::quote(&self.format(kind))
    }
}

/// The only word of a line.
pub(super) fn one(words: &[Word]) -> Result<&[u8], String> {
    match words {
        [word] => Ok(word),
        _ => Err("wrong number of arguments".into()),
    }
}

/// The only word of a line, as text. Bytes that are not text become a text that no value matches.
fn text(words: &[Word]) -> Result<String, String> {
    Ok(String::from_utf8_lossy(one(words)?).into_owned())
}

/// A whole number, written as Redis writes it: no sign but `-`, no leading zeros.
fn whole(words: &[Word]) -> Result<i64, String> {
    parse_i64(one(words)?).ok_or_else(|| "argument couldn't be parsed into an integer".to_string())
}

impl Setting for bool {
    fn parse(words: &[Word], _: &Kind) -> Result<Self, String> {
        match one(words)? {
            word if word.eq_ignore_ascii_case(b"yes") => Ok(true),
            word if word.eq_ignore_ascii_case(b"no") => Ok(false),
            _ => Err("argument must be 'yes' or 'no'".into()),
        }
    }

    fn format(&self, _: &Kind) -> Word {
        if *self { "yes" } else { "no" }.into()
    }
}

impl Setting for i64 {
    fn parse(words: &[Word], kind: &Kind) -> Result<Self, String> {
        let (min, max, possible) = match *kind {
            Kind::Integer { min, max } => (min, max, min..=max),
            Kind::Hint { min, max } => (0, i64::from(i32::MAX), min..=max),
            _ => unreachable!("an i64 is an Integer or a Hint"),
        };
        let value = whole(words)?;
        if (min..=max).contains(&value) {
            Ok(value.clamp(*possible.start(), *possible.end()))
        } else {
            Err(format!("argument must be between {min} and {max} inclusive"))
        }
    }

    fn format(&self, _: &Kind) -> Word {
        self.to_string().into()
    }
}

impl Setting for u64 {
    fn parse(words: &[Word], kind: &Kind) -> Result<Self, String> {
        let (min, max, most, unit) = match *kind {
            Kind::Bytes { min, max } => (min, max, max, 1),
            Kind::Size { min, max, most, unit } => (min, max, most, unit),
            _ => return Ok(i64::parse(words, kind)?.cast_unsigned()),
        };
        let value = parse_bytes(&text(words)?).ok_or("argument must be a memory value")?;
        if (min..=max).contains(&value) {
            Ok(value.min(most).next_multiple_of(unit))
        } else {
            Err(format!("argument must be between {min} and {max} inclusive"))
        }
    }

    fn format(&self, _: &Kind) -> Word {
        self.to_string().into()
    }
}

/// Number types that are narrower than the type in which the limits of their [`Kind`] are checked.
macro_rules! narrow_settings {
    ($($type:ty => $wide:ty),+) => {
        $(impl Setting for $type {
            fn parse(words: &[Word], kind: &Kind) -> Result<Self, String> {
                <$wide>::parse(words, kind)?.try_into().map_err(|_| "argument is out of range".to_string())
            }

            fn format(&self, _: &Kind) -> Word {
                self.to_string().into()
            }
        })+
    };
}
narrow_settings!(u16 => i64, u32 => i64, usize => u64);

impl Setting for Duration {
    fn parse(words: &[Word], kind: &Kind) -> Result<Self, String> {
        let Kind::Time { unit, min, max } = *kind else { unreachable!("a Duration is a Time") };
        let word = text(words)?;
        let word = word.as_str();
        let (number, factor) = match word.find(|letter: char| letter.is_ascii_alphabetic()) {
            None => (word, unit.millis()),
            Some(at) => {
                let suffix = word[at..].to_ascii_lowercase();
                let factor =
                    time_suffix_millis(&suffix).ok_or("argument couldn't be parsed into an integer")?;
                (&word[..at], factor)
            }
        };
        let number = whole(&[number.into()])?;
        let millis = u64::try_from(number).ok().and_then(|number| number.checked_mul(factor));
        match millis {
            Some(millis) if millis / unit.millis() >= min && millis <= max.saturating_mul(unit.millis()) => {
                Ok(Duration::from_millis(millis.next_multiple_of(unit.millis())))
            }
            _ => Err(format!("argument must be between {min} and {max} inclusive")),
        }
    }

    fn format(&self, kind: &Kind) -> Word {
        let Kind::Time { unit, .. } = *kind else { unreachable!("a Duration is a Time") };
        (self.as_millis() as u64 / unit.millis()).to_string().into()
    }
}

/// Milliseconds in one unit with this suffix.
fn time_suffix_millis(suffix: &str) -> Option<u64> {
    Some(match suffix {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    })
}

impl Setting for Classes {
    fn parse(words: &[Word], _: &Kind) -> Result<Self, String> {
        Classes::parse(&text(words)?)
            .ok_or_else(|| "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.".to_string())
    }

    fn format(&self, _: &Kind) -> Word {
        self.text().into()
    }
}

/// A file's permission bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions(pub u32);

impl Setting for Permissions {
    fn parse(words: &[Word], _: &Kind) -> Result<Self, String> {
        match u32::from_str_radix(&text(words)?, 8) {
            Ok(bits) if bits <= 0o777 => Ok(Permissions(bits)),
            _ => Err("argument must be octal permissions, such as 700".into()),
        }
    }

    fn format(&self, _: &Kind) -> Word {
        format!("{:o}", self.0).into()
    }
}

/// These bytes as a path.
pub(super) fn path_of(bytes: &[u8]) -> PathBuf {
    OsString::from_vec(bytes.to_vec()).into()
}

/// An empty text means that there is no path.
impl Setting for Option<PathBuf> {
    fn parse(words: &[Word], _: &Kind) -> Result<Self, String> {
        let path = one(words)?;
        Ok((!path.is_empty()).then(|| path_of(path)))
    }

    fn format(&self, _: &Kind) -> Word {
        self.as_ref().map(|path| path.as_os_str().as_bytes().to_vec()).unwrap_or_default()
    }
}

impl Setting for PathBuf {
    fn parse(words: &[Word], _: &Kind) -> Result<Self, String> {
        match one(words)? {
            b"" => Err("argument must be a path".into()),
            path => Ok(path_of(path)),
        }
    }

    fn format(&self, _: &Kind) -> Word {
        self.as_os_str().as_bytes().to_vec()
    }
}

impl Setting for Vec<String> {
    fn parse(words: &[Word], _: &Kind) -> Result<Self, String> {
        let text = |word: &Word| {
            String::from_utf8(word.clone()).map_err(|_| "argument must be UTF-8 text".to_string())
        };
        let words: Vec<String> = words.iter().map(text).collect::<Result<_, _>>()?;
        Ok(words.iter().flat_map(|word| word.split_ascii_whitespace()).map(str::to_string).collect())
    }

    fn format(&self, _: &Kind) -> Word {
        self.join(" ").into()
    }

    fn write(&self, kind: &Kind) -> Word {
        if self.is_empty() { b"\"\"".into() } else { self.format(kind) }
    }
}

impl Setting for Password {
    fn parse(words: &[Word], _: &Kind) -> Result<Self, String> {
        Ok(Password::from_bytes(one(words)?))
    }

    fn format(&self, _: &Kind) -> Word {
        self.masked().into()
    }

    fn write(&self, _: &Kind) -> Word {
        super::lines::quote(self.digest_text().as_bytes())
    }
}

/// Parses a number of bytes as Redis does, where a missing number is 0. `k`, `m`, `g`, `t` are powers of 1000; `kb`,
/// `mb`, `gb`, `tb` are powers of 1024.
pub fn parse_bytes(text: &str) -> Option<u64> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = if digits == 0 { 0 } else { text[..digits].parse().ok()? };
    let factor: u64 = match text[digits..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        "t" => 1_000_000_000_000,
        "tb" => 1 << 40,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// A number of bytes for people: in the largest 1024-unit that divides it.
pub fn bytes_text(bytes: u64) -> String {
    for (unit, shift) in [("tb", 40), ("gb", 30), ("mb", 20), ("kb", 10)] {
        if bytes != 0 && bytes.trailing_zeros() >= shift {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    bytes.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Word> {
        vec![text.into()]
    }

    #[test]
    fn sizes_tell_thousands_from_1024s() {
        for (text, bytes) in [
            ("0", 0),
            ("", 0),
            ("kb", 0),
            ("05", 5),
            ("1k", 1000),
            ("1kb", 1024),
            ("2MB", 2 << 20),
            ("1g", 1_000_000_000),
            ("3tb", 3 << 40),
        ] {
            assert_eq!(parse_bytes(text), Some(bytes), "{text}");
        }
        for text in ["-1", "+5", "1zb", "1 kb", "99999999999tb", "1.5gb"] {
            assert_eq!(parse_bytes(text), None, "{text}");
        }
        assert_eq!(bytes_text(64 << 20), "64mb");
        assert_eq!(bytes_text(1000), "1000");
        assert_eq!(bytes_text(0), "0");
    }

    #[test]
    fn times_count_their_own_unit_unless_they_say_another() {
        let seconds = Kind::Time { unit: TimeUnit::Seconds, min: 0, max: 100_000 };
        for (text, millis) in
            [("5", 5000), ("100ms", 1000), ("1001ms", 2000), ("15m", 900_000), ("1d", 86_400_000)]
        {
            let time = Duration::parse(&words(text), &seconds).unwrap();
            assert_eq!(time.as_millis(), millis, "{text}");
            assert_eq!(Duration::parse(&[time.format(&seconds)], &seconds), Ok(time));
        }
        for text in ["", "x", "5 s", "-1", "2d", "1w", "99999999999999999999"] {
            assert!(Duration::parse(&words(text), &seconds).is_err(), "{text}");
        }
    }

    #[test]
    fn limits_are_named_in_the_refusal() {
        let kind = Kind::Integer { min: 1, max: 10 };
        assert_eq!(i64::parse(&words("0"), &kind), Err("argument must be between 1 and 10 inclusive".into()));
        for text in ["a", "", "+5", "05", "5 ", "1e3"] {
            let refusal = "argument couldn't be parsed into an integer";
            assert_eq!(i64::parse(&words(text), &kind), Err(refusal.into()), "{text}");
        }
        assert_eq!(i64::parse(&[], &kind), Err("wrong number of arguments".into()));
    }

    #[test]
    fn permissions_are_octal() {
        let parse = |text| Permissions::parse(&words(text), &Kind::Permissions);
        assert_eq!(parse("700"), Ok(Permissions(0o700)));
        assert!(parse("999").is_err());
        assert!(parse("7777").is_err());
    }
}
