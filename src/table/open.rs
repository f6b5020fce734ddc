//! Creating a table, opening its newest checkpoint, and reading the checkpoint's own pages.
//!
//! Opening reads the metas, the catalogue and the allocation map, never a tree. An error in any of them is reported and
//! the table is not opened. There is no fallback to an older checkpoint: its pages may have been reused.

use std::{io, sync::Arc};

use super::{
    alloc::Space,
    bitmap::Bitmap,
    checkpoint_state::{CheckpointState, PART_PAGES, PART_WORDS, PARTS_MAX},
    error::{CorruptReason, TableError},
    map::TableFile,
    meta::Meta,
    note,
    options::TableOptions,
    page::{self, Body, CATALOGUE, HEADER_BYTES, MAP, MAP_INDEX, META_PAGES, PAGE_BYTES},
    pages::Pages,
    root::{NO_ROOTS, POINTER_BYTES, Root, Roots},
    shared::Table,
    writer::TableWriter,
};

impl Table {
    /// Turns an empty file into an empty table, durably.
    ///
    /// After a crash inside this call the file cannot be opened. So create it under a temporary name and rename it.
    pub fn create(
        file: Box<dyn TableFile>,
        options: &TableOptions,
    ) -> Result<(Arc<Table>, TableWriter), TableError> {
        create(file, options)
    }

    /// Opens the newest durable checkpoint of a table. Reads its roots and its allocation map, not its trees.
    pub fn open(
        file: Box<dyn TableFile>,
        options: &TableOptions,
    ) -> Result<(Arc<Table>, TableWriter), TableError> {
        open(file, options)
    }
}

/// The roots in a catalogue page.
pub(super) fn read_catalogue(body: &Body) -> Result<Roots, CorruptReason> {
    if page::kind(body) != CATALOGUE {
        return Err(CorruptReason::Kind { found: page::kind(body) });
    }
    let mut roots = NO_ROOTS;
    for (root, encoded) in roots.iter_mut().zip(body[HEADER_BYTES..].as_chunks().0) {
        *root = Root::decode(encoded);
    }
    if !roots.iter().all(Root::is_possible) {
        return Err(CorruptReason::Structure("a root that no tree can have"));
    }
    Ok(roots)
}

/// The parts and the next page that an index page points to.
pub(super) fn read_index(body: &Body, number: u32) -> Result<(Vec<Root>, Root), CorruptReason> {
    if page::kind(body) != MAP_INDEX {
        return Err(CorruptReason::Kind { found: page::kind(body) });
    }
    let count = page::read_u16(body, 2);
    if page::part(body) != number || count == 0 || count > PARTS_MAX {
        return Err(CorruptReason::Structure("an index page out of place"));
    }
    let pointers = body[HEADER_BYTES..].as_chunks::<POINTER_BYTES>().0;
    let mut pointers = pointers.iter().take(count + 1).map(Root::decode_pointer);
    let next = pointers.next().unwrap_or(Root::EMPTY);
    Ok((pointers.collect(), next))
}

/// The words of a part of the allocation map; `words` of them are inside the file.
pub(super) fn read_part(
    body: &Body,
    number: u32,
    pointer: Root,
    out: &mut [u64],
) -> Result<(), CorruptReason> {
    if page::kind(body) != MAP {
        return Err(CorruptReason::Kind { found: page::kind(body) });
    }
    if page::part(body) != number {
        return Err(CorruptReason::Structure("a part of the allocation map out of place"));
    }
    let words = body[HEADER_BYTES..].as_chunks().0;
    out.iter_mut().zip(words).for_each(|(word, bytes)| *word = u64::from_le_bytes(*bytes));
    let count = out.iter().map(|word| u64::from(word.count_ones())).sum();
    if count != pointer.count {
        return Err(CorruptReason::Count { expected: pointer.count, found: count });
    }
    Ok(())
}

/// What `read_map` found.
pub(super) struct MapPages {
    /// Pages of the parts.
    parts: Vec<Root>,
    /// Pages of the index.
    index: Vec<u32>,
    /// Pages in use.
    live: Bitmap,
}

/// Reads the allocation map of a checkpoint.
fn read_map(pages: &Pages, meta: &Meta) -> Result<MapPages, TableError> {
    let mut map = MapPages { parts: Vec::new(), index: Vec::new(), live: Bitmap::default() };
    let mut next = meta.map_index;
    while !next.is_empty() {
        let body = pages.get(next)?;
        let corrupt = |reason| TableError::corrupt(next.page, reason);
        let (parts, following) = read_index(body, map.index.len() as u32).map_err(corrupt)?;
        map.index.push(next.page as u32);
        map.parts.extend(parts);
        next = following;
    }
    let corrupt = |page, what| TableError::corrupt(page, CorruptReason::Structure(what));
    if map.parts.len() as u64 != meta.pages.div_ceil(PART_PAGES) {
        return Err(corrupt(meta.map_index.page, "the allocation map does not cover the file"));
    }
    map.live.resize(meta.pages);
    for (number, words) in map.live.words_mut().chunks_mut(PART_WORDS).enumerate() {
        let pointer = map.parts[number];
        let read = read_part(pages.get(pointer)?, number as u32, pointer, words);
        read.map_err(|reason| TableError::corrupt(pointer.page, reason))?;
    }
    let beyond = map.live.words().last().map_or(0, |word| word >> ((meta.pages - 1) % 64) >> 1);
    if beyond != 0 || !(0..META_PAGES as u32).all(|page| map.live.get(page)) {
        return Err(corrupt(meta.map_index.page, "the allocation map contradicts the file"));
    }
    Ok(map)
}

