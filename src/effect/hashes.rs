//! Changes of hashes.
//!
//! ```text
//!  40   Set                              db key items: field, value ...
//!  41   Set, with an expiry              db key expiry items: field, value ...
//!  42   Delete, by a command             db key items: field ...
//!  43   Delete, because it has passed    db key items: field ...
//!  44   Expire, at an expiry             db key expiry items: field ...
//!  45   Expire, never                    db key items: field ...
//! ```

use super::family::{Family, items_bytes};
use super::input::{EffectError, Input, MEMBER, PAIR};
use super::items::Items;
use super::sink::{Sink, put_expiry};

const SET: u8 = 0x40;
const SET_EXPIRING: u8 = 0x41;
const DELETE: u8 = 0x42;
const DELETE_EXPIRED: u8 = 0x43;
const EXPIRE_AT: u8 = 0x44;
const EXPIRE_NEVER: u8 = 0x45;
pub(super) const FIRST: u8 = SET;
pub(super) const LAST: u8 = EXPIRE_NEVER;

/// A change of a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashChange<'a> {
    /// Sets fields of a hash. Creates the hash if it is missing. The key's expiry stays.
    Set {
        /// Fields, each followed by its value.
        pairs: Items<'a>,
        /// When these fields expire, in milliseconds since 1970; `None` means never.
        expire_at_ms: Option<u64>,
    },
    /// Removes fields from a hash.
    Delete {
        /// The fields.
        fields: Items<'a>,
        /// Whether their expiry times had passed.
        expired: bool,
    },
    /// Sets the expiry of fields of a hash, or removes it.
    Expire {
        /// The fields.
        fields: Items<'a>,
        /// When they expire, in milliseconds since 1970; `None` means never.
        expire_at_ms: Option<u64>,
    },
}

impl HashChange<'_> {
    /// The names of these changes.
    pub const NAMES: &'static [&'static str] = &["hset", "hdel", "hexpired", "hexpire", "hpersist"];

    /// The change's name, in lower case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Set { .. } => "hset",
            Self::Delete { expired: false, .. } => "hdel",
            Self::Delete { expired: true, .. } => "hexpired",
            Self::Expire { expire_at_ms: Some(_), .. } => "hexpire",
            Self::Expire { expire_at_ms: None, .. } => "hpersist",
        }
    }
}

impl<'a> Family<'a> for HashChange<'a> {
    fn op(&self) -> u8 {
        match self {
            Self::Set { expire_at_ms: None, .. } => SET,
            Self::Set { expire_at_ms: Some(_), .. } => SET_EXPIRING,
            Self::Delete { expired: false, .. } => DELETE,
            Self::Delete { expired: true, .. } => DELETE_EXPIRED,
            Self::Expire { expire_at_ms: Some(_), .. } => EXPIRE_AT,
            Self::Expire { expire_at_ms: None, .. } => EXPIRE_NEVER,
        }
    }

    fn encode(&self, sink: &mut impl Sink) {
        match *self {
            Self::Set { pairs: items, expire_at_ms } | Self::Expire { fields: items, expire_at_ms } => {
                put_expiry(expire_at_ms, sink);
                items.put(sink);
            }
            Self::Delete { fields, expired: _ } => fields.put(sink),
        }
    }

    fn decode(op: u8, input: &mut Input<'a>) -> Result<Self, EffectError> {
        Ok(match op {
            SET | SET_EXPIRING => {
                let expire_at_ms = input.expiry(op == SET_EXPIRING)?;
                Self::Set { expire_at_ms, pairs: input.items(PAIR)? }
            }
            DELETE | DELETE_EXPIRED => {
                Self::Delete { expired: op == DELETE_EXPIRED, fields: input.items(MEMBER)? }
            }
            EXPIRE_AT | EXPIRE_NEVER => {
                let expire_at_ms = input.expiry(op == EXPIRE_AT)?;
                Self::Expire { expire_at_ms, fields: input.items(MEMBER)? }
            }
            unknown => return Err(input.unknown(unknown)),
        })
    }

    fn items(&self) -> Option<Items<'a>> {
        match *self {
            Self::Set { pairs: items, .. }
            | Self::Delete { fields: items, .. }
            | Self::Expire { fields: items, .. } => Some(items),
        }
    }

    fn stored_bytes(&self) -> Option<u64> {
        match *self {
            Self::Set { pairs, .. } => Some(items_bytes(pairs)),
            Self::Delete { .. } | Self::Expire { .. } => None,
        }
    }

    fn expire_at_ms(&self) -> Option<u64> {
        match *self {
            Self::Set { expire_at_ms, .. } | Self::Expire { expire_at_ms, .. } => expire_at_ms,
            Self::Delete { .. } => None,
        }
    }

    fn elements(&self) -> u64 {
        match self {
            Self::Set { pairs, .. } => pairs.len() / 2,
            Self::Delete { fields, .. } | Self::Expire { fields, .. } => fields.len(),
        }
    }

    fn takes_out(&self) -> bool {
        matches!(self, Self::Delete { .. })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::HashChange::{self, *};
    use super::Items;

    /// One change of each kind, with its bytes in database 1 at the key `k`.
    pub fn golden() -> Vec<(HashChange<'static>, &'static str)> {
        let expiry = Some(0x0102_0304_0506_0708);
        let (pairs, fields) = (Items::checked(2, b"\x01f\x05value"), Items::checked(2, b"\x01f\0"));
        vec![
            (Set { pairs, expire_at_ms: None }, "40 01 01 6b 02 01 66 05 76 61 6c 75 65"),
            (
                Set { pairs, expire_at_ms: expiry },
                "41 01 01 6b 08 07 06 05 04 03 02 01 02 01 66 05 76 61 6c 75 65",
            ),
            (Delete { fields, expired: false }, "42 01 01 6b 02 01 66 00"),
            (Delete { fields, expired: true }, "43 01 01 6b 02 01 66 00"),
            (Expire { fields, expire_at_ms: expiry }, "44 01 01 6b 08 07 06 05 04 03 02 01 02 01 66 00"),
            (Expire { fields, expire_at_ms: None }, "45 01 01 6b 02 01 66 00"),
        ]
    }
}
