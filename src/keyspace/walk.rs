//! Walks through the keys of a tree.

use super::error::KeyspaceError;
use crate::table::{Cell, Root, View};

/// Maximum nesting below a key's own tree: the pieces of its elements.
const DEPTH_MAX: usize = 1;

/// Refuses trees that are nested too deep, so that a tree in one of its own cells is not followed for ever.
pub(super) fn check_depth(depth: usize) -> Result<(), KeyspaceError> {
    if depth > DEPTH_MAX { Err(KeyspaceError::BadCell("trees in too many trees")) } else { Ok(()) }
}

/// Calls `see` with the keys of `root` from `start` on, in order, until it returns `false`.
pub(super) fn walk(
    view: &View<'_>,
    root: Root,
    start: &[u8],
    mut see: impl FnMut(&[u8], Cell<'_>) -> Result<bool, KeyspaceError>,
) -> Result<(), KeyspaceError> {
    if root.is_empty() {
        return Ok(());
    }
    let mut cursor = view.cursor(root);
    let mut next = cursor.seek(start)?;
    while let Some((key, cell)) = next {
        if !see(key, cell)? {
            break;
        }
        next = cursor.next()?;
    }
    Ok(())
}
