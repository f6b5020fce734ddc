//! Streams: entries in the order of their IDs, and groups that read them.
//!
//! ```text
//! payload = last id 16 | entries added u64 LE | highest deleted id 16 | groups made u64 LE
//!           | length u8 of the fields | fields | packed entries
//! trees     none while the entries are packed and there are no groups; else
//!           first   id -> entry, see `stream_entry`; empty while the entries are packed
//!           second  the groups, see `stream_group`
//! ```
//!
//! - Each entry has a cell of its own, so the tree's counts give the length, and the position of any ID, in O(log n),
//!   and a cut at any position costs the same however much it removes. What many entries in one cell would save is
//!   saved otherwise: pages keep the common start of their IDs once, and the stream keeps the *fields* of its first
//!   entry once. Entries with the same fields have only values.
//! - Few entries are packed in the key's cell: the items are id, entry ... in ascending order, see `packed`.
//! - A stream without entries stays. Its next first entry decides about the fields.
//!
//! `stream_change` changes streams.

use super::cell::{Kind, Value};
use super::collection::Map;
use super::error::KeyspaceError;
use super::packed::{Packed, Width};
use super::stream_entry::StreamEntry;
use crate::effect::{ENTRY_ID_BYTES, EntryId};
use crate::table::{Cell, CellRoots, Root, View};

/// The longest fields that a stream keeps, in bytes.
pub(super) const FIELDS_BYTES_MAX: usize = 128;
/// Bytes of the payload before the fields.
pub(super) const HEAD_BYTES: usize = 2 * ENTRY_ID_BYTES + 16 + 1;

/// What a stream remembers of all entries that it ever had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamPast {
    /// The ID of the last one.
    pub last: EntryId,
    /// How many were added.
    pub added: u64,
    /// The highest ID of those that were deleted one by one.
    pub max_deleted: EntryId,
    /// How many groups were created.
    pub(super) groups_made: u64,
}

impl StreamPast {
    /// Reads the payload of a stream: returns what comes first, the fields, and the packed entries.
    pub(super) fn read(payload: &[u8]) -> Result<(Self, &[u8], &[u8]), KeyspaceError> {
        const CUT: KeyspaceError = KeyspaceError::BadCell("a stream that is cut off");
        let (head, rest) = payload.split_first_chunk::<HEAD_BYTES>().ok_or(CUT)?;
        let id = |at: usize| EntryId::from_bytes(&head[at..at + ENTRY_ID_BYTES]).ok_or(CUT);
        let number = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("eight bytes"));
        let past = Self { last: id(0)?, added: number(16), max_deleted: id(24)?, groups_made: number(40) };
        let (fields, packed) = rest.split_at_checked(usize::from(head[48])).ok_or(CUT)?;
        Ok((past, fields, packed))
    }

    /// The payload of a stream.
    pub(super) fn payload(&self, fields: &[u8], packed: &[u8]) -> Vec<u8> {
        let mut payload = Vec::with_capacity(HEAD_BYTES + fields.len() + packed.len());
        payload.extend_from_slice(&self.last.to_bytes());
        payload.extend_from_slice(&self.added.to_le_bytes());
        payload.extend_from_slice(&self.max_deleted.to_bytes());
        payload.extend_from_slice(&self.groups_made.to_le_bytes());
        payload.push(fields.len() as u8);
        payload.extend_from_slice(fields);
        payload.extend_from_slice(packed);
        payload
    }
}

/// A stream, read.
///
/// The view that is passed in must be the one that the key's value was read from.
#[derive(Clone, Copy, Debug)]
pub struct Stream<'a> {
    /// What it remembers.
    pub past: StreamPast,
    /// The fields that it keeps.
    fields: &'a [u8],
    /// Its entries.
    entries: Map<'a>,
    /// Its groups.
    pub(super) groups: Root,
}

impl<'a> Value<'a> {
    /// The stream, or `None` if the value is of another type.
    pub fn stream(&self) -> Result<Option<Stream<'a>>, KeyspaceError> {
        if self.kind != Kind::Stream {
            return Ok(None);
        }
        let (past, fields, packed) = StreamPast::read(self.payload)?;
        let root = |index: usize| self.roots.get(index).copied().unwrap_or(Root::EMPTY);
        let entries = match root(0) {
            tree if tree.is_empty() => Map::Packed(Packed(packed), Width::KeyAndCell),
            tree => Map::InTree(tree),
        };
        Ok(Some(Stream { past, fields, entries, groups: root(1) }))
    }
}

/// IDs from the first on up to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdRange {
    /// The first ID.
    pub first: EntryId,
    /// The last ID.
    pub last: EntryId,
}

impl IdRange {
    /// All IDs.
    pub const ALL: IdRange = IdRange { first: EntryId::MIN, last: EntryId::MAX };

    /// One ID.
    pub fn one(id: EntryId) -> Self {
        Self { first: id, last: id }
    }

    /// The IDs after one; `None` if there are none.
    pub fn after(id: EntryId) -> Option<Self> {
        Some(Self { first: id.next()?, last: EntryId::MAX })
    }

    /// Whether it has this ID.
    fn has(&self, id: EntryId) -> bool {
        self.first <= id && id <= self.last
    }
}

/// The ID that the key of an entry is.
pub(super) fn entry_id(key: &[u8]) -> Result<EntryId, KeyspaceError> {
    EntryId::from_bytes(key).ok_or(KeyspaceError::BadCell("an entry whose key is no ID"))
}

