//! Changes to collections together with their events, so that every command sends the same events in the same order:
//! the new key, the command's own event, and `del` when nothing is left.

use super::lookup::lookup;
use super::prepared::{Old, SOURCES_BYTES_MAX};
use super::{Classes, Keyspace, KeyspaceError};
use crate::effect::{Bits, Effect, Items, KeyChange, Part, Ranks};

impl Keyspace<'_> {
    /// Makes a change and reports its event.
    pub fn change(
        &mut self,
        effect: &Effect<'_>,
        class: Classes,
        name: &'static str,
    ) -> Result<(), KeyspaceError> {
        if let (Some(prepared), true) = (&mut self.prepared, effect.replaces()) {
            return prepared.replace(effect, (class, name), Old::Overwritten);
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
            return prepared.replace(effect, (class, name), Old::Deleted);
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

    /// Replaces whatever a key holds by a copy that was worked out.
    pub fn replace_by_copy(&mut self, effect: &Effect<'_>) -> Result<(), KeyspaceError> {
        match &mut self.prepared {
            Some(prepared) => prepared.replace(effect, (Classes::GENERIC, "copy_to"), Old::Forgotten),
            None => Err(KeyspaceError::WouldChange),
        }
    }

    /// Replaces whatever a key holds by a sorted set that was worked out: the elements with these ranks of the one at
    /// `from`, which is in trees. `is_copy`: an existing key counts as new.
    pub fn replace_by_elements(
        &mut self,
        (from_db, from): (usize, &[u8]),
        ranks: Ranks,
        place: (usize, &[u8]),
        event: (Classes, &'static str),
        is_copy: bool,
    ) -> Result<(), KeyspaceError> {
        let (count, bytes) = {
            let view = self.view();
            match lookup(&view, from_db, from)? {
                Some(value) if value.in_trees => (value.length(&view)?, value.estimate_bytes(&view)?),
                _ => return Err(KeyspaceError::WouldChange),
            }
        };
        let Some(prepared) = &mut self.prepared else { return Err(KeyspaceError::WouldChange) };
        let part = Part { from_db, from, index: 0, count };
        let old = if is_copy { Old::Forgotten } else { Old::Deleted };
        prepared.replace_by_elements(place, (&part, ranks), bytes, event, old);
        Ok(())
    }

    /// Whether a long combination of these strings may be worked out when it is stored: changes are remembered, and the
    /// keys are not so long that the result takes less space in the log.
    pub fn combines_later(&self, sources: Items<'_>) -> bool {
        self.prepared.is_some() && sources.encoded().len() <= SOURCES_BYTES_MAX
    }

    /// Replaces whatever a key holds by a combination of strings that is worked out when it is stored. `is_copy`: an
    /// existing key counts as new.
    pub fn replace_by_combination(
        &mut self,
        sources: (Bits, usize, Items<'_>),
        len: u64,
        place: (usize, &[u8]),
        event: (Classes, &'static str),
        is_copy: bool,
    ) -> Result<(), KeyspaceError> {
        let Some(prepared) = &mut self.prepared else { return Err(KeyspaceError::WouldChange) };
        let old = if is_copy { Old::Forgotten } else { Old::Overwritten };
        prepared.replace_by_combination(place, sources, len, event, old);
        Ok(())
    }

    /// Deletes a key, if it exists, because the result to store in it is empty, and reports the event.
    pub fn replace_by_nothing(&mut self, db: usize, key: &[u8]) -> Result<(), KeyspaceError> {
        if let Some(prepared) = &mut self.prepared {
            prepared.replace_by_nothing(db, key);
            return Ok(());
        }
        if self.info(db, key)?.is_some() {
            self.apply(&Effect::on(db, key, KeyChange::Delete { expired: false }))?;
            self.event(Classes::GENERIC, "del", db, key);
        }
        Ok(())
    }
}
