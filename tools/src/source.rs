//! Reads the log of a data directory from end to end: records, damage and gaps, in order.
//!
//! A running server may write and recycle segments meanwhile. So what looks like damage or a torn tail is checked again
//! before it is reported, and a segment that was recycled during the read is a gap, not damage.
//!
//! Invariant: damage is reported only if a second reader, opened later, finds the same at the same place.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use wal::{DirStorage, LogEnd, Lsn, ReadError, ReadOptions, Reader, RecordRef, SegmentInfo, Step, Storage};

use crate::error::ToolError;
use crate::progress::Progress;

/// Name of the log's directory in the data directory. As for the server, it may be a link to another disk; the files in
/// it may not be links.
const LOG_DIR: &str = "wal";
/// Pause before a torn tail is checked again. Writing a group takes far less. Under a fuzzer nobody writes.
const SECOND_LOOK: Duration = Duration::from_millis(if cfg!(fuzzing) { 0 } else { 20 });
/// Damages kept in full; further ones are only counted.
pub const DAMAGES_MAX: usize = 1000;
/// How often segments may be recycled under the reader before the scan gives up.
const RECYCLED_MAX: u32 = 1000;

/// The log of a data directory, open for reading.
#[derive(Debug)]
pub struct Log {
    storage: DirStorage,
    path: PathBuf,
}

/// Something durable that is missing or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// File name of the segment; empty when a whole file is missing.
    pub segment: String,
    /// Offset in bytes where the damage begins.
    pub offset: u64,
    /// First LSN that is lost or in doubt.
    pub lsn: Lsn,
    pub reason: String,
}

/// What a scan finds.
pub enum Seen<'a> {
    Record(&'a RecordRef<'a>),
    /// Damage. All records after it count as salvaged.
    Damage(&'a Damage),
    /// First and last of the records that a running server recycled before they could be read.
    Gap(Lsn, Lsn),
}

/// What to read, and how.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScanOptions {
    /// First LSN wanted; 0 for the oldest there is.
    pub from_lsn: Lsn,
    /// An LSN that must be durable, known from elsewhere; 0 if unknown.
    pub durable_lsn: Lsn,
    /// Number of a group whose checksum [`Scanned::end`] has to report.
    pub marked_group: Option<u64>,
    /// Continue after damage.
    pub keep_going: bool,
}

/// How a scan ended.
#[derive(Debug, Default)]
pub struct Scanned {
    /// Where the log ends; `None` if the scan stopped earlier.
    pub end: Option<LogEnd>,
    /// The damage found, in at most [`DAMAGES_MAX`] places.
    pub damages: Vec<Damage>,
    /// Number of places with damage.
    pub damage_count: u64,
}

impl Log {
    /// Name of the log's directory in the data directory.
    pub const DIR: &'static str = LOG_DIR;

    /// Opens the log in the data directory `dir`.
    pub fn open(dir: &Path) -> Result<Self, ToolError> {
        let path = dir.join(LOG_DIR);
        let storage = DirStorage::open_buffered(&path).map_err(|error| ToolError::io(&path, error))?;
        Ok(Self { storage, path })
    }

    /// All segment files, in the order of their numbers.
    pub fn segments(&self) -> Result<Vec<SegmentInfo>, ToolError> {
        wal::segments(&self.storage).map_err(|error| self.fatal(error))
    }

    /// A reader, for callers that follow the end of the log themselves.
    pub fn reader(&self, options: ReadOptions) -> Result<Reader<DirStorage>, ReadError> {
        Reader::open(&self.storage, options)
    }

    /// The oldest LSN that the log still has; 0 if it has no usable segment.
    pub fn oldest_lsn(&self) -> Result<Lsn, ToolError> {
        let segments = self.segments()?;
        let first = segments.iter().find_map(|info| info.header().map(|header| header.first_lsn));
        Ok(first.unwrap_or(0))
    }

