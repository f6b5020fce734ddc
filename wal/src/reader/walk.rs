//! Goes from one group to the next, and from one segment to the next.

use super::open::{access, list, open_segment};
use super::salvage::Stuck;
use super::verdict::Fault;
use super::{CorruptReason, GroupInfo, LogEnd, OpenSegment, PAUSE, Position, ReadError, Reader, Records};
use crate::Lsn;
use crate::format::{self, GROUP_HEADER_BYTES, GroupHeader, GroupKind, Known};
use crate::segments::{self, SegmentInfo, SegmentState};
use crate::storage::Storage;

/// How often a reader tries before an error counts: a running log may change the disk between two reads.
const LOOKS: u32 = 2;
/// The same for a reader that follows a running log.
const FOLLOW_LOOKS: u32 = 5;

impl<S: Storage> Reader<S> {
    /// Loads the next group, or returns the end of the log.
    pub(super) fn find_group(&mut self) -> Result<Option<LogEnd>, ReadError> {
        if let Some(error) = self.first_error.take() {
            self.damaged = true;
            return Err(error);
        }
        if self.get_unstuck()? {
            return Ok(None);
        }
        let looks = if self.options.follow { FOLLOW_LOOKS } else { LOOKS };
        for look in 1.. {
            match self.look() {
                // A running log may have written between two of these reads.
                Err(ReadError::Corrupt { .. } | ReadError::Missing { .. }) if look < looks => {
                    self.stuck = None;
                    self.window.clear();
                    if self.options.follow {
                        std::thread::sleep(PAUSE);
                    }
                }
                seen => return seen,
            }
        }
        unreachable!("the last look returns")
    }

    /// Looks for the next group once.
    fn look(&mut self) -> Result<Option<LogEnd>, ReadError> {
        loop {
            if self.exhausted {
                return Ok(Some(self.end(0)));
            }
            if self.open.end == Some(self.position.offset) {
                self.enter_next_segment()?;
                continue;
            }
            if self.load_group()?.is_ok() {
                return Ok(None);
            }
            // What was read ahead may be out of date: read everything once more.
            self.window.clear();
            self.check_not_recycled()?;
            self.refresh()?;
            if self.open.end == Some(self.position.offset) {
                continue;
            }
            return match self.load_group()? {
                Ok(()) => Ok(None),
                Err(fault) => self.decide(&fault).map(Some),
            };
        }
    }

    /// Reads the directory again: there may be new segments after this one.
    fn refresh(&mut self) -> Result<(), ReadError> {
        let sequence = self.open.header.sequence;
        let behind = list(&self.storage, access(&self.options), sequence + 1)?;
        self.segments.retain(|info| info.sequence <= sequence);
        self.segments.extend(behind);
        self.learn_end()
    }

    /// Reads the group at the position, if it is the right one, and moves the position to its end.
    pub(super) fn load_group(&mut self) -> Result<Result<(), Fault>, ReadError> {
        let Position { offset, .. } = self.position;
        let header = match self.read_group_header()? {
            Ok(header) => header,
            Err(fault) => return Ok(Err(fault)),
        };
        let place = self.place(offset);
        let used = format::used_bytes(header.content_bytes());
        self.fill_window(offset, used)?;
        let bytes = self.window.bytes_mut(offset, used);
        if !format::check_group(bytes, &header, place) {
            return Ok(Err(Fault::Checksum(header)));
        }
        format::restore_displaced(bytes, header.content_bytes());
        self.accept(&header, self.salvaging);
        Ok(Ok(()))
    }

    /// Reads and checks the header of the group that must be at the position.
    fn read_group_header(&mut self) -> Result<Result<GroupHeader, Fault>, ReadError> {
        let Position { offset, last_lsn, last_group, last_checksum } = self.position;
        let limit = self.limit();
        if offset.checked_add(u64::from(self.open.header.block_bytes)).is_none_or(|end| end > limit) {
            return Ok(Err(Fault::NoRoom));
        }
        let place = self.place(offset);
        self.fill_window(offset, format::SECTOR_BYTES)?;
        let header = match GroupHeader::decode(self.window.bytes(offset, GROUP_HEADER_BYTES), place) {
            Ok(header) => header,
            Err(fault) => return Ok(Err(Fault::Header(fault))),
        };
        let continues = header.number == last_group + 1
            && header.first_lsn == last_lsn + 1
            && header.previous_checksum == last_checksum;
        if !continues {
            return Ok(Err(Fault::Chain(header)));
        }
        let disk_bytes = format::disk_bytes(header.content_bytes(), self.open.header.block_bytes);
        if disk_bytes > limit - offset {
            return Ok(Err(Fault::Length));
        }
        Ok(Ok(header))
    }

