//! A group: header, records, and the bytes that stamps displaced.
//!
//! ```text
//! offset size field
//!      0    4 magic "grp" and format version 1
//!      4    1 kind: 1 = records, 2 = seal
//!      5    3 zeros
//!      8    8 epoch of the writer
//!     16    8 number of the group: 1, 2, 3 ... without gaps, seals counted
//!     24    8 first LSN
//!     32    8 last LSN; first LSN - 1 in a seal
//!     40    8 LSN known to be synced when the group was issued
//!     48    8 wall clock in microseconds
//!     56    4 number of records, 0 in a seal
//!     60    4 bytes of all records, frames included
//!     64    4 checksum of the previous group, 0 for the first one of a log
//!     68   16 digest of the user's state, zeros when there is none
//!     84    4 zeros
//!     88    4 group checksum: crc32 of bytes 0..88 and of 96.. to the end of the last used sector
//!     92    4 header checksum: crc32 of bytes 0..92
//!     96      records, then zeros to a multiple of 8, then the displaced bytes
//! ```
//!
//! Both checksums start from the seed of the group's place. Header and records are the group's *content*. The
//! displaced bytes are the bytes of the content that a stamp replaces: 8 for each sector whose last 8 bytes the
//! content reaches, in order; they skip the stamps of their own sectors. In content of up to 504 bytes nothing is
//! displaced. Zeros fill the last block after the last used sector; no checksum covers them.
//!
//! Record: payload length u32, crc32 u32 of length and payload (started from the record's index in its group),
//! payload.

use crc32fast::Hasher;

use super::stamp::STAMP_AT;
use super::{Place, SECTOR_BYTES, STAMP_BYTES, get_u32, get_u64, put_u32, put_u64};

/// Bytes of a group header.
pub const GROUP_HEADER_BYTES: usize = 96;
/// Bytes before each payload: length and checksum.
pub const RECORD_FRAME_BYTES: usize = 8;
/// Largest content of a group in bytes (header and records): 1 GiB.
pub const GROUP_BYTES_MAX: u64 = 1 << 30;

const MAGIC: u32 = u32::from_le_bytes(*b"grp\x01");
const KIND_RECORDS: u8 = 1;
const KIND_SEAL: u8 = 2;

const MAGIC_AT: usize = 0;
const KIND_AT: usize = MAGIC_AT + 4;
const EPOCH_AT: usize = KIND_AT + 4;
const NUMBER_AT: usize = EPOCH_AT + 8;
const FIRST_LSN_AT: usize = NUMBER_AT + 8;
const LAST_LSN_AT: usize = FIRST_LSN_AT + 8;
const SYNCED_LSN_AT: usize = LAST_LSN_AT + 8;
const WALL_MICROS_AT: usize = SYNCED_LSN_AT + 8;
const COUNT_AT: usize = WALL_MICROS_AT + 8;
const RECORDS_BYTES_AT: usize = COUNT_AT + 4;
const PREVIOUS_CHECKSUM_AT: usize = RECORDS_BYTES_AT + 4;
const DIGEST_AT: usize = PREVIOUS_CHECKSUM_AT + 4;
const GROUP_CHECKSUM_AT: usize = DIGEST_AT + 16 + 4;
const HEADER_CHECKSUM_AT: usize = GROUP_CHECKSUM_AT + 4;

const _: () =
    assert!(NUMBER_AT == 16 && COUNT_AT == 56 && PREVIOUS_CHECKSUM_AT == 64 && GROUP_CHECKSUM_AT == 88);
const _: () = assert!(HEADER_CHECKSUM_AT + 4 == GROUP_HEADER_BYTES);
/// A header is never displaced: it ends before the first stamp.
const _: () = assert!(GROUP_HEADER_BYTES <= STAMP_AT);

/// Displaced words that fit one sector: all 8-byte slots but the one of the stamp.
const SLOTS: usize = STAMP_AT / STAMP_BYTES;

