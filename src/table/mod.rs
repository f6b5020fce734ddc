//! The table: a copy-on-write counted B+tree in one mapped file. Bytes in, bytes out.
//!
//! Definitions
//! - A *page* is 4 KiB of the file. Page 0 and 1 are the *meta pages*.
//! - A *generation* is the work of the writer between two calls of `freeze`. It stamps the pages that it writes.
//! - A *version* is the state of all trees at the end of a generation: 128 *roots*, one a slot.
//! - A *snapshot* is a version that a reader has pinned. A *checkpoint* is a version that is on the disk.
//! - A *cell* is what a key holds: bytes, and the roots of up to three trees of its own (*nested* trees).
//!
//! Invariants
//! - The writer changes pages of its own, unpublished generation only; it copies any other page first. So versions
//!   never change, and readers need no lock.
//! - A page is used again when no pinned version reaches it: no snapshot's, not that of the durable checkpoint, and
//!   not that of a checkpoint being written.
//! - A pointer carries the page's number, its generation and the number of keys below it.
//! - A page that came from the disk is checked in full before its first use. Nothing is ever read from a bad page.
//! - A commit costs no input or output here: durability between checkpoints is the log's business.
//!
//! Way of a change: `insert`, `remove` ... on the writer's version; `freeze`; (the caller syncs its log;) `publish`;
//! from time to time `begin_checkpoint`, `Checkpoint::run`, `end_checkpoint`.
//!
//! Files, from the bottom: `map` (memory and file), `fault` (pages that cannot be brought), `page` (header, who may see a page), `node` (cells in a page),
//! `leaf` and `branch` (what cells mean), `cells` (laying pages out anew), `alloc` and `bitmap` (free space),
//! `versions` and `snapshot` (versions and pins), `view` and `cursor` (reading), `writer`, `insert`, `remove`, `long` (long keys),
//! `dropped` (freeing whole trees), `meta`, `checkpoint`, `tail` and `moving` (giving back the end of the file), `open`, `verify`,
//! `tour` (going through all trees), `scrub` and `damage` (bad pages found while the table is served).

mod alloc;
mod bitmap;
mod branch;
mod cells;
mod checkpoint;
mod cursor;
mod damage;
mod dropped;
mod error;
mod fault;
mod insert;
mod leaf;
mod long;
mod map;
mod memory;
mod meta;
mod moving;
mod node;
mod note;
mod open;
mod page;
mod path;
mod remove;
mod root;
mod scrub;
mod snapshot;
mod tail;
#[cfg(test)]
mod tests;
mod tour;
mod verify;
mod versions;
mod view;
mod writer;

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

pub use checkpoint::{Checkpoint, Durable};
pub use cursor::{Cells, Cursor, Item};
pub use damage::DAMAGED_PAGES_MAX;
pub use error::{CorruptReason, MetaFault, TableError};
pub use fault::unreadable_pages;
pub use insert::{CELL_BYTES_MAX, KEY_BYTES_MAX};
pub use map::{
    FILE_BYTES_LIMIT, FILE_BYTES_MAX_DEFAULT, META_BYTES, META_SLOTS, Mapping, MmapFile, TableFile,
    slot_place,
};
pub use memory::{MemoryFile, MemoryRegion};
pub use meta::Meta;
pub use note::{NOTE_BYTES_MAX, Note, read_note};
pub use page::PAGE_BYTES;
pub use root::{CELL_ROOTS_MAX, Cell, CellRoots, ROOT_BYTES, ROOT_SLOTS, Root};
pub use scrub::{Scrub, ScrubStep};
pub use snapshot::{SNAPSHOTS_MAX, Snapshot};
pub use verify::{Finding, PageSource, Progress, Report, read_metas, verify, verify_path};
pub use view::{KeyRange, View};
pub use writer::{Frozen, TableWriter};

use crate::sync::{AtomicU64, Ordering};
use page::Pages;
use root::Roots;
use versions::Versions;

/// How a table is created or opened.
#[derive(Clone, Debug)]
pub struct TableOptions {
    /// Largest size of the file. The size of the file's mapping bounds it too.
    pub file_bytes_max: u64,
    /// Pages that only deletes and checkpoints may take, so that they work when the table is full.
    pub headroom_pages: u64,
    /// Pages that stay free at the end of the file at least, and that go back to the file system at a time at least.
    pub slack_pages: u64,
    /// Identity of the data set. Used at creation only.
    pub instance_id: u64,
    /// Source of salts and of skipped generations. The same seed gives the same file.
    pub seed: u64,
}

impl Default for TableOptions {
    fn default() -> TableOptions {
        TableOptions {
            file_bytes_max: FILE_BYTES_MAX_DEFAULT,
            headroom_pages: 256,
            slack_pages: 1024,
            instance_id: 0,
            seed: RandomState::new().hash_one("table"),
        }
    }
}

/// The part of a table that everybody shares: its pages and its published version.
pub struct Table {
    /// The pages.
    pages: Pages,
    /// The published version and those that are still being read.
    versions: Versions,
    /// The file that holds the pages.
    file: Box<dyn TableFile>,
    /// How long the file is.
    length: tail::FileLength,
    /// Numbers to be shown.
    numbers: Numbers,
    /// Pages found to be damaged.
    damage: damage::Damage,
    /// What the table's user wants kept.
    notes: note::Notes,
}

impl Table {
    /// Makes an empty file a table, durably, with no key in it.
    ///
    /// After a crash in here the file cannot be opened; create under a temporary name and rename.
    pub fn create(
        file: Box<dyn TableFile>,
        options: &TableOptions,
    ) -> Result<(Arc<Table>, TableWriter), TableError> {
        open::create(file, options)
    }

