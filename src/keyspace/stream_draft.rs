//! A stream that was taken out of its cell to be changed. The entries are laid out as [`stream`](super::stream) says.

use smallvec::SmallVec;

use super::cell::{self, CellBytes, Kind};
use super::collection::PACKED_BYTES_MAX;
use super::error::KeyspaceError;
use super::lookup::lookup;
use super::packed::{Packed, PackedBytes, Width, packed_bytes, splice};
use super::put::{Expiries, Old, put};
use super::stream::{FIELDS_BYTES_MAX, StreamPast};
use super::stream_entry::{self, WordBytes};
use super::walk::walk;
use crate::effect::{EntryId, Items};
use crate::table::{CellRoots, Remover, Root, TableWriter};

/// Maximum number of bytes of entries that are packed again: well below [`PACKED_BYTES_MAX`], so that a stream does not go
/// back and forth.
const REPACKED_BYTES_MAX: usize = 512;
/// Maximum number of entries that are packed again.
const REPACKED_ENTRIES_MAX: u64 = 16;

/// A stream that was taken out of its cell to be changed.
pub(super) struct StreamDraft {
    /// The key's expiry.
    expire_at_ms: Option<u64>,
    /// What the stream remembers.
    pub past: StreamPast,
    /// The fields that it keeps.
    fields: WordBytes,
    /// The entries, if they are packed.
    packed: PackedBytes,
    /// The tree of the entries; empty if they are packed.
    entries: Root,
    /// The tree of the groups.
    pub groups: Root,
}

impl StreamDraft {
    /// The stream at `key`. If the key is missing, the stream is an empty one if the effect `creates` it; else the effect does
    /// not fit the data. `effect` is its name.
    pub fn open(
        table: &TableWriter,
        (db, key): (usize, &[u8]),
        effect: &'static str,
        creates: bool,
    ) -> Result<Self, KeyspaceError> {
        let view = table.view();
        let Some(value) = lookup(&view, db, key)? else {
            let reason = "its key does not exist";
            return if creates { Ok(Self::empty()) } else { Err(KeyspaceError::Mismatch { effect, reason }) };
        };
        if value.kind != Kind::Stream {
            return Err(KeyspaceError::Mismatch { effect, reason: "its key holds another type" });
        }
        let (past, fields, packed) = StreamPast::read(value.payload)?;
        let root = |index: usize| value.roots.get(index).copied().unwrap_or(Root::EMPTY);
        Ok(Self {
            expire_at_ms: value.expire_at_ms,
            past,
            fields: WordBytes::from_slice(fields),
            packed: packed.to_vec(),
            entries: root(0),
            groups: root(1),
        })
    }

    /// A stream that was just created.
    fn empty() -> Self {
        Self {
            expire_at_ms: None,
            past: StreamPast::default(),
            fields: WordBytes::new(),
            packed: PackedBytes::new(),
            entries: Root::EMPTY,
            groups: Root::EMPTY,
        }
    }

