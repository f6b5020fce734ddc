//! What the writer knows about checkpoints from one to the next. `checkpoint` makes them.

use super::{
    meta::Meta,
    page::{BODY_BYTES, HEADER_BYTES},
    root::{POINTER_BYTES, Root},
};

/// 64-bit words of one part of the allocation map.
pub(super) const PART_WORDS: usize = 507;
/// Pages that one part of the allocation map covers.
pub(super) const PART_PAGES: u64 = PART_WORDS as u64 * 64;
/// Offset of the pointers in an index page.
const PARTS_AT: usize = HEADER_BYTES + POINTER_BYTES;
/// Pointers that one index page holds.
pub(super) const PARTS_MAX: usize = (BODY_BYTES - PARTS_AT) / POINTER_BYTES;

const _: () = assert!(HEADER_BYTES + PART_WORDS * 8 <= BODY_BYTES);
const _: () = assert!(PARTS_MAX == 224);

/// What the writer knows about checkpoints.
pub(super) struct CheckpointState {
    /// The durable one.
    pub(super) durable: Meta,
    /// Pages of the newest one's allocation map.
    pub(super) parts: Vec<Root>,
    /// Pages of the newest one's index.
    pub(super) index: Vec<u32>,
    /// Pages that the durable checkpoint uses and the one being written does not; `None` if none is being written.
    pub(super) retired: Option<Vec<u32>>,
    /// Epoch that the next checkpoint will carry.
    pub(super) epoch: u64,
    /// Checksum of the log at the LSN of the next checkpoint, if it is known.
    pub(super) log_checksum: Option<u32>,
    /// State of the generator of salts.
    pub(super) seed: u64,
}

impl CheckpointState {
    /// Number of pages that must stay free so that the next checkpoint can begin, in a file of `file_pages` pages: one
    /// for each part of the map, its index, the catalogue, and a few for parts that a growing file adds. Pages that
    /// come back when the checkpoint being written ends count as free.
    #[inline]
    pub(super) fn reserve_pages(&self, file_pages: u64) -> u64 {
        let parts = file_pages.div_ceil(PART_PAGES);
        let wanted = parts + parts.div_ceil(PARTS_MAX as u64) + 5;
        wanted.saturating_sub(self.retired.as_ref().map_or(0, |retired| retired.len() as u64))
    }

    /// The next number of a sequence that looks random.
    pub(super) fn next_salt(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.seed ^ (self.seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
