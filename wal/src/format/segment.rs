//! The header block of a segment.
//!
//! ```text
//! offset size field
//!      0    8 magic "ackd-wal"
//!      8    4 format version, 1
//!     12    4 block size in bytes
//!     16   16 instance id: which log this file belongs to
//!     32    8 salt, random for each use of the file
//!     40    8 sequence number, the same as in the file's name
//!     48    8 length of the file in bytes
//!     56    8 epoch
//!     64    8 LSN of the first record that follows
//!     72    8 number of the first group that follows
//!     80    8 sequence number of the previous segment, 0 when there is none
//!     88    8 where the groups of the previous segment end (file offset), 0 when there is none
//!     96    4 checksum of the last group before this segment, 0 when there is none
//!    100    4 flags: bit 0 = recycled, unused space may hold an earlier use of the file; bits 1 and 2 as below
//!    104    8 wall clock in microseconds when the segment was taken into use
//!    112    4 checksum of the last group of records before this segment (a seal has none), if flag bit 1 is set
//!    116    4 zeros
//!    120    8 LSN that the user's state held when a repair wrote this log for it, if flag bit 2 is set
//!    128    4 checksum that the user's state knew for that LSN
//!    132    4 zeros
//!    136    8 salt of the newest segment of the log that a repair replaced by this one, 0 if none
//!    144  364 zeros
//!    508    4 crc32 of bytes 0..508
//! ```
//!
//! The header fits one sector, so it is on disk completely or not at all. The rest of its block is not used. It is
//! written when the segment is taken into use, after everything in the previous segment is synced; therefore it
//! proves that all records below its first LSN were durable.

use super::{SECTOR_BYTES, block_bytes_valid, get_u32, get_u64, put_u32, put_u64};

/// Bytes of a segment header: one sector.
pub const SEGMENT_HEADER_BYTES: usize = SECTOR_BYTES;

const MAGIC: &[u8; 8] = b"ackd-wal";
const VERSION: u32 = 1;
const FLAG_RECYCLED: u32 = 1;
const FLAG_RECORDS_CHECKSUM: u32 = 1 << 1;
const FLAG_ADOPTED: u32 = 1 << 2;

const MAGIC_AT: usize = 0;
const VERSION_AT: usize = MAGIC_AT + 8;
const BLOCK_BYTES_AT: usize = VERSION_AT + 4;
const INSTANCE_ID_AT: usize = BLOCK_BYTES_AT + 4;
const SALT_AT: usize = INSTANCE_ID_AT + 16;
const SEQUENCE_AT: usize = SALT_AT + 8;
const SEGMENT_BYTES_AT: usize = SEQUENCE_AT + 8;
const EPOCH_AT: usize = SEGMENT_BYTES_AT + 8;
const FIRST_LSN_AT: usize = EPOCH_AT + 8;
const FIRST_GROUP_AT: usize = FIRST_LSN_AT + 8;
const PREVIOUS_SEQUENCE_AT: usize = FIRST_GROUP_AT + 8;
const PREVIOUS_END_AT: usize = PREVIOUS_SEQUENCE_AT + 8;
const PREVIOUS_CHECKSUM_AT: usize = PREVIOUS_END_AT + 8;
const FLAGS_AT: usize = PREVIOUS_CHECKSUM_AT + 4;
const WALL_MICROS_AT: usize = FLAGS_AT + 4;
const RECORDS_CHECKSUM_AT: usize = WALL_MICROS_AT + 8;
const ADOPTED_LSN_AT: usize = RECORDS_CHECKSUM_AT + 8;
const ADOPTED_CHECKSUM_AT: usize = ADOPTED_LSN_AT + 8;
const REPLACES_SALT_AT: usize = ADOPTED_CHECKSUM_AT + 8;
const ZEROS_AT: usize = REPLACES_SALT_AT + 8;
const CHECKSUM_AT: usize = SEGMENT_HEADER_BYTES - 4;

const _: () = assert!(
    SALT_AT == 32
        && FIRST_LSN_AT == 64
        && PREVIOUS_CHECKSUM_AT == 96
        && RECORDS_CHECKSUM_AT == 112
        && ZEROS_AT == 144
);
const _: () = assert!(CHECKSUM_AT == 508);

