//! One version of all trees, as readers see it: lookups by key and by position.

use smallvec::SmallVec;

use super::{
    branch,
    budget::{Budget, CELLS_PER_LOOKUP, LOOKUP},
    cursor::Cursor,
    descend::{DEPTH_MAX, LONG_KEY_AT_EDGE, descend, find, skip_stems},
    error::TableError,
    leaf,
    node::{self, STEM_BYTES},
    page::{self, BRANCH, PAGE_BYTES},
    pages::Pages,
    root::{Cell, Root, Roots},
    shared::Table,
    trails::Trails,
};
use crate::sync::Ordering;

/// Keys from the first bound on and below the second; `None` means no bound.
pub type KeyRange = (Option<Vec<u8>>, Option<Vec<u8>>);

/// The key at an end of a tree.
pub type EdgeKey = SmallVec<[u8; 64]>;

/// One version of all trees: a reader's snapshot, or what the writer has not published yet.
///
/// Roots that are passed in must come from this version: from `root`, or from a cell that was read from it.
#[derive(Clone, Copy)]
pub struct View<'t> {
    /// The table that holds the pages.
    table: &'t Table,
    /// The roots of this version.
    roots: &'t Roots,
    /// The ways to keys that were prefetched; the writer's version has them.
    trails: Option<&'t Trails>,
    /// How much may be visited; `None`: everything.
    budget: Option<&'t Budget>,
}

