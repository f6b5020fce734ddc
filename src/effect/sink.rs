//! Where encoded bytes go, and numbers among them.

use smallvec::SmallVec;

/// Where encoded bytes go.
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

/// Seven bits per byte, the lowest first; the highest bit says that another byte follows.
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
