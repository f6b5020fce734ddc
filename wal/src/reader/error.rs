//! Errors of the reader, worded so that an operator knows what to do.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::Lsn;

/// Why the log cannot be read any further.
#[derive(Debug, Error)]
pub enum ReadError {
    /// What is on disk is not what was durable.
    #[error("corrupt log: {segment} offset {offset}, from LSN {lsn} on: {reason}")]
    Corrupt {
        /// File name of the segment.
        segment: String,
        /// Offset in bytes of the first damage.
        offset: u64,
        /// First LSN that is not available because of it.
        lsn: Lsn,
        /// What is wrong.
        reason: CorruptReason,
    },
    /// Segments that must exist are not there.
    #[error("segments are missing: LSN {lsn} should follow, {found}")]
    Missing {
        /// First LSN that is not available because of it.
        lsn: Lsn,
        /// What is there instead.
        found: String,
    },
    /// There is no segment in use in the directory.
    #[error("{} holds no log", path.display())]
    NoLog {
        /// The directory.
        path: PathBuf,
    },
    /// A segment has a format version that this code does not know.
    #[error("{segment} has format version {version}, which this program does not know")]
    Unsupported {
        /// File name of the segment.
        segment: String,
        /// The version found.
        version: u32,
    },
    /// The segment was recycled by a running log while it was being read. Open another reader.
    #[error("{segment} was recycled while it was being read")]
    Recycled {
        /// File name by which the segment was opened.
        segment: String,
    },
    /// The operating system could not read. This says nothing about what is on disk.
    #[error("reading {} at offset {offset}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Offset in bytes of the read.
        offset: u64,
        /// What the operating system said.
        source: io::Error,
    },
}

impl CorruptReason {
    /// Whether only one group is damaged: it could be dropped if it is the last one.
    pub fn is_of_one_group(&self) -> bool {
        matches!(
            self,
            Self::GroupHeader | Self::GroupLength | Self::GroupChecksum | Self::Stamp | Self::Garbage
        )
    }
}

/// What is wrong at a corrupt position.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CorruptReason {
    /// The segment's header sector is damaged.
    #[error("the segment's header is damaged")]
    SegmentHeader,
    /// The segment looks unused, but has groups of its last use.
    #[error("the segment's header is lost")]
    SegmentHeaderLost,
    /// The file is not as long as its header says.
    #[error("the file has {found} bytes, its header says {expected}")]
    SegmentLength {
        /// Bytes in the header.
        expected: u64,
        /// Bytes of the file.
        found: u64,
    },
    /// The segment belongs to another log.
    #[error("the segment belongs to another log")]
    ForeignInstance,
    /// The segment does not continue the previous one.
    #[error("the segment does not continue the one before it")]
    SegmentChain,
    /// A group's header is damaged.
    #[error("a group's header is damaged")]
    GroupHeader,
    /// A group is intact but not the one that belongs here.
    #[error("group {found} stands where group {expected} belongs")]
    GroupChain {
        /// Number of the group that belongs here.
        expected: u64,
        /// Number found.
        found: u64,
    },
    /// A group has the number that belongs here, but its previous group is another one: one of the two is from another
    /// history.
    #[error("group {group} does not follow the group before it, but another one")]
    GroupBefore {
        /// Number of the group.
        group: u64,
    },
    /// A group reaches beyond the end of its segment.
    #[error("a group reaches beyond the end of its segment")]
    GroupLength,
    /// All sectors of a group are there, and its checksum is wrong.
    #[error("a group's checksum is wrong")]
    GroupChecksum,
    /// A group is right except for a stamp.
    #[error("a sector's stamp is damaged")]
    Stamp,
    /// Sectors that were never written hold something.
    #[error("garbage stands where nothing was written")]
    Garbage,
    /// A group is missing that must have been durable, because a later one is there.
    #[error("group {group} at offset {offset} was written later and needs it")]
    LaterGroup {
        /// Number of the later group.
        group: u64,
        /// Offset in bytes of the first sector that it stamped.
        offset: u64,
    },
    /// A group is missing that must have been durable, because the next segment was begun after it.
    #[error("the next segment says that groups go on to offset {end}")]
    BeforeNextSegment {
        /// Offset in bytes at which the segment's groups end.
        end: u64,
    },
    /// The log ends below an LSN known to be durable.
    #[error("LSN {durable_lsn} is known to be durable")]
    BelowDurable {
        /// The LSN known to be durable.
        durable_lsn: Lsn,
    },
    /// A record's length does not fit its group's.
    #[error("a record's length is wrong")]
    RecordLength,
    /// A record's checksum is wrong although its group's is right.
    #[error("a record's checksum is wrong")]
    RecordChecksum,
}