impl<'t> View<'t> {
    /// A version that is pinned for as long as the view lives.
    pub(super) fn new(table: &'t Table, roots: &'t Roots) -> View<'t> {
        View { table, roots, trails: None, budget: None }
    }

    /// With the ways to keys that were prefetched.
    pub(super) fn with_trails(self, trails: &'t Trails) -> View<'t> {
        View { trails: Some(trails), ..self }
    }

    /// The same version, of which no more may be visited than `budget` allows.
    pub fn within<'b>(self, budget: &'b Budget) -> View<'b>
    where
        't: 'b,
    {
        View { budget: Some(budget), ..self }
    }

    /// Refuses, before it begins, work that takes as long as so many lookups of keys, if the budget is smaller.
    pub fn check_lookups(&self, lookups: u64) -> Result<(), TableError> {
        self.budget.map_or(Ok(()), |budget| budget.check(lookups))
    }

    /// The same for going through so many neighbouring cells.
    pub fn check_cells(&self, cells: u64) -> Result<(), TableError> {
        self.check_lookups(cells / CELLS_PER_LOOKUP)
    }

    /// Uses up a part of the budget: for work that visits no pages, but takes as long as `lookups`.
    #[inline]
    pub fn spend(&self, lookups: u64) -> Result<(), TableError> {
        self.budget.map_or(Ok(()), |budget| budget.spend(lookups))
    }

    /// The table that this is a version of.
    pub(super) fn table(&self) -> &'t Table {
        self.table
    }

    /// The pages of the table.
    pub(super) fn pages(&self) -> &'t Pages {
        &self.table.pages
    }

    /// Bytes of the table's file. No tree holds more.
    pub fn file_bytes(&self) -> u64 {
        self.table.pages.count.load(Ordering::Relaxed) * PAGE_BYTES as u64
    }

    /// Range of the keys below `page`, if `page` is on the path to `key` in this tree.
    pub fn bounds(&self, root: Root, key: &[u8], page: u64) -> Option<KeyRange> {
        let pages = &self.table.pages;
        let key = &key[..key.len().min(STEM_BYTES)];
        let (mut pointer, mut from, mut to) = (root, None, None);
        for _ in 0..DEPTH_MAX {
            if pointer.page == page {
                return Some((from, to));
            }
            let body = pages.get(pointer).ok().filter(|body| page::kind(body) == BRANCH)?;
            let index = branch::child(body, key);
            let bound = |index| node::key(body, index, &mut [0; STEM_BYTES]).to_vec();
            if index > 0 {
                from = Some(bound(index));
            }
            if index + 1 < node::cells(body) {
                to = Some(bound(index + 1));
            }
            pointer = branch::pointer(body, index);
        }
        None
    }

    /// The named tree of a slot. Panics if there is no such slot.
    pub fn root(&self, slot: usize) -> Root {
        self.roots[slot]
    }

    /// The cell of `key`.
    pub fn get(&self, root: Root, key: &[u8]) -> Result<Option<Cell<'_>>, TableError> {
        self.spend(LOOKUP)?;
        let pages = &self.table.pages;
        if let Some(followed) = self.trails.and_then(|trails| trails.follow(pages, root, key)) {
            return Ok(Some(leaf::cell(followed.leaf, followed.index)));
        }
        let Some((root, key)) = skip_stems(pages, root, key)? else { return Ok(None) };
        let Some((body, index)) = find(pages, root, key)? else { return Ok(None) };
        Ok(Some(leaf::cell(body, index)))
    }

    /// A cursor over the keys of a tree, without a position yet: `next` moves to the first key, `prev` to the last.
    pub fn cursor(&self, root: Root) -> Cursor<'_> {
        Cursor::new(&self.table.pages, root, self.budget)
    }

    /// Number of keys in the tree that are below `key`.
    pub fn rank(&self, root: Root, key: &[u8]) -> Result<u64, TableError> {
        self.spend(LOOKUP)?;
        let pages = &self.table.pages;
        let (mut tree, mut key, mut below) = (root, key, 0);
        while !tree.is_empty() {
            let probe = &key[..key.len().min(STEM_BYTES)];
            let body = descend(pages, tree, |body| {
                let index = branch::child(body, probe);
                below += branch::count_before(body, index);
                index
            })?;
            let found = node::search(body, 0, probe);
            below += leaf::count_before(body, found.unwrap_or_else(|index| index));
            match found.ok().and_then(|index| leaf::stem(body, index)) {
                Some(rest) => (tree, key) = (rest, &key[STEM_BYTES..]),
                None => break,
            }
        }
        Ok(below)
    }

    /// The key at `position` (0 for the first) and its cell; `None` if the tree has fewer keys.
    pub fn nth(&self, root: Root, position: u64) -> Result<Option<(Vec<u8>, Cell<'_>)>, TableError> {
        let mut cursor = self.cursor(root);
        Ok(cursor.seek_nth(position)?.map(|(key, cell)| (key.to_vec(), cell)))
    }

    /// The first or the last key, and its cell; `None` if the tree is empty. The tree must hold no long keys.
    pub fn edge(&self, root: Root, first: bool) -> Result<Option<(EdgeKey, Cell<'_>)>, TableError> {
        if root.is_empty() {
            return Ok(None);
        }
        self.spend(LOOKUP)?;
        let body = descend(&self.table.pages, root, |body| node::edge(body, first))?;
        let index = node::edge(body, first);
        if node::is_stem(body, index) {
            return Err(TableError::corrupt(page::number(body), LONG_KEY_AT_EDGE));
        }
        let mut key = EdgeKey::new();
        node::key_pieces(body, index, |piece| key.extend_from_slice(piece));
        Ok(Some((key, leaf::cell(body, index))))
    }

    /// Whether the pages that lead to `key` are in memory, so that reading it does not wait for a device. Asks the
    /// kernel for each of them; for a long key, only those of its first stem.
    pub fn is_cached(&self, root: Root, key: &[u8]) -> bool {
        let key = &key[..key.len().min(STEM_BYTES)];
        let mut pointer = root;
        for _ in 0..DEPTH_MAX {
            if pointer.is_empty() {
                return true;
            }
            if !self.table.file.is_cached(pointer.page) {
                return false;
            }
            // An error of a page shows up again when the key is really used.
            let branch = self.table.pages.get(pointer).ok().filter(|body| page::kind(body) == BRANCH);
            let Some(body) = branch else { return true };
            pointer = branch::pointer(body, branch::child(body, key));
        }
        true
    }

    /// Touches the pages that lead to `key`, so that a later access does not wait for the device.
    pub fn warm(&self, root: Root, key: &[u8]) {
        // An error of a page shows up again when the key is really used.
        let _ = self.get(root, key);
    }
}
