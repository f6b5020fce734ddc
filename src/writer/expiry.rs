//! Active expiry: the writer deletes keys whose deadline has passed, a few in each group, so that their space comes
//! back even if nobody asks for them. The deletes are in the log like any other change.

use wal::Log;

use super::error::WriterError;
use super::group::OpenGroup;
use super::outcome::{NO_CLIENT, NO_COMMAND};
use super::task::Writer;
use crate::damage;
use crate::keyspace::{ExpiredKey, Keyspace};

/// Hashes whose due fields one group deletes by itself at most, some of each.
const EXPIRE_HASHES_MAX: usize = 16;

impl<L: Log> Writer<L> {
    /// Deletes some of the keys that are due, as long as there is space to log that, and unless writes are paused.
    pub(super) fn expire(&mut self, open: &mut OpenGroup) -> Result<(), WriterError> {
        if self.state.pauses_writes() {
            self.expires_more = false;
            return Ok(());
        }
        self.expire_noted(open)?;
        let (now_ms, keys_max) = (open.now_ms, self.options.expire_keys_max);
        let due =
            self.guarded(open, |writer, _| Keyspace::new(&mut writer.table, None).due(now_ms, keys_max))?;
        let due = due.unwrap_or_else(|error| {
            damage::met(self.table.table(), &error, &self.table.view(), 0, []);
            Vec::new()
        });
        self.expires_more = false;
        let mut expired = 0;
        for ExpiredKey { db, key } in due {
            let group_bytes = open.group.len_bytes() as u64;
            let deleted = self.guarded(open, |writer, aftermath| {
                writer.within(aftermath, (group_bytes, false), |keys| keys.expired(db, &key))
            })?;
            if let Err(error) = deleted {
                if error.is_no_space() {
                    return Ok(());
                }
                damage::met(self.table.table(), &error, &self.table.view(), db, [&*key]);
                continue;
            }
            self.note_changes(open, 0, NO_CLIENT);
            self.append(open, NO_COMMAND);
            self.state.stats.expired(1);
            expired += 1;
        }
        self.expires_more = expired == keys_max;
        self.expire_fields(open)
    }

    /// Deletes some of the fields that are due, hash by hash.
    fn expire_fields(&mut self, open: &mut OpenGroup) -> Result<(), WriterError> {
        let now_ms = open.now_ms;
        let due = self.guarded(open, |writer, _| {
            Keyspace::new(&mut writer.table, None).due_hashes(now_ms, EXPIRE_HASHES_MAX)
        })?;
        let due = due.unwrap_or_else(|error| {
            damage::met(self.table.table(), &error, &self.table.view(), 0, []);
            Vec::new()
        });
        for ExpiredKey { db, key } in due {
            self.purge(open, db, &key, open.now_ms)?;
        }
        Ok(())
    }
}
