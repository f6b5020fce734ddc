//! Putting a cell into a tree: find the leaf, own the path to it, put the cell, split pages that overflow.

use super::{
    branch,
    cells::{self, Cells, WithInserted},
    error::TableError,
    leaf,
    node::{self, CELL_BYTES_MAX, KEY_BYTES_MAX, KeyBytes, Payload, STEM_BYTES},
    page::{self, Body},
    path::Path,
    root::{CELL_ROOTS_MAX, Cell, ROOT_BYTES, Root},
    writer::{Need, TableWriter},
};

/// The upper part of a page that was split.
pub(super) struct Split {
    /// The shortest key that divides the two pages.
    separator: KeyBytes,
    /// Its length.
    separator_len: usize,
    /// Number of keys left in the page.
    left_count: u64,
    /// The new page with the upper keys.
    right: Root,
}

impl Split {
    /// The split of a leaf's last cells from a page with the keys from `first` on, as if they had been one page.
    pub(super) fn between(left: &Body, first: &[u8], right: Root) -> Split {
        let mut last = [0; STEM_BYTES];
        let divider = cells::separator(node::key(left, node::cells(left) - 1, &mut last), first);
        let mut separator = [0; STEM_BYTES];
        separator[..divider.len()].copy_from_slice(divider);
        Split { separator, separator_len: divider.len(), left_count: leaf::count(left), right }
    }
}

/// What became of a cell that was put into a tree.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    /// Its key was there.
    Replaced,
    /// It was added to a page that had room.
    Added,
    /// It is new, and so are pages.
    Placed,
}

/// The encoded roots of a cell, if it is not too large.
pub(super) fn encoded_roots(
    bytes: [&[u8]; 2],
    roots: &[Root],
) -> Result<[u8; CELL_ROOTS_MAX * ROOT_BYTES], TableError> {
    let cell_bytes = bytes[0].len() + bytes[1].len() + ROOT_BYTES * roots.len();
    if cell_bytes > CELL_BYTES_MAX || roots.len() > CELL_ROOTS_MAX {
        return Err(TableError::CellTooLarge { bytes: cell_bytes, roots: roots.len() });
    }
    let mut encoded = [0; CELL_ROOTS_MAX * ROOT_BYTES];
    for (place, root) in encoded.as_chunks_mut().0.iter_mut().zip(roots) {
        *place = root.encode();
    }
    Ok(encoded)
}

impl TableWriter {
    /// Sets the cell of `key` to these bytes and roots, and returns whether the key is new. The trees of the old roots
    /// are not freed.
    ///
    /// On `Full`, `KeyTooLong` and `CellTooLarge` the tree is unchanged.
    pub fn insert(
        &mut self,
        root: &mut Root,
        key: &[u8],
        bytes: &[u8],
        roots: &[Root],
    ) -> Result<bool, TableError> {
        self.replace(root, key, [bytes, &[]], roots, |_| ())
    }

