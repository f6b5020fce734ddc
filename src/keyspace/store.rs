//! Stores results that were worked out, step by step: see [`Prepared`].

use super::cell::Kind;
use super::error::KeyspaceError;
use super::lookup::{DbKey, lookup};
use super::prepared::{Old, Prepared, Replacement, Stored};
use super::{Before, Classes, Keyspace};
use crate::effect::{DRAFTS, Effect, EffectBuffer, KeyChange};
use crate::table::{Root, View};

impl Keyspace<'_> {
    /// Does the next step of storing a result, if what it came from is the same in this version.
    pub fn store(&mut self, prepared: &Prepared, now_ms: u64) -> Result<Stored, KeyspaceError> {
        let Some(replacement) = &prepared.replacement else { return Ok(Stored::Whole) };
        if !prepared.sources.are_same(&self.view(), now_ms)? {
            return Ok(Stored::Outdated);
        }
        if replacement.slices.len() > 1 {
            let is_first = replacement.stored == 0;
            if !is_first && draft_entries(&self.view(), &prepared.draft)? != replacement.entries {
                // Records of it were taken back.
                return Ok(Stored::Outdated);
            }
            if let Some(slice) = replacement.slices.get(replacement.stored) {
                self.add_to_draft(slice, &prepared.draft, is_first)?;
                return Ok(Stored::Slice(draft_entries(&self.view(), &prepared.draft)?));
            }
        }
        for DbKey { db, key } in &prepared.missing {
            self.event(Classes::KEY_MISS, "keymiss", *db, key);
        }
        self.finish(replacement, &prepared.draft)?;
        Ok(Stored::Whole)
    }

    /// Deletes a draft, if it is there.
    pub fn drop_draft(&mut self, draft: &[u8]) -> Result<(), KeyspaceError> {
        self.forget(DRAFTS, draft)
    }

    /// Adds a slice to a draft. Nobody is notified of it.
    fn add_to_draft(
        &mut self,
        slice: &EffectBuffer,
        draft: &[u8],
        is_first: bool,
    ) -> Result<(), KeyspaceError> {
        let events = self.events.take();
        let mut added = if is_first { self.drop_draft(draft) } else { Ok(()) };
        added = added.and_then(|()| slice.effects().try_for_each(|effect| self.apply(&effect)));
        self.events = events;
        added
    }

    /// Makes the last step: puts a result in its place, or makes the only change.
    fn finish(&mut self, replacement: &Replacement, draft: &[u8]) -> Result<(), KeyspaceError> {
        let Replacement { db, key, event, old, expire_at_ms, .. } = replacement;
        if expire_at_ms.is_none() {
            return self.place(replacement, draft);
        }
        debug_assert!(event.is_some(), "a key with an expiry is not deleted");
        let mut keys = self.reborrow();
        if *old != Old::Forgotten {
            keys = keys.keeping_expiries();
        }
        keys.place(replacement, draft)?;
        keys.give_expiry(*db, key, *expire_at_ms)
    }

    /// Puts a result in its place, or makes the only change.
    fn place(&mut self, replacement: &Replacement, draft: &[u8]) -> Result<(), KeyspaceError> {
        let Replacement { db, key, event, old, slices, .. } = replacement;
        let Some((class, name)) = *event else { return self.replace_by_nothing(*db, key) };
        let Some(first) = slices.first() else { return self.take_all(*db, key, class, name) };
        if slices.len() > 1 {
            return self.place_draft(draft, (*db, key), (class, name), *old);
        }
        let before = self.before(*db, key)?;
        if *old == Old::Forgotten {
            self.forget(*db, key)?;
        }
        for effect in first.effects() {
            match old {
                Old::Replaced | Old::Reduced => self.put_instead(&effect, *db, key)?,
                Old::Overwritten | Old::Changed | Old::Forgotten => self.apply(&effect)?,
            }
        }
        self.placed((*db, key), (class, name), *old, before)
    }

    /// Reports the events of a result that is in its place.
    fn placed(
        &mut self,
        (db, key): (usize, &[u8]),
        (class, name): (Classes, &'static str),
        old: Old,
        before: Before,
    ) -> Result<(), KeyspaceError> {
        if old == Old::Forgotten {
            self.event(class, name, db, key);
            return self.overwritten_by_this(before, db, key);
        }
        if old.is_overwritten() {
            self.overwritten_by_this(before, db, key)?;
        }
        self.event(class, name, db, key);
        Ok(())
    }

    /// Deletes a key, if it is there, without an event.
    pub(super) fn forget(&mut self, db: usize, key: &[u8]) -> Result<(), KeyspaceError> {
        match self.info(db, key)? {
            Some(_) => self.apply(&Effect::on(db, key, KeyChange::Delete { expired: false })),
            None => Ok(()),
        }
    }

    /// Moves a draft to its place, instead of whatever is there.
    fn place_draft(
        &mut self,
        draft: &[u8],
        (db, key): (usize, &[u8]),
        (class, name): (Classes, &'static str),
        old: Old,
    ) -> Result<(), KeyspaceError> {
        let is_new = old == Old::Forgotten || self.info(db, key)?.is_none();
        let before = self.before(db, key)?;
        let events = self.events.take();
        let mut moved = self.forget(db, key);
        // A value keeps its key when it moves to another database.
        moved = moved.and_then(|()| self.apply(&Effect::on(DRAFTS, draft, KeyChange::Rename { to: key })));
        moved = moved.and_then(|()| self.apply(&Effect::on(DRAFTS, key, KeyChange::Move { to_db: db })));
        self.events = events;
        moved?;
        if is_new {
            self.event(Classes::NEW, "new", db, key);
        }
        self.placed((db, key), (class, name), old, before)
    }
}

/// Number of entries of a draft: those of all its trees, or the bytes of a string; 0 if there is none.
fn draft_entries(view: &View<'_>, draft: &[u8]) -> Result<u64, KeyspaceError> {
    let Some(value) = lookup(view, DRAFTS, draft)? else { return Ok(0) };
    let trees = value.roots.as_slice();
    let in_trees = value.kind != Kind::String && !trees.is_empty();
    if in_trees { Ok(trees.iter().map(Root::len).sum()) } else { value.length(view) }
}
