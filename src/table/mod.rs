//! The table: a copy-on-write counted B+tree in one mapped file. Bytes in, bytes out.
//!
//! Definitions
//! - A *page* is 4 KiB of the file. Page 0 and 1 are the *meta pages*.
//! - A *generation* is what the writer does between two calls of `freeze`. The pages that it writes are stamped with
//!   its number.
//! - A *version* is the state of all trees at the end of a generation: 128 *roots*, one for each slot.
//! - A *snapshot* is a version that a reader has pinned. A *checkpoint* is a version that is on disk.
//! - A *cell* is the value of a key: bytes, and the roots of up to three trees of its own (*nested* trees).
//!
//! Invariants
//! - The writer changes pages of its own, unpublished generation only; it copies any other page first. So versions
//!   never change, and readers need no lock.
//! - A page is reused when no pinned version reaches it: no snapshot's, not that of the durable checkpoint, and not
//!   that of a checkpoint being written.
//! - A pointer carries the page's number, its generation and the number of keys below it.
//! - A page that came from disk is checked in full before its first use. Nothing is ever read from a bad page.
//! - A commit does no I/O here: between checkpoints, durability is the log's job.
//!
//! Course of a change: `insert`, `remove` ... on the writer's version; `freeze`; (the caller syncs its log;) `publish`;
//! from time to time `begin_checkpoint`, `Checkpoint::run`, `end_checkpoint`.
//!
//! Files, from the bottom: `page` (header and checksum), `map` (memory and file), `fault` (pages that cannot be read),
//! `node` (cells in a page), `leaf` and `branch` (what cells mean), `cells` (rebuilding pages), `alloc` and `bitmap`
//! (free space), `pages` (who may see a page), `meta`, `note`, `versions`, `shared` (what all share), `descend`,
//! `cursor` and `view` (reading), `snapshot` (pins), `ahead` (many keys at once), `budget` (how much a read may visit),
//! `own` (pages of the writer alone), `trails` (the ways to keys that will be changed), `writer`, `insert`, `remove`,
//! `fill` and `remove_many` (many keys in order), `cut` (ranges of keys), `long` (long keys), `copy` (copying whole
//! trees), `append` (copying ranges of them), `dropped` (freeing them), `checkpoint`, `tour` (going through all trees),
//! `tail`, `moving` and `shorten` (shrinking the file), `open`,
//! `verify`, `scrub`, `finding` and `damage` (bad pages found while the server runs).

mod ahead;
mod alloc;
mod append;
mod bitmap;
mod branch;
mod budget;
mod cells;
mod checkpoint;
mod checkpoint_state;
mod copy;
mod cursor;
mod cut;
mod damage;
mod descend;
mod dropped;
mod error;
mod fault;
mod fill;
mod finding;
mod insert;
mod leaf;
mod length;
mod long;
mod map;
mod memory;
mod meta;
mod moving;
mod node;
mod note;
mod open;
mod options;
mod own;
mod page;
mod pages;
mod path;
mod remove;
mod remove_many;
mod root;
mod scrub;
mod shared;
mod shorten;
mod snapshot;
mod source;
mod tail;
#[cfg(test)]
mod tests;
mod tour;
mod trails;
mod verify;
mod versions;
mod view;
mod work;
mod writer;

pub use ahead::Hint;
pub use budget::Budget;
pub use checkpoint::{Checkpoint, Durable};
pub use cursor::{Cells, Cursor, Item};
pub use damage::DAMAGED_PAGES_MAX;
pub use error::{CorruptReason, MetaFault, TableError};
pub use fault::unreadable_pages;
pub use fill::Filler;
pub use finding::Finding;
pub use map::{
    FILE_BYTES_LIMIT, FILE_BYTES_MAX_DEFAULT, META_BYTES, META_SLOTS, Mapping, MmapFile, TableFile,
    slot_place,
};
pub use memory::{MemoryFile, MemoryRegion};
pub use meta::Meta;
pub use node::{CELL_BYTES_MAX, KEY_BYTES_MAX};
pub use note::{NOTE_BYTES_MAX, Note, read_note};
pub use options::TableOptions;
pub use page::PAGE_BYTES;
pub use remove_many::Remover;
pub use root::{CELL_ROOTS_MAX, Cell, CellRoots, ROOT_BYTES, ROOT_SLOTS, Root};
pub use scrub::{Scrub, ScrubStep};
pub use shared::{Table, TableStats};
pub use snapshot::Snapshot;
pub use source::PageSource;
pub use verify::{Progress, Report, read_metas, verify, verify_path};
pub use view::{KeyRange, View};
pub use work::Work;
pub use writer::{Frozen, TableWriter};

/// Maximum number of snapshots at a time; a further reader waits until one is dropped.
pub const SNAPSHOTS_MAX: usize = 128;