/// Opens the newest checkpoint of a file.
fn open(file: Box<dyn TableFile>, options: &TableOptions) -> Result<(Arc<Table>, TableWriter), TableError> {
    let io = |operation| {
        let path = file.path();
        move |source| TableError::Io { operation, path, source }
    };
    let meta = Meta::newest(&*file)?;
    // A process that was killed before its sync leaves a meta that is only in the page cache. From here on, pages of
    // the previous checkpoint are reused, so a power cut must not bring that checkpoint back.
    file.sync_meta().map_err(io("sync the meta page of"))?;
    let bytes = file.bytes().map_err(io("find the length of"))?;
    let map = file.map().map_err(io("map"))?;
    let file_pages = (bytes / PAGE_BYTES as u64).min(map.pages());
    if map.pages() < meta.pages {
        return Err(TableError::TooLong { pages: meta.pages, pages_max: map.pages() });
    }
    if file_pages < meta.pages {
        let reason = CorruptReason::OutOfFile { pages: file_pages };
        return Err(TableError::corrupt(meta.pages - 1, reason));
    }
    let pages = Pages::new(map, meta.pages, meta.generation);
    let roots = {
        let corrupt = |reason| TableError::corrupt(meta.catalogue.page, reason);
        let body = pages.get(meta.catalogue)?;
        check_sum(body, meta.catalogue_checksum).map_err(corrupt)?;
        read_catalogue(body).map_err(corrupt)?
    };
    let index = pages.get(meta.map_index)?;
    check_sum(index, meta.map_index_checksum)
        .map_err(|reason| TableError::corrupt(meta.map_index.page, reason))?;
    let map = read_map(&pages, &meta)?;
    let mut space = Space::new(map.live, meta.pages, meta.generation, PART_PAGES);
    let (parts, index) = (map.parts, map.index);
    let seed = options.seed;
    let mut checkpoints = CheckpointState {
        durable: meta,
        parts,
        index,
        retired: None,
        epoch: meta.epoch,
        log_checksum: meta.log_checksum,
        seed: seed ^ meta.salt,
    };
    // Free pages may still hold what a crashed run wrote after the checkpoint, with the generations that came next.
    // Skipping an unpredictable number of generations keeps such a page from passing as one of this run.
    space.skip_to(meta.generation + 1 + checkpoints.next_salt() % (1 << 28));
    let note = note::read(&*file).map_err(io("read a meta page of"))?;
    let table = Arc::new(Table::new(pages, meta.generation, &roots, file, file_pages, &meta, note));
    let writer = TableWriter::new(table.clone(), space, roots, options, checkpoints);
    Ok((table, writer))
}

/// Checks a page against the checksum in the meta that points to it.
fn check_sum(body: &Body, stored: u32) -> Result<(), CorruptReason> {
    let computed = page::checksum(body);
    if stored == computed { Ok(()) } else { Err(CorruptReason::Checksum { stored, computed }) }
}

/// Number of pages of a new file.
const FIRST_PAGES: u64 = 256;

/// Turns an empty file into a table, durably.
fn create(file: Box<dyn TableFile>, options: &TableOptions) -> Result<(Arc<Table>, TableWriter), TableError> {
    let io = |operation| {
        let path = file.path();
        move |source| TableError::Io { operation, path, source }
    };
    if file.bytes().map_err(io("find the length of"))? != 0 {
        let source = io::Error::new(io::ErrorKind::AlreadyExists, "the file is not empty");
        return Err(io("create a table in")(source));
    }
    let map = file.map().map_err(io("map"))?;
    let pages = FIRST_PAGES.min(map.pages()).min(options.file_bytes_max / PAGE_BYTES as u64);
    file.grow(0, pages * PAGE_BYTES as u64).map_err(io("grow"))?;
    let mut live = Bitmap::default();
    live.resize(pages);
    (0..META_PAGES as u32).for_each(|page| live.set(page));
    let meta = Meta {
        instance_id: options.instance_id,
        sequence: 0,
        generation: 1,
        catalogue: Root::EMPTY,
        catalogue_checksum: 0,
        map_index: Root::EMPTY,
        map_index_checksum: 0,
        pages,
        lsn: 0,
        epoch: 0,
        wall_ms: 0,
        salt: 0,
        log_checksum: None,
    };
    let space = Space::new(live, pages, meta.generation, PART_PAGES);
    let checkpoints = CheckpointState {
        durable: meta,
        parts: Vec::new(),
        index: Vec::new(),
        retired: None,
        epoch: 0,
        log_checksum: None,
        seed: options.seed,
    };
    let table = Pages::new(map, pages, 0);
    let table = Arc::new(Table::new(table, meta.generation, &NO_ROOTS, file, pages, &meta, None));
    let mut writer = TableWriter::new(table.clone(), space, NO_ROOTS, options, checkpoints);
    writer.space.mark_all_changed();
    let first = writer.begin_checkpoint(0, 0).run()?;
    writer.end_checkpoint(first);
    Ok((table, writer))
}
