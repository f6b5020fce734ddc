//! The part of a table that the writer and all readers share.

use std::time::Instant;

use super::{
    damage::Damage,
    finding::Finding,
    length::FileLength,
    map::TableFile,
    meta::Meta,
    note::{Note, Notes},
    pages::Pages,
    root::Roots,
    versions::Versions,
};
use crate::sync::{AtomicU64, Ordering};

/// The part of a table that the writer and all readers share: its pages and its published version.
pub struct Table {
    /// The pages.
    pub(super) pages: Pages,
    /// The published version and those that are still being read.
    pub(super) versions: Versions,
    /// The file that holds the pages.
    pub(super) file: Box<dyn TableFile>,
    /// The file's length.
    pub(super) length: FileLength,
    /// Numbers for readers, such as `INFO`.
    pub(super) numbers: Numbers,
    /// Pages found to be damaged.
    damage: Damage,
    /// The note of the table's user.
    notes: Notes,
}

impl Table {
    /// Assembles a table. The file has `file_pages` pages, which may be more than the table has.
    pub(super) fn new(
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
        let damage = Damage::default();
        let notes = Notes::new(note);
        let (versions, length) = (Versions::new(generation, roots), FileLength::new(file_pages));
        Table { pages, versions, file, length, numbers, damage, notes }
    }

    /// The durable checkpoint holds all log records up to this LSN.
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

    /// Checksum of the log at the LSN of the durable checkpoint, if it is known.
    pub fn log_checksum(&self) -> Option<u32> {
        u32::try_from(self.numbers.log_checksum.load(Ordering::Acquire)).ok()
    }

    /// The note that [`Table::write_note`] last wrote, if there is one.
    pub fn note(&self) -> Option<Vec<u8>> {
        self.notes.text()
    }

    /// Stores up to [`NOTE_BYTES_MAX`](super::NOTE_BYTES_MAX) bytes next to the checkpoints; they are durable when this
    /// returns. An error is final.
    pub fn write_note(&self, text: &[u8]) -> std::io::Result<()> {
        self.notes.write(&*self.file, text)
    }

    /// Notes a damaged page and returns whether it is new. Keys that are already known for it are kept.
    pub fn report_damage(&self, finding: Finding) -> bool {
        self.damage.report(finding)
    }

    /// Drops pages from the list that were not found since `before`: they are no longer in use, or were repaired.
    pub fn forget_damage(&self, before: Instant) {
        self.damage.forget(before);
    }

    /// The damaged pages that are known, by page number.
    pub fn damage(&self) -> Vec<Finding> {
        self.damage.list()
    }

    /// Identity of the data set, as it was given at creation.
    pub fn instance_id(&self) -> u64 {
        self.numbers.instance_id.load(Ordering::Acquire)
    }

    /// Number of pages that could not be read when they were touched: the device failed, or the file was cut. Nothing
    /// read while this number grew may be trusted.
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
    /// Pages that can be allocated now.
    pub pages_free: u64,
    /// Freed pages that cannot be allocated yet, for whatever reason.
    pub pages_waiting: u64,
    /// Those of the waiting pages that a snapshot or a checkpoint holds.
    pub pages_parked: u64,
    /// Generation that snapshots see.
    pub published_generation: u64,
    /// Generation of the durable checkpoint.
    pub durable_generation: u64,
    /// Sequence number of the durable checkpoint.
    pub checkpoints: u64,
}

/// Numbers that other threads than the writer's read.
#[derive(Default)]
pub(super) struct Numbers {
    /// Pages of the file.
    pages: AtomicU64,
    /// Pages that can be allocated now.
    pages_free: AtomicU64,
    /// Freed pages that cannot be written yet.
    pages_waiting: AtomicU64,
    /// Those of them that a pin holds.
    pages_parked: AtomicU64,
    /// LSN of the durable checkpoint.
    pub(super) lsn: AtomicU64,
    /// Epoch of the durable checkpoint.
    epoch: AtomicU64,
    /// Wall-clock time of the durable checkpoint.
    wall_ms: AtomicU64,
    /// Generation of the durable checkpoint.
    pub(super) generation: AtomicU64,
    /// Sequence number of the durable checkpoint.
    sequence: AtomicU64,
    /// Identity of the data set.
    instance_id: AtomicU64,
    /// Checksum of the log at the LSN of the durable checkpoint; more than 32 bits if it is not known.
    log_checksum: AtomicU64,
}

impl Numbers {
    /// Sets the numbers of pages.
    pub(super) fn set_pages(&self, pages: u64, free: u64, waiting: u64, parked: u64) {
        self.pages.store(pages, Ordering::Relaxed);
        self.pages_free.store(free, Ordering::Relaxed);
        self.pages_waiting.store(waiting, Ordering::Relaxed);
        self.pages_parked.store(parked, Ordering::Relaxed);
    }

    /// Sets the numbers of the durable checkpoint.
    pub(super) fn set_durable(&self, meta: &Meta) {
        self.lsn.store(meta.lsn, Ordering::Release);
        self.epoch.store(meta.epoch, Ordering::Release);
        self.wall_ms.store(meta.wall_ms, Ordering::Release);
        self.generation.store(meta.generation, Ordering::Release);
        self.sequence.store(meta.sequence, Ordering::Release);
        self.instance_id.store(meta.instance_id, Ordering::Release);
        self.log_checksum.store(meta.log_checksum.map_or(u64::MAX, u64::from), Ordering::Release);
    }
}
