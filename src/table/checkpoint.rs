//! Checkpoints: making a published version durable while the writer keeps running.
//!
//! The steps, in order; each is finished before the next begins.
//! 1. `begin_checkpoint`, on the writer's thread: pin the published version, take the list of live pages written since
//!    the last checkpoint began, write the catalogue and the changed parts of the allocation map to free pages.
//! 2. `Checkpoint::run`, on any thread: fill in the checksums of those pages, then sync them and the file's length.
//! 3. Write the meta to the other slot, sync it, read it back and compare. Then cut off the end of the file that
//!    neither meta includes.
//! 4. `end_checkpoint`, on the writer's thread: release the pages that only the previous durable checkpoint reached.
//!
//! A crash before the end of step 3 leaves the previous checkpoint, none of whose pages has been written since. A crash
//! after it leaves the new one. `open` syncs the metas that it finds before any page may be written.
//!
//! Pages of a checkpoint, all stamped with its generation:
//!
//! ```text
//! catalogue      32  128 roots of 24 bytes
//! map part n     32  507 words of 64 bits: bit i of word w is set if page n * 32448 + 64 * w + i is in use
//! map index n    32  pointer to the next index page, zeros if there is none
//!                50  up to 224 pointers to parts; their count is that of pages in use. `cells` says how many
//! ```
//! Only parts that changed are written again; the index is short and always is. Allocating pages for the parts changes
//! the map that they describe, so parts are added until an allocation changes no further part.

use std::{io, sync::Arc};

use super::{
    checkpoint_state::{PART_PAGES, PART_WORDS, PARTS_MAX},
    error::{CorruptReason, TableError},
    map::TableFile,
    meta::Meta,
    page::{self, BODY_BYTES, CATALOGUE, HEADER_BYTES, MAP, MAP_INDEX},
    root::{POINTER_BYTES, ROOT_BYTES, ROOT_SLOTS, Root, Roots},
    shared::Table,
    writer::TableWriter,
};

const _: () = assert!(HEADER_BYTES + ROOT_SLOTS * ROOT_BYTES <= BODY_BYTES);

/// A checkpoint that has begun. `run` makes it durable. If it is dropped instead, the table cannot begin another.
#[must_use = "a checkpoint that has begun must be run"]
pub struct Checkpoint {
    /// The table.
    table: Arc<Table>,
    /// The content of its meta page.
    meta: Meta,
    /// The content of the other meta page.
    durable: Meta,
    /// Pages to checksum and sync.
    pages: Vec<u32>,
}

/// A checkpoint that is durable.
#[derive(Debug)]
#[must_use = "the writer must hear that the checkpoint is durable"]
pub struct Durable {
    /// The content of its meta page.
    meta: Meta,
}

impl Durable {
    /// The checkpoint holds all log records up to this LSN.
    pub fn lsn(&self) -> u64 {
        self.meta.lsn
    }

    /// The meta page that describes the checkpoint.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }
}

impl Checkpoint {
    /// Number of pages that will be written.
    pub fn pages(&self) -> usize {
        self.pages.len()
    }

    /// LSN that the checkpoint will cover.
    pub fn lsn(&self) -> u64 {
        self.meta.lsn
    }

    /// Makes the checkpoint durable. An error is final: the table must not be changed any more.
    pub fn run(mut self) -> Result<Durable, TableError> {
        for page in &self.pages {
            let page = u64::from(*page);
            let checksum = self.table.pages.fill_checksum(page);
            // The kernel put zeros in the place of this page; what was written to them would not reach the file.
            if self.table.pages.is_poisoned(page) {
                return Err(TableError::corrupt(page, CorruptReason::Unreadable));
            }
            if page == self.meta.catalogue.page {
                self.meta.catalogue_checksum = checksum;
            } else if page == self.meta.map_index.page {
                self.meta.map_index_checksum = checksum;
            }
        }
        let file = &*self.table.file;
        let io = |operation| move |source| TableError::Io { operation, path: file.path(), source };
        file.sync(&self.pages).map_err(io("sync the pages of"))?;
        // A table that is being created has no checkpoint yet.
        if self.durable.sequence > 0 {
            let found = file.read_meta(self.durable.slot()).map_err(io("read a meta page of"))?;
            if found != self.durable.encode() {
                return Err(TableError::Overwritten);
            }
        }
        write_meta(file, &self.meta).map_err(io("write the meta page of"))?;
        self.table.cut_file(self.meta.pages.max(self.durable.pages)).map_err(io("shorten"))?;
        Ok(Durable { meta: self.meta })
    }
}

