//! Cursors: a position among the keys of a tree, which moves in both directions.
//!
//! The path from the top page to the position is kept as frames. A stem is one more level of descent: below the leaf
//! that holds it come the frames of its tree, and the key so far becomes the start of their keys.

use smallvec::SmallVec;

use super::{
    branch,
    budget::{Budget, LEAF, LOOKUP},
    descend,
    error::{CorruptReason, TableError},
    leaf,
    node::{self, KEY_BYTES_MAX, STEM_BYTES},
    page::Body,
    pages::Pages,
    root::{Cell, Root},
};

/// A page on the path and the cell that the path takes there.
#[derive(Clone, Copy)]
struct Frame<'v> {
    /// The page.
    body: &'v Body,
    /// Index of the cell.
    index: usize,
    /// Number of bytes of the whole key before the part that this tree holds.
    key_base: usize,
}

/// The position of a cursor.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// No position yet.
    Fresh,
    /// On the key that the frames lead to.
    On,
    /// Before the first key.
    Before,
    /// After the last key.
    After,
}

/// A key and its cell. The key's bytes are borrowed from the cursor until it moves.
pub type Item<'c, 'v> = (&'c [u8], Cell<'v>);

/// A position among the keys of one tree, in byte order.
pub struct Cursor<'v> {
    /// The pages of the version.
    pages: &'v Pages,
    /// The tree.
    root: Root,
    /// How much may be visited; `None`: everything.
    budget: Option<&'v Budget>,
    /// The kind of position.
    place: Place,
    /// The path to the position; the last frame is a leaf when `place` is `On`.
    frames: SmallVec<[Frame<'v>; 8]>,
    /// The key at the position.
    key: SmallVec<[u8; 64]>,
}

