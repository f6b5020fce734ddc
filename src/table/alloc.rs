//! Free space: which pages are taken, and when a freed page can be reused.
//!
//! Definitions
//! - A page is *born* at the generation that first writes it and *freed* at the first generation whose version no
//!   longer reaches it. Versions from `born` to `freed - 1` reach it.
//! - A *pin* is a version that must stay whole: a reader's snapshot, the durable checkpoint, or the checkpoint that is
//!   being written.
//! - *Live* pages are those that the newest published version reaches, and the checkpoint's own pages.
//!
//! Invariants
//! - A freed page is released when the generation that freed it is published and no pin lies in `born..freed`. Later
//!   pins are at the published version or above, so they cannot lie there.
//! - A page that a pin holds is parked with that pin and checked again when the pin is gone. So a long reader keeps
//!   only the pages that its snapshot reaches, not those born since.
//! - A page that is born and freed in the same generation was never visible to anyone else and is reused at once.
//!
//! This is one long file because the lists depend on each other: whoever changes one must know them all.

use std::collections::VecDeque;

use super::{
    bitmap::{Bitmap, TakenMap},
    root::{NO_ROOTS, Roots},
};

/// Maximum number of recently released pages to allocate first. They are mapped and dirty already, so writing them
/// costs no page fault.
const RECENT_MAX: usize = 8192;

/// A freed page and the versions that reach it: those from `born` to `freed - 1`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    /// Page number.
    pub page: u32,
    /// Generation that wrote it.
    pub born: u64,
    /// Generation that freed it.
    pub freed: u64,
}

/// Freed pages that one pin holds.
struct Parked {
    /// The pinned generation.
    pin: u64,
    /// The pages.
    pages: Vec<Held>,
}

/// What one generation changed.
pub(super) struct Group {
    /// The generation.
    pub generation: u64,
    /// The roots at its end.
    pub roots: Roots,
    /// Pages that it allocated; some may be listed twice.
    born: Vec<u32>,
    /// Pages of earlier generations that it freed.
    freed: Vec<Held>,
    /// Pages that it allocated and freed, and did not allocate again.
    stillborn: Vec<u32>,
}

impl Group {
    /// A group without changes.
    fn new(generation: u64) -> Box<Group> {
        let (born, freed, stillborn) = (Vec::new(), Vec::new(), Vec::new());
        Box::new(Group { generation, roots: NO_ROOTS, born, freed, stillborn })
    }
}

/// All bookkeeping of the table's pages. The writer owns it.
pub(super) struct Space {
    /// Pages that may not be allocated.
    taken: TakenMap,
    /// Pages that were released last, to be allocated first: they are still in the processor's caches.
    recent: Vec<u32>,
    /// Pages that could not be read into memory: they are never allocated again.
    unreadable: Bitmap,
    /// The live pages.
    live: Bitmap,
    /// Live pages that were written since the last checkpoint began.
    dirty: Bitmap,
    /// Number of dirty pages.
    dirty_pages: u64,
    /// Parts of the allocation map in which `live` changed since the part was last written.
    changed_parts: Bitmap,
    /// Number of pages that one part of the allocation map covers.
    part_pages: u64,
    /// The generation that is being written.
    group: Box<Group>,
    /// Number of allocations so far.
    allocations: u64,
    /// Generations that have ended but are not published, oldest first.
    frozen: VecDeque<Box<Group>>,
    /// Groups whose memory can be reused.
    #[expect(clippy::vec_box, reason = "groups change places; their 3 KiB of roots are not copied")]
    idle: Vec<Box<Group>>,
    /// Freed pages of published generations that `release` has not checked yet, oldest first.
    pending: VecDeque<Held>,
    /// Pages whose pin is gone, to be checked again.
    review: Vec<Held>,
    /// Pages held by a pin.
    parked: Vec<Parked>,
    /// Generation of the durable checkpoint.
    durable: u64,
    /// Generation of the checkpoint that is being written.
    checkpoint: Option<u64>,
    /// The pins at the last check, ascending.
    pins: Vec<u64>,
}