/// A segment's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Bytes of a block; groups start at multiples of it.
    pub block_bytes: u32,
    /// Identifies the log that the segment belongs to.
    pub instance_id: [u8; 16],
    /// Random for each use of the file; seeds all stamps and checksums in it.
    pub salt: u64,
    /// Number of the segment. Segments are used in the order of their numbers; numbers may be skipped.
    pub sequence: u64,
    /// Length of the file in bytes.
    pub segment_bytes: u64,
    /// Epoch of the writer that took the segment into use.
    pub epoch: u64,
    /// LSN of the first record in the segment.
    pub first_lsn: u64,
    /// Number of the first group in the segment.
    pub first_group: u64,
    /// Number of the segment used before, 0 for the first one of a log.
    pub previous_sequence: u64,
    /// Offset in bytes at which the groups of the previous segment end, 0 for the first one of a log.
    pub previous_end: u64,
    /// Checksum of the last group before this segment, 0 for the first one of a log.
    pub previous_checksum: u32,
    /// Whether unused space may hold an earlier use of the file; otherwise it is zero.
    pub recycled: bool,
    /// Wall clock in microseconds since 1970 when the segment was taken into use.
    pub wall_micros: u64,
    /// Checksum of the last group of records before this segment; `None` if there is none, or it is not known.
    pub records_checksum: Option<u32>,
    /// The state that a repair wrote this log for; `None` in a log that was never repaired.
    pub adopted: Option<Known>,
    /// Salt of the newest segment of the log that a repair replaced by this one; 0 if none.
    pub replaces_salt: u64,
}

/// A place in a log's history: two logs that agree on it have the same records up to there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// LSN of the last record of a group.
    pub lsn: u64,
    /// The group's checksum, which covers those of all groups before it.
    pub checksum: u32,
}

/// The content of the first sector of a segment file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentHeaderState {
    /// All zero: the file is prepared and was never in use.
    Unused,
    /// A header with a right checksum.
    Valid(SegmentHeader),
    /// A header with a right checksum and a format version that this code does not know.
    Unsupported {
        /// The version found.
        version: u32,
    },
    /// Anything else: the sector is damaged.
    Damaged,
}

impl SegmentHeader {
    /// The header's bytes: the first sector of the file.
    pub fn encode(&self) -> [u8; SEGMENT_HEADER_BYTES] {
        assert!(self.is_consistent(), "a segment header that its own decoder would refuse");
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        bytes[MAGIC_AT..VERSION_AT].copy_from_slice(MAGIC);
        put_u32(&mut bytes, VERSION_AT, VERSION);
        put_u32(&mut bytes, BLOCK_BYTES_AT, self.block_bytes);
        bytes[INSTANCE_ID_AT..SALT_AT].copy_from_slice(&self.instance_id);
        put_u64(&mut bytes, SALT_AT, self.salt);
        put_u64(&mut bytes, SEQUENCE_AT, self.sequence);
        put_u64(&mut bytes, SEGMENT_BYTES_AT, self.segment_bytes);
        put_u64(&mut bytes, EPOCH_AT, self.epoch);
        put_u64(&mut bytes, FIRST_LSN_AT, self.first_lsn);
        put_u64(&mut bytes, FIRST_GROUP_AT, self.first_group);
        put_u64(&mut bytes, PREVIOUS_SEQUENCE_AT, self.previous_sequence);
        put_u64(&mut bytes, PREVIOUS_END_AT, self.previous_end);
        put_u32(&mut bytes, PREVIOUS_CHECKSUM_AT, self.previous_checksum);
        put_u32(&mut bytes, FLAGS_AT, self.flags());
        put_u64(&mut bytes, WALL_MICROS_AT, self.wall_micros);
        put_u32(&mut bytes, RECORDS_CHECKSUM_AT, self.records_checksum.unwrap_or(0));
        let adopted = self.adopted.unwrap_or(Known { lsn: 0, checksum: 0 });
        put_u64(&mut bytes, ADOPTED_LSN_AT, adopted.lsn);
        put_u32(&mut bytes, ADOPTED_CHECKSUM_AT, adopted.checksum);
        put_u64(&mut bytes, REPLACES_SALT_AT, self.replaces_salt);
        let checksum = crc32fast::hash(&bytes[..CHECKSUM_AT]);
        put_u32(&mut bytes, CHECKSUM_AT, checksum);
        bytes
    }

