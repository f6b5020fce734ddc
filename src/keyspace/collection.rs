//! What all collections share: small ones are packed in the key's cell, large ones are in trees of their own.
//!
//! ```text
//! packed    payload = items, see `packed`; no trees
//! in trees  payload = what the type keeps besides its trees, mostly nothing; up to three trees, the type's own
//! ```
//!
//! Sets, hashes and the members of sorted sets are *maps*: keys in byte order, each with a cell. Packed, they are runs
//! of entries; in trees, the first tree is the map. A [`Map`] reads both forms, a [`Draft`] changes them. A list has no
//! keys: it lays out its items, or its first tree, itself.
//!
//! Invariants
//! - The form of a collection follows from its changes alone, never from a clock or a setting, so replay gives the same
//!   bytes. It is unpacked when it grows past [`PACKED_BYTES_MAX`], or when a value needs a tree of its own. It is
//!   packed again when a removal leaves so few entries that reading them all costs little.
//! - An empty collection exists only inside a record: the next effect deletes the key.
//!
//! [`Draft`]: super::draft::Draft

use super::cell::{Kind, Value};
use super::error::KeyspaceError;
use super::layout::keys_slot;
use super::lookup::lookup;
use super::packed::{Entries, Packed, Width};
use super::walk::{check_depth, walk};
use crate::table::{CELL_BYTES_MAX, Cell, CellRoots, Cursor, PAGE_BYTES, Root, View};

/// Maximum number of bytes of a packed collection.
pub const PACKED_BYTES_MAX: usize = 1024;
/// Bytes that a cell takes in a page besides its key and bytes.
const CELL_OVERHEAD_BYTES: usize = 16;

const _: () = assert!(9 + PACKED_BYTES_MAX <= CELL_BYTES_MAX);

/// A collection, read.
#[derive(Clone, Copy, Debug)]
pub enum Collection<'a> {
    /// In the key's cell.
    Packed(Packed<'a>),
    /// In trees of its own.
    InTrees {
        /// What the type keeps besides them.
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

/// Number of cells of a tree that are read to estimate the size of all.
const SAMPLES: u64 = 16;

impl Value<'_> {
    /// Estimated number of bytes that a collection takes in the table, from a few samples of its trees.
    pub fn estimate_bytes(&self, view: &View<'_>) -> Result<u64, KeyspaceError> {
        let mut bytes = self.payload.len() as u64;
        for root in self.roots.as_slice() {
            bytes = bytes.saturating_add(estimate_tree(view, *root, 0)?);
        }
        Ok(bytes)
    }
}

/// Estimated number of bytes of a tree, including the trees in its cells.
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

/// Number of packed items in an entry of this type.
pub(super) fn width(kind: Kind) -> Width {
    if kind == Kind::Set { Width::Key } else { Width::KeyAndCell }
}

/// Keys in byte order, each with a cell.
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

    /// The cell of `key`.
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

    /// The key at `position` and its cell.
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

    /// Calls `see` with the keys from `start` on and their cells, in order, until it returns `false`.
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
    /// The next key. Its bytes are borrowed until the next call.
    #[allow(clippy::should_implement_trait, reason = "an iterator cannot lend")]
    pub fn next(&mut self) -> Result<Option<&[u8]>, KeyspaceError> {
        match self {
            Keys::Packed(entries) => Ok(entries.next().transpose()?.map(|entry| entry.key)),
            Keys::InTree(cursor) => Ok(cursor.next()?.map(|(key, _)| key)),
        }
    }
}

/// Whether `key` holds a collection without elements.
pub(super) fn is_empty(view: &View<'_>, db: usize, key: &[u8]) -> Result<bool, KeyspaceError> {
    if view.root(keys_slot(db)).is_empty() {
        return Ok(false);
    }
    let Some(value) = lookup(view, db, key)? else {
        return Ok(false);
    };
    Ok(match value.collection(value.kind) {
        None => false,
        Some(Collection::Packed(packed)) => packed.is_empty(),
        Some(Collection::InTrees { roots, .. }) => roots.first().is_none_or(Root::is_empty),
    })
}
