//! Putting many cells into a tree. Those that go on at an end of it, where the last one was put, cost no descent: they
//! are added to the same leaf as long as it has room, and the counts above it are updated once.

use super::{
    error::TableError,
    insert::{Put, encoded_roots},
    node::{self, Payload, STEM_BYTES},
    path::Path,
    root::{Cell, ROOT_BYTES, Root},
    writer::{Need, TableWriter},
};

/// An end of a tree.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Before the first key.
    First,
    /// After the last key.
    Last,
}

/// Puts cells into a tree, in any order; keys in ascending or descending order are the fast case. Gives the same tree
/// as [`TableWriter::insert`].
///
/// Meanwhile nothing else may change the tree, and it is whole only after [`Filler::finish`].
#[must_use = "the tree is whole only when it is finished"]
pub struct Filler {
    /// The tree, without the keys that were added since the path was found.
    root: Root,
    /// The path to the leaf at this end of the tree; empty if it is not known.
    path: Path,
    /// The end.
    end: End,
    /// Number of keys that were added to that leaf, and are not counted above it.
    added: u64,
}

impl Filler {
    /// Puts cells into the tree `root`.
    pub fn new(root: Root) -> Self {
        Self { root, path: Path::new(), end: End::Last, added: 0 }
    }

    /// Does what [`TableWriter::replace`] does.
    pub fn replace(
        &mut self,
        table: &mut TableWriter,
        key: &[u8],
        bytes: [&[u8]; 2],
        roots: &[Root],
        see: impl FnOnce(Cell<'_>),
    ) -> Result<bool, TableError> {
        if key.len() >= STEM_BYTES {
            self.settle(table);
            return table.replace(&mut self.root, key, bytes, roots, see);
        }
        let encoded = encoded_roots(bytes, roots)?;
        let payload = Payload::new(bytes, &encoded[..ROOT_BYTES * roots.len()]);
        if self.add_at_end(table, key, payload) {
            return Ok(true);
        }
        self.settle(table);
        let mut path = Path::new();
        let put = table.put_along(&mut self.root, &mut path, (key, payload), 1, Need::Room, see)?;
        if put == Put::Added
            && let Some(end) = table.end_of(&path)
        {
            (self.path, self.end) = (path, end);
        }
        Ok(put != Put::Replaced)
    }

    /// The tree with all cells.
    pub fn finish(mut self, table: &mut TableWriter) -> Root {
        self.settle(table);
        self.root
    }

    /// Adds a cell to the leaf at the end of the tree, if that is known, the key belongs there, and there is room.
    fn add_at_end(&mut self, table: &mut TableWriter, key: &[u8], payload: Payload<'_>) -> bool {
        let Some(leaf) = self.path.last().filter(|leaf| leaf.generation == table.generation()) else {
            return false;
        };
        let body = table.own.body_mut(leaf.page);
        let cells = node::cells(body);
        let (from, index) = if self.end == End::First { (0, 0) } else { (cells - 1, cells) };
        let Some(rest) = key.strip_prefix(node::prefix(body)) else { return false };
        if node::search(body, from, key) != Err(index) {
            return false;
        }
        let added = node::insert(body, index, rest, payload, &mut table.spare);
        self.added += u64::from(added);
        table.work.bytes += payload.len() as u64;
        added
    }

    /// Counts the keys that were added, and forgets the path.
    fn settle(&mut self, table: &mut TableWriter) {
        if self.added > 0 {
            table.work.neighbours += self.added;
            table.raise(&mut self.root, &self.path, None, self.added as i64);
            self.added = 0;
        }
        self.path.clear();
    }
}

impl TableWriter {
    /// The end of the tree at which the cell at the end of the path is.
    fn end_of(&self, path: &Path) -> Option<End> {
        let mut nodes = path.iter().rev();
        if nodes.clone().all(|node| node.index + 1 == node::cells(self.own.body(node.page))) {
            return Some(End::Last);
        }
        nodes.all(|node| node.index == 0).then_some(End::First)
    }
}