impl<'v> Cursor<'v> {
    /// A cursor without a position.
    pub(super) fn new(pages: &'v Pages, root: Root, budget: Option<&'v Budget>) -> Cursor<'v> {
        Cursor { pages, root, budget, place: Place::Fresh, frames: SmallVec::new(), key: SmallVec::new() }
    }

    /// Moves to the first key that is not below `key`. If there is none, `prev` moves to the last key.
    pub fn seek(&mut self, key: &[u8]) -> Result<Option<Item<'_, 'v>>, TableError> {
        self.moved(|cursor| cursor.find(key), Place::After)
    }

    /// Moves to the last key.
    pub fn seek_last(&mut self) -> Result<Option<Item<'_, 'v>>, TableError> {
        self.moved(|cursor| cursor.start(false), Place::Before)
    }

    /// Moves to the key at `position`, 0 for the first. If there is none, `prev` moves to the last key.
    pub fn seek_nth(&mut self, position: u64) -> Result<Option<Item<'_, 'v>>, TableError> {
        self.moved(|cursor| cursor.find_nth(position), Place::After)
    }

    /// Moves to the next key; without a position, or before the first key, to the first.
    #[allow(clippy::should_implement_trait)]
    #[inline]
    pub fn next(&mut self) -> Result<Option<Item<'_, 'v>>, TableError> {
        if self.place == Place::On && self.step_in_leaf(true) {
            return Ok(self.read_rest());
        }
        match self.place {
            Place::On => self.moved(|cursor| cursor.step(true), Place::After),
            Place::After => Ok(None),
            Place::Fresh | Place::Before => self.moved(|cursor| cursor.start(true), Place::After),
        }
    }

    /// Moves to the previous key; without a position, or after the last key, to the last.
    #[inline]
    pub fn prev(&mut self) -> Result<Option<Item<'_, 'v>>, TableError> {
        if self.place == Place::On && self.step_in_leaf(false) {
            return Ok(self.read_rest());
        }
        match self.place {
            Place::On => self.moved(|cursor| cursor.step(false), Place::Before),
            Place::Before => Ok(None),
            Place::Fresh | Place::After => self.moved(|cursor| cursor.start(false), Place::Before),
        }
    }

    /// A walk over the cells from `position` on, 0 for the first, towards the last key or the first.
    pub fn cells(mut self, position: u64, forward: bool) -> Result<Cells<'v>, TableError> {
        self.seek_nth(position)?;
        Ok(Cells { cursor: self, forward, begun: false })
    }

    /// The key at the cursor's position and its cell.
    pub fn current(&self) -> Option<Item<'_, 'v>> {
        let frame = self.frames.last().filter(|_| self.place == Place::On)?;
        Some((&self.key, leaf::cell(frame.body, frame.index)))
    }

    /// Runs a move. `off` is the position if the move finds no key. After an error there is no position.
    fn moved(
        &mut self,
        step: impl FnOnce(&mut Self) -> Result<bool, TableError>,
        off: Place,
    ) -> Result<Option<Item<'_, 'v>>, TableError> {
        let is_walk = self.place == Place::On;
        self.place = Place::Fresh;
        if let Some(budget) = self.budget {
            budget.spend(if is_walk { LEAF } else { LOOKUP })?;
        }
        let on = step(self)?;
        self.place = if on { Place::On } else { off };
        if on {
            self.read_key();
        }
        Ok(self.current())
    }

    /// Assembles the key at the position.
    fn read_key(&mut self) {
        if let Some(&Frame { body, index, key_base }) = self.frames.last() {
            self.key.truncate(key_base);
            node::key_pieces(body, index, |piece| self.key.extend_from_slice(piece));
        }
    }

    /// Moves to the neighbour if it is in the same leaf and no stem. Does not update `key`.
    #[inline]
    fn step_in_leaf(&mut self, forward: bool) -> bool {
        let Some(frame) = self.frames.last_mut() else { return false };
        if frame.index == node::edge(frame.body, !forward) || node::stems(frame.body) > 0 {
            return false;
        }
        frame.index = if forward { frame.index + 1 } else { frame.index - 1 };
        true
    }

    /// Assembles the key after a step within a leaf: the page's prefix is already there.
    #[inline]
    fn read_rest(&mut self) -> Option<Item<'_, 'v>> {
        let &Frame { body, index, key_base } = self.frames.last()?;
        self.key.truncate(key_base + node::prefix_len(body));
        node::rest_pieces(body, index, |piece| self.key.extend_from_slice(piece));
        Some((&self.key, leaf::cell(body, index)))
    }

    /// Goes to the first or the last key of the tree.
    fn start(&mut self, first: bool) -> Result<bool, TableError> {
        self.frames.clear();
        self.key.clear();
        if self.root.is_empty() {
            return Ok(false);
        }
        self.enter(self.root, 0, first)?;
        self.settle(first)?;
        Ok(true)
    }

    /// Puts the top page of a tree on the path.
    fn enter(&mut self, tree: Root, key_base: usize, first: bool) -> Result<(), TableError> {
        if key_base > KEY_BYTES_MAX {
            return Err(TableError::corrupt(tree.page, CorruptReason::Depth));
        }
        let body = descend::top(self.pages, tree)?;
        self.frames.push(Frame { body, index: node::edge(body, first), key_base });
        Ok(())
    }

    /// Descends from the last frame's cell to a key, always to the first or always to the last cell.
    fn settle(&mut self, first: bool) -> Result<(), TableError> {
        while let Some(&Frame { body, index, key_base }) = self.frames.last() {
            if !node::is_leaf(body) {
                let body = descend::child(self.pages, body, index)?;
                self.frames.push(Frame { body, index: node::edge(body, first), key_base });
            } else if node::is_stem(body, index) {
                self.enter_stem(first)?;
            } else {
                break;
            }
        }
        Ok(())
    }

    /// Goes from a stem into its tree.
    fn enter_stem(&mut self, first: bool) -> Result<(), TableError> {
        let &Frame { body, index, key_base } = self.frames.last().expect("a stem stands in a leaf");
        self.read_key();
        self.enter(descend::stem_at(body, index)?, key_base + STEM_BYTES, first)
    }

    /// Goes to the neighbour on one side.
    fn step(&mut self, forward: bool) -> Result<bool, TableError> {
        while let Some(frame) = self.frames.last_mut() {
            if frame.index != node::edge(frame.body, !forward) {
                frame.index = if forward { frame.index + 1 } else { frame.index - 1 };
                self.settle(forward)?;
                return Ok(true);
            }
            self.frames.pop();
        }
        Ok(false)
    }

    /// Goes to the first key that is not below `key`.
    fn find(&mut self, key: &[u8]) -> Result<bool, TableError> {
        self.frames.clear();
        self.key.clear();
        let (mut tree, mut rest, mut key_base) = (self.root, key, 0);
        if tree.is_empty() {
            return Ok(false);
        }
        loop {
            let probe = &rest[..rest.len().min(STEM_BYTES)];
            self.enter(tree, key_base, true)?;
            let body = self.descend(|body| branch::child(body, probe))?;
            let frame = self.frames.last_mut().expect("a leaf was reached");
            match node::search(body, 0, probe) {
                Ok(index) => {
                    frame.index = index;
                    let Some(stem) = leaf::stem(body, index) else { return Ok(true) };
                    self.read_key();
                    (tree, rest, key_base) = (stem, &rest[STEM_BYTES..], key_base + STEM_BYTES);
                }
                Err(index) if index < node::cells(body) => {
                    frame.index = index;
                    self.settle(true)?;
                    return Ok(true);
                }
                Err(index) => {
                    frame.index = index - 1;
                    return self.step(true);
                }
            }
        }
    }

    /// Goes to the key at `position`.
    fn find_nth(&mut self, position: u64) -> Result<bool, TableError> {
        self.frames.clear();
        self.key.clear();
        if position >= self.root.count {
            return Ok(false);
        }
        let (mut tree, mut left, mut key_base) = (self.root, position, 0);
        loop {
            self.enter(tree, key_base, true)?;
            let mut total = tree.count;
            let body = self.descend(|body| {
                let count = |index| branch::pointer(body, index).count;
                let index = part_of(&mut left, total, node::cells(body), count);
                total = count(index);
                index
            })?;
            let index = match node::stems(body) {
                0 => left as usize,
                _ => part_of(&mut left, total, node::cells(body), |index| leaf::weight(body, index)),
            };
            let frame = self.frames.last_mut().expect("a leaf was reached");
            frame.index = index.min(node::cells(body) - 1);
            let Some(stem) = leaf::stem(body, frame.index) else { return Ok(true) };
            self.read_key();
            (tree, key_base) = (stem, key_base + STEM_BYTES);
        }
    }

    /// Descends from the last frame to a leaf, through the children that `choose` picks.
    fn descend(&mut self, mut choose: impl FnMut(&Body) -> usize) -> Result<&'v Body, TableError> {
        loop {
            let frame = self.frames.last_mut().expect("the path has a top");
            if node::is_leaf(frame.body) {
                return Ok(frame.body);
            }
            frame.index = choose(frame.body);
            let (body, key_base) = (descend::child(self.pages, frame.body, frame.index)?, frame.key_base);
            self.frames.push(Frame { body, index: 0, key_base });
        }
    }
}

