//! Changes of strings.
//!
//! ```text
//!  20   Set                          db key value
//!  21   Set, with an expiry          db key expiry value
//!  22   Set, raw                     db key value
//!  23   Set, raw, with an expiry     db key expiry value
//!  24   Append                       db key value
//!  25   SetRange                     db key offset value
//!  26   Combine, set in all          db key from_db offset count items: source ...
//!  27   Combine, set in any          db key from_db offset count items: source ...
//!  28   Combine, set in an odd number of them   db key from_db offset count items: source ...
//!  29   Combine, set in none         db key from_db offset count items: source ...
//!  2A   Combine, set only in the first          db key from_db offset count items: source ...
//!  2B   Combine, set in others, not the first   db key from_db offset count items: source ...
//!  2C   Combine, set in the first and another   db key from_db offset count items: source ...
//!  2D   Combine, set in exactly one             db key from_db offset count items: source ...
//! ```

use super::family::Family;
use super::input::{EffectError, Input, KEY, Reason};
use super::items::Items;
use super::limits::VALUE_BYTES_MAX;
use super::sink::{Sink, put_bytes, put_db, put_expiry, put_varint};

const SET: u8 = 0x20;
const SET_EXPIRING: u8 = 0x21;
const SET_RAW: u8 = 0x22;
const SET_RAW_EXPIRING: u8 = 0x23;
const APPEND: u8 = 0x24;
const SET_RANGE: u8 = 0x25;
pub(super) const FIRST: u8 = SET;
const COMBINE_ALL: u8 = 0x26;
const COMBINE_ANY: u8 = 0x27;
const COMBINE_ODD: u8 = 0x28;
const COMBINE_NONE: u8 = 0x29;
const COMBINE_ONLY_FIRST: u8 = 0x2A;
const COMBINE_NOT_FIRST: u8 = 0x2B;
const COMBINE_FIRST_AND_ANOTHER: u8 = 0x2C;
const COMBINE_ONE: u8 = 0x2D;
pub(super) const LAST: u8 = COMBINE_ONE;

/// A change of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StringChange<'a> {
    /// Sets the key to a string, whatever it was before.
    Set {
        /// The whole string.
        value: &'a [u8],
        /// When the key expires, in milliseconds since 1970; `None` means never.
        expire_at_ms: Option<u64>,
        /// Whether the string was built up piecemeal, which `OBJECT ENCODING` shows as `raw`.
        raw: bool,
    },
    /// Adds to the end of a string. Creates the string if it is missing. The expiry stays.
    Append {
        /// The bytes added.
        value: &'a [u8],
    },
    /// Overwrites part of a string. Creates it, or extends it with zeros, as needed. The expiry stays.
    SetRange {
        /// Offset of the bytes in the string.
        offset: u64,
        /// The bytes written.
        value: &'a [u8],
    },
    /// Adds bytes to the end of a string: bytes of other strings, combined. Creates the string if it is missing. The
    /// expiry stays. Other strings that are missing or too short count as zeros.
    Combine {
        /// Which bits are set.
        bits: Bits,
        /// Database of the other strings.
        from_db: usize,
        /// Their keys.
        sources: Items<'a>,
        /// Offset in them.
        offset: u64,
        /// Number of bytes.
        count: u64,
    },
}

/// Which bits of several strings are set in their combination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bits {
    /// Those set in all strings.
    All,
    /// Those set in any string.
    Any,
    /// Those set in an odd number of strings.
    Odd,
    /// Those not set in the first string, which is the only one.
    None,
    /// Those set in the first string and no other.
    OnlyFirst,
    /// Those set in any string, but not in the first.
    NotFirst,
    /// Those set in the first string and any other.
    FirstAndAnother,
    /// Those set in exactly one string.
    One,
}

impl StringChange<'_> {
    /// The names of these changes.
    pub const NAMES: &'static [&'static str] = &["set", "append", "setrange", "combine"];

    /// The change's name, in lower case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Set { .. } => "set",
            Self::Append { .. } => "append",
            Self::SetRange { .. } => "setrange",
            Self::Combine { .. } => "combine",
        }
    }
}

impl<'a> StringChange<'a> {
    /// Reads the fields of a combination.
    fn combine(bits: Bits, input: &mut Input<'a>) -> Result<Self, EffectError> {
        let (from_db, start) = (input.db()?, input.at);
        let (offset, count) = (input.varint()?, input.varint()?);
        if offset.checked_add(count).is_none_or(|end| end > VALUE_BYTES_MAX) {
            return Err(EffectError { offset: start, reason: Reason::ValueTooLong });
        }
        Ok(Self::Combine { bits, from_db, sources: input.items(KEY)?, offset, count })
    }
}

