//! What a repair found, plans and did, for people or as JSON lines.

use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;

use super::plan::{Plan, Range, length};
use crate::Out;
use crate::cli::RepairMode;
use crate::dump::damage_text;
use crate::error::ToolError;
use crate::escape::{base64, count, quoted_if_needed, size};
use crate::output::fields::Number;
use crate::output::jsonl;
use crate::style::Style;

/// Ranges of LSNs that are listed one by one.
const RANGES_MAX: usize = 20;

/// Prints the report.
pub struct Report<'o> {
    json: bool,
    style: Style,
    out: &'o mut Out,
}

#[derive(Serialize)]
struct Finding<'a> {
    kind: &'a str,
    seg: Option<&'a str>,
    off: Option<Number>,
    lsn: Option<Number>,
    reason: &'a str,
}

#[derive(Serialize)]
struct PlanLine {
    kind: &'static str,
    mode: &'static str,
    first_lsn: Number,
    last_lsn: Number,
    kept: Number,
    salvaged: Number,
    lost: Number,
    lost_open_end: bool,
    lost_lsns: Vec<(Number, Number)>,
    history_lost_lsns: Vec<(Number, Number)>,
    lost_bytes: Number,
    lost_keys_b64: Vec<String>,
    lost_keys_complete: bool,
}

#[derive(Serialize)]
struct Remark<'a> {
    kind: &'a str,
    text: &'a str,
}

impl<'o> Report<'o> {
    pub fn new(json: bool, style: Style, out: &'o mut Out) -> Result<Self, ToolError> {
        if json {
            jsonl::header(out, "repair")?;
        }
        Ok(Self { json, style, out })
    }

    /// Shows everything so far, before the user is asked a question.
    pub fn flush(&mut self) -> Result<(), ToolError> {
        Ok(self.out.flush()?)
    }

    /// What is wrong with the log.
    pub fn damage(&mut self, plan: &Plan) -> Result<(), ToolError> {
        for damage in &plan.damages {
            if self.json {
                let seg = Some(damage.segment.as_str()).filter(|segment| !segment.is_empty());
                let (off, lsn) = (seg.map(|_| Number(damage.offset)), Some(Number(damage.lsn)));
                let line = Finding { kind: "damage", seg, off, lsn, reason: &damage.reason };
                jsonl::line(self.out, &line)?;
            } else {
                writeln!(self.out, "{}", self.style.damage(&damage_text(damage)))?;
            }
        }
        Ok(())
    }

    /// What is wrong with the table.
    pub fn table_damage(&mut self, findings: &[String]) -> Result<(), ToolError> {
        for finding in findings {
            if self.json {
                let line = Finding { kind: "table", seg: None, off: None, lsn: None, reason: finding };
                jsonl::line(self.out, &line)?;
            } else {
                writeln!(self.out, "{}", self.style.damage(finding))?;
            }
        }
        Ok(())
    }

    pub fn nothing_to_do(&mut self, plan: &Plan) -> Result<(), ToolError> {
        let torn = match plan.torn_bytes {
            0 => String::new(),
            bytes => format!(
                "; a torn tail of {bytes} bytes was never acknowledged; the server puts it aside at its next start"
            ),
        };
        self.remark("sound", &format!("repair: nothing to repair, {}{torn}", records(plan.kept)))
    }

    /// What one mode would do to the log, in short.
    pub fn choice(&mut self, plan: &Plan) -> Result<(), ToolError> {
        if self.json {
            return self.plan_line(plan);
        }
        let lost = match (plan.lost_records(), plan.open_end) {
            (0, _) => "loses nothing".into(),
            (number, false) => format!("loses {}, {}", records(number), ranges(&plan.lost)),
            (number, true) => format!("loses {} or more, {}", records(number), ranges(&plan.lost)),
        };
        let kept = records(plan.kept + plan.salvaged);
        Ok(writeln!(self.out, "{:<20}keeps {kept}, {lost}", plan.mode.flag())?)
    }

    /// Whether the table can be rebuilt.
    pub fn table_choice(&mut self, obstacle: Option<String>) -> Result<(), ToolError> {
        let text = match obstacle {
            None => "rebuilds the table from the log, loses nothing".into(),
            Some(obstacle) => format!("impossible: {obstacle}"),
        };
        self.remark("rebuild", &format!("{:<20}{text}", RepairMode::RebuildTable.flag()))
    }

