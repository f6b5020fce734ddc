//! Pages: the header that every page starts with, the checksum that it ends with, and who may look at which page.
//!
//! ```text
//!    0  1  kind: 1 leaf, 2 branch, 3 catalogue, 4 allocation map, 5 index of the allocation map
//!    1  1  level: 0 for leaves, one more than its children's for a branch
//!    2  2  number of cells
//!    4  2  heap start: lowest byte of the cells, which grow down from the page's end
//!    6  2  garbage: bytes in the heap that belong to no cell
//!    8  2  prefix length: bytes that all keys of the page share, kept once
//!   10  2  stems: cells whose tree holds keys that go on (long keys)
//!   12  4  part: place in the allocation map or its index; zero in other pages
//!   16  8  the page's own number
//!   24  8  generation that wrote the page
//!   32     what the kind says
//! 4092  4  crc32 of all bytes before it, filled in at a checkpoint
//! ```
//! All numbers are little-endian. The checksum stands last so that a `Body`, the bytes before it, can be read by
//! many threads while the checkpoint stores the checksum.
//!
//! Invariants, on which the unsafe code of this file rests:
//! - A page that a pinned version can reach is not written, save for its checksum, which is atomic.
//! - The writer writes pages of its own generation only. No version that others can see reaches them.
//! - A page of a generation up to the opened checkpoint's is checked in full before its first use, and again after the
//!   scrub found fault with what the device holds.

#![allow(unsafe_code)]

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use super::{
    Table,
    error::{CorruptReason, TableError},
    map::Mapping,
    node,
    root::Root,
};
use crate::sync::{AtomicU64, Ordering};

/// Size of a page in memory and in the file.
pub const PAGE_BYTES: usize = 4096;
/// Bytes of a page before its checksum.
pub(super) const BODY_BYTES: usize = PAGE_BYTES - 4;
/// Bytes of the header.
pub(super) const HEADER_BYTES: usize = 32;
/// Number of meta pages at the start of the file.
pub(super) const META_PAGES: u64 = 2;

const _: () = assert!(BODY_BYTES.is_multiple_of(4) && BODY_BYTES + 4 == PAGE_BYTES);
const _: () = assert!(HEADER_BYTES == 32 && HEADER_BYTES.is_multiple_of(8));

/// A page without its checksum.
pub(super) type Body = [u8; BODY_BYTES];

/// Kind byte of a leaf.
pub(super) const LEAF: u8 = 1;
/// Kind byte of a branch.
pub(super) const BRANCH: u8 = 2;
/// Kind byte of the catalogue, which holds the roots of a version.
pub(super) const CATALOGUE: u8 = 3;
/// Kind byte of a part of the allocation map.
pub(super) const MAP: u8 = 4;
/// Kind byte of a part of the allocation map's index.
pub(super) const MAP_INDEX: u8 = 5;

/// Reads a two-byte number.
#[inline]
pub(super) fn read_u16(body: &Body, at: usize) -> usize {
    usize::from(u16::from_le_bytes([body[at], body[at + 1]]))
}

/// Writes a two-byte number.
#[inline]
pub(super) fn write_u16(body: &mut Body, at: usize, value: usize) {
    debug_assert!(value <= usize::from(u16::MAX));
    body[at..at + 2].copy_from_slice(&(value as u16).to_le_bytes());
}

/// Reads an eight-byte number.
#[inline]
pub(super) fn read_u64(body: &Body, at: usize) -> u64 {
    u64::from_le_bytes(body[at..at + 8].try_into().expect("eight bytes"))
}

