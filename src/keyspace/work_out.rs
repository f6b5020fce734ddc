//! What a command does with its result that is [worked out](super::prepared) beside the writer: it says what becomes of a key,
//! and the writer does that later. Elsewhere, these functions fail with [`KeyspaceError::WouldChange`], but for those of a
//! command that notes its sources either way.

use super::lookup::lookup;
use super::prepared::{Old, Prepared, SOURCES_BYTES_MAX};
use super::{Classes, Keyspace, KeyspaceError};
use crate::effect::{Bits, Change, Effect, Items, Part, Ranks};

impl Keyspace<'_> {
    /// What is worked out.
    fn prepared(&mut self) -> Result<&mut Prepared, KeyspaceError> {
        self.prepared.as_deref_mut().ok_or(KeyspaceError::WouldChange)
    }

    /// Replaces whatever a key holds by a copy.
    pub fn replace_by_copy(&mut self, effect: &Effect<'_>) -> Result<(), KeyspaceError> {
        self.prepared()?.replace(effect, (Classes::GENERIC, "copy_to"), Old::Forgotten, None)
    }

    /// Replaces whatever a key holds by a sorted set: the elements with these ranks of the one at `from`, which is in trees.
    /// `is_copy`: an existing key counts as new.
    pub fn replace_by_elements(
        &mut self,
        from: (usize, &[u8]),
        ranks: Ranks,
        place: (usize, &[u8]),
        event: (Classes, &'static str),
        is_copy: bool,
    ) -> Result<(), KeyspaceError> {
        let old = if is_copy { Old::Forgotten } else { Old::Replaced };
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
        self.copy_elements(place, ranks, place, event, (Old::Reduced, expire_at_ms))
    }

    /// Replaces whatever a key holds by elements of a sorted set, which is in trees.
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
        let part = Part { from_db, from, index: 0, count };
        self.prepared()?.replace_by_elements(place, (&part, ranks), bytes, event, old);
        Ok(())
    }

    /// Whether a long combination of these strings may be left until it is stored: the keys are not so long that the result
    /// takes less space in the log.
    pub fn combines_later(&self, sources: Items<'_>) -> bool {
        self.prepares() && sources.encoded().len() <= SOURCES_BYTES_MAX
    }

    /// Replaces whatever a key holds by a combination of strings, which is made when it is stored. `is_copy`: an existing key
    /// counts as new.
    pub fn replace_by_combination(
        &mut self,
        sources: (Bits, usize, Items<'_>),
        len: u64,
        place: (usize, &[u8]),
        event: (Classes, &'static str),
        is_copy: bool,
    ) -> Result<(), KeyspaceError> {
        let old = if is_copy { Old::Forgotten } else { Old::Overwritten };
        self.prepared()?.replace_by_combination(place, sources, len, event, old);
        Ok(())
    }

    /// Replaces what a key holds by what is left of it. The key keeps its expiry.
    pub fn replace_by_rest(
        &mut self,
        effect: &Effect<'_>,
        class: Classes,
        name: &'static str,
        expire_at_ms: Option<u64>,
    ) -> Result<(), KeyspaceError> {
        self.prepared()?.replace(effect, (class, name), Old::Reduced, expire_at_ms)
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
        self.prepared()?.thin_out(place, removal, (class, name), expire_at_ms)
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
        let Some(prepared) = &mut self.prepared else { return self.take_all(db, key, class, name) };
        prepared.delete(db, key, Some((class, name)));
        Ok(())
    }
}