/// What a group is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupKind {
    /// It holds at least one record.
    Records,
    /// It holds no records and says how far the log was synced.
    Seal,
}

/// The header of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupHeader {
    /// What the group is for.
    pub kind: GroupKind,
    /// Epoch of the writer.
    pub epoch: u64,
    /// Number of the group, counted from 1, seals included.
    pub number: u64,
    /// LSN of the first record; of the next record to come in a seal.
    pub first_lsn: u64,
    /// LSN of the last record; `first_lsn - 1` in a seal.
    pub last_lsn: u64,
    /// LSN known to be synced when the group was issued.
    pub synced_lsn: u64,
    /// Wall clock in microseconds since 1970 when the group was issued.
    pub wall_micros: u64,
    /// Number of records.
    pub count: u32,
    /// Bytes of all records, frames included.
    pub records_bytes: u32,
    /// Checksum of the previous group, 0 for the first one of a log.
    pub previous_checksum: u32,
    /// Digest of the user's state, zeros when there is none.
    pub digest: [u8; 16],
    /// Checksum of the whole group. Set by `seal_group`; ignored before that.
    pub checksum: u32,
}

/// Why bytes are not a group header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderFault {
    /// The header checksum does not match: damaged, absent, or from another place or use.
    Checksum,
    /// The checksum matches, but the fields contradict each other or have an unknown version.
    Fields,
}

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordFault {
    /// The length does not fit what is left of the group.
    Length,
    /// The record's checksum does not match.
    Checksum,
}

impl GroupHeader {
    /// Bytes of header and records.
    pub fn content_bytes(&self) -> usize {
        GROUP_HEADER_BYTES + self.records_bytes as usize
    }

    /// Decodes the header of a group at `place`; `bytes` has at least [`GROUP_HEADER_BYTES`].
    pub(crate) fn decode(bytes: &[u8], place: Place) -> Result<Self, HeaderFault> {
        let bytes = bytes.get(..GROUP_HEADER_BYTES).ok_or(HeaderFault::Checksum)?;
        let mut hasher = Hasher::new_with_initial(place.seed());
        hasher.update(&bytes[..HEADER_CHECKSUM_AT]);
        if hasher.finalize() != get_u32(bytes, HEADER_CHECKSUM_AT) {
            return Err(HeaderFault::Checksum);
        }
        let kind = match bytes[KIND_AT] {
            KIND_RECORDS => GroupKind::Records,
            KIND_SEAL => GroupKind::Seal,
            _ => return Err(HeaderFault::Fields),
        };
        let header = Self::fields(bytes, kind);
        let right = get_u32(bytes, MAGIC_AT) == MAGIC && header.is_consistent();
        if right { Ok(header) } else { Err(HeaderFault::Fields) }
    }

    /// The group number in unchecked bytes, if they start with a group's magic. A hint for error messages; never a
    /// reason to trust the bytes.
    pub(crate) fn unchecked_number(bytes: &[u8]) -> Option<u64> {
        let bytes = bytes.get(..GROUP_HEADER_BYTES)?;
        (get_u32(bytes, MAGIC_AT) == MAGIC).then(|| get_u64(bytes, NUMBER_AT))
    }

    fn fields(bytes: &[u8], kind: GroupKind) -> Self {
        let mut digest = [0; 16];
        digest.copy_from_slice(&bytes[DIGEST_AT..DIGEST_AT + 16]);
        Self {
            kind,
            epoch: get_u64(bytes, EPOCH_AT),
            number: get_u64(bytes, NUMBER_AT),
            first_lsn: get_u64(bytes, FIRST_LSN_AT),
            last_lsn: get_u64(bytes, LAST_LSN_AT),
            synced_lsn: get_u64(bytes, SYNCED_LSN_AT),
            wall_micros: get_u64(bytes, WALL_MICROS_AT),
            count: get_u32(bytes, COUNT_AT),
            records_bytes: get_u32(bytes, RECORDS_BYTES_AT),
            previous_checksum: get_u32(bytes, PREVIOUS_CHECKSUM_AT),
            digest,
            checksum: get_u32(bytes, GROUP_CHECKSUM_AT),
        }
    }