impl<'a> Family<'a> for StringChange<'a> {
    fn op(&self) -> u8 {
        match self {
            Self::Set { raw: false, expire_at_ms: None, .. } => SET,
            Self::Set { raw: false, expire_at_ms: Some(_), .. } => SET_EXPIRING,
            Self::Set { raw: true, expire_at_ms: None, .. } => SET_RAW,
            Self::Set { raw: true, expire_at_ms: Some(_), .. } => SET_RAW_EXPIRING,
            Self::Append { .. } => APPEND,
            Self::SetRange { .. } => SET_RANGE,
            Self::Combine { bits: Bits::All, .. } => COMBINE_ALL,
            Self::Combine { bits: Bits::Any, .. } => COMBINE_ANY,
            Self::Combine { bits: Bits::Odd, .. } => COMBINE_ODD,
            Self::Combine { bits: Bits::None, .. } => COMBINE_NONE,
            Self::Combine { bits: Bits::OnlyFirst, .. } => COMBINE_ONLY_FIRST,
            Self::Combine { bits: Bits::NotFirst, .. } => COMBINE_NOT_FIRST,
            Self::Combine { bits: Bits::FirstAndAnother, .. } => COMBINE_FIRST_AND_ANOTHER,
            Self::Combine { bits: Bits::One, .. } => COMBINE_ONE,
        }
    }

    fn encode(&self, sink: &mut impl Sink) {
        match *self {
            Self::Set { value, expire_at_ms, raw: _ } => {
                put_expiry(expire_at_ms, sink);
                put_bytes(value, sink);
            }
            Self::Append { value } => put_bytes(value, sink),
            Self::SetRange { offset, value } => {
                put_varint(offset, sink);
                put_bytes(value, sink);
            }
            Self::Combine { bits: _, from_db, sources, offset, count } => {
                put_db(from_db, sink);
                put_varint(offset, sink);
                put_varint(count, sink);
                sources.put(sink);
            }
        }
    }

    fn decode(op: u8, input: &mut Input<'a>) -> Result<Self, EffectError> {
        Ok(match op {
            SET | SET_EXPIRING | SET_RAW | SET_RAW_EXPIRING => {
                let expire_at_ms = input.expiry(matches!(op, SET_EXPIRING | SET_RAW_EXPIRING))?;
                let raw = matches!(op, SET_RAW | SET_RAW_EXPIRING);
                Self::Set { value: input.value(0)?, expire_at_ms, raw }
            }
            APPEND => Self::Append { value: input.value(0)? },
            SET_RANGE => {
                let offset = input.varint()?;
                Self::SetRange { offset, value: input.value(offset)? }
            }
            COMBINE_ALL => Self::combine(Bits::All, input)?,
            COMBINE_ANY => Self::combine(Bits::Any, input)?,
            COMBINE_ODD => Self::combine(Bits::Odd, input)?,
            COMBINE_NONE => Self::combine(Bits::None, input)?,
            COMBINE_ONLY_FIRST => Self::combine(Bits::OnlyFirst, input)?,
            COMBINE_NOT_FIRST => Self::combine(Bits::NotFirst, input)?,
            COMBINE_FIRST_AND_ANOTHER => Self::combine(Bits::FirstAndAnother, input)?,
            COMBINE_ONE => Self::combine(Bits::One, input)?,
            unknown => return Err(input.unknown(unknown)),
        })
    }

    fn value(&self) -> Option<&'a [u8]> {
        match *self {
            Self::Set { value, .. } | Self::Append { value } | Self::SetRange { value, .. } => Some(value),
            Self::Combine { .. } => None,
        }
    }

    fn items(&self) -> Option<Items<'a>> {
        match *self {
            Self::Combine { sources, .. } => Some(sources),
            _ => None,
        }
    }

    fn stored_bytes(&self) -> Option<u64> {
        match *self {
            Self::Combine { count, .. } => Some(count),
            _ => self.value().map(|value| value.len() as u64),
        }
    }

    fn place(&self) -> Option<u64> {
        match *self {
            Self::SetRange { offset, .. } | Self::Combine { offset, .. } => Some(offset),
            _ => None,
        }
    }

    fn count(&self) -> Option<u64> {
        match *self {
            Self::Combine { count, .. } => Some(count),
            _ => None,
        }
    }

    fn expire_at_ms(&self) -> Option<u64> {
        match *self {
            Self::Set { expire_at_ms, .. } => expire_at_ms,
            _ => None,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::StringChange::{self, *};
    use super::{Bits, Items};

    /// One change of each kind, with its bytes in database 1 at the key `k`.
    pub fn golden() -> Vec<(StringChange<'static>, &'static str)> {
        let (value, expiry) = (b"value".as_slice(), Some(0x0102_0304_0506_0708));
        let sources = Items::checked(2, b"\x01a\x01b");
        let combine = |bits| Combine { bits, from_db: 2, sources, offset: 300, count: 4 };
        vec![
            (combine(Bits::All), "26 01 01 6b 02 ac 02 04 02 01 61 01 62"),
            (combine(Bits::Any), "27 01 01 6b 02 ac 02 04 02 01 61 01 62"),
            (combine(Bits::Odd), "28 01 01 6b 02 ac 02 04 02 01 61 01 62"),
            (combine(Bits::None), "29 01 01 6b 02 ac 02 04 02 01 61 01 62"),
            (combine(Bits::OnlyFirst), "2a 01 01 6b 02 ac 02 04 02 01 61 01 62"),
            (combine(Bits::NotFirst), "2b 01 01 6b 02 ac 02 04 02 01 61 01 62"),
            (combine(Bits::FirstAndAnother), "2c 01 01 6b 02 ac 02 04 02 01 61 01 62"),
            (combine(Bits::One), "2d 01 01 6b 02 ac 02 04 02 01 61 01 62"),
            (Set { value, expire_at_ms: None, raw: false }, "20 01 01 6b 05 76 61 6c 75 65"),
            (
                Set { value, expire_at_ms: expiry, raw: false },
                "21 01 01 6b 08 07 06 05 04 03 02 01 05 76 61 6c 75 65",
            ),
            (Set { value, expire_at_ms: None, raw: true }, "22 01 01 6b 05 76 61 6c 75 65"),
            (
                Set { value, expire_at_ms: expiry, raw: true },
                "23 01 01 6b 08 07 06 05 04 03 02 01 05 76 61 6c 75 65",
            ),
            (Append { value }, "24 01 01 6b 05 76 61 6c 75 65"),
            (SetRange { offset: 300, value }, "25 01 01 6b ac 02 05 76 61 6c 75 65"),
        ]
    }
}
