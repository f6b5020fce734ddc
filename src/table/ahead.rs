//! Looking up many keys at once, ahead of the commands that read them.
//!
//! One lookup after the other waits for memory each time: for the leaf, then for the cell. Looked up together, the leaves
//! are fetched at the same time, and so are the cells. What is found is only a [`Hint`]: it is used if it is of the same
//! tree and the key in the cell is the one that is wanted, and otherwise the key is looked up as if there were none.
//!
//! Errors of pages are ignored here: they show up again when the key is really used.

use super::{
    descend::leaf_of,
    error::TableError,
    leaf,
    node::{self, STEM_BYTES},
    pages::Pages,
    root::{Cell, Root},
    snapshot::Snapshot,
    view::View,
};

/// Number of keys whose leaves are being fetched while a leaf is searched.
const FETCHED_AHEAD: usize = 16;

/// Where a key may be. Only snapshots give hints: a published tree never changes, so a hint is good for every version
/// that has the same tree.
#[derive(Clone, Copy, Debug)]
pub struct Hint {
    /// The tree.
    root: Root,
    /// The leaf; empty if nothing is known.
    leaf: Root,
    /// The cell's index in the leaf.
    index: u16,
}

impl Hint {
    /// The hint that says nothing.
    pub const NONE: Hint = Hint { root: Root::EMPTY, leaf: Root::EMPTY, index: 0 };

    /// Whether the hint says anything.
    #[inline]
    pub(super) fn is_some(&self) -> bool {
        !self.leaf.is_empty()
    }

    /// Whether the hint says where a key may be in this tree.
    #[inline]
    pub(super) fn fits(&self, root: Root) -> bool {
        self.is_some() && self.root == root
    }
}

impl Snapshot<'_> {
    /// Looks up `keys` in a tree, fetches their leaves and cells into the processor's cache, and appends a hint for each
    /// key. Keys that are not there, and keys as long as a stem, have none.
    pub fn look_ahead(&self, root: Root, keys: &[&[u8]], hints: &mut Vec<Hint>) {
        let pages = self.pages();
        let start = hints.len();
        hints.resize(start + keys.len(), Hint::NONE);
        let hints = &mut hints[start..];
        for next in 0..keys.len() + FETCHED_AHEAD {
            if let Some(key) = keys.get(next) {
                hints[next] = fetch_leaf(pages, root, key);
            }
            if let Some(found) = next.checked_sub(FETCHED_AHEAD) {
                fetch_cell(pages, &mut hints[found], keys[found]);
            }
        }
    }
}

impl View<'_> {
    /// The cell of `key`, like [`View::get`]. Faster if the hint is right.
    #[inline]
    pub fn get_at(&self, root: Root, key: &[u8], hint: &Hint) -> Result<Option<Cell<'_>>, TableError> {
        if hint.fits(root)
            && let Ok(body) = self.pages().get_fetched(hint.leaf)
            && node::is_leaf(body)
            && node::is_key(body, hint.index.into(), key)
        {
            return Ok(Some(leaf::cell(body, hint.index.into())));
        }
        self.get(root, key)
    }
}

/// Finds the leaf of a key, without its cell, and prefetches it.
#[inline]
fn fetch_leaf(pages: &Pages, root: Root, key: &[u8]) -> Hint {
    if key.len() >= STEM_BYTES {
        return Hint::NONE;
    }
    // A tree of one page needs no hints.
    let Ok(Some(leaf)) = leaf_of(pages, root, key) else { return Hint::NONE };
    pages.prefetch(leaf.page, leaf.generation, false);
    Hint { root, leaf, index: 0 }
}

/// Finds the cell of a key in its leaf, and prefetches it.
#[inline]
fn fetch_cell(pages: &Pages, hint: &mut Hint, key: &[u8]) {
    if !hint.is_some() {
        return;
    }
    let leaf = pages.get_fetched(hint.leaf).ok().filter(|body| node::is_leaf(body));
    match leaf.and_then(|body| node::probable(body, key).map(|index| (body, index))) {
        Some((body, index)) => {
            pages.prefetch_lines(body, node::cell_lines(body, index));
            hint.index = index as u16;
        }
        None => *hint = Hint::NONE,
    }
}
