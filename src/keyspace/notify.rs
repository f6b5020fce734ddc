//! Changes to collections together with their notifications, so that every command says the same in the same
//! order: the new key, the command's own event, and `del` when nothing is left.

use super::{Classes, Keyspace, KeyspaceError};
use crate::effect::{Effect, KeyChange};

impl Keyspace<'_> {
    /// Makes a change and notifies of it.
    pub fn change(
        &mut self,
        effect: &Effect<'_>,
        class: Classes,
        name: &'static str,
    ) -> Result<(), KeyspaceError> {
        self.apply(effect)?;
        if let (Some(db), Some(key)) = (effect.db(), effect.key()) {
            self.event(class, name, db, key);
        }
        Ok(())
    }

    /// Takes elements out of a collection and notifies of it; the key is deleted with its last element.
    pub fn take_out(
        &mut self,
        effect: &Effect<'_>,
        class: Classes,
        name: &'static str,
    ) -> Result<(), KeyspaceError> {
        let emptied = self.apply_removal(effect)?;
        if let (Some(db), Some(key)) = (effect.db(), effect.key()) {
            self.event(class, name, db, key);
            if emptied {
                self.event(Classes::GENERIC, "del", db, key);
            }
        }
        Ok(())
    }

    /// Takes all elements out of a collection, which exists, and notifies of it.
    pub fn take_all(
        &mut self,
        db: usize,
        key: &[u8],
        class: Classes,
        name: &'static str,
    ) -> Result<(), KeyspaceError> {
        self.apply(&Effect::on(db, key, KeyChange::Delete { expired: false }))?;
        self.event(class, name, db, key);
        self.event(Classes::GENERIC, "del", db, key);
        Ok(())
    }

    /// Makes a key hold what an effect puts there, whatever it held, and notifies of it. A key that was there is no new one.
    pub fn replace(
        &mut self,
        effect: &Effect<'_>,
        class: Classes,
        name: &'static str,
    ) -> Result<(), KeyspaceError> {
        let (Some(db), Some(key)) = (effect.db(), effect.key()) else { return self.apply(effect) };
        if self.info(db, key)?.is_none() {
            return self.change(effect, class, name);
        }
        let events = self.events.take();
        let replaced = self
            .apply(&Effect::on(db, key, KeyChange::Delete { expired: false }))
            .and_then(|()| self.apply(effect));
        self.events = events;
        self.event(class, name, db, key);
        replaced
    }

    /// Deletes a key, if it exists, because there is nothing to be stored in it, and notifies of it.
    pub fn replace_by_nothing(&mut self, db: usize, key: &[u8]) -> Result<(), KeyspaceError> {
        if self.info(db, key)?.is_some() {
            self.apply(&Effect::on(db, key, KeyChange::Delete { expired: false }))?;
            self.event(Classes::GENERIC, "del", db, key);
        }
        Ok(())
    }
}