    /// Whether the fields are consistent. An inconsistent header is neither written nor read.
    fn is_consistent(&self) -> bool {
        let frames_bytes = u64::from(self.count) * RECORD_FRAME_BYTES as u64;
        let kind_right = match self.kind {
            GroupKind::Records => self.count > 0,
            GroupKind::Seal => self.count == 0 && self.records_bytes == 0,
        };
        kind_right
            && (1..u64::MAX / 2).contains(&self.number)
            && (1..u64::MAX / 2).contains(&self.first_lsn)
            && self.first_lsn.checked_add(u64::from(self.count)) == self.last_lsn.checked_add(1)
            && self.synced_lsn < self.first_lsn
            && u64::from(self.records_bytes) >= frames_bytes
            && GROUP_HEADER_BYTES as u64 + u64::from(self.records_bytes) <= GROUP_BYTES_MAX
    }

    fn write_fields(&self, bytes: &mut [u8]) {
        bytes[..GROUP_HEADER_BYTES].fill(0);
        put_u32(bytes, MAGIC_AT, MAGIC);
        bytes[KIND_AT] = match self.kind {
            GroupKind::Records => KIND_RECORDS,
            GroupKind::Seal => KIND_SEAL,
        };
        put_u64(bytes, EPOCH_AT, self.epoch);
        put_u64(bytes, NUMBER_AT, self.number);
        put_u64(bytes, FIRST_LSN_AT, self.first_lsn);
        put_u64(bytes, LAST_LSN_AT, self.last_lsn);
        put_u64(bytes, SYNCED_LSN_AT, self.synced_lsn);
        put_u64(bytes, WALL_MICROS_AT, self.wall_micros);
        put_u32(bytes, COUNT_AT, self.count);
        put_u32(bytes, RECORDS_BYTES_AT, self.records_bytes);
        put_u32(bytes, PREVIOUS_CHECKSUM_AT, self.previous_checksum);
        bytes[DIGEST_AT..DIGEST_AT + 16].copy_from_slice(&self.digest);
    }
}

/// Bytes of all sectors that a group with `content_bytes` of header and records uses.
pub fn used_bytes(content_bytes: usize) -> usize {
    let words = displaced_words(content_bytes);
    if words == 0 {
        return content_bytes.next_multiple_of(SECTOR_BYTES);
    }
    let last_slot = first_slot(content_bytes) + words - 1;
    (last_slot / SLOTS + 1) * SECTOR_BYTES
}

/// Bytes of all blocks that a group with `content_bytes` of header and records takes in a segment.
pub fn disk_bytes(content_bytes: usize, block_bytes: u32) -> u64 {
    (used_bytes(content_bytes) as u64).next_multiple_of(u64::from(block_bytes))
}

/// Completes the group in `bytes` for its place: header fields, zeros after the content, displaced bytes,
/// stamps, checksums. `bytes` is exactly what will be written. Returns the group checksum.
pub(crate) fn seal_group(bytes: &mut [u8], header: &GroupHeader, place: Place) -> u32 {
    let content = header.content_bytes();
    let used = used_bytes(content);
    assert!(header.is_consistent(), "a group header that its own decoder would refuse");
    assert!(used <= bytes.len(), "a group buffer with room for the displaced bytes");
    header.write_fields(bytes);
    bytes[content..].fill(0);
    for word in 0..displaced_words(content) {
        let (stamp, slot) = displaced_at(content, word);
        bytes.copy_within(stamp..stamp + STAMP_BYTES, slot);
    }
    for sector in 0..used / SECTOR_BYTES {
        place.write_stamp(bytes, sector, header.number);
    }
    let checksum = group_checksum(&bytes[..used], place);
    put_u32(bytes, GROUP_CHECKSUM_AT, checksum);
    let mut hasher = Hasher::new_with_initial(place.seed());
    hasher.update(&bytes[..HEADER_CHECKSUM_AT]);
    put_u32(bytes, HEADER_CHECKSUM_AT, hasher.finalize());
    checksum
}

