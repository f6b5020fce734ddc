//! Reads the log, and distinguishes a torn tail from damage.
//!
//! The reader goes through the groups in order; each must continue the previous one (number, LSN, checksum). At
//! the first position X without such a group it decides by what else is on disk ([`verdict`]):
//!
//! | at X | verdict |
//! |---|---|
//! | the next segment's header, a later group's stamp, or the caller's hint says that X was durable | corrupt |
//! | every sector of a group is there, and its checksum is wrong or its header contradicts itself | corrupt |
//! | a group with sectors that were never written, and nothing of the above | torn tail |
//! | zeros or an earlier use of the segment | clean end |
//! | a read failed | an I/O error, never an end |
//!
//! If nothing proves that a damaged last group was durable, it counts as a torn tail if the caller accepts that loss
//! ([`ReadOptions::accept_tail_loss`]).
//!
//! The reader writes nothing. It looks for a group only where the previous one ends, except if it is asked to continue
//! after damage; then it marks what it finds as salvaged. It never allocates more than the length of a file that
//! exists. It may run while the log is being appended to: a group that is being written looks like a torn tail, the
//! end at that moment, and the same call may be repeated.

mod error;
mod open;
mod salvage;
mod types;
mod verdict;
mod walk;
mod window;

use std::io;
use std::time::Duration;

use crate::Lsn;
use crate::format::{self, Known, Place, RecordFault, SegmentHeader};
use crate::segments::SegmentInfo;
use crate::storage::Storage;
pub use error::{CorruptReason, ReadError};
pub use open::segments;
use open::{access, damage_before, first_segment, list, open_segment};
use salvage::Stuck;
use types::Before;
pub use types::{GroupInfo, LogEnd, ReadOptions, ReadProgress, RecordRef, Step};
use window::Window;

/// How often the directory is read before an error in it counts, and the pause in between if the log is known to be
/// running.
const OPEN_LOOKS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(2);

/// Returns the records of a log in order.
pub struct Reader<S: Storage> {
    storage: S,
    options: ReadOptions,
    /// All segment files when the directory was last read, in ascending order of their numbers.
    segments: Vec<SegmentInfo>,
    /// The segment being read.
    open: OpenSegment<S::File>,
    /// Its bytes near the position.
    window: Window,
    /// Where the next group must be, and what it must continue.
    position: Position,
    /// The group whose records are being returned.
    group: GroupInfo,
    records: Records,
    progress: ReadProgress,
    /// Wall clock of the newest group or segment seen.
    wall_micros: u64,
    /// Highest epoch seen.
    epoch: u64,
    /// Damage before the first segment; the first call reports it if the reader keeps going.
    first_error: Option<ReadError>,
    /// What the next call must skip, if the reader keeps going.
    stuck: Option<Stuck>,
    /// Whether damage was skipped.
    damaged: bool,
    /// Whether groups are marked as salvaged: from damage on, to the end of its segment.
    salvaging: bool,
    /// If the current group is salvaged: its sectors that it did not write.
    absent: Vec<usize>,
    /// Whether nothing is left after the damage.
    exhausted: bool,
    /// Whether the log proves that the last record read was durable.
    sealed: bool,
    /// Checksum of the last group of records read, or before the segment; `None` if it is not known.
    records_checksum: Option<u32>,
    /// The last group before the first record asked for.
    before: Option<Known>,
    /// The state that a repair wrote the current segment for.
    adopted: Option<Known>,
    /// The same for the segment in which `before` was found.
    before_adopted: Option<Known>,
    /// Checksum of [`ReadOptions::marked_group`], once it was read.
    marked_checksum: Option<u32>,
}

/// The segment being read.
struct OpenSegment<F> {
    file: F,
    header: SegmentHeader,
    /// Length of the file in bytes.
    bytes: u64,
    /// Where its groups end, once the next segment says so.
    end: Option<u64>,
}

/// Where the next group must be, and what it must continue.
#[derive(Clone, Copy, Debug)]
struct Position {
    offset: u64,
    last_lsn: Lsn,
    last_group: u64,
    last_checksum: u32,
}

