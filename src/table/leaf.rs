//! Leaves: what the cells of a level-0 node mean.

use super::{
    node,
    page::Body,
    root::{Cell, CellRoots, ROOT_BYTES, Root},
};

/// A cell, in the caller's terms.
#[inline]
pub(super) fn cell(body: &Body, index: usize) -> Cell<'_> {
    let payload = node::payload(body, index);
    let roots = node::root_bytes(body, index);
    let (bytes, roots) = payload.split_at(payload.len() - roots);
    Cell { bytes, roots: CellRoots::decode(roots) }
}

/// The tree with the ends of the keys of a stem, or `None` if the cell is not a stem.
#[inline]
pub(super) fn stem(body: &Body, index: usize) -> Option<Root> {
    if !node::is_stem(body, index) {
        return None;
    }
    node::payload(body, index).first_chunk::<ROOT_BYTES>().map(Root::decode)
}

/// Changes the root of one of a cell's trees.
pub(super) fn set_root(body: &mut Body, index: usize, number: usize, root: Root) {
    let roots = node::root_bytes(body, index);
    let payload = node::payload_mut(body, index);
    let at = payload.len() - roots + number * ROOT_BYTES;
    payload[at..at + ROOT_BYTES].copy_from_slice(&root.encode());
}

/// Number of keys that a cell stands for: one, or as many as its stem's tree holds.
pub(super) fn weight(body: &Body, index: usize) -> u64 {
    stem(body, index).map_or(1, |tree| tree.count)
}

/// Number of keys that a leaf stands for.
pub(super) fn count(body: &Body) -> u64 {
    if node::stems(body) == 0 {
        return node::cells(body) as u64;
    }
    (0..node::cells(body)).map(|index| weight(body, index)).sum()
}

/// Number of keys in the cells before `index`.
pub(super) fn count_before(body: &Body, index: usize) -> u64 {
    if node::stems(body) == 0 {
        return index as u64;
    }
    (0..index).map(|index| weight(body, index)).sum()
}