    /// Whether there is no entry.
    fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.packed.is_empty()
    }

    /// Adds an entry, whose ID is above all others.
    pub fn add(
        &mut self,
        table: &mut TableWriter,
        id: EntryId,
        entry: Items<'_>,
    ) -> Result<(), KeyspaceError> {
        if self.is_empty() {
            self.fields = stream_entry::fields_of(entry, FIELDS_BYTES_MAX).unwrap_or_default();
        }
        let (cell, pieces) = stream_entry::new(table, &self.fields, entry)?;
        let key = id.to_bytes();
        if self.entries.is_empty() {
            let items: [&[u8]; 2] = [&key, &cell];
            let end = self.packed.len();
            if pieces.is_none() && end + packed_bytes(&items) <= PACKED_BYTES_MAX {
                splice(&mut self.packed, end..end, &items);
                return Ok(());
            }
            self.unpack(table)?;
        }
        table.insert(&mut self.entries, &key, &cell, pieces.as_slice())?;
        Ok(())
    }

    /// Moves packed entries into a tree.
    fn unpack(&mut self, table: &mut TableWriter) -> Result<(), KeyspaceError> {
        for entry in Packed(&self.packed).entries(Width::KeyAndCell) {
            let entry = entry?;
            table.insert(&mut self.entries, entry.key, entry.cell, &[])?;
        }
        self.packed.clear();
        Ok(())
    }

    /// Deletes entries, which must exist.
    pub fn delete(&mut self, table: &mut TableWriter, ids: Items<'_>) -> Result<(), KeyspaceError> {
        const MISSING: KeyspaceError =
            KeyspaceError::Mismatch { effect: "xdel", reason: "its entry does not exist" };
        if self.entries.is_empty() {
            for key in ids {
                let found = Packed(&self.packed).find(Width::KeyAndCell, key)?;
                let range = found.map_err(|_| MISSING)?.range;
                splice(&mut self.packed, range, &[]);
            }
            return Ok(());
        }
        let mut ids: SmallVec<[&[u8]; 8]> = ids.iter().collect();
        ids.sort_unstable();
        let mut remover = Remover::new(self.entries);
        let mut trees: SmallVec<[CellRoots; 4]> = SmallVec::new();
        for key in ids {
            let roots = remover.extract(table, key, |_| ())?.ok_or(MISSING)?;
            if !roots.is_empty() {
                trees.push(roots);
            }
        }
        self.entries = remover.finish(table);
        for tree in trees.iter().flat_map(|roots| roots.as_slice()) {
            table.drop_tree(*tree)?;
        }
        self.repack(table)
    }

    /// Deletes the entries up to an ID.
    pub fn trim(&mut self, table: &mut TableWriter, up_to: EntryId) -> Result<(), KeyspaceError> {
        let up_to = up_to.to_bytes();
        if self.entries.is_empty() {
            let mut end = 0;
            for entry in Packed(&self.packed).entries(Width::KeyAndCell) {
                let entry = entry?;
                if *entry.key > up_to[..] {
                    break;
                }
                end = entry.range.end;
            }
            self.packed.drain(..end);
            return Ok(());
        }
        // The first key after that one.
        let behind = [&up_to[..], &[0]].concat();
        table.cut(&mut self.entries, &[], Some(&behind))?;
        self.repack(table)
    }

    /// Packs entries that became few, and frees their tree.
    fn repack(&mut self, table: &mut TableWriter) -> Result<(), KeyspaceError> {
        if self.entries.is_empty() || self.entries.len() > REPACKED_ENTRIES_MAX {
            return Ok(());
        }
        let (mut packed, mut fits) = (PackedBytes::new(), true);
        walk(&table.view(), self.entries, &[], |key, cell| {
            let (items, end) = ([key, cell.bytes], packed.len());
            fits = cell.roots.is_empty() && end + packed_bytes(&items) <= REPACKED_BYTES_MAX;
            if fits {
                splice(&mut packed, end..end, &items);
            }
            Ok(fits)
        })?;
        if fits {
            table.drop_tree(self.entries)?;
            (self.entries, self.packed) = (Root::EMPTY, packed);
        }
        Ok(())
    }

    /// Puts the stream back into its cell.
    pub fn store(self, table: &mut TableWriter, place: (usize, &[u8])) -> Result<(), KeyspaceError> {
        let roots = [self.entries, self.groups];
        let in_trees = roots.iter().any(|root| !root.is_empty());
        let payload = self.past.payload(&self.fields, &self.packed);
        let cell: CellBytes<'_> =
            cell::collection(Kind::Stream, self.expire_at_ms, false, in_trees, &payload);
        let expiries = Expiries { key: self.expire_at_ms, first_field: None };
        let roots = if in_trees { &roots[..] } else { &[] };
        put(table, place, (cell.pieces(), roots), Old::kept(expiries), expiries)
    }
}
