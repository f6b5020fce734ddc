//! The way from a tree's top page to a leaf, as the writer remembers it.

use smallvec::SmallVec;

/// A page on the way, and the cell that the way takes there.
#[derive(Clone, Copy)]
pub(super) struct Node {
    /// Number of the page.
    pub page: u64,
    /// Generation that wrote it.
    pub generation: u64,
    /// Index of the child that the way takes; in the leaf it means nothing.
    pub index: usize,
}

/// The pages from the top down to a leaf. Deeper trees than usual spill to the heap.
pub(super) type Path = SmallVec<[Node; 8]>;
