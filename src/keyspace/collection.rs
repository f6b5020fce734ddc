//! What all collections share: small ones packed in the key's cell, large ones in trees of their own.
//!
//! ```text
//! packed    payload = items, see `packed`; no trees
//! in trees  payload = what the type keeps beside its trees, mostly nothing; up to three trees, the type's own
//! ```
//!
//! Sets, hashes and the members of sorted sets are *maps*: keys in the order of their bytes, each with a cell. Packed,
//! they are runs of entries; in trees, the first tree is the map. A [`Map`] reads one either way, a [`Draft`] changes it.
//! A list has no keys: it lays out its items, or its first tree, itself.
//!
//! Way of a change: [`Draft::open`] takes the collection out of its cell ([`Draft::new`] if the key is missing), `put`
//! and `remove` change it, and [`Draft::store`] puts it back. A type that keeps more trees than the map changes them in
//! between, and builds them when [`Draft::put`] unpacked the collection.
//!
//! Invariants
//! - Which form a collection has follows from what happened to it, never from a clock or a setting, so replay arrives at
//!   the same bytes. It is unpacked when it grows past [`PACKED_BYTES_MAX`], or when a value needs a tree of its own; it
//!   is packed again when a removal leaves few enough entries to be looked at in passing.
//! - An empty collection exists within a record only: the effect that follows deletes the key.

use smallvec::SmallVec;

use super::apply::{Deadlines, Old, put};
use super::cell::{self, Kind, Value};
use super::packed::{Entries, Packed, PackedBytes, Width, packed_bytes, splice};
use super::{KeyspaceError, check_depth, keys_slot, reader, walk};
use crate::table::{
    CELL_BYTES_MAX, CELL_ROOTS_MAX, Cell, CellRoots, Cursor, PAGE_BYTES, Root, TableWriter, View,
};

/// Bytes of a packed collection, at most.
pub const PACKED_BYTES_MAX: usize = 1024;
/// Bytes of a collection that is packed again, at most: far enough below, so that it does not go to and fro.
const REPACKED_BYTES_MAX: usize = 512;
/// Bytes that a cell takes in a page besides its key and bytes.
const CELL_OVERHEAD_BYTES: usize = 16;
/// Entries of a collection that is packed again, at most.
const REPACKED_ENTRIES_MAX: u64 = 16;

const _: () = assert!(9 + PACKED_BYTES_MAX <= CELL_BYTES_MAX);

/// A collection, read.
#[derive(Clone, Copy, Debug)]
pub enum Collection<'a> {
    /// In the key's cell.
    Packed(Packed<'a>),
    /// In trees of its own.
    InTrees {
        /// What the type keeps beside them.
        header: &'a [u8],
        /// The trees.
        roots: CellRoots,
    },
}

impl<'a> Value<'a> {
    /// The collection, or `None` if the value is of another type than `kind`.
    pub fn collection(&self, kind: Kind) -> Option<Collection<'a>> {
        if self.kind != kind || kind == Kind::String {
            return None;
        }
        Some(match self.in_trees {
            false => Collection::Packed(Packed(self.payload)),
            true => Collection::InTrees { header: self.payload, roots: self.roots },
        })
    }

    /// The collection as a map, or `None` if the value is of another type than `kind`.
    pub fn map(&self, kind: Kind) -> Option<Map<'a>> {
        self.collection(kind).map(|collection| Map::new(collection, width(kind)))
    }
}

/// Cells of a tree that are looked at to estimate the size of all.
const SAMPLES: u64 = 16;

impl Value<'_> {
    /// About how many bytes of the table a collection takes, from a few samples of its trees.
    pub fn estimate_bytes(&self, view: &View<'_>) -> Result<u64, KeyspaceError> {
        let mut bytes = self.payload.len() as u64;
        for root in self.roots.as_slice() {
            bytes = bytes.saturating_add(estimate_tree(view, *root, 0)?);
        }
        Ok(bytes)
    }
}

/// About how many bytes a tree takes, with the trees in its cells.
fn estimate_tree(view: &View<'_>, root: Root, depth: usize) -> Result<u64, KeyspaceError> {
    check_depth(depth)?;
    let (len, samples) = (root.len(), root.len().min(SAMPLES));
    if samples == 0 {
        return Ok(0);
    }
    let mut bytes: u64 = 0;
    for sample in 0..samples {
        let Some((key, cell)) = view.nth(root, sample * len / samples)? else { continue };
        bytes += (key.len() + cell.bytes.len() + CELL_OVERHEAD_BYTES) as u64;
        for nested in cell.roots.as_slice() {
            bytes = bytes.saturating_add(estimate_tree(view, *nested, depth + 1)?);
        }
    }
    // Pages are rarely full.
    let bytes = u128::from(bytes) * u128::from(len) / u128::from(samples) * 4 / 3;
    Ok(u64::try_from(bytes).unwrap_or(u64::MAX).max(PAGE_BYTES as u64))
}

