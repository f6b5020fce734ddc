//! Active expiry: the executor deletes expired keys, a few in each group, so that their space is freed even if nobody
//! accesses them. The deletions are in the log like any other change. Afterwards, commands that wait for something to become
//! old enough run again.

use super::Executor;
use super::log_room::{LogRoom, Round};
use super::outcome::{NO_CLIENT, NO_COMMAND};
use crate::damage;
use crate::keyspace::{DbKey, Keyspace};

/// The most hashes from which one group deletes expired fields.
const EXPIRE_HASHES_MAX: usize = 16;

impl Executor {
    /// Deletes some of the keys that are due, as long as there is space to log that, and unless writes are paused.
    pub fn expire<R: LogRoom>(&mut self, round: &mut Round<'_, R>) -> Result<(), R::Error> {
        if self.state.pauses_writes() {
            self.expires_more = false;
            return Ok(());
        }
        self.drop_lost_drafts(round)?;
        self.expire_noted(round)?;
        let (now_ms, keys_max) = (round.now_ms, self.options.expire_keys_max);
        let due = self
            .guarded(round, |executor, _| Keyspace::new(&mut executor.table, None).due(now_ms, keys_max))?;
        let due = due.unwrap_or_else(|error| {
            damage::met(self.table.table(), &error, &self.table.view(), 0, []);
            Vec::new()
        });
        self.expires_more = false;
        let mut expired = 0;
        for DbKey { db, key } in due {
            let deleted = self.guarded(round, |executor, round| {
                executor.within(round, false, |keys| keys.expired(db, &key))
            })?;
            if let Err(error) = deleted {
                if error.is_no_space() {
                    return Ok(());
                }
                damage::met(self.table.table(), &error, &self.table.view(), db, [&*key]);
                continue;
            }
            self.note_changes(round, 0, NO_CLIENT);
            self.append(round, NO_COMMAND);
            self.state.stats.expired(1);
            expired += 1;
        }
        self.expires_more = expired == keys_max;
        self.expire_fields(round)?;
        self.waiting.note_claims(now_ms);
        self.serve_waiting(round)
    }

    /// Deletes some of the fields that are due, hash by hash.
    fn expire_fields<R: LogRoom>(&mut self, round: &mut Round<'_, R>) -> Result<(), R::Error> {
        let now_ms = round.now_ms;
        let due = self.guarded(round, |executor, _| {
            Keyspace::new(&mut executor.table, None).due_hashes(now_ms, EXPIRE_HASHES_MAX)
        })?;
        let due = due.unwrap_or_else(|error| {
            damage::met(self.table.table(), &error, &self.table.view(), 0, []);
            Vec::new()
        });
        for DbKey { db, key } in due {
            self.purge(round, db, &key, round.now_ms)?;
        }
        Ok(())
    }
}
