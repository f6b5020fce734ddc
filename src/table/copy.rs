//! Copying whole trees, page by page: the copy has pages of its own with the same cells in the same places.

use super::{
    branch, descend,
    error::{CorruptReason, TableError},
    leaf,
    node::{self, KEY_BYTES_MAX, STEM_BYTES},
    root::Root,
    writer::{Need, TableWriter},
};

/// Maximum number of trees around a tree: those of the stems of a long key, and of a few cells. A damaged tree that is
/// in one of its own cells is not followed for ever.
const NESTING_MAX: usize = KEY_BYTES_MAX / STEM_BYTES + 4;

impl TableWriter {
    /// A copy of a tree, with copies of the trees in its cells. Pages are taken one by one: on an error, those of the
    /// unfinished copy stay taken until the generation is rolled back.
    pub fn copy_tree(&mut self, original: Root) -> Result<Root, TableError> {
        self.copy_nested(original, 0)
    }

    /// Copies a tree that is inside `depth` others.
    fn copy_nested(&mut self, original: Root, depth: usize) -> Result<Root, TableError> {
        if original.is_empty() {
            return Ok(Root::EMPTY);
        }
        if depth > NESTING_MAX {
            return Err(TableError::corrupt(original.page, CorruptReason::Depth));
        }
        descend::top(&self.own.table().pages, original)?;
        self.copy_below(original, depth)
    }

    /// Copies a page that was checked, and everything below it.
    fn copy_below(&mut self, original: Root, depth: usize) -> Result<Root, TableError> {
        self.ensure(1, Need::Room)?;
        let (page, generation) = (self.space.allocate(), self.space.generation());
        self.own.copy_node(original.page, page, generation);
        self.work.copies += 1;
        let cells = node::cells(self.own.body(page));
        if node::is_leaf(self.own.body(page)) {
            (0..cells).try_for_each(|index| self.copy_trees_of(page, index, depth))?;
        } else {
            (0..cells).try_for_each(|index| self.copy_child(page, index, depth))?;
        }
        Ok(Root { page, generation, count: original.count })
    }

    /// Replaces a child in the copy of a branch by a copy.
    fn copy_child(&mut self, page: u64, index: usize, depth: usize) -> Result<(), TableError> {
        let body = self.own.body(page);
        descend::child(&self.own.table().pages, body, index)?;
        let copy = self.copy_below(branch::pointer(body, index), depth)?;
        branch::set_place(self.own.body_mut(page), index, copy.page, copy.generation);
        Ok(())
    }

    /// Replaces the trees of a cell in the copy of a leaf by copies.
    fn copy_trees_of(&mut self, page: u64, index: usize, depth: usize) -> Result<(), TableError> {
        let body = self.own.body(page);
        if node::root_bytes(body, index) == 0 {
            return Ok(());
        }
        let roots = leaf::cell(body, index).roots;
        for (number, root) in roots.iter().enumerate() {
            let copy = self.copy_nested(*root, depth + 1)?;
            leaf::set_root(self.own.body_mut(page), index, number, copy);
        }
        Ok(())
    }
}
