//! Hashes: a map of fields, each with an [element](Element), and the order in which fields expire.
//!
//! ```text
//! first tree    key = field                                        cell = element
//! second tree   key = expiry u64 BE, milliseconds since 1970 | field    cell = empty
//! ```
//!
//! The second tree exists only while some field of a hash in trees has an expiry. While any field of any hash has one,
//! the cell is flagged, and the key is in the [field expiries](super::field_expiry) of its database with the earliest
//! one.
//!
//! Reads treat an expired field as missing. It still takes up a position until the writer deletes it.

use super::cell::{Kind, Value};
use super::collection::{Collection, Map};
use super::draft::{Draft, Form};
use super::element::{self, Element};
use super::error::KeyspaceError;
use super::expiry::{index_key, split};
use super::walk::walk;
use crate::effect::{HashChange, Items, ItemsBuffer};
use crate::table::{Cell, CellRoots, Root, TableWriter, View};

/// A hash, read at one time. Fields come in byte order.
#[derive(Clone, Copy, Debug)]
pub struct Hash<'a> {
    /// Its fields, including expired ones.
    fields: Map<'a>,
    /// The fields with expiry times, ordered by expiry; empty if the hash is packed.
    expiries: Root,
    /// Whether a field has an expiry.
    timed: bool,
    /// The time of the read, in milliseconds since 1970.
    now_ms: u64,
}

impl<'a> Value<'a> {
    /// The hash as it is at `now_ms`, or `None` if the value is of another type.
    pub fn hash(&self, now_ms: u64) -> Option<Hash<'a>> {
        let fields = self.map(Kind::Hash)?;
        Some(Hash { fields, expiries: expiries_of(self), timed: self.is_timed(), now_ms })
    }

    /// The earliest expiry of a field, in milliseconds since 1970, whether it has passed or not.
    #[inline]
    pub(super) fn first_field_ms(&self, view: &View<'_>) -> Result<Option<u64>, KeyspaceError> {
        match self.map(Kind::Hash) {
            Some(fields) if self.is_timed() => first_field_ms(view, &fields, expiries_of(self)),
            _ => Ok(None),
        }
    }
}

/// The tree of the fields' expiry times.
fn expiries_of(value: &Value<'_>) -> Root {
    match value.collection(Kind::Hash) {
        Some(Collection::InTrees { roots, .. }) => roots.get(1).copied().unwrap_or(Root::EMPTY),
        _ => Root::EMPTY,
    }
}

/// The earliest expiry of a field.
fn first_field_ms(view: &View<'_>, fields: &Map<'_>, expiries: Root) -> Result<Option<u64>, KeyspaceError> {
    let mut first = None;
    if let Map::InTree(_) = fields {
        walk(view, expiries, &[], |index_key, _| {
            first = Some(split(index_key)?.0);
            Ok(false)
        })?;
        return Ok(first);
    }
    fields.each_from(view, &[], |_, cell| {
        let expiry = Element::read(&cell)?.expire_at_ms;
        first = [first, expiry].into_iter().flatten().min();
        Ok(true)
    })?;
    Ok(first)
}

impl<'a> Hash<'a> {
    /// Number of fields.
    pub fn len(&self, view: &View<'_>) -> Result<u64, KeyspaceError> {
        let more_due = KeyspaceError::BadCell("more of its fields have expired than there are");
        self.fields.len()?.checked_sub(self.due_len(view)?).ok_or(more_due)
    }

    /// Whether there is no field.
    pub fn is_empty(&self, view: &View<'_>) -> Result<bool, KeyspaceError> {
        Ok(self.len(view)? == 0)
    }

    /// Number of expired fields.
    fn due_len(&self, view: &View<'_>) -> Result<u64, KeyspaceError> {
        if !self.timed {
            return Ok(0);
        }
        if let Map::InTree(_) = self.fields {
            return Ok(match self.now_ms.checked_add(1) {
                Some(after) => view.rank(self.expiries, &after.to_be_bytes())?,
                None => self.expiries.len(),
            });
        }
        let mut due = 0;
        self.fields.each_from(view, &[], |_, cell| {
            due += u64::from(Element::read(&cell)?.is_expired(self.now_ms));
            Ok(true)
        })?;
        Ok(due)
    }

    /// The tree of its fields' expiry times; empty if the hash is packed.
    pub(super) fn expiries(&self) -> Root {
        self.expiries
    }

    /// Whether the hash is packed in its key's cell.
    pub fn is_packed(&self) -> bool {
        self.fields.is_packed()
    }

    /// Number of positions, including those of expired fields.
    pub fn places(&self) -> Result<u64, KeyspaceError> {
        self.fields.len()
    }