    /// Visits everything from `options.from_lsn` to the end of the log, to damage, or until `visit` breaks off.
    pub fn scan(
        &self,
        options: ScanOptions,
        progress: &Progress,
        mut visit: impl FnMut(Seen<'_>) -> Result<ControlFlow<()>, ToolError>,
    ) -> Result<Scanned, ToolError> {
        let mut scan = Scan { log: self, options, next_lsn: options.from_lsn, result: Scanned::default() };
        for _ in 0..RECYCLED_MAX {
            match scan.pass(progress, &mut visit)? {
                Pass::Done => return Ok(scan.result),
                Pass::Recycled => scan.report_gap(&mut visit)?,
                Pass::Again => {}
            }
        }
        let reason = "the server recycles segments faster than they can be read".into();
        Err(ToolError::Refused { path: self.path.clone(), reason })
    }

    /// The error for a read error that is not damage.
    pub fn fatal(&self, error: ReadError) -> ToolError {
        match error {
            ReadError::Io { path, offset, source } if offset > 0 => {
                let source = std::io::Error::new(source.kind(), format!("offset {offset}: {source}"));
                ToolError::Io { path, source }
            }
            ReadError::Io { path, source, .. } => ToolError::io(&path, source),
            ReadError::NoLog { path } => ToolError::Io {
                path,
                source: std::io::Error::new(std::io::ErrorKind::NotFound, "contains no log segment"),
            },
            ReadError::Unsupported { segment, version } => ToolError::Refused {
                path: self.storage.path(&segment),
                reason: format!("this program does not know format version {version}"),
            },
            ReadError::Corrupt { ref segment, .. } | ReadError::Recycled { ref segment } => {
                ToolError::Refused { path: self.storage.path(segment), reason: error.to_string() }
            }
            ReadError::Missing { .. } => {
                ToolError::Refused { path: self.path.clone(), reason: error.to_string() }
            }
        }
    }
}

impl Damage {
    /// The damage that a read error stands for, if any.
    pub fn of(error: &ReadError) -> Option<Self> {
        match error {
            ReadError::Corrupt { segment, offset, lsn, reason } => Some(Self {
                segment: segment.clone(),
                offset: *offset,
                lsn: *lsn,
                reason: reason.to_string(),
            }),
            ReadError::Missing { lsn, found } => Some(Self {
                segment: String::new(),
                offset: 0,
                lsn: *lsn,
                reason: format!("segments are missing: {found}"),
            }),
            _ => None,
        }
    }
}

/// A scan in progress, over one or several readers.
struct Scan<'l> {
    log: &'l Log,
    options: ScanOptions,
    /// First LSN not visited yet; 0 for the oldest there is.
    next_lsn: Lsn,
    result: Scanned,
}

/// How one reader's part of the scan ended.
enum Pass {
    /// At the end, at damage, or the visitor broke off.
    Done,
    /// The segment was recycled while it was read.
    Recycled,
    /// What looked like damage was a write in progress: continue with a new reader.
    Again,
}

/// What to do next.
enum Next {
    Go,
    Stop(Pass),
}

