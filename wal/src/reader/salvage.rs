//! Skips damage, for inspection: what is after it is returned and marked as salvaged.
//!
//! Only a reader that was told to keep going does this. It finds a group after damage by trying each block. Both
//! checksums must be right for the place, so bytes inside a value that look like a group do not count.

use super::open::{access, open_segment};
use super::verdict::Fault;
use super::{CorruptReason, GroupInfo, Position, ReadError, Reader, Records};
use crate::format::{self, GROUP_HEADER_BYTES, GroupHeader, SECTOR_BYTES};
use crate::segments::SegmentState;
use crate::storage::Storage;

/// What a reader has to skip.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stuck {
    /// Damage at the position, in a group with an intact header or without one.
    Group(Option<GroupHeader>),
    /// The rest of this segment is not available.
    Segment,
}

impl<S: Storage> Reader<S> {
    /// In a reader that keeps going, remembers what the next call must skip.
    pub(super) fn stick(&mut self, stuck: Stuck) {
        if self.options.keep_going {
            self.stuck = Some(stuck);
        }
    }

    /// The error for damage at the position.
    pub(super) fn stick_at(&mut self, fault: &Fault, reason: CorruptReason) -> ReadError {
        let sound = match fault {
            Fault::Checksum(header) => Some(*header),
            _ => None,
        };
        self.stick(Stuck::Group(sound));
        self.corrupt(reason)
    }

    /// Skips what stopped the last call; true if a group with records to return is loaded.
    pub(super) fn get_unstuck(&mut self) -> Result<bool, ReadError> {
        let Some(stuck) = self.stuck.take() else { return Ok(false) };
        self.damaged = true;
        self.salvaging = true;
        match stuck {
            Stuck::Group(Some(header)) => return self.salvage_records(&header).map(|()| true),
            Stuck::Group(None) if self.skip_to_valid_group()? => {}
            Stuck::Group(None) | Stuck::Segment => self.skip_to_next_segment()?,
        }
        Ok(false)
    }

    /// Makes a group with an intact header and a wrong checksum the current one: those of its records are returned
    /// whose own checksums are right.
    fn salvage_records(&mut self, header: &GroupHeader) -> Result<(), ReadError> {
        let (offset, used) = (self.position.offset, format::used_bytes(header.content_bytes()));
        self.fill_window(offset, used)?;
        let place = self.place(offset);
        let bytes = self.window.bytes_mut(offset, used);
        let absent: Vec<usize> = (0..used / SECTOR_BYTES)
            .filter(|&sector| !place.is_stamped(bytes, sector, header.number))
            .collect();
        absent.iter().for_each(|&sector| place.write_stamp(bytes, sector, header.number));
        let only_stamps_are_bad = format::check_group(bytes, header, place);
        format::restore_displaced(bytes, header.content_bytes());
        self.accept(header, true);
        self.absent = if only_stamps_are_bad { Vec::new() } else { absent };
        Ok(())
    }

    /// Whether this part of the current group is in a sector that the group did not write: an earlier use of the space
    /// may have left a record there whose own checksum is right.
    pub(super) fn is_absent(&self, from: usize, to: usize) -> bool {
        let sectors = from / SECTOR_BYTES..to.div_ceil(SECTOR_BYTES);
        self.group.salvaged && self.absent.iter().any(|sector| sectors.contains(sector))
    }

    /// Skips a record of a salvaged group whose checksum is wrong; its length was within the group.
    pub(super) fn skip_record(&mut self) {
        let Records { next, at, end, payload } = self.records;
        let group = self.window.bytes(self.group.offset, end);
        let length = format::record_at(&group[at..], next, false).unwrap_or(end - at);
        let at = (at + format::RECORD_FRAME_BYTES + length).min(end);
        self.records = Records { next: next + 1, at, end, payload };
    }

    /// Moves the position to the next block that holds a valid group; false when there is none.
    fn skip_to_valid_group(&mut self) -> Result<bool, ReadError> {
        let block = u64::from(self.open.header.block_bytes);
        let limit = self.limit();
        let mut offset = self.position.offset + block;
        while offset + block <= limit {
            if let Some(header) = self.valid_group_at(offset, limit)? {
                self.position = Position {
                    offset,
                    last_lsn: header.first_lsn - 1,
                    last_group: header.number - 1,
                    last_checksum: header.previous_checksum,
                };
                return Ok(true);
            }
            offset += block;
        }
        Ok(false)
    }

    fn valid_group_at(&mut self, offset: u64, limit: u64) -> Result<Option<GroupHeader>, ReadError> {
        let place = self.place(offset);
        self.fill_window(offset, GROUP_HEADER_BYTES)?;
        let Ok(header) = GroupHeader::decode(self.window.bytes(offset, GROUP_HEADER_BYTES), place) else {
            return Ok(None);
        };
        let used = format::used_bytes(header.content_bytes());
        if used as u64 > limit - offset || header.number <= self.position.last_group {
            return Ok(None);
        }
        self.fill_window(offset, used)?;
        Ok(format::check_group(self.window.bytes(offset, used), &header, place).then_some(header))
    }

    /// Goes to the next segment in use, whatever is in between; if there is none, the log ends here.
    fn skip_to_next_segment(&mut self) -> Result<(), ReadError> {
        let sequence = self.open.header.sequence;
        let mut behind = self.segments.iter().filter(|info| info.sequence > sequence);
        let next = behind.find(|info| matches!(info.state, SegmentState::InUse(_))).cloned();
        self.records = Records::default();
        let Some(info) = next else {
            self.exhausted = true;
            return Ok(());
        };
        let open = open_segment(&self.storage, &info, access(&self.options))?;
        self.group = GroupInfo::before(&open.header);
        let last_lsn = self.position.last_lsn;
        self.switch_to(open);
        // A segment that starts at LSNs that were already read is from another history.
        self.salvaging = self.open.header.first_lsn <= last_lsn;
        self.learn_end()
    }
}
