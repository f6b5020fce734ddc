//! Whether the log and the table of a directory belong together, and whether the log is all there.
//!
//! Files get lost, and copies of a directory get mixed: a volume is not mounted, half of a backup is restored. Each file for
//! itself may be in order then. Two things say whether all of them are of one history:
//!
//! - the table's meta page keeps the **checksum** that the log has at the checkpoint's LSN, which covers the checksums of
//!   all groups before. A log that has another one there is not the log that the table came from. Up to the checkpoint the
//!   table needs no log, so a log that has nothing left of that time is not held against it;
//! - the table's note keeps a **mark** of the newest segment that took groups. A log without that segment has lost its end.
//!
//! The mark is written after a segment's header is durable and before its first group is: so the log may be one segment
//! ahead of the mark, which holds nothing that was acknowledged, and never behind. Each start writes a seal that no other
//! copy of the log has. The mark is written again then, in quiet moments, and when the server stops: with the LSN that is
//! durable by then, and the log's last group. So an older copy of the newest segment, or the same one of another copy of the
//! directory, does not pass for it.
//!
//! ```text
//! mark:  0  8  number of the segment    16  8  an LSN that was durable
//!        8  8  its salt                 24  8  number of the last group
//!                                       32  4  its checksum, which covers all groups before
//!                                       36  4  1 if there is such a group, 0 if not
//! ```
//! Marks of versions before have 24 bytes, or 32 of which the last 8 mean something else; they tell no group.

use wal::{GroupMark, Known, LogEnd, SegmentInfo, SegmentMark, SegmentState, segment_name};

/// Bytes of a mark.
const MARK_BYTES: usize = 40;
/// Bytes of the marks of versions before, which do not tell the group.
const OLD_MARK_BYTES: [usize; 2] = [24, 32];

/// How files of a directory contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// There is no log, though there was one.
    #[error(
        "the log is missing: its newest segment was {segment}, and there is none in use now. Is a volume not mounted, or \
         wal/ not restored? Put the files of wal/ back"
    )]
    NoLog {
        /// The segment that was the newest.
        segment: String,
    },
    /// The newest segment is missing.
    #[error(
        "the end of the log is missing: segment {segment} took records, and the newest one here is {newest}. Put the file \
         back under its name, or restore a backup of the whole directory"
    )]
    NoEnd {
        /// The segment that was the newest.
        segment: String,
        /// The newest that is there.
        newest: String,
    },
    /// The newest segment is another one.
    #[error(
        "{segment} is not the file that this log ended with: it comes from an earlier copy or from another server. Put the \
         right file back, or restore a backup of the whole directory"
    )]
    OtherEnd {
        /// The segment.
        segment: String,
    },
    /// The log ends early.
    #[error(
        "the log ends at LSN {last_lsn}, and LSN {durable_lsn} was durable: its end is damaged, or a file of it comes from an earlier \
         copy. Put the right one back, or restore a backup of the whole directory"
    )]
    Short {
        /// LSN of the last record.
        last_lsn: u64,
        /// An LSN that was durable.
        durable_lsn: u64,
    },
    /// The log lacks a group.
    #[error(
        "the log ends with group {last_group}, and group {group} was written behind it: a file of it comes from an earlier \
         copy, or its end is damaged. Put the right one back, or restore a backup of the whole directory"
    )]
    Earlier {
        /// Number of the log's last group.
        last_group: u64,
        /// Number of a group that was durable.
        group: u64,
    },
    /// The log went on differently.
    #[error(
        "the log has another group {group} than was written (checksum {found:08x}, not {expected:08x}): it, or a file of it, \
         comes from another copy of this directory. Restore table and log from one copy"
    )]
    OtherLog {
        /// Number of the group.
        group: u64,
        /// Its checksum, as the table's note knows it.
        expected: u32,
        /// The one that the log has.
        found: u32,
    },
    /// Log and table have different histories.
    #[error(
        "the table and the log are of different histories: the table's checkpoint at LSN {lsn} was taken of a log with \
         checksum {expected:08x} there, and this log has {found:08x}. Two copies of a directory were probably mixed: restore \
         table and log from one copy"
    )]
    OtherHistory {
        /// LSN of the checkpoint.
        lsn: u64,
        /// The log's checksum there, as the table knows it.
        expected: u32,
        /// The one that the log has.
        found: u32,
    },
}

/// A mark as the table's note keeps it.
pub fn encode_mark(mark: SegmentMark) -> [u8; MARK_BYTES] {
    let mut bytes = [0; MARK_BYTES];
    let numbers = [
        mark.sequence,
        mark.salt,
        mark.last_lsn,
        mark.group.map_or(0, |group| group.number),
        mark.group.map_or(0, |group| 1 << 32 | u64::from(group.checksum)),
    ];
    for (place, number) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(numbers) {
        *place = number.to_le_bytes();
    }
    bytes
}

