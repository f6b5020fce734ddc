//! Active expiry: the writer deletes keys whose deadline has passed, a few in each group, so that their space comes
//! back even if nobody asks for them. The deletes are in the log like any other change.

use wal::Log;

use super::execute::NO_COMMAND;
use super::{OpenGroup, Writer, WriterError};
use crate::effect::Effect;
use crate::keyspace::{ExpiredKey, Keyspace};

impl<L: Log> Writer<L> {
    /// Deletes some of the keys that are due, as long as there is space to log that.
    pub(super) fn expire(&mut self, open: &mut OpenGroup) -> Result<(), WriterError> {
        let due = Keyspace::new(&mut self.table, None).due(open.now_ms, self.options.expire_keys_max)?;
        for ExpiredKey { db, key } in due {
            if !self.secure_delete(open, db, &key)? {
                return Ok(());
            }
            let expired = Effect::Delete { db, key: &key, expired: true };
            Keyspace::new(&mut self.table, Some(&mut self.effects)).apply(&expired)?;
            self.append(open, NO_COMMAND);
            self.state.stats.expired(1);
        }
        Ok(())
    }
}
