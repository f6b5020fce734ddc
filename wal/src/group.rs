//! Records being gathered for one sync.
//!
//! Payloads are encoded straight into the memory from which the device will take them: the buffer is aligned,
//! leaves room for the group header in front, and always has room behind the records for the displaced bytes,
//! so completing a group never moves it.
//!
//! Invariant: `disk_bytes(len, BLOCK_BYTES_MAX) <= capacity` after every append.

use crate::direct::{AlignedBuffer, HUGE_BYTES};
use crate::format::{self, BLOCK_BYTES_MAX, GROUP_BYTES_MAX, GROUP_HEADER_BYTES, RECORD_FRAME_BYTES};

/// Content up to this many bytes stays in the small buffer of a new group; more moves to a huge page.
const SMALL_BYTES: usize = 16 << 10;
/// Room kept for the last block's padding and the partial sectors around the displaced bytes.
const TAIL_BYTES: usize = BLOCK_BYTES_MAX as usize + 1024;

/// The bytes of a group, to which the payload of the current record is appended.
#[derive(Debug)]
pub struct GroupBuffer {
    /// Space for the header, the records so far, and spare capacity.
    bytes: AlignedBuffer,
    /// Bytes of header and records so far.
    len: usize,
    /// The largest `len` that needs no larger buffer.
    limit: usize,
}

/// Records being gathered for one sync, made by [`Log::group`](crate::Log::group).
#[derive(Debug)]
pub struct Group {
    buffer: GroupBuffer,
    /// Records appended so far.
    count: u32,
    /// Digest of the user's state, stored in the group's header.
    digest: [u8; 16],
    /// Whether a record was too long for its length field; such a group is refused at submit.
    oversized: bool,
}

impl GroupBuffer {
    /// Appends one byte to the current payload.
    #[inline]
    pub fn push(&mut self, byte: u8) {
        self.extend_from_slice(&[byte]);
    }

    /// Appends bytes to the current payload.
    #[inline]
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        if end > self.limit {
            self.grow(end);
        }
        self.bytes.bytes_mut()[self.len..end].copy_from_slice(bytes);
        self.len = end;
    }

    #[cold]
    fn grow(&mut self, len: usize) {
        let needed = capacity_for(len).max(self.bytes.capacity() * 2).max(HUGE_BYTES);
        self.bytes.grow(needed, self.len);
        self.limit = limit_of(self.bytes.capacity());
        assert!(len <= self.limit);
    }
}

impl Group {
    /// An empty group on `bytes`, or on a fresh buffer.
    pub(crate) fn new(bytes: Option<AlignedBuffer>) -> Self {
        let mut bytes = bytes.unwrap_or_else(|| AlignedBuffer::zeroed(capacity_for(SMALL_BYTES)));
        bytes.grow(capacity_for(GROUP_HEADER_BYTES), 0);
        let limit = limit_of(bytes.capacity());
        let len = GROUP_HEADER_BYTES;
        let buffer = GroupBuffer { bytes, len, limit };
        Self { buffer, count: 0, digest: [0; 16], oversized: false }
    }

    /// Appends one record, whose payload is what `encode` appends. An empty payload is a record, too.
    pub fn record(&mut self, encode: impl FnOnce(&mut GroupBuffer)) {
        let appended: Result<(), std::convert::Infallible> = self.try_record(|buffer| {
            encode(buffer);
            Ok(())
        });
        let Ok(()) = appended;
    }

    /// Appends one record, or none at all when `encode` returns an error.
    pub fn try_record<T, E>(
        &mut self,
        encode: impl FnOnce(&mut GroupBuffer) -> Result<T, E>,
    ) -> Result<T, E> {
        let start = self.buffer.len;
        self.buffer.extend_from_slice(&[0; RECORD_FRAME_BYTES]);
        let result = encode(&mut self.buffer);
        if result.is_ok() {
            self.finish_record(start);
        } else {
            self.buffer.len = start;
        }
        result
    }

    /// Stores a digest of the user's state in the group's header (replicas compare it; the log does not).
    pub fn set_digest(&mut self, digest: [u8; 16]) {
        self.digest = digest;
    }

