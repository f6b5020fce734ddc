//! Changing a collection, whatever its type: [`Draft::open`] takes it out of its cell, `put` and `remove` change it,
//! and [`Draft::store`] puts it back. A type with more trees than the map changes them in between, and builds them when
//! [`Draft::put`] has unpacked the collection.

use smallvec::SmallVec;

use super::cell::{self, Kind};
use super::collection::{Collection, Map, PACKED_BYTES_MAX, width};
use super::error::KeyspaceError;
use super::lookup::lookup;
use super::packed::{Packed, PackedBytes, Width, packed_bytes, splice};
use super::put::{Expiries, Old, put};
use super::walk::walk;
use crate::effect::Items;
use crate::table::{CELL_ROOTS_MAX, Cell, CellRoots, Remover, Root, TableWriter, View};

/// Maximum number of bytes of a collection that is packed again. It is well below [`PACKED_BYTES_MAX`], so that a
/// collection does not go back and forth.
const REPACKED_BYTES_MAX: usize = 512;
/// Maximum number of entries of a collection that is packed again.
const REPACKED_ENTRIES_MAX: u64 = 16;

/// A collection that was taken out of its cell to be changed.
pub(super) struct Draft {
    /// Its type.
    kind: Kind,
    /// The key's expiry.
    expire_at_ms: Option<u64>,
    /// The earliest expiry of a field, as the index of the database has it.
    first_field_ms: Option<u64>,
    /// Where it is.
    pub form: Form,
    /// Whether anything was removed.
    shrunk: bool,
}

/// What a type keeps besides the trees of a collection.
pub(super) type Header = SmallVec<[u8; 16]>;

/// Where a collection is.
pub(super) enum Form {
    /// To be packed in the key's cell.
    Packed(PackedBytes),
    /// In trees.
    InTrees {
        /// What the type keeps besides the trees.
        header: Header,
        /// The trees, at least one.
        roots: SmallVec<[Root; CELL_ROOTS_MAX]>,
    },
}

impl Draft {
    /// An empty collection.
    pub fn new(kind: Kind) -> Self {
        let form = Form::Packed(PackedBytes::new());
        Self { kind, expire_at_ms: None, first_field_ms: None, form, shrunk: false }
    }

    /// The collection at `key`. `effect` is the name of the effect that opens it; if the key is missing or has another
    /// type, the effect does not fit the data.
    pub fn open(
        table: &TableWriter,
        place: (usize, &[u8]),
        kind: Kind,
        effect: &'static str,
    ) -> Result<Self, KeyspaceError> {
        let mut draft = Self::new(kind);
        if !draft.load(table, place, effect)? {
            return Err(KeyspaceError::Mismatch { effect, reason: "its key does not exist" });
        }
        Ok(draft)
    }

    /// Like [`Draft::open`], but a missing collection is empty.
    pub fn open_or_new(
        table: &TableWriter,
        place: (usize, &[u8]),
        kind: Kind,
        effect: &'static str,
    ) -> Result<Self, KeyspaceError> {
        let mut draft = Self::new(kind);
        draft.load(table, place, effect)?;
        Ok(draft)
    }

    /// Loads the collection at `key`; `false` if there is no such key.
    fn load(
        &mut self,
        table: &TableWriter,
        (db, key): (usize, &[u8]),
        effect: &'static str,
    ) -> Result<bool, KeyspaceError> {
        let view = table.view();
        let Some(value) = lookup(&view, db, key)? else { return Ok(false) };
        self.form = match value.collection(self.kind) {
            Some(Collection::Packed(packed)) => Form::Packed(packed.0.to_vec()),
            Some(Collection::InTrees { header, roots }) => Form::InTrees {
                header: Header::from_slice(header),
                roots: SmallVec::from_slice(roots.as_slice()),
            },
            None => return Err(KeyspaceError::Mismatch { effect, reason: "its key holds another type" }),
        };
        self.first_field_ms = value.first_field_ms(&view)?;
        self.expire_at_ms = value.expire_at_ms;
        Ok(true)
    }

