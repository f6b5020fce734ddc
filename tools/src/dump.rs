//! `dump`: records, filtered, oldest or newest first.
//!
//! Newest first reads the segments backwards and keeps the wanted records of one segment at a time.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use wal::{Lsn, RecordRef};

use crate::Out;
use crate::cli::{DumpArgs, FilterArgs, Format, HistoryArgs};
use crate::error::{Outcome, ToolError};
use crate::filter::Filter;
use crate::origins::Origins;
use crate::output::{self, Printer, RecordView};
use crate::progress::{Progress, say};
use crate::record::{Kept, SegmentName, Taken, is_wanted, view};
use crate::source::{Damage, Log, ScanOptions, Scanned, Seen};
use crate::style::Style;
use crate::time;

pub fn run(args: &DumpArgs, style: Style, out: &mut Out) -> Result<Outcome, ToolError> {
    if args.reverse && args.show.format == Format::Resp {
        return Err(ToolError::Usage("--reverse with --format resp would replay history backwards".into()));
    }
    let filter = Filter::new(&args.filter, time::now_micros())?;
    print(args, filter, style, out)
}

/// `history`: everything that happened to one key.
pub fn history(args: &HistoryArgs, style: Style, out: &mut Out) -> Result<Outcome, ToolError> {
    let filter = Filter::history(args.key.as_encoded_bytes(), args.db);
    let dump = DumpArgs {
        dir: args.dir.clone(),
        filter: FilterArgs::default(),
        from_lsn: None,
        to_lsn: None,
        limit: args.limit,
        reverse: args.reverse,
        show: args.show.clone(),
        keep_going: args.keep_going,
    };
    print(&dump, filter, style, out)
}

/// Prints what the filter takes.
fn print(args: &DumpArgs, filter: Filter, style: Style, out: &mut Out) -> Result<Outcome, ToolError> {
    let now_micros = time::now_micros();
    let mut dump = Dump {
        args,
        filter,
        printer: output::printer(&args.show, style, now_micros / 1000),
        out,
        name: SegmentName::default(),
        origins: Origins::default(),
        left: args.limit.unwrap_or(u64::MAX),
        outcome: Outcome::Fine,
    };
    let log = Log::open(&args.dir)?;
    let from_lsn = first_lsn(&log, args.from_lsn)?;
    dump.printer.start(dump.out)?;
    if dump.left > 0 {
        if args.reverse { dump.backwards(&log, from_lsn)? } else { dump.forwards(&log, from_lsn)? }
    }
    dump.printer.finish(dump.out)?;
    Ok(dump.outcome)
}

/// Where to start: at the LSN asked for, or, with a note, at the oldest one left.
pub fn first_lsn(log: &Log, asked: Option<Lsn>) -> Result<Lsn, ToolError> {
    let Some(asked) = asked.filter(|&lsn| lsn > 0) else { return Ok(0) };
    let oldest = log.oldest_lsn()?;
    if asked < oldest {
        say(&format!("ackd-wal: the log begins with LSN {oldest}; earlier records were recycled"));
    }
    Ok(asked.max(oldest))
}

/// Damage in one line.
pub fn damage_text(damage: &Damage) -> String {
    let Damage { segment, offset, lsn, reason } = damage;
    let from = if *lsn > 0 { format!(", from LSN {lsn} on") } else { String::new() };
    match segment.as_str() {
        "" => format!("damage{from}: {reason}"),
        segment => format!("damage: {segment} offset {offset}{from}: {reason}"),
    }
}

/// The note about damage.
pub fn damage_note(damage: &Damage) -> String {
    format!("ackd-wal: {}", damage_text(damage))
}

/// The note about records that a running server recycled before they could be read.
pub fn gap_text(first: Lsn, last: Lsn) -> String {
    format!("ackd-wal: LSN {first} to {last} were recycled before they could be read")
}

/// Notes how a scan ended. Returns the outcome.
pub fn conclude(scanned: &Scanned, keep_going: bool) -> Outcome {
    if scanned.damage_count > 0 {
        if !keep_going {
            say("ackd-wal: stopped at damage; --keep-going shows what can be salvaged after it");
        }
        return Outcome::Damage;
    }
    match &scanned.end {
        Some(end) if end.torn_bytes > 0 => {
            say(&format!("ackd-wal: torn tail: {} bytes after LSN {}", end.torn_bytes, end.last_lsn));
            Outcome::TornTail
        }
        _ => Outcome::Fine,
    }
}

