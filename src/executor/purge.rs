//! Deletes a key that has expired, or the expired fields of a hash, when a command found it.

use super::Executor;
use super::log_room::{LogRoom, Round};
use super::outcome::{NO_CLIENT, NO_COMMAND};
use crate::command;
use crate::damage;
use crate::keyspace::Purged;

impl Executor {
    /// Deletes the keys that a reading command found expired, as part of the next record.
    #[cold]
    pub(super) fn purge_passed<R: LogRoom>(&mut self, round: &mut Round<'_, R>) -> Result<(), R::Error> {
        let mut lookups = std::mem::take(&mut self.lookups);
        let now_ms = round.now_ms;
        let done = command::purge_passed(&mut lookups, |db, key| self.purge_key(round, db, key, now_ms));
        self.lookups = lookups;
        done
    }

    /// Deletes the key, or its fields, that have expired at `now_ms`, as part of the next record. If there is no space
    /// for that in the log, it is left to active expiry.
    fn purge_key<R: LogRoom>(
        &mut self,
        round: &mut Round<'_, R>,
        db: usize,
        key: &[u8],
        now_ms: u64,
    ) -> Result<Purged, R::Error> {
        let result = self.guarded(round, |executor, round| {
            executor.within(round, false, |keys| keys.purge(db, key, now_ms))
        })?;
        Ok(result.unwrap_or_else(|error| {
            damage::met(self.table.table(), &error, &self.table.view(), db, [key]);
            Purged::Nothing
        }))
    }

    /// Deletes the key, or its fields, that have expired at `now_ms`, in a record of its own.
    pub(super) fn purge<R: LogRoom>(
        &mut self,
        round: &mut Round<'_, R>,
        db: usize,
        key: &[u8],
        now_ms: u64,
    ) -> Result<(), R::Error> {
        self.purge_key(round, db, key, now_ms)?;
        self.note_changes(round, 0, NO_CLIENT);
        self.append(round, NO_COMMAND);
        Ok(())
    }
}