impl Space {
    /// The space of a file of `pages` pages of which `live` are in use, with `generation` durable and published.
    pub(super) fn new(live: Bitmap, pages: u64, generation: u64, part_pages: u64) -> Space {
        let mut space = Space {
            taken: TakenMap::new(&live, pages),
            recent: Vec::with_capacity(RECENT_MAX),
            unreadable: Bitmap::default(),
            live,
            dirty: Bitmap::default(),
            dirty_pages: 0,
            changed_parts: Bitmap::default(),
            part_pages,
            group: Group::new(generation + 1),
            allocations: 0,
            frozen: VecDeque::new(),
            idle: Vec::new(),
            pending: VecDeque::new(),
            review: Vec::new(),
            parked: Vec::new(),
            durable: generation,
            checkpoint: None,
            pins: Vec::new(),
        };
        space.fit_bitmaps(pages);
        space
    }

    /// Skips to a later generation. The one being written must be empty.
    pub(super) fn skip_to(&mut self, generation: u64) {
        assert!(generation >= self.group.generation && self.group.born.is_empty() && self.frozen.is_empty());
        self.group.generation = generation;
    }

    /// Number of pages in the file.
    pub(super) fn pages(&self) -> u64 {
        self.taken.pages()
    }

    /// Number of pages that can be allocated now. Stillborn pages count, although a checkpoint cannot use them: they
    /// are allocated first, so none of the pages reserved for a checkpoint is ever stillborn.
    #[inline]
    pub(super) fn free(&self) -> u64 {
        self.taken.free() + (self.recent.len() + self.group.stillborn.len()) as u64
    }

    /// Number of allocations so far. A page that is allocated again counts again.
    pub(super) fn allocations(&self) -> u64 {
        self.allocations
    }

    /// Number of freed pages that cannot be allocated yet.
    pub(super) fn waiting(&self) -> u64 {
        let parked: usize = self.parked.iter().map(|parked| parked.pages.len()).sum();
        let frozen: usize = self.frozen.iter().map(|group| group.freed.len()).sum();
        (parked + frozen + self.pending.len() + self.review.len() + self.group.freed.len()) as u64
    }

    /// Number of freed pages that only a pin keeps from being allocated.
    pub(super) fn parked(&self) -> u64 {
        self.parked.iter().map(|parked| parked.pages.len() as u64).sum()
    }

    /// The generation that is being written.
    #[inline]
    pub(super) fn generation(&self) -> u64 {
        self.group.generation
    }

    /// Makes the next checkpoint write all parts of the allocation map.
    pub(super) fn mark_all_changed(&mut self) {
        let parts = self.taken.pages().div_ceil(self.part_pages) as u32;
        (0..parts).for_each(|part| self.changed_parts.set(part));
    }

    /// Number of pages of earlier generations that the current one has freed.
    pub(super) fn freed_by_group(&self) -> usize {
        self.group.freed.len()
    }

    /// Adds the pages by which the file grew.
    pub(super) fn grow(&mut self, pages: u64) {
        let old_parts = self.taken.pages().div_ceil(self.part_pages) as u32;
        self.taken.grow(pages);
        self.fit_bitmaps(pages);
        let parts = pages.div_ceil(self.part_pages) as u32;
        (old_parts..parts).for_each(|part| self.changed_parts.set(part));
    }

    /// Shortens the file to `pages` pages. Those cut off must all be free: see `taken_end`.
    pub(super) fn shrink(&mut self, pages: u64) {
        assert!(self.live.is_clear_from(pages) && self.dirty.is_clear_from(pages));
        self.taken.shrink(pages);
        self.fit_bitmaps(pages);
        self.changed_parts.set(((pages - 1) / self.part_pages) as u32);
    }

