//! What a reader is asked for, and what it hands out.

use super::CorruptReason;
use crate::Lsn;
use crate::format::{self, RECORD_FRAME_BYTES, SegmentHeader};

/// What to read and how.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// First LSN to hand out; 0 starts with the oldest record there is.
    pub from_lsn: Lsn,
    /// An LSN known to be durable from elsewhere, for instance a checkpoint; a log that ends below it is
    /// corrupt. 0 says nothing.
    pub durable_lsn_hint: Lsn,
    /// Number of a group whose checksum the [end](LogEnd::marked_checksum) is to tell.
    pub marked_group: Option<u64>,
    /// The log that the segments must belong to; `None` accepts any, but only one.
    pub instance_id: Option<[u8; 16]>,
    /// Go on behind damage after reporting it. For inspection only: what follows may miss records.
    pub keep_going: bool,
    /// A last group that is damaged counts as torn, if nothing proves that it was durable. Whoever asks for this gives
    /// up a group that may have been acknowledged.
    pub accept_tail_loss: bool,
    /// The log may be growing: read little ahead and look for evidence behind the end only when something
    /// stands there.
    pub follow: bool,
    /// Read what the device holds rather than what the page cache says it holds. For recovery after an unclean
    /// stop: after a failed write the two can differ.
    pub device: bool,
}

/// What a group is and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupInfo {
    /// Number of the group in the log.
    pub number: u64,
    /// Number of the segment; [`segment_name`](crate::segment_name) makes the file name of it.
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
    /// Whether the group was found behind damage, or its own checksum is wrong: it may miss what came before it.
    pub salvaged: bool,
}

/// One record of the log.
#[derive(Clone, Copy, Debug)]
pub struct RecordRef<'r> {
    /// Number of the record.
    pub lsn: Lsn,
    /// What was appended.
    pub payload: &'r [u8],
    /// The group that the record came in.
    pub group: &'r GroupInfo,
    /// Position of the record in its group, from 0.
    pub index: u32,
    /// Offset in bytes of the record's frame in the segment.
    pub offset: u64,
    /// The records of the group that stand before it.
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
    /// Payloads of the records of the group that stand before it, in order, whether they were wanted or not. None in a
    /// salvaged group: what is left of one is not all its own.
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

/// Where the log ends and what has to be continued there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEnd {
    /// File name of the last segment.
    pub segment: String,
    /// Number of the last segment.
    pub sequence: u64,
    /// Salt of the last segment.
    pub salt: u64,
    /// Offset in bytes at which the next group goes.
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
    /// Bytes from `offset` on that hold parts of a group which was never durable; 0 at a clean end.
    pub torn_bytes: u64,
    /// Wall clock in microseconds of the newest group, or segment without one, that was read.
    pub wall_micros: u64,
    /// Highest epoch seen.
    pub epoch: u64,
    /// Whether the log itself says that its last record was durable, by a seal or by a segment begun after it.
    pub sealed: bool,
    /// What is wrong with the torn tail when it is damage that was accepted as a loss.
    pub accepted_loss: Option<CorruptReason>,
    /// Whether damage was passed over on the way: such a log cannot be resumed.
    pub damaged: bool,
}

/// What the reader came upon.
#[derive(Debug)]
pub enum Step<'r> {
    /// The next record.
    Record(RecordRef<'r>),
    /// The log ends here, at the end of a group.
    CleanEnd(LogEnd),
    /// The log ends here, with parts of a group behind it whose write a crash interrupted, or which is being
    /// written right now.
    TornTail(LogEnd),
}

/// What was read so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadProgress {
    /// Records handed out.
    pub records: u64,
    /// Groups read, seals included.
    pub groups: u64,
    /// Seals among them.
    pub seals: u64,
    /// Bytes of segments that these groups take.
    pub bytes: u64,
    /// Highest LSN that the log itself proves to be durable: the end of the last group that another group, a
    /// seal or a segment follows.
    pub proven_lsn: Lsn,
}

impl GroupInfo {
    /// What stands for the group before a segment's first one.
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
