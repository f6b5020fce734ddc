//! All pages of a table: who may read or write which page, and when a page is checked.
//!
//! Invariants, on which the unsafe code of this file and of `own` rests:
//! - A page that a pinned version can reach is not written, except for its checksum, which is atomic.
//! - The writer writes pages of its own generation only. No version that anyone else can see reaches them. It accesses
//!   them where they are written; everybody reads all others where nothing is written, see `map`.
//! - A page whose generation is that of the opened checkpoint or older is checked in full before its first use, and
//!   again after the scrub found damage in the device's copy.

#![allow(unsafe_code)]

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{PoisonError, RwLock},
};

use super::{
    error::{CorruptReason, TableError},
    map::{Mapping, Region},
    node,
    page::{
        BRANCH, Body, CATALOGUE, LEAF, MAP, MAP_INDEX, META_PAGES, PAGE_BYTES, checksum, generation, kind,
        number,
    },
    root::Root,
};
use crate::sync::{AtomicU64, Ordering};

/// All checks of one page against the pointer to it that need no other page.
pub(super) fn check(body: &Body, stored: u32, pointer: Root) -> Result<(), CorruptReason> {
    let computed = checksum(body);
    if computed != stored {
        return Err(CorruptReason::Checksum { stored, computed });
    }
    if number(body) != pointer.page {
        return Err(CorruptReason::PageNumber { found: number(body) });
    }
    if generation(body) != pointer.generation {
        return Err(CorruptReason::Generation { expected: pointer.generation, found: generation(body) });
    }
    match kind(body) {
        LEAF | BRANCH => node::validate(body).map_err(CorruptReason::Structure),
        CATALOGUE | MAP | MAP_INDEX => Ok(()),
        found => Err(CorruptReason::Kind { found }),
    }
}

/// All pages of the table, as readers and the writer see them.
pub(super) struct Pages {
    /// The mapping.
    pub(super) map: Mapping,
    /// Number of pages of the table; the file has at least as many.
    pub(super) count: AtomicU64,
    /// Pages of this generation or an older one came from the file and are checked before their first use.
    opened_generation: u64,
    /// Pages of this generation and later ones are the writer's own.
    own_generation: AtomicU64,
    /// One bit for each page of the opened file: whether it was checked.
    verified: Box<[AtomicU64]>,
    /// Pages up to this generation are checked before use unless they are `verified`: the opened generation, or all
    /// once there are suspects.
    checked_generation: AtomicU64,
    /// Pages whose copy on the device differs from memory, with their generations.
    suspects: RwLock<BTreeMap<u64, u64>>,
}

/// Cache lines that a search reads of a usual page: header, prefix, heads and offsets.
const SEARCH_LINES: usize = 8;

impl Pages {
    /// The pages of a file with `count` pages whose newest checkpoint is of `opened_generation`.
    pub(super) fn new(map: Mapping, count: u64, opened_generation: u64) -> Pages {
        assert!(count <= map.pages());
        let words = if opened_generation == 0 { 0 } else { count.div_ceil(64) };
        let verified = (0..words).map(|_| AtomicU64::new(0)).collect();
        let checked_generation = AtomicU64::new(opened_generation);
        let suspects = RwLock::new(BTreeMap::new());
        Pages {
            map,
            count: AtomicU64::new(count),
            opened_generation,
            own_generation: AtomicU64::new(u64::MAX),
            verified,
            checked_generation,
            suspects,
        }
    }

    /// Notes which generation the writer writes.
    pub(super) fn set_own_generation(&self, generation: u64) {
        self.own_generation.store(generation, Ordering::Release);
    }

    /// Where a page is read. Readers have pointers to pages of earlier generations only.
    #[inline]
    fn region(&self, generation: u64) -> Region {
        let is_own = generation >= self.own_generation.load(Ordering::Relaxed);
        if is_own { Region::Writing } else { Region::Reading }
    }

    /// The mapping.
    pub(super) fn map(&self) -> &Mapping {
        &self.map
    }

    /// Number of pages of the table.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// Sets the number of pages after the table has grown or shrunk. No pinned version may reach the pages that were
    /// cut off.
    pub(super) fn set_count(&self, count: u64) {
        assert!(count <= self.map.pages());
        self.count.store(count, Ordering::Release);
    }

    /// The page that a pointer leads to, checked against the pointer.
    ///
    /// The pointer must come from a version that is pinned while the reference lives (a snapshot's, or the writer's
    /// own), or from a page of such a version.
    #[inline]
    pub(super) fn get(&self, pointer: Root) -> Result<&Body, TableError> {
        self.checked(pointer, true)
    }

    /// The same for a page that is in the processor's cache.
    #[inline]
    pub(super) fn get_fetched(&self, pointer: Root) -> Result<&Body, TableError> {
        self.checked(pointer, false)
    }

