//! From what a data directory holds to a server that can answer, in named steps.
//!
//! 1. [`open_table`]: the newest durable checkpoint, or a new table.
//! 2. [`open_log`]: the log from the first record that the checkpoint lacks.
//! 3. [`check_log`]: the files belong together ([`belongs`]), and those records are all there and can be understood.
//! 4. [`replay`]: their effects, in order, on the table. Reads no clock, so it yields the same state however often it
//!    runs.
//! 5. [`resume_log`]: the torn tail, if there is one, is put aside; what was recovered is synced, so that nothing is
//!    served which a power cut could still take back.
//! 6. [`publish`]: readers may see it.
//!
//! Nothing is changed on disk before step 4, so damage that is found in steps 1 to 3 leaves all files as they were, to
//! the byte; the replay writes to pages of the table's file that the checkpoint does not hold. The log is read twice for
//! that. A crash anywhere in here leads back to step 1 with the same outcome.

mod batch;
pub mod belongs;
mod error;
#[cfg(test)]
mod tests;
mod warmer;

pub use error::RecoveryError;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wal::{
    Log, LogEnd, LogError, LogHome, LogOptions, ReadError, ReadOptions, Remember, Replay, SegmentMark, Step,
};

use crate::keyspace;
use crate::table::{Table, TableError, TableFile, TableOptions, TableWriter};
use batch::Batch;
use warmer::{AHEAD_MAX, Warmer};

/// Batches that are applied without a warmer: so few take less time than starting one.
const BATCHES_FEW: usize = 16;
/// How often a replay is begun while pages become unreadable.
const REPLAYS_MAX: u32 = 8;

/// Where the table comes from.
pub enum TableSource {
    /// An empty file: the table is made.
    New(Box<dyn TableFile>),
    /// A file with a table in it.
    Existing(Box<dyn TableFile>),
}

/// What recovery found and did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// LSN of the checkpoint that it started from.
    pub checkpoint_lsn: u64,
    /// LSN of the last record.
    pub last_lsn: u64,
    /// Records replayed.
    pub records: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
    /// Bytes of the torn tail that was put aside; 0 when there was none.
    pub torn_bytes: u64,
    /// Whether what was put aside is damaged and may have been acknowledged.
    pub accepted_loss: bool,
    /// Wall-clock time of the newest group, or of the checkpoint if that is newer, in milliseconds since the Unix epoch.
    pub wall_ms: u64,
    /// How long it all took.
    pub took: Duration,
}

/// A log and a table that agree, ready to be served.
pub struct Recovered<H: LogHome> {
    /// The readers' side of the table.
    pub table: Arc<Table>,
    /// The writer's side of the table.
    pub writer: TableWriter,
    /// The log, ready to go on.
    pub log: H::Log,
    /// What was found.
    pub report: Report,
}

/// Recovers what is in `source` and `home`, or makes a new table and a new log.
pub fn recover<H: LogHome>(
    source: TableSource,
    home: H,
    table_options: &TableOptions,
    log_options: LogOptions,
) -> Result<Recovered<H>, RecoveryError> {
    let start = Instant::now();
    let (table, mut writer) = open_table(source, table_options)?;
    let log_options = LogOptions {
        instance_id: log_id(&table),
        epoch: table.epoch(),
        remember: Some(remember_in(&table)),
        ..log_options
    };
    let mut report = Report {
        checkpoint_lsn: table.applied_lsn(),
        last_lsn: table.applied_lsn(),
        wall_ms: table.wall_ms(),
        ..Report::default()
    };
    let accept_tail_loss = log_options.accept_tail_loss;
    let mark = check_mark(&table, &home)?;
    let log = match open_log(&table, &home, accept_tail_loss, mark)? {
        None => home.create(log_options)?,
        Some(reader) => {
            check_log(reader, &table, mark)?;
            let end = replay_all(&table, &home, accept_tail_loss, &mut writer, &mut report)
                .map_err(|error| RecoveryError::Replaying(error.into()))?;
            resume_log(home, log_options, end, &mut report)?
        }
    };
    writer.leave(0);
    remember(&table, &log)?;
    publish(&mut writer);
    debug_assert_eq!(log.last_lsn(), report.last_lsn);
    report.took = start.elapsed();
    Ok(Recovered { table, writer, log, report })
}

/// Step 1: the newest durable checkpoint, or a new table.
fn open_table(source: TableSource, options: &TableOptions) -> Result<(Arc<Table>, TableWriter), TableError> {
    match source {
        TableSource::New(file) => Table::create(file, options),
        TableSource::Existing(file) => Table::open(file, options),
    }
}

/// Step 2: the log from the first record that the table lacks; `None` if neither log nor table hold anything.
fn open_log<H: LogHome>(
    table: &Table,
    home: &H,
    accept_tail_loss: bool,
    mark: Option<SegmentMark>,
) -> Result<Option<H::Replay>, ReadError> {
    let applied_lsn = table.applied_lsn();
    let options = ReadOptions {
        from_lsn: applied_lsn + 1,
        durable_lsn_hint: applied_lsn,
        instance_id: Some(log_id(table)),
        marked_group: mark.and_then(|mark| mark.group).map(|group| group.number),
        device: true,
        accept_tail_loss,
        ..ReadOptions::default()
    };
    match home.replay(options) {
        Ok(reader) => Ok(Some(reader)),
        Err(ReadError::NoLog { .. }) if applied_lsn == 0 => Ok(None),
        Err(error) => Err(error),
    }
}

/// The newest segment of the log, as the table's note knows it.
fn mark_of(table: &Table) -> Option<SegmentMark> {
    table.note().as_deref().and_then(belongs::decode_mark)
}

