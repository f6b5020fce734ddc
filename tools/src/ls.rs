//! `ls`: the segments of the log and the position of the last checkpoint.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use serde::Serialize;
use wal::{Lsn, SegmentHeader, SegmentInfo, SegmentState};

use crate::Out;
use crate::cli::{LsArgs, ReportFormat};
use crate::error::{Outcome, ToolError};
use crate::escape::{count, size};
use crate::output::fields::Number;
use crate::output::jsonl;
use crate::progress::Progress;
use crate::source::{Log, ScanOptions, Scanned, Seen};
use crate::style::Style;
use crate::table::Checkpoint;
use crate::time;

pub fn run(args: &LsArgs, style: Style, out: &mut Out) -> Result<Outcome, ToolError> {
    let log = Log::open(&args.dir)?;
    let checkpoint = Checkpoint::of_dir(&args.dir)?;
    let segments = log.segments()?;
    let walk = Walk::over(&log, &segments)?;
    let rows = rows(&segments, &walk, checkpoint.lsn());
    match args.format {
        ReportFormat::Jsonl => print_jsonl(&rows, &checkpoint, out)?,
        ReportFormat::Text => print_text(&args.dir, &rows, &walk, &checkpoint, style, out)?,
    }
    let unusable = matches!(checkpoint, Checkpoint::Unusable(_));
    let damaged = unusable || rows.iter().any(|row| row.checksums == Some("damaged"));
    Ok(match &walk.scanned.end {
        _ if damaged || walk.scanned.damage_count > 0 => Outcome::Damage,
        Some(end) if end.torn_bytes > 0 => Outcome::TornTail,
        _ => Outcome::Fine,
    })
}

/// One segment file, as it is printed.
#[derive(Serialize)]
struct Row {
    kind: &'static str,
    seg: String,
    seq: Number,
    /// `live`: needed for recovery; `recyclable`: covered by the checkpoint; `spare`: prepared for use; `damaged`: its
    /// header cannot be read; `unknown`: its header is of another version.
    state: &'static str,
    first_lsn: Option<Number>,
    last_lsn: Option<Number>,
    first_ts: Option<String>,
    last_ts: Option<String>,
    size: Number,
    used: Option<Number>,
    groups: Option<Number>,
    records: Option<Number>,
    /// `ok`, `torn` (the tail) or `damaged`; null for segments without records.
    checksums: Option<&'static str>,
}

/// What a walk over all records found.
struct Walk {
    scanned: Scanned,
    /// By segment: time of the first and of the last group with records.
    times: BTreeMap<u64, (u64, u64)>,
}

