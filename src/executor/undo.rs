//! Work that may fail in the middle, and how what it changed is taken back.
//!
//! A bad page can show, or a disk turn out to be full, when a command has made some of its changes already. Its effects
//! are thrown away then, and the writer's version is built anew: back to what was frozen last, and from there the effects
//! of all records since, which had their way before: those of closed groups that were not frozen
//! ([`Redo`](super::redo::Redo)), and those of the open group. So a command is done as a whole or not at all, whatever it
//! meets. Only if that fails too does the executor stop; nothing of the open group was acknowledged then.

use super::Executor;
use super::log_room::{LogRoom, Round};
use crate::keyspace::{Applier, ApplyError, KeyspaceError};
use crate::table::TableError;

/// How often work is tried while pages of the table become unreadable.
const TRIES_MAX: u32 = 8;

impl Executor {
    /// Does some work on the table. If it fails, all it changed is taken back, and the error is the outcome. If pages
    /// became unreadable meanwhile, nothing it saw is believed, and it is tried again.
    ///
    /// # Errors
    /// The executor cannot go on.
    pub(super) fn guarded<R: LogRoom, T>(
        &mut self,
        round: &mut Round<'_, R>,
        mut work: impl FnMut(&mut Self, &mut Round<'_, R>) -> Result<T, KeyspaceError>,
    ) -> Result<Result<T, KeyspaceError>, R::Error> {
        let (mark, told) = (self.effects.mark(), round.aftermath.events.len());
        let given = self.given.len();
        let mut failed = KeyspaceError::Table(TableError::Faulted);
        for _ in 0..TRIES_MAX {
            let faults = self.table.table().faults();
            let outcome = work(self, round);
            let faulted = self.table.table().faults() != faults;
            match outcome {
                Ok(done) if !faulted => return Ok(Ok(done)),
                Ok(_) => {}
                Err(error) if error.is_final() => return Err(error.into()),
                Err(error) => failed = error,
            }
            if let Some(error) = round.failed.take() {
                return Err(error);
            }
            round.aftermath.events.truncate(told);
            self.touched.clear();
            self.given.truncate(given);
            if !faulted {
                self.undo(&round.room, mark)?;
                break;
            }
            // Dropped trees may have been freed by what is not believed, without an effect.
            self.effects.take_back(mark);
            self.rebuild(&round.room)?;
        }
        Ok(Err(failed))
    }

    /// Takes back what was changed since `mark` of the record that is being formed.
    pub(super) fn undo<R: LogRoom>(&mut self, room: &R, mark: usize) -> Result<(), R::Error> {
        if self.effects.mark() == mark {
            return Ok(());
        }
        self.effects.take_back(mark);
        self.rebuild(room)
    }

    /// Builds the version anew from what was frozen last, the records since, and the one that is being formed.
    pub(super) fn rebuild<R: LogRoom>(&mut self, room: &R) -> Result<(), R::Error> {
        // There was room for all of it.
        self.table.leave_nothing();
        for _ in 0..TRIES_MAX {
            let faults = self.table.table().faults();
            self.table.roll_back();
            if faults > 0 {
                self.table.set_aside_unreadable();
            }
            self.apply_again(room)?;
            if self.table.table().faults() == faults {
                return Ok(());
            }
        }
        Err(TableError::Faulted.into())
    }

    /// Applies the records since the version was frozen last, and the one that is being formed.
    fn apply_again<R: LogRoom>(&mut self, room: &R) -> Result<(), ApplyError> {
        let mut applier = Applier::new(&mut self.table);
        let mut lsn = room.first_lsn() - self.redo.len();
        for payload in self.redo.payloads().chain(room.payloads()) {
            applier.record(lsn, payload)?;
            lsn += 1;
        }
        applier.effects(lsn, self.effects.since(0))
    }
}