impl Scan<'_> {
    fn read_options(&self) -> ReadOptions {
        ReadOptions {
            from_lsn: self.next_lsn,
            durable_lsn_hint: self.options.durable_lsn,
            marked_group: self.options.marked_group,
            keep_going: self.options.keep_going,
            ..ReadOptions::default()
        }
    }

    fn pass(
        &mut self,
        progress: &Progress,
        visit: &mut impl FnMut(Seen<'_>) -> Result<ControlFlow<()>, ToolError>,
    ) -> Result<Pass, ToolError> {
        let mut reader = match self.log.reader(self.read_options()) {
            Ok(reader) => reader,
            Err(error) => return self.cannot_open(error, visit),
        };
        loop {
            let next = match reader.next() {
                Ok(Step::Record(record)) => {
                    progress.at(record.group.segment, record.offset);
                    self.next_lsn = self.next_lsn.max(record.lsn + 1);
                    match visit(Seen::Record(&record))? {
                        ControlFlow::Continue(()) => Next::Go,
                        ControlFlow::Break(()) => Next::Stop(Pass::Done),
                    }
                }
                Ok(Step::CleanEnd(end)) => self.finish(end),
                Ok(Step::TornTail(end)) => {
                    thread::sleep(SECOND_LOOK);
                    let again = reader.next();
                    match again {
                        Ok(Step::TornTail(same)) if same.offset == end.offset => self.finish(same),
                        Ok(_) => Next::Stop(Pass::Again),
                        Err(error) => self.problem(error, reader.segment().first_lsn, visit)?,
                    }
                }
                Err(error) => self.problem(error, reader.segment().first_lsn, visit)?,
            };
            if let Next::Stop(pass) = next {
                return Ok(pass);
            }
        }
    }

    fn finish(&mut self, end: LogEnd) -> Next {
        self.result.end = Some(end);
        Next::Stop(Pass::Done)
    }

    fn cannot_open(
        &mut self,
        error: ReadError,
        visit: &mut impl FnMut(Seen<'_>) -> Result<ControlFlow<()>, ToolError>,
    ) -> Result<Pass, ToolError> {
        if let ReadError::Missing { .. } | ReadError::Recycled { .. } = error
            && self.log.oldest_lsn()? > self.next_lsn
        {
            return Ok(Pass::Recycled);
        }
        match Damage::of(&error) {
            Some(damage) => {
                let _ = self.found(damage, visit)?;
                Ok(Pass::Done)
            }
            None => Err(self.log.fatal(error)),
        }
    }

    fn problem(
        &mut self,
        error: ReadError,
        segment_first_lsn: Lsn,
        visit: &mut impl FnMut(Seen<'_>) -> Result<ControlFlow<()>, ToolError>,
    ) -> Result<Next, ToolError> {
        if let ReadError::Recycled { .. } = error {
            return Ok(Next::Stop(Pass::Recycled));
        }
        let Some(damage) = Damage::of(&error) else { return Err(self.log.fatal(error)) };
        if !self.is_confirmed(&damage, segment_first_lsn) {
            return Ok(Next::Stop(Pass::Again));
        }
        // In the last segment a reader cannot get past damage and reports it again.
        if self.result.damages.last() == Some(&damage) {
            return Ok(Next::Stop(Pass::Done));
        }
        let flow = self.found(damage, visit)?;
        let go_on = self.options.keep_going && flow.is_continue();
        Ok(if go_on { Next::Go } else { Next::Stop(Pass::Done) })
    }

    /// Whether a second reader finds the same. Only the first damage is checked: everything after it is marked as
    /// salvaged anyway. The second reader starts in the segment in which the first one stopped. If it started in a later
    /// one, it would not notice that this one does not continue the segment before.
    fn is_confirmed(&self, damage: &Damage, segment_first_lsn: Lsn) -> bool {
        if self.result.damage_count > 0 {
            return true;
        }
        thread::sleep(SECOND_LOOK);
        let from_lsn = self.next_lsn.min(segment_first_lsn);
        let options = ReadOptions { from_lsn, keep_going: false, ..self.read_options() };
        let Ok(mut reader) = self.log.reader(options) else { return true };
        loop {
            match reader.next() {
                Ok(Step::Record(record)) if record.lsn <= damage.lsn => {}
                Ok(_) => return false,
                Err(error) => return Damage::of(&error).is_none_or(|again| again == *damage),
            }
        }
    }

    fn found(
        &mut self,
        damage: Damage,
        visit: &mut impl FnMut(Seen<'_>) -> Result<ControlFlow<()>, ToolError>,
    ) -> Result<ControlFlow<()>, ToolError> {
        let flow = visit(Seen::Damage(&damage))?;
        self.result.damage_count += 1;
        if self.result.damages.len() < DAMAGES_MAX {
            self.result.damages.push(damage);
        }
        Ok(flow)
    }

    fn report_gap(
        &mut self,
        visit: &mut impl FnMut(Seen<'_>) -> Result<ControlFlow<()>, ToolError>,
    ) -> Result<(), ToolError> {
        let oldest = self.log.oldest_lsn()?;
        if self.next_lsn > 0 && oldest > self.next_lsn {
            let _ = visit(Seen::Gap(self.next_lsn, oldest - 1))?;
            self.next_lsn = oldest;
        }
        Ok(())
    }
}
