//! Branches: what the cells of a node above the leaves mean.
//!
//! Cell i points to the child with the keys from the cell's own key up to, but not including, the key of cell i + 1.
//! Cell 0 has no key: its child holds all keys below that of cell 1.

use super::{
    node,
    page::Body,
    root::{POINTER_BYTES, Root},
};

/// Index of the child that holds `key`, if any child does.
#[inline]
pub(super) fn child(body: &Body, key: &[u8]) -> usize {
    match node::search(body, 1, key) {
        Ok(index) => index,
        Err(index) => index - 1,
    }
}

/// The pointer to a child.
#[inline]
pub(super) fn pointer(body: &Body, index: usize) -> Root {
    let bytes = node::payload(body, index).first_chunk::<POINTER_BYTES>();
    Root::decode_pointer(bytes.expect("a branch's payload is a pointer"))
}

/// Changes the pointer to a child.
pub(super) fn set_pointer(body: &mut Body, index: usize, pointer: Root) {
    node::payload_mut(body, index).copy_from_slice(&pointer.encode_pointer());
}

/// Changes a child's page and generation, but not its count of keys.
#[inline]
pub(super) fn set_place(body: &mut Body, index: usize, page: u64, generation: u64) {
    let count = pointer(body, index).count;
    set_pointer(body, index, Root { page, generation, count });
}

/// Changes the count of keys below a child.
pub(super) fn set_count(body: &mut Body, index: usize, count: u64) {
    let child = pointer(body, index);
    set_pointer(body, index, Root { count, ..child });
}

/// Adds to the count of keys below a child.
#[inline]
pub(super) fn add_count(body: &mut Body, index: usize, delta: i64) {
    let mut child = pointer(body, index);
    child.count = child.count.checked_add_signed(delta).expect("a count covers the keys that are there");
    set_pointer(body, index, child);
}

/// Number of keys below a branch.
pub(super) fn count(body: &Body) -> u64 {
    count_before(body, node::cells(body))
}

/// Number of keys below the children before `index`.
pub(super) fn count_before(body: &Body, index: usize) -> u64 {
    (0..index).map(|index| pointer(body, index).count).sum()
}
