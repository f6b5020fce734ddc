//! The decision at the first position without a valid group: clean end, torn tail, or corrupt.
//!
//! A group is written only after the previous one is durable, and each of its sectors has a stamp that no other
//! group has there. X is the position. Hence:
//!
//! - a stamp of a later group anywhere after X proves that the group at X was durable: what is missing is damage;
//! - a group whose sectors are all stamped was written completely: a wrong checksum is damage;
//! - a group with a sector that is not stamped was not written completely, so it was never durable (unless
//!   something proves otherwise) and never acknowledged: it is a torn tail, and is dropped as a whole.
//!
//! A damaged stamp differs from the right one in only a few bits; a sector that was not written differs in many. If the
//! checksum is right with the right stamp in place, the sector was written. (Unwritten sectors may hold the right bytes:
//! a value may be zeros, or the same as in an earlier use.) In a segment that was never recycled, unwritten space is
//! zero; anything else in it is damage, too.

use super::open::access;
use super::{CorruptReason, LogEnd, Position, ReadError, Reader, Stuck};
use crate::format::{self, GroupHeader, HeaderFault, Place, SECTOR_BYTES};
use crate::segments::{SegmentInfo, SegmentState};
use crate::storage::Storage;

/// Bytes read at once when scanning for evidence.
const SCAN_BYTES: u64 = 1 << 20;

/// Why there is no valid group at a position.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// The segment has no block left.
    NoRoom,
    /// There is no header with a right checksum, or its fields contradict each other.
    Header(HeaderFault),
    /// A group header with a right checksum does not continue the previous group.
    Chain(GroupHeader),
    /// A group header has a right checksum, but the group is longer than the space for it.
    Length,
    /// The group's header is right, and its group checksum is wrong.
    Checksum(GroupHeader),
}

/// What is after the last group.
struct Tail {
    /// Bytes of a group that was not written completely; 0 at a clean end.
    bytes: u64,
    /// The damage in it, if it is damage and not a torn write.
    accepted_loss: Option<CorruptReason>,
}

/// What a scan of the sectors after a position found.
#[derive(Clone, Copy, Debug, Default)]
struct Traces {
    /// First sector with the stamp of a later group: its offset and the group's number.
    later: Option<(u64, u64)>,
    /// End of the last sector with the stamp of the missing group itself.
    own_end: Option<u64>,
    /// End of the last sector that holds anything, an earlier use of the segment included.
    written_end: u64,
}

/// The state of the sector that should hold a group's header.
#[derive(Clone, Copy, PartialEq, Eq)]
enum HeaderSector {
    /// The group wrote it.
    Written,
    /// The group did not write it.
    Absent {
        /// Whether it is all zero.
        zero: bool,
    },
}

/// The state of the sectors of one group.
struct Sectors {
    /// All have their stamp.
    all_stamped: bool,
    /// Only a few bits of stamps are wrong.
    right_but_for_stamps: bool,
    /// Some sector has no stamp and is not zero.
    garbage: bool,
}

impl<S: Storage> Reader<S> {
    /// Decides what it means that there is no group at the position.
    pub(super) fn decide(&mut self, fault: &Fault) -> Result<LogEnd, ReadError> {
        match self.judge(fault)? {
            Ok(Tail { bytes, accepted_loss }) => Ok(LogEnd { accepted_loss, ..self.end(bytes) }),
            Err(reason) => Err(self.stick_at(fault, reason)),
        }
    }

    /// The verdict: the tail, or why this is damage.
    fn judge(&mut self, fault: &Fault) -> Result<Result<Tail, CorruptReason>, ReadError> {
        if let Some(end) = self.open.end {
            return Ok(Err(self.reason_before_end(fault, end)?));
        }
        self.check_length()?;
        let accepted_loss = match self.reason_here(fault)? {
            Some(reason) if !(self.options.accept_tail_loss && reason.is_of_one_group()) => {
                return Ok(Err(reason));
            }
            reason => reason,
        };
        let traces = if accepted_loss.is_some() || self.worth_scanning(fault)? {
            self.scan()?
        } else {
            Traces::default()
        };
        if let Some((offset, group)) = traces.later {
            return Ok(Err(CorruptReason::LaterGroup { group, offset }));
        }
        self.check_what_follows()?;
        let durable_lsn = self.options.durable_lsn_hint;
        if self.position.last_lsn < durable_lsn {
            return Ok(Err(CorruptReason::BelowDurable { durable_lsn }));
        }
        let block = u64::from(self.open.header.block_bytes);
        let mut torn_end = traces.own_end.unwrap_or(self.position.offset);
        if accepted_loss.is_some() {
            // Damage may hide the length of the group: keep everything that may be part of it.
            torn_end = torn_end.max(self.position.offset + 1).max(traces.written_end);
        }
        let bytes = torn_end.next_multiple_of(block).min(self.limit()) - self.position.offset;
        Ok(Ok(Tail { bytes, accepted_loss }))
    }

