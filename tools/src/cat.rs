//! `cat`: one record in full.

use std::io::Write;
use std::ops::ControlFlow;

use ackd::effect::{self, Effect};
use wal::{Lsn, RecordRef};

use crate::Out;
use crate::cli::CatArgs;
use crate::command;
use crate::dump::{damage_note, remark};
use crate::error::{Outcome, ToolError};
use crate::escape::size;
use crate::origins::Origins;
use crate::output::text::Text;
use crate::output::{ByteText, Escape, Values, hex};
use crate::progress::{Progress, say};
use crate::source::{Log, ScanOptions, Seen};
use crate::style::Style;
use crate::time;

pub fn run(args: &CatArgs, style: Style, out: &mut Out) -> Result<Outcome, ToolError> {
    if args.lsn == 0 {
        return Err(ToolError::Usage("LSNs start at 1".into()));
    }
    let log = Log::open(&args.dir)?;
    let oldest = log.oldest_lsn()?;
    if args.lsn < oldest {
        return Err(ToolError::Usage(format!("LSN {} was recycled; the log begins with {oldest}", args.lsn)));
    }
    let mut found = None;
    let options = ScanOptions { from_lsn: args.lsn, keep_going: args.keep_going, ..ScanOptions::default() };
    let scanned = log.scan(options, &Progress::none(), |seen| match seen {
        Seen::Record(record) if record.lsn == args.lsn => {
            found = Some(show(record, style, out)?);
            Ok(ControlFlow::Break(()))
        }
        // After damage, the record asked for may be gone.
        Seen::Record(record) if record.lsn > args.lsn => Ok(ControlFlow::Break(())),
        Seen::Damage(damage) if args.keep_going => {
            say(&damage_note(damage));
            Ok(ControlFlow::Continue(()))
        }
        other => Ok(remark(&Progress::none(), &other)),
    })?;
    match (found, scanned.damage_count) {
        (Some(outcome), 0) => Ok(outcome),
        (Some(_), _) => Ok(Outcome::Damage),
        (None, 0) => Err(absent(args.lsn, scanned.end.map_or(0, |end| end.last_lsn))),
        (None, _) => {
            say(&format!("ackd-wal: LSN {} cannot be read because of that damage", args.lsn));
            Ok(Outcome::Damage)
        }
    }
}

fn absent(lsn: Lsn, last_lsn: Lsn) -> ToolError {
    ToolError::Usage(format!("there is no LSN {lsn}: the log ends with {last_lsn}"))
}

fn show(record: &RecordRef<'_>, style: Style, out: &mut Out) -> Result<Outcome, ToolError> {
    place(record, style, out)?;
    let outcome = effects(record, style, out)?;
    writeln!(out, "payload    {} bytes", record.payload.len())?;
    hex::lines(out, record.payload)?;
    Ok(outcome)
}

fn place(record: &RecordRef<'_>, style: Style, out: &mut Out) -> Result<(), ToolError> {
    let group = record.group;
    writeln!(out, "LSN        {}", record.lsn)?;
    writeln!(out, "time       {}", time::show(group.wall_micros))?;
    writeln!(out, "segment    {}", wal::segment_name(group.segment))?;
    writeln!(out, "offset     {}", record.offset)?;
    writeln!(
        out,
        "group      {} at offset {}: LSN {}..{}, {} on disk, record {} of {}",
        group.number,
        group.offset,
        group.first_lsn,
        group.last_lsn,
        size(group.disk_bytes),
        record.index + 1,
        group.count
    )?;
    writeln!(out, "synced     LSN {} when the group was issued, epoch {}", group.synced_lsn, group.epoch)?;
    let right = style.good("match");
    if group.salvaged {
        let salvaged = style.warning("salvaged, within or after damage");
        writeln!(out, "checksum   record: stored and computed {right}; {salvaged}")?;
    } else {
        let checksum = group.checksum;
        writeln!(out, "checksum   record and group: stored and computed {right}; group {checksum:08x}")?;
    }
    Ok(())
}

fn effects(record: &RecordRef<'_>, style: Style, out: &mut Out) -> Result<Outcome, ToolError> {
    let decoded = match effect::decode(record.payload) {
        Ok(decoded) => decoded,
        Err(error) => {
            writeln!(out, "effects    {} {error}", style.damage("unreadable:"))?;
            return Ok(Outcome::Damage);
        }
    };
    writeln!(out, "command    {}", command::name(decoded.command_id))?;
    let mut origins = Origins::default();
    origins.see(record);
    if let Some(caused) = origins.caused(record.payload) {
        writeln!(out, "origin     {caused}")?;
    }
    writeln!(out, "effects    {}", decoded.count())?;
    let text = Text::new(ByteText { values: Values::Full, escape: Escape::Auto }, style);
    for effect in decoded.effects() {
        text.effect(out, &effect, record.group.wall_micros)?;
        writeln!(out)?;
        expiry(&effect, out)?;
    }
    Ok(Outcome::Fine)
}

fn expiry(effect: &Effect<'_>, out: &mut Out) -> Result<(), ToolError> {
    if let Some(ms) = effect.expire_at_ms() {
        writeln!(out, "       expires {} ({ms} ms)", time::show_ms(ms))?;
    }
    Ok(())
}
