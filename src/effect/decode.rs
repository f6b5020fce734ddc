//! Bytes to effects. The bytes are hostile until proven otherwise: every length is checked against what is left.

use super::{
    DATABASES_MAX, Effect, End, FORMAT, Items, KEY_BYTES_MAX, MEMBER_BYTES_MAX, SCORE_BYTES, Score,
    VALUE_BYTES_MAX, op,
};

/// A payload that was checked from end to end.
#[derive(Clone, Copy, Debug)]
pub struct Decoded<'a> {
    /// The command that made the record; see `Spec::id`.
    pub command_id: u16,
    /// How many effects there are.
    count: u64,
    /// The encoded effects.
    bytes: &'a [u8],
}

/// Why a payload cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset} of the payload: {reason}")]
pub struct EffectError {
    /// Where, in bytes from the start of the payload.
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
    /// Bytes are left behind the last effect.
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
    /// An effect on members names none, or a field without its value.
    #[error("wrong number of items")]
    Items,
    /// Bytes that should be a score are none.
    #[error("malformed score")]
    Score,
}

/// Reads a payload: checks all of it, changes nothing, never panics.
pub fn decode(payload: &[u8]) -> Result<Decoded<'_>, EffectError> {
    let mut input = Input { bytes: payload, at: 0 };
    let format = input.byte()?;
    if format != FORMAT {
        return Err(EffectError { offset: 0, reason: Reason::UnknownFormat(format) });
    }
    let command_id = u16::from_le_bytes([input.byte()?, input.byte()?]);
    let count = input.varint()?;
    let start = input.at;
    for _ in 0..count {
        input.effect()?;
    }
    if input.at != payload.len() {
        return Err(input.error(Reason::Trailing));
    }
    Ok(Decoded { command_id, count, bytes: &payload[start..] })
}

impl<'a> Decoded<'a> {
    /// How many effects there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The effects, in order.
    pub fn effects(&self) -> Effects<'a> {
        Effects { input: Input { bytes: self.bytes, at: 0 } }
    }
}

/// The effects of a payload, in order.
#[derive(Clone, Debug)]
pub struct Effects<'a> {
    /// What is left of the payload. It was checked, or written here: reading it cannot fail.
    input: Input<'a>,
}

impl<'a> Effects<'a> {
    /// The effects in `bytes`, which this program encoded itself.
    pub(super) fn encoded(bytes: &'a [u8]) -> Self {
        Self { input: Input { bytes, at: 0 } }
    }
}

impl<'a> Iterator for Effects<'a> {
    type Item = Effect<'a>;

    fn next(&mut self) -> Option<Effect<'a>> {
        if self.input.at == self.input.bytes.len() {
            return None;
        }
        Some(self.input.effect().expect("decode() has read these bytes before"))
    }
}

/// Items that are members or fields.
const MEMBER: &[(u64, Reason)] = &[(MEMBER_BYTES_MAX as u64, Reason::MemberTooLong)];
/// Items that are fields with their values.
const PAIR: &[(u64, Reason)] = &[MEMBER[0], (VALUE_BYTES_MAX, Reason::ValueTooLong)];
/// Items that are members with their scores.
const SCORED: &[(u64, Reason)] = &[MEMBER[0], (SCORE_BYTES as u64, Reason::Score)];

/// Items that are elements of a list.
const ELEMENT: &[(u64, Reason)] = &[(VALUE_BYTES_MAX, Reason::ValueTooLong)];

/// The head, or else the tail.
fn end(is_head: bool) -> End {
    if is_head { End::Head } else { End::Tail }
}

/// Bytes and how far they are read.
#[derive(Clone, Debug)]
struct Input<'a> {
    /// All bytes.
    bytes: &'a [u8],
    /// Offset of the next one.
    at: usize,
}

