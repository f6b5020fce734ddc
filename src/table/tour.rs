//! A tour through all trees of a table, in key order, that can be interrupted and resumed.
//!
//! Its position is kept as keys, which are still ordered in a later version. So a tour that takes hours keeps no page
//! from being reused. A nested tree is visited when its cell is reached.

use super::{
    descend, leaf,
    node::{self, KEY_BYTES_MAX, STEM_BYTES},
    page::Body,
    root::Root,
    view::View,
};

/// Maximum depth of nested trees: a key and a key of its own tree may each be split into stems.
const PLACES_MAX: usize = 3 * (KEY_BYTES_MAX / STEM_BYTES + 2);

/// Progress of a tour.
pub(super) struct Tour {
    /// Slot of the named tree that it is in.
    pub slot: usize,
    /// Its position: a place in the named tree, one in a tree of the cell there, and so on; never empty.
    pub places: Vec<Place>,
}

/// A place in one tree.
#[derive(Clone, Default)]
pub(super) struct Place {
    /// Keys below this one are done.
    pub key: Vec<u8>,
    /// Number of trees of this key's cell that are done.
    pub trees_done: usize,
    /// The last page visited at each depth, so that a caller can process each page once: a branch leads to many leaves,
    /// a leaf may lead to many trees.
    pub way: Vec<Root>,
}

impl Tour {
    /// At the start of the first tree.
    pub(super) fn new() -> Self {
        Self { slot: 0, places: vec![Place::default()] }
    }

    /// The innermost place.
    pub(super) fn place(&mut self) -> &mut Place {
        self.places.last_mut().expect("a place")
    }

    /// The tree of the innermost place, in this version. If a cell on the path is gone, the tour goes back to the place
    /// after it.
    pub(super) fn enter(&mut self, view: &View<'_>) -> Option<Root> {
        let mut root = view.root(self.slot);
        for depth in 0..self.places.len() - 1 {
            let place = &self.places[depth];
            let cell = descend::find(view.pages(), root, &place.key);
            let cell = cell.ok().flatten().map(|(body, index)| leaf::cell(body, index));
            match cell.as_ref().and_then(|cell| cell.roots.as_slice().get(place.trees_done)) {
                Some(inner) => root = *inner,
                None => {
                    self.places.truncate(depth + 1);
                    let place = &mut self.places[depth];
                    place.key.push(0);
                    place.trees_done = 0;
                    return None;
                }
            }
        }
        Some(root)
    }

    /// Goes on from a visited leaf of the innermost tree: into the next tree of one of its cells, or to `to`, the first
    /// key after the leaf. `false` if the trees are nested deeper than possible.
    pub(super) fn go_on_from(&mut self, leaf: &Body, to: Option<Vec<u8>>) -> bool {
        let Some((key, trees_done)) = next_tree(leaf, self.place()) else {
            self.go_on(to);
            return true;
        };
        let place = self.place();
        (place.key, place.trees_done) = (key, trees_done);
        if self.places.len() < PLACES_MAX {
            self.places.push(Place::default());
            return true;
        }
        self.place().trees_done += 1;
        false
    }

    /// Goes on in the innermost tree at `to`, or leaves it if `to` is `None`.
    pub(super) fn go_on(&mut self, to: Option<Vec<u8>>) {
        match to {
            // The next key must be above those seen; otherwise pages out of order would lead around in a circle.
            Some(key) if key > self.place().key => {
                let place = self.place();
                (place.key, place.trees_done) = (key, 0);
            }
            _ => self.leave(),
        }
    }

    /// Leaves the innermost tree, which is done.
    pub(super) fn leave(&mut self) {
        self.places.pop();
        match self.places.last_mut() {
            Some(place) => place.trees_done += 1,
            None => {
                self.places.push(Place::default());
                self.slot += 1;
            }
        }
    }
}

/// The first cell of a leaf, from a place on, with a tree that is not done: its key, and how many of its trees are
/// done.
fn next_tree(leaf: &Body, place: &Place) -> Option<(Vec<u8>, usize)> {
    let found = node::search(leaf, 0, &place.key);
    let start = found.unwrap_or_else(|index| index);
    (start..node::cells(leaf)).find_map(|index| {
        let done = if found == Ok(index) { place.trees_done } else { 0 };
        let roots = leaf::cell(leaf, index).roots;
        let next = (done..roots.as_slice().len()).find(|root| !roots.as_slice()[*root].is_empty())?;
        Some((node::key(leaf, index, &mut [0; STEM_BYTES]).to_vec(), next))
    })
}
