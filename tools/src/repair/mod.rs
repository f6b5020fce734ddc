//! `repair`: turns a damaged data directory into one that verifies and starts, and says what that costs.
//!
//! [`place`] refuses a directory that a server uses. [`plan`] reads the whole log, also after damage, and decides record
//! by record what is kept. [`trial`] replays the kept records on a copy of the table and drops those that no longer fit.
//! Then the plan is printed. Only with `--apply` and a confirmation, [`rewrite`] writes a new log next to the old one,
//! reads it back, and exchanges the names of the two.
//!
//! Invariants:
//! - the old files are never changed or removed, only renamed;
//! - a crash at any moment leaves either the old files in place or the new ones;
//! - LSNs do not change. A record without effects replaces each lost one, so the new log has no gaps and still contains
//!   the LSN of the table's checkpoint.

mod place;
mod plan;
mod rebuild;
mod report;
mod rewrite;
mod storage;
mod trial;

use std::io::{BufRead, IsTerminal, Write};

use crate::Out;
use crate::cli::{RepairArgs, RepairMode, ReportFormat};
use crate::error::{Outcome, ToolError};
use crate::progress::say;
use crate::style::Style;
use crate::table::Checkpoint;
use place::Place;
use plan::Plan;
use report::Report;

pub fn run(args: &RepairArgs, style: Style, out: &mut Out) -> Result<Outcome, ToolError> {
    let place = Place::open(&args.dir)?;
    let checkpoint = Checkpoint::of_dir(&args.dir)?;
    let mut report = Report::new(args.format == ReportFormat::Jsonl, style, out)?;
    match args.mode() {
        None => diagnose(&place, &checkpoint, &mut report),
        Some(RepairMode::RebuildTable) => rebuild_table(args, &place, &checkpoint, &mut report),
        Some(mode) => repair_log(args, mode, &place, &checkpoint, &mut report),
    }
}

/// Says what is wrong, and what each mode would lose. Changes nothing.
fn diagnose(place: &Place, checkpoint: &Checkpoint, report: &mut Report<'_>) -> Result<Outcome, ToolError> {
    let table = rebuild::damage(&place.dir)?;
    let trim = Plan::make(place, checkpoint, RepairMode::TrimTail)?;
    report.damage(&trim)?;
    report.table_damage(&table)?;
    if trim.is_sound() && table.is_empty() {
        report.nothing_to_do(&trim)?;
        return Ok(trim.outcome());
    }
    if !trim.is_sound() {
        report.choice(&trim)?;
        match salvage_plan(place, checkpoint) {
            Ok(skip) => report.choice(&skip)?,
            Err(error @ ToolError::Refused { .. }) => say(&format!("ackd-wal: --skip-bad-records: {error}")),
            Err(error) => return Err(error),
        }
    }
    if !table.is_empty() {
        report.table_choice(rebuild::obstacle(&trim))?;
    }
    Ok(Outcome::Damage)
}

/// The plan that also keeps the readable records after damage, if they still fit the table.
fn salvage_plan(place: &Place, checkpoint: &Checkpoint) -> Result<Plan, ToolError> {
    let mut plan = Plan::make(place, checkpoint, RepairMode::SkipBadRecords)?;
    if plan.needs_trial() {
        trial::take_out_misfits(place, &mut plan)?;
    }
    Ok(plan)
}

fn repair_log(
    args: &RepairArgs,
    mode: RepairMode,
    place: &Place,
    checkpoint: &Checkpoint,
    report: &mut Report<'_>,
) -> Result<Outcome, ToolError> {
    if let Checkpoint::Unusable(reason) = checkpoint {
        let reason = format!(
            "{reason}; without the table's checkpoint it is unknown where the log has to start: use --rebuild-table first"
        );
        return Err(ToolError::Refused { path: place.table(), reason });
    }
    let plan = match mode {
        RepairMode::SkipBadRecords => salvage_plan(place, checkpoint)?,
        _ => Plan::make(place, checkpoint, mode)?,
    };
    report.damage(&plan)?;
    if plan.is_sound() {
        report.nothing_to_do(&plan)?;
        return Ok(plan.outcome());
    }
    report.plan(&plan)?;
    if !args.apply {
        report.dry_run()?;
        return Ok(Outcome::Damage);
    }
    confirm(args, plan.lost_records(), report)?;
    let kept = rewrite::apply(place, &plan)?;
    report.applied(&[kept])?;
    Ok(Outcome::Fine)
}

fn rebuild_table(
    args: &RepairArgs,
    place: &Place,
    checkpoint: &Checkpoint,
    report: &mut Report<'_>,
) -> Result<Outcome, ToolError> {
    let damage = rebuild::damage(&place.dir)?;
    report.table_damage(&damage)?;
    let log = Plan::make(place, &Checkpoint::NoTable, RepairMode::TrimTail)?;
    if damage.is_empty() {
        report.nothing_to_do(&log)?;
        return Ok(Outcome::Fine);
    }
    if let Some(obstacle) = rebuild::obstacle(&log) {
        return Err(ToolError::Refused { path: place.table(), reason: obstacle });
    }
    rebuild::check_reach(&log, checkpoint, place)?;
    report.rebuild_plan(&log)?;
    if !args.apply {
        report.dry_run()?;
        return Ok(Outcome::Damage);
    }
    confirm(args, 0, report)?;
    let kept = rebuild::apply(place, &log)?;
    report.applied(&kept)?;
    Ok(Outcome::Fine)
}

/// Makes sure that the user knows how many records will be lost.
fn confirm(args: &RepairArgs, lost: u64, report: &mut Report<'_>) -> Result<(), ToolError> {
    if args.yes_i_lose == Some(lost) {
        return Ok(());
    }
    let refused = |reason: String| Err(ToolError::Refused { path: args.dir.clone(), reason });
    if let Some(said) = args.yes_i_lose {
        return refused(format!(
            "--yes-i-lose {said} was given, but the plan loses {lost}; nothing was changed"
        ));
    }
    let phrase = format!("lose {lost} records");
    report.flush()?;
    if std::io::stdin().is_terminal() {
        let _ = write!(std::io::stderr(), "Type \"{phrase}\" to continue: ");
    }
    let mut line = String::new();
    let _ = std::io::stdin().lock().read_line(&mut line);
    if line.trim() == phrase {
        return Ok(());
    }
    refused(format!("not confirmed by \"{phrase}\" or --yes-i-lose {lost}; nothing was changed"))
}