/// Writes an eight-byte number.
#[inline]
pub(super) fn write_u64(body: &mut Body, at: usize, value: u64) {
    body[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

/// What the page holds.
#[inline]
pub(super) fn kind(body: &Body) -> u8 {
    body[0]
}

/// Height above the leaves.
#[inline]
pub(super) fn level(body: &Body) -> u8 {
    body[1]
}

/// The page's own number.
#[inline]
pub(super) fn number(body: &Body) -> u64 {
    read_u64(body, 16)
}

/// The generation that wrote the page.
#[inline]
pub(super) fn generation(body: &Body) -> u64 {
    read_u64(body, 24)
}

/// Place of the page in the allocation map or its index.
pub(super) fn part(body: &Body) -> u32 {
    u32::from_le_bytes(body[12..16].try_into().expect("four bytes"))
}

/// Stamps a page with its number and its generation.
#[inline]
pub(super) fn set_identity(body: &mut Body, number: u64, generation: u64) {
    write_u64(body, 16, number);
    write_u64(body, 24, generation);
}

/// Starts a page that holds no cells: kind, place, zeros in the other fields.
pub(super) fn start(body: &mut Body, kind: u8, part: u32) {
    body[..HEADER_BYTES].fill(0);
    body[0] = kind;
    body[12..16].copy_from_slice(&part.to_le_bytes());
}

/// The checksum that belongs to these bytes.
pub(super) fn checksum(body: &Body) -> u32 {
    crc32fast::hash(body)
}

/// All checks of one page against the pointer that led to it, as far as the page alone can tell.
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
    /// The memory that shows them.
    map: Mapping,
    /// Number of pages that the table has; the file has them too.
    count: AtomicU64,
    /// Pages of this generation or an older one came from the file and are checked before their first use.
    opened_generation: u64,
    /// One bit a page of the opened file: whether it was checked.
    verified: Box<[AtomicU64]>,
    /// Pages up to this generation are looked at before use unless they are `verified`: the opened generation, or all
    /// once there are suspects.
    checked_generation: AtomicU64,
    /// Pages that the device holds differently, with their generations.
    suspects: RwLock<BTreeMap<u64, u64>>,
}

/// Cache lines that a search reads of a usual page: header, prefix, heads and offsets.
const SEARCH_LINES: usize = 8;

impl Pages {
    /// The pages of a file that has `count` of them, whose newest checkpoint is of `opened_generation`.
    pub(super) fn new(map: Mapping, count: u64, opened_generation: u64) -> Pages {
        assert!(count <= map.pages());
        let words = if opened_generation == 0 { 0 } else { count.div_ceil(64) };
        let verified = (0..words).map(|_| AtomicU64::new(0)).collect();
        let checked_generation = AtomicU64::new(opened_generation);
        let suspects = RwLock::new(BTreeMap::new());
        Pages { map, count: AtomicU64::new(count), opened_generation, verified, checked_generation, suspects }
    }

    /// The memory that shows the pages.
    pub(super) fn map(&self) -> &Mapping {
        &self.map
    }

    /// Number of pages that the file has.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// Notes that the table has grown, or ends earlier: no pinned version reaches the pages behind.
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
        if pointer.page >= self.count.load(Ordering::Relaxed) || pointer.page < META_PAGES {
            return Err(TableError::corrupt(pointer.page, CorruptReason::OutOfFile { pages: self.count() }));
        }
        if pointer.generation <= self.checked_generation.load(Ordering::Relaxed)
            && !self.is_verified(pointer.page)
        {
            self.verify(pointer)?;
        }
        self.map.prefetch(pointer.page, 1..SEARCH_LINES);
        // SAFETY: the file has the page (just compared), and the pinned version that reaches it keeps it unwritten.
        let body = unsafe { self.map.body(pointer.page) };
        if generation(body) != pointer.generation {
            return Err(self.mismatch(body, pointer));
        }
        Ok(body)
    }

    /// Asks for a page to be in the processor's cache soon: the part that a search reads, or the `whole` of it. Reads
    /// nothing and waits for nothing.
    #[inline]
    pub(super) fn prefetch(&self, page: u64, whole: bool) {
        if page < self.count() {
            self.map.prefetch(page, 0..if whole { PAGE_BYTES / 64 } else { SEARCH_LINES });
        }
    }

    /// Whether a page of the opened file was checked already.
    #[inline]
    fn is_verified(&self, page: u64) -> bool {
        let word = self.verified.get((page / 64) as usize);
        word.is_some_and(|word| word.load(Ordering::Relaxed) >> (page % 64) & 1 == 1)
    }

    /// Checks a page of the opened file and remembers that it is good. Pages of later generations pass, unless they are
    /// suspects.
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

    /// Checks a page that a checkpoint holds, as the mapping shows it.
    pub(super) fn check_mapped(&self, pointer: Root) -> Result<(), CorruptReason> {
        if pointer.page >= self.count() || pointer.page < META_PAGES {
            return Err(CorruptReason::OutOfFile { pages: self.count() });
        }
        // SAFETY: the file has the page (just compared), and the pinned version that reaches it keeps it unwritten.
        let (body, stored) = unsafe { (self.map.body(pointer.page), self.map.checksum(pointer.page)) };
        let checked = check(body, stored.load(Ordering::Relaxed), pointer);
        checked
            .map_err(|reason| if self.is_poisoned(pointer.page) { CorruptReason::Unreadable } else { reason })
    }

    /// Has a page that a checkpoint holds checked again before its next use: the device holds something else.
    pub(super) fn suspect(&self, pointer: Root) {
        let mut suspects = self.suspects.write().unwrap_or_else(PoisonError::into_inner);
        suspects.insert(pointer.page, pointer.generation);
        if let Some(word) = self.verified.get((pointer.page / 64) as usize) {
            word.fetch_and(!(1 << (pointer.page % 64)), Ordering::SeqCst);
        }
        self.checked_generation.store(u64::MAX, Ordering::SeqCst);
    }

    /// Whether the device was seen to hold this page differently.
    fn is_suspect(&self, pointer: Root) -> bool {
        let suspects = self.suspects.read().unwrap_or_else(PoisonError::into_inner);
        suspects.get(&pointer.page) == Some(&pointer.generation)
    }

    /// Whether zeros stand in the place of a page that could not be read.
    pub(super) fn is_poisoned(&self, page: u64) -> bool {
        self.map.is_poisoned(page)
    }

    /// Says how a page differs from what its pointer says.
    #[cold]
    fn mismatch(&self, body: &Body, pointer: Root) -> TableError {
        let reason = match self.is_poisoned(pointer.page) {
            true => CorruptReason::Unreadable,
            false => CorruptReason::Generation { expected: pointer.generation, found: generation(body) },
        };
        TableError::corrupt(pointer.page, reason)
    }

    /// Fills in the checksum of a page that nobody writes any more, and says what it is.
    pub(super) fn fill_checksum(&self, page: u64) -> u32 {
        assert!(page < self.count());
        // SAFETY: the file has the page; the checkpoint's pinned version reaches it, so its body is not written,
        // and the checksum is stored atomically outside of the body.
        let (body, place) = unsafe { (self.map.body(page), self.map.checksum(page)) };
        let sum = checksum(body);
        place.store(sum, Ordering::Release);
        sum
    }
}

