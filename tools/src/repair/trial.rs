//! Replays the kept records on a copy of the table. A record whose key was made by a lost record no longer fits.
//!
//! A record is taken whole or not at all. If one fails at its first effect, it has changed nothing. If one fails later,
//! the trial starts again without it.

use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use ackd::effect;
use ackd::keyspace::{Keyspace, KeyspaceError};
use ackd::table::{FILE_BYTES_MAX_DEFAULT, MmapFile, Table, TableOptions, TableWriter};
use wal::{Lsn, RecordRef};

use super::place::Place;
use super::plan::Plan;
use crate::error::ToolError;
use crate::origins::Origins;
use crate::progress::Progress;
use crate::source::{Log, ScanOptions, Seen};

/// Trials until the data count as too contradictory.
const TRIALS_MAX: usize = 100;

/// A copy of the table, removed when dropped.
struct Copy(PathBuf);

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// How one trial ended.
enum Trial {
    /// Everything fits, except the records noted as misfits.
    Fits,
    /// This record failed halfway: try again without it.
    Again(Lsn),
}

/// Takes the records out of the plan that can no longer be replayed.
pub fn take_out_misfits(place: &Place, plan: &mut Plan) -> Result<(), ToolError> {
    let mut misfits = BTreeSet::new();
    for _ in 0..TRIALS_MAX {
        let copy = Copy(place.beside(&place.table(), "trial"));
        let mut table = open_copy(place, &copy)?;
        match replay(place, plan, &mut table, &mut misfits)? {
            Trial::Again(lsn) => drop(misfits.insert(lsn)),
            Trial::Fits => return note(place, plan, &misfits),
        }
    }
    let reason = "too many records after the damage no longer fit the data; use --trim-tail".into();
    Err(ToolError::Refused { path: place.wal(), reason })
}

fn open_copy(place: &Place, copy: &Copy) -> Result<TableWriter, ToolError> {
    let (table, path) = (place.table(), &copy.0);
    let options = TableOptions::default();
    let unusable = |error: ackd::table::TableError| ToolError::Refused {
        path: place.table(),
        reason: format!("{error}; use --rebuild-table first"),
    };
    if table.exists() {
        fs::copy(&table, path).map_err(|error| ToolError::io(path, error))?;
        let file =
            MmapFile::open(path, FILE_BYTES_MAX_DEFAULT).map_err(|error| ToolError::io(path, error))?;
        return Ok(Table::open(Box::new(file), &options).map_err(unusable)?.1);
    }
    let file = MmapFile::create(path, FILE_BYTES_MAX_DEFAULT).map_err(|error| ToolError::io(path, error))?;
    Ok(Table::create(Box::new(file), &options).map_err(unusable)?.1)
}

fn replay(
    place: &Place,
    plan: &Plan,
    table: &mut TableWriter,
    misfits: &mut BTreeSet<Lsn>,
) -> Result<Trial, ToolError> {
    let mut end = Trial::Fits;
    each_kept(place, plan, |record, _| {
        if record.lsn <= plan.checkpoint_lsn || misfits.contains(&record.lsn) {
            return Ok(ControlFlow::Continue(()));
        }
        match apply(table, record.payload) {
            Ok(()) => {}
            Err((0, KeyspaceError::Mismatch { .. })) => drop(misfits.insert(record.lsn)),
            Err((_, KeyspaceError::Mismatch { .. })) => {
                end = Trial::Again(record.lsn);
                return Ok(ControlFlow::Break(()));
            }
            Err((_, error)) => {
                let reason = format!("LSN {} cannot be tried: {error}", record.lsn);
                return Err(ToolError::Refused { path: place.table(), reason });
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(end)
}

/// Applies a record. An error comes with the number of effects applied before it.
fn apply(table: &mut TableWriter, payload: &[u8]) -> Result<(), (usize, KeyspaceError)> {
    let decoded = effect::decode(payload).expect("the plan keeps only what can be read");
    let mut keys = Keyspace::new(table, None);
    for (done, effect) in decoded.effects().enumerate() {
        keys.apply(&effect).map_err(|error| (done, error))?;
    }
    Ok(())
}

/// Notes in the plan what does not fit.
fn note(place: &Place, plan: &mut Plan, misfits: &BTreeSet<Lsn>) -> Result<(), ToolError> {
    let mut lost = Vec::new();
    let log = Log::open(&place.dir)?;
    let options =
        ScanOptions { durable_lsn: plan.checkpoint_lsn, keep_going: true, ..ScanOptions::default() };
    let mut last = 0;
    log.scan(options, &Progress::none(), |seen| {
        if let Seen::Record(record) = seen
            && record.lsn > last
        {
            last = record.lsn;
            if misfits.contains(&record.lsn) {
                plan.give_up(record, "it changes what a lost record made");
                plan.salvaged -= 1;
                lost.push((record.lsn, record.lsn));
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    lost.into_iter().for_each(|range| plan.miss(range));
    plan.lost.sort_unstable();
    Ok(())
}

/// Visits the records that the plan keeps, in order, with the origins of their groups.
pub fn each_kept(
    place: &Place,
    plan: &Plan,
    mut visit: impl FnMut(&RecordRef<'_>, &Origins) -> Result<ControlFlow<()>, ToolError>,
) -> Result<(), ToolError> {
    if plan.kept + plan.salvaged == 0 {
        return Ok(());
    }
    let log = Log::open(&place.dir)?;
    let segments = log.segments()?;
    let own: BTreeSet<u64> = segments
        .iter()
        .filter_map(|info| info.header())
        .filter(|header| header.instance_id == plan.instance_id)
        .map(|header| header.sequence)
        .collect();
    let options =
        ScanOptions { durable_lsn: plan.checkpoint_lsn, keep_going: true, ..ScanOptions::default() };
    let (mut last, mut origins) = (0, Origins::default());
    log.scan(options, &Progress::over(&segments), |seen| {
        let Seen::Record(record) = seen else { return Ok(ControlFlow::Continue(())) };
        // A record that is not kept may define the origin of one that is.
        origins.see(record);
        let is_kept = record.lsn > last
            && own.contains(&record.group.segment)
            && plan.keeps(record.lsn)
            && effect::decode(record.payload).is_ok();
        if !is_kept {
            return Ok(ControlFlow::Continue(()));
        }
        last = record.lsn;
        visit(record, &origins)
    })?;
    Ok(())
}