    /// Makes a group whose content is in the window the current one, and moves the position to its end.
    pub(super) fn accept(&mut self, header: &GroupHeader, salvaged: bool) {
        self.absent.clear();
        let offset = self.position.offset;
        let disk_bytes = format::disk_bytes(header.content_bytes(), self.open.header.block_bytes);
        self.group = GroupInfo {
            number: header.number,
            segment: self.open.header.sequence,
            offset,
            disk_bytes,
            first_lsn: header.first_lsn,
            last_lsn: header.last_lsn,
            count: header.count,
            wall_micros: header.wall_micros,
            synced_lsn: header.synced_lsn,
            epoch: header.epoch,
            digest: header.digest,
            checksum: header.checksum,
            salvaged,
        };
        let (at, end) = (GROUP_HEADER_BYTES, header.content_bytes());
        self.records = Records { next: 0, at, end, payload: (at, 0) };
        self.position = Position {
            offset: offset + disk_bytes,
            last_lsn: header.last_lsn,
            last_group: header.number,
            last_checksum: header.checksum,
        };
        if self.options.marked_group == Some(header.number) {
            self.marked_checksum = Some(header.checksum);
        }
        self.progress.groups += 1;
        self.sealed = header.kind == GroupKind::Seal;
        if !self.sealed {
            self.pass(header.last_lsn, Some(header.checksum));
        }
        self.progress.seals += u64::from(self.sealed);
        self.progress.bytes += disk_bytes;
        self.progress.proven_lsn = self.progress.proven_lsn.max(header.synced_lsn);
        self.wall_micros = header.wall_micros;
        self.epoch = self.epoch.max(header.epoch);
    }

    /// Goes to the segment whose header says that it follows this one.
    fn enter_next_segment(&mut self) -> Result<(), ReadError> {
        self.check_length()?;
        let Some(info) = self.following().cloned() else { return Ok(()) };
        let open = open_segment(&self.storage, &info, access(&self.options))?;
        let next = open.header;
        if next.instance_id != self.open.header.instance_id {
            self.stick(Stuck::Segment);
            return Err(self.corrupt_in(&info.name, 0, CorruptReason::ForeignInstance));
        }
        let continues = next.first_lsn == self.position.last_lsn + 1
            && next.first_group == self.position.last_group + 1
            && next.previous_checksum == self.position.last_checksum;
        if !continues {
            self.stick(Stuck::Segment);
            return Err(self.corrupt_in(&info.name, 0, CorruptReason::SegmentChain));
        }
        self.switch_to(open);
        self.learn_end()
    }

    pub(super) fn switch_to(&mut self, open: OpenSegment<S::File>) {
        self.window.clear();
        self.position = Position::at_start_of(&open.header);
        self.progress.proven_lsn = self.progress.proven_lsn.max(open.header.first_lsn - 1);
        self.wall_micros = open.header.wall_micros;
        self.epoch = self.epoch.max(open.header.epoch);
        self.adopted = open.header.adopted;
        self.pass(open.header.first_lsn - 1, open.header.records_checksum.or(self.records_checksum));
        self.open = open;
        self.salvaging = false;
        self.sealed = true;
    }

    /// Records the last group of records before the position; `checksum` is `None` if it is not known.
    pub(super) fn pass(&mut self, last_lsn: Lsn, checksum: Option<u32>) {
        self.records_checksum = checksum;
        if last_lsn < self.options.from_lsn {
            self.before = checksum.map(|checksum| Known { lsn: last_lsn, checksum });
            self.before_adopted = self.adopted;
        }
    }

    /// The next segment file that is, or must have been, in use.
    fn following(&self) -> Option<&SegmentInfo> {
        let sequence = self.open.header.sequence;
        self.segments
            .iter()
            .find(|info| info.sequence > sequence && !matches!(info.state, SegmentState::Prepared { .. }))
    }

    /// Learns from the next segment, if there is one, where the groups of this one end.
    pub(super) fn learn_end(&mut self) -> Result<(), ReadError> {
        let Some(info) = self.following().cloned() else { return Ok(()) };
        let header = match info.state {
            SegmentState::InUse(header) => header,
            SegmentState::Unsupported { version } => {
                return Err(ReadError::Unsupported { segment: info.name, version });
            }
            // This matters only when this segment is read to its end.
            SegmentState::Damaged | SegmentState::Prepared { .. } => return Ok(()),
        };
        if header.previous_sequence == self.open.header.sequence {
            self.open.end = Some(header.previous_end);
        }
        Ok(())
    }

    /// Checks that the file is as long as its header says, when the segment was read to its end.
    pub(super) fn check_length(&mut self) -> Result<(), ReadError> {
        let (expected, found) = (self.open.header.segment_bytes, self.open.bytes);
        if expected == found || self.salvaging {
            return Ok(());
        }
        self.stick(Stuck::Segment);
        Err(self.corrupt(CorruptReason::SegmentLength { expected, found }))
    }

    /// Checks that a running log has not recycled the file since it was opened.
    fn check_not_recycled(&self) -> Result<(), ReadError> {
        let segment = self.segment_name();
        let read = segments::read_header(&self.open.file).map_err(|error| self.io(&segment, 0, error))?;
        match read.0 {
            format::SegmentHeaderState::Valid(header) if header != self.open.header => {
                Err(ReadError::Recycled { segment })
            }
            _ => Ok(()),
        }
    }
}