/// The writer's right to write pages of its own generation, which nobody else can reach.
///
/// It lends one page at a time, so two references to one page cannot meet.
pub(super) struct OwnPages {
    /// The table whose pages they are.
    table: Arc<Table>,
}

impl OwnPages {
    /// The right of the table's one writer.
    pub(super) fn new(table: Arc<Table>) -> OwnPages {
        OwnPages { table }
    }

    /// The table whose pages they are.
    #[inline]
    pub(super) fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// One of the writer's own pages, to be changed.
    #[inline]
    pub(super) fn body_mut(&mut self, page: u64) -> &mut Body {
        assert!(page < self.table.pages.count.load(Ordering::Relaxed) && page >= META_PAGES);
        // SAFETY: the file has the page (asserted). The writer asks for pages of its own generation only: freshly
        // allocated, reachable by no pinned version; and `&mut self` excludes a second reference of the writer's.
        unsafe { self.table.pages.map.body_mut(page) }
    }

    /// One of the writer's own pages, to be read.
    #[inline]
    pub(super) fn body(&self, page: u64) -> &Body {
        assert!(page < self.table.pages.count.load(Ordering::Relaxed) && page >= META_PAGES);
        // SAFETY: as for `body_mut`; `&self` excludes a writing reference of the writer's.
        unsafe { self.table.pages.map.body(page) }
    }

    /// Copies what a node page holds to one of the writer's own pages and stamps it.
    #[inline]
    pub(super) fn copy_node(&mut self, from: u64, to: u64, generation: u64) {
        let count = self.table.pages.count.load(Ordering::Relaxed);
        assert!(from < count && to < count && from != to && from.min(to) >= META_PAGES);
        // SAFETY: the file has both pages and they differ (asserted). `from` is reachable by the writer's version
        // and so not written; `to` is freshly allocated, reachable by nobody, and `&mut self` is exclusive.
        let (source, target) =
            unsafe { (self.table.pages.map.body(from), self.table.pages.map.body_mut(to)) };
        node::copy(source, target);
        set_identity(target, to, generation);
    }
}