impl Walk {
    fn over(log: &Log, segments: &[SegmentInfo]) -> Result<Self, ToolError> {
        let mut times: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
        if segments.iter().all(|info| info.header().is_none()) {
            return Ok(Self { scanned: Scanned::default(), times });
        }
        let progress = Progress::over(segments);
        let options = ScanOptions { keep_going: true, ..ScanOptions::default() };
        let scanned = log.scan(options, &progress, |seen| {
            if let Seen::Record(record) = seen {
                let micros = record.group.wall_micros;
                times.entry(record.group.segment).or_insert((micros, micros)).1 = micros;
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(Self { scanned, times })
    }

    fn is_damaged(&self, segment: &str) -> bool {
        self.scanned.damages.iter().any(|damage| damage.segment == segment)
    }
}

fn rows(segments: &[SegmentInfo], walk: &Walk, checkpoint_lsn: Lsn) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut next: Option<&SegmentHeader> = None;
    for info in segments.iter().rev() {
        rows.push(match &info.state {
            SegmentState::InUse(header) => {
                let row = used_row(info, header, next, walk, checkpoint_lsn);
                next = Some(header);
                row
            }
            SegmentState::Prepared { .. } => Row { state: "spare", ..bare_row(info) },
            SegmentState::Unsupported { .. } => Row { state: "unknown", ..bare_row(info) },
            SegmentState::Damaged => Row { state: "damaged", checksums: Some("damaged"), ..bare_row(info) },
        });
    }
    rows.reverse();
    rows
}

fn bare_row(info: &SegmentInfo) -> Row {
    Row {
        kind: "segment",
        seg: info.name.clone(),
        seq: Number(info.sequence),
        state: "spare",
        first_lsn: None,
        last_lsn: None,
        first_ts: None,
        last_ts: None,
        size: Number(info.bytes),
        used: None,
        groups: None,
        records: None,
        checksums: None,
    }
}

/// Where a segment's content ends: from the header of the next segment, or from the end of the log.
struct Content {
    last_lsn: Lsn,
    last_group: u64,
    used: u64,
}

fn content(info: &SegmentInfo, next: Option<&SegmentHeader>, walk: &Walk) -> Option<Content> {
    if let Some(next) = next.filter(|next| next.previous_sequence == info.sequence) {
        return Some(Content {
            last_lsn: next.first_lsn.checked_sub(1)?,
            last_group: next.first_group.checked_sub(1)?,
            used: next.previous_end,
        });
    }
    let end = walk.scanned.end.as_ref().filter(|end| end.sequence == info.sequence)?;
    Some(Content { last_lsn: end.last_lsn, last_group: end.last_group, used: end.offset })
}

fn used_row(
    info: &SegmentInfo,
    header: &SegmentHeader,
    next: Option<&SegmentHeader>,
    walk: &Walk,
    checkpoint_lsn: Lsn,
) -> Row {
    let content = content(info, next, walk);
    let covered =
        next.is_some() && content.as_ref().is_some_and(|content| content.last_lsn <= checkpoint_lsn);
    let times = walk.times.get(&info.sequence);
    let torn = walk.scanned.end.as_ref().is_some_and(|end| end.segment == info.name && end.torn_bytes > 0);
    let checksums = match (walk.is_damaged(&info.name), torn) {
        (true, _) => "damaged",
        (false, true) => "torn",
        (false, false) => "ok",
    };
    let number = |of: fn(&Content) -> u64| content.as_ref().map(|content| Number(of(content)));
    let since =
        |first: u64, last: Option<Number>| last.map(|last| Number((last.0 + 1).saturating_sub(first)));
    let last_lsn = number(|content| content.last_lsn);
    Row {
        state: if covered { "recyclable" } else { "live" },
        first_lsn: Some(Number(header.first_lsn)),
        first_ts: times.map(|&(first, _)| time::show(first)),
        last_ts: times.map(|&(_, last)| time::show(last)),
        used: number(|content| content.used),
        groups: since(header.first_group, number(|content| content.last_group)),
        records: since(header.first_lsn, last_lsn),
        last_lsn,
        checksums: Some(checksums),
        ..bare_row(info)
    }
}

fn print_jsonl(rows: &[Row], checkpoint: &Checkpoint, out: &mut Out) -> Result<(), ToolError> {
    #[derive(Serialize)]
    struct Line<'a> {
        kind: &'a str,
        lsn: Option<Number>,
        sequence: Option<Number>,
        generation: Option<Number>,
        pages: Option<Number>,
        error: Option<&'a str>,
    }
    jsonl::header(out, "segments")?;
    for row in rows {
        jsonl::line(out, row)?;
    }
    let mut line =
        Line { kind: "checkpoint", lsn: None, sequence: None, generation: None, pages: None, error: None };
    match checkpoint {
        Checkpoint::NoTable => line.error = Some("there is no table"),
        Checkpoint::Unusable(reason) => line.error = Some(reason),
        Checkpoint::Durable(meta) => {
            line.lsn = Some(Number(meta.lsn));
            line.sequence = Some(Number(meta.sequence));
            line.generation = Some(Number(meta.generation));
            line.pages = Some(Number(meta.pages));
        }
    }
    Ok(jsonl::line(out, &line)?)
}

fn print_text(
    dir: &Path,
    rows: &[Row],
    walk: &Walk,
    checkpoint: &Checkpoint,
    style: Style,
    out: &mut Out,
) -> Result<(), ToolError> {
    if rows.is_empty() {
        writeln!(out, "{}: no segments", dir.display())?;
    } else {
        let names =
            "segment               state       LSN                    groups    records       used / size";
        writeln!(out, "{names:<94}  checksums  time")?;
    }
    for row in rows {
        print_row(row, style, out)?;
    }
    for damage in &walk.scanned.damages {
        writeln!(out, "{}", style.damage(&crate::dump::damage_text(damage)))?;
    }
    match checkpoint {
        Checkpoint::NoTable => writeln!(out, "checkpoint: there is no table")?,
        Checkpoint::Unusable(reason) => writeln!(out, "checkpoint: {}", style.damage(reason))?,
        Checkpoint::Durable(meta) => writeln!(
            out,
            "checkpoint: {} at LSN {}, generation {}, table of {} pages ({})",
            meta.sequence,
            meta.lsn,
            meta.generation,
            count(meta.pages),
            size(meta.pages.saturating_mul(ackd::table::PAGE_BYTES as u64))
        )?,
    }
    Ok(())
}

fn print_row(row: &Row, style: Style, out: &mut Out) -> Result<(), ToolError> {
    let number = |number: Option<Number>| number.map_or("-".into(), |number| count(number.0));
    let lsns = match (row.first_lsn, row.last_lsn) {
        (Some(first), Some(last)) if last.0 >= first.0 => format!("{}..{}", first.0, last.0),
        (Some(first), _) => format!("{}..", first.0),
        _ => "-".into(),
    };
    let bytes = format!("{} / {}", row.used.map_or("-".into(), |used| size(used.0)), size(row.size.0));
    let checksums = format!("{:<9}", row.checksums.unwrap_or("-"));
    let checksums = match row.checksums {
        Some("ok") => style.good(&checksums),
        Some("torn") => style.warning(&checksums),
        Some(_) => style.damage(&checksums),
        None => checksums,
    };
    let times = match (&row.first_ts, &row.last_ts) {
        (Some(first), Some(last)) => format!("{first} .. {last}"),
        _ => "-".into(),
    };
    let (groups, records) = (number(row.groups), number(row.records));
    let (seg, state) = (&row.seg, row.state);
    writeln!(
        out,
        "{seg:<20}  {state:<10}  {lsns:<18} {groups:>10} {records:>10}  {bytes:>23}  {checksums}  {times}"
    )?;
    Ok(())
}
