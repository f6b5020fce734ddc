//! Changes to collections together with their events, so that every command sends the same events in the same order:
//! the new key, the command's own event, and `del` when nothing is left.

use super::prepared::Old;
use super::{Classes, Keyspace, KeyspaceError};
use crate::effect::{Effect, KeyChange};

impl Keyspace<'_> {
    /// Makes a change and reports its event.
    pub fn change(
        &mut self,
        effect: &Effect<'_>,
        class: Classes,
        name: &'static str,
    ) -> Result<(), KeyspaceError> {
        if let (Some(prepared), true) = (&mut self.prepared, effect.replaces()) {
            return prepared.replace(effect, (class, name), Old::Changed, None);
        }
        self.apply(effect)?;
        if let (Some(db), Some(key)) = (effect.db(), effect.key()) {
            self.event(class, name, db, key);
        }
        Ok(())
    }

    /// Removes elements from a collection and reports the event; the key is deleted with its last element.
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

    /// Removes all elements of an existing collection and reports the event.
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

    /// Applies an effect that replaces whatever the key holds, and reports the event. An existing key does not count as
    /// new.
    pub fn replace(
        &mut self,
        effect: &Effect<'_>,
        class: Classes,
        name: &'static str,
    ) -> Result<(), KeyspaceError> {
        if let Some(prepared) = &mut self.prepared {
            return prepared.replace(effect, (class, name), Old::Deleted, None);
        }
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

    /// Deletes a key, if it exists, because the result to store in it is empty, and reports the event.
    pub fn replace_by_nothing(&mut self, db: usize, key: &[u8]) -> Result<(), KeyspaceError> {
        if let Some(prepared) = &mut self.prepared {
            prepared.delete(db, key, None);
            return Ok(());
        }
        if self.info(db, key)?.is_some() {
            self.apply(&Effect::on(db, key, KeyChange::Delete { expired: false }))?;
            self.event(Classes::GENERIC, "del", db, key);
        }
        Ok(())
    }
}
