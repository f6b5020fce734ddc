//! A change that was worked out on a published version: a result that replaces what a key holds. It is made on the
//! writer's version if everything that it came from is the same there.
//!
//! A long result is stored in slices, so that commands of other clients are executed in between. The slices go into a
//! *draft*, a key of a [database of its own](DRAFTS); the last step moves the draft to its place. Each step is a record
//! of its own. A draft that is not finished, because its sources changed or the server stopped, is deleted.

use super::cell::PIECE_BYTES;
use super::creation::Creation;
use super::error::KeyspaceError;
use super::events::Classes;
use super::lookup::DbKey;
use super::sources::Sources;
use crate::effect::{
    Change, DRAFTS, Effect, EffectBuffer, Items, ItemsBuffer, ListChange, SetChange, SortedSetChange,
    StringChange,
};

/// A result with more bytes of elements is stored in slices, each of about so many: some milliseconds of work.
const SLICE_BYTES: usize = 64 << 10;
/// Bytes of a slice of a string: whole pieces of it.
const TEXT_SLICE_BYTES: usize = 768 * PIECE_BYTES;

/// A change that was worked out.
#[derive(Debug, Default)]
pub struct Prepared {
    /// What it came from.
    pub sources: Sources,
    /// Missing keys that were looked up, if they are to be notified of.
    pub missing: Vec<DbKey>,
    /// Lookups of a key that was there.
    pub hits: u64,
    /// Lookups of a key that was not there.
    pub misses: u64,
    /// The name of the draft, if one is needed.
    pub(super) draft: Box<[u8]>,
    /// The change; `None` if there is none.
    pub(super) replacement: Option<Replacement>,
}

/// A result that replaces what a key holds.
#[derive(Debug)]
pub(super) struct Replacement {
    /// Database of the key.
    pub db: usize,
    /// The key.
    pub key: Box<[u8]>,
    /// Class and name of the event; `None` if the result is empty, and the key is deleted.
    pub event: Option<(Classes, &'static str)>,
    /// What becomes of the old value.
    pub old: Old,
    /// When the key expires then, in milliseconds since 1970.
    pub expire_at_ms: Option<u64>,
    /// The effects, each with the length of the value with it.
    pub slices: Vec<(EffectBuffer, u64)>,
    /// Number of slices that are in the draft.
    pub stored: usize,
}

/// What becomes of the value that a result replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Old {
    /// It is deleted first; the key does not count as new.
    Deleted,
    /// The effect overwrites it.
    Overwritten,
    /// It is deleted first; the key counts as new.
    Forgotten,
}

/// What a step of storing a result did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// Nothing: what the result came from has changed.
    Outdated,
    /// It added a slice to the draft.
    Slice,
    /// The result is in its place.
    Whole,
}

impl Prepared {
    /// Nothing yet. A long result goes into the draft with this name.
    pub fn new(draft: &[u8]) -> Self {
        Self { draft: draft.into(), ..Self::default() }
    }

    /// Whether anything is to be changed.
    pub fn changes(&self) -> bool {
        self.replacement.is_some()
    }

    /// A slice was stored: its memory is freed.
    pub fn stored_slice(&mut self) {
        if let Some(replacement) = &mut self.replacement {
            replacement.slices[replacement.stored].0 = EffectBuffer::new();
            replacement.stored += 1;
        }
    }

    /// Whether a part of it is in a draft.
    pub fn has_draft(&self) -> bool {
        self.replacement.as_ref().is_some_and(|replacement| replacement.stored > 0)
    }

    /// The name of the draft.
    pub fn draft(&self) -> &[u8] {
        &self.draft
    }