/// Reads a mark back; `None` if these are not the bytes of one.
pub fn decode_mark(bytes: &[u8]) -> Option<SegmentMark> {
    if bytes.len() != MARK_BYTES && !OLD_MARK_BYTES.contains(&bytes.len()) {
        return None;
    }
    let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let checksum = (bytes.len() == MARK_BYTES).then(|| number(32)).filter(|known| known >> 32 == 1);
    let group = checksum.map(|known| GroupMark { number: number(24), checksum: known as u32 });
    Some(SegmentMark { sequence: number(0), salt: number(8), last_lsn: number(16), group })
}

/// The mark that the log is to be held against: none if a repair has put another log in the place of the one that was
/// marked. The next start marks that one.
pub fn mark_for(mark: SegmentMark, segments: &[SegmentInfo]) -> Option<SegmentMark> {
    let newest = segments.iter().rev().find_map(|info| info.header());
    let is_replaced = newest.is_some_and(|newest| newest.replaces_salt == mark.salt && mark.salt != 0);
    (!is_replaced).then_some(mark)
}

/// Holds the segments that are there against the mark of the newest one.
pub fn check_segments(mark: SegmentMark, segments: &[SegmentInfo]) -> Result<(), Contradiction> {
    let segment = segment_name(mark.sequence);
    // One whose header cannot be read is met, and named, by whoever reads the log.
    if segments.iter().any(|info| {
        info.sequence >= mark.sequence
            && matches!(info.state, SegmentState::Damaged | SegmentState::Unsupported { .. })
    }) {
        return Ok(());
    }
    let in_use = || segments.iter().filter_map(|info| info.header());
    let Some(newest) = in_use().next_back() else { return Err(Contradiction::NoLog { segment }) };
    if newest.sequence < mark.sequence {
        return Err(Contradiction::NoEnd { segment, newest: segment_name(newest.sequence) });
    }
    match in_use().find(|header| header.sequence == mark.sequence) {
        Some(header) if header.salt != mark.salt => Err(Contradiction::OtherEnd { segment }),
        _ => Ok(()),
    }
}

/// Holds the end of the log against the mark.
pub fn check_end(mark: SegmentMark, end: &LogEnd) -> Result<(), Contradiction> {
    if end.last_lsn < mark.last_lsn {
        return Err(Contradiction::Short { last_lsn: end.last_lsn, durable_lsn: mark.last_lsn });
    }
    let Some(group) = mark.group else { return Ok(()) };
    match end.marked_checksum {
        Some(found) if found != group.checksum => {
            Err(Contradiction::OtherLog { group: group.number, expected: group.checksum, found })
        }
        // A damaged seal at the end takes no record with it, and there may be nothing but that.
        None if end.last_group + 1 == group.number && end.torn_bytes > 0 => Ok(()),
        None if end.last_group < group.number => {
            Err(Contradiction::Earlier { last_group: end.last_group, group: group.number })
        }
        _ => Ok(()),
    }
}

/// Holds the log against the checkpoint of the table: `before` is the last group that the log has up to `lsn`, `adopted`
/// what a repair wrote the log for.
pub fn check_history(
    lsn: u64,
    checksum: Option<u32>,
    before: Option<Known>,
    adopted: Option<Known>,
) -> Result<(), Contradiction> {
    let (Some(expected), Some(before)) = (checksum, before) else { return Ok(()) };
    // A log in which no group ends at the checkpoint is another one, too.
    let known = Known { lsn, checksum: expected };
    if before == known || adopted == Some(known) {
        return Ok(());
    }
    Err(Contradiction::OtherHistory { lsn, expected, found: before.checksum })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_a_mark_stay_what_they_are() {
        let group = Some(GroupMark { number: 4, checksum: 5 });
        let mark = SegmentMark { sequence: 1, salt: 2, last_lsn: 3, group };
        let bytes = encode_mark(mark);
        assert_eq!([0, 8, 16, 24, 32, 36].map(|at| bytes[at]), [1, 2, 3, 4, 5, 1]);
        assert_eq!(decode_mark(&bytes), Some(mark));
        assert_eq!(decode_mark(&bytes[1..]), None);
        let unknown = SegmentMark { group: None, ..mark };
        assert_eq!(decode_mark(&encode_mark(unknown)), Some(unknown));
        for bytes in [&bytes[..24], &bytes[..32]] {
            assert_eq!(decode_mark(bytes), Some(unknown), "as versions before wrote it");
        }
    }
}