/// A dump in progress.
struct Dump<'d> {
    args: &'d DumpArgs,
    filter: Filter,
    printer: Box<dyn Printer>,
    out: &'d mut Out,
    name: SegmentName,
    origins: Origins,
    /// How many more records may be printed.
    left: u64,
    outcome: Outcome,
}

impl Dump<'_> {
    fn forwards(&mut self, log: &Log, from_lsn: Lsn) -> Result<(), ToolError> {
        let progress = Progress::over(&log.segments()?);
        let options = ScanOptions { from_lsn, keep_going: self.args.keep_going, ..ScanOptions::default() };
        let scanned = log.scan(options, &progress, |seen| match seen {
            Seen::Record(record) => self.visit(record),
            other => Ok(remark(&progress, &other)),
        })?;
        drop(progress);
        self.outcome = self.outcome.and(conclude(&scanned, self.args.keep_going));
        Ok(())
    }

    fn visit(&mut self, record: &RecordRef<'_>) -> Result<ControlFlow<()>, ToolError> {
        if self.is_past_end(record.lsn) {
            return Ok(ControlFlow::Break(()));
        }
        self.origins.see(record);
        if !self.filter.takes_group(record.group.number, record.group.wall_micros) {
            return Ok(ControlFlow::Continue(()));
        }
        let mut name = std::mem::take(&mut self.name);
        let caused = self.origins.caused(record.payload);
        let printed = self.print(&view(record, name.of(record.group.segment), caused.as_ref()));
        self.name = name;
        printed?;
        Ok(if self.left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn is_past_end(&self, lsn: Lsn) -> bool {
        self.args.to_lsn.is_some_and(|to_lsn| lsn > to_lsn)
    }

    /// Prints the record if some of its effects are wanted.
    fn print(&mut self, record: &RecordView<'_>) -> Result<(), ToolError> {
        match Taken::from_payload(record.payload, &self.filter) {
            Ok(taken) if taken.is_unwanted(&self.filter) => return Ok(()),
            Ok(taken) => self.printer.record(self.out, record, &taken.view())?,
            Err(error) => {
                self.outcome = Outcome::Damage;
                say(&format!("ackd-wal: the payload of LSN {} cannot be read: {error}", record.lsn));
                self.printer.unreadable(self.out, record, &error)?;
            }
        }
        self.left -= 1;
        Ok(())
    }

    /// Reads the segments from the last to the first.
    fn backwards(&mut self, log: &Log, from_lsn: Lsn) -> Result<(), ToolError> {
        let starts: Vec<Lsn> =
            log.segments()?.iter().filter_map(|info| info.header().map(|header| header.first_lsn)).collect();
        let mut to_lsn = self.args.to_lsn.unwrap_or(Lsn::MAX);
        for &start in starts.iter().rev() {
            if self.left == 0 || to_lsn < from_lsn {
                break;
            }
            if start <= to_lsn {
                self.segment_backwards(log, start.max(from_lsn), to_lsn)?;
                to_lsn = start.saturating_sub(1);
            }
        }
        Ok(())
    }

    fn segment_backwards(&mut self, log: &Log, from_lsn: Lsn, to_lsn: Lsn) -> Result<(), ToolError> {
        let mut kept: VecDeque<Kept> = VecDeque::new();
        let options = ScanOptions { from_lsn, keep_going: self.args.keep_going, ..ScanOptions::default() };
        let scanned = log.scan(options, &Progress::none(), |seen| {
            let record = match seen {
                Seen::Record(record) if record.lsn > to_lsn => return Ok(ControlFlow::Break(())),
                Seen::Record(record) => record,
                other => return Ok(remark(&Progress::none(), &other)),
            };
            self.origins.see(record);
            if is_wanted(record, &self.filter) {
                kept.push_back(Kept::of(record, self.origins.caused(record.payload)));
            }
            if kept.len() as u64 > self.left {
                kept.pop_front();
            }
            Ok(ControlFlow::Continue(()))
        })?;
        self.outcome = self.outcome.and(conclude(&scanned, self.args.keep_going));
        let mut name = SegmentName::default();
        for kept in kept.iter().rev() {
            self.print(&kept.view(&mut name))?;
        }
        Ok(())
    }
}

/// Notes damage or a gap, and continues.
pub fn remark(progress: &Progress, seen: &Seen<'_>) -> ControlFlow<()> {
    match seen {
        Seen::Record(_) => {}
        Seen::Damage(damage) => progress.note(&damage_note(damage)),
        Seen::Gap(first, last) => progress.note(&gap_text(*first, *last)),
    }
    ControlFlow::Continue(())
}
