//! Creates values whole, by one change or several, in place of what a key holds.

use super::creation::Creation;
use super::error::KeyspaceError;
use super::{Classes, Keyspace};
use crate::effect::{Change, Effect, KeyChange, StringChange};

impl Keyspace<'_> {
    /// Creates a value in place of what the key holds, and reports the event. The key counts as new.
    pub fn create(
        &mut self,
        (db, key): (usize, &[u8]),
        value: &dyn Creation,
        expire_at_ms: Option<u64>,
        (class, name): (Classes, &'static str),
    ) -> Result<(), KeyspaceError> {
        if let Some(prepared) = &mut self.prepared {
            return prepared.replace_by_all((db, key), value, (class, name), expire_at_ms);
        }
        let before = self.before(db, key)?;
        self.forget(db, key)?;
        let mut expires = expire_at_ms;
        value.each(usize::MAX, &mut |change| {
            let change = match change {
                Change::String(StringChange::Set { value, raw, .. }) => {
                    StringChange::Set { value, expire_at_ms: expires.take(), raw }.into()
                }
                change => change,
            };
            self.apply(&Effect::on(db, key, change))
        })?;
        self.give_expiry(db, key, expires)?;
        self.event(class, name, db, key);
        self.overwritten_by_this(before, db, key)
    }

    /// Gives a key that was just created its expiry.
    pub(super) fn give_expiry(
        &mut self,
        db: usize,
        key: &[u8],
        expire_at_ms: Option<u64>,
    ) -> Result<(), KeyspaceError> {
        match expire_at_ms {
            Some(_) => self.apply(&Effect::on(db, key, KeyChange::Expire { expire_at_ms })),
            None => Ok(()),
        }
    }
}