    /// The page after the last one that is not free. A page is not free if some version reaches it or will reach it, or
    /// if it must not be written.
    pub(super) fn taken_end(&self) -> u64 {
        self.taken.taken_end()
    }

    /// Number of pages that are not free.
    pub(super) fn in_use(&self) -> u64 {
        self.pages() - self.free()
    }

    /// From now on, allocates pages from `ceiling` on only when no other is free, so that the end of the file becomes
    /// free. `u64::MAX` removes the ceiling.
    pub(super) fn set_ceiling(&mut self, ceiling: u64) {
        self.taken.set_ceiling(ceiling);
        let taken = &mut self.taken;
        self.recent.retain(|page| {
            let stays = !taken.is_above_ceiling(u64::from(*page));
            if !stays {
                taken.release(*page);
            }
            stays
        });
    }

    /// Whether a page lies above the ceiling.
    pub(super) fn is_above_ceiling(&self, page: u64) -> bool {
        self.taken.is_above_ceiling(page)
    }

    /// Number of free pages below the ceiling.
    pub(super) fn free_below_ceiling(&self) -> u64 {
        self.taken.free_below_ceiling()
    }

    /// Whether any page from `from` on is live.
    pub(super) fn is_live_from(&self, from: u64) -> bool {
        !self.live.is_clear_from(from)
    }

    /// Makes the next checkpoint write a part of the allocation map.
    pub(super) fn mark_changed(&mut self, part: u32) {
        self.changed_parts.set(part);
    }

    /// Resizes the bitmaps to the length of the file.
    fn fit_bitmaps(&mut self, pages: u64) {
        self.unreadable.resize(pages);
        self.live.resize(pages);
        self.dirty.resize(pages);
        self.changed_parts.resize(pages.div_ceil(self.part_pages));
    }

    /// Allocates a page. The caller has made sure that one is free.
    #[inline]
    pub(super) fn allocate(&mut self) -> u64 {
        self.allocations += 1;
        let page = match self.group.stillborn.pop() {
            Some(page) => page,
            None => {
                let page = self.take();
                self.group.born.push(page);
                page
            }
        };
        u64::from(page)
    }

    /// Takes a free page: a recently released one if there is one, else the next one.
    fn take(&mut self) -> u32 {
        self.recent.pop().or_else(|| self.taken.take_next()).expect("room was made before")
    }

    /// Never allocates again the pages for which `is_unreadable` is true. Their content stays where it is.
    pub(super) fn set_aside(&mut self, is_unreadable: impl Fn(u64) -> bool) {
        for page in (0..self.pages()).filter(|page| is_unreadable(*page)) {
            let page = page as u32;
            self.unreadable.set(page);
            if !self.taken.is_taken(page) {
                self.taken.take(page);
            }
        }
        let unreadable = &self.unreadable;
        self.recent.retain(|page| !unreadable.get(*page));
        self.group.stillborn.retain(|page| !unreadable.get(*page));
    }

    /// Makes a page of generation `born` free.
    fn put_back(&mut self, page: u32, born: u64) {
        if self.unreadable.get(page) {
            return;
        }
        let is_dirty = born > self.checkpoint.unwrap_or(self.durable);
        if is_dirty && self.recent.len() < RECENT_MAX && !self.taken.is_above_ceiling(u64::from(page)) {
            self.recent.push(page);
        } else {
            self.taken.release(page);
        }
    }

    /// Frees a page that the version being written no longer reaches.
    #[inline]
    pub(super) fn free_page(&mut self, page: u64, born: u64) {
        let page = u32::try_from(page).expect("page numbers fit 32 bits");
        let freed = self.group.generation;
        if born == freed {
            self.group.stillborn.push(page);
        } else {
            debug_assert!(born < freed);
            self.group.freed.push(Held { page, born, freed });
        }
    }

