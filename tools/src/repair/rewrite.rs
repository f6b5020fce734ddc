//! Writes a new log, reads it back, and puts it in the place of the old one.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use ackd::effect::{self, Cause, EffectBuffer};
use wal::{
    DirStorage, LocalLog, Log as _, LogError, LogOptions, Lsn, ReadOptions, Reader, RecordRef, Step, Storage,
};

use super::place::{Place, sync_parent};
use super::plan::Plan;
use super::storage::SyncedAtTheEnd;
use super::trial::each_kept;
use crate::error::ToolError;
use crate::origins::Origins;

/// Records without effects in one group.
const FILL_RECORDS: u64 = 4096;
/// The command of a record that replaces a lost one: none.
const NO_COMMAND: u16 = 0;

/// Carries out the plan. Returns the new name of the old log.
pub fn apply(place: &Place, plan: &Plan) -> Result<PathBuf, ToolError> {
    let old = place.wal();
    let new = place.beside(&old, "repair");
    let written = write(place, plan, &new).and_then(|()| check(plan, &new));
    if let Err(error) = written {
        let _ = std::fs::remove_dir_all(&new);
        return Err(error);
    }
    place.replace(&old, &new)
}

/// Writes the new log, durably.
fn write(place: &Place, plan: &Plan, new: &Path) -> Result<(), ToolError> {
    let storage = DirStorage::create(new).map_err(|error| ToolError::io(new, error))?;
    let storage = SyncedAtTheEnd(storage);
    let options = LogOptions {
        segment_bytes: plan.segment_bytes,
        spare_segments: 1,
        instance_id: plan.instance_id,
        epoch: plan.epoch,
        adopted: plan.adopted,
        replaces_salt: plan.replaces_salt,
        background: false,
        ..LogOptions::default()
    };
    let log = LocalLog::create_from(storage.clone(), options, plan.first_lsn).map_err(log_error)?;
    let mut writer =
        Writer { log, next_lsn: plan.first_lsn, group: None, wall_micros: 0, defined: BTreeSet::new() };
    each_kept(place, plan, |record, origins| {
        writer.fill(record.lsn)?;
        writer.add(record, origins)?;
        Ok(ControlFlow::Continue(()))
    })?;
    writer.fill(plan.last_lsn + 1)?;
    writer.finish()?;
    storage.sync_all().map_err(|error| ToolError::io(new, error))?;
    sync_parent(new)
}

/// Gathers records in groups and writes them.
struct Writer {
    log: LocalLog<SyncedAtTheEnd>,
    /// LSN of the next record.
    next_lsn: Lsn,
    /// The group being gathered, and which group of the old log its records come from.
    group: Option<(wal::Group, Option<(u64, u64)>)>,
    /// Time of the group being gathered.
    wall_micros: u64,
    /// Numbers of the origins that the group being gathered defines.
    defined: BTreeSet<u32>,
}

impl Writer {
    /// Adds a record of the old log. The records of one group stay together in one group.
    fn add(&mut self, record: &RecordRef<'_>, origins: &Origins) -> Result<(), ToolError> {
        let from = Some((record.group.segment, record.group.number));
        if self.group.as_ref().is_some_and(|(_, other)| *other != from) {
            self.submit()?;
        }
        self.wall_micros = record.group.wall_micros;
        match self.with_origin(record.payload, origins) {
            Some(payload) => self.push(&payload, from),
            None => self.push(record.payload, from),
        }
        Ok(())
    }

    /// The payload with its origin's definition, if the record that defined it is not in the new group.
    fn with_origin(&mut self, payload: &[u8], origins: &Origins) -> Option<Vec<u8>> {
        let cause = effect::cause(payload).filter(|cause| cause.number > 0)?;
        if !self.defined.insert(cause.number) || cause.origin.is_some() {
            return None;
        }
        let decoded = effect::decode(payload).ok()?;
        let origin = Some(origins.origin(cause.number)?);
        let (mut effects, mut defining) = (EffectBuffer::new(), Vec::new());
        effects.set_cause(&Cause { origin, ..cause });
        decoded.effects().for_each(|effect| effects.push(&effect));
        effects.write(decoded.command_id, &mut defining);
        Some(defining)
    }

    /// Adds records without effects up to the LSN before `lsn`.
    fn fill(&mut self, lsn: Lsn) -> Result<(), ToolError> {
        if self.next_lsn >= lsn {
            return Ok(());
        }
        self.submit()?;
        let mut empty = Vec::new();
        EffectBuffer::new().write(NO_COMMAND, &mut empty);
        while self.next_lsn < lsn {
            for _ in 0..FILL_RECORDS.min(lsn - self.next_lsn) {
                self.push(&empty, None);
            }
            self.submit()?;
        }
        Ok(())
    }

    fn push(&mut self, payload: &[u8], origin: Option<(u64, u64)>) {
        let (group, _) = self.group.get_or_insert_with(|| (self.log.group(), origin));
        group.record(|buffer| buffer.extend_from_slice(payload));
        self.next_lsn += 1;
    }

    fn submit(&mut self) -> Result<(), ToolError> {
        self.defined.clear();
        let Some((group, _)) = self.group.take() else { return Ok(()) };
        self.log.submit(group, self.wall_micros).map_err(log_error)?;
        self.log.durable().map_err(log_error)?;
        Ok(())
    }

    fn finish(mut self) -> Result<(), ToolError> {
        self.submit()?;
        self.log.seal(self.wall_micros).map_err(log_error)
    }
}

/// Reads the new log from end to end.
fn check(plan: &Plan, new: &Path) -> Result<(), ToolError> {
    let wrong = |reason: String| ToolError::Refused {
        path: new.to_path_buf(),
        reason: format!("the new log does not read back ({reason}); nothing was changed"),
    };
    let storage = DirStorage::open(new).map_err(|error| ToolError::io(new, error))?;
    let options = ReadOptions {
        from_lsn: plan.first_lsn,
        durable_lsn_hint: plan.last_lsn,
        instance_id: Some(plan.instance_id),
        device: true,
        ..ReadOptions::default()
    };
    let mut reader = Reader::open(&storage, options).map_err(|error| wrong(error.to_string()))?;
    loop {
        match reader.next().map_err(|error| wrong(error.to_string()))? {
            Step::Record(_) => {}
            Step::CleanEnd(end) if end.last_lsn == plan.last_lsn => return Ok(()),
            Step::CleanEnd(end) | Step::TornTail(end) => {
                return Err(wrong(format!(
                    "it ends at LSN {} in {}",
                    end.last_lsn,
                    storage.path("").display()
                )));
            }
        }
    }
}

fn log_error(error: LogError) -> ToolError {
    match error {
        LogError::Io { path, source, .. } | LogError::Full { path, source, .. } => {
            ToolError::io(&path, source)
        }
        other => ToolError::Usage(other.to_string()),
    }
}
