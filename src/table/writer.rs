//! The one writer: its unpublished version, its generations, and the space for its pages.
//!
//! Course of a change: a page of the version is copied when it is first changed in a generation, and is changed in
//! place from then on. `freeze` ends the generation, after which its pages are never written again. `publish` shows it
//! to readers. Several frozen generations may wait to be published, in order.

use std::{io, sync::Arc};

use super::{
    alloc::Space,
    branch,
    checkpoint_state::CheckpointState,
    descend,
    error::{TableError, is_full},
    map::FILE_BYTES_LIMIT,
    node::{self, STEM_BYTES},
    options::TableOptions,
    own::OwnPages,
    page::{self, BODY_BYTES, Body, PAGE_BYTES},
    path::{Node, Path},
    root::{DROPPED_SLOT, Root, Roots},
    shared::Table,
    tail::Tail,
    trails::Trails,
    view::View,
    work::Work,
};

/// Minimum number of freed pages that are checked when a generation ends.
const RELEASE_BUDGET: usize = 1024;
/// Smallest step by which the file grows.
const GROW_BYTES_MIN: u64 = 1 << 20;
/// Largest step by which the file grows.
const GROW_BYTES_MAX: u64 = 256 << 20;

/// A generation that has ended and waits to be published.
#[derive(Debug)]
#[must_use = "a frozen group must be published, in order"]
pub struct Frozen {
    /// The generation.
    generation: u64,
}

impl Frozen {
    /// Number of the version once it is published.
    pub fn generation(&self) -> u64 {
        self.generation
    }
}

/// The right to change the table. Each table has one writer.
pub struct TableWriter {
    /// The table, and the right to write pages of the writer's own generation.
    pub(super) own: OwnPages,
    /// Which pages are free, and which will be.
    pub(super) space: Space,
    /// The roots of the unpublished version.
    pub(super) roots: Roots,
    /// Memory of a page, for compaction.
    pub(super) spare: Box<Body>,
    /// Memory of two pages, for splits and merges.
    #[expect(clippy::vec_box, reason = "a page is taken out and given back without copying it")]
    pub(super) scratch: Vec<Box<Body>>,
    /// The ways to the keys that were prefetched.
    pub(super) trails: Trails,
    /// Number that the next dropped tree gets in the queue.
    pub(super) dropped_next: u64,
    /// Pages that only deletes and checkpoints may take.
    headroom_pages: u64,
    /// Pages that operations which grow the table must leave free: the headroom and more.
    left_pages: u64,
    /// Whether those operations may take the headroom too, when nothing else is left.
    takes_headroom: bool,
    /// Pages of dropped trees that may still be freed for operations that find no room.
    reclaims_left: usize,
    /// State for shrinking the file.
    pub(super) tail: Tail,
    /// Maximum number of pages of the file.
    pages_max: u64,
    /// State of checkpoints.
    pub(super) checkpoints: CheckpointState,
    /// What was done so far.
    pub(super) work: Work,
}

/// Maximum number of pages of dropped trees that are freed for operations that find no room, between two calls of
/// [`TableWriter::leave`]: some milliseconds of work.
const RECLAIMS_MAX: usize = 4096;
/// Pages of dropped trees that are freed before the free space is checked again. Freeing them needs about as many free
/// pages.
const RECLAIM_STEP_PAGES: usize = 64;

/// Which pages an operation may take.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Not the headroom: for operations that grow the table. Dropped trees are freed for them.
    Room,
    /// Not the headroom, and nothing is freed: for operations that may be skipped.
    Spare,
    /// The headroom too: for operations that free space in the end.
    Headroom,
}

impl TableWriter {
    /// The writer of a table whose published version has these roots.
    pub(super) fn new(
        table: Arc<Table>,
        space: Space,
        roots: Roots,
        options: &TableOptions,
        checkpoints: CheckpointState,
    ) -> TableWriter {
        let page = || Box::new([0; BODY_BYTES]);
        let bytes_max = options.file_bytes_max.min(FILE_BYTES_LIMIT);
        let pages_max = (bytes_max / PAGE_BYTES as u64).min(table.pages.map().pages());
        let tail = Tail::new(options.slack_pages, space.pages());
        table.pages.set_own_generation(space.generation());
        TableWriter {
            own: OwnPages::new(table),
            space,
            roots,
            spare: page(),
            scratch: vec![page(), page()],
            trails: Trails::new(),
            dropped_next: 0,
            headroom_pages: options.headroom_pages,
            left_pages: options.headroom_pages,
            takes_headroom: false,
            reclaims_left: 0,
            tail,
            pages_max,
            checkpoints,
            work: Work::default(),
        }
    }

