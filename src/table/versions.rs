//! Versions that readers can see, and the slots in which readers pin them.
//!
//! Readers never wait for the writer and never make it wait; they take no lock and allocate nothing.
//!
//! - The *version word* packs a generation and an index into the ring of versions. `current` holds the word of the
//!   published version.
//! - A reader claims a slot by storing the current word in it and then checks whether `current` still holds that word.
//!   If so, the writer sees the slot in every later scan; if not, the reader stores the newer word and checks again.
//! - The writer fills a ring entry that no slot refers to and that is not current, then stores its word in `current`.
//!
//! Why a reader that passed its second check is safe: all four accesses are sequentially consistent. If the writer's
//! scan, which follows its store to `current`, does not see the reader's slot, then the reader's second check follows
//! that store and sees the newer word, so the reader does not use the old version. Scans that free pages or reuse a
//! ring entry always follow the publication that made the version old.

#![allow(unsafe_code)]

use super::{SNAPSHOTS_MAX, root::Roots};
use crate::sync::{AtomicU64, AtomicUsize, Ordering, UnsafeCell, yield_now};

/// Ring entries: one for each snapshot, the published one, and the next.
const RING: usize = SNAPSHOTS_MAX + 2;
/// Bits of a version word that hold the ring index.
const PLACE_BITS: u32 = 8;

const _: () = assert!(RING <= 1 << PLACE_BITS);

/// A reader's slot, on cache lines of its own.
#[repr(align(128))]
struct Slot(AtomicU64);

/// The published version and those that are still being read.
pub(super) struct Versions {
    /// The version word of the published version.
    current: Slot,
    /// Slots from this one on were never used; scans stop here.
    used: AtomicUsize,
    /// The version words that readers hold; 0 in a free slot.
    slots: Box<[Slot]>,
    /// The roots of the versions.
    ring: Box<[UnsafeCell<Roots>]>,
}

impl Versions {
    /// The published version's generation and roots. Only for the writer.
    pub(super) fn current(&self) -> (u64, Roots) {
        let word = self.current.0.load(Ordering::Relaxed);
        // SAFETY: ring entries are written by `publish`, on the thread of the one writer, which is in here.
        (generation(word), unsafe { *self.roots(word) })
    }

    /// Publishes the first version.
    pub(super) fn new(generation: u64, roots: &Roots) -> Versions {
        let ring: Box<[_]> = (0..RING).map(|_| UnsafeCell::new(*roots)).collect();
        let slots = (0..SNAPSHOTS_MAX).map(|_| Slot(AtomicU64::new(0))).collect();
        let current = Slot(AtomicU64::new(generation << PLACE_BITS));
        Versions { current, used: AtomicUsize::new(0), slots, ring }
    }

    /// Generation of the published version.
    pub(super) fn published(&self) -> u64 {
        generation(self.current.0.load(Ordering::Acquire))
    }

    /// Makes a version the one that new snapshots see. Only for the writer.
    pub(super) fn publish(&self, generation: u64, roots: &Roots) {
        let now = self.current.0.load(Ordering::Relaxed);
        assert!(generation > self::generation(now) && generation >> (64 - PLACE_BITS) == 0);
        let mut taken = [false; RING];
        taken[place(now)] = true;
        self.scan(|word| taken[place(word)] = true);
        let free = taken.iter().position(|taken| !taken).expect("more places than slots");
        // SAFETY: there is one writer; the ring entry is not current and no slot refers to it, so no reader uses it,
        // and the scan's acquiring loads order the last reader's reads before this write.
        self.ring[free].with_mut(|place| unsafe { *place = *roots });
        self.current.0.store(generation << PLACE_BITS | free as u64, Ordering::SeqCst);
    }

    /// Calls `see` with each version word that a reader holds.
    fn scan(&self, mut see: impl FnMut(u64)) {
        let used = self.used.load(Ordering::SeqCst);
        for slot in &self.slots[..used] {
            let word = slot.0.load(Ordering::SeqCst);
            if word != 0 {
                see(word);
            }
        }
    }

    /// Appends the generations that readers hold.
    pub(super) fn pins(&self, pins: &mut Vec<u64>) {
        self.scan(|word| pins.push(generation(word)));
    }

    /// Claims a slot and pins the published version in it. Returns the slot and the version word that it holds.
    pub(super) fn pin(&self) -> (usize, u64) {
        let hint = thread_hint();
        let mut tries = 0;
        loop {
            let slot = (hint + tries) % SNAPSHOTS_MAX;
            if slot >= self.used.load(Ordering::Relaxed) {
                self.used.fetch_max(slot + 1, Ordering::SeqCst);
            }
            let word = self.current.0.load(Ordering::SeqCst);
            let place = &self.slots[slot].0;
            if place.compare_exchange(0, word, Ordering::SeqCst, Ordering::Relaxed).is_ok() {
                return (slot, self.settle(place, word));
            }
            tries += 1;
            if tries.is_multiple_of(SNAPSHOTS_MAX) {
                yield_now();
            }
        }
    }

    /// Gives a slot back.
    pub(super) fn unpin(&self, slot: usize, word: u64) {
        let slot = &self.slots[slot].0;
        debug_assert_eq!(slot.load(Ordering::Relaxed), word);
        slot.store(0, Ordering::Release);
    }

    /// The roots of a version.
    ///
    /// # Safety
    /// The version is the current one and the caller is the writer, or a slot holds `word` for as long as the roots are
    /// used.
    pub(super) unsafe fn roots(&self, word: u64) -> &Roots {
        // SAFETY: the writer fills no ring entry that is current or that a slot refers to, and the caller's is one of
        // these.
        self.ring[place(word)].with(|roots| unsafe { &*roots })
    }

    /// Checks, and pins again, until the pinned version is the current one.
    fn settle(&self, slot: &AtomicU64, mut pinned: u64) -> u64 {
        loop {
            let word = self.current.0.load(Ordering::SeqCst);
            if word == pinned {
                return word;
            }
            slot.store(word, Ordering::SeqCst);
            pinned = word;
        }
    }
}

/// Generation in a version word.
pub(super) fn generation(word: u64) -> u64 {
    word >> PLACE_BITS
}

/// Ring index in a version word.
fn place(word: u64) -> usize {
    (word & ((1 << PLACE_BITS) - 1)) as usize
}

/// The slot where a thread starts its search for a free one, so that threads rarely collide.
fn thread_hint() -> usize {
    use std::sync::atomic::AtomicUsize;
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static HINT: usize = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % SNAPSHOTS_MAX;
    }
    HINT.with(|hint| *hint)
}