/// A walk over cells. It does not assemble their keys.
pub struct Cells<'v> {
    /// Where the walk is. The cursor's `key` is an earlier one; only the bytes that come before the leaf's keys are
    /// right.
    cursor: Cursor<'v>,
    /// Whether the walk goes towards the last key.
    forward: bool,
    /// Whether the first cell has been returned.
    begun: bool,
}

impl<'v> Cells<'v> {
    /// The next cell.
    #[allow(clippy::should_implement_trait)]
    #[inline]
    pub fn next(&mut self) -> Result<Option<Cell<'v>>, TableError> {
        let is_first = !std::mem::replace(&mut self.begun, true);
        if is_first || !self.cursor.step_in_leaf(self.forward) {
            return self.next_leaf(is_first);
        }
        Ok(self.cursor.frames.last().map(|frame| leaf::cell(frame.body, frame.index)))
    }

    /// The first cell of the next leaf, or the first one of all.
    fn next_leaf(&mut self, is_first: bool) -> Result<Option<Cell<'v>>, TableError> {
        let item = match (is_first, self.forward) {
            (true, _) => self.cursor.current(),
            (false, true) => self.cursor.next()?,
            (false, false) => self.cursor.prev()?,
        };
        Ok(item.map(|(_, cell)| cell))
    }
}

/// Index of the part that position `left` falls into, of `parts` that hold `total` together; `left` becomes the
/// position inside that part. If the parts hold too few, it is the last or the first part. The parts are counted from
/// the nearer end.
fn part_of(left: &mut u64, total: u64, parts: usize, part: impl Fn(usize) -> u64) -> usize {
    if *left < total / 2 {
        for index in 0..parts - 1 {
            let part = part(index);
            if *left < part {
                return index;
            }
            *left -= part;
        }
        return parts - 1;
    }
    let mut behind = total.saturating_sub(*left);
    for index in (1..parts).rev() {
        let part = part(index);
        if behind <= part {
            *left = part - behind;
            return index;
        }
        behind -= part;
    }
    *left = part(0).saturating_sub(behind);
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_falls_into_the_same_part_from_either_side() {
        let parts = [3, 0, 5, 1, 7, 2];
        let total: u64 = parts.iter().sum();
        let mut position = 0;
        for (index, part) in parts.iter().enumerate() {
            for inside in 0..*part {
                let mut left = position;
                let found = part_of(&mut left, total, parts.len(), |index| parts[index]);
                assert_eq!((found, left), (index, inside), "position {position}");
                position += 1;
            }
        }
        assert_eq!(position, total);
    }

    #[test]
    fn a_position_behind_all_parts_of_a_damaged_page_falls_into_one_of_them() {
        for total in [0, 1, 9, u64::MAX] {
            for position in [0, 1, 8, 1 << 40] {
                let mut left = position;
                assert!(part_of(&mut left, total, 3, |_| 2) < 3);
            }
        }
    }
}