    /// Ends the current generation and begins the next.
    pub(super) fn freeze(&mut self, roots: &Roots) {
        let next = self.group.generation + 1;
        let mut group = self.idle.pop().unwrap_or_else(|| Group::new(next));
        group.generation = next;
        std::mem::swap(&mut self.group, &mut group);
        group.roots = *roots;
        for page in &group.stillborn {
            self.put_back(*page, group.generation);
        }
        self.frozen.push_back(group);
    }

    /// Takes back all pages that the current generation allocated, as if it had changed nothing.
    pub(super) fn abandon(&mut self) {
        let mut born = std::mem::take(&mut self.group.born);
        born.sort_unstable();
        born.dedup();
        for page in born.drain(..) {
            self.put_back(page, self.group.generation);
        }
        self.group.born = born;
        self.group.freed.clear();
        self.group.stillborn.clear();
    }

    /// The roots of the newest generation that has ended but is not published.
    pub(super) fn newest_frozen_roots(&self) -> Option<&Roots> {
        self.frozen.back().map(|group| &group.roots)
    }

    /// The oldest generation that has ended but is not published.
    pub(super) fn oldest_frozen(&self) -> Option<&Group> {
        self.frozen.front().map(|group| &**group)
    }

    /// Notes that the oldest frozen generation is published.
    pub(super) fn published(&mut self) {
        let mut group = self.frozen.pop_front().expect("a group was frozen");
        for page in group.born.drain(..) {
            self.set_live(page);
            self.set_dirty(page);
        }
        for held in group.freed.drain(..) {
            self.clear_live(held.page);
            self.clear_dirty(held.page);
            self.pending.push_back(held);
        }
        for page in group.stillborn.drain(..) {
            self.clear_live(page);
            self.clear_dirty(page);
        }
        self.idle.push(group);
    }

    /// Drops the newest generation that has ended: it will not be published. Its pages stay taken until the next start.
    pub(super) fn withdraw(&mut self) {
        let mut group = self.frozen.pop_back().expect("a group was frozen");
        group.born.clear();
        group.freed.clear();
        group.stillborn.clear();
        self.idle.push(group);
    }

    /// Marks a page as live.
    fn set_live(&mut self, page: u32) {
        self.live.set(page);
        self.changed_parts.set((u64::from(page) / self.part_pages) as u32);
    }

    /// Marks a page as not live.
    fn clear_live(&mut self, page: u32) {
        self.live.clear(page);
        self.changed_parts.set((u64::from(page) / self.part_pages) as u32);
    }

    /// Marks a page as written since the last checkpoint began.
    fn set_dirty(&mut self, page: u32) {
        self.dirty_pages += u64::from(!self.dirty.get(page));
        self.dirty.set(page);
    }

    /// Marks a page as one that the next checkpoint need not write.
    fn clear_dirty(&mut self, page: u32) {
        self.dirty_pages -= u64::from(self.dirty.get(page));
        self.dirty.clear(page);
    }

    /// Upper bound on the pages that a checkpoint would write if it held all changes so far.
    pub(super) fn dirty_pages(&self) -> u64 {
        let unpublished: usize = self.frozen.iter().chain([&self.group]).map(|group| group.born.len()).sum();
        self.dirty_pages + unpublished as u64
    }

    /// Pins a version for a new checkpoint and returns the live pages that it must write: those written since the last
    /// checkpoint began. All of them belong to the published version: no frozen generation may be unpublished.
    pub(super) fn begin_checkpoint(&mut self, generation: u64) -> Vec<u32> {
        assert!(self.checkpoint.is_none() && generation >= self.durable);
        assert!(self.frozen.is_empty(), "what is dirty is of the published version");
        self.checkpoint = Some(generation);
        self.dirty_pages = 0;
        self.dirty.drain()
    }

    /// Parts of the allocation map that changed since the last call.
    pub(super) fn drain_changed_parts(&mut self) -> Vec<u32> {
        self.changed_parts.drain()
    }