    /// The table that readers share.
    pub fn table(&self) -> &Arc<Table> {
        self.own.table()
    }

    /// The writer's own version, with all changes so far.
    pub fn view(&self) -> View<'_> {
        View::new(self.own.table(), &self.roots).with_trails(&self.trails)
    }

    /// Prefetches the leaf of `key` into the processor's cache, for a change. Reads only branches and waits for
    /// nothing: the leaves of many keys are fetched at the same time.
    pub fn prefetch(&mut self, root: Root, key: &[u8]) {
        let pages = &self.own.table().pages;
        if let Some(leaf) = self.trails.note(pages, root, &key[..key.len().min(STEM_BYTES)]) {
            // A page of an earlier generation will be copied, so all of it is needed.
            let is_own = leaf.generation == self.space.generation();
            pages.prefetch(leaf.page, leaf.generation, !is_own);
        }
    }

    /// Prefetches the cell of `key`, whose leaf was prefetched some time before.
    pub fn prefetch_cell(&mut self, key: &[u8]) {
        let pages = &self.own.table().pages;
        if let Some((leaf, index)) = self.trails.note_cell(pages, key) {
            pages.prefetch_lines(leaf, node::cell_lines(leaf, index));
        }
    }

    /// The named tree of a slot in the writer's own version. Panics if there is no such slot.
    pub fn root(&self, slot: usize) -> Root {
        self.roots[slot]
    }

    /// Puts a tree into a slot. The old one is not freed. Panics if the slot is the table's own (127).
    pub fn set_root(&mut self, slot: usize, root: Root) {
        assert!(slot < DROPPED_SLOT, "slot {slot} is not the caller's");
        self.roots[slot] = root;
    }

    /// Generation that is being written.
    pub fn generation(&self) -> u64 {
        self.space.generation()
    }

    /// Upper bound on the pages that a checkpoint would write if it held all changes so far.
    pub fn dirty_pages(&self) -> u64 {
        self.space.dirty_pages()
    }

    /// What was done since the start, including what was rolled back.
    pub fn work(&self) -> Work {
        self.work
    }

    /// Number of pages allocated so far, including those that were freed again.
    pub fn pages_taken(&self) -> u64 {
        self.space.allocations()
    }

    /// Ends the generation: its pages do not change any more, and later changes copy them. Readers see it only after
    /// `publish`.
    pub fn freeze(&mut self) -> Frozen {
        let generation = self.space.generation();
        // More than a group frees, so that the backlog shrinks from group to group.
        let budget = RELEASE_BUDGET + 2 * self.space.freed_by_group();
        self.space.freeze(&self.roots);
        self.own.table().pages.set_own_generation(self.space.generation());
        self.release(budget);
        self.note_changes();
        self.count_pages();
        Frozen { generation }
    }

    /// Discards all changes since the last `freeze`. Reads no page, so it cannot fail.
    pub fn roll_back(&mut self) {
        let roots = self.space.newest_frozen_roots().copied();
        self.roots = roots.unwrap_or_else(|| self.own.table().versions.current().1);
        self.space.abandon();
        // It is looked up in the queue of dropped trees again when it is needed.
        self.dropped_next = 0;
    }

    /// Never writes again to pages that could not be read into memory. An error about their content is reported when it
    /// is needed.
    pub fn set_aside_unreadable(&mut self) {
        let pages = &self.own.table().pages;
        self.space.set_aside(|page| pages.is_poisoned(page));
    }

    /// Shows a frozen generation to readers. Panics unless it is the oldest unpublished one.
    pub fn publish(&mut self, frozen: Frozen) {
        let group = self.space.oldest_frozen().expect("a group was frozen");
        assert_eq!(group.generation, frozen.generation, "groups are published in order");
        self.own.table().versions.publish(group.generation, &group.roots);
        self.space.published();
    }

    /// Withdraws a frozen generation, which must be the newest: it is not published, and the next
    /// [`roll_back`](Self::roll_back) goes back to the one before. Its pages are not reused before the next start.
    pub fn withdraw(&mut self, frozen: Frozen) {
        assert_eq!(
            self.space.generation(),
            frozen.generation + 1,
            "the newest frozen generation is given up"
        );
        self.space.withdraw();
    }

    /// Makes sure that `pages` pages can be allocated, and grows the file if necessary. Freed pages that readers or a
    /// checkpoint still hold do not count; those that nobody holds any more do. On `Full` nothing was changed.
    pub fn reserve(&mut self, pages: u64) -> Result<(), TableError> {
        self.ensure(pages, Need::Room)
    }

    /// From now on, operations that grow the table leave `pages` pages free in addition to the headroom. If they find
    /// no room, they free pages of dropped trees, up to a total that does not take long.
    pub fn leave(&mut self, pages: u64) {
        self.left_pages = self.headroom_pages + pages;
        self.takes_headroom = false;
        self.reclaims_left = RECLAIMS_MAX;
    }

    /// From now on, operations may free everything that was dropped, and finally take the headroom: they repeat what
    /// was done before, when there was room for it.
    pub fn leave_nothing(&mut self) {
        self.left_pages = self.headroom_pages.max(RECLAIM_STEP_PAGES as u64 * 2);
        self.takes_headroom = true;
        self.reclaims_left = usize::MAX;
    }

    /// Checks that the file still has all its pages. If another program has cut it, nothing in it can be trusted.
    pub fn check_file(&self) -> Result<(), TableError> {
        let bytes = self.own.table().file.bytes().map_err(|error| self.io("find the length of", error))?;
        let pages = self.space.pages();
        if bytes < pages * PAGE_BYTES as u64 { Err(TableError::Cut { bytes, pages }) } else { Ok(()) }
    }

    /// Frees memory that was kept for larger groups.
    pub fn let_go(&mut self) {
        self.space.let_go();
    }

    /// Checks up to `budget` freed pages and releases those that no pin holds.
    pub(super) fn release(&mut self, budget: usize) {
        let versions = &self.own.table().versions;
        self.space.release(budget, |pins| versions.pins(pins));
    }

    /// Makes sure that `pages` pages can be allocated.
    #[inline]
    pub(super) fn ensure(&mut self, pages: u64, need: Need) -> Result<(), TableError> {
        let headroom = if need == Need::Headroom { 0 } else { self.left_pages };
        let wanted = pages + headroom + self.checkpoints.reserve_pages(self.space.pages());
        if self.space.free() >= wanted {
            return Ok(());
        }
        match self.make_room(wanted) {
            Err(full @ TableError::Full { .. }) if need == Need::Room => {
                self.reclaim_room(wanted, headroom, full)
            }
            made => made,
        }
    }

    /// Frees pages of dropped trees, as many as may be freed now, until `wanted` pages are free, of which `headroom`
    /// must stay free. Returns `full` if that is not enough.
    #[cold]
    fn reclaim_room(&mut self, wanted: u64, headroom: u64, full: TableError) -> Result<(), TableError> {
        while self.reclaims_left > 0 && self.space.free() < wanted {
            match self.reclaim(RECLAIM_STEP_PAGES.min(self.reclaims_left)) {
                Ok(0) => break,
                Ok(freed) => self.reclaims_left = self.reclaims_left.saturating_sub(freed),
                // Pages of dropped trees that cannot be read are reported by whoever frees them when the server is
                // idle.
                Err(TableError::Full { .. } | TableError::Corrupt { .. }) => break,
                Err(error) => return Err(error),
            }
        }
        let needed = if self.takes_headroom { wanted - headroom } else { wanted };
        if self.space.free() >= needed { Ok(()) } else { Err(full) }
    }

    /// Releases all freed pages that no pin holds, then grows the file.
    #[cold]
    fn make_room(&mut self, wanted: u64) -> Result<(), TableError> {
        self.release(usize::MAX);
        self.note_need(wanted);
        let missing = wanted.saturating_sub(self.space.free());
        if missing == 0 {
            return Ok(());
        }
        let pages = self.space.pages();
        let full =
            |path, source| TableError::Full { path, needed_bytes: missing * PAGE_BYTES as u64, source };
        if pages + missing > self.pages_max {
            return Err(full(self.own.table().file.path(), None));
        }
        let step = (pages * PAGE_BYTES as u64 / 8).clamp(GROW_BYTES_MIN, GROW_BYTES_MAX) / PAGE_BYTES as u64;
        let wide = (pages + step.max(missing)).min(self.pages_max);
        match self.grow(wide) {
            Err(error) if is_full(&error) => match self.grow(pages + missing) {
                Err(error) if is_full(&error) => Err(full(self.own.table().file.path(), Some(error))),
                done => done.map_err(|error| self.io("grow", error)),
            },
            done => done.map_err(|error| self.io("grow", error)),
        }
    }

    /// Grows the file to `pages` pages.
    fn grow(&mut self, pages: u64) -> io::Result<()> {
        self.own.table().grow(pages)?;
        self.space.grow(pages);
        Ok(())
    }

    /// Pages that stay free apart from those for changes: for deletes, and for the next checkpoint.
    pub(super) fn pages_kept(&self) -> u64 {
        self.left_pages.max(self.headroom_pages) + self.checkpoints.reserve_pages(self.space.pages())
    }

    /// An error of the file.
    pub(super) fn io(&self, operation: &'static str, source: io::Error) -> TableError {
        TableError::Io { operation, path: self.own.table().file.path(), source }
    }

    /// The path to the leaf of a key that is not longer than a stem, and the key's index there. The tree must not be
    /// empty.
    pub(super) fn descend(
        &self,
        root: Root,
        key: &[u8],
        path: &mut Path,
    ) -> Result<Result<usize, usize>, TableError> {
        let pages = &self.own.table().pages;
        if let Some(followed) = self.trails.follow(pages, root, key) {
            path.extend_from_slice(followed.path);
            return Ok(Ok(followed.index));
        }
        let mut body = descend::top(pages, root)?;
        loop {
            let (page, generation) = (page::number(body), page::generation(body));
            if node::is_leaf(body) {
                path.push(Node { page, generation, index: 0 });
                return Ok(node::search(body, 0, key));
            }
            let index = branch::child(body, key);
            path.push(Node { page, generation, index });
            body = descend::child(pages, body, index)?;
        }
    }

    /// The path to the first or the last leaf, and the index of its outermost key. The tree must not be empty, nor hold
    /// long keys.
    pub(super) fn descend_edge(&self, root: Root, first: bool, path: &mut Path) -> Result<usize, TableError> {
        let pages = &self.own.table().pages;
        let mut body = descend::top(pages, root)?;
        loop {
            let (page, generation) = (page::number(body), page::generation(body));
            let index = node::edge(body, first);
            path.push(Node { page, generation, index });
            if node::is_leaf(body) {
                if node::is_stem(body, index) {
                    return Err(TableError::corrupt(page, descend::LONG_KEY_AT_EDGE));
                }
                return Ok(index);
            }
            body = descend::child(pages, body, index)?;
        }
    }

    /// Copies those pages of the path that are not of this generation, and points their parents to the copies.
    pub(super) fn own_path(&mut self, root: &mut Root, path: &mut Path) {
        self.work.changes += 1;
        let generation = self.space.generation();
        for depth in 0..path.len() {
            let node = path[depth];
            if node.generation == generation {
                continue;
            }
            let page = self.space.allocate();
            self.own.copy_node(node.page, page, generation);
            self.space.free_page(node.page, node.generation);
            path[depth].page = page;
            path[depth].generation = generation;
            match depth.checked_sub(1).map(|above| path[above]) {
                None => (root.page, root.generation) = (page, generation),
                Some(above) => {
                    branch::set_place(self.own.body_mut(above.page), above.index, page, generation)
                }
            }
        }
    }

    /// Frees a page of a tree that the writer's version no longer reaches.
    pub(super) fn free_page(&mut self, pointer: Root) {
        self.space.free_page(pointer.page, pointer.generation);
    }

    /// Updates the numbers of pages for `Table::stats`.
    pub(super) fn count_pages(&self) {
        let numbers = &self.own.table().numbers;
        numbers.set_pages(self.space.pages(), self.space.free(), self.space.waiting(), self.space.parked());
    }
}
