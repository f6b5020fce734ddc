//! The kinds of values that directives take: how each is read, checked and written.
//!
//! A value arrives as the words of one line. What reads it back gives the same value: `parse(format(v)) == v`, which a
//! test holds for every directive. The texts of refused values are those that Redis's clients know.

use std::path::PathBuf;
use std::time::Duration;

use super::password::Password;
use crate::keyspace::Classes;

/// What a directive's value looks like, and its limits, both inclusive.
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
    /// A whole number that is wished for, not below 0: the nearest possible one is taken.
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
    /// A length of time: a bare number counts `unit`s; `100ms`, `30s`, `15m`, `2h` and `1d` say their own.
    Time {
        /// What a bare number counts, and what the value is shown in.
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
    /// A password, kept and written as its digest, and never shown.
    Secret,
}

/// What a bare number of a [`Kind::Time`] counts.
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
    /// How a value of this kind is described to a person: `bytes`, `seconds`, `yes|no` ...
    pub fn describe(&self) -> String {
        match self {
            Kind::YesNo => "yes|no".into(),
            Kind::Integer { min, max } if *max == i64::MAX => format!("number, {min} or more"),
            Kind::Integer { min, max } | Kind::Hint { min, max } => format!("number, {min} to {max}"),
            Kind::Bytes { min: 0, max: u64::MAX } => "bytes".into(),
            Kind::Bytes { min, max: u64::MAX } => format!("bytes, {} or more", bytes_text(*min)),
            Kind::Bytes { min, max } => format!("bytes, {} to {}", bytes_text(*min), bytes_text(*max)),
            Kind::Time { unit: TimeUnit::Milliseconds, .. } => "milliseconds, or 30s, 15m, 2h".into(),
            Kind::Time { unit: TimeUnit::Seconds, .. } => "seconds, or 100ms, 15m, 2h".into(),
            Kind::Permissions => "octal permissions".into(),
            Kind::OneOf(words) => words.join("|"),
            Kind::Text => "text".into(),
            Kind::Words => "words".into(),
            Kind::Secret => "text, or sha256:<64 hex digits>".into(),
        }
    }
}

/// A type that a directive's value can have.
pub trait Setting: Sized {
    /// Reads the words of a line. The error is the text that a client or a person gets.
    fn parse(words: &[String], kind: &Kind) -> Result<Self, String>;

    /// Takes the words of a line, which may say something of a part of the value only.
    fn update(&mut self, words: &[String], kind: &Kind) -> Result<(), String> {
        *self = Self::parse(words, kind)?;
        Ok(())
    }

    /// The value as `CONFIG GET` shows it.
    fn format(&self, kind: &Kind) -> String;

    /// The value as it stands in a file: quoted where it must be.
    fn write(&self, kind: &Kind) -> String {
        super::lines::quote(&self.format(kind))
    }
}

/// The only word of a line that takes one.
fn one(words: &[String]) -> Result<&str, String> {
    match words {
        [word] => Ok(word),
        _ => Err("wrong number of arguments".into()),
    }
}

impl Setting for bool {
    fn parse(words: &[String], _: &Kind) -> Result<Self, String> {
        match one(words)? {
            word if word.eq_ignore_ascii_case("yes") => Ok(true),
            word if word.eq_ignore_ascii_case("no") => Ok(false),
            _ => Err("argument must be 'yes' or 'no'".into()),
        }
    }

    fn format(&self, _: &Kind) -> String {
        if *self { "yes" } else { "no" }.into()
    }
}

impl Setting for i64 {
    fn parse(words: &[String], kind: &Kind) -> Result<Self, String> {
        let (min, max, possible) = match *kind {
            Kind::Integer { min, max } => (min, max, min..=max),
            Kind::Hint { min, max } => (0, i64::from(i32::MAX), min..=max),
            _ => unreachable!("an i64 is an Integer or a Hint"),
        };
        let value: i64 =
            one(words)?.parse().map_err(|_| "argument couldn't be parsed into an integer".to_string())?;
        if (min..=max).contains(&value) {
            Ok(value.clamp(*possible.start(), *possible.end()))
        } else {
            Err(format!("argument must be between {min} and {max} inclusive"))
        }
    }

    fn format(&self, _: &Kind) -> String {
        self.to_string()
    }
}

impl Setting for u64 {
    fn parse(words: &[String], kind: &Kind) -> Result<Self, String> {
        match *kind {
            Kind::Bytes { min, max } => {
                let value = parse_bytes(one(words)?).ok_or("argument must be a memory value")?;
                if (min..=max).contains(&value) {
                    Ok(value)
                } else {
                    Err(format!("argument must be between {min} and {max} inclusive"))
                }
            }
            _ => Ok(i64::parse(words, kind)?.cast_unsigned()),
        }
    }