    /// Remembers an effect that replaces what its key holds.
    pub(super) fn replace(
        &mut self,
        effect: &Effect<'_>,
        event: (Classes, &'static str),
        old: Old,
    ) -> Result<(), KeyspaceError> {
        let Effect::Key { db, key, change } = effect else { return Err(KeyspaceError::WouldChange) };
        let slices = self.slices(change)?.unwrap_or_else(|| vec![(one(effect), 0)]);
        let (db, key, event) = (*db, Box::from(*key), Some(event));
        self.replacement = Some(Replacement { db, key, event, old, expire_at_ms: None, slices, stored: 0 });
        Ok(())
    }

    /// Remembers changes that together create a value, which replaces what a key holds.
    pub(super) fn replace_by_all(
        &mut self,
        (db, key): (usize, &[u8]),
        value: &dyn Creation,
        event: (Classes, &'static str),
        expire_at_ms: Option<u64>,
    ) -> Result<(), KeyspaceError> {
        let mut slices = self.gather((DRAFTS, &self.draft), value)?;
        if slices.len() == 1 {
            slices = self.gather((db, key), value)?;
        }
        let (key, event, old) = (Box::from(key), Some(event), Old::Forgotten);
        self.replacement = Some(Replacement { db, key, event, old, expire_at_ms, slices, stored: 0 });
        Ok(())
    }

    /// Gathers the changes that create a value, with as many in a slice as are not too long.
    fn gather(
        &self,
        (db, key): (usize, &[u8]),
        value: &dyn Creation,
    ) -> Result<Vec<(EffectBuffer, u64)>, KeyspaceError> {
        let (mut slices, mut slice, mut len) = (Vec::new(), EffectBuffer::new(), 0);
        value.each(SLICE_BYTES, &mut |change| {
            if let Change::String(StringChange::Set { value, .. }) = change
                && let Some(cut) = self.cut_text(value)
            {
                slices = cut;
                return Ok(());
            }
            let effect = Effect::on(db, key, change);
            let bytes = effect.stored_bytes().unwrap_or(0) as usize;
            if !slice.is_empty() && slice.payload_bytes() + bytes > SLICE_BYTES {
                slices.push((std::mem::take(&mut slice), len));
            }
            slice.push(&effect);
            len += effect.elements();
            Ok(())
        })?;
        if !slice.is_empty() {
            slices.push((slice, len));
        }
        Ok(slices)
    }

    /// Remembers that a key is deleted, because the result is empty.
    pub(super) fn replace_by_nothing(&mut self, db: usize, key: &[u8]) {
        self.replacement = Some(Replacement {
            db,
            key: key.into(),
            event: None,
            old: Old::Deleted,
            expire_at_ms: None,
            slices: Vec::new(),
            stored: 0,
        });
    }

    /// The slices of a long result; `None` if it is short.
    fn slices(&self, change: &Change<'_>) -> Result<Option<Vec<(EffectBuffer, u64)>>, KeyspaceError> {
        Ok(match *change {
            Change::Set(SetChange::Add { members }) => {
                self.cut(members, 1, |members| SetChange::Add { members }.into())
            }
            Change::SortedSet(SortedSetChange::Add { elements }) => {
                self.cut(elements, 2, |elements| SortedSetChange::Add { elements }.into())
            }
            Change::List(ListChange::Push { end, elements }) => {
                self.cut(elements, 1, |elements| ListChange::Push { end, elements }.into())
            }
            Change::String(StringChange::Set { value, expire_at_ms: None, .. }) => self.cut_text(value),
            _ => return Err(KeyspaceError::WouldChange),
        })
    }

    /// Cuts items, of which each element has `width`.
    fn cut(
        &self,
        items: Items<'_>,
        width: u64,
        change: impl for<'i> Fn(Items<'i>) -> Change<'i>,
    ) -> Option<Vec<(EffectBuffer, u64)>> {
        if items.encoded().len() <= SLICE_BYTES {
            return None;
        }
        let (mut slices, mut slice, mut len) = (Vec::new(), ItemsBuffer::new(), 0);
        for item in items {
            if slice.items().encoded().len() >= SLICE_BYTES && slice.len().is_multiple_of(width) {
                slices.push((one(&Effect::on(DRAFTS, &self.draft, change(slice.items()))), len));
                slice = ItemsBuffer::new();
            }
            slice.push(item);
            len += u64::from(slice.len().is_multiple_of(width));
        }
        slices.push((one(&Effect::on(DRAFTS, &self.draft, change(slice.items()))), len));
        Some(slices)
    }

    /// Cuts a string.
    fn cut_text(&self, value: &[u8]) -> Option<Vec<(EffectBuffer, u64)>> {
        if value.len() <= TEXT_SLICE_BYTES {
            return None;
        }
        let mut len = 0;
        let slices = value.chunks(TEXT_SLICE_BYTES).map(|value| {
            len += value.len() as u64;
            (one(&Effect::on(DRAFTS, &self.draft, StringChange::Append { value })), len)
        });
        Some(slices.collect())
    }
}

/// A buffer with one effect.
fn one(effect: &Effect<'_>) -> EffectBuffer {
    let mut buffer = EffectBuffer::new();
    buffer.push(effect);
    buffer
}