    /// The page that a pointer leads to, checked against the pointer, and prefetched if it will be searched.
    #[inline(always)]
    fn checked(&self, pointer: Root, prefetches: bool) -> Result<&Body, TableError> {
        if pointer.page >= self.count.load(Ordering::Relaxed) || pointer.page < META_PAGES {
            return Err(TableError::corrupt(pointer.page, CorruptReason::OutOfFile { pages: self.count() }));
        }
        if pointer.generation <= self.checked_generation.load(Ordering::Relaxed)
            && !self.is_verified(pointer.page)
        {
            self.verify(pointer)?;
        }
        let region = self.region(pointer.generation);
        if prefetches {
            self.map.prefetch(pointer.page, region, 1..SEARCH_LINES);
        }
        // SAFETY: the file has the page (just compared), and the pinned version that reaches it keeps it unwritten.
        let body = unsafe { self.map.body(pointer.page, region) };
        if generation(body) != pointer.generation {
            return Err(self.mismatch(body, pointer));
        }
        Ok(body)
    }

    /// Prefetches a page into the processor's cache: the part that a search reads, or the `whole` page. Reads nothing
    /// and waits for nothing.
    #[inline]
    pub(super) fn prefetch(&self, page: u64, generation: u64, whole: bool) {
        if page < self.count() {
            let lines = 0..if whole { PAGE_BYTES / 64 } else { SEARCH_LINES };
            self.map.prefetch(page, self.region(generation), lines);
        }
    }

    /// Prefetches some cache lines of a page that was read.
    #[inline]
    pub(super) fn prefetch_lines(&self, body: &Body, lines: Range<usize>) {
        if number(body) < self.count() {
            self.map.prefetch(number(body), self.region(generation(body)), lines);
        }
    }

    /// Whether a page of the opened file has been checked.
    #[inline]
    fn is_verified(&self, page: u64) -> bool {
        let word = self.verified.get((page / 64) as usize);
        word.is_some_and(|word| word.load(Ordering::Relaxed) >> (page % 64) & 1 == 1)
    }

    /// Checks a page of the opened file and remembers that it is good. Pages of later generations are not checked,
    /// unless they are suspects.
    #[cold]
    fn verify(&self, pointer: Root) -> Result<(), TableError> {
        if pointer.generation > self.opened_generation && !self.is_suspect(pointer) {
            return Ok(());
        }
        let corrupt = |reason| TableError::corrupt(pointer.page, reason);
        self.check_mapped(pointer).map_err(corrupt)?;
        if let Some(word) = self.verified.get((pointer.page / 64) as usize) {
            word.fetch_or(1 << (pointer.page % 64), Ordering::Relaxed);
        }
        Ok(())
    }

    /// Checks a page of a checkpoint as the mapping shows it.
    pub(super) fn check_mapped(&self, pointer: Root) -> Result<(), CorruptReason> {
        if pointer.page >= self.count() || pointer.page < META_PAGES {
            return Err(CorruptReason::OutOfFile { pages: self.count() });
        }
        // SAFETY: the file has the page (just compared), and the pinned version that reaches it keeps it unwritten.
        let (body, stored) =
            unsafe { (self.map.body(pointer.page, Region::Reading), self.map.checksum(pointer.page)) };
        let checked = check(body, stored, pointer);
        checked
            .map_err(|reason| if self.is_poisoned(pointer.page) { CorruptReason::Unreadable } else { reason })
    }

    /// Makes a page of a checkpoint a suspect, to be checked again before its next use: its copy on the device differs.
    pub(super) fn suspect(&self, pointer: Root) {
        let mut suspects = self.suspects.write().unwrap_or_else(PoisonError::into_inner);
        suspects.insert(pointer.page, pointer.generation);
        if let Some(word) = self.verified.get((pointer.page / 64) as usize) {
            word.fetch_and(!(1 << (pointer.page % 64)), Ordering::SeqCst);
        }
        self.checked_generation.store(u64::MAX, Ordering::SeqCst);
    }

    /// Whether the device was seen to hold a different copy of this page.
    fn is_suspect(&self, pointer: Root) -> bool {
        let suspects = self.suspects.read().unwrap_or_else(PoisonError::into_inner);
        suspects.get(&pointer.page) == Some(&pointer.generation)
    }

    /// Whether the page could not be read and zeros have replaced it.
    pub(super) fn is_poisoned(&self, page: u64) -> bool {
        self.map.is_poisoned(page)
    }

    /// The error for a page that differs from what its pointer says.
    #[cold]
    fn mismatch(&self, body: &Body, pointer: Root) -> TableError {
        let reason = match self.is_poisoned(pointer.page) {
            true => CorruptReason::Unreadable,
            false => CorruptReason::Generation { expected: pointer.generation, found: generation(body) },
        };
        TableError::corrupt(pointer.page, reason)
    }

    /// Fills in the checksum of a page that nobody writes any more, and returns it.
    pub(super) fn fill_checksum(&self, page: u64) -> u32 {
        assert!(page < self.count());
        // SAFETY: the file has the page; the checkpoint's pinned version reaches it, so its body is not written,
        // and the checksum is stored atomically outside of the body.
        let (body, place) = unsafe { (self.map.body(page, Region::Reading), self.map.checksum_mut(page)) };
        let sum = checksum(body);
        place.store(sum, Ordering::Release);
        sum
    }
}
