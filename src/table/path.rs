//! The path from a tree's top page to a leaf, as the writer keeps it.

use smallvec::SmallVec;

/// A page on the path, and the cell through which the path goes on.
#[derive(Clone, Copy)]
pub(super) struct Node {
    /// Number of the page.
    pub page: u64,
    /// Generation that wrote it.
    pub generation: u64,
    /// Index of the next child on the path; meaningless in the leaf.
    pub index: usize,
}

/// The pages from the top down to a leaf. Paths of unusually deep trees spill to the heap.
pub(super) type Path = SmallVec<[Node; 8]>;
