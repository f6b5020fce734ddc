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
        self.apply(effect)?;
        if let (Some(db), Some(key)) = (effect.db(), effect.key()) {
            self.event(class, name, db, key);
        }
        Ok(())
    }

    /// Makes a change that overwrites whatever the key holds, and reports the events.
    pub fn overwrite(
        &mut self,
        effect: &Effect<'_>,
        class: Classes,
        name: &'static str,
    ) -> Result<(), KeyspaceError> {
        self.put_over(effect, (class, name), Old::Overwritten)
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

    /// Applies an effect that replaces whatever the key holds, and reports the events. An existing key does not count as
    /// new.
    pub fn replace(
        &mut self,
        effect: &Effect<'_>,
        class: Classes,
        name: &'static str,
    ) -> Result<(), KeyspaceError> {
        self.put_over(effect, (class, name), Old::Replaced)
    }

    /// Puts a value over whatever the key holds, and reports the events.
    fn put_over(
        &mut self,
        effect: &Effect<'_>,
        (class, name): (Classes, &'static str),
        old: Old,
    ) -> Result<(), KeyspaceError> {
        if let Some(prepared) = &mut self.prepared {
            return prepared.replace(effect, (class, name), old, None);
        }
        let (Some(db), Some(key)) = (effect.db(), effect.key()) else { return self.apply(effect) };
        let before = self.before(db, key)?;
        match old {
            Old::Replaced => self.put_instead(effect, db, key)?,
            _ => self.apply(effect)?,
        }
        self.overwritten_by_this(before, db, key)?;
        self.event(class, name, db, key);
        Ok(())
    }

    /// Applies an effect that replaces whatever the key holds. An existing key does not count as new.
    pub(super) fn put_instead(
        &mut self,
        effect: &Effect<'_>,
        db: usize,
        key: &[u8],
    ) -> Result<(), KeyspaceError> {
        if self.info(db, key)?.is_none() {
            return self.apply(effect);
        }
        let events = self.events.take();
        let put = self
            .apply(&Effect::on(db, key, KeyChange::Delete { expired: false }))
            .and_then(|()| self.apply(effect));
        self.events = events;
        put
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
