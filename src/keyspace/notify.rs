//! Changes to collections together with their events, so that every command sends the same events in the same order:
//! the new key, the command's own event, and `del` when nothing is left.

use super::lookup::lookup;
use super::prepared::{Old, SOURCES_BYTES_MAX};
use super::{Classes, Keyspace, KeyspaceError};
use crate::effect::{Bits, Change, Effect, Items, KeyChange, Part, Ranks};

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

    /// Replaces whatever a key holds by a copy that was worked out.
    pub fn replace_by_copy(&mut self, effect: &Effect<'_>) -> Result<(), KeyspaceError> {
        match &mut self.prepared {
            Some(prepared) => prepared.replace(effect, (Classes::GENERIC, "copy_to"), Old::Forgotten, None),
            None => Err(KeyspaceError::WouldChange),
        }
    }

    /// Replaces whatever a key holds by a sorted set that was worked out: the elements with these ranks of the one at
    /// `from`, which is in trees. `is_copy`: an existing key counts as new.
    pub fn replace_by_elements(
        &mut self,
        from: (usize, &[u8]),
        ranks: Ranks,
        place: (usize, &[u8]),
        event: (Classes, &'static str),
        is_copy: bool,
    ) -> Result<(), KeyspaceError> {
        let old = if is_copy { Old::Forgotten } else { Old::Deleted };
        self.copy_elements(from, ranks, place, event, (old, None))
    }

    /// Replaces a sorted set, which is in trees, by those of its elements that have these ranks. The key keeps its expiry.
    pub fn keep_elements(
        &mut self,
        place: (usize, &[u8]),
        ranks: Ranks,
        event: (Classes, &'static str),
        expire_at_ms: Option<u64>,
    ) -> Result<(), KeyspaceError> {
        self.copy_elements(place, ranks, place, event, (Old::Deleted, expire_at_ms))
    }

    /// Remembers that elements of a sorted set, which is in trees, replace whatever a key holds.
    fn copy_elements(
        &mut self,
        (from_db, from): (usize, &[u8]),
        ranks: Ranks,
        place: (usize, &[u8]),
        event: (Classes, &'static str),
        old: (Old, Option<u64>),
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
        let old = if is_copy { Old::Forgotten } else { Old::Changed };
        prepared.replace_by_combination(place, sources, len, event, old);
        Ok(())
    }

    /// Replaces what a key holds by what is left of it, which was worked out. The key keeps its expiry.
    pub fn replace_by_rest(
        &mut self,
        effect: &Effect<'_>,
        class: Classes,
        name: &'static str,
        expire_at_ms: Option<u64>,
    ) -> Result<(), KeyspaceError> {
        match &mut self.prepared {
            Some(prepared) => prepared.replace(effect, (class, name), Old::Deleted, expire_at_ms),
            None => Err(KeyspaceError::WouldChange),
        }
    }

    /// Takes members out of a collection, of which some are left, in several steps; reports one event. The key keeps its
    /// expiry.
    pub fn thin_out(
        &mut self,
        place: (usize, &[u8]),
        removal: &Change<'_>,
        class: Classes,
        name: &'static str,
        expire_at_ms: Option<u64>,
    ) -> Result<(), KeyspaceError> {
        match &mut self.prepared {
            Some(prepared) => prepared.thin_out(place, removal, (class, name), expire_at_ms),
            None => Err(KeyspaceError::WouldChange),
        }
    }

    /// Like [`Keyspace::change`], for a command that notes its sources: if it is worked out, the writer makes the change, in
    /// one step.
    pub fn change_noted(
        &mut self,
        effect: &Effect<'_>,
        class: Classes,
        name: &'static str,
    ) -> Result<(), KeyspaceError> {
        match &mut self.prepared {
            Some(prepared) => prepared.change(effect, (class, name)),
            None => self.change(effect, class, name),
        }
    }

    /// Like [`Keyspace::take_all`], for a command that notes its sources: if it is worked out, the writer makes the change.
    pub fn take_all_noted(
        &mut self,
        db: usize,
        key: &[u8],
        class: Classes,
        name: &'static str,
    ) -> Result<(), KeyspaceError> {
        match &mut self.prepared {
            Some(prepared) => {
                prepared.delete(db, key, Some((class, name)));
                Ok(())
            }
            None => self.take_all(db, key, class, name),
        }
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
