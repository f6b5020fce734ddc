//! Freeing whole trees, a slice at a time.
//!
//! A dropped tree is unlinked at once; its pages are freed later, a few in each call of `reclaim`. What waits is in a
//! tree of the table's own (slot 127), so it survives restarts:
//!
//! ```text
//! key    8 bytes, big-endian: place in the queue; the highest is worked on first
//! bytes  2 bytes, little-endian: index of the first child that is not freed yet
//! roots  the subtree
//! ```
//! A subtree is freed from its first child to its last: a leaf at once, a branch by queueing it above the subtree that
//! it belongs to. So the queue grows with the depth of trees, not with their size.

use super::{
    branch,
    cursor::Cursor,
    descend,
    error::TableError,
    leaf, node,
    page::{self, Body},
    root::{DROPPED_SLOT, Root},
    writer::{Need, TableWriter},
};

/// Pages for one step, apart from those for the nested trees that it finds: copies of the path, and splits.
const STEP_PAGES: u64 = 64;

/// The subtree that is being freed.
struct Work {
    /// Its key in the queue.
    key: [u8; 8],
    /// The subtree.
    root: Root,
    /// Index of the first child that is not freed yet.
    child: u16,
}

impl TableWriter {
    /// Drops a tree: a small one is freed now, a larger one by later calls of `reclaim`. The root must not be used any
    /// more. On an error nothing was freed.
    pub fn drop_tree(&mut self, root: Root) -> Result<(), TableError> {
        if root.is_empty() {
            return Ok(());
        }
        let body = descend::top(&self.own.table().pages, root)?;
        if node::is_leaf(body) && nested(body).is_empty() {
            self.free_page(root);
            return Ok(());
        }
        self.enqueue(root)
    }

    /// Frees up to about `pages_max` pages of dropped trees and returns how many it freed; 0 if none wait.
    pub fn reclaim(&mut self, pages_max: usize) -> Result<usize, TableError> {
        let mut freed = 0;
        while freed < pages_max {
            let Some(work) = self.next_work()? else { break };
            freed += self.reclaim_step(work)?;
        }
        Ok(freed)
    }

    /// The subtree to work on.
    fn next_work(&mut self) -> Result<Option<Work>, TableError> {
        let mut cursor = Cursor::new(&self.own.table().pages, self.roots[DROPPED_SLOT], None);
        let Some((key, cell)) = cursor.seek_last()? else { return Ok(None) };
        let (Ok(key), Ok(child), [root]) = (key.try_into(), cell.bytes.try_into(), &*cell.roots) else {
            let reason = super::CorruptReason::Structure("a malformed queue of dropped trees");
            return Err(TableError::corrupt(self.roots[DROPPED_SLOT].page, reason));
        };
        Ok(Some(Work { key, root: *root, child: u16::from_le_bytes(child) }))
    }

    /// Frees one leaf, or queues one branch, or frees a branch that has no children left.
    fn reclaim_step(&mut self, work: Work) -> Result<usize, TableError> {
        let pages = &self.own.table().pages;
        let body = descend::top(pages, work.root)?;
        if node::is_leaf(body) {
            let trees = nested(body);
            self.ensure_step(&trees)?;
            self.dequeue(&work)?;
            return self.free_leaf(work.root, trees);
        }
        let index = usize::from(work.child);
        if index >= node::cells(body) {
            self.ensure_step(&[])?;
            self.dequeue(&work)?;
            self.free_page(work.root);
            return Ok(1);
        }
        let pointer = branch::pointer(body, index);
        // A child that cannot be read is reported and skipped, so that the rest is still freed.
        let child =
            descend::child(pages, body, index).map(|body| (node::is_leaf(body), nested_or_none(body)));
        let trees = child.as_ref().map_or(&[][..], |(_, trees)| trees);
        self.ensure_step(trees)?;
        self.advance(&work)?;
        match child? {
            (true, trees) => self.free_leaf(pointer, trees),
            (false, _) => self.enqueue(pointer).map(|()| 0),
        }
    }

    /// Makes sure that the pages that one step can take are free.
    fn ensure_step(&mut self, trees: &[Root]) -> Result<(), TableError> {
        self.ensure(STEP_PAGES + trees.len() as u64, Need::Headroom)
    }

    /// Frees a leaf and drops the trees in its cells. An error in one tree is returned after the others were dropped.
    fn free_leaf(&mut self, leaf: Root, trees: Vec<Root>) -> Result<usize, TableError> {
        self.free_page(leaf);
        let mut outcome = Ok(1);
        for tree in trees {
            if let Err(error) = self.drop_tree(tree) {
                outcome = Err(error);
            }
        }
        outcome
    }

    /// Puts a subtree into the queue.
    fn enqueue(&mut self, root: Root) -> Result<(), TableError> {
        if self.dropped_next == 0 {
            let reason = super::CorruptReason::Structure("a queue of dropped trees that is at its end");
            let full = TableError::corrupt(self.roots[DROPPED_SLOT].page, reason);
            self.dropped_next = self.last_place()?.checked_add(1).ok_or(full)?;
        }
        let mut queue = self.roots[DROPPED_SLOT];
        let payload_root = root.encode();
        let payload = node::Payload::new([&[0, 0], &[]], &payload_root);
        let outcome =
            self.put(&mut queue, &self.dropped_next.to_be_bytes(), payload, 1, Need::Headroom, |_| ());
        self.roots[DROPPED_SLOT] = queue;
        outcome?;
        self.dropped_next += 1;
        Ok(())
    }

    /// The highest position in the queue, 0 if it is empty.
    fn last_place(&self) -> Result<u64, TableError> {
        let mut cursor = Cursor::new(&self.own.table().pages, self.roots[DROPPED_SLOT], None);
        let last = cursor.seek_last()?;
        Ok(last.and_then(|(key, _)| key.try_into().ok()).map_or(0, u64::from_be_bytes))
    }

    /// Takes a subtree out of the queue.
    fn dequeue(&mut self, work: &Work) -> Result<(), TableError> {
        let mut queue = self.roots[DROPPED_SLOT];
        let outcome = self.take(&mut queue, &work.key, |_| ());
        self.roots[DROPPED_SLOT] = queue;
        outcome.map(|_| ())
    }

    /// Notes in the queue that one more child is freed.
    fn advance(&mut self, work: &Work) -> Result<(), TableError> {
        let mut queue = self.roots[DROPPED_SLOT];
        let next = (work.child + 1).to_le_bytes();
        let outcome = self.change(&mut queue, &work.key, |bytes| bytes.copy_from_slice(&next));
        self.roots[DROPPED_SLOT] = queue;
        outcome.map(|_| ())
    }
}

/// The trees that the cells of a leaf hold, including those of stems.
pub(super) fn nested(body: &Body) -> Vec<Root> {
    debug_assert!(node::is_leaf(body));
    let cells = (0..node::cells(body)).filter(|index| node::root_bytes(body, *index) > 0);
    let roots = cells.flat_map(|index| leaf::cell(body, index).roots.as_slice().to_vec());
    roots.filter(|root| !root.is_empty()).collect()
}

/// The trees that the cells of a leaf hold; none if the page is a branch.
fn nested_or_none(body: &Body) -> Vec<Root> {
    if page::level(body) == 0 { nested(body) } else { Vec::new() }
}