/// How many packed items make an entry of this type.
fn width(kind: Kind) -> Width {
    if kind == Kind::Set { Width::Key } else { Width::KeyAndCell }
}

/// Keys in the order of their bytes, each with a cell.
///
/// The view that is passed in must be the one that the key's value was read from.
#[derive(Clone, Copy, Debug)]
pub enum Map<'a> {
    /// Entries in the key's cell.
    Packed(Packed<'a>, Width),
    /// A tree.
    InTree(Root),
}

impl<'a> Map<'a> {
    /// The map of a collection.
    fn new(collection: Collection<'a>, width: Width) -> Self {
        match collection {
            Collection::Packed(packed) => Map::Packed(packed, width),
            Collection::InTrees { roots, .. } => Map::InTree(roots.first().copied().unwrap_or(Root::EMPTY)),
        }
    }

    /// Number of keys.
    pub fn len(&self) -> Result<u64, KeyspaceError> {
        match *self {
            Map::Packed(packed, Width::Key) => packed.len(),
            Map::Packed(packed, Width::KeyAndCell) => Ok(packed.len()? / 2),
            Map::InTree(root) => Ok(root.len()),
        }
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        match *self {
            Map::Packed(packed, _) => packed.is_empty(),
            Map::InTree(root) => root.is_empty(),
        }
    }

    /// Whether the map is packed in its key's cell.
    pub fn is_packed(&self) -> bool {
        matches!(self, Map::Packed(..))
    }

    /// The keys, one by one.
    pub fn keys(&self, view: &'a View<'_>) -> Keys<'a> {
        match *self {
            Map::Packed(packed, width) => Keys::Packed(packed.entries(width)),
            Map::InTree(root) => Keys::InTree(view.cursor(root)),
        }
    }

    /// What `key` holds.
    pub fn get(&self, view: &'a View<'_>, key: &[u8]) -> Result<Option<Cell<'a>>, KeyspaceError> {
        match *self {
            Map::Packed(packed, width) => {
                let entry = packed.find(width, key)?.ok();
                Ok(entry.map(|entry| Cell { bytes: entry.cell, roots: CellRoots::NONE }))
            }
            Map::InTree(root) if root.is_empty() || key.len() > super::MEMBER_BYTES_MAX => Ok(None),
            Map::InTree(root) => Ok(view.get(root, key)?),
        }
    }

    /// The key at `position` and what it holds.
    pub fn nth(
        &self,
        view: &'a View<'_>,
        position: u64,
    ) -> Result<Option<(Vec<u8>, Cell<'a>)>, KeyspaceError> {
        match *self {
            Map::Packed(packed, width) => {
                let Some(entry) = packed.entries(width).nth(position as usize).transpose()? else {
                    return Ok(None);
                };
                Ok(Some((entry.key.to_vec(), Cell { bytes: entry.cell, roots: CellRoots::NONE })))
            }
            Map::InTree(root) => Ok(view.nth(root, position)?),
        }
    }

    /// Hands the keys from `start` on and what they hold to `see`, in order, until it returns `false`.
    pub fn each_from(
        &self,
        view: &View<'_>,
        start: &[u8],
        mut see: impl FnMut(&[u8], Cell<'_>) -> Result<bool, KeyspaceError>,
    ) -> Result<(), KeyspaceError> {
        let (packed, width) = match *self {
            Map::InTree(root) => return walk(view, root, start, see),
            Map::Packed(packed, width) => (packed, width),
        };
        for entry in packed.entries(width) {
            let entry = entry?;
            if entry.key >= start && !see(entry.key, Cell { bytes: entry.cell, roots: CellRoots::NONE })? {
                break;
            }
        }
        Ok(())
    }
}

/// The keys of a [`Map`], in order.
#[expect(clippy::large_enum_variant, reason = "few of them live at a time, and each where it was made")]
pub enum Keys<'a> {
    /// Entries in the key's cell.
    Packed(Entries<'a>),
    /// A tree.
    InTree(Cursor<'a>),
}

impl Keys<'_> {
    /// The next key; its bytes are lent until the one after it is asked for.
    #[allow(clippy::should_implement_trait, reason = "an iterator cannot lend")]
    pub fn next(&mut self) -> Result<Option<&[u8]>, KeyspaceError> {
        match self {
            Keys::Packed(entries) => Ok(entries.next().transpose()?.map(|entry| entry.key)),
            Keys::InTree(cursor) => Ok(cursor.next()?.map(|(key, _)| key)),
        }
    }
}