/// The records of the current group that were not returned yet.
#[derive(Clone, Copy, Debug, Default)]
struct Records {
    /// Index of the next record.
    next: u32,
    /// Offset of its frame in the group.
    at: usize,
    /// Where the records end in the group.
    end: usize,
    /// Payload of the record last found: start in the group and length.
    payload: (usize, usize),
}

impl<S: Storage> Reader<S> {
    /// Opens the log for reading from `options.from_lsn` on.
    pub fn open(storage: &S, options: ReadOptions) -> Result<Self, ReadError> {
        for _ in 1..OPEN_LOOKS {
            match Self::open_once(storage, &options) {
                // A running log may have renamed segments, or written a header, during these reads.
                Err(error) if !matches!(error, ReadError::Io { .. }) => {}
                opened => return opened,
            }
            if options.follow {
                std::thread::sleep(PAUSE);
            }
        }
        Self::open_once(storage, &options)
    }

    fn open_once(storage: &S, options: &ReadOptions) -> Result<Self, ReadError> {
        let (storage, options) = (storage.clone(), options.clone());
        let segments = list(&storage, access(&options), 0)?;
        let info = first_segment(&storage, &segments, &options)?;
        let open = open_segment(&storage, &info, access(&options))?;
        let first_error = damage_before(&segments, &open.header, &options);
        if let Some(error) = first_error.filter(|_| !options.keep_going) {
            return Err(error);
        }
        let header = open.header;
        let mut reader = Self {
            first_error: damage_before(&segments, &header, &options),
            window: Window::new(options.follow),
            storage,
            options,
            segments,
            open,
            position: Position::at_start_of(&header),
            group: GroupInfo::before(&header),
            records: Records::default(),
            progress: ReadProgress { proven_lsn: header.first_lsn - 1, ..ReadProgress::default() },
            wall_micros: header.wall_micros,
            epoch: header.epoch,
            stuck: None,
            damaged: false,
            salvaging: false,
            absent: Vec::new(),
            exhausted: false,
            sealed: true,
            records_checksum: None,
            before: None,
            adopted: header.adopted,
            before_adopted: None,
            marked_checksum: None,
        };
        reader.pass(header.first_lsn - 1, header.records_checksum);
        reader.learn_end()?;
        Ok(reader)
    }

