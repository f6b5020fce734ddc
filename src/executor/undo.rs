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
use crate::table::{Frozen, TableError};

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
        let (mark, notified) = (self.effects.mark(), round.notifications.events.len());
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
            round.notifications.events.truncate(notified);
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
        self.build(|executor| executor.apply_again(room))
    }

    /// Applies the records since the version was frozen last, and the one that is being formed.
    fn apply_again<R: LogRoom>(&mut self, room: &R) -> Result<(), ApplyError> {
        let mut applier = Applier::new(&mut self.table);
        self.redo.since_frozen().try_for_each(|(lsn, payload)| applier.record(lsn, payload))?;
        let mut lsn = room.first_lsn();
        for payload in room.payloads() {
            applier.record(lsn, payload)?;
            lsn += 1;
        }
        applier.effects(lsn, self.effects.since(0))
    }

    /// Gives up all records behind `lsn`, the last one that is durable, together with the submissions that wait for them, and
    /// shows readers what is left. A version that was frozen and is not published is `withdrawn`.
    pub fn give_up<E>(&mut self, lsn: u64, withdrawn: Option<Frozen>) -> Result<(), E>
    where
        E: From<TableError> + From<ApplyError>,
    {
        if let Some(frozen) = withdrawn {
            self.table.withdraw(frozen);
        }
        self.effects.clear();
        self.given.truncate(0);
        self.build::<E>(|executor| {
            let mut applier = Applier::new(&mut executor.table);
            let mut durable = executor.redo.since_published().take_while(|(own, _)| *own <= lsn);
            durable.try_for_each(|(lsn, payload)| applier.record(lsn, payload))
        })?;
        self.redo.clear();
        let frozen = self.freeze();
        self.publish(frozen);
        self.answered.clear();
        Ok(())
    }

    /// Goes back to what was frozen last and applies to it, as often as pages become unreadable meanwhile.
    fn build<E: From<TableError> + From<ApplyError>>(
        &mut self,
        mut apply: impl FnMut(&mut Self) -> Result<(), ApplyError>,
    ) -> Result<(), E> {
        // There was room for all of it.
        self.table.leave_nothing();
        for _ in 0..TRIES_MAX {
            let faults = self.table.table().faults();
            self.table.roll_back();
            if faults > 0 {
                self.table.set_aside_unreadable();
            }
            apply(self)?;
            if self.table.table().faults() == faults {
                return Ok(());
            }
        }
        Err(TableError::Faulted.into())
    }
}
