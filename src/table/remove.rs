//! Removing a key from a tree: own the path to it, remove the cell, free pages that became empty, join pages that
//! became small.

use super::{
    branch,
    cells::{self, Cells, Joined},
    descend,
    error::TableError,
    leaf,
    node::{self, NODE_BYTES, STEM_BYTES},
    page,
    path::{Node, Path},
    root::{Cell, CellRoots, Root},
    writer::{Need, TableWriter},
};

/// A page that uses fewer bytes than this is joined with a neighbour if both fit one page.
const JOIN_BELOW: usize = NODE_BYTES * 2 / 5;
/// A joined page uses no more than this, so that it does not split again at once.
const JOINED_MAX: usize = NODE_BYTES * 7 / 8;

impl TableWriter {
    /// Removes `key` and returns its roots, whose trees the caller frees with `drop_tree`; `None` if the key was not
    /// there. On `Full` the tree is unchanged.
    pub fn remove(&mut self, root: &mut Root, key: &[u8]) -> Result<Option<CellRoots>, TableError> {
        self.extract(root, key, |_| ())
    }

    /// Like `remove`, and shows `see` the cell, if the key was there.
    pub fn extract(
        &mut self,
        root: &mut Root,
        key: &[u8],
        see: impl FnOnce(Cell<'_>),
    ) -> Result<Option<CellRoots>, TableError> {
        if key.len() < STEM_BYTES {
            return self.take(root, key, see);
        }
        self.view().get(*root, key)?.map(see);
        self.remove_long(root, key)
    }

    /// Changes the bytes of `key`'s cell in place, and returns whether the key is there.
    pub fn update(
        &mut self,
        root: &mut Root,
        key: &[u8],
        change: impl FnOnce(&mut [u8]),
    ) -> Result<bool, TableError> {
        if key.len() < STEM_BYTES {
            self.change(root, key, change)
        } else {
            self.update_long(root, key, change)
        }
    }

    /// `update` for a key shorter than a stem.
    pub(super) fn change(
        &mut self,
        root: &mut Root,
        key: &[u8],
        change: impl FnOnce(&mut [u8]),
    ) -> Result<bool, TableError> {
        if root.is_empty() {
            return Ok(false);
        }
        let mut path = Path::new();
        let Ok(index) = self.descend(*root, key, &mut path)? else { return Ok(false) };
        self.ensure(path.len() as u64, Need::Headroom)?;
        self.own_path(root, &mut path);
        let body = self.own.body_mut(path[path.len() - 1].page);
        let bytes = node::payload(body, index).len() - node::root_bytes(body, index);
        change(&mut node::payload_mut(body, index)[..bytes]);
        Ok(true)
    }

    /// Removes a cell whose key is shorter than a stem, or a stem.
    pub(super) fn take(
        &mut self,
        root: &mut Root,
        key: &[u8],
        see: impl FnOnce(Cell<'_>),
    ) -> Result<Option<CellRoots>, TableError> {
        if root.is_empty() {
            return Ok(None);
        }
        let mut path = Path::new();
        let Ok(index) = self.descend(*root, key, &mut path)? else { return Ok(None) };
        self.take_at(root, &mut path, index, see).map(Some)
    }

    /// Removes the first or the last key and returns its roots as `remove` does; `None` if the tree is empty. The tree
    /// must hold no long keys. On `Full` it is unchanged.
    pub fn remove_edge(&mut self, root: &mut Root, first: bool) -> Result<Option<CellRoots>, TableError> {
        if root.is_empty() {
            return Ok(None);
        }
        let mut path = Path::new();
        let index = self.descend_edge(*root, first, &mut path)?;
        self.take_at(root, &mut path, index, |_| ()).map(Some)
    }

    /// Removes the cell at `index` of the leaf at the end of the path, and shows it to `see`.
    fn take_at(
        &mut self,
        root: &mut Root,
        path: &mut Path,
        index: usize,
        see: impl FnOnce(Cell<'_>),
    ) -> Result<CellRoots, TableError> {
        self.ensure(path.len() as u64, Need::Headroom)?;
        self.own_path(root, path);
        let body = self.own.body_mut(path[path.len() - 1].page);
        let cell = leaf::cell(body, index);
        let roots = cell.roots;
        see(cell);
        let (weight, before) = (leaf::weight(body, index), node::cells(body));
        node::remove(body, index);
        self.lower(root, path, weight, before);
        Ok(roots)
    }

    /// Removes the first or the last `count` keys, and drops their trees. The tree must hold so many keys, and no long
    /// ones. On an error, some were removed.
    pub fn remove_edges(&mut self, root: &mut Root, first: bool, count: u64) -> Result<(), TableError> {
        let mut left = count.min(root.count);
        while left > 0 {
            if left == root.count {
                return self.drop_tree(std::mem::replace(root, Root::EMPTY));
            }
            left -= match self.outer_subtree(*root, first, left)? {
                Some(path) => self.drop_subtree(root, path)?,
                None => self.remove_from_leaf(root, first, left)?,
            };
        }
        Ok(())
    }

    /// The path to the branch above the largest subtree at an end that holds no more than `count` keys, if there is one.
    fn outer_subtree(&self, root: Root, first: bool, count: u64) -> Result<Option<Path>, TableError> {
        let pages = &self.own.table().pages;
        let (mut body, mut path) = (descend::top(pages, root)?, Path::new());
        while !node::is_leaf(body) {
            let index = node::edge(body, first);
            path.push(Node { page: page::number(body), generation: page::generation(body), index });
            if branch::pointer(body, index).count <= count {
                return Ok(Some(path));
            }
            body = descend::child(pages, body, index)?;
        }
        Ok(None)
    }

    /// Drops the subtree to which the last branch of a path leads. Returns its number of keys.
    fn drop_subtree(&mut self, root: &mut Root, mut path: Path) -> Result<u64, TableError> {
        self.ensure(path.len() as u64, Need::Headroom)?;
        self.own_path(root, &mut path);
        let above = path[path.len() - 1];
        let body = self.own.body_mut(above.page);
        let (subtree, before) = (branch::pointer(body, above.index), node::cells(body));
        remove_child(body, above.index);
        self.lower(root, &path, subtree.count, before);
        self.drop_tree(subtree)?;
        Ok(subtree.count)
    }

    /// Removes up to `count` keys from the first or the last leaf, and drops their trees. Returns how many.
    fn remove_from_leaf(&mut self, root: &mut Root, first: bool, count: u64) -> Result<u64, TableError> {
        let mut path = Path::new();
        self.descend_edge(*root, first, &mut path)?;
        self.ensure(path.len() as u64, Need::Headroom)?;
        self.own_path(root, &mut path);
        let page = path[path.len() - 1].page;
        let body = self.own.body_mut(page);
        if node::stems(body) > 0 {
            return Err(TableError::corrupt(page, descend::LONG_KEY_AT_EDGE));
        }
        let before = node::cells(body);
        let taken = before.min(usize::try_from(count).unwrap_or(usize::MAX));
        let mut trees = Vec::new();
        for _ in 0..taken {
            let index = node::edge(body, first);
            if node::root_bytes(body, index) > 0 {
                trees.extend_from_slice(&leaf::cell(body, index).roots);
            }
            node::remove(body, index);
        }
        self.lower(root, &path, taken as u64, before);
        trees.into_iter().try_for_each(|tree| self.drop_tree(tree))?;
        Ok(taken as u64)
    }

    /// Subtracts `weight` keys from the counts of the branches above a changed leaf and of the root, and frees or joins
    /// pages on the path that became empty or small. The leaf had `before` cells, more than now.
    pub(super) fn lower(&mut self, root: &mut Root, path: &Path, weight: u64, before: usize) {
        root.count -= weight;
        for depth in (1..path.len()).rev() {
            let (above, page) = (path[depth - 1], path[depth].page);
            branch::add_count(self.own.body_mut(above.page), above.index, -(weight as i64));
            let body = self.own.body(page);
            let cells = node::cells(body);
            // Checking the neighbours costs more than a removal, so it is done each time the cells have halved.
            let halved = match depth + 1 == path.len() {
                true => before.next_power_of_two() / 2 >= cells,
                false => cells.is_power_of_two(),
            };
            if cells == 0 {
                self.space.free_page(page, path[depth].generation);
                remove_child(self.own.body_mut(above.page), above.index);
            } else if node::used(body) < JOIN_BELOW && halved {
                self.join(above.page, above.index);
            }
        }
        self.shrink_root(root);
    }

    /// Frees top pages that have only one child.
    fn shrink_root(&mut self, root: &mut Root) {
        loop {
            let body = self.own.body(root.page);
            match (node::is_leaf(body), node::cells(body)) {
                (_, 0) => {
                    self.free_page(*root);
                    *root = Root::EMPTY;
                    return;
                }
                (false, 1) => {
                    let child = branch::pointer(body, 0);
                    self.free_page(*root);
                    *root = child;
                    // A child that is not the writer's own was not changed here, so it has two cells or more, or an
                    // earlier removal left it as it is. Either way it may stay.
                    if root.generation != self.space.generation() {
                        return;
                    }
                }
                _ => return,
            }
        }
    }

    /// Joins the child at `index`, which is the writer's own, with one of its neighbours if both fit one page.
    fn join(&mut self, parent: u64, index: usize) {
        let last = node::cells(self.own.body(parent)) - 1;
        if index < last && self.join_pair(parent, index, index) {
            return;
        }
        if index > 0 {
            self.join_pair(parent, index - 1, index);
        }
    }

    /// Joins the children at `left` and `left + 1` on the page of the child at `kept`, if they fit. A neighbour that
    /// cannot be read stays as it is: whoever needs it will get the error.
    fn join_pair(&mut self, parent: u64, left: usize, kept: usize) -> bool {
        let body = self.own.body(parent);
        let pointers = [branch::pointer(body, left), branch::pointer(body, left + 1)];
        let children = [left, left + 1].map(|index| descend::child(&self.own.table().pages, body, index));
        let [Ok(lower), Ok(upper)] = children else { return false };
        let level = page::level(lower);
        if page::level(upper) != level || node::used(lower) + node::used(upper) > NODE_BYTES + STEM_BYTES {
            return false;
        }
        let mut separator = [0; STEM_BYTES];
        let separator = (level > 0).then(|| node::key(body, left + 1, &mut separator));
        let run = Joined { left: lower, right: upper, separator };
        let plan = cells::plan(&run, 0..run.len(), level);
        if plan.bytes() > JOINED_MAX {
            return false;
        }
        let mut joined = self.scratch.pop().expect("scratch pages are given back");
        cells::build(&run, 0..run.len(), level, plan, &mut joined);
        let (kept, freed) = if kept == left { (0, 1) } else { (1, 0) };
        let count = pointers[0].count + pointers[1].count;
        let pointer = Root { count, ..pointers[kept] };
        page::set_identity(&mut joined, pointer.page, pointer.generation);
        node::copy(&joined, self.own.body_mut(pointer.page));
        self.scratch.push(joined);
        self.free_page(pointers[freed]);
        let body = self.own.body_mut(parent);
        branch::set_pointer(body, left, pointer);
        remove_child(body, left + 1);
        true
    }
}

/// Removes the pointer to a child from a branch.
fn remove_child(body: &mut page::Body, index: usize) {
    node::remove(body, index);
    if index == 0 && node::cells(body) > 0 {
        node::clear_first_key(body);
    }
}
