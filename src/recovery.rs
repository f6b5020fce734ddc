//! From a data directory to a server that can answer, in named steps.
//!
//! 1. [`open_table`]: the newest durable checkpoint, or a new table.
//! 2. [`open_log`]: the log from the first record that the checkpoint lacks.
//! 3. [`check_log`]: the files belong together ([`belongs`]), and all of those records are there and can be decoded.
//! 4. [`replay`]: applies their effects to the table, in order. Reads no clock, so it gives the same state however
//!    often it runs.
//! 5. [`resume_log`]: the torn tail, if there is one, is set aside. What was recovered is synced, so that nothing is
//!    served that a power cut could still undo.
//! 6. [`publish`]: readers see the version.
//!
//! Nothing is changed on disk before step 4, so if damage is found in steps 1 to 3, all files stay as they were, to the
//! byte. The replay writes only to pages of the table's file that the checkpoint does not use. To make this possible,
//! the log is read twice. After a crash anywhere in here, recovery starts again at step 1 with the same outcome.

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

/// Up to this many batches are applied without a warmer: that takes less time than starting one.
const BATCHES_FEW: usize = 16;
/// Maximum number of replays if pages keep becoming unreadable.
const REPLAYS_MAX: u32 = 8;

/// Where the table comes from.
pub enum TableSource {
    /// An empty file: a new table is created in it.
    New(Box<dyn TableFile>),
    /// A file with a table in it.
    Existing(Box<dyn TableFile>),
}

/// What recovery found and did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// LSN of the checkpoint that recovery started from.
    pub checkpoint_lsn: u64,
    /// LSN of the last record.
    pub last_lsn: u64,
    /// Number of records replayed.
    pub records: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
    /// Bytes of the torn tail that was set aside; 0 if there was none.
    pub torn_bytes: u64,
    /// Whether what was set aside was damaged and may have been acknowledged.
    pub accepted_loss: bool,
    /// Wall-clock time of the newest group, or of the checkpoint if that is newer, in milliseconds since the Unix epoch.
    pub wall_ms: u64,
    /// Duration of the whole recovery.
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

/// Recovers the table in `source` and the log in `home`, or creates both.
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

/// Step 2: the log from the first record that the table lacks; `None` if both log and table are empty.
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

/// The newest segment of the log, according to the table's note.
fn mark_of(table: &Table) -> Option<SegmentMark> {
    table.note().as_deref().and_then(belongs::decode_mark)
}

/// Writes marks of new segments to the table's note.
fn remember_in(table: &Arc<Table>) -> Remember {
    let table = table.clone();
    Remember::new(move |mark| table.write_note(&belongs::encode_mark(mark)))
}

/// Step 3, first part: checks that the segments that the log had are there. Returns the mark to check its end against.
fn check_mark<H: LogHome>(table: &Table, home: &H) -> Result<Option<SegmentMark>, RecoveryError> {
    let Some(mark) = mark_of(table) else { return Ok(None) };
    let Some(segments) = home.segments()? else { return Ok(None) };
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
        // First, before reporting an error of records that may be from another history.
        check_history(&reader)?;
        decoded?;
    };
    check_history(&reader)?;
    Ok(mark.map_or(Ok(()), |mark| belongs::check_end(mark, &end))?)
}

/// Notes the segment that the log continues in, unless it is noted already.
fn remember(table: &Table, log: &impl Log) -> Result<(), RecoveryError> {
    let Some(mark) = log.mark() else { return Ok(()) };
    if mark_of(table) == Some(mark) {
        return Ok(());
    }
    table.write_note(&belongs::encode_mark(mark)).map_err(RecoveryError::Mark)
}

/// Step 4: applies the effects of all records that the table lacks. If pages turn out to be unreadable, the replay
/// starts over without them: free ones are not needed, and the others are damage, which the replay reports.
fn replay_all<H: LogHome>(
    table: &Table,
    home: &H,
    accept_tail_loss: bool,
    writer: &mut TableWriter,
    report: &mut Report,
) -> Result<LogEnd, RecoveryError> {
    let before = *report;
    // All of this had room before.
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
/// All of it is one generation of the table: nobody reads yet, so each page is copied once, however many records change
/// it. Records are read some way ahead, so that another thread can touch the pages of their keys.
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
            // Without a warmer the replay only takes longer.
            warmer = Warmer::start(writer.table().clone()).ok();
        }
        let full = Arc::new(std::mem::take(&mut batch));
        let warmer = warmer.as_ref().filter(|_| !full.is_long());
        if let Some(warmer) = warmer {
            warmer.warm(&full);
        }
        ahead.push_back(full);
        // Batches that are read ahead are held in memory.
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

/// Step 5: sets a torn tail aside and syncs what was recovered.
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
