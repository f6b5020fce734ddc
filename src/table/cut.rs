//! Cutting a range of keys out of a tree. Only the pages at the two ends of the range are changed; what lies between is
//! dropped, subtree by subtree, and freed later. So the cost grows with the depth of the tree, not with the range.

use super::{
    branch, descend,
    error::TableError,
    leaf,
    node::{self, STEM_BYTES},
    page::{self, Body},
    remove::{JOIN_BELOW, remove_child},
    root::Root,
    writer::{Need, TableWriter},
};

/// Keys from the first bound on and below the second; `None`: no end.
type Bounds<'k> = (&'k [u8], Option<&'k [u8]>);

impl TableWriter {
    /// Removes the keys from `from` on and below `to`, and drops their trees. Both bounds must be shorter than a stem. On
    /// an error, some were removed.
    pub fn cut(&mut self, root: &mut Root, from: &[u8], to: Option<&[u8]>) -> Result<(), TableError> {
        debug_assert!(from.len() < STEM_BYTES && to.is_none_or(|to| to.len() < STEM_BYTES));
        let view = self.view();
        let end = to.map_or(Ok(root.len()), |to| view.rank(*root, to))?;
        if view.rank(*root, from)? >= end {
            return Ok(());
        }
        descend::top(&self.own.table().pages, *root)?;
        *root = self.cut_below(*root, (from, to))?;
        if !root.is_empty() {
            self.shrink_root(root);
        }
        Ok(())
    }

    /// Cuts the range out of the subtree of a page that was checked. Returns what is left of it.
    fn cut_below(&mut self, pointer: Root, bounds: Bounds<'_>) -> Result<Root, TableError> {
        let is_leaf = node::is_leaf(self.own.table().pages.get(pointer)?);
        if is_leaf { self.cut_leaf(pointer, bounds) } else { self.cut_branch(pointer, bounds) }
    }

    /// Removes cells from a leaf.
    fn cut_leaf(&mut self, pointer: Root, (from, to): Bounds<'_>) -> Result<Root, TableError> {
        let body = self.own.table().pages.get(pointer)?;
        let place = |key| node::search(body, 0, key).unwrap_or_else(|index| index);
        let cut = place(from)..to.map_or(node::cells(body), place);
        if cut.is_empty() {
            return Ok(pointer);
        }
        let trees: Vec<Root> = cut
            .clone()
            .filter(|index| node::root_bytes(body, *index) > 0)
            .flat_map(|index| leaf::cell(body, index).roots.as_slice().to_vec())
            .collect();
        let takes_all = cut.len() == node::cells(body);
        let left = if takes_all {
            self.free_page(pointer);
            Root::EMPTY
        } else {
            let own = self.own_page(pointer)?;
            let body = self.own.body_mut(own.page);
            cut.rev().for_each(|index| node::remove(body, index));
            Root { count: leaf::count(body), ..own }
        };
        trees.into_iter().try_for_each(|tree| self.drop_tree(tree))?;
        Ok(left)
    }

    /// Cuts the range out of the first and the last child of a branch that it touches, and drops those between.
    fn cut_branch(&mut self, pointer: Root, bounds: Bounds<'_>) -> Result<Root, TableError> {
        let own = self.own_page(pointer)?;
        let body = self.own.body(own.page);
        let first = branch::child(body, bounds.0);
        let last = bounds.1.map_or(node::cells(body) - 1, |to| branch::child(body, to));
        let between: Vec<Root> =
            (first + 1..last).map(|index| branch::pointer(self.own.body(own.page), index)).collect();
        if last > first {
            self.cut_child(own.page, last, bounds)?;
            let body = self.own.body_mut(own.page);
            (first + 1..last).rev().for_each(|index| remove_child(body, index));
        }
        self.cut_child(own.page, first, bounds)?;
        between.into_iter().try_for_each(|subtree| self.drop_tree(subtree))?;
        if node::cells(self.own.body(own.page)) == 0 {
            self.free_page(own);
            return Ok(Root::EMPTY);
        }
        self.join_if_small(own.page, first);
        Ok(Root { count: branch::count(self.own.body(own.page)), ..own })
    }

    /// Cuts the range out of a child of one of the writer's own branches, and removes the child if nothing is left.
    fn cut_child(&mut self, parent: u64, index: usize, bounds: Bounds<'_>) -> Result<(), TableError> {
        let body = self.own.body(parent);
        descend::child(&self.own.table().pages, body, index)?;
        let left = self.cut_below(branch::pointer(body, index), bounds)?;
        let body = self.own.body_mut(parent);
        if left.is_empty() {
            remove_child(body, index)
        } else {
            branch::set_pointer(body, index, left)
        }
        Ok(())
    }

    /// Joins the child at `index`, if there is one, with a neighbour if it was changed and became small.
    fn join_if_small(&mut self, parent: u64, index: usize) {
        let is_small = |body: &Body| node::used(body) < JOIN_BELOW;
        let body = self.own.body(parent);
        if index >= node::cells(body) || node::cells(body) < 2 {
            return;
        }
        let child = branch::pointer(body, index);
        if child.generation == self.space.generation() && is_small(self.own.body(child.page)) {
            self.join(parent, index);
        }
    }

    /// A page of the writer's own with the content of a page that was checked, in its place.
    fn own_page(&mut self, pointer: Root) -> Result<Root, TableError> {
        let generation = self.space.generation();
        if pointer.generation == generation {
            return Ok(pointer);
        }
        self.ensure(1, Need::Headroom)?;
        let page = self.space.allocate();
        self.own.copy_node(pointer.page, page, generation);
        debug_assert_eq!(page::number(self.own.body(page)), page);
        self.free_page(pointer);
        Ok(Root { page, generation, count: pointer.count })
    }
}
