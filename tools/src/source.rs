//! The log of a data directory, read from end to end: records, damage and gaps in the order in which they stand.
//!
//! A running server may write and recycle meanwhile. What looks like damage or a torn tail in the segment that is
//! being written is therefore looked at again before it is believed, and a segment that was recycled under the
//! reader is reported as a gap, not as damage.
//!
//! Invariant: damage is believed only if a second reader, opened afterwards, finds the same at the same place.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use wal::{DirStorage, LogEnd, Lsn, ReadError, ReadOptions, Reader, RecordRef, SegmentInfo, Step, Storage};

use crate::error::ToolError;
use crate::progress::Progress;

/// Name of the log's directory in the data directory. The directory itself may be a link to another disk, as it
/// may for the server; the files in it may not.
const LOG_DIR: &str = "wal";
/// How long to wait before a torn tail is looked at again: a group is written in far less. Under a fuzzer nobody writes.
const SECOND_LOOK: Duration = Duration::from_millis(if cfg!(fuzzing) { 0 } else { 20 });
/// Findings kept in full; further ones are counted.
pub const DAMAGES_MAX: usize = 1000;
/// How often a reader may lose its segment to recycling before the attempt is given up.
const RECYCLED_MAX: u32 = 1000;

/// The log of a data directory, open for reading.
#[derive(Debug)]
pub struct Log {
    storage: DirStorage,
    path: PathBuf,
}

/// Something that was durable and is not there, or not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// File name of the segment; empty when a whole file is missing.
    pub segment: String,
    /// Offset in bytes of the first thing that is wrong.
    pub offset: u64,
    /// First LSN that is lost or in doubt.
    pub lsn: Lsn,
    /// What is wrong.
    pub reason: String,
}

/// What a scan comes upon.
pub enum Seen<'a> {
    /// A record.
    Record(&'a RecordRef<'a>),
    /// Damage; what follows it is salvaged.
    Damage(&'a Damage),
    /// Records which a running server recycled before they could be read: first and last.
    Gap(Lsn, Lsn),
}

/// What is read, and how.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScanOptions {
    /// First LSN wanted; 0 for the oldest there is.
    pub from_lsn: Lsn,
    /// An LSN known to be durable from elsewhere; 0 says nothing.
    pub durable_lsn: Lsn,
    /// Number of the group whose checksum the end is to tell.
    pub marked_group: Option<u64>,
    /// Go on behind damage.
    pub keep_going: bool,
}

/// How a scan ended.
#[derive(Debug, Default)]
pub struct Scanned {
    /// Where the log ends; `None` when the scan stopped before.
    pub end: Option<LogEnd>,
    /// Damage found, at most [`DAMAGES_MAX`] places.
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

    /// All segment files, ascending in number.
    pub fn segments(&self) -> Result<Vec<SegmentInfo>, ToolError> {
        wal::segments(&self.storage).map_err(|error| self.fatal(error))
    }

    /// A reader from an LSN on, for callers that follow the end themselves.
    pub fn reader(&self, options: ReadOptions) -> Result<Reader<DirStorage>, ReadError> {
        Reader::open(&self.storage, options)
    }

    /// The oldest LSN that the log still has, 0 when it has no usable segment.
    pub fn oldest_lsn(&self) -> Result<Lsn, ToolError> {
        let segments = self.segments()?;
        let first = segments.iter().find_map(|info| info.header().map(|header| header.first_lsn));
        Ok(first.unwrap_or(0))
    }

    /// Visits everything from `options.from_lsn` on until the end, until `visit` has enough, or until damage.
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

    /// The error of a read that gives no finding.
    pub fn fatal(&self, error: ReadError) -> ToolError {
        match error {
            ReadError::Io { path, offset, source } if offset > 0 => {
                let source = std::io::Error::new(source.kind(), format!("offset {offset}: {source}"));
                ToolError::Io { path, source }
            }
            ReadError::Io { path, source, .. } => ToolError::io(&path, source),
            ReadError::NoLog { path } => ToolError::Io {
                path,
                source: std::io::Error::new(std::io::ErrorKind::NotFound, "holds no segment of a log"),
            },
            ReadError::Unsupported { segment, version } => ToolError::Refused {
                path: self.storage.path(&segment),
                reason: format!("format version {version} is not known to this program"),
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
    /// The finding that an error stands for, if it is one.
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

/// How one reader's part of a scan ended.
enum Pass {
    /// At the end, or where the visitor had enough, or at damage.
    Done,
    /// The segment was recycled while it was read.
    Recycled,
    /// What looked like damage was a write in progress: read on with another reader.
    Again,
}

/// What there is to do after a record or an error was visited.
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
        // A reader at the end of the last segment cannot get past damage and says the same again.
        if self.result.damages.last() == Some(&damage) {
            return Ok(Next::Stop(Pass::Done));
        }
        let flow = self.found(damage, visit)?;
        let go_on = self.options.keep_going && flow.is_continue();
        Ok(if go_on { Next::Go } else { Next::Stop(Pass::Done) })
    }

    /// Whether another reader finds the same. Only the first damage is asked about: behind it, whatever a scan
    /// finds is marked anyway. It begins with the segment in which this one ended: from a later one on, what does not
    /// continue that segment looks right.
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