    /// Allocates a page for the checkpoint itself.
    pub(super) fn allocate_for_checkpoint(&mut self) -> u32 {
        let page = self.take();
        self.set_live(page);
        page
    }

    /// Notes that the new checkpoint no longer uses a page of the durable one.
    pub(super) fn retire(&mut self, page: u32) {
        self.clear_live(page);
    }

    /// Frees memory that was kept for larger groups.
    pub(super) fn let_go(&mut self) {
        self.idle = Vec::new();
        if self.pending.is_empty() {
            self.pending = VecDeque::new();
        }
        if self.review.is_empty() {
            self.review = Vec::new();
        }
    }

    /// The words of the allocation map: one bit for each page, set if it is live.
    pub(super) fn live_words(&self) -> &[u64] {
        self.live.words()
    }

    /// Makes the running checkpoint the durable one and frees the pages that only the previous one used.
    pub(super) fn end_checkpoint(&mut self, retired: impl Iterator<Item = u32>) {
        self.durable = self.checkpoint.take().expect("a checkpoint was begun");
        retired.for_each(|page| self.taken.release(page));
    }

    /// Checks up to `budget` freed pages and releases those that no pin holds. `readers` appends the generations that
    /// snapshots hold; it is called after the newest publication.
    pub(super) fn release(&mut self, budget: usize, readers: impl FnOnce(&mut Vec<u64>)) {
        self.pins.clear();
        readers(&mut self.pins);
        self.pins.push(self.durable);
        self.pins.extend(self.checkpoint);
        self.pins.sort_unstable();
        self.unpark();
        for _ in 0..budget {
            let Some(held) = self.review.pop().or_else(|| self.pending.pop_front()) else { break };
            match self.holder(held) {
                Some(pin) => self.park(held, pin),
                None => self.put_back(held.page, held.born),
            }
        }
    }

    /// Moves the pages whose pin is gone to the review list.
    fn unpark(&mut self) {
        let mut index = 0;
        while index < self.parked.len() {
            if self.pins.binary_search(&self.parked[index].pin).is_ok() {
                index += 1;
            } else {
                let mut parked = self.parked.swap_remove(index);
                self.review.append(&mut parked.pages);
            }
        }
    }

    /// A pin that holds the page. The durable checkpoint's pin is preferred: it stays longest.
    fn holder(&self, held: Held) -> Option<u64> {
        let reached = held.born..held.freed;
        if reached.contains(&self.durable) {
            return Some(self.durable);
        }
        let first = self.pins.partition_point(|pin| *pin < held.born);
        self.pins.get(first).copied().filter(|pin| reached.contains(pin))
    }

    /// Parks a page until its pin is gone.
    fn park(&mut self, held: Held, pin: u64) {
        match self.parked.iter_mut().find(|parked| parked.pin == pin) {
            Some(parked) => parked.pages.push(held),
            None => self.parked.push(Parked { pin, pages: vec![held] }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unreadable_pages_are_handed_out_no_more() {
        let mut live = Bitmap::default();
        live.resize(64);
        (0..10).for_each(|page| live.set(page));
        let mut space = Space::new(live, 64, 1, 64);
        let born: Vec<u64> = (0..4).map(|_| space.allocate()).collect();
        assert_eq!(born, [10, 11, 12, 13]);
        // One of each kind: free, in use, and just born and freed.
        space.free_page(12, 2);
        let unreadable = [5, 12, 20];
        space.set_aside(|page| unreadable.contains(&page));
        space.abandon();
        let free = space.free();
        let handed: Vec<u64> = (0..free).map(|_| space.allocate()).collect();
        assert_eq!(free, 64 - 10 - 2, "two of the three were free or are now");
        assert!(!handed.iter().any(|page| unreadable.contains(page)), "{handed:?}");
        space.grow(128);
        assert_eq!(space.free(), 64);
    }
}