    /// The reason if a group is missing although the next segment was begun after it.
    fn reason_before_end(&mut self, fault: &Fault, end: u64) -> Result<CorruptReason, ReadError> {
        let (expected, found) = (self.open.header.segment_bytes, self.open.bytes);
        if end > found {
            return Ok(CorruptReason::SegmentLength { expected, found });
        }
        Ok(self.reason_here(fault)?.unwrap_or(CorruptReason::BeforeNextSegment { end }))
    }

    /// The reason why this is damage, if the bytes at the position show it.
    fn reason_here(&mut self, fault: &Fault) -> Result<Option<CorruptReason>, ReadError> {
        let fresh = !self.open.header.recycled;
        let expected = self.position.last_group + 1;
        Ok(match fault {
            Fault::NoRoom => None,
            Fault::Header(HeaderFault::Fields) => Some(CorruptReason::GroupHeader),
            Fault::Chain(header) if header.number == expected => {
                Some(CorruptReason::GroupBefore { group: expected })
            }
            Fault::Chain(header) => Some(CorruptReason::GroupChain { expected, found: header.number }),
            Fault::Length => Some(CorruptReason::GroupLength),
            Fault::Header(HeaderFault::Checksum) => match self.look_at_header()? {
                HeaderSector::Written => Some(CorruptReason::GroupHeader),
                HeaderSector::Absent { zero } => (fresh && !zero).then_some(CorruptReason::Garbage),
            },
            Fault::Checksum(header) => {
                let sectors = self.look_at_sectors(header)?;
                if sectors.all_stamped {
                    Some(CorruptReason::GroupChecksum)
                } else if sectors.right_but_for_stamps {
                    Some(CorruptReason::Stamp)
                } else {
                    (fresh && sectors.garbage).then_some(CorruptReason::Garbage)
                }
            }
        })
    }

    /// Whether the group that belongs at the position wrote its first sector, although its header is unreadable: the
    /// sector has the group's stamp, or the group's number at its place in the header. A value of an earlier use could
    /// have that number there, too, so in a recycled segment most bits of the stamp must be right as well.
    fn look_at_header(&mut self) -> Result<HeaderSector, ReadError> {
        let Position { offset, last_group, .. } = self.position;
        self.fill_window(offset, SECTOR_BYTES)?;
        let bytes = self.window.bytes(offset, SECTOR_BYTES);
        let (place, number) = (self.place(offset), last_group + 1);
        let fresh = !self.open.header.recycled;
        let numbered = GroupHeader::unchecked_number(bytes) == Some(number);
        let written = place.is_stamped(bytes, 0, number)
            || (numbered && (fresh || place.was_stamped(bytes, 0, number)));
        Ok(if written { HeaderSector::Written } else { HeaderSector::Absent { zero: is_zero(bytes) } })
    }

    fn look_at_sectors(&mut self, header: &GroupHeader) -> Result<Sectors, ReadError> {
        let offset = self.position.offset;
        let place = self.place(offset);
        let used = format::used_bytes(header.content_bytes());
        self.fill_window(offset, used)?;
        let bytes = self.window.bytes_mut(offset, used);
        let mut sectors = Sectors { all_stamped: true, right_but_for_stamps: false, garbage: false };
        let mut was_stamped = true;
        for sector in 0..used / SECTOR_BYTES {
            if !place.is_stamped(bytes, sector, header.number) {
                let at = sector * SECTOR_BYTES;
                sectors.all_stamped = false;
                was_stamped &= place.was_stamped(bytes, sector, header.number);
                sectors.garbage |= !is_zero(&bytes[at..at + SECTOR_BYTES]);
                place.write_stamp(bytes, sector, header.number);
            }
        }
        sectors.right_but_for_stamps = was_stamped && format::check_group(bytes, header, place);
        self.window.clear();
        Ok(sectors)
    }