    /// The next record, or the end. After an end, the next call reads again. After an error, it returns the same error
    /// again, except that a reader that keeps going continues after [`ReadError::Corrupt`] and [`ReadError::Missing`].
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Step<'_>, ReadError> {
        loop {
            if self.find_record()? {
                return Ok(Step::Record(self.record()));
            }
            if let Some(end) = self.find_group()? {
                let torn = end.torn_bytes > 0;
                return Ok(if torn { Step::TornTail(end) } else { Step::CleanEnd(end) });
            }
        }
    }

    /// The last group read, which may be a seal.
    pub fn group(&self) -> &GroupInfo {
        &self.group
    }

    /// The last group before the first record asked for, once that record or the end was read; `None` if it is not known.
    pub fn before(&self) -> Option<Known> {
        self.before
    }

    /// The state that a repair wrote this part of the log for: it belongs to that state, whatever [`Reader::before`] says.
    pub fn before_adopted(&self) -> Option<Known> {
        self.before_adopted
    }

    /// Counters and what the log proves so far.
    pub fn progress(&self) -> ReadProgress {
        self.progress
    }

    /// Header of the segment being read.
    pub fn segment(&self) -> &SegmentHeader {
        &self.open.header
    }

    /// Goes to the next record of the current group that was asked for; false if there is none.
    fn find_record(&mut self) -> Result<bool, ReadError> {
        while self.records.at < self.records.end {
            let Records { next, at, end, .. } = self.records;
            let lsn = self.group.first_lsn + u64::from(next);
            let wanted = lsn >= self.options.from_lsn;
            let group = self.window.bytes(self.group.offset, end);
            let length = match format::record_at(&group[at..], next, wanted) {
                Ok(length) => length,
                Err(RecordFault::Checksum) if self.group.salvaged => {
                    self.skip_record();
                    continue;
                }
                Err(fault) => return Err(self.bad_record(fault, lsn)),
            };
            let payload = at + format::RECORD_FRAME_BYTES;
            if self.is_absent(at, payload + length) {
                self.skip_record();
                continue;
            }
            self.records = Records { next: next + 1, at: payload + length, end, payload: (payload, length) };
            if wanted {
                self.progress.records += 1;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn bad_record(&mut self, fault: RecordFault, lsn: Lsn) -> ReadError {
        let offset = self.group.offset + self.records.at as u64;
        if self.options.keep_going {
            // Skip the rest of the group: its header says where the next group is.
            self.records.at = self.records.end;
            self.damaged = true;
        }
        let reason = match fault {
            RecordFault::Length => CorruptReason::RecordLength,
            RecordFault::Checksum => CorruptReason::RecordChecksum,
        };
        ReadError::Corrupt { segment: format::segment_name(self.group.segment), offset, lsn, reason }
    }

    fn record(&self) -> RecordRef<'_> {
        let Records { next, payload: (start, length), end, .. } = self.records;
        let index = next - 1;
        RecordRef {
            lsn: self.group.first_lsn + u64::from(index),
            payload: &self.window.bytes(self.group.offset, end)[start..start + length],
            group: &self.group,
            index,
            offset: self.group.offset + (start - format::RECORD_FRAME_BYTES) as u64,
            before: Before(
                &self.window.bytes(self.group.offset, end)
                    [format::GROUP_HEADER_BYTES..start - format::RECORD_FRAME_BYTES],
            ),
        }
    }

    /// Bytes of the segment that can hold groups: the smallest of what header, file and next segment allow.
    fn limit(&self) -> u64 {
        let limit = self.open.bytes.min(self.open.header.segment_bytes);
        self.open.end.map_or(limit, |end| end.min(limit))
    }

    fn place(&self, offset: u64) -> Place {
        Place { salt: self.open.header.salt, offset }
    }

    fn fill_window(&mut self, offset: u64, bytes: usize) -> Result<(), ReadError> {
        let filled = self.window.fill(&self.open.file, offset, bytes, self.open.bytes);
        filled.map_err(|error| self.io(&self.segment_name(), offset, error))
    }

    fn segment_name(&self) -> String {
        format::segment_name(self.open.header.sequence)
    }

    fn io(&self, segment: &str, offset: u64, source: io::Error) -> ReadError {
        ReadError::Io { path: self.storage.path(segment), offset, source }
    }

    fn corrupt(&self, reason: CorruptReason) -> ReadError {
        self.corrupt_in(&self.segment_name(), self.position.offset, reason)
    }

    fn corrupt_in(&self, segment: &str, offset: u64, reason: CorruptReason) -> ReadError {
        ReadError::Corrupt { segment: segment.to_owned(), offset, lsn: self.position.last_lsn + 1, reason }
    }

    fn end(&self, torn_bytes: u64) -> LogEnd {
        LogEnd {
            segment: self.segment_name(),
            sequence: self.open.header.sequence,
            salt: self.open.header.salt,
            offset: self.position.offset,
            last_lsn: self.position.last_lsn,
            last_group: self.position.last_group,
            last_checksum: self.position.last_checksum,
            records_checksum: self.records_checksum,
            marked_checksum: self.marked_checksum,
            torn_bytes,
            wall_micros: self.wall_micros,
            epoch: self.epoch,
            sealed: self.sealed,
            accepted_loss: None,
            damaged: self.damaged,
        }
    }
}

impl Position {
    /// The first group of a segment.
    fn at_start_of(header: &SegmentHeader) -> Self {
        Self {
            offset: u64::from(header.block_bytes),
            last_lsn: header.first_lsn - 1,
            last_group: header.first_group - 1,
            last_checksum: header.previous_checksum,
        }
    }
}
