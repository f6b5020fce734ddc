//! Work that may fail in the middle, and how its changes are undone.
//!
//! A command may find a damaged page or a full disk after it has made some of its changes. Then its effects are
//! discarded, and the writer's version is rebuilt: rolled back to the last frozen version, to which the effects of all
//! later records are applied again: those of closed groups ([`Redo`](super::redo::Redo)), and those of the open group.
//! So a command is always done as a whole or not at all. The executor stops only if the rebuild fails; nothing of the
//! open group was acknowledged then.

use super::Executor;
use super::log_room::{LogRoom, Round};
use crate::keyspace::{Applier, ApplyError, KeyspaceError};
use crate::table::{Frozen, TableError};

/// How often work is tried while pages of the table become unreadable.
const TRIES_MAX: u32 = 8;

impl Executor {
    /// Does some work on the table. If it fails, its changes are undone, and the error is the outcome. If pages became
    /// unreadable meanwhile, what it read cannot be trusted, and it is tried again.
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
            // Dropped trees may have been freed, without an effect, because of what cannot be trusted.
            self.effects.take_back(mark);
            self.rebuild(&round.room)?;
        }
        Ok(Err(failed))
    }

    /// Undoes what was changed since `mark` in the next record.
    pub(super) fn undo<R: LogRoom>(&mut self, room: &R, mark: usize) -> Result<(), R::Error> {
        if self.effects.mark() == mark {
            return Ok(());
        }
        self.effects.take_back(mark);
        self.rebuild(room)
    }

    /// Rebuilds the version from the last frozen one, the records since, and the effects of the next record so far.
    pub(super) fn rebuild<R: LogRoom>(&mut self, room: &R) -> Result<(), R::Error> {
        self.build(|executor| executor.apply_again(room))
    }

    /// Applies the records since the version was last frozen, and the effects of the next record so far.
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

    /// Gives up all records after `lsn`, which is the last durable one, and publishes the version that is left. The caller
    /// answers the submissions that wait for them. `withdrawn` is the frozen version, if it is not published.
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
        // Commands may wait for what is there again. Expired keys are tried again later, not in a loop.
        self.waiting.note_all();
        self.expires_more = false;
        // Their last parts may be gone.
        self.has_old_drafts = true;
        Ok(())
    }

    /// Rolls back to the last frozen version and calls `apply`; tries again if pages became unreadable meanwhile.
    fn build<E: From<TableError> + From<ApplyError>>(
        &mut self,
        mut apply: impl FnMut(&mut Self) -> Result<(), ApplyError>,
    ) -> Result<(), E> {
        // There was space for all of it before.
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