/// Whether all used sectors of a group, `used`, match the group checksum of its (already checked) header.
pub(crate) fn check_group(used: &[u8], header: &GroupHeader, place: Place) -> bool {
    group_checksum(used, place) == header.checksum
}

/// Moves the displaced bytes of a checked group back to their places, so that payloads are contiguous. This
/// overwrites the stamps.
pub(crate) fn restore_displaced(used: &mut [u8], content_bytes: usize) {
    for word in 0..displaced_words(content_bytes) {
        let (stamp, slot) = displaced_at(content_bytes, word);
        used.copy_within(slot..slot + STAMP_BYTES, stamp);
    }
}

/// Writes the frame of record number `index` of a group into the first bytes of `record`. The payload
/// follows them and is at most `u32::MAX` bytes long.
pub(crate) fn put_frame(record: &mut [u8], index: u32) {
    let length = (record.len() - RECORD_FRAME_BYTES) as u32;
    put_u32(record, 0, length);
    // First write the length where the checksum will be: then length and payload are contiguous.
    put_u32(record, 4, length);
    let mut hasher = Hasher::new_with_initial(index);
    hasher.update(&record[4..]);
    put_u32(record, 4, hasher.finalize());
}

/// The payload length in bytes of record number `index` of a group, which is at the start of `rest`, the remaining
/// bytes of the group.
pub(crate) fn record_at(rest: &[u8], index: u32, check: bool) -> Result<usize, RecordFault> {
    if rest.len() < RECORD_FRAME_BYTES {
        return Err(RecordFault::Length);
    }
    let length = get_u32(rest, 0) as usize;
    if length > rest.len() - RECORD_FRAME_BYTES {
        return Err(RecordFault::Length);
    }
    if check && record_checksum(index, rest, length) != get_u32(rest, 4) {
        return Err(RecordFault::Checksum);
    }
    Ok(length)
}

fn record_checksum(index: u32, record: &[u8], length: usize) -> u32 {
    let mut hasher = Hasher::new_with_initial(index);
    hasher.update(&record[..4]);
    hasher.update(&record[RECORD_FRAME_BYTES..RECORD_FRAME_BYTES + length]);
    hasher.finalize()
}

fn group_checksum(used: &[u8], place: Place) -> u32 {
    let mut hasher = Hasher::new_with_initial(place.seed());
    hasher.update(&used[..GROUP_CHECKSUM_AT]);
    hasher.update(&used[GROUP_HEADER_BYTES..]);
    hasher.finalize()
}

/// Number of sectors whose stamp replaces content.
fn displaced_words(content_bytes: usize) -> usize {
    content_bytes.saturating_sub(STAMP_AT).div_ceil(SECTOR_BYTES)
}

/// The slot, counted over sectors of [`SLOTS`] slots, in which the displaced bytes start.
fn first_slot(content_bytes: usize) -> usize {
    let word = content_bytes.div_ceil(STAMP_BYTES);
    let words_per_sector = SLOTS + 1;
    word / words_per_sector * SLOTS + word % words_per_sector
}

/// Where displaced word `word` belongs (the stamp's offset), and the offset at which it is kept.
fn displaced_at(content_bytes: usize, word: usize) -> (usize, usize) {
    let slot = first_slot(content_bytes) + word;
    (word * SECTOR_BYTES + STAMP_AT, slot / SLOTS * SECTOR_BYTES + slot % SLOTS * STAMP_BYTES)
}
