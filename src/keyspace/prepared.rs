//! A change that was worked out on a published version: a result that replaces what a key holds, or a removal of elements
//! that were picked. It is made on the writer's version if everything that it came from is the same there.
//!
//! A long result is stored in slices, so that commands of other clients are executed in between. The slices go into a
//! *draft*, a key of a [database of its own](DRAFTS); the last step moves the draft to its place. A removal is made in
//! slices on a copy of the collection in the same way. Each step is a record of its own. A draft that is not finished,
//! because its sources changed or the server stopped, is deleted.

use std::ops::Range;

use super::cell::PIECE_BYTES;
use super::creation::Creation;
use super::error::KeyspaceError;
use super::events::Classes;
use super::lookup::DbKey;
use super::sources::Sources;
use crate::effect::{
    Bits, Change, DRAFTS, Effect, EffectBuffer, Items, ItemsBuffer, KeyChange, ListChange, Part, Ranks,
    SetChange, SortedSetChange, StringChange,
};

/// A result with more bytes of elements is stored in slices, each of about so many: some milliseconds of work.
const SLICE_BYTES: usize = 64 << 10;
/// Bytes of the table that a slice of a copied tree takes: one to four milliseconds of work.
const COPIED_BYTES: u64 = 4 << 20;
/// Bytes of a slice of a string: whole pieces of it.
pub const TEXT_SLICE_BYTES: usize = 768 * PIECE_BYTES;

/// The longest keys, together, that are repeated in each slice of a combination.
pub(super) const SOURCES_BYTES_MAX: usize = 4 << 10;

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

/// What becomes of what a key holds.
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
    /// When the key expires then, in milliseconds since 1970. A key that counts as new is given that; any other key had
    /// it, and keeps it.
    pub expire_at_ms: Option<u64>,
    /// The effects. None if nothing is left.
    pub slices: Vec<EffectBuffer>,
    /// Number of slices that are in the draft.
    pub stored: usize,
    /// Number of entries in the draft after these slices.
    pub entries: u64,
}

/// What becomes of the value that a result replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Old {
    /// It is deleted first; the key counts as overwritten, and not as new.
    Replaced,
    /// The effect overwrites it; the key counts as overwritten.
    Overwritten,
    /// A part of it is left. It is deleted first; the key does not count as new.
    Reduced,
    /// The effect changes it.
    Changed,
    /// It is deleted first; the key counts as overwritten, and as new. This is how copies come.
    Forgotten,
}

impl Old {
    /// Whether the key counts as overwritten.
    pub(super) fn is_overwritten(self) -> bool {
        matches!(self, Old::Replaced | Old::Overwritten | Old::Forgotten)
    }
}

