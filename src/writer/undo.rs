//! Work that may fail in the middle, and how what it changed is taken back.
//!
//! A bad page can show, or a disk turn out to be full, when a command has made some of its changes already. Its effects
//! are thrown away then, and the writer's version is built anew: back to what was frozen last, and from there the effects
//! of all records since, which had their way before: those of closed groups that were not frozen
//! ([`Redo`](super::redo::Redo)), and those of the open group. So a command is done as a whole or not at all, whatever it meets. Only if that fails too does the
//! writer stop; nothing of the open group was acknowledged then.

use wal::{Group, Log};

use super::aftermath::Aftermath;
use super::error::WriterError;
use super::group::OpenGroup;
use super::task::Writer;
use crate::keyspace::{Applier, ApplyError, KeyspaceError};
use crate::table::{TableError, TableWriter};

/// How often work is tried while pages of the table become unreadable.
const TRIES_MAX: u32 = 8;

impl<L: Log> Writer<L> {
    /// Does some work on the table. If it fails, all it changed is taken back, and the error is the outcome. If pages
    /// became unreadable meanwhile, nothing it saw is believed, and it is tried again.
    ///
    /// # Errors
    /// The writer cannot go on.
    pub(super) fn guarded<T>(
        &mut self,
        open: &mut OpenGroup,
        mut work: impl FnMut(&mut Self, &mut Aftermath) -> Result<T, KeyspaceError>,
    ) -> Result<Result<T, KeyspaceError>, WriterError> {
        let (mark, told) = (self.effects.mark(), open.aftermath.events.len());
        let given = self.given.len();
        let mut failed = KeyspaceError::Table(TableError::Faulted);
        for _ in 0..TRIES_MAX {
            let faults = self.table.table().faults();
            let outcome = work(self, &mut open.aftermath);
            let faulted = self.table.table().faults() != faults;
            match outcome {
                Ok(done) if !faulted => return Ok(Ok(done)),
                Ok(_) => {}
                Err(error) if error.is_final() => return Err(error.into()),
                Err(error) => failed = error,
            }
            if let Some(error) = self.secured.failed.take() {
                return Err(error.into());
            }
            open.aftermath.events.truncate(told);
            self.touched.clear();
            self.given.truncate(given);
            if !faulted {
                self.undo(&open.group, mark)?;
                break;
            }
            // Dropped trees may have been freed by what is not believed, without an effect.
            self.effects.take_back(mark);
            self.rebuild(&open.group)?;
        }
        Ok(Err(failed))
    }

    /// Takes back what was changed since `mark` of the record that is being formed for `group`.
    pub(super) fn undo(&mut self, group: &Group, mark: usize) -> Result<(), WriterError> {
        if self.effects.mark() == mark {
            return Ok(());
        }
        self.effects.take_back(mark);
        self.rebuild(group)
    }

    /// Builds the version anew from what was frozen last, the records since, and the one that is being formed.
    pub(super) fn rebuild(&mut self, group: &Group) -> Result<(), WriterError> {
        // There was room for all of it.
        self.table.leave_nothing();
        for _ in 0..TRIES_MAX {
            let faults = self.table.table().faults();
            self.table.roll_back();
            if faults > 0 {
                self.table.set_aside_unreadable();
            }
            self.apply_again(group)?;
            if self.table.table().faults() == faults {
                return Ok(());
            }
        }
        Err(TableError::Faulted.into())
    }

    /// Applies the records since the version was frozen last, and the one that is being formed.
    fn apply_again(&mut self, group: &Group) -> Result<(), ApplyError> {
        let mut applier = Applier::new(&mut self.table);
        let open_lsn = self.log.last_lsn() + 1;
        let mut lsn = open_lsn - self.redo.len();
        for payload in self.redo.payloads().chain(group.payloads()) {
            applier.record(lsn, payload)?;
            lsn += 1;
        }
        applier.effects(lsn, self.effects.since(0))
    }

    /// Frees some pages of trees that were cut off; whether it changed anything. What cannot be read stays where it is.
    pub(super) fn reclaim(&mut self, group: &Group, pages_max: usize) -> Result<bool, WriterError> {
        self.tidy(group, |table| table.reclaim(pages_max).map(|freed| freed > 0))
    }

    /// Moves pages down from an end of the table's file that is to go back; whether it changed anything.
    pub(super) fn move_down(&mut self, group: &Group) -> Result<bool, WriterError> {
        self.tidy(group, TableWriter::move_down)
    }

    /// Does work on the table's pages that changes nothing of what is in it; whether there was any.
    fn tidy(
        &mut self,
        group: &Group,
        work: impl FnOnce(&mut TableWriter) -> Result<bool, TableError>,
    ) -> Result<bool, WriterError> {
        let faults = self.table.table().faults();
        let outcome = work(&mut self.table);
        if self.table.table().faults() != faults {
            self.rebuild(group)?;
            return Ok(false);
        }
        match outcome {
            Ok(changed) => Ok(changed),
            Err(error @ TableError::Corrupt { .. }) => {
                tracing::debug!("pages of the table cannot be freed or moved: {error}");
                Ok(true)
            }
            Err(error) => Err(error.into()),
        }
    }
}
