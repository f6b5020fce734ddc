//! Rebuilds a damaged table from the log, if the log goes back to the first record.
//!
//! Nothing else can bring back what was in a damaged page. There is no older checkpoint to go back to, because its pages
//! are reused.

use std::path::{Path, PathBuf};

use ackd::table::{FILE_BYTES_MAX_DEFAULT, MmapFile, Table, TableOptions};

use super::place::{Place, sync_parent};
use super::plan::Plan;
use crate::error::ToolError;
use crate::table::{self, Checked, Checkpoint};

/// What is wrong with the table, one text per finding.
pub fn damage(dir: &Path) -> Result<Vec<String>, ToolError> {
    if matches!(Checkpoint::of_dir(dir)?, Checkpoint::NoTable) {
        return Ok(vec![format!("{} is missing", table::TABLE_FILE)]);
    }
    match table::check(dir)? {
        Checked::Unusable(reason) => Ok(vec![format!("{}: {reason}", table::TABLE_FILE)]),
        Checked::Report(report) => report
            .findings
            .iter()
            .map(|finding| {
                let mut text = Vec::new();
                table::print_finding(&mut text, finding)?;
                Ok(String::from_utf8_lossy(&text).trim_end().to_owned())
            })
            .collect(),
    }
}

/// Why the table cannot be rebuilt from the log, if it cannot.
pub fn obstacle(log: &Plan) -> Option<String> {
    if let Some((1, last)) = log.lost.first() {
        let first = last + 1;
        return Some(format!(
            "the log begins with LSN {first}, earlier records were recycled; a table can be rebuilt only from a log that \
             goes back to LSN 1 (wal-keep decides how much log is kept). Restore a backup"
        ));
    }
    if log.placeholders > 0 {
        return Some(format!(
            "{} records of the log have no effects: an earlier repair replaced lost records by them, which only the table \
             had; restore a backup",
            log.placeholders
        ));
    }
    (!log.is_sound()).then(|| {
        "the log is damaged too, so records would be missing from the rebuilt table; restore a backup".into()
    })
}

/// Checks that the log reaches the checkpoint of the old table, if that is known.
pub fn check_reach(log: &Plan, checkpoint: &Checkpoint, place: &Place) -> Result<(), ToolError> {
    if log.last_lsn >= checkpoint.lsn() {
        return Ok(());
    }
    let reason = format!(
        "the log ends at LSN {}, before the table's checkpoint at {}",
        log.last_lsn,
        checkpoint.lsn()
    );
    Err(ToolError::Refused { path: place.table(), reason })
}

/// Puts an empty table in the place of the damaged one; the server replays the log on it. Returns the new name of the old
/// table, if there was one.
pub fn apply(place: &Place, log: &Plan) -> Result<Vec<PathBuf>, ToolError> {
    let (old, new) = (place.table(), place.beside(&place.table(), "repair"));
    let had_one = old.symlink_metadata().is_ok();
    let made = make(&new, log);
    if made.is_err() {
        let _ = std::fs::remove_file(&new);
    }
    made?;
    let kept = place.replace(&old, &new)?;
    Ok(had_one.then_some(kept).into_iter().collect())
}

fn make(new: &Path, log: &Plan) -> Result<(), ToolError> {
    let [low, _] = log.instance_id.as_chunks::<8>().0 else { unreachable!("an id has 16 bytes") };
    let options = TableOptions { instance_id: u64::from_le_bytes(*low), ..TableOptions::default() };
    let file = MmapFile::create(new, FILE_BYTES_MAX_DEFAULT).map_err(|error| ToolError::io(new, error))?;
    let made = Table::create(Box::new(file), &options);
    made.map_err(|error| ToolError::Refused { path: new.to_path_buf(), reason: error.to_string() })?;
    sync_parent(new)
}