impl<'a> Stream<'a> {
    /// Number of entries.
    pub fn len(&self) -> Result<u64, KeyspaceError> {
        self.entries.len()
    }

    /// Number of cells to go through for all of it: its entries, and what its groups hold.
    pub fn cells(&self) -> Result<u64, KeyspaceError> {
        Ok(self.len()? + self.groups.len())
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether there is an entry with this ID.
    pub fn contains(&self, view: &View<'_>, id: EntryId) -> Result<bool, KeyspaceError> {
        Ok(self.entries.get(view, &id.to_bytes())?.is_some())
    }

    /// Number of entries with lower IDs.
    pub fn position(&self, view: &View<'_>, id: EntryId) -> Result<u64, KeyspaceError> {
        let key = id.to_bytes();
        match self.entries {
            Map::InTree(root) => Ok(view.rank(root, &key)?),
            Map::Packed(packed, width) => {
                let mut below = 0;
                for entry in packed.entries(width) {
                    below += u64::from(*entry?.key < key[..]);
                }
                Ok(below)
            }
        }
    }

    /// The ID of the entry at a position.
    pub fn id_at(&self, view: &View<'_>, position: u64) -> Result<Option<EntryId>, KeyspaceError> {
        self.entries.nth(view, position)?.map(|(key, _)| entry_id(&key)).transpose()
    }

    /// The ID of the first entry.
    pub fn first(&self, view: &View<'_>) -> Result<Option<EntryId>, KeyspaceError> {
        self.id_at(view, 0)
    }

    /// The ID of the last entry.
    pub fn last(&self, view: &View<'_>) -> Result<Option<EntryId>, KeyspaceError> {
        let len = self.len()?;
        if len == 0 { Ok(None) } else { self.id_at(view, len - 1) }
    }

    /// Calls `see` with the entries in a range, from either end, until it returns `false`.
    pub fn each<E: From<KeyspaceError>>(
        &self,
        view: &View<'_>,
        range: IdRange,
        reverse: bool,
        mut see: impl FnMut(EntryId, &StreamEntry<'_>) -> Result<bool, E>,
    ) -> Result<(), E> {
        let mut show = |key: &[u8], cell: &Cell<'_>| {
            let id = entry_id(key)?;
            Ok(range.has(id) && see(id, &StreamEntry::read(view, self.fields, cell)?)?)
        };
        match self.entries {
            Map::Packed(packed, _) => each_packed(packed, range, reverse, show),
            Map::InTree(root) => {
                let mut cursor = view.cursor(root);
                let found = |error| E::from(KeyspaceError::from(error));
                let mut next = match (reverse, range.last.next()) {
                    (false, _) => cursor.seek(&range.first.to_bytes()).map_err(found)?,
                    (true, None) => cursor.seek_last().map_err(found)?,
                    (true, Some(behind)) => {
                        cursor.seek(&behind.to_bytes()).map_err(found)?;
                        cursor.prev().map_err(found)?
                    }
                };
                while let Some((key, cell)) = next {
                    if !show(key, &cell)? {
                        break;
                    }
                    next =
                        if reverse { cursor.prev().map_err(found)? } else { cursor.next().map_err(found)? };
                }
                Ok(())
            }
        }
    }

    /// Number of entries that a reader which has read up to `id` had to read before, if that can be known: what `lag` and
    /// the counts of groups start from.
    pub fn read_up_to(&self, view: &View<'_>, id: EntryId) -> Result<Option<u64>, KeyspaceError> {
        let (len, past) = (self.len()?, &self.past);
        if past.added == 0 {
            return Ok(Some(0));
        }
        if len == 0 && id <= past.last {
            return Ok(Some(past.added));
        }
        if id >= past.last {
            return Ok((id == past.last).then_some(past.added));
        }
        let first = self.first(view)?.unwrap_or_default();
        let is_whole = past.max_deleted == EntryId::MIN || past.max_deleted < first;
        Ok(match is_whole {
            true if id < first => Some(past.added.wrapping_sub(len)),
            true if id == first => Some(past.added.wrapping_sub(len).wrapping_add(1)),
            _ => None,
        })
    }

    /// Whether entries from `start` on were deleted one by one, so that those that are left cannot be counted by
    /// subtraction. As in Redis, this is not asked of those before the first entry.
    pub fn has_gaps_from(&self, view: &View<'_>, start: EntryId) -> Result<bool, KeyspaceError> {
        let max_deleted = self.past.max_deleted;
        if max_deleted == EntryId::MIN || start > max_deleted {
            return Ok(false);
        }
        Ok(self.first(view)?.is_some_and(|first| first <= max_deleted))
    }
}

/// [`Stream::each`] of packed entries.
fn each_packed<E: From<KeyspaceError>>(
    packed: Packed<'_>,
    range: IdRange,
    reverse: bool,
    mut show: impl FnMut(&[u8], &Cell<'_>) -> Result<bool, E>,
) -> Result<(), E> {
    let mut found = Vec::new();
    for entry in packed.entries(Width::KeyAndCell) {
        let entry = entry?;
        if range.has(entry_id(entry.key)?) {
            found.push((entry.key, Cell { bytes: entry.cell, roots: CellRoots::NONE }));
        }
    }
    if reverse {
        found.reverse();
    }
    for (key, cell) in found {
        if !show(key, &cell)? {
            break;
        }
    }
    Ok(())
}
