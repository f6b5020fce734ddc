//! `verify`: is everything that was durable still there?
//!
//! Reads the log from its oldest record to its end and decodes each payload. The log must reach the table's checkpoint,
//! and begin right after it or earlier. With `--table` every page of the table is checked too. A torn tail is not
//! damage and is reported separately.

use std::io::{ErrorKind, Write};
use std::ops::ControlFlow;
use std::path::Path;

use ackd::effect;
use ackd::table::Report;
use serde::Serialize;
use wal::{Lsn, RecordRef, SegmentInfo, SegmentState};

use crate::Out;
use crate::belongs::Claims;
use crate::cli::{ReportFormat, VerifyArgs};
use crate::dump::{damage_text, gap_text};
use crate::error::{Outcome, ToolError};
use crate::escape::{count, size};
use crate::output::fields::Number;
use crate::output::jsonl;
use crate::progress::{Progress, say};
use crate::source::{DAMAGES_MAX, Damage, Log, ScanOptions, Scanned, Seen};
use crate::style::Style;
use crate::table::{self, Checked, Checkpoint, PageFinding, TABLE_FILE};

pub fn run(args: &VerifyArgs, style: Style, out: &mut Out) -> Result<Outcome, ToolError> {
    let mut report = Reporter { json: args.format == ReportFormat::Jsonl, style, out };
    if report.json {
        jsonl::header(report.out, "findings")?;
    }
    let checkpoint = Checkpoint::of_dir(&args.dir)?;
    let mut outcome = verify_log(args, &checkpoint, &mut report)?;
    if args.table {
        outcome = outcome.and(verify_table(&args.dir, &mut report)?);
    } else if let Checkpoint::Unusable(reason) = &checkpoint {
        report.unusable_table(reason)?;
        outcome = Outcome::Damage;
    }
    Ok(outcome)
}

fn verify_log(
    args: &VerifyArgs,
    checkpoint: &Checkpoint,
    report: &mut Reporter<'_>,
) -> Result<Outcome, ToolError> {
    let claims = Claims::of_dir(&args.dir, checkpoint)?;
    let log = match Log::open(&args.dir) {
        Err(ToolError::Io { source, .. }) if source.kind() == ErrorKind::NotFound && claims.has_table() => {
            return no_log(claims.no_directory(), args, report);
        }
        log => log?,
    };
    let segments = log.segments()?;
    let mut walk = LogWalk { segments: in_use(&segments).count() as u64, ..LogWalk::default() };
    if let Some(damage) = claims.no_log(&segments) {
        return no_log(damage, args, report);
    }
    let contradictions = claims.check_segments(&segments).into_iter().chain(claims.check_history(&log));
    for damage in contradictions.chain(before_the_log(&args.dir, &segments)?) {
        report.damage(&damage)?;
        walk.extra_damage += 1;
    }
    let progress = Progress::over(&segments);
    let options = ScanOptions {
        from_lsn: 0,
        durable_lsn: checkpoint.lsn(),
        marked_group: claims.marked_group(),
        keep_going: args.keep_going,
    };
    let scanned = log.scan(options, &progress, |seen| {
        match seen {
            Seen::Record(record) => {
                if let Some(damage) = walk.visit(record) {
                    report.damage(&damage)?;
                }
            }
            Seen::Damage(damage) => report.damage(damage)?,
            Seen::Gap(first, last) => progress.note(&gap_text(first, last)),
        }
        Ok(ControlFlow::Continue(()))
    })?;
    drop(progress);
    if let Some(damage) = scanned.end.as_ref().and_then(|end| claims.check_end(&segments, end)) {
        report.damage(&damage)?;
        walk.extra_damage += 1;
    }
    report.summary(&walk, &scanned, args.keep_going)?;
    Ok(match &scanned.end {
        _ if walk.damage_count(&scanned) > 0 => Outcome::Damage,
        Some(end) if end.torn_bytes > 0 => Outcome::TornTail,
        _ => Outcome::Fine,
    })
}

/// Reports that the log is missing.
fn no_log(damage: Damage, args: &VerifyArgs, report: &mut Reporter<'_>) -> Result<Outcome, ToolError> {
    report.damage(&damage)?;
    let walk = LogWalk { extra_damage: 1, ..LogWalk::default() };
    report.summary(&walk, &Scanned::default(), args.keep_going)?;
    Ok(Outcome::Damage)
}