    /// The flags.
    fn flags(&self) -> u32 {
        let flag = |set: bool, flag: u32| if set { flag } else { 0 };
        flag(self.recycled, FLAG_RECYCLED)
            | flag(self.records_checksum.is_some(), FLAG_RECORDS_CHECKSUM)
            | flag(self.adopted.is_some(), FLAG_ADOPTED)
    }

    /// Decodes the first sector of a segment file. `bytes` may be longer; if it is shorter, it counts as damaged.
    pub fn decode(bytes: &[u8]) -> SegmentHeaderState {
        let Some(bytes) = bytes.get(..SEGMENT_HEADER_BYTES) else { return SegmentHeaderState::Damaged };
        if bytes.iter().all(|&byte| byte == 0) {
            return SegmentHeaderState::Unused;
        }
        let checksum_right = get_u32(bytes, CHECKSUM_AT) == crc32fast::hash(&bytes[..CHECKSUM_AT]);
        if !checksum_right || &bytes[MAGIC_AT..VERSION_AT] != MAGIC {
            return SegmentHeaderState::Damaged;
        }
        let version = get_u32(bytes, VERSION_AT);
        if version != VERSION {
            return SegmentHeaderState::Unsupported { version };
        }
        let header = Self::fields(bytes);
        if header.is_consistent() { SegmentHeaderState::Valid(header) } else { SegmentHeaderState::Damaged }
    }

    fn fields(bytes: &[u8]) -> Self {
        let mut instance_id = [0; 16];
        instance_id.copy_from_slice(&bytes[INSTANCE_ID_AT..SALT_AT]);
        let has = |flag| get_u32(bytes, FLAGS_AT) & flag != 0;
        Self {
            block_bytes: get_u32(bytes, BLOCK_BYTES_AT),
            instance_id,
            salt: get_u64(bytes, SALT_AT),
            sequence: get_u64(bytes, SEQUENCE_AT),
            segment_bytes: get_u64(bytes, SEGMENT_BYTES_AT),
            epoch: get_u64(bytes, EPOCH_AT),
            first_lsn: get_u64(bytes, FIRST_LSN_AT),
            first_group: get_u64(bytes, FIRST_GROUP_AT),
            previous_sequence: get_u64(bytes, PREVIOUS_SEQUENCE_AT),
            previous_end: get_u64(bytes, PREVIOUS_END_AT),
            previous_checksum: get_u32(bytes, PREVIOUS_CHECKSUM_AT),
            recycled: has(FLAG_RECYCLED),
            wall_micros: get_u64(bytes, WALL_MICROS_AT),
            records_checksum: has(FLAG_RECORDS_CHECKSUM).then(|| get_u32(bytes, RECORDS_CHECKSUM_AT)),
            adopted: has(FLAG_ADOPTED).then(|| Known {
                lsn: get_u64(bytes, ADOPTED_LSN_AT),
                checksum: get_u32(bytes, ADOPTED_CHECKSUM_AT),
            }),
            replaces_salt: get_u64(bytes, REPLACES_SALT_AT),
        }
    }

    /// Whether the fields are consistent. An inconsistent header is neither written nor read.
    fn is_consistent(&self) -> bool {
        block_bytes_valid(self.block_bytes)
            && self.first_lsn >= 1
            && self.first_group >= 1
            && self.sequence > self.previous_sequence
            && self.sequence <= i64::MAX as u64
            && self.segment_bytes > u64::from(self.block_bytes)
            && self.segment_bytes <= i64::MAX as u64
            && self.segment_bytes.is_multiple_of(u64::from(self.block_bytes))
            && self.first_lsn < u64::MAX / 2
            && self.first_group < u64::MAX / 2
    }
}
