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

/// The part of a table that everybody shares: its pages and its published version.
pub struct Table {
    /// The pages.
    pub(super) pages: Pages,
    /// The published version and those that are still being read.
    pub(super) versions: Versions,
    /// The file that holds the pages.
    pub(super) file: Box<dyn TableFile>,
    /// How long the file is.
    pub(super) length: FileLength,
    /// Numbers to be shown.
    pub(super) numbers: Numbers,
    /// Pages found to be damaged.
    damage: Damage,
    /// What the table's user wants kept.
    notes: Notes,
}

impl Table {
    /// The parts put together. The file has `file_pages` pages, or more than the table.
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

    /// Keeps up to [`NOTE_BYTES_MAX`](super::NOTE_BYTES_MAX) bytes beside the checkpoints; they are durable when this
    /// returns. An error is final.
    pub fn write_note(&self, text: &[u8]) -> std::io::Result<()> {
        self.notes.write(&*self.file, text)
    }

    /// Notes a damaged page. Says whether it is news; what is known of its keys is kept.
    pub fn report_damage(&self, finding: Finding) -> bool {
        self.damage.report(finding)
    }

    /// Takes pages off the list that were not met since: they are no longer in use, or were made good.
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
pub(super) struct Numbers {
    /// Pages of the file.
    pages: AtomicU64,
    /// Pages that can be written at once.
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
    /// Notes how many pages there are.
    pub(super) fn set_pages(&self, pages: u64, free: u64, waiting: u64, parked: u64) {
        self.pages.store(pages, Ordering::Relaxed);
        self.pages_free.store(free, Ordering::Relaxed);
        self.pages_waiting.store(waiting, Ordering::Relaxed);
        self.pages_parked.store(parked, Ordering::Relaxed);
    }

    /// Notes which checkpoint is durable.
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