    fn format(&self, _: &Kind) -> String {
        self.to_string()
    }
}

/// Number types that are narrower than what their [`Kind`]'s limits are checked in.
macro_rules! narrow_settings {
    ($($type:ty => $wide:ty),+) => {
        $(impl Setting for $type {
            fn parse(words: &[String], kind: &Kind) -> Result<Self, String> {
                <$wide>::parse(words, kind)?.try_into().map_err(|_| "argument is out of range".to_string())
            }

            fn format(&self, _: &Kind) -> String {
                self.to_string()
            }
        })+
    };
}
narrow_settings!(u16 => i64, u32 => i64, usize => u64);

impl Setting for Duration {
    fn parse(words: &[String], kind: &Kind) -> Result<Self, String> {
        let Kind::Time { unit, min, max } = *kind else { unreachable!("a Duration is a Time") };
        let word = one(words)?;
        let (number, factor) = match word.find(|letter: char| letter.is_ascii_alphabetic()) {
            None => (word, unit.millis()),
            Some(at) => {
                let suffix = word[at..].to_ascii_lowercase();
                let factor = time_suffix_millis(&suffix)
                    .ok_or("argument must be a time, such as 100ms, 30s or 15m")?;
                (&word[..at], factor)
            }
        };
        let number: i64 =
            number.parse().map_err(|_| "argument couldn't be parsed into an integer".to_string())?;
        let millis = u64::try_from(number).ok().and_then(|number| number.checked_mul(factor));
        match millis {
            Some(millis) if millis / unit.millis() >= min && millis <= max.saturating_mul(unit.millis()) => {
                Ok(Duration::from_millis(millis))
            }
            _ => Err(format!("argument must be between {min} and {max} inclusive")),
        }
    }

    fn format(&self, kind: &Kind) -> String {
        let Kind::Time { unit, .. } = *kind else { unreachable!("a Duration is a Time") };
        let millis = self.as_millis() as u64;
        if millis.is_multiple_of(unit.millis()) {
            (millis / unit.millis()).to_string()
        } else {
            format!("{millis}ms")
        }
    }
}

/// Milliseconds in one of what `suffix` names.
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
    fn parse(words: &[String], _: &Kind) -> Result<Self, String> {
        Classes::parse(one(words)?)
            .ok_or_else(|| "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.".to_string())
    }

    fn format(&self, _: &Kind) -> String {
        self.text()
    }
}

/// A file's permission bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions(pub u32);

impl Setting for Permissions {
    fn parse(words: &[String], _: &Kind) -> Result<Self, String> {
        match u32::from_str_radix(one(words)?, 8) {
            Ok(bits) if bits <= 0o777 => Ok(Permissions(bits)),
            _ => Err("argument must be octal permissions, such as 700".into()),
        }
    }

    fn format(&self, _: &Kind) -> String {
        format!("{:o}", self.0)
    }
}

impl Setting for String {
    fn parse(words: &[String], _: &Kind) -> Result<Self, String> {
        Ok(one(words)?.to_string())
    }

    fn format(&self, _: &Kind) -> String {
        self.clone()
    }
}

/// An empty text means that there is no path.
impl Setting for Option<PathBuf> {
    fn parse(words: &[String], _: &Kind) -> Result<Self, String> {
        let path = one(words)?;
        Ok((!path.is_empty()).then(|| path.into()))
    }

    fn format(&self, _: &Kind) -> String {
        self.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
    }
}

impl Setting for PathBuf {
    fn parse(words: &[String], _: &Kind) -> Result<Self, String> {
        match one(words)? {
            "" => Err("argument must be a path".into()),
            path => Ok(path.into()),
        }
    }

    fn format(&self, _: &Kind) -> String {
        self.display().to_string()
    }
}

impl Setting for Vec<String> {
    fn parse(words: &[String], _: &Kind) -> Result<Self, String> {
        Ok(words.iter().flat_map(|word| word.split_ascii_whitespace()).map(str::to_string).collect())
    }

    fn format(&self, _: &Kind) -> String {
        self.join(" ")
    }

    fn write(&self, kind: &Kind) -> String {
        if self.is_empty() { "\"\"".into() } else { self.format(kind) }
    }
}

impl Setting for Password {
    fn parse(words: &[String], _: &Kind) -> Result<Self, String> {
        Ok(Password::from_text(one(words)?))
    }

    fn format(&self, _: &Kind) -> String {
        self.masked().into()
    }

    fn write(&self, _: &Kind) -> String {
        super::lines::quote(&self.digest_text())
    }
}

