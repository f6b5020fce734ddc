//! Whether the log and the table of a directory belong together, and whether the log is complete.
//!
//! Files get lost, and copies of a directory get mixed: a volume is not mounted, or half of a backup is restored. Each
//! file may still be intact by itself. Two things show whether all of them are from one history:
//!
//! - The table's meta page keeps the **checksum** of the log at the checkpoint's LSN, which covers the checksums of all
//!   earlier groups. A log with a different one there is not the log of this table. Up to the checkpoint the table
//!   needs no log, so a log that no longer reaches back that far is not checked against it.
//! - The table's note keeps a **mark** of the newest segment that has groups. A log without that segment has lost its
//!   end.
//!
//! The mark is written after a segment's header is durable and before its first group is. So the log may be one segment
//! ahead of the mark, which holds nothing that was acknowledged, and never the other way round. Each start writes a
//! seal that no other copy of the log has. The mark is written again then, when the server is idle, and when it stops,
//! with the LSN that is durable by then and the log's last group. So an older copy of the newest segment, or the same
//! segment from another copy of the directory, is not accepted in its place.
//!
//! ```text
//! mark:  0  8  number of the segment    16  8  an LSN that was durable
//!        8  8  its salt                 24  8  number of the last group
//!                                       32  4  its checksum, which covers all groups before
//!                                       36  4  1 if there is such a group, 0 if not
//! ```
//! Marks of earlier versions have 24 bytes, or 32 of which the last 8 mean something else; they contain no group.

use wal::{GroupMark, Known, LogEnd, SegmentInfo, SegmentMark, SegmentState, segment_name};

/// Bytes of a mark.
const MARK_BYTES: usize = 40;
/// Sizes of the marks of earlier versions, which contain no group.
const OLD_MARK_BYTES: [usize; 2] = [24, 32];

/// How the files of a directory contradict each other.
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
        /// The newest one that is there.
        newest: String,
    },
    /// The newest segment is a different file.
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
    /// The log lacks a group that was durable.
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
    /// The log has a different group than was written.
    #[error(
        "the log has another group {group} than was written (checksum {found:08x}, not {expected:08x}): it, or a file of it, \
         comes from another copy of this directory. Restore table and log from one copy"
    )]
    OtherLog {
        /// Number of the group.
        group: u64,
        /// Its checksum according to the table's note.
        expected: u32,
        /// Its checksum in the log.
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
        /// The log's checksum there according to the table.
        expected: u32,
        /// Its checksum in the log.
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

/// Decodes a mark; `None` if these are not the bytes of one.
pub fn decode_mark(bytes: &[u8]) -> Option<SegmentMark> {
    if bytes.len() != MARK_BYTES && !OLD_MARK_BYTES.contains(&bytes.len()) {
        return None;
    }
    let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let checksum = (bytes.len() == MARK_BYTES).then(|| number(32)).filter(|known| known >> 32 == 1);
    let group = checksum.map(|known| GroupMark { number: number(24), checksum: known as u32 });
    Some(SegmentMark { sequence: number(0), salt: number(8), last_lsn: number(16), group })
}

/// The mark to check the log against; `None` if a repair has replaced the log that was marked by another. The next
/// start marks that one.
pub fn mark_for(mark: SegmentMark, segments: &[SegmentInfo]) -> Option<SegmentMark> {
    let newest = segments.iter().rev().find_map(|info| info.header());
    let is_replaced = newest.is_some_and(|newest| newest.replaces_salt == mark.salt && mark.salt != 0);
    (!is_replaced).then_some(mark)
}

/// Checks the existing segments against the mark of the newest one.
pub fn check_segments(mark: SegmentMark, segments: &[SegmentInfo]) -> Result<(), Contradiction> {
    let segment = segment_name(mark.sequence);
    // A segment whose header cannot be read is reported by whoever reads the log.
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

/// Checks the end of the log against the mark.
pub fn check_end(mark: SegmentMark, end: &LogEnd) -> Result<(), Contradiction> {
    if end.last_lsn < mark.last_lsn {
        return Err(Contradiction::Short { last_lsn: end.last_lsn, durable_lsn: mark.last_lsn });
    }
    let Some(group) = mark.group else { return Ok(()) };
    match end.marked_checksum {
        Some(found) if found != group.checksum => {
            Err(Contradiction::OtherLog { group: group.number, expected: group.checksum, found })
        }
        // If a seal at the end is damaged, no record is lost. The torn part may be nothing but that.
        None if end.last_group + 1 == group.number && end.torn_bytes > 0 => Ok(()),
        None if end.last_group < group.number => {
            Err(Contradiction::Earlier { last_group: end.last_group, group: group.number })
        }
        _ => Ok(()),
    }
}

/// Checks the log against the checkpoint of the table. `before` is the last group of the log up to `lsn`; `adopted` is
/// the checkpoint for which a repair wrote the log.
pub fn check_history(
    lsn: u64,
    checksum: Option<u32>,
    before: Option<Known>,
    adopted: Option<Known>,
) -> Result<(), Contradiction> {
    let (Some(expected), Some(before)) = (checksum, before) else { return Ok(()) };
    // A log in which no group ends at the checkpoint is a different one, too.
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
    fn a_log_of_another_history_is_refused_whatever_it_has_at_the_checkpoint() {
        let known = |lsn, checksum| Some(Known { lsn, checksum });
        assert_eq!(check_history(7, Some(1), known(7, 1), None), Ok(()));
        assert_eq!(check_history(7, None, known(7, 2), None), Ok(()), "an old table keeps no checksum");
        assert_eq!(check_history(7, Some(1), None, None), Ok(()), "the log begins after the checkpoint");
        assert_eq!(
            check_history(7, Some(1), known(7, 2), known(7, 1)),
            Ok(()),
            "a repair wrote the log for it"
        );
        let refused = Err(Contradiction::OtherHistory { lsn: 7, expected: 1, found: 2 });
        assert_eq!(check_history(7, Some(1), known(7, 2), None), refused, "a group ends at the checkpoint");
        assert_eq!(check_history(7, Some(1), known(6, 2), None), refused, "no group ends there");
    }

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