/// Writes a meta, syncs it, reads it back and compares.
fn write_meta(file: &dyn TableFile, meta: &Meta) -> io::Result<()> {
    let bytes = meta.encode();
    file.write_meta(meta.slot(), &bytes)?;
    file.sync_meta()?;
    if file.read_meta(meta.slot())? != bytes {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the meta page reads back differently"));
    }
    Ok(())
}

impl TableWriter {
    /// Begins a checkpoint of the newest published version, which holds all log records up to `lsn`. `wall_ms` is the
    /// current time. Panics if the last checkpoint has not ended.
    pub fn begin_checkpoint(&mut self, lsn: u64, wall_ms: u64) -> Checkpoint {
        assert!(self.checkpoints.retired.is_none(), "one checkpoint at a time");
        let table = self.own.table().clone();
        self.fit_tail();
        let (generation, roots) = table.versions.current();
        let mut pages = self.space.begin_checkpoint(generation);
        let file_pages = self.space.pages();
        let taken = self.take_pages(file_pages, generation);
        let catalogue = self.write_catalogue(&roots, generation, taken.catalogue);
        self.write_parts(&taken.parts);
        let map_index = self.write_index(generation);
        pages.extend(taken.parts.iter().map(|part| self.checkpoints.parts[*part as usize].page as u32));
        pages.extend(&self.checkpoints.index);
        pages.push(taken.catalogue);
        pages.sort_unstable();
        self.checkpoints.retired = Some(taken.retired);
        let durable = self.checkpoints.durable;
        let meta = Meta {
            sequence: durable.sequence + 1,
            generation,
            catalogue,
            catalogue_checksum: 0,
            map_index,
            map_index_checksum: 0,
            pages: file_pages,
            lsn: lsn.max(durable.lsn),
            epoch: self.checkpoints.epoch,
            wall_ms,
            salt: self.checkpoints.next_salt(),
            log_checksum: self.checkpoints.log_checksum,
            instance_id: durable.instance_id,
        };
        Checkpoint { table, meta, durable, pages }
    }

    /// Ends a checkpoint that is durable: pages that only the previous one reached can be reused.
    pub fn end_checkpoint(&mut self, done: Durable) {
        let durable = self.checkpoints.durable;
        assert_eq!(done.meta.sequence, durable.sequence + 1, "the checkpoint that was begun");
        // This is the peak: the pages of both checkpoints are in use, and those written since.
        self.note_need(self.pages_kept());
        let retired = self.checkpoints.retired.take().expect("a checkpoint was begun");
        self.space.end_checkpoint(retired.into_iter());
        self.checkpoints.durable = done.meta;
        self.own.table().numbers.set_durable(&done.meta);
    }

    /// Sets the checksum that the log has at the LSN of the next checkpoint; `None` if it is not known.
    pub fn set_log_checksum(&mut self, checksum: Option<u32>) {
        self.checkpoints.log_checksum = checksum;
    }