/// Keeps marks of new segments in the table's note.
fn remember_in(table: &Arc<Table>) -> Remember {
    let table = table.clone();
    Remember::new(move |mark| table.write_note(&belongs::encode_mark(mark)))
}

/// Step 3, first part: the segments that the log had are there. Returns what its end is to be held against.
fn check_mark<H: LogHome>(table: &Table, home: &H) -> Result<Option<SegmentMark>, RecoveryError> {
    let Some(mark) = mark_of(table) else { return Ok(None) };
    let segments = home.segments()?;
    let mark = belongs::mark_for(mark, &segments);
    mark.map_or(Ok(()), |mark| belongs::check_segments(mark, &segments))?;
    Ok(mark)
}

/// Step 3: reads all records that the table lacks, and changes nothing.
fn check_log<R: Replay>(
    mut reader: R,
    table: &Table,
    mark: Option<SegmentMark>,
) -> Result<(), RecoveryError> {
    let check_history = |reader: &R| {
        let (lsn, checksum) = (table.applied_lsn(), table.log_checksum());
        belongs::check_history(lsn, checksum, reader.before(), reader.before_adopted())
    };
    let end = loop {
        let decoded = match reader.next()? {
            Step::Record(record) => keyspace::decode(record.lsn, record.payload).map(drop),
            Step::CleanEnd(end) | Step::TornTail(end) => break end,
        };
        // Before anything is said of records that may be of another history.
        check_history(&reader)?;
        decoded?;
    };
    check_history(&reader)?;
    Ok(mark.map_or(Ok(()), |mark| belongs::check_end(mark, &end))?)
}

/// Has the segment that the log goes on in remembered, unless it is.
fn remember(table: &Table, log: &impl Log) -> Result<(), RecoveryError> {
    let Some(mark) = log.mark() else { return Ok(()) };
    if mark_of(table) == Some(mark) {
        return Ok(());
    }
    table.write_note(&belongs::encode_mark(mark)).map_err(RecoveryError::Mark)
}

/// Step 4: applies the effects of all records that the table lacks. If pages turn out to be unreadable, it is done over
/// again without them: those that are free are not needed, and those that are not are damage, which the replay meets.
fn replay_all<H: LogHome>(
    table: &Table,
    home: &H,
    accept_tail_loss: bool,
    writer: &mut TableWriter,
    report: &mut Report,
) -> Result<LogEnd, RecoveryError> {
    let before = *report;
    // There was room for all of it.
    writer.leave_nothing();
    for _ in 0..REPLAYS_MAX {
        let mut reader =
            open_log(table, home, accept_tail_loss, None)?.expect("the log was there a moment ago");
        let faults = table.faults();
        let end = replay(&mut reader, writer, report);
        if table.faults() == faults {
            return end;
        }
        *report = before;
        writer.roll_back();
        writer.set_aside_unreadable();
    }
    Err(TableError::Faulted.into())
}

/// Applies the effects of all records that the table lacks, once.
///
/// It all happens in one generation of the table: nobody reads yet, so each page is copied once, however many records
/// change it. Records are read some way ahead, so that another thread can touch the pages of their keys.
fn replay(
    reader: &mut impl Replay,
    writer: &mut TableWriter,
    report: &mut Report,
) -> Result<LogEnd, RecoveryError> {
    let mut warmer = None;
    let mut ahead: VecDeque<Arc<Batch>> = VecDeque::new();
    let (mut batch, mut batches) = (Batch::default(), 0);
    let end = loop {
        match reader.next()? {
            Step::Record(record) => {
                report.last_lsn = record.lsn;
                report.records += 1;
                report.bytes += record.payload.len() as u64;
                batch.push(record.lsn, record.payload);
            }
            Step::CleanEnd(end) | Step::TornTail(end) => break end,
        }
        if !batch.is_full() {
            continue;
        }
        batches += 1;
        if batches == BATCHES_FEW {
            // Without one, the replay only takes longer.
            warmer = Warmer::start(writer.table().clone()).ok();
        }
        let full = Arc::new(std::mem::take(&mut batch));
        let warmer = warmer.as_ref().filter(|_| !full.is_long());
        if let Some(warmer) = warmer {
            warmer.warm(&full);
        }
        ahead.push_back(full);
        // What is read ahead is held in memory.
        let ahead_max = if warmer.is_some() { AHEAD_MAX } else { 0 };
        while ahead.len() > ahead_max {
            ahead.pop_front().expect("there are more than none").apply(writer)?;
        }
    };
    ahead.push_back(Arc::new(batch));
    for batch in ahead {
        batch.apply(writer)?;
    }
    Ok(end)
}

/// Step 5: puts a torn tail aside and syncs what was recovered.
fn resume_log<H: LogHome>(
    home: H,
    options: LogOptions,
    end: LogEnd,
    report: &mut Report,
) -> Result<H::Log, LogError> {
    report.torn_bytes = end.torn_bytes;
    report.accepted_loss = end.accepted_loss.is_some();
    if report.records > 0 {
        report.wall_ms = end.wall_micros / 1000;
    }
    let wall_micros = end.wall_micros;
    let mut log = home.resume(options, end)?;
    log.seal_start(wall_micros)?;
    Ok(log)
}

/// Step 6: lets readers see the version.
fn publish(writer: &mut TableWriter) {
    let frozen = writer.freeze();
    writer.publish(frozen);
}

/// The log's identity: that of its table.
fn log_id(table: &Table) -> [u8; 16] {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&table.instance_id().to_le_bytes());
    id
}