    /// What a repair of the log would do, in full.
    pub fn plan(&mut self, plan: &Plan) -> Result<(), ToolError> {
        if self.json {
            return self.plan_line(plan);
        }
        let Plan { first_lsn, last_lsn, kept, salvaged, checkpoint_lsn, .. } = plan;
        let out = &mut *self.out;
        writeln!(out, "plan: {}", plan.mode.flag())?;
        write!(out, "  keeps    {}", records(kept + salvaged))?;
        if *salvaged > 0 {
            write!(out, ", {} of them salvaged after the damage", count(*salvaged))?;
        }
        writeln!(out, "; the new log has LSN {first_lsn} to {last_lsn}")?;
        let lost = plan.lost_records();
        if lost == 0 {
            writeln!(
                out,
                "  loses    no record: the table's checkpoint at LSN {checkpoint_lsn} has all of them"
            )?;
        } else {
            let more = if plan.open_end { " or more" } else { "" };
            let text = format!("{}{more}: {}", records(lost), ranges(&plan.lost));
            writeln!(out, "  loses    {}", self.style.damage(&text))?;
        }
        if plan.open_end {
            writeln!(out, "           records after the last readable one cannot be counted")?;
        }
        if plan.lost_bytes > 0 {
            let number = plan.given_up.range(checkpoint_lsn + 1..).count() as u64;
            writeln!(out, "           {} of them can be read, {}:", count(number), size(plan.lost_bytes))?;
            let reasons: std::collections::BTreeSet<_> = plan.given_up.values().collect();
            reasons.iter().try_for_each(|reason| writeln!(out, "           - {reason}"))?;
        }
        for key in &plan.lost_keys {
            writeln!(out, "           key {}", quoted_if_needed(key))?;
        }
        if plan.more_keys {
            writeln!(
                out,
                "           and more keys: `ackd-wal dump --keep-going --from-lsn N DIR` shows all"
            )?;
        }
        if !plan.history_lost.is_empty() {
            writeln!(
                out,
                "  history  {} are lost from the log only: the table has them",
                ranges(&plan.history_lost)
            )?;
        }
        Ok(())
    }

    /// What a repair of the table would do.
    pub fn rebuild_plan(&mut self, log: &Plan) -> Result<(), ToolError> {
        let text = format!(
            "plan: {}\n  replays  the whole log at the server's next start, {} from LSN 1 to {}\n  loses    no record",
            RepairMode::RebuildTable.flag(),
            records(log.kept),
            log.last_lsn
        );
        self.remark("rebuild", &text)
    }

    pub fn dry_run(&mut self) -> Result<(), ToolError> {
        self.remark(
            "dry_run",
            "Nothing was changed. --apply carries out the plan; the original files stay under another name.",
        )
    }

    pub fn applied(&mut self, kept: &[PathBuf]) -> Result<(), ToolError> {
        let mut text = "Repaired. Check it with `ackd-wal verify --table`, then start the server.".to_owned();
        for path in kept {
            text.push_str(&format!("\nThe original is now {}", path.display()));
        }
        self.remark("applied", &text)
    }

    fn remark(&mut self, kind: &str, text: &str) -> Result<(), ToolError> {
        if self.json {
            return Ok(jsonl::line(self.out, &Remark { kind, text })?);
        }
        Ok(writeln!(self.out, "{text}")?)
    }

    fn plan_line(&mut self, plan: &Plan) -> Result<(), ToolError> {
        let pairs = |ranges: &[Range]| ranges.iter().map(|(a, b)| (Number(*a), Number(*b))).collect();
        let line = PlanLine {
            kind: "plan",
            mode: plan.mode.flag(),
            first_lsn: Number(plan.first_lsn),
            last_lsn: Number(plan.last_lsn),
            kept: Number(plan.kept),
            salvaged: Number(plan.salvaged),
            lost: Number(plan.lost_records()),
            lost_open_end: plan.open_end,
            lost_lsns: pairs(&plan.lost),
            history_lost_lsns: pairs(&plan.history_lost),
            lost_bytes: Number(plan.lost_bytes),
            lost_keys_b64: plan.lost_keys.iter().map(|key| base64(key)).collect(),
            lost_keys_complete: !plan.more_keys && plan.given_up.len() as u64 >= plan.lost_records(),
        };
        Ok(jsonl::line(self.out, &line)?)
    }
}

/// A number of records as text.
fn records(number: u64) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} record{plural}", count(number))
}

/// Ranges of LSNs as text.
fn ranges(ranges: &[Range]) -> String {
    let one = |range: &Range| match length(range) {
        1 => range.0.to_string(),
        _ => format!("{}..{}", range.0, range.1),
    };
    let mut text: Vec<String> = ranges.iter().take(RANGES_MAX).map(one).collect();
    if ranges.len() > RANGES_MAX {
        text.push(format!("{} more", ranges.len() - RANGES_MAX));
    }
    if text.is_empty() { "LSN unknown".into() } else { format!("LSN {}", text.join(", ")) }
}