    /// Allocates the pages that the checkpoint itself needs and retires those of the durable one that it replaces.
    fn take_pages(&mut self, file_pages: u64, generation: u64) -> Taken {
        let parts = file_pages.div_ceil(PART_PAGES) as usize;
        let mut retired = std::mem::take(&mut self.checkpoints.index);
        // These parts covered pages that were cut off the file.
        let behind = self.checkpoints.parts.get(parts..).unwrap_or_default();
        retired.extend(behind.iter().map(|part| part.page as u32));
        self.checkpoints.parts.resize(parts, Root::EMPTY);
        retired.push(self.checkpoints.durable.catalogue.page as u32);
        retired.retain(|page| *page != 0);
        retired.iter().for_each(|page| self.space.retire(*page));
        let index = (0..parts.div_ceil(PARTS_MAX)).map(|_| self.space.allocate_for_checkpoint());
        self.checkpoints.index = index.collect();
        let catalogue = self.space.allocate_for_checkpoint();

        let mut moved = vec![false; parts];
        loop {
            let changed = self.space.drain_changed_parts().into_iter();
            let changed: Vec<u32> =
                changed.filter(|part| moved.get(*part as usize) == Some(&false)).collect();
            if changed.is_empty() {
                break;
            }
            for part in changed {
                moved[part as usize] = true;
                let page = self.space.allocate_for_checkpoint();
                let new = Root { page: u64::from(page), generation, count: 0 };
                let old = std::mem::replace(&mut self.checkpoints.parts[part as usize], new);
                if !old.is_empty() {
                    self.space.retire(old.page as u32);
                    retired.push(old.page as u32);
                }
            }
        }
        let parts = (0..parts as u32).filter(|part| moved[*part as usize]).collect();
        Taken { catalogue, parts, retired }
    }

    /// Writes the roots of the version.
    fn write_catalogue(&mut self, roots: &Roots, generation: u64, catalogue: u32) -> Root {
        let page = u64::from(catalogue);
        let body = self.own.body_mut(page);
        page::start(body, CATALOGUE, 0);
        body[HEADER_BYTES..].fill(0);
        page::set_identity(body, page, generation);
        for (root, place) in roots.iter().zip(body[HEADER_BYTES..].as_chunks_mut().0) {
            *place = root.encode();
        }
        Root { page, generation, count: 0 }
    }

    /// Writes the given parts of the allocation map to their new pages.
    fn write_parts(&mut self, parts: &[u32]) {
        for part in parts {
            let pointer = self.checkpoints.parts[*part as usize];
            let from = *part as usize * PART_WORDS;
            let words = self.space.live_words();
            let words = &words[from..words.len().min(from + PART_WORDS)];
            let body = self.own.body_mut(pointer.page);
            page::start(body, MAP, *part);
            body[HEADER_BYTES..].fill(0);
            page::set_identity(body, pointer.page, pointer.generation);
            for (word, place) in words.iter().zip(body[HEADER_BYTES..].as_chunks_mut().0) {
                *place = word.to_le_bytes();
            }
            let count = words.iter().map(|word| u64::from(word.count_ones())).sum();
            self.checkpoints.parts[*part as usize].count = count;
        }
    }

    /// Writes the index of the allocation map, from its last page to its first.
    fn write_index(&mut self, generation: u64) -> Root {
        let mut next = Root::EMPTY;
        for (number, parts) in self.checkpoints.parts.chunks(PARTS_MAX).enumerate().rev() {
            let page = u64::from(self.checkpoints.index[number]);
            let body = self.own.body_mut(page);
            page::start(body, MAP_INDEX, number as u32);
            body[HEADER_BYTES..].fill(0);
            page::set_identity(body, page, generation);
            page::write_u16(body, 2, parts.len());
            let pointers = body[HEADER_BYTES..].as_chunks_mut::<POINTER_BYTES>().0.iter_mut();
            for (place, pointer) in pointers.zip(std::iter::once(&next).chain(parts)) {
                *place = pointer.encode_pointer();
            }
            next = Root { page, generation, count: 0 };
        }
        next
    }
}

/// Pages allocated for a checkpoint.
struct Taken {
    /// Page of the catalogue.
    catalogue: u32,
    /// Parts of the allocation map that got a new page.
    parts: Vec<u32>,
    /// Pages that the durable checkpoint uses and this one does not.
    retired: Vec<u32>,
}