fn in_use(segments: &[SegmentInfo]) -> impl Iterator<Item = &SegmentInfo> {
    segments.iter().filter(|info| info.header().is_some())
}

/// Damage before the oldest readable segment, where the scan begins.
fn before_the_log(dir: &Path, segments: &[SegmentInfo]) -> Result<Vec<Damage>, ToolError> {
    let mut damages = Vec::new();
    let Some(first) = in_use(segments).next().and_then(|info| info.header()) else { return Ok(damages) };
    for info in segments.iter().filter(|info| info.sequence < first.sequence) {
        if info.state == SegmentState::Damaged {
            let reason = "the segment's header is damaged".into();
            damages.push(Damage { segment: info.name.clone(), offset: 0, lsn: 0, reason });
        }
    }
    // Read after the segments were listed: a running server recycles only what a checkpoint already covers.
    let checkpoint = Checkpoint::of_dir(dir)?;
    let covered_lsn = checkpoint.lsn();
    let known = !matches!(checkpoint, Checkpoint::Unusable(_));
    if known && first.first_lsn > covered_lsn.saturating_add(1) {
        let (from, to) = (covered_lsn + 1, first.first_lsn - 1);
        let reason = format!(
            "LSN {from} to {to} are neither in the log, which begins with {}, nor in the table, whose checkpoint \
             is at {covered_lsn}",
            first.first_lsn
        );
        damages.push(Damage { segment: String::new(), offset: 0, lsn: from, reason });
    }
    Ok(damages)
}

/// Totals of a walk over the log.
#[derive(Default)]
struct LogWalk {
    segments: u64,
    records: u64,
    payload_bytes: u64,
    first_lsn: Lsn,
    last_lsn: Lsn,
    salvaged: u64,
    /// Damage found outside the scan, or by decoding payloads.
    extra_damage: u64,
}

impl LogWalk {
    /// Counts a record. Returns damage if its payload cannot be read.
    fn visit(&mut self, record: &RecordRef<'_>) -> Option<Damage> {
        if self.records == 0 {
            self.first_lsn = record.lsn;
        }
        self.records += 1;
        self.last_lsn = record.lsn;
        self.payload_bytes += record.payload.len() as u64;
        self.salvaged += u64::from(record.group.salvaged);
        let error = effect::decode(record.payload).err()?;
        self.extra_damage += 1;
        (self.extra_damage <= DAMAGES_MAX as u64).then(|| Damage {
            segment: wal::segment_name(record.group.segment),
            offset: record.offset,
            lsn: record.lsn,
            reason: format!("the payload cannot be read: {error}"),
        })
    }

    fn damage_count(&self, scanned: &Scanned) -> u64 {
        self.extra_damage + scanned.damage_count
    }
}

fn verify_table(dir: &Path, report: &mut Reporter<'_>) -> Result<Outcome, ToolError> {
    match table::check(dir)? {
        Checked::Unusable(reason) => {
            report.unusable_table(&reason)?;
            Ok(Outcome::Damage)
        }
        Checked::Report(found) => {
            report.table(&found)?;
            Ok(if found.findings.is_empty() { Outcome::Fine } else { Outcome::Damage })
        }
    }
}

/// Prints findings and summaries in one of two forms.
struct Reporter<'o> {
    json: bool,
    style: Style,
    out: &'o mut Out,
}