/// What a step of storing a result did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// Nothing: what the result came from has changed.
    Outdated,
    /// It added a slice to the draft, which now has so many entries.
    Slice(u64),
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

    /// A slice was stored, and the draft has so many entries: its memory is freed.
    pub fn stored_slice(&mut self, entries: u64) {
        if let Some(replacement) = &mut self.replacement {
            replacement.slices[replacement.stored] = EffectBuffer::new();
            replacement.stored += 1;
            replacement.entries = entries;
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
        expire_at_ms: Option<u64>,
    ) -> Result<(), KeyspaceError> {
        let Effect::Key { db, key, change } = effect else { return Err(KeyspaceError::WouldChange) };
        let slices = self.slices(change)?.unwrap_or_else(|| vec![one(effect)]);
        self.remember((*db, key), Some(event), old, expire_at_ms, slices);
        Ok(())
    }

    /// Remembers that a sorted set of elements of another one replaces what a key holds. `part` is all of that one, with
    /// about `bytes` bytes in its trees.
    pub(super) fn replace_by_elements(
        &mut self,
        place: (usize, &[u8]),
        (part, ranks): (&Part<'_>, Ranks),
        bytes: u64,
        event: (Classes, &'static str),
        (old, expire_at_ms): (Old, Option<u64>),
    ) {
        let slices = copies(&self.draft, part, ranks, bytes);
        self.remember(place, Some(event), old, expire_at_ms, slices);
    }

    /// Remembers that a combination of other strings replaces what a key holds: their first `len` bytes.
    pub(super) fn replace_by_combination(
        &mut self,
        place: (usize, &[u8]),
        (bits, from_db, sources): (Bits, usize, Items<'_>),
        len: u64,
        event: (Classes, &'static str),
        old: Old,
    ) {
        let offsets = (0..len).step_by(TEXT_SLICE_BYTES);
        let slices = offsets.map(|offset| {
            let count = (TEXT_SLICE_BYTES as u64).min(len - offset);
            let change = StringChange::Combine { bits, from_db, sources, offset, count };
            one(&Effect::on(DRAFTS, &self.draft, change))
        });
        let slices = slices.collect();
        self.remember(place, Some(event), old, None, slices);
    }

    /// Remembers that members are taken out of a collection: in slices out of a copy, which then takes the place of the
    /// collection.
    pub(super) fn thin_out(
        &mut self,
        (db, key): (usize, &[u8]),
        removal: &Change<'_>,
        event: (Classes, &'static str),
        expire_at_ms: Option<u64>,
    ) -> Result<(), KeyspaceError> {
        let mut copy = EffectBuffer::new();
        copy.push(&Effect::on(db, key, KeyChange::Copy { to_db: DRAFTS, to: &self.draft }));
        if expire_at_ms.is_some() {
            copy.push(&Effect::on(DRAFTS, &self.draft, KeyChange::Expire { expire_at_ms: None }));
        }
        let removals = match *removal {
            Change::Set(SetChange::Remove { members }) => {
                self.cut(members, 1, |members| SetChange::Remove { members }.into())
            }
            Change::SortedSet(SortedSetChange::Remove { members }) => {
                self.cut(members, 1, |members| SortedSetChange::Remove { members }.into())
            }
            _ => return Err(KeyspaceError::WouldChange),
        };
        let Some(removals) = removals else {
            return self.change(&Effect::on(db, key, *removal), event);
        };
        let slices = std::iter::once(copy).chain(removals).collect();
        self.remember((db, key), Some(event), Old::Reduced, expire_at_ms, slices);
        Ok(())
    }

    /// Remembers an effect that changes what its key holds, in one step.
    pub(super) fn change(
        &mut self,
        effect: &Effect<'_>,
        event: (Classes, &'static str),
    ) -> Result<(), KeyspaceError> {
        let Effect::Key { db, key, .. } = effect else { return Err(KeyspaceError::WouldChange) };
        self.remember((*db, key), Some(event), Old::Changed, None, vec![one(effect)]);
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
        self.remember((db, key), Some(event), Old::Forgotten, expire_at_ms, slices);
        Ok(())
    }

    /// Gathers the changes that create a value, with as many in a slice as are not too long.
    fn gather(
        &self,
        (db, key): (usize, &[u8]),
        value: &dyn Creation,
    ) -> Result<Vec<EffectBuffer>, KeyspaceError> {
        let (mut slices, mut slice) = (Vec::new(), EffectBuffer::new());
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
                slices.push(std::mem::take(&mut slice));
            }
            slice.push(&effect);
            Ok(())
        })?;
        if !slice.is_empty() {
            slices.push(slice);
        }
        Ok(slices)
    }

    /// Remembers that a key is deleted: because the result is empty, or with an event because all of it is taken out.
    pub(super) fn delete(&mut self, db: usize, key: &[u8], event: Option<(Classes, &'static str)>) {
        self.remember((db, key), event, Old::Reduced, None, Vec::new());
    }

    /// Remembers what becomes of a key.
    fn remember(
        &mut self,
        (db, key): (usize, &[u8]),
        event: Option<(Classes, &'static str)>,
        old: Old,
        expire_at_ms: Option<u64>,
        slices: Vec<EffectBuffer>,
    ) {
        let key = key.into();
        self.replacement =
            Some(Replacement { db, key, event, old, expire_at_ms, slices, stored: 0, entries: 0 });
    }

    /// The slices of a long result; `None` if it is short.
    fn slices(&self, change: &Change<'_>) -> Result<Option<Vec<EffectBuffer>>, KeyspaceError> {
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
    ) -> Option<Vec<EffectBuffer>> {
        if items.encoded().len() <= SLICE_BYTES {
            return None;
        }
        let (mut slices, mut slice) = (Vec::new(), ItemsBuffer::new());
        for item in items {
            if slice.items().encoded().len() >= SLICE_BYTES && slice.len().is_multiple_of(width) {
                slices.push(one(&Effect::on(DRAFTS, &self.draft, change(slice.items()))));
                slice = ItemsBuffer::new();
            }
            slice.push(item);
        }
        slices.push(one(&Effect::on(DRAFTS, &self.draft, change(slice.items()))));
        Some(slices)
    }

    /// Cuts a string.
    fn cut_text(&self, value: &[u8]) -> Option<Vec<EffectBuffer>> {
        if value.len() <= TEXT_SLICE_BYTES {
            return None;
        }
        let slices = value.chunks(TEXT_SLICE_BYTES);
        Some(
            slices
                .map(|value| one(&Effect::on(DRAFTS, &self.draft, StringChange::Append { value })))
                .collect(),
        )
    }
}

/// Copies of the elements of a sorted set with these ranks, out of all in `part`: first the order of scores, then the
/// members, each in its own order.
fn copies(draft: &[u8], part: &Part<'_>, ranks: Ranks, bytes: u64) -> Vec<EffectBuffer> {
    let count_max = (COPIED_BYTES / (bytes / part.count.max(1)).max(1)).max(1);
    let part_of = |range: Range<u64>| {
        range.clone().step_by(count_max as usize).map(move |index| {
            let count = count_max.min(range.end - index);
            Part { index, count, ..*part }
        })
    };
    let kept = match ranks.within {
        true => [ranks.first..ranks.behind, 0..0],
        false => [0..ranks.first, ranks.behind..part.count],
    };
    let order = kept.into_iter().flat_map(&part_of).map(|part| SortedSetChange::CopyOrder { part });
    let members = part_of(0..part.count).map(|part| SortedSetChange::CopyMembers { part, ranks });
    order.chain(members).map(|change| one(&Effect::on(DRAFTS, draft, change))).collect()
}

/// A buffer with one effect.
fn one(effect: &Effect<'_>) -> EffectBuffer {
    let mut buffer = EffectBuffer::new();
    buffer.push(effect);
    buffer
}