    /// Opens the newest durable checkpoint of a table. Reads its roots and its allocation map, not its trees.
    pub fn open(
        file: Box<dyn TableFile>,
        options: &TableOptions,
    ) -> Result<(Arc<Table>, TableWriter), TableError> {
        open::open(file, options)
    }

    /// The parts put together. The file has `file_pages` pages, or more than the table.
    fn new(
        pages: Pages,
        generation: u64,
        roots: &Roots,
        file: Box<dyn TableFile>,
        file_pages: u64,
        meta: &Meta,
        note: Option<Note>,
    ) -> Table {
        let numbers = Numbers::default();
        numbers.set_durable(meta);
        numbers.pages.store(pages.count(), Ordering::Relaxed);
        let damage = damage::Damage::default();
        let notes = note::Notes::new(note);
        let (versions, length) = (Versions::new(generation, roots), tail::FileLength::new(file_pages));
        Table { pages, versions, file, length, numbers, damage, notes }
    }

    /// Pins the published version. Takes no lock and never waits for the writer.
    pub fn snapshot(&self) -> Snapshot<'_> {
        Snapshot::new(self)
    }

    /// LSN up to which the durable checkpoint holds the log's records.
    pub fn applied_lsn(&self) -> u64 {
        self.numbers.lsn.load(Ordering::Acquire)
    }

    /// Epoch of the durable checkpoint.
    pub fn epoch(&self) -> u64 {
        self.numbers.epoch.load(Ordering::Acquire)
    }

    /// Wall-clock time of the durable checkpoint, in milliseconds since 1970.
    pub fn wall_ms(&self) -> u64 {
        self.numbers.wall_ms.load(Ordering::Acquire)
    }

    /// Checksum that the log has at the LSN of the durable checkpoint, if it is known.
    pub fn log_checksum(&self) -> Option<u32> {
        u32::try_from(self.numbers.log_checksum.load(Ordering::Acquire)).ok()
    }

    /// What the last [`Table::write_note`] kept, if any did.
    pub fn note(&self) -> Option<Vec<u8>> {
        self.notes.text()
    }

    /// Keeps up to [`NOTE_BYTES_MAX`] bytes beside the checkpoints; they are durable when this returns. An error is final.
    pub fn write_note(&self, text: &[u8]) -> std::io::Result<()> {
        self.notes.write(&*self.file, text)
    }

    /// Identity of the data set, as it was given at creation.
    pub fn instance_id(&self) -> u64 {
        self.numbers.instance_id.load(Ordering::Acquire)
    }

    /// Number of pages that could not be brought when they were touched: the device failed, or the file was cut. What
    /// was read while this number grew must not be believed.
    #[inline]
    pub fn faults(&self) -> u64 {
        self.pages.map().faults()
    }

    /// Sizes and counts, as of the writer's last `freeze`.
    pub fn stats(&self) -> TableStats {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let numbers = &self.numbers;
        TableStats {
            pages: read(&numbers.pages),
            pages_free: read(&numbers.pages_free),
            pages_waiting: read(&numbers.pages_waiting),
            pages_parked: read(&numbers.pages_parked),
            published_generation: self.versions.published(),
            durable_generation: read(&numbers.generation),
            checkpoints: read(&numbers.sequence),
        }
    }
}

/// Sizes and counts of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableStats {
    /// Pages of the file.
    pub pages: u64,
    /// Pages that can be written at once.
    pub pages_free: u64,
    /// Freed pages that cannot be written yet, for whatever reason.
    pub pages_waiting: u64,
    /// Those of them that a snapshot or a checkpoint holds.
    pub pages_parked: u64,
    /// Generation that snapshots see.
    pub published_generation: u64,
    /// Generation of the durable checkpoint.
    pub durable_generation: u64,
    /// Sequence number of the durable checkpoint.
    pub checkpoints: u64,
}

/// Numbers that others than the writer may ask for.
#[derive(Default)]
struct Numbers {
    /// Pages of the file.
    pages: AtomicU64,
    /// Pages that can be written at once.
    pages_free: AtomicU64,
    /// Freed pages that cannot be written yet.
    pages_waiting: AtomicU64,
    /// Those of them that a pin holds.
    pages_parked: AtomicU64,
    /// LSN of the durable checkpoint.
    lsn: AtomicU64,
    /// Epoch of the durable checkpoint.
    epoch: AtomicU64,
    /// Wall-clock time of the durable checkpoint.
    wall_ms: AtomicU64,
    /// Generation of the durable checkpoint.
    generation: AtomicU64,
    /// Sequence number of the durable checkpoint.
    sequence: AtomicU64,
    /// Identity of the data set.
    instance_id: AtomicU64,
    /// Checksum of the log at the LSN of the durable checkpoint; more than 32 bits if it is not known.
    log_checksum: AtomicU64,
}

impl Numbers {
    /// Notes how many pages there are.
    fn set_pages(&self, pages: u64, free: u64, waiting: u64, parked: u64) {
        self.pages.store(pages, Ordering::Relaxed);
        self.pages_free.store(free, Ordering::Relaxed);
        self.pages_waiting.store(waiting, Ordering::Relaxed);
        self.pages_parked.store(parked, Ordering::Relaxed);
    }

    /// Notes which checkpoint is durable.
    fn set_durable(&self, meta: &Meta) {
        self.lsn.store(meta.lsn, Ordering::Release);
        self.epoch.store(meta.epoch, Ordering::Release);
        self.wall_ms.store(meta.wall_ms, Ordering::Release);
        self.generation.store(meta.generation, Ordering::Release);
        self.sequence.store(meta.sequence, Ordering::Release);
        self.instance_id.store(meta.instance_id, Ordering::Release);
        self.log_checksum.store(meta.log_checksum.map_or(u64::MAX, u64::from), Ordering::Release);
    }
}