    /// The collection as a map.
    pub fn map(&self) -> Map<'_> {
        match &self.form {
            Form::Packed(items) => Map::Packed(Packed(items), width(self.kind)),
            Form::InTrees { roots, .. } => Map::InTree(roots[0]),
        }
    }

    /// The earliest expiry of a field at the time when the collection was opened.
    pub fn first_field_ms(&self) -> Option<u64> {
        self.first_field_ms
    }

    /// Whether the collection is packed.
    pub fn is_packed(&self) -> bool {
        matches!(self.form, Form::Packed(_))
    }

    /// Sets the cell of `key`, its bytes in two pieces, and shows `see` the old cell, whose trees the caller drops.
    /// Unpacks the collection if it becomes too large, or if the cell has trees.
    pub fn put(
        &mut self,
        table: &mut TableWriter,
        key: &[u8],
        (bytes, trees): ([&[u8]; 2], &[Root]),
        see: impl FnOnce(Cell<'_>),
    ) -> Result<(), KeyspaceError> {
        let width = width(self.kind);
        if let Form::Packed(packed) = &mut self.form {
            let mut cell = SmallVec::<[u8; 128]>::from_slice(bytes[0]);
            cell.extend_from_slice(bytes[1]);
            let items = [key, &cell];
            let items = if width == Width::Key { &items[..1] } else { &items[..] };
            let found = Packed(packed).find(width, key)?;
            let range = match &found {
                Ok(entry) => entry.range.clone(),
                Err(at) => *at..*at,
            };
            let len = packed.len() - range.len() + packed_bytes(items);
            if trees.is_empty() && len <= PACKED_BYTES_MAX {
                if let Ok(entry) = found {
                    see(Cell { bytes: entry.cell, roots: CellRoots::NONE });
                }
                splice(packed, range, items);
                return Ok(());
            }
        }
        let roots = self.unpack(table)?;
        table.replace(&mut roots[0], key, bytes, trees, see)?;
        Ok(())
    }

    /// Removes `key` and shows `see` its cell. Returns the cell's trees, which the caller drops, or `None` if the key
    /// was not there.
    pub fn remove(
        &mut self,
        table: &mut TableWriter,
        key: &[u8],
        see: impl FnOnce(Cell<'_>),
    ) -> Result<Option<CellRoots>, KeyspaceError> {
        let removed = match &mut self.form {
            Form::Packed(packed) => match Packed(packed).find(width(self.kind), key)? {
                Ok(entry) => {
                    see(Cell { bytes: entry.cell, roots: CellRoots::NONE });
                    let range = entry.range;
                    splice(packed, range, &[]);
                    Some(CellRoots::NONE)
                }
                Err(_) => None,
            },
            Form::InTrees { roots, .. } => table.extract(&mut roots[0], key, see)?,
        };
        self.shrunk |= removed.is_some();
        Ok(removed)
    }

    /// Removes keys whose cells have no trees, and shows `see` each one that was there with its cell, in any order.
    pub fn remove_all<'k>(
        &mut self,
        table: &mut TableWriter,
        keys: Items<'k>,
        mut see: impl FnMut(&'k [u8], Cell<'_>) -> Result<(), KeyspaceError>,
    ) -> Result<(), KeyspaceError> {
        let mut seen = Ok(());
        let mut note = |key, cell: Cell<'_>| {
            if seen.is_ok() {
                seen = see(key, cell);
            }
        };
        let Form::InTrees { roots, .. } = &mut self.form else {
            keys.iter().try_for_each(|key| self.remove(table, key, |cell| note(key, cell)).map(drop))?;
            return seen;
        };
        // In their order, so that those on one page are removed together.
        let mut keys: SmallVec<[&[u8]; 8]> = keys.iter().collect();
        keys.sort_unstable();
        let mut remover = Remover::new(roots[0]);
        for key in keys {
            self.shrunk |= remover.extract(table, key, |cell| note(key, cell))?.is_some();
        }
        roots[0] = remover.finish(table);
        seen
    }

    /// Moves the map into a tree, if it is packed. Returns the collection's trees, the map first.
    pub fn unpack(
        &mut self,
        table: &mut TableWriter,
    ) -> Result<&mut SmallVec<[Root; CELL_ROOTS_MAX]>, KeyspaceError> {
        if let Form::Packed(packed) = &self.form {
            let mut root = Root::EMPTY;
            for entry in Packed(packed).entries(width(self.kind)) {
                let entry = entry?;
                table.insert(&mut root, entry.key, entry.cell, &[])?;
            }
            self.form = Form::InTrees { header: Header::new(), roots: SmallVec::from_slice(&[root]) };
        }
        match &mut self.form {
            Form::InTrees { roots, .. } => Ok(roots),
            Form::Packed(_) => unreachable!("it was unpacked above"),
        }
    }

    /// Packs a collection that became small, and frees its trees.
    fn repack(&mut self, table: &mut TableWriter) -> Result<(), KeyspaceError> {
        let Form::InTrees { roots, .. } = &self.form else { return Ok(()) };
        if roots[0].len() > REPACKED_ENTRIES_MAX {
            return Ok(());
        }
        let Some(packed) = pack(&table.view(), roots[0], width(self.kind))? else { return Ok(()) };
        for root in roots {
            table.drop_tree(*root)?;
        }
        self.form = Form::Packed(packed);
        Ok(())
    }

    /// Puts the collection back into its cell. `first_field_ms` is the earliest expiry of its fields.
    pub fn store(
        mut self,
        table: &mut TableWriter,
        (db, key): (usize, &[u8]),
        first_field_ms: Option<u64>,
    ) -> Result<(), KeyspaceError> {
        // A list has no map; it packs itself.
        if self.shrunk && self.kind != Kind::List {
            self.repack(table)?;
        }
        let timed = first_field_ms.is_some();
        let expiries = Expiries { key: self.expire_at_ms, first_field: first_field_ms };
        let old = Old::kept(Expiries { key: self.expire_at_ms, first_field: self.first_field_ms });
        match &self.form {
            Form::Packed(items) => {
                let cell = cell::collection(self.kind, self.expire_at_ms, timed, false, items);
                put(table, (db, key), (cell.pieces(), &[]), old, expiries)
            }
            Form::InTrees { header, roots } => {
                let cell = cell::collection(self.kind, self.expire_at_ms, timed, true, header);
                put(table, (db, key), (cell.pieces(), roots), old, expiries)
            }
        }
    }
}

/// The map in a tree as packed entries, if they are small and have no trees of their own.
fn pack(view: &View<'_>, root: Root, width: Width) -> Result<Option<PackedBytes>, KeyspaceError> {
    let mut packed = PackedBytes::new();
    let mut fits = true;
    walk(view, root, &[], |key, cell| {
        let items = [key, cell.bytes];
        let items = if width == Width::Key { &items[..1] } else { &items[..] };
        if !cell.roots.is_empty() || packed.len() + packed_bytes(items) > REPACKED_BYTES_MAX {
            fits = false;
            return Ok(false);
        }
        let end = packed.len();
        splice(&mut packed, end..end, items);
        Ok(true)
    })?;
    Ok(fits.then_some(packed))
}
