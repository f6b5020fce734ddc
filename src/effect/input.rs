//! Reading a payload field by field. The bytes are not trusted: every length is checked against what is left.

use super::items::Items;
use super::limits::is_database;
use super::score::SCORE_BYTES;
use super::{KEY_BYTES_MAX, MEMBER_BYTES_MAX, VALUE_BYTES_MAX};

/// Why a payload cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset} of the payload: {reason}")]
pub struct EffectError {
    /// Offset of the error in the payload, in bytes.
    pub offset: usize,
    /// What is wrong there.
    pub reason: Reason,
}

/// What is wrong in a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The payload was written by another version.
    #[error("unknown format {0}")]
    UnknownFormat(u8),
    /// No effect has this number.
    #[error("unknown effect {0:#04x}")]
    UnknownEffect(u8),
    /// A field reaches past the end.
    #[error("the payload ends too soon")]
    Truncated,
    /// Bytes are left after the last effect.
    #[error("bytes behind the last effect")]
    Trailing,
    /// A number is too large, or not in its shortest form.
    #[error("malformed number")]
    Varint,
    /// No such database.
    #[error("database number out of range")]
    Database,
    /// A key is longer than keys can be.
    #[error("key too long")]
    KeyTooLong,
    /// A string would be longer than strings can be.
    #[error("value too long")]
    ValueTooLong,
    /// A member or a field is longer than those can be.
    #[error("member too long")]
    MemberTooLong,
    /// An effect on members has none, or a field without its value.
    #[error("wrong number of items")]
    Items,
    /// The cause is empty or invalid.
    #[error("malformed cause")]
    Cause,
    /// The bytes are not a score.
    #[error("malformed score")]
    Score,
}

/// Items that are keys.
pub(super) const KEY: &[(u64, Reason)] = &[(KEY_BYTES_MAX as u64, Reason::KeyTooLong)];
/// Items that are members or fields.
pub(super) const MEMBER: &[(u64, Reason)] = &[(MEMBER_BYTES_MAX as u64, Reason::MemberTooLong)];
/// Items that are fields with their values.
pub(super) const PAIR: &[(u64, Reason)] = &[MEMBER[0], (VALUE_BYTES_MAX, Reason::ValueTooLong)];
/// Items that are members with their scores.
pub(super) const SCORED: &[(u64, Reason)] = &[MEMBER[0], (SCORE_BYTES as u64, Reason::Score)];
/// Items that are elements of a list.
pub(super) const ELEMENT: &[(u64, Reason)] = &[(VALUE_BYTES_MAX, Reason::ValueTooLong)];

/// Bytes, and the position of the next one to read.
#[derive(Clone, Debug)]
pub(super) struct Input<'a> {
    /// All bytes.
    pub(super) bytes: &'a [u8],
    /// Offset of the next one.
    pub(super) at: usize,
}

impl<'a> Input<'a> {
    /// A database and a key.
    pub(super) fn key(&mut self) -> Result<(usize, &'a [u8]), EffectError> {
        Ok((self.db()?, self.key_bytes()?))
    }

    /// A database.
    pub(super) fn db(&mut self) -> Result<usize, EffectError> {
        let start = self.at;
        let db = self.varint()?;
        if !is_database(db) {
            return Err(EffectError { offset: start, reason: Reason::Database });
        }
        Ok(db as usize)
    }

    /// A key.
    pub(super) fn key_bytes(&mut self) -> Result<&'a [u8], EffectError> {
        let start = self.at;
        let key = self.slice()?;
        if key.len() > KEY_BYTES_MAX {
            return Err(EffectError { offset: start, reason: Reason::KeyTooLong });
        }
        Ok(key)
    }

    /// A string that is written to `offset` of its value.
    pub(super) fn value(&mut self, offset: u64) -> Result<&'a [u8], EffectError> {
        let start = self.at;
        let value = self.slice()?;
        if offset.saturating_add(value.len() as u64) > VALUE_BYTES_MAX {
            return Err(EffectError { offset: start, reason: Reason::ValueTooLong });
        }
        Ok(value)
    }

    /// An expiry, if there is one.
    pub(super) fn expiry(&mut self, present: bool) -> Result<Option<u64>, EffectError> {
        if !present {
            return Ok(None);
        }
        Ok(Some(u64::from_le_bytes(self.array()?)))
    }

    /// One item or more, in groups of `limits.len()`. Each limit is the maximum length of the item at that position of
    /// a group.
    pub(super) fn items(&mut self, limits: &[(u64, Reason)]) -> Result<Items<'a>, EffectError> {
        let start = self.at;
        let count = self.varint()?;
        if count == 0 || !count.is_multiple_of(limits.len() as u64) {
            return Err(EffectError { offset: start, reason: Reason::Items });
        }
        let first = self.at;
        for (_, &(bytes_max, reason)) in (0..count).zip(limits.iter().cycle()) {
            let offset = self.at;
            if self.slice()?.len() as u64 > bytes_max {
                return Err(EffectError { offset, reason });
            }
        }
        Ok(Items::checked(count, &self.bytes[first..self.at]))
    }

    /// The `count` elements of a list.
    pub(super) fn elements(&mut self, count: u64) -> Result<Items<'a>, EffectError> {
        let start = self.at;
        let items = self.items(ELEMENT)?;
        if items.len() != count {
            return Err(EffectError { offset: start, reason: Reason::Items });
        }
        Ok(items)
    }

    /// Bytes, read after their length.
    pub(super) fn slice(&mut self) -> Result<&'a [u8], EffectError> {
        let len = self.varint()?;
        let len = usize::try_from(len).map_err(|_| self.error(Reason::Truncated))?;
        self.take(len)
    }

    /// A number of up to ten bytes, in its shortest form.
    pub(super) fn varint(&mut self) -> Result<u64, EffectError> {
        let start = self.at;
        let malformed = EffectError { offset: start, reason: Reason::Varint };
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7F);
            if bits << shift >> shift != bits {
                return Err(malformed);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                let shortest = byte != 0 || shift == 0;
                return if shortest { Ok(value) } else { Err(malformed) };
            }
        }
        Err(malformed)
    }

    /// The next bytes, as an array.
    pub(super) fn array_ref<const N: usize>(&mut self) -> Result<&'a [u8; N], EffectError> {
        Ok(self.take(N)?.try_into().expect("N bytes were taken"))
    }

    /// The next bytes, copied.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], EffectError> {
        self.array_ref().copied()
    }

    /// The next byte.
    pub(super) fn byte(&mut self) -> Result<u8, EffectError> {
        Ok(self.take(1)?[0])
    }

    /// The next `len` bytes.
    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], EffectError> {
        let rest = &self.bytes[self.at..];
        let taken = rest.get(..len).ok_or(self.error(Reason::Truncated))?;
        self.at += len;
        Ok(taken)
    }

    /// The error for a number that no effect of the family has.
    pub(super) fn unknown(&self, op: u8) -> EffectError {
        self.error(Reason::UnknownEffect(op))
    }

    /// An error at the current position.
    pub(super) fn error(&self, reason: Reason) -> EffectError {
        EffectError { offset: self.at, reason }
    }
}