impl<'a> Input<'a> {
    /// One effect.
    fn effect(&mut self) -> Result<Effect<'a>, EffectError> {
        let start = self.at;
        let op = self.byte()?;
        Ok(match op {
            op::DELETE | op::DELETE_EXPIRED => {
                let (db, key) = self.key()?;
                Effect::Delete { db, key, expired: op == op::DELETE_EXPIRED }
            }
            op::EXPIRE_AT | op::EXPIRE_NEVER => {
                let (db, key) = self.key()?;
                Effect::Expire { db, key, expire_at_ms: self.deadline(op == op::EXPIRE_AT)? }
            }
            op::RENAME => {
                let (db, key) = self.key()?;
                Effect::Rename { db, key, to: self.key_bytes()? }
            }
            op::COPY => {
                let (db, key) = self.key()?;
                let (to_db, to) = self.key()?;
                Effect::Copy { db, key, to_db, to }
            }
            op::MOVE => {
                let (db, key) = self.key()?;
                Effect::Move { db, key, to_db: self.db()? }
            }
            op::FLUSH_DB => Effect::FlushDb { db: self.db()? },
            op::FLUSH_ALL => Effect::FlushAll,
            op::SWAP_DB => Effect::SwapDb { a: self.db()?, b: self.db()? },
            op::SET | op::SET_EXPIRING | op::SET_RAW | op::SET_RAW_EXPIRING => {
                let (db, key) = self.key()?;
                let expire_at_ms = self.deadline(matches!(op, op::SET_EXPIRING | op::SET_RAW_EXPIRING))?;
                let raw = matches!(op, op::SET_RAW | op::SET_RAW_EXPIRING);
                Effect::Set { db, key, value: self.value(0)?, expire_at_ms, raw }
            }
            op::APPEND => {
                let (db, key) = self.key()?;
                Effect::Append { db, key, value: self.value(0)? }
            }
            op::SET_RANGE => {
                let (db, key) = self.key()?;
                let offset = self.varint()?;
                Effect::SetRange { db, key, offset, value: self.value(offset)? }
            }
            op::HASH_SET | op::HASH_SET_EXPIRING => {
                let (db, key) = self.key()?;
                let expire_at_ms = self.deadline(op == op::HASH_SET_EXPIRING)?;
                Effect::HashSet { db, key, expire_at_ms, pairs: self.items(PAIR)? }
            }
            op::HASH_DELETE | op::HASH_DELETE_EXPIRED => {
                let (db, key) = self.key()?;
                let expired = op == op::HASH_DELETE_EXPIRED;
                Effect::HashDelete { db, key, expired, fields: self.items(MEMBER)? }
            }
            op::HASH_EXPIRE_AT | op::HASH_EXPIRE_NEVER => {
                let (db, key) = self.key()?;
                let expire_at_ms = self.deadline(op == op::HASH_EXPIRE_AT)?;
                Effect::HashExpire { db, key, expire_at_ms, fields: self.items(MEMBER)? }
            }
            op::SET_ADD => {
                let (db, key) = self.key()?;
                Effect::SetAdd { db, key, members: self.items(MEMBER)? }
            }
            op::SET_REMOVE => {
                let (db, key) = self.key()?;
                Effect::SetRemove { db, key, members: self.items(MEMBER)? }
            }
            op::LIST_PUSH_HEAD | op::LIST_PUSH_TAIL => {
                let (db, key) = self.key()?;
                let end = end(op == op::LIST_PUSH_HEAD);
                Effect::ListPush { db, key, end, elements: self.items(ELEMENT)? }
            }
            op::LIST_POP_HEAD | op::LIST_POP_TAIL => {
                let (db, key) = self.key()?;
                Effect::ListPop { db, key, end: end(op == op::LIST_POP_HEAD), count: self.varint()? }
            }
            op::LIST_INSERT_BEFORE | op::LIST_INSERT_AFTER => {
                let (db, key) = self.key()?;
                let (index, before) = (self.varint()?, op == op::LIST_INSERT_BEFORE);
                let pivot_and_element = self.elements(2)?;
                Effect::ListInsert { db, key, index, before, pivot_and_element }
            }
            op::LIST_REMOVE_HEAD | op::LIST_REMOVE_TAIL => {
                let (db, key) = self.key()?;
                let (count, end) = (self.varint()?, end(op == op::LIST_REMOVE_HEAD));
                Effect::ListRemove { db, key, end, count, element: self.elements(1)? }
            }
            op::LIST_SET => {
                let (db, key) = self.key()?;
                Effect::ListSet { db, key, index: self.varint()?, value: self.value(0)? }
            }
            op::LIST_TRIM => {
                let (db, key) = self.key()?;
                Effect::ListTrim { db, key, index: self.varint()?, count: self.varint()? }
            }
            op::SORTED_SET_ADD => {
                let (db, key) = self.key()?;
                let start = self.at;
                let elements = self.items(SCORED)?;
                if elements.pairs().any(|(_, score)| Score::from_bytes(score).is_none()) {
                    return Err(EffectError { offset: start, reason: Reason::Score });
                }
                Effect::SortedSetAdd { db, key, elements }
            }
            op::SORTED_SET_REMOVE => {
                let (db, key) = self.key()?;
                Effect::SortedSetRemove { db, key, members: self.items(MEMBER)? }
            }
            unknown => return Err(EffectError { offset: start, reason: Reason::UnknownEffect(unknown) }),
        })
    }

    /// A database and a key.
    fn key(&mut self) -> Result<(usize, &'a [u8]), EffectError> {
        Ok((self.db()?, self.key_bytes()?))
    }

    /// A database.
    fn db(&mut self) -> Result<usize, EffectError> {
        let start = self.at;
        let db = self.varint()?;
        if db >= DATABASES_MAX as u64 {
            return Err(EffectError { offset: start, reason: Reason::Database });
        }
        Ok(db as usize)
    }

    /// A key.
    fn key_bytes(&mut self) -> Result<&'a [u8], EffectError> {
        let start = self.at;
        let key = self.slice()?;
        if key.len() > KEY_BYTES_MAX {
            return Err(EffectError { offset: start, reason: Reason::KeyTooLong });
        }
        Ok(key)
    }

    /// A string that goes to `offset` of its value.
    fn value(&mut self, offset: u64) -> Result<&'a [u8], EffectError> {
        let start = self.at;
        let value = self.slice()?;
        if offset.saturating_add(value.len() as u64) > VALUE_BYTES_MAX {
            return Err(EffectError { offset: start, reason: Reason::ValueTooLong });
        }
        Ok(value)
    }

    /// A deadline, if there is one.
    fn deadline(&mut self, present: bool) -> Result<Option<u64>, EffectError> {
        if !present {
            return Ok(None);
        }
        let bytes = self.take(8)?;
        Ok(Some(u64::from_le_bytes(bytes.try_into().expect("eight bytes were taken"))))
    }

    /// One item or more, in groups of as many as there are limits: the longest that each of a group may be.
    fn items(&mut self, limits: &[(u64, Reason)]) -> Result<Items<'a>, EffectError> {
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

    /// So many elements of a list.
    fn elements(&mut self, count: u64) -> Result<Items<'a>, EffectError> {
        let start = self.at;
        let items = self.items(ELEMENT)?;
        if items.len() != count {
            return Err(EffectError { offset: start, reason: Reason::Items });
        }
        Ok(items)
    }

    /// Bytes behind their length.
    fn slice(&mut self) -> Result<&'a [u8], EffectError> {
        let len = self.varint()?;
        let len = usize::try_from(len).map_err(|_| self.error(Reason::Truncated))?;
        self.take(len)
    }

    /// A number of up to ten bytes, in its shortest form.
    fn varint(&mut self) -> Result<u64, EffectError> {
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

    /// The next byte.
    fn byte(&mut self) -> Result<u8, EffectError> {
        Ok(self.take(1)?[0])
    }

    /// The next `len` bytes.
    fn take(&mut self, len: usize) -> Result<&'a [u8], EffectError> {
        let rest = &self.bytes[self.at..];
        let taken = rest.get(..len).ok_or(self.error(Reason::Truncated))?;
        self.at += len;
        Ok(taken)
    }

    /// Something is wrong here.
    fn error(&self, reason: Reason) -> EffectError {
        EffectError { offset: self.at, reason }
    }
}
