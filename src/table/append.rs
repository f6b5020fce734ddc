//! Appending a range of the cells of one tree to another. Whole leaves are copied as pages, so that it takes little more
//! time than copying the tree.

use std::ops::Range;

use smallvec::SmallVec;

use super::{
    branch, descend,
    error::{CorruptReason, TableError},
    fill::Filler,
    insert::Split,
    node::{self, KeyBytes, STEM_BYTES},
    page,
    path::Path,
    root::{CellRoots, Root},
    writer::{Need, TableWriter},
};

/// Long keys are copied one by one, so many at a time.
const LONG_KEYS_MAX: u64 = 64;

/// The damage of a tree that holds keys in another order than it should.
const OUT_OF_ORDER: CorruptReason = CorruptReason::Structure("keys that are not above those before them");

/// A leaf that holds a position.
struct Found {
    /// The leaf; its count is the number of its cells.
    leaf: Root,
    /// Index of the cell at the position.
    index: u64,
    /// Whether it holds long keys, so that positions and cells are not the same.
    has_stems: bool,
}

impl TableWriter {
    /// Appends the cells at `positions` of the tree `from` to `to`, with copies of their trees. All keys of `to` must be
    /// below theirs. On an error, some were appended.
    pub fn append_range(
        &mut self,
        to: &mut Root,
        from: Root,
        positions: Range<u64>,
    ) -> Result<(), TableError> {
        let mut at = positions.start;
        while at < positions.end.min(from.count) {
            let left = positions.end.min(from.count) - at;
            let Found { leaf, index, has_stems } = self.find_leaf(from, at)?;
            at += if has_stems {
                self.append_cells(to, from, at, left.min(LONG_KEYS_MAX))?
            } else if index == 0 && leaf.count <= left {
                self.append_leaf(to, leaf)?
            } else {
                self.append_cells(to, from, at, left.min(leaf.count - index))?
            };
        }
        Ok(())
    }

    /// The leaf that holds a position, which the tree must have.
    fn find_leaf(&self, root: Root, position: u64) -> Result<Found, TableError> {
        let pages = &self.own.table().pages;
        let (mut body, mut pointer, mut left) = (descend::top(pages, root)?, root, position);
        while !node::is_leaf(body) {
            let mut index = 0;
            pointer = branch::pointer(body, 0);
            while left >= pointer.count {
                left -= pointer.count;
                index += 1;
                if index == node::cells(body) {
                    let reason = CorruptReason::Structure("counts that are too high");
                    return Err(TableError::corrupt(page::number(body), reason));
                }
                pointer = branch::pointer(body, index);
            }
            body = descend::child(pages, body, index)?;
        }
        let has_stems = node::stems(body) > 0;
        let count = node::cells(body) as u64;
        if !has_stems && left >= count {
            return Err(TableError::corrupt(
                pointer.page,
                CorruptReason::Structure("counts that are too high"),
            ));
        }
        Ok(Found { leaf: Root { count, ..pointer }, index: left, has_stems })
    }

    /// Appends a copy of a leaf without long keys, as if the last leaf had been split before it. Returns its number of
    /// cells.
    fn append_leaf(&mut self, to: &mut Root, leaf: Root) -> Result<u64, TableError> {
        if to.is_empty() {
            *to = self.copy_tree(leaf)?;
            return Ok(leaf.count);
        }
        let mut bytes: KeyBytes = [0; STEM_BYTES];
        let first = node::key(descend::top(&self.own.table().pages, leaf)?, 0, &mut bytes).to_vec();
        let mut path = Path::new();
        let Err(index) = self.descend(*to, &first, &mut path)? else {
            return Err(TableError::corrupt(leaf.page, OUT_OF_ORDER));
        };
        // A split page of every level, and a new top.
        self.ensure(2 * path.len() as u64 + 2, Need::Room)?;
        self.own_path(to, &mut path);
        let last = path[path.len() - 1].page;
        if index != node::cells(self.own.body(last)) {
            return Err(TableError::corrupt(leaf.page, OUT_OF_ORDER));
        }
        let right = self.copy_tree(leaf)?;
        let split = Split::between(self.own.body(last), &first, right);
        self.raise(to, &path, Some(split), leaf.count as i64);
        Ok(leaf.count)
    }

    /// Appends cells one by one. Returns how many there were.
    fn append_cells(
        &mut self,
        to: &mut Root,
        from: Root,
        position: u64,
        count: u64,
    ) -> Result<u64, TableError> {
        let mut cells: Vec<(Vec<u8>, Vec<u8>, CellRoots)> = Vec::new();
        {
            let view = self.view();
            let mut cursor = view.cursor(from);
            let mut next = cursor.seek_nth(position)?;
            while let Some((key, cell)) = next {
                cells.push((key.to_vec(), cell.bytes.to_vec(), cell.roots));
                next = if (cells.len() as u64) < count { cursor.next()? } else { None };
            }
        }
        if cells.is_empty() {
            return Err(TableError::corrupt(from.page, CorruptReason::Structure("counts that are too high")));
        }
        let mut filler = Filler::new(*to);
        for (key, bytes, roots) in &cells {
            let copies = roots.iter().map(|root| self.copy_tree(*root));
            let copies = copies.collect::<Result<SmallVec<[Root; 3]>, _>>()?;
            if !filler.replace(self, key, [bytes, &[]], &copies, |_| ())? {
                return Err(TableError::corrupt(from.page, OUT_OF_ORDER));
            }
        }
        *to = filler.finish(self);
        Ok(cells.len() as u64)
    }
}