    /// The element of a field.
    pub fn get(&self, view: &'a View<'_>, field: &[u8]) -> Result<Option<Element<'a>>, KeyspaceError> {
        let cell = self.fields.get(view, field)?;
        let element = cell.map(|cell| Element::read(&cell)).transpose()?;
        Ok(element.filter(|element| !element.is_expired(self.now_ms)))
    }

    /// The field at a position and its element, or `None` if it has expired.
    pub fn nth(
        &self,
        view: &'a View<'_>,
        place: u64,
    ) -> Result<Option<(Vec<u8>, Element<'a>)>, KeyspaceError> {
        let Some((field, cell)) = self.fields.nth(view, place)? else {
            return Ok(None);
        };
        let element = Element::read(&cell)?;
        Ok(Some((field, element)).filter(|_| !element.is_expired(self.now_ms)))
    }

    /// Calls `see` with the fields from `start` on and their elements, in order, until it returns `false`.
    pub fn each_from(
        &self,
        view: &View<'_>,
        start: &[u8],
        mut see: impl FnMut(&[u8], Element<'_>) -> Result<bool, KeyspaceError>,
    ) -> Result<(), KeyspaceError> {
        self.fields.each_from(view, start, |field, cell| {
            let element = Element::read(&cell)?;
            if element.is_expired(self.now_ms) { Ok(true) } else { see(field, element) }
        })
    }

    /// Up to `fields_max` expired fields, of about `bytes_max` bytes.
    pub(super) fn due(
        &self,
        view: &View<'_>,
        fields_max: u64,
        bytes_max: usize,
    ) -> Result<ItemsBuffer, KeyspaceError> {
        let (mut due, mut bytes) = (ItemsBuffer::new(), 0);
        let mut add = |field: &[u8]| {
            due.push(field);
            bytes += field.len();
            bytes < bytes_max && due.len() < fields_max
        };
        if !self.timed {
            return Ok(due);
        }
        if let Map::InTree(_) = self.fields {
            walk(view, self.expiries, &[], |index_key, _| {
                let (expiry, field) = split(index_key)?;
                Ok(expiry <= self.now_ms && add(field))
            })?;
            return Ok(due);
        }
        self.fields.each_from(view, &[], |field, cell| {
            Ok(!Element::read(&cell)?.is_expired(self.now_ms) || add(field))
        })?;
        Ok(due)
    }
}

/// A hash that is being changed.
struct HashDraft {
    /// The hash.
    draft: Draft,
    /// Whether some field may have an expiry.
    timed: bool,
}

impl HashDraft {
    /// A hash that was taken out of its cell.
    fn new(draft: Draft) -> Self {
        let timed = draft.first_field_ms().is_some();
        Self { draft, timed }
    }

    /// Stores an element's cell under a field whose expiry becomes `new_ms`; returns the old field, if there was one.
    fn put(
        &mut self,
        table: &mut TableWriter,
        field: &[u8],
        cell: ([&[u8]; 2], &[Root]),
        new_ms: Option<u64>,
    ) -> Result<Option<OldField>, KeyspaceError> {
        let (was_packed, mut old) = (self.draft.is_packed(), None);
        self.timed |= new_ms.is_some();
        self.draft.put(table, field, cell, |cell| old = Some(OldField::of(&cell)))?;
        let old = old.transpose()?;
        if was_packed && !self.draft.is_packed() {
            self.index_all(table)?;
        } else {
            let old_ms = old.as_ref().and_then(|old| old.expire_at_ms);
            self.reindex(table, field, old_ms, new_ms)?;
        }
        Ok(old)
    }

    /// Removes a field with its expiry and its trees.
    fn remove(&mut self, table: &mut TableWriter, field: &[u8]) -> Result<(), KeyspaceError> {
        let mut old = None;
        self.draft.remove(table, field, |cell| old = Some(OldField::of(&cell)))?;
        let Some(old) = old.transpose()? else { return Ok(()) };
        self.reindex(table, field, old.expire_at_ms, None)?;
        drop_field(table, Some(old))
    }

    /// Moves a field in the tree of expiry times, if the hash is in trees.
    fn reindex(
        &mut self,
        table: &mut TableWriter,
        field: &[u8],
        old_ms: Option<u64>,
        new_ms: Option<u64>,
    ) -> Result<(), KeyspaceError> {
        let Form::InTrees { roots, .. } = &mut self.draft.form else { return Ok(()) };
        if old_ms == new_ms {
            return Ok(());
        }
        if roots.len() < 2 {
            roots.push(Root::EMPTY);
        }
        if let Some(old) = old_ms {
            table.remove(&mut roots[1], &index_key(old, field))?;
        }
        if let Some(new) = new_ms {
            table.insert(&mut roots[1], &index_key(new, field), &[], &[])?;
        }
        if roots[1].is_empty() {
            roots.truncate(1);
        }
        Ok(())
    }