impl Reporter<'_> {
    fn damage(&mut self, damage: &Damage) -> Result<(), ToolError> {
        #[derive(Serialize)]
        struct Line<'a> {
            kind: &'a str,
            seg: Option<&'a str>,
            off: Number,
            lsn: Option<Number>,
            reason: &'a str,
        }
        if !self.json {
            return Ok(writeln!(self.out, "{}", self.style.damage(&damage_text(damage)))?);
        }
        let seg = Some(damage.segment.as_str()).filter(|segment| !segment.is_empty());
        let lsn = (damage.lsn > 0).then_some(Number(damage.lsn));
        let line = Line { kind: "damage", seg, off: Number(damage.offset), lsn, reason: &damage.reason };
        Ok(jsonl::line(self.out, &line)?)
    }

    fn summary(&mut self, walk: &LogWalk, scanned: &Scanned, keep_going: bool) -> Result<(), ToolError> {
        if self.json {
            return self.summary_json(walk, scanned);
        }
        let lsns = match walk.records {
            0 => "no records".into(),
            _ => format!("LSN {}..{}", walk.first_lsn, walk.last_lsn),
        };
        write!(
            self.out,
            "verify: {} segments, {} records, {}, {lsns}",
            count(walk.segments),
            count(walk.records),
            size(walk.payload_bytes)
        )?;
        match walk.damage_count(scanned) {
            0 => write!(self.out, " contiguous {}", self.style.good("\u{2714}"))?,
            1 => write!(self.out, " {}", self.style.damage("damage in 1 place \u{2718}"))?,
            places => {
                let text = format!("damage in {} places \u{2718}", count(places));
                write!(self.out, " {}", self.style.damage(&text))?;
            }
        }
        if walk.salvaged > 0 {
            write!(self.out, "   {} records after damage", count(walk.salvaged))?;
        }
        if let Some(end) = scanned.end.as_ref().filter(|end| end.torn_bytes > 0) {
            let text = format!(
                "torn tail: {} bytes after {} in {} at offset {} (ignored at start) \u{26a0}",
                end.torn_bytes, end.last_lsn, end.segment, end.offset
            );
            write!(self.out, "   {}", self.style.warning(&text))?;
        }
        writeln!(self.out)?;
        if scanned.end.is_none() && scanned.damage_count > 0 && !keep_going {
            say("ackd-wal: stopped at the first damage; --keep-going checks what comes after it");
        }
        Ok(())
    }

    fn summary_json(&mut self, walk: &LogWalk, scanned: &Scanned) -> Result<(), ToolError> {
        #[derive(Serialize)]
        struct Line {
            kind: &'static str,
            segments: u64,
            records: Number,
            salvaged: Number,
            payload_bytes: Number,
            first_lsn: Number,
            last_lsn: Number,
            damages: Number,
            torn_bytes: Number,
            torn_seg: Option<String>,
            torn_off: Option<Number>,
        }
        let torn = scanned.end.as_ref().filter(|end| end.torn_bytes > 0);
        let line = Line {
            kind: "summary",
            segments: walk.segments,
            records: Number(walk.records),
            salvaged: Number(walk.salvaged),
            payload_bytes: Number(walk.payload_bytes),
            first_lsn: Number(walk.first_lsn),
            last_lsn: Number(walk.last_lsn),
            damages: Number(walk.damage_count(scanned)),
            torn_bytes: Number(torn.map_or(0, |end| end.torn_bytes)),
            torn_seg: torn.map(|end| end.segment.clone()),
            torn_off: torn.map(|end| Number(end.offset)),
        };
        Ok(jsonl::line(self.out, &line)?)
    }

    fn unusable_table(&mut self, reason: &str) -> Result<(), ToolError> {
        #[derive(Serialize)]
        struct Line<'a> {
            kind: &'a str,
            page: Option<Number>,
            reason: &'a str,
        }
        if self.json {
            return Ok(jsonl::line(self.out, &Line { kind: "table", page: None, reason })?);
        }
        Ok(writeln!(self.out, "{}", self.style.damage(&format!("{TABLE_FILE}: {reason}")))?)
    }

    fn table(&mut self, found: &Report) -> Result<(), ToolError> {
        #[derive(Serialize)]
        struct Line {
            kind: &'static str,
            checkpoint_lsn: Number,
            generation: Number,
            pages: Number,
            pages_checked: Number,
            findings: u64,
        }
        for finding in &found.findings {
            if self.json {
                jsonl::line(self.out, &PageFinding::of(finding))?;
            } else {
                table::print_finding(self.out, finding)?;
            }
        }
        let findings = found.findings.len() as u64;
        if self.json {
            let line = Line {
                kind: "table_summary",
                checkpoint_lsn: Number(found.meta.lsn),
                generation: Number(found.meta.generation),
                pages: Number(found.meta.pages),
                pages_checked: Number(found.pages_checked),
                findings,
            };
            return Ok(jsonl::line(self.out, &line)?);
        }
        let verdict = match findings {
            0 => self.style.good("all sound \u{2714}"),
            bad => self.style.damage(&format!("{} findings \u{2718}", count(bad))),
        };
        writeln!(
            self.out,
            "table: {} pages checked of {}, checkpoint at LSN {}, {verdict}",
            count(found.pages_checked),
            count(found.meta.pages),
            found.meta.lsn
        )?;
        Ok(())
    }
}
