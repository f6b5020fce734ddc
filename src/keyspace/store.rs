//! Stores results that were worked out, step by step: see [`Prepared`].

use super::error::KeyspaceError;
use super::lookup::{DbKey, lookup};
use super::prepared::{Old, Prepared, Replacement, Stored};
use super::{Classes, Keyspace};
use crate::effect::{DRAFTS, Effect, EffectBuffer, KeyChange};
use crate::table::View;

impl Keyspace<'_> {
    /// Does the next step of storing a result, if what it came from is the same in this version.
    pub fn store(&mut self, prepared: &Prepared, now_ms: u64) -> Result<Stored, KeyspaceError> {
        let Some(replacement) = &prepared.replacement else { return Ok(Stored::Whole) };
        if !prepared.sources.are_same(&self.view(), now_ms)? {
            return Ok(Stored::Outdated);
        }
        if replacement.slices.len() > 1 {
            let before = replacement.stored.checked_sub(1).map(|last| replacement.slices[last].1);
            if before.is_some() && draft_len(&self.view(), &prepared.draft)? != before {
                // Records of it were taken back.
                return Ok(Stored::Outdated);
            }
            if let Some((slice, _)) = replacement.slices.get(replacement.stored) {
                self.add_to_draft(slice, &prepared.draft, before.is_none())?;
                return Ok(Stored::Slice);
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

    /// Puts a result in its place.
    fn finish(&mut self, replacement: &Replacement, draft: &[u8]) -> Result<(), KeyspaceError> {
        let Replacement { db, key, event, old, expire_at_ms, slices, .. } = replacement;
        let (Some((class, name)), Some((first, _))) = (*event, slices.first()) else {
            return self.replace_by_nothing(*db, key);
        };
        if slices.len() > 1 {
            return self.place_draft(draft, replacement, (class, name));
        }
        if *old == Old::Forgotten {
            self.forget(*db, key)?;
            first.effects().try_for_each(|effect| self.apply(&effect))?;
            self.give_expiry(*db, key, *expire_at_ms)?;
            self.event(class, name, *db, key);
            return Ok(());
        }
        for effect in first.effects() {
            match old {
                Old::Deleted => self.replace(&effect, class, name)?,
                Old::Overwritten | Old::Forgotten => self.change(&effect, class, name)?,
            }
        }
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
        Replacement { db, key, old, expire_at_ms, .. }: &Replacement,
        (class, name): (Classes, &'static str),
    ) -> Result<(), KeyspaceError> {
        let (db, key) = (*db, &**key);
        let is_new = *old == Old::Forgotten || self.info(db, key)?.is_none();
        let events = self.events.take();
        let mut moved = self.forget(db, key);
        // A value keeps its key when it moves to another database.
        moved = moved.and_then(|()| self.apply(&Effect::on(DRAFTS, draft, KeyChange::Rename { to: key })));
        moved = moved.and_then(|()| self.apply(&Effect::on(DRAFTS, key, KeyChange::Move { to_db: db })));
        moved = moved.and_then(|()| self.give_expiry(db, key, *expire_at_ms));
        self.events = events;
        moved?;
        if is_new {
            self.event(Classes::NEW, "new", db, key);
        }
        self.event(class, name, db, key);
        Ok(())
    }
}

/// The length of a draft; `None` if there is none.
fn draft_len(view: &View<'_>, draft: &[u8]) -> Result<Option<u64>, KeyspaceError> {
    lookup(view, DRAFTS, draft)?.map(|value| value.length(view)).transpose()
}
