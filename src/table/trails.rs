//! The ways to keys that will soon be changed, noted when their leaves are fetched.
//!
//! Before the writer runs a command it has the leaves of the keys fetched, some commands ahead; a little later, when
//! the leaves are there, the cells. What was found on the way is kept as a trail, so that the command need not search
//! again. Between the two other commands change the tree, so a trail is only believed as far as it can be followed: each
//! pointer on it must lead to the next page, and the cell at its end must have the key. Then it is the way to the key,
//! for a key is in a tree once.

use super::{
    branch, descend, node,
    node::STEM_BYTES,
    page::{self, BRANCH, Body},
    pages::Pages,
    path::{Node, Path},
    root::Root,
};

/// The most trails that are kept. A power of two, larger than the number of keys that are fetched ahead.
const TRAILS: usize = 64;

/// The trails of the keys that were fetched last.
pub(super) struct Trails {
    /// Each key has its place. Two keys of the same place take turns.
    places: Box<[Trail]>,
}

/// The way to a key, as it was when its leaf was fetched.
#[derive(Clone, Default)]
struct Trail {
    /// The pages from the top of the tree down to the leaf; empty if nothing is known.
    path: Path,
    /// Index of the cell in the leaf, once that is known.
    cell: Option<u16>,
}

/// A trail that was followed to its end.
pub(super) struct Followed<'t, 'p> {
    /// The way.
    pub path: &'t Path,
    /// The leaf.
    pub leaf: &'p Body,
    /// Index of the key's cell.
    pub index: usize,
}

impl Trails {
    /// No trails.
    pub(super) fn new() -> Trails {
        Trails { places: vec![Trail::default(); TRAILS].into() }
    }

    /// Descends to the leaf of a key, which is shorter than a stem, and keeps the way. Returns the leaf, which is not read.
    /// `None` if the tree has no branch, or a page is damaged: that shows up again when the key is used.
    #[inline]
    pub(super) fn note(&mut self, pages: &Pages, root: Root, key: &[u8]) -> Option<Node> {
        let trail = &mut self.places[place(key)];
        trail.path.clear();
        trail.cell = None;
        if root.is_empty() {
            return None;
        }
        let mut body = descend::top(pages, root).ok()?;
        while page::level(body) > 0 {
            let index = branch::child(body, key);
            trail.path.push(Node { page: page::number(body), generation: page::generation(body), index });
            if page::level(body) == 1 {
                let Root { page, generation, .. } = branch::pointer(body, index);
                let leaf = Node { page, generation, index: 0 };
                trail.path.push(leaf);
                return Some(leaf);
            }
            let Ok(below) = descend::child(pages, body, index) else { break };
            body = below;
        }
        trail.path.clear();
        None
    }

    /// Finds the cell of a key whose leaf was fetched, and keeps its index. Returns the leaf, and where the cell is in it.
    /// Forgets the trail of a key that is not there.
    #[inline]
    pub(super) fn note_cell<'p>(&mut self, pages: &'p Pages, key: &[u8]) -> Option<(&'p Body, usize)> {
        let trail = &mut self.places[place(key)];
        let end = trail.path.last()?;
        let leaf = pages.get_fetched(pointer(end)).ok().filter(|body| node::is_leaf(body));
        match leaf.and_then(|body| node::probable(body, key).map(|index| (body, index))) {
            Some((body, index)) => {
                trail.cell = u16::try_from(index).ok();
                Some((body, index))
            }
            None => {
                trail.path.clear();
                None
            }
        }
    }

    /// Follows the trail of a key, if there is one and it leads to the key in this tree.
    #[inline]
    pub(super) fn follow<'p>(&self, pages: &'p Pages, root: Root, key: &[u8]) -> Option<Followed<'_, 'p>> {
        let Trail { path, cell } = &self.places[place(key)];
        let (top, end) = (path.first()?, path.last()?);
        if (top.page, top.generation) != (root.page, root.generation) || key.len() >= STEM_BYTES {
            return None;
        }
        for pair in path.windows(2) {
            let body = pages.get_fetched(pointer(&pair[0])).ok()?;
            if page::kind(body) != BRANCH || pair[0].index >= node::cells(body) {
                return None;
            }
            let below = branch::pointer(body, pair[0].index);
            if (below.page, below.generation) != (pair[1].page, pair[1].generation) {
                return None;
            }
        }
        let leaf = pages.get_fetched(pointer(end)).ok().filter(|body| node::is_leaf(body))?;
        let noted = cell.map(usize::from).filter(|&index| node::is_key(leaf, index, key));
        let index = noted.or_else(|| node::search(leaf, 0, key).ok())?;
        Some(Followed { path, leaf, index })
    }
}

/// The pointer to a page on a trail.
#[inline]
fn pointer(node: &Node) -> Root {
    Root { page: node.page, generation: node.generation, count: 0 }
}

/// The place of a key's trail: from its length and its last bytes, in which keys differ that are used together.
#[inline]
fn place(key: &[u8]) -> usize {
    let tail = key.last_chunk::<8>().map_or_else(
        || key.iter().fold(0, |tail, byte| tail << 8 | u64::from(*byte)),
        |tail| u64::from_le_bytes(*tail),
    );
    let mixed = (tail ^ key.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> (64 - TRAILS.trailing_zeros())) as usize
}