    /// A reader that polls the end of a growing log scans what follows only if something is written at the position
    /// itself.
    fn worth_scanning(&mut self, fault: &Fault) -> Result<bool, ReadError> {
        let absent = match fault {
            Fault::NoRoom => true,
            Fault::Header(HeaderFault::Checksum) => self.look_at_header()? != HeaderSector::Written,
            _ => false,
        };
        Ok(!(self.options.follow && absent))
    }

    /// Looks at every sector from the position to the end of the segment.
    fn scan(&mut self) -> Result<Traces, ReadError> {
        let mut traces = Traces::default();
        let limit = self.limit() / SECTOR_BYTES as u64 * SECTOR_BYTES as u64;
        let mut offset = self.position.offset;
        while offset < limit && traces.later.is_none() {
            let bytes = (limit - offset).min(SCAN_BYTES) as usize;
            self.fill_window(offset, bytes)?;
            let number = self.position.last_group + 1;
            traces.add(self.window.bytes(offset, bytes), self.place(offset), number);
            offset += bytes as u64;
        }
        Ok(traces)
    }

    /// Checks the segment files after the last one in use: one of them may be in use, too, with its header
    /// damaged or lost.
    fn check_what_follows(&mut self) -> Result<(), ReadError> {
        let sequence = self.open.header.sequence;
        let behind: Vec<_> = self.segments.iter().filter(|info| info.sequence > sequence).cloned().collect();
        for info in behind {
            let reason = match info.state {
                SegmentState::InUse(header) => {
                    self.stick(Stuck::Segment);
                    let found = format!("{} begins with LSN {}", info.name, header.first_lsn);
                    return Err(ReadError::Missing { lsn: self.position.last_lsn + 1, found });
                }
                SegmentState::Unsupported { version } => {
                    return Err(ReadError::Unsupported { segment: info.name, version });
                }
                SegmentState::Damaged => CorruptReason::SegmentHeader,
                SegmentState::Prepared { .. } if self.holds_next_group(&info)? => {
                    CorruptReason::SegmentHeaderLost
                }
                SegmentState::Prepared { .. } => continue,
            };
            self.stick(Stuck::Segment);
            return Err(self.corrupt_in(&info.name, 0, reason));
        }
        Ok(())
    }

    /// Whether a segment that looks unused begins with the next group or a later one. Groups of an earlier use have
    /// smaller numbers.
    fn holds_next_group(&self, info: &SegmentInfo) -> Result<bool, ReadError> {
        let block = u64::from(self.open.header.block_bytes);
        if info.bytes < block * 2 {
            return Ok(false);
        }
        let io = |error| self.io(&info.name, block, error);
        let file = match self.storage.open(&info.name, access(&self.options)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            other => other.map_err(io)?,
        };
        let mut window = super::Window::new(true);
        window.fill(&file, block, SECTOR_BYTES, info.bytes).map_err(io)?;
        let number = GroupHeader::unchecked_number(window.bytes(block, SECTOR_BYTES));
        Ok(number.is_some_and(|number| number > self.position.last_group))
    }
}

impl Traces {
    /// Adds what `bytes`, whole sectors from `place` on, show of group `number` and later ones.
    fn add(&mut self, bytes: &[u8], place: Place, number: u64) {
        /// More groups than a segment can hold, and far fewer than there are stamps.
        const AHEAD_MAX: u64 = 1 << 24;
        for (sector, content) in bytes.chunks_exact(SECTOR_BYTES).enumerate() {
            if is_zero(content) {
                continue;
            }
            let offset = place.offset + (sector * SECTOR_BYTES) as u64;
            self.written_end = offset + SECTOR_BYTES as u64;
            match place.claimed_group(sector, content).wrapping_sub(number) {
                0 => self.own_end = Some(offset + SECTOR_BYTES as u64),
                1..AHEAD_MAX => {
                    self.later.get_or_insert((offset, place.claimed_group(sector, content)));
                }
                _ => {}
            }
        }
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    // Without an early exit the compiler uses wide loads; most sectors are all zero.
    bytes.iter().fold(0, |all, &byte| all | byte) == 0
}