/// A collection that was taken out of its cell to be changed.
pub(super) struct Draft {
    /// Its type.
    kind: Kind,
    /// The key's deadline.
    expire_at_ms: Option<u64>,
    /// The earliest deadline of a field, as the index of the database has it.
    first_field_ms: Option<u64>,
    /// Where it is.
    pub form: Form,
    /// Whether anything was taken away.
    shrunk: bool,
}

/// What a type keeps beside the trees of a collection.
pub(super) type Header = SmallVec<[u8; 16]>;

/// Where a collection is.
pub(super) enum Form {
    /// To be packed in the key's cell.
    Packed(PackedBytes),
    /// In trees.
    InTrees {
        /// What the type keeps beside the trees.
        header: Header,
        /// The trees; there is one at least.
        roots: SmallVec<[Root; CELL_ROOTS_MAX]>,
    },
}

impl Draft {
    /// An empty collection.
    pub fn new(kind: Kind) -> Self {
        let form = Form::Packed(PackedBytes::new());
        Self { kind, expire_at_ms: None, first_field_ms: None, form, shrunk: false }
    }

    /// The collection that `key` holds. `effect` is the one that asks for it: it does not fit the data if there is no such
    /// key, or it holds another type.
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

    /// As [`Draft::open`]; a collection that is missing is empty.
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

    /// Takes the collection that `key` holds; `false` if there is no such key.
    fn load(
        &mut self,
        table: &TableWriter,
        (db, key): (usize, &[u8]),
        effect: &'static str,
    ) -> Result<bool, KeyspaceError> {
        let view = table.view();
        let Some(value) = reader::lookup(&view, db, key)? else { return Ok(false) };
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

    /// The earliest deadline of a field when the collection was taken out.
    pub fn first_field_ms(&self) -> Option<u64> {
        self.first_field_ms
    }

    /// Whether the collection is packed.
    pub fn is_packed(&self) -> bool {
        matches!(self.form, Form::Packed(_))
    }

    /// Lets `key` hold this cell, its bytes in two pieces, and shows `see` what it held; the trees of that are the caller's to drop. Unpacks the
    /// collection if it becomes too large, or the cell has trees.
    pub fn put(
        &mut self,
        table: &mut TableWriter,
        key: &[u8],
        (bytes, trees): ([&[u8]; 2], &[Root]),
        see: impl FnOnce(Cell<'_>),
    ) -> Result<(), KeyspaceError> {
        let width = width(self.kind);
        if let Form::Packed(packed) = &mut self.form {
            let cell: SmallVec<[u8; 128]> = bytes.into_iter().flatten().copied().collect();
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

    /// Takes `key` out and shows `see` what it held; the trees of that, which are the caller's to drop, or `None` if it
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

    /// Puts the map into a tree, if it is packed; the collection's trees, the map first.
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

    /// Packs what became small, and frees its trees.
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

    /// Puts the collection back. `first_field_ms` is the earliest deadline of its fields.
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
        let deadlines = Deadlines { key: self.expire_at_ms, first_field: first_field_ms };
        let old = Old::kept(Deadlines { key: self.expire_at_ms, first_field: self.first_field_ms });
        match &self.form {
            Form::Packed(items) => {
                let cell = cell::collection(self.kind, self.expire_at_ms, timed, false, items);
                put(table, (db, key), (cell.pieces(), &[]), old, deadlines)
            }
            Form::InTrees { header, roots } => {
                let cell = cell::collection(self.kind, self.expire_at_ms, timed, true, header);
                put(table, (db, key), (cell.pieces(), roots), old, deadlines)
            }
        }
    }
}

/// The map in a tree as packed entries, if they are few bytes without trees of their own.
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

/// Whether `key` holds a collection without elements.
pub(super) fn is_empty(view: &View<'_>, db: usize, key: &[u8]) -> Result<bool, KeyspaceError> {
    if view.root(keys_slot(db)).is_empty() {
        return Ok(false);
    }
    let Some(value) = reader::lookup(view, db, key)? else {
        return Ok(false);
    };
    Ok(match value.collection(value.kind) {
        None => false,
        Some(Collection::Packed(packed)) => packed.is_empty(),
        Some(Collection::InTrees { roots, .. }) => roots.first().is_none_or(Root::is_empty),
    })
}