/// Reads a number of bytes, as Redis does: `k`, `m`, `g`, `t` count thousands, `kb`, `mb`, `gb`, `tb` count 1024s.
pub fn parse_bytes(text: &str) -> Option<u64> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
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

/// A number of bytes for a person: the largest 1024-unit that divides it.
pub fn bytes_text(bytes: u64) -> String {
    for (unit, shift) in [("tb", 40), ("gb", 30), ("mb", 20), ("kb", 10)] {
        if bytes != 0 && bytes.trailing_zeros() >= shift {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    bytes.to_string()
}

/// Declares an enum whose values have names in the configuration.
macro_rules! choice {
    ($(#[$meta:meta])* $type:ident { $($(#[$variant_meta:meta])* $variant:ident = $name:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $type { $($(#[$variant_meta])* $variant),+ }

        impl $type {
            /// The names of the values, in order.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// The name of this value.
            pub fn name(self) -> &'static str {
                match self { $($type::$variant => $name),+ }
            }
        }

        impl Setting for $type {
            fn parse(words: &[String], _: &Kind) -> Result<Self, String> {
                match one(words)?.to_ascii_lowercase().as_str() {
                    $($name => Ok($type::$variant),)+
                    _ => Err(format!("argument(s) must be one of the following: {}", Self::NAMES.join(", "))),
                }
            }

            fn format(&self, _: &Kind) -> String {
                self.name().into()
            }
        }
    };
}

choice! {
    /// How much is logged; each level includes those after it.
    LogLevel {
        /// Everything, for developers.
        Debug = "debug",
        /// Each connection too.
        Verbose = "verbose",
        /// What an operator wants to know.
        Notice = "notice",
        /// Only what needs attention.
        Warning = "warning",
        /// Nothing at all.
        Nothing = "nothing",
    }
}

choice! {
    /// The shape of a line of the log.
    LogFormat {
        /// `text` on a terminal, `logfmt` elsewhere.
        Auto = "auto",
        /// For people.
        Text = "text",
        /// `key=value` pairs.
        Logfmt = "logfmt",
        /// One JSON object a line.
        Json = "json",
    }
}

choice! {
    /// How the log is written and synced.
    WalMethod {
        /// Direct if the file system allows it, else buffered.
        Auto = "auto",
        /// Writes that bypass the page cache and are durable when they return.
        Direct = "direct",
        /// Writes through the page cache, each group followed by a sync.
        Buffered = "buffered",
    }
}

choice! {
    /// Who started the server and waits to hear that it is ready.
    Supervised {
        /// Nobody.
        No = "no",
        /// systemd, told through the socket that `NOTIFY_SOCKET` names.
        Systemd = "systemd",
        /// systemd if `NOTIFY_SOCKET` is set, else nobody.
        Auto = "auto",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        vec![text.to_string()]
    }

    #[test]
    fn sizes_tell_thousands_from_1024s() {
        for (text, bytes) in
            [("0", 0), ("1k", 1000), ("1kb", 1024), ("2MB", 2 << 20), ("1g", 1_000_000_000), ("3tb", 3 << 40)]
        {
            assert_eq!(parse_bytes(text), Some(bytes), "{text}");
        }
        for text in ["", "k", "-1", "1zb", "1 kb", "99999999999tb", "1.5gb"] {
            assert_eq!(parse_bytes(text), None, "{text}");
        }
        assert_eq!(bytes_text(64 << 20), "64mb");
        assert_eq!(bytes_text(1000), "1000");
        assert_eq!(bytes_text(0), "0");
    }

    #[test]
    fn times_count_their_own_unit_unless_they_say_another() {
        let seconds = Kind::Time { unit: TimeUnit::Seconds, min: 0, max: 100_000 };
        for (text, millis) in [("5", 5000), ("100ms", 100), ("15m", 900_000), ("1d", 86_400_000)] {
            let time = Duration::parse(&words(text), &seconds).unwrap();
            assert_eq!(time.as_millis(), millis, "{text}");
            assert_eq!(Duration::parse(&words(&time.format(&seconds)), &seconds), Ok(time));
        }
        for text in ["", "x", "5 s", "-1", "2d", "1w", "99999999999999999999"] {
            assert!(Duration::parse(&words(text), &seconds).is_err(), "{text}");
        }
    }

    #[test]
    fn limits_are_named_in_the_refusal() {
        let kind = Kind::Integer { min: 1, max: 10 };
        assert_eq!(i64::parse(&words("0"), &kind), Err("argument must be between 1 and 10 inclusive".into()));
        assert_eq!(i64::parse(&words("a"), &kind), Err("argument couldn't be parsed into an integer".into()));
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
