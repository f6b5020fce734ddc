//! Descending a tree, page by page; each page is checked against the pointer that led to it.

use super::{
    branch,
    error::{CorruptReason, TableError},
    leaf,
    node::{self, STEM_BYTES},
    page::{self, BRANCH, Body, LEAF},
    pages::Pages,
    root::Root,
};

/// Maximum number of levels of one tree. Branches have two children or more, except for a few after deletes, so no tree
/// that fits 2^32 pages comes near.
pub(super) const DEPTH_MAX: usize = 32;

/// The damage of a tree that holds a long key where none belongs.
pub(super) const LONG_KEY_AT_EDGE: CorruptReason = CorruptReason::Structure("a long key where none belongs");

/// The tree that holds the end of a long key, and that end. `None` if the key cannot be there.
#[inline]
pub(super) fn skip_stems<'k>(
    pages: &Pages,
    mut root: Root,
    mut key: &'k [u8],
) -> Result<Option<(Root, &'k [u8])>, TableError> {
    while let Some((stem, rest)) = key.split_at_checked(STEM_BYTES) {
        let Some((body, index)) = find(pages, root, stem)? else { return Ok(None) };
        root = stem_at(body, index)?;
        key = rest;
    }
    Ok(Some((root, key)))
}

/// The tree of a cell that must be a stem.
pub(super) fn stem_at(body: &Body, index: usize) -> Result<Root, TableError> {
    let reason = CorruptReason::Structure("a long key that is not a stem");
    leaf::stem(body, index).ok_or_else(|| TableError::corrupt(page::number(body), reason))
}

/// The leaf and the index of a key that is shorter than a stem, or a stem.
#[inline]
pub(super) fn find<'p>(
    pages: &'p Pages,
    root: Root,
    key: &[u8],
) -> Result<Option<(&'p Body, usize)>, TableError> {
    if root.is_empty() {
        return Ok(None);
    }
    let body = descend(pages, root, |body| branch::child(body, key))?;
    Ok(node::search(body, 0, key).ok().map(|index| (body, index)))
}

/// Descends through the children that `choose` picks and returns the leaf. The tree must not be empty.
#[inline]
pub(super) fn descend<'p>(
    pages: &'p Pages,
    root: Root,
    mut choose: impl FnMut(&'p Body) -> usize,
) -> Result<&'p Body, TableError> {
    let mut body = top(pages, root)?;
    while !node::is_leaf(body) {
        body = child(pages, body, choose(body))?;
    }
    Ok(body)
}

/// Pointer to the leaf of `key`, which is shorter than a stem, or a stem. `None` if the tree has no branch.
#[inline]
pub(super) fn leaf_of(pages: &Pages, root: Root, key: &[u8]) -> Result<Option<Root>, TableError> {
    if root.is_empty() {
        return Ok(None);
    }
    let mut body = top(pages, root)?;
    while page::level(body) > 1 {
        body = child(pages, body, branch::child(body, key))?;
    }
    Ok((page::level(body) == 1).then(|| branch::pointer(body, branch::child(body, key))))
}

/// The top page of a tree.
#[inline]
pub(super) fn top(pages: &Pages, root: Root) -> Result<&Body, TableError> {
    let body = pages.get(root)?;
    if usize::from(page::level(body)) >= DEPTH_MAX {
        return Err(TableError::corrupt(root.page, CorruptReason::Depth));
    }
    check_kind(body, root.page)?;
    Ok(body)
}

/// The child of a branch at `index`.
#[inline]
pub(super) fn child<'p>(pages: &'p Pages, body: &Body, index: usize) -> Result<&'p Body, TableError> {
    let pointer = branch::pointer(body, index);
    let child = pages.get(pointer)?;
    let (expected, found) = (page::level(body).wrapping_sub(1), page::level(child));
    if expected != found {
        return Err(TableError::corrupt(pointer.page, CorruptReason::Level { expected, found }));
    }
    check_kind(child, pointer.page)?;
    Ok(child)
}

/// Checks that the page is a leaf at level 0, or a branch above.
#[inline]
pub(super) fn check_kind(body: &Body, page: u64) -> Result<(), TableError> {
    let wanted = if page::level(body) == 0 { LEAF } else { BRANCH };
    if page::kind(body) == wanted {
        return Ok(());
    }
    Err(TableError::corrupt(page, CorruptReason::Kind { found: page::kind(body) }))
}