    /// Puts all fields with an expiry into the tree of expiry times, after the hash was unpacked.
    fn index_all(&mut self, table: &mut TableWriter) -> Result<(), KeyspaceError> {
        if !self.timed {
            return Ok(());
        }
        let mut timed = Vec::new();
        self.draft.map().each_from(&table.view(), &[], |field, cell| {
            if let Some(expiry) = Element::read(&cell)?.expire_at_ms {
                timed.push((field.to_vec(), expiry));
            }
            Ok(true)
        })?;
        timed.iter().try_for_each(|(field, expiry)| self.reindex(table, field, None, Some(*expiry)))
    }

    /// Puts the hash back into its cell.
    fn store(self, table: &mut TableWriter, place: (usize, &[u8])) -> Result<(), KeyspaceError> {
        let first_field_ms = match self.timed {
            true => first_field_ms(&table.view(), &self.draft.map(), self.expiries())?,
            false => None,
        };
        self.draft.store(table, place, first_field_ms)
    }

    /// The tree of expiry times.
    fn expiries(&self) -> Root {
        match &self.draft.form {
            Form::InTrees { roots, .. } => roots.get(1).copied().unwrap_or(Root::EMPTY),
            Form::Packed(_) => Root::EMPTY,
        }
    }
}

/// A field as it was.
struct OldField {
    /// Its expiry.
    expire_at_ms: Option<u64>,
    /// Its trees.
    roots: CellRoots,
}

impl OldField {
    /// Expiry and trees in a field's cell.
    fn of(cell: &Cell<'_>) -> Result<Self, KeyspaceError> {
        Ok(Self { expire_at_ms: Element::read(cell)?.expire_at_ms, roots: cell.roots })
    }
}

/// Makes the change.
pub(super) fn apply(
    table: &mut TableWriter,
    place: (usize, &[u8]),
    change: &HashChange<'_>,
) -> Result<(), KeyspaceError> {
    match *change {
        HashChange::Set { pairs, expire_at_ms } => set(table, place, pairs, expire_at_ms),
        HashChange::Delete { fields, .. } => delete(table, place, fields, change.name()),
        HashChange::Expire { fields, expire_at_ms } => {
            expire(table, place, fields, expire_at_ms, change.name())
        }
    }
}

/// Sets fields of a hash. Creates the hash if it is missing.
fn set(
    table: &mut TableWriter,
    place: (usize, &[u8]),
    pairs: Items<'_>,
    expire_at_ms: Option<u64>,
) -> Result<(), KeyspaceError> {
    let draft = Draft::open_or_new(table, place, Kind::Hash, "hset")?;
    let mut hash = HashDraft::new(draft);
    for (field, value) in pairs.pairs() {
        let (bytes, pieces) = element::new(table, expire_at_ms, value)?;
        let old = hash.put(table, field, (bytes.pieces(), pieces.as_slice()), expire_at_ms)?;
        drop_field(table, old)?;
    }
    hash.store(table, place)
}

/// Removes fields from a hash.
fn delete(
    table: &mut TableWriter,
    place: (usize, &[u8]),
    fields: Items<'_>,
    effect: &'static str,
) -> Result<(), KeyspaceError> {
    let mut hash = HashDraft::new(Draft::open(table, place, Kind::Hash, effect)?);
    for field in fields {
        hash.remove(table, field)?;
    }
    hash.store(table, place)
}

/// Gives fields of a hash another expiry.
fn expire(
    table: &mut TableWriter,
    place: (usize, &[u8]),
    fields: Items<'_>,
    expire_at_ms: Option<u64>,
    effect: &'static str,
) -> Result<(), KeyspaceError> {
    let mut hash = HashDraft::new(Draft::open(table, place, Kind::Hash, effect)?);
    for field in fields {
        let (bytes, roots) = {
            let view = table.view();
            let Some(cell) = hash.draft.map().get(&view, field)? else { continue };
            (cell.bytes.to_vec(), cell.roots)
        };
        let bytes = element::with_expiry(&bytes, expire_at_ms)?;
        hash.put(table, field, (bytes.pieces(), roots.as_slice()), expire_at_ms)?;
    }
    hash.store(table, place)
}

/// Frees the trees that a field had.
fn drop_field(table: &mut TableWriter, old: Option<OldField>) -> Result<(), KeyspaceError> {
    let Some(old) = old else { return Ok(()) };
    old.roots.iter().try_for_each(|root| table.drop_tree(*root).map_err(KeyspaceError::from))
}