    /// Bytes of the header and of all records with their frames: the unit of [`Log::reserve`](crate::Log::reserve).
    pub fn len_bytes(&self) -> usize {
        self.buffer.len
    }

    /// Payloads of the records so far, in order.
    pub fn payloads(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.buffer.bytes.bytes()[GROUP_HEADER_BYTES..self.buffer.len];
        (0..self.count).map(move |index| {
            let length = format::record_at(rest, index, false).expect("a record that was appended");
            let (record, after) = rest.split_at(RECORD_FRAME_BYTES + length);
            rest = after;
            &record[RECORD_FRAME_BYTES..]
        })
    }

    /// Number of records.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Whether no record was appended.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes that a group needs for a record with a payload of `payload_bytes`; add [`Group::EMPTY_BYTES`] once.
    pub const fn record_bytes(payload_bytes: usize) -> usize {
        payload_bytes.saturating_add(RECORD_FRAME_BYTES)
    }

    /// What [`Group::len_bytes`] says of an empty group.
    pub const EMPTY_BYTES: usize = GROUP_HEADER_BYTES;

    /// Digest stored in the header.
    pub(crate) fn digest(&self) -> [u8; 16] {
        self.digest
    }

    /// Whether the group is larger than any log takes.
    pub(crate) fn is_oversized(&self) -> bool {
        self.oversized || self.buffer.len as u64 > GROUP_BYTES_MAX
    }

    /// The buffer: space for the header, the records, and space for everything that completing the group adds.
    pub(crate) fn into_buffer(self) -> AlignedBuffer {
        self.buffer.bytes
    }

    fn finish_record(&mut self, start: usize) {
        let end = self.buffer.len;
        if end - start - RECORD_FRAME_BYTES > u32::MAX as usize || self.count == u32::MAX {
            self.oversized = true;
            return;
        }
        format::put_frame(&mut self.buffer.bytes.bytes_mut()[start..end], self.count);
        self.count += 1;
    }
}

/// Capacity for `len` bytes of content and its tail.
fn capacity_for(len: usize) -> usize {
    len + len / 56 + 2 * TAIL_BYTES
}

/// The most content for a buffer of `capacity` bytes: what fits with its tail, or only a little if the buffer is not a huge
/// page.
fn limit_of(capacity: usize) -> usize {
    if capacity < HUGE_BYTES { SMALL_BYTES.min(fits(capacity)) } else { fits(capacity) }
}

/// Content that fits a buffer of `capacity` bytes together with its tail.
fn fits(capacity: usize) -> usize {
    let usable = capacity.saturating_sub(TAIL_BYTES);
    usable - usable.div_ceil(60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_up_to_the_limit_leaves_room_to_complete_the_group() {
        for capacity in (2 * TAIL_BYTES..16 << 20).step_by(4096 * 37) {
            let limit = fits(capacity);
            for content in [limit, limit - 1, limit - 511, limit / 2 + 1] {
                assert!(format::disk_bytes(content, BLOCK_BYTES_MAX) <= capacity as u64, "{capacity}");
            }
        }
        for len in [96, 1000, 300_000, 1 << 20, (1 << 30) + 17] {
            assert!(fits(capacity_for(len)) >= len && limit_of(capacity_for(len).max(HUGE_BYTES)) >= len);
        }
    }

    #[test]
    fn a_failed_record_leaves_the_group_as_it_was() {
        let mut group = Group::new(None);
        group.record(|buffer| buffer.extend_from_slice(b"kept"));
        let before = group.len_bytes();
        let failed: Result<(), u8> = group.try_record(|buffer| {
            buffer.extend_from_slice(&[1; 500_000]);
            Err(3)
        });
        assert_eq!(failed, Err(3));
        assert_eq!((group.len_bytes(), group.count()), (before, 1));
        group.record(|_| ());
        group.record(|buffer| buffer.extend_from_slice(b"also kept"));
        assert_eq!(group.payloads().collect::<Vec<_>>(), [&b"kept"[..], b"", b"also kept"]);
    }
}
