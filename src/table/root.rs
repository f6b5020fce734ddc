//! Pointers to pages: a `Root` points to a whole tree or, inside a branch, to the subtree of one child.
//!
//! A pointer carries the page's number *and* the generation that wrote the page, so that lost, stale and misdirected
//! writes are found. It also carries the number of keys below it, so that positions are found in O(log n).
//!
//! ```text
//! Root, 24 bytes, in cells and in the catalogue   pointer, 18 bytes, in branches
//!   0  8  page number                               0  6  page number
//!   8  8  generation                                6  6  generation
//!  16  8  count of keys                            12  6  count of keys
//! ```
//! All numbers are little-endian.

/// Bytes of an encoded `Root`.
pub const ROOT_BYTES: usize = 24;
/// Bytes of a pointer inside a branch.
pub(super) const POINTER_BYTES: usize = 18;
/// Number of named trees of one version.
pub const ROOT_SLOTS: usize = 128;
/// Slot of the table's own tree: subtrees that wait to be freed.
pub(super) const DROPPED_SLOT: usize = ROOT_SLOTS - 1;
/// Maximum number of roots in one cell.
pub const CELL_ROOTS_MAX: usize = 3;

/// The roots of all named trees of one version.
pub(super) type Roots = [Root; ROOT_SLOTS];

/// The roots of a version without keys.
pub(super) const NO_ROOTS: Roots = [Root::EMPTY; ROOT_SLOTS];

/// A tree: where its top page is, which generation wrote that page, and how many keys the tree holds.
///
/// A root is valid only in the version that it was read from, a snapshot or the unpublished version.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Root {
    /// Number of the top page; 0 means that the tree is empty.
    pub(super) page: u64,
    /// Generation that wrote the top page.
    pub(super) generation: u64,
    /// Number of keys in the tree.
    pub(super) count: u64,
}

impl Root {
    /// The empty tree. It has no page.
    pub const EMPTY: Root = Root { page: 0, generation: 0, count: 0 };

    /// Number of keys in the tree.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether the tree holds no key.
    pub fn is_empty(&self) -> bool {
        self.page == 0
    }

    /// Whether each number fits the 48 bits that it has in a branch. So a sum of many counts fits 64 bits.
    #[inline]
    pub(super) fn is_possible(&self) -> bool {
        (self.page | self.generation | self.count) >> 48 == 0
    }

    /// Encodes the root as cells and the catalogue store it.
    pub fn encode(&self) -> [u8; ROOT_BYTES] {
        let mut out = [0; ROOT_BYTES];
        out[0..8].copy_from_slice(&self.page.to_le_bytes());
        out[8..16].copy_from_slice(&self.generation.to_le_bytes());
        out[16..24].copy_from_slice(&self.count.to_le_bytes());
        out
    }

    /// Reads a root back from its 24 bytes.
    pub(super) fn decode(bytes: &[u8; ROOT_BYTES]) -> Root {
        let [page, generation, count] =
            [0, 8, 16].map(|at| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes")));
        Root { page, generation, count }
    }

    /// Encodes the pointer as branches store it. Each number must fit 48 bits.
    pub(super) fn encode_pointer(&self) -> [u8; POINTER_BYTES] {
        debug_assert!(self.is_possible());
        let mut out = [0; POINTER_BYTES];
        out[0..6].copy_from_slice(&self.page.to_le_bytes()[..6]);
        out[6..12].copy_from_slice(&self.generation.to_le_bytes()[..6]);
        out[12..18].copy_from_slice(&self.count.to_le_bytes()[..6]);
        out
    }

    /// Reads a pointer back from the 18 bytes in a branch.
    #[inline]
    pub(super) fn decode_pointer(bytes: &[u8; POINTER_BYTES]) -> Root {
        Root { page: read_u48(bytes, 0), generation: read_u48(bytes, 6), count: read_u48(bytes, 12) }
    }
}

/// A little-endian number of six bytes.
#[inline]
fn read_u48(bytes: &[u8; POINTER_BYTES], at: usize) -> u64 {
    let mut wide = [0; 8];
    wide[..6].copy_from_slice(&bytes[at..at + 6]);
    u64::from_le_bytes(wide)
}

/// Up to three roots of trees that belong to one key.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct CellRoots {
    /// The roots; those from `len` on are empty and unused.
    roots: [Root; CELL_ROOTS_MAX],
    /// How many of them the cell holds.
    len: u8,
}

impl CellRoots {
    /// No roots.
    pub const NONE: CellRoots = CellRoots { roots: [Root::EMPTY; CELL_ROOTS_MAX], len: 0 };

    /// The roots that the cell holds, in the order in which the caller gave them.
    pub fn as_slice(&self) -> &[Root] {
        &self.roots[..usize::from(self.len)]
    }

    /// Decodes the roots at the end of a cell, three at most.
    #[inline]
    pub(super) fn decode(bytes: &[u8]) -> CellRoots {
        let mut cell = CellRoots::NONE;
        if bytes.is_empty() {
            return cell;
        }
        for (place, encoded) in cell.roots.iter_mut().zip(bytes.as_chunks::<ROOT_BYTES>().0) {
            *place = Root::decode(encoded);
            cell.len += 1;
        }
        cell
    }
}

impl std::ops::Deref for CellRoots {
    type Target = [Root];

    fn deref(&self) -> &[Root] {
        self.as_slice()
    }
}

/// The value of a key: the caller's bytes, and the roots of up to three trees of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cell<'p> {
    /// The caller's bytes.
    pub bytes: &'p [u8],
    /// The roots of the key's own trees, which the table can free and verify.
    pub roots: CellRoots,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_these_24_bytes() {
        let root = Root { page: 0x0102_0304, generation: 0x0a0b_0c0d_0e0f, count: 7 };
        let bytes = [4, 3, 2, 1, 0, 0, 0, 0, 0xf, 0xe, 0xd, 0xc, 0xb, 0xa, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(root.encode(), bytes);
        assert_eq!(Root::decode(&bytes), root);
    }

    #[test]
    fn a_pointer_is_these_18_bytes() {
        let root = Root { page: 0x0102_0304, generation: 0x0a0b_0c0d_0e0f, count: 7 };
        let bytes = [4, 3, 2, 1, 0, 0, 0xf, 0xe, 0xd, 0xc, 0xb, 0xa, 7, 0, 0, 0, 0, 0];
        assert_eq!(root.encode_pointer(), bytes);
        assert_eq!(Root::decode_pointer(&bytes), root);
    }
}
