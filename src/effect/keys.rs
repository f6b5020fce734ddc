//! Changes of keys of any type.
//!
//! ```text
//!  01   Delete, by a command                  db key
//!  02   Delete, because the expiry passed     db key
//!  03   Expire, at an expiry                  db key expiry
//!  04   Expire, never                         db key
//!  05   Rename                                db key to
//!  06   Copy                                  db key to_db to
//!  07   Move                                  db key to_db
//! ```

use super::family::Family;
use super::input::{EffectError, Input};
use super::sink::{Sink, put_bytes, put_db, put_expiry, put_key};

const DELETE: u8 = 0x01;
const DELETE_EXPIRED: u8 = 0x02;
const EXPIRE_AT: u8 = 0x03;
const EXPIRE_NEVER: u8 = 0x04;
const RENAME: u8 = 0x05;
const COPY: u8 = 0x06;
const MOVE: u8 = 0x07;
pub(super) const FIRST: u8 = DELETE;
pub(super) const LAST: u8 = MOVE;

/// A change of a key of any type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyChange<'a> {
    /// Removes the key.
    Delete {
        /// Whether its expiry had passed.
        expired: bool,
    },
    /// Sets the key's expiry, or removes it.
    Expire {
        /// When the key expires, in milliseconds since 1970; `None` means never.
        expire_at_ms: Option<u64>,
    },
    /// Moves the value to another key of the same database, replacing the value there. The expiry moves too.
    Rename {
        /// The new key.
        to: &'a [u8],
    },
    /// Copies value and expiry to another key, replacing the value there.
    Copy {
        /// Database of the copy.
        to_db: usize,
        /// Key of the copy.
        to: &'a [u8],
    },
    /// Moves the key with its value and expiry to another database, where it must not exist.
    Move {
        /// The new database.
        to_db: usize,
    },
}

impl<'a> KeyChange<'a> {
    /// The names of these changes.
    pub const NAMES: &'static [&'static str] =
        &["del", "expired", "expire", "persist", "rename", "copy", "move"];

    /// The change's name, in lower case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Delete { expired: false } => "del",
            Self::Delete { expired: true } => "expired",
            Self::Expire { expire_at_ms: Some(_) } => "expire",
            Self::Expire { expire_at_ms: None } => "persist",
            Self::Rename { .. } => "rename",
            Self::Copy { .. } => "copy",
            Self::Move { .. } => "move",
        }
    }

    /// The database and key that the change of `key` writes to, if not `key` itself.
    pub fn destination(&self, db: usize, key: &'a [u8]) -> Option<(usize, &'a [u8])> {
        match *self {
            Self::Rename { to } => Some((db, to)),
            Self::Copy { to_db, to } => Some((to_db, to)),
            Self::Move { to_db } => Some((to_db, key)),
            Self::Delete { .. } | Self::Expire { .. } => None,
        }
    }
}

impl<'a> Family<'a> for KeyChange<'a> {
    fn op(&self) -> u8 {
        match self {
            Self::Delete { expired: false } => DELETE,
            Self::Delete { expired: true } => DELETE_EXPIRED,
            Self::Expire { expire_at_ms: Some(_) } => EXPIRE_AT,
            Self::Expire { expire_at_ms: None } => EXPIRE_NEVER,
            Self::Rename { .. } => RENAME,
            Self::Copy { .. } => COPY,
            Self::Move { .. } => MOVE,
        }
    }

    fn encode(&self, sink: &mut impl Sink) {
        match *self {
            Self::Delete { expired: _ } => {}
            Self::Expire { expire_at_ms } => put_expiry(expire_at_ms, sink),
            Self::Rename { to } => put_bytes(to, sink),
            Self::Copy { to_db, to } => put_key(to_db, to, sink),
            Self::Move { to_db } => put_db(to_db, sink),
        }
    }

    fn decode(op: u8, input: &mut Input<'a>) -> Result<Self, EffectError> {
        Ok(match op {
            DELETE | DELETE_EXPIRED => Self::Delete { expired: op == DELETE_EXPIRED },
            EXPIRE_AT | EXPIRE_NEVER => Self::Expire { expire_at_ms: input.expiry(op == EXPIRE_AT)? },
            RENAME => Self::Rename { to: input.key_bytes()? },
            COPY => {
                let (to_db, to) = input.key()?;
                Self::Copy { to_db, to }
            }
            MOVE => Self::Move { to_db: input.db()? },
            unknown => return Err(input.unknown(unknown)),
        })
    }

    fn expire_at_ms(&self) -> Option<u64> {
        match *self {
            Self::Expire { expire_at_ms } => expire_at_ms,
            _ => None,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::KeyChange::{self, *};

    /// One change of each kind, with its bytes in database 1 at the key `k`.
    pub fn golden() -> Vec<(KeyChange<'static>, &'static str)> {
        let expire_at_ms = Some(0x0102_0304_0506_0708);
        vec![
            (Delete { expired: false }, "01 01 01 6b"),
            (Delete { expired: true }, "02 01 01 6b"),
            (Expire { expire_at_ms }, "03 01 01 6b 08 07 06 05 04 03 02 01"),
            (Expire { expire_at_ms: None }, "04 01 01 6b"),
            (Rename { to: b"to" }, "05 01 01 6b 02 74 6f"),
            (Copy { to_db: 2, to: b"to" }, "06 01 01 6b 02 02 74 6f"),
            (Move { to_db: 2 }, "07 01 01 6b 02"),
        ]
    }
}
