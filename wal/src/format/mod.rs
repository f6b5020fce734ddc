//! The bytes of the log, specified next to their encoders.
//!
//! A **segment** is one file: a header block ([`SegmentHeader`]), then **groups**, each starting on a fresh
//! block, then space that was not written in this use of the file.
//!
//! ```text
//! segment:  | header block | group | group | ... | unused |
//! group:    | header 96 bytes | record | record | ... | pad to 8 | displaced bytes | zeros to the block |
//! record:   | payload length u32 | crc32 u32 | payload |
//! ```
//!
//! All integers are little-endian; crc32 is the CRC-32 of zlib. Three things prove that a group is intact and in its place:
//!
//! - **Stamps.** The last 8 bytes of each 512-byte sector that a group uses are a stamp, a bijection of the
//!   group's number keyed by the segment's random salt and the sector's offset ([`Place`]). A sector without its
//!   stamp was never written by this group, whatever it holds: zeros, an earlier use of the file, a value made
//!   to look like a record. The bytes that a stamp displaced are kept in the group's tail.
//! - **Header checksum.** Seeded by salt and offset; it is checked before the lengths are used to read or allocate
//!   anything.
//! - **Group checksum.** Seeded likewise, over every sector that the group uses, stamps included; the next group
//!   repeats it, so groups form a chain that runs across segments.
//!
//! Invariant: nothing in this module reads a file or trusts a byte; each decoder takes `&[u8]` and returns what is
//! wrong with it.

mod group;
mod segment;
mod stamp;

pub use group::{
    GROUP_BYTES_MAX, GROUP_HEADER_BYTES, GroupHeader, GroupKind, HeaderFault, RECORD_FRAME_BYTES,
    RecordFault, disk_bytes, used_bytes,
};
pub(crate) use group::{check_group, put_frame, record_at, restore_displaced, seal_group};
pub use segment::{Known, SEGMENT_HEADER_BYTES, SegmentHeader, SegmentHeaderState};
pub(crate) use stamp::Place;
pub use stamp::{SECTOR_BYTES, STAMP_BYTES};

/// Default size in bytes of the block on which a group starts: the physical block of common devices.
pub const BLOCK_BYTES: u32 = 4096;
/// Smallest block size in bytes that a segment may have: one sector.
pub const BLOCK_BYTES_MIN: u32 = SECTOR_BYTES as u32;
/// Largest block size in bytes that a segment may have.
pub const BLOCK_BYTES_MAX: u32 = 65_536;
/// Suffix of a segment's file name; the rest is its sequence number in 16 hexadecimal digits.
pub const SEGMENT_SUFFIX: &str = ".wal";
/// Suffix of a file that is being prepared; a start removes it.
pub const TEMPORARY_SUFFIX: &str = ".tmp";

/// The file name of the segment with number `sequence`.
pub fn segment_name(sequence: u64) -> String {
    format!("{sequence:016x}{SEGMENT_SUFFIX}")
}

/// The sequence number in a segment's file name, or `None` for any other name. The log uses no numbers above
/// `i64::MAX`.
pub fn segment_sequence(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SEGMENT_SUFFIX)?;
    let canonical =
        digits.len() == 16 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let sequence = if canonical { u64::from_str_radix(digits, 16).ok() } else { None };
    sequence.filter(|&sequence| sequence <= i64::MAX as u64)
}

/// Whether `block_bytes` is a power of two between the smallest and the largest block.
pub fn block_bytes_valid(block_bytes: u32) -> bool {
    block_bytes.is_power_of_two() && (BLOCK_BYTES_MIN..=BLOCK_BYTES_MAX).contains(&block_bytes)
}

/// Reads a little-endian u32 at `at`. The caller has checked that the bytes are there.
fn get_u32(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

/// Reads a little-endian u64 at `at`. The caller has checked that the bytes are there.
fn get_u64(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

/// Writes `value` at `at`, little-endian.
fn put_u32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// Writes `value` at `at`, little-endian.
fn put_u64(bytes: &mut [u8], at: usize, value: u64) {
    bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

#[cfg(test)]
mod tests;
