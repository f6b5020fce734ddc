//! Removing many keys from a tree. Those that are in the leaf of the last one cost no descent: they are removed from it
//! at once, and the pages above it are updated once.

use super::{
    error::TableError,
    leaf,
    node::{self, STEM_BYTES},
    path::Path,
    root::{Cell, CellRoots, Root},
    writer::{Need, TableWriter},
};

/// Removes keys from a tree, in any order; keys in ascending order are the fast case. Gives the same keys as
/// [`TableWriter::extract`].
///
/// Meanwhile nothing else may change the tree, and it is whole only after [`Remover::finish`].
#[must_use = "the tree is whole only when it is finished"]
pub struct Remover {
    /// The tree, with the keys that were removed since the path was found.
    root: Root,
    /// The path to the leaf of the last key that was removed; empty if it is not known.
    path: Path,
    /// Number of cells of that leaf when it was found.
    before: usize,
    /// Number of its keys that were removed, and are still counted above it.
    removed: u64,
    /// Index in the leaf after the last key that was removed.
    next: usize,
}

impl Remover {
    /// Removes keys from the tree `root`.
    pub fn new(root: Root) -> Self {
        Self { root, path: Path::new(), before: 0, removed: 0, next: 0 }
    }

    /// Does what [`TableWriter::extract`] does.
    pub fn extract(
        &mut self,
        table: &mut TableWriter,
        key: &[u8],
        see: impl FnOnce(Cell<'_>),
    ) -> Result<Option<CellRoots>, TableError> {
        if key.len() >= STEM_BYTES {
            self.settle(table);
            return table.extract(&mut self.root, key, see);
        }
        if let Some(leaf) = self.path.last().filter(|leaf| leaf.generation == table.generation())
            && let Ok(index) = node::search(table.own.body(leaf.page), self.next, key)
        {
            return Ok(Some(self.take(table, index, see)));
        }
        self.settle(table);
        if self.root.is_empty() {
            return Ok(None);
        }
        let mut path = Path::new();
        let Ok(index) = table.descend(self.root, key, &mut path)? else { return Ok(None) };
        table.ensure(path.len() as u64, Need::Headroom)?;
        table.own_path(&mut self.root, &mut path);
        self.before = node::cells(table.own.body(path[path.len() - 1].page));
        self.path = path;
        Ok(Some(self.take(table, index, see)))
    }

    /// The tree without the keys.
    pub fn finish(mut self, table: &mut TableWriter) -> Root {
        self.settle(table);
        self.root
    }

    /// Removes the cell at `index` of the leaf, which is no stem, and shows it to `see`.
    fn take(&mut self, table: &mut TableWriter, index: usize, see: impl FnOnce(Cell<'_>)) -> CellRoots {
        let body = table.own.body_mut(self.path[self.path.len() - 1].page);
        let cell = leaf::cell(body, index);
        let roots = cell.roots;
        see(cell);
        node::remove(body, index);
        self.removed += 1;
        self.next = index;
        roots
    }

    /// Has the pages above the leaf follow, and forgets the path.
    fn settle(&mut self, table: &mut TableWriter) {
        if self.removed > 0 {
            table.work.neighbours += self.removed;
            table.lower(&mut self.root, &self.path, self.removed, self.before);
            self.removed = 0;
        }
        self.path.clear();
    }
}
