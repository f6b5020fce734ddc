//! Writing encoded bytes, and the fields of effects.

use smallvec::SmallVec;

use super::limits::is_database;
use super::{DRAFTS, KEY_BYTES_MAX};

// A database number is one byte long.
const _: () = assert!(DRAFTS < 0x80);

/// A destination of encoded bytes.
pub trait Sink {
    /// Adds one byte.
    fn push(&mut self, byte: u8);
    /// Adds `bytes`.
    fn extend_from_slice(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn push(&mut self, byte: u8) {
        Vec::push(self, byte);
    }

    fn extend_from_slice(&mut self, bytes: &[u8]) {
        Vec::extend_from_slice(self, bytes);
    }
}

impl<A: smallvec::Array<Item = u8>> Sink for SmallVec<A> {
    fn push(&mut self, byte: u8) {
        SmallVec::push(self, byte);
    }

    fn extend_from_slice(&mut self, bytes: &[u8]) {
        SmallVec::extend_from_slice(self, bytes);
    }
}

/// Writes a varint: seven bits per byte, the lowest first; the highest bit means that another byte follows.
pub(super) fn put_varint(mut value: u64, sink: &mut impl Sink) {
    while value >= 0x80 {
        sink.push(value as u8 | 0x80);
        value >>= 7;
    }
    sink.push(value as u8);
}

/// Length of a varint, in bytes.
pub(super) fn varint_bytes(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Writes a database and a key.
pub(super) fn put_key(db: usize, key: &[u8], sink: &mut impl Sink) {
    debug_assert!(key.len() <= KEY_BYTES_MAX);
    put_db(db, sink);
    put_bytes(key, sink);
}

/// Writes a database.
pub(super) fn put_db(db: usize, sink: &mut impl Sink) {
    assert!(is_database(db as u64), "no database {db}");
    sink.push(db as u8);
}

/// Writes bytes after their length.
pub(super) fn put_bytes(bytes: &[u8], sink: &mut impl Sink) {
    put_varint(bytes.len() as u64, sink);
    sink.extend_from_slice(bytes);
}

/// Writes an expiry, if there is one. The number of the effect says whether there is.
pub(super) fn put_expiry(expire_at_ms: Option<u64>, sink: &mut impl Sink) {
    if let Some(expiry) = expire_at_ms {
        sink.extend_from_slice(&expiry.to_le_bytes());
    }
}
