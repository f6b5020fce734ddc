//! Effects to bytes. The format is documented at the top of [the module](super).

use super::sink::{Sink, put_varint, varint_bytes};
use super::{DATABASES_MAX, Effect, Effects, FORMAT, Items, KEY_BYTES_MAX};

/// The buffer is given back to the system when it has grown past this, in bytes.
const KEPT_BYTES_MAX: usize = 1 << 20;

// What the log's readers rely on: numbers of different families do not meet.
const _: () =
    assert!(super::op::SWAP_DB < super::op::SET && super::op::SET_RANGE < super::op::LIST_PUSH_HEAD);
const _: () = assert!(super::op::LIST_TRIM < super::op::HASH_SET);
// A database number is one byte long.
const _: () = assert!(DATABASES_MAX < 0x80);

/// The effects of the record that is being formed, encoded. Kept by the writer and reused.
#[derive(Default)]
pub struct EffectBuffer {
    /// The effects, one behind the other.
    bytes: Vec<u8>,
    /// How many they are.
    count: u64,
}

impl EffectBuffer {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing was changed: there is no record to write.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many effects are in the buffer.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Where the next effect goes: for [`EffectBuffer::since`].
    pub fn mark(&self) -> usize {
        self.bytes.len()
    }

    /// Takes the effects added since `mark` out again.
    pub fn take_back(&mut self, mark: usize) {
        self.count -= self.since(mark).count() as u64;
        self.bytes.truncate(mark);
    }

    /// The effects added since `mark`.
    pub fn since(&self, mark: usize) -> Effects<'_> {
        Effects::encoded(&self.bytes[mark..])
    }

    /// Length of the payload, in bytes.
    pub fn payload_bytes(&self) -> usize {
        3 + varint_bytes(self.count) + self.bytes.len()
    }

    /// Adds an effect.
    pub fn push(&mut self, effect: &Effect<'_>) {
        encode_effect(effect, &mut self.bytes);
        self.count += 1;
    }

    /// The effects so far, in order.
    pub fn effects(&self) -> Effects<'_> {
        Effects::encoded(&self.bytes)
    }

    /// Writes the record's payload: what the command `command_id` changed.
    pub fn write(&self, command_id: u16, sink: &mut impl Sink) {
        sink.push(FORMAT);
        sink.extend_from_slice(&command_id.to_le_bytes());
        put_varint(self.count, sink);
        sink.extend_from_slice(&self.bytes);
    }

    /// Empties the buffer for the next record.
    pub fn clear(&mut self) {
        self.count = 0;
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES_MAX);
    }
}

/// Writes one effect.
fn encode_effect(effect: &Effect<'_>, sink: &mut impl Sink) {
    sink.push(effect.op());
    match *effect {
        Effect::Set { db, key, value, expire_at_ms, raw: _ } => {
            put_key(db, key, sink);
            if let Some(deadline) = expire_at_ms {
                sink.extend_from_slice(&deadline.to_le_bytes());
            }
            put_bytes(value, sink);
        }
        Effect::Append { db, key, value } => {
            put_key(db, key, sink);
            put_bytes(value, sink);
        }
        Effect::SetRange { db, key, offset, value } => {
            put_key(db, key, sink);
            put_varint(offset, sink);
            put_bytes(value, sink);
        }
        Effect::Delete { db, key, expired: _ } => put_key(db, key, sink),
        Effect::Expire { db, key, expire_at_ms } => {
            put_key(db, key, sink);
            if let Some(deadline) = expire_at_ms {
                sink.extend_from_slice(&deadline.to_le_bytes());
            }
        }
        Effect::Rename { db, key, to } => {
            put_key(db, key, sink);
            put_bytes(to, sink);
        }
        Effect::Copy { db, key, to_db, to } => {
            put_key(db, key, sink);
            put_key(to_db, to, sink);
        }
        Effect::Move { db, key, to_db } => {
            put_key(db, key, sink);
            put_db(to_db, sink);
        }
        Effect::FlushDb { db } => put_db(db, sink),
        Effect::FlushAll => {}
        Effect::SwapDb { a, b } => {
            put_db(a, sink);
            put_db(b, sink);
        }
        Effect::HashSet { db, key, pairs: items, expire_at_ms }
        | Effect::HashExpire { db, key, fields: items, expire_at_ms } => {
            put_key(db, key, sink);
            if let Some(deadline) = expire_at_ms {
                sink.extend_from_slice(&deadline.to_le_bytes());
            }
            put_items(items, sink);
        }
        Effect::HashDelete { db, key, fields, expired: _ } => {
            put_key(db, key, sink);
            put_items(fields, sink);
        }
        Effect::SetAdd { db, key, members: items }
        | Effect::SetRemove { db, key, members: items }
        | Effect::SortedSetAdd { db, key, elements: items }
        | Effect::SortedSetRemove { db, key, members: items }
        | Effect::ListPush { db, key, end: _, elements: items } => {
            put_key(db, key, sink);
            put_items(items, sink);
        }
        Effect::ListPop { db, key, end: _, count } => {
            put_key(db, key, sink);
            put_varint(count, sink);
        }
        Effect::ListInsert { db, key, index: number, before: _, pivot_and_element: items }
        | Effect::ListRemove { db, key, end: _, count: number, element: items } => {
            put_key(db, key, sink);
            put_varint(number, sink);
            put_items(items, sink);
        }
        Effect::ListSet { db, key, index, value } => {
            put_key(db, key, sink);
            put_varint(index, sink);
            put_bytes(value, sink);
        }
        Effect::ListTrim { db, key, index, count } => {
            put_key(db, key, sink);
            put_varint(index, sink);
            put_varint(count, sink);
        }
    }
}

/// Items behind their number.
fn put_items(items: Items<'_>, sink: &mut impl Sink) {
    put_varint(items.len(), sink);
    sink.extend_from_slice(items.encoded());
}

/// A database and a key.
fn put_key(db: usize, key: &[u8], sink: &mut impl Sink) {
    debug_assert!(key.len() <= KEY_BYTES_MAX);
    put_db(db, sink);
    put_bytes(key, sink);
}

/// A database.
fn put_db(db: usize, sink: &mut impl Sink) {
    assert!(db < DATABASES_MAX, "no database {db}");
    sink.push(db as u8);
}

/// Bytes behind their length.
fn put_bytes(bytes: &[u8], sink: &mut impl Sink) {
    put_varint(bytes.len() as u64, sink);
    sink.extend_from_slice(bytes);
}
