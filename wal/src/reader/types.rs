//! Options of a reader, and what it returns.

use super::CorruptReason;
use crate::Lsn;
use crate::format::{self, RECORD_FRAME_BYTES, SegmentHeader};

/// What to read and how.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// First LSN to return; 0 starts with the oldest record there is.
    pub from_lsn: Lsn,
    /// An LSN known from elsewhere to be durable, for instance from a checkpoint; a log that ends below it is
    /// corrupt. 0: none.
    pub durable_lsn_hint: Lsn,
    /// Number of a group whose checksum the [end](LogEnd::marked_checksum) must have.
    pub marked_group: Option<u64>,
    /// The log that the segments must belong to; `None` accepts any, but only one.
    pub instance_id: Option<[u8; 16]>,
    /// Report damage and continue after it. For inspection only: what follows may miss records.
    pub keep_going: bool,
    /// A damaged last group counts as torn, if nothing proves that it was durable. This may drop a group that was
    /// acknowledged.
    pub accept_tail_loss: bool,
    /// The log may be growing: read little ahead, and scan for evidence after the end only if something is written
    /// there.
    pub follow: bool,
    /// Read from the device, not from the page cache. For recovery after an unclean stop: after a failed write the two
    /// can differ.
    pub device: bool,
}

/// A group's header and place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupInfo {
    /// Number of the group in the log.
    pub number: u64,
    /// Number of the segment; [`segment_name`](crate::segment_name) gives its file name.
    pub segment: u64,
    /// Offset in bytes of the group in the segment.
    pub offset: u64,
    /// Bytes of the segment that the group takes.
    pub disk_bytes: u64,
    /// LSN of the first record.
    pub first_lsn: Lsn,
    /// LSN of the last record.
    pub last_lsn: Lsn,
    /// Number of records.
    pub count: u32,
    /// Wall clock in microseconds since 1970 when the group was submitted.
    pub wall_micros: u64,
    /// LSN that was durable when the group was issued.
    pub synced_lsn: Lsn,
    /// Epoch of the writer.
    pub epoch: u64,
    /// Digest of the user's state, zeros when there is none.
    pub digest: [u8; 16],
    /// The group's checksum.
    pub checksum: u32,
    /// Whether the group was found after damage, or its own checksum is wrong: records before it may be missing.
    pub salvaged: bool,
}

/// One record of the log.
#[derive(Clone, Copy, Debug)]
pub struct RecordRef<'r> {
    /// Number of the record.
    pub lsn: Lsn,
    /// The bytes that were appended.
    pub payload: &'r [u8],
    /// The record's group.
    pub group: &'r GroupInfo,
    /// Position of the record in its group, from 0.
    pub index: u32,
    /// Offset in bytes of the record's frame in the segment.
    pub offset: u64,
    /// The earlier records of the group.
    pub(super) before: Before<'r>,
}

/// Records of a group, with their frames.
#[derive(Clone, Copy)]
pub(super) struct Before<'r>(pub(super) &'r [u8]);

impl std::fmt::Debug for Before<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl<'r> RecordRef<'r> {
    /// Payloads of the earlier records of the group, in order, also of those below [`ReadOptions::from_lsn`]. None in a
    /// salvaged group, which may hold bytes that are not its own.
    pub fn earlier(&self) -> impl Iterator<Item = &'r [u8]> + use<'r> {
        let mut rest = if self.group.salvaged { &[] } else { self.before.0 };
        (0..self.index).map_while(move |index| {
            let length = format::record_at(rest, index, true).ok()?;
            let (record, after) = rest.split_at(RECORD_FRAME_BYTES + length);
            rest = after;
            Some(&record[RECORD_FRAME_BYTES..])
        })
    }
}

/// Where the log ends, and what the next group must continue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEnd {
    /// File name of the last segment.
    pub segment: String,
    /// Number of the last segment.
    pub sequence: u64,
    /// Salt of the last segment.
    pub salt: u64,
    /// Offset in bytes of the next group.
    pub offset: u64,
    /// LSN of the last record, 0 when there is none.
    pub last_lsn: Lsn,
    /// Number of the last group, 0 when there is none.
    pub last_group: u64,
    /// Checksum of the last group, 0 when there is none.
    pub last_checksum: u32,
    /// Checksum of the last group of records; `None` if there is none, or it is not known.
    pub records_checksum: Option<u32>,
    /// Checksum of the group [`ReadOptions::marked_group`]; `None` if it was not read.
    pub marked_checksum: Option<u32>,
    /// Bytes from `offset` on that hold parts of a group that was never durable; 0 at a clean end.
    pub torn_bytes: u64,
    /// Wall clock in microseconds of the newest group that was read, or of the newest segment if it has none.
    pub wall_micros: u64,
    /// Highest epoch seen.
    pub epoch: u64,
    /// Whether the log proves that its last record was durable, by a seal or by a segment begun after it.
    pub sealed: bool,
    /// The damage in the torn tail, if it is damage that was accepted as a loss.
    pub accepted_loss: Option<CorruptReason>,
    /// Whether damage was skipped before the end: such a log cannot be resumed.
    pub damaged: bool,
}

/// What a call of the reader found.
#[derive(Debug)]
pub enum Step<'r> {
    /// The next record.
    Record(RecordRef<'r>),
    /// The log ends here, at the end of a group.
    CleanEnd(LogEnd),
    /// The log ends here, and parts of a group follow. A crash interrupted its write, or it is being written now.
    TornTail(LogEnd),
}

/// What was read so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadProgress {
    /// Records returned.
    pub records: u64,
    /// Groups read, seals included.
    pub groups: u64,
    /// Seals among them.
    pub seals: u64,
    /// Bytes of segments that these groups take.
    pub bytes: u64,
    /// Highest LSN that the log proves to be durable: the last LSN of the last group that is followed by another
    /// group, a seal or a segment.
    pub proven_lsn: Lsn,
}

impl GroupInfo {
    /// The group that a segment's first group continues, from the segment's header.
    pub(super) fn before(header: &SegmentHeader) -> Self {
        Self {
            number: header.first_group - 1,
            segment: header.sequence,
            offset: 0,
            disk_bytes: 0,
            first_lsn: header.first_lsn,
            last_lsn: header.first_lsn - 1,
            count: 0,
            wall_micros: header.wall_micros,
            synced_lsn: header.first_lsn - 1,
            epoch: header.epoch,
            digest: [0; 16],
            checksum: header.previous_checksum,
            salvaged: false,
        }
    }
}