    /// Like `insert`, with the bytes in two consecutive pieces. Shows `see` the old cell if the key is not new.
    pub fn replace(
        &mut self,
        root: &mut Root,
        key: &[u8],
        bytes: [&[u8]; 2],
        roots: &[Root],
        see: impl FnOnce(Cell<'_>),
    ) -> Result<bool, TableError> {
        let encoded = encoded_roots(bytes, roots)?;
        let payload = Payload::new(bytes, &encoded[..ROOT_BYTES * roots.len()]);
        match key.len() {
            0..STEM_BYTES => self.put(root, key, payload, 1, Need::Room, see),
            STEM_BYTES..=KEY_BYTES_MAX => {
                self.view().get(*root, key)?.map(see);
                self.insert_long(root, key, payload)
            }
            bytes => Err(TableError::KeyTooLong { bytes }),
        }
    }

    /// Puts a cell that stands for `weight` keys, and returns whether its key is new; `see` is shown the old cell. The
    /// key is shorter than a stem, or a stem. On an error the tree is unchanged.
    pub(super) fn put(
        &mut self,
        root: &mut Root,
        key: &[u8],
        payload: Payload<'_>,
        weight: u64,
        need: Need,
        see: impl FnOnce(Cell<'_>),
    ) -> Result<bool, TableError> {
        Ok(self.put_along(root, &mut Path::new(), (key, payload), weight, need, see)? != Put::Replaced)
    }

    /// Like `put`. `path` is empty; if the cell was [`Added`](Put::Added), it becomes the path to it.
    pub(super) fn put_along(
        &mut self,
        root: &mut Root,
        path: &mut Path,
        (key, payload): (&[u8], Payload<'_>),
        weight: u64,
        need: Need,
        see: impl FnOnce(Cell<'_>),
    ) -> Result<Put, TableError> {
        if root.is_empty() {
            self.ensure(1, need)?;
            self.work.changes += 1;
            self.work.bytes += payload.len() as u64;
            *root = self.plant(key, payload, weight);
            return Ok(Put::Placed);
        }
        let found = self.descend(*root, key, path)?;
        self.ensure(2 * path.len() as u64 + 1, need)?;
        self.own_path(root, path);
        self.work.bytes += payload.len() as u64;
        let last = path.len() - 1;
        let index = found.unwrap_or_else(|index| index);
        path[last].index = index;
        let leaf_page = path[last].page;
        let mut delta = weight as i64;
        if found.is_ok() {
            let body = self.own.body_mut(leaf_page);
            see(leaf::cell(body, index));
            delta -= leaf::weight(body, index) as i64;
            if node::overwrite(body, index, payload) {
                if delta != 0 {
                    self.raise(root, path, None, delta);
                }
                return Ok(Put::Replaced);
            }
            node::remove(body, index);
        }
        let split = self.put_cell(leaf_page, 0, index, key, payload);
        let put = match (found, &split) {
            (Ok(_), _) => Put::Replaced,
            (Err(_), None) => Put::Added,
            (Err(_), Some(_)) => Put::Placed,
        };
        self.raise(root, path, split, delta);
        Ok(put)
    }

    /// A tree of one leaf with one cell.
    fn plant(&mut self, key: &[u8], payload: Payload<'_>, weight: u64) -> Root {
        let (page, generation) = self.new_page();
        let body = self.own.body_mut(page);
        node::start(body, 0, &[]);
        assert!(node::insert(body, 0, key, payload, &mut self.spare), "one cell fits a page");
        Root { page, generation, count: weight }
    }

    /// Allocates a page and stamps it.
    fn new_page(&mut self) -> (u64, u64) {
        let (page, generation) = (self.space.allocate(), self.space.generation());
        page::set_identity(self.own.body_mut(page), page, generation);
        (page, generation)
    }

    /// Puts a cell into one of the writer's own pages, and splits the page if the cell does not fit.
    fn put_cell(
        &mut self,
        page: u64,
        level: u8,
        index: usize,
        key: &[u8],
        payload: Payload<'_>,
    ) -> Option<Split> {
        let body = self.own.body_mut(page);
        let rest = key.strip_prefix(node::prefix(body));
        if rest.is_some_and(|rest| node::insert(body, index, rest, payload, &mut self.spare)) {
            return None;
        }
        self.rebuild(page, level, index, key, payload)
    }

    /// Rebuilds a page with one more cell: on the same page if all cells fit, else on two.
    #[cold]
    fn rebuild(
        &mut self,
        page: u64,
        level: u8,
        at: usize,
        key: &[u8],
        payload: Payload<'_>,
    ) -> Option<Split> {
        let mut old = self.scratch.pop().expect("scratch pages are given back");
        node::copy(self.own.body(page), &mut old);
        let run = WithInserted { body: &old, at, key, payload };
        let whole = cells::plan(&run, 0..run.len(), level);
        let split = if whole.fits() {
            cells::build(&run, 0..run.len(), level, whole, self.own.body_mut(page));
            None
        } else {
            Some(self.split(page, level, &run))
        };
        self.scratch.push(old);
        split
    }

    /// Splits a run of cells: the lower part stays on `page`, the upper part gets a new page.
    fn split(&mut self, page: u64, level: u8, run: &WithInserted<'_>) -> Split {
        let shared = run.key.starts_with(node::prefix(run.body)).then(|| node::prefix_len(run.body));
        let cut = cells::cut(run, run.at, shared, level);
        let (left, right) = (0..cut, cut..run.len());
        let plan = cells::plan(run, left.clone(), level);
        cells::build(run, left, level, plan, self.own.body_mut(page));
        let (right_page, generation) = self.new_page();
        let plan = cells::plan(run, right.clone(), level);
        cells::build(run, right, level, plan, self.own.body_mut(right_page));

        let count = if level == 0 { leaf::count } else { branch::count };
        let right = Root { page: right_page, generation, count: count(self.own.body(right_page)) };
        let (mut last, mut first) = ([0; STEM_BYTES], [0; STEM_BYTES]);
        let first = run.key(cut, &mut first);
        let divider = if level == 0 { cells::separator(run.key(cut - 1, &mut last), first) } else { first };
        let mut separator = [0; STEM_BYTES];
        separator[..divider.len()].copy_from_slice(divider);
        Split { separator, separator_len: divider.len(), left_count: count(self.own.body(page)), right }
    }

    /// Updates the key counts of the branches above a changed leaf and of the root, and passes on its split.
    pub(super) fn raise(&mut self, root: &mut Root, path: &Path, mut split: Option<Split>, delta: i64) {
        for (depth, node) in path.iter().enumerate().rev().skip(1) {
            let body = self.own.body_mut(node.page);
            split = match split {
                None if delta == 0 => return,
                None => {
                    branch::add_count(body, node.index, delta);
                    None
                }
                Some(split) => {
                    branch::set_count(body, node.index, split.left_count);
                    let level = (path.len() - 1 - depth) as u8;
                    let key = &split.separator[..split.separator_len];
                    let pointer = split.right.encode_pointer();
                    self.put_cell(node.page, level, node.index + 1, key, Payload::pointer(&pointer))
                }
            };
        }
        root.count = root.count.checked_add_signed(delta).expect("a count covers the keys that are there");
        if let Some(split) = split {
            self.grow_root(root, path.len() as u8, split);
        }
    }

    /// Puts a branch above the two halves of a top page.
    fn grow_root(&mut self, root: &mut Root, level: u8, split: Split) {
        let left = Root { count: split.left_count, ..*root }.encode_pointer();
        let (page, generation) = self.new_page();
        let body = self.own.body_mut(page);
        node::start(body, level, &[]);
        let key = &split.separator[..split.separator_len];
        let fits = node::insert(body, 0, &[], Payload::pointer(&left), &mut self.spare)
            && node::insert(body, 1, key, Payload::pointer(&split.right.encode_pointer()), &mut self.spare);
        assert!(fits, "two pointers fit a page");
        (root.page, root.generation) = (page, generation);
    }
}
