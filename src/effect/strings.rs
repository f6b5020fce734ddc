//! Changes of strings.
//!
//! ```text
//!  20   Set                          db key value
//!  21   Set, with an expiry          db key expiry value
//!  22   Set, raw                     db key value
//!  23   Set, raw, with an expiry     db key expiry value
//!  24   Append                       db key value
//!  25   SetRange                     db key offset value
//! ```

use super::family::Family;
use super::input::{EffectError, Input};
use super::sink::{Sink, put_bytes, put_expiry, put_varint};

const SET: u8 = 0x20;
const SET_EXPIRING: u8 = 0x21;
const SET_RAW: u8 = 0x22;
const SET_RAW_EXPIRING: u8 = 0x23;
const APPEND: u8 = 0x24;
const SET_RANGE: u8 = 0x25;
pub(super) const FIRST: u8 = SET;
pub(super) const LAST: u8 = SET_RANGE;

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
}

impl StringChange<'_> {
    /// The names of these changes.
    pub const NAMES: &'static [&'static str] = &["set", "append", "setrange"];

    /// The change's name, in lower case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Set { .. } => "set",
            Self::Append { .. } => "append",
            Self::SetRange { .. } => "setrange",
        }
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
            unknown => return Err(input.unknown(unknown)),
        })
    }

    fn value(&self) -> Option<&'a [u8]> {
        match *self {
            Self::Set { value, .. } | Self::Append { value } | Self::SetRange { value, .. } => Some(value),
        }
    }

    fn place(&self) -> Option<u64> {
        match *self {
            Self::SetRange { offset, .. } => Some(offset),
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

    /// One change of each kind, with its bytes in database 1 at the key `k`.
    pub fn golden() -> Vec<(StringChange<'static>, &'static str)> {
        let (value, expiry) = (b"value".as_slice(), Some(0x0102_0304_0506_0708));
        vec![
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
