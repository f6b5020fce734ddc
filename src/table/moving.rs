//! Moving pages down, away from the end of a file that is to shrink.
//!
//! After most keys were deleted, the remaining ones are spread over the whole file, and a single page at its end keeps
//! it long. So while the file is to become shorter, all trees are visited, some leaves before each checkpoint. Every
//! path to a leaf that has a page above the ceiling is copied as for a change; nothing else about the tree changes. The
//! old pages are released when the checkpoint is durable, and then the file's end is free. Pages that change in the
//! meantime move down too, for no page above the ceiling is allocated.

use super::{
    error::TableError,
    leaf,
    node::{self, STEM_BYTES},
    page::Body,
    path::{Node, Path},
    root::DROPPED_SLOT,
    tour::Tour,
    writer::{Need, TableWriter},
};

/// Work before one checkpoint: 5 to 10 ms in which the writer does nothing else.
const WORK_MAX: u64 = 4096;
/// Work of a visit to a leaf in memory.
const LOOK: u64 = 1;
/// Work of a visit to a leaf that must be read from the device.
const COLD_LOOK: u64 = 64;
/// Work of copying a page.
const MOVE: u64 = 2;

impl TableWriter {
    /// Moves some pages down if the file is to become shorter; returns whether any was moved. The content of the
    /// writer's version stays the same. To be called before the checkpoint's version is frozen.
    pub fn move_down(&mut self) -> Result<bool, TableError> {
        let Some(plan) = self.plan_tail() else { return Ok(false) };
        if !self.space.is_live_from(plan.pages) {
            return Ok(false);
        }
        // The other half of the free pages is for changes, and for the checkpoint's own pages.
        let moves_max = self.space.free_below_ceiling() / 2;
        let (mut work, mut moved) = (0, 0);
        let mut tour = std::mem::replace(&mut self.tail.tour, Tour::new());
        while work < WORK_MAX && moved < moves_max {
            if tour.slot == DROPPED_SLOT {
                // The next checkpoint starts over. Dropped trees are freed where they are.
                tour = Tour::new();
                break;
            }
            let copied = self.visit(&mut tour, &mut work)?;
            (work, moved) = (work + MOVE * copied, moved + copied);
        }
        self.tail.tour = tour;
        if moved > 0 {
            self.tail_is_nearer();
        }
        Ok(moved > 0)
    }

    /// Goes on by one leaf, or enters or leaves one tree. Returns the number of pages copied.
    fn visit(&mut self, tour: &mut Tour, work: &mut u64) -> Result<u64, TableError> {
        *work += LOOK;
        let Some(root) = tour.enter(&self.view()) else { return Ok(0) };
        if root.is_empty() {
            tour.leave();
            return Ok(0);
        }
        let key = &tour.place().key;
        *work += if self.view().is_cached(root, key) { 0 } else { COLD_LOOK };
        let mut path = Path::new();
        if self.descend(root, key, &mut path).is_err() {
            // Whoever needs the page will report the damage. The rest of the tree stays where it is.
            tour.leave();
            return Ok(0);
        }
        let high = path.iter().any(|node| self.is_too_high(node));
        let copied = if high { self.move_way(tour, &mut path)? } else { 0 };
        let to = first_behind(&path, |page| self.own.body(page));
        tour.go_on_from(self.own.body(path[path.len() - 1].page), to);
        Ok(copied)
    }

    /// Whether a page should and can be moved: pages of the current generation stay until the next.
    fn is_too_high(&self, node: &Node) -> bool {
        self.space.is_above_ceiling(node.page) && node.generation != self.space.generation()
    }

    /// Copies all pages on the path to the tour's current leaf, from the named tree on, unless they are of this
    /// generation. `path` is the path through the innermost tree. Returns the number of pages copied.
    fn move_way(&mut self, tour: &Tour, path: &mut Path) -> Result<u64, TableError> {
        let (outer, _) = tour.places.split_at(tour.places.len() - 1);
        let mut tree = self.roots[tour.slot];
        let mut ways = Vec::with_capacity(outer.len());
        for place in outer {
            let mut way = Path::new();
            let Ok(index) = self.descend(tree, &place.key, &mut way)? else { return Ok(0) };
            let cell = leaf::cell(self.own.body(way[way.len() - 1].page), index);
            let inner = cell.roots.as_slice()[place.trees_done];
            ways.push((tree, way, index, place.trees_done));
            tree = inner;
        }
        let nodes = path.iter().chain(ways.iter().flat_map(|(_, way, ..)| way));
        let generation = self.space.generation();
        let pages = nodes.filter(|node| node.generation != generation).count() as u64;
        match self.ensure(pages, Need::Spare) {
            Err(TableError::Full { .. }) => return Ok(0),
            done => done?,
        }
        self.own_path(&mut tree, path);
        for (mut root, mut way, index, number) in ways.into_iter().rev() {
            self.own_path(&mut root, &mut way);
            leaf::set_root(self.own.body_mut(way[way.len() - 1].page), index, number, tree);
            tree = root;
        }
        self.roots[tour.slot] = tree;
        Ok(pages)
    }
}

/// The first key after the leaf at the end of a path; `None` at the end of the tree.
fn first_behind<'p>(path: &[Node], body: impl Fn(u64) -> &'p Body) -> Option<Vec<u8>> {
    let (_, branches) = path.split_last()?;
    branches.iter().rev().find_map(|node| {
        let body = body(node.page);
        let next = node.index + 1;
        (next < node::cells(body)).then(|| node::key(body, next, &mut [0; STEM_BYTES]).to_vec())
    })
}
