//! A table's file in memory, for tests: it forgets what was not synced, and fails when told to.
//!
//! The double keeps two states: the pages as the table sees them, and a *durable image*. A sync copies its pages from
//! the first to the second. A crash may leave any mixture of both: of each page that differs, the old or the new
//! content, or some 512-byte sectors of each. Growth, or a cut, may be lost.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    thread::ThreadId,
};

use super::{
    map::{META_BYTES, META_SLOTS, Mapping, Memory, TableFile, slot_place},
    page::PAGE_BYTES,
};

/// Bytes that a device writes atomically.
const SECTOR_BYTES: usize = 512;

/// Memory for the pages of a [`TableFile`] that a test implements itself.
pub struct MemoryRegion {
    /// The pages.
    memory: Arc<Memory>,
    /// The thread that mapped it last.
    mapped_by: Mutex<Option<ThreadId>>,
}

impl MemoryRegion {
    /// Zeroed memory for `pages` pages.
    pub fn new(pages: usize) -> MemoryRegion {
        MemoryRegion { memory: Memory::heap(pages * PAGE_BYTES), mapped_by: Mutex::new(None) }
    }

    /// Number of pages.
    pub fn pages(&self) -> usize {
        self.memory.pages()
    }

    /// The right to the pages, for the table. Fails while another table has it.
    pub fn map(&self) -> io::Result<Mapping> {
        *self.mapped_by.lock().expect("no panic in here") = Some(std::thread::current().id());
        Mapping::take(&self.memory)
    }

    /// Overwrites a page, unless it holds these bytes already. Panics while a table has the right to the pages.
    pub fn write_page(&self, page: usize, from: &[u8; PAGE_BYTES]) {
        assert!(!self.memory.is_taken(), "a table's writer alone writes its pages");
        if !self.memory.holds(page, from) {
            self.memory.write_page(page, from);
        }
    }

    /// Fills pages with zeros: their file was cut, and nobody uses them.
    pub fn clear(&self, pages: std::ops::Range<usize>) {
        self.memory.clear(pages);
    }

    /// A copy of the page if it holds anything but `known`. While a table has the right to the pages, its writer must
    /// be on this thread, inside a call of its file or of the log and nowhere else; panics on a thread that did not map
    /// it.
    pub fn read_changed(&self, page: usize, known: &[u8; PAGE_BYTES]) -> Option<Box<[u8; PAGE_BYTES]>> {
        let here = std::thread::current().id();
        let mapped_by = *self.mapped_by.lock().expect("no panic in here");
        assert!(!self.memory.is_taken() || mapped_by == Some(here), "the writer's thread looks at its pages");
        if self.memory.holds(page, known) {
            return None;
        }
        let mut copy = Box::new([0; PAGE_BYTES]);
        self.memory.read_page(page, &mut copy);
        Some(copy)
    }
}

/// A table's file that lives in memory. Clones share it.
#[derive(Clone)]
pub struct MemoryFile {
    /// What clones share.
    shared: Arc<SharedFile>,
}

/// What the clones of a file share.
struct SharedFile {
    /// The pages as the table sees them.
    memory: Arc<Memory>,
    /// The rest.
    state: Mutex<State>,
    /// Number of operations so far that could fail.
    operations: AtomicU64,
}

/// What is not in the pages.
struct State {
    /// Pages that the file has.
    pages: usize,
    /// The fewest pages that it had since the last sync.
    shortest: usize,
    /// What survives any crash.
    durable: Vec<u8>,
    /// The meta sectors as the table sees them, durable or not.
    metas: [[u8; META_BYTES]; META_SLOTS],
    /// The number, from 0, of the first operation that fails, and its error; all later ones fail too.
    failure: Option<(u64, io::ErrorKind)>,
    /// Whether there is no space to grow.
    full: bool,
}

impl MemoryFile {
    /// An empty file that can grow to `bytes_max`.
    pub fn new(bytes_max: u64) -> MemoryFile {
        MemoryFile::from_image(&[], bytes_max)
    }

    /// A file that holds these bytes, durably, and can grow to `bytes_max`.
    pub fn from_image(image: &[u8], bytes_max: u64) -> MemoryFile {
        let bytes_max = (bytes_max as usize).max(image.len()).next_multiple_of(PAGE_BYTES);
        let memory = Memory::heap(bytes_max);
        let (pages, rest) = image.as_chunks::<PAGE_BYTES>();
        assert!(rest.is_empty(), "an image has whole pages");
        pages.iter().enumerate().for_each(|(number, page)| memory.write_page(number, page));
        let meta = |slot: usize| {
            let (page, at) = slot_place(slot);
            let sector = image.get(page * PAGE_BYTES + at..).and_then(|bytes| bytes.first_chunk());
            sector.copied().unwrap_or([0; META_BYTES])
        };
        let metas = std::array::from_fn(meta);
        let (pages, shortest) = (pages.len(), pages.len());
        let state = State { pages, shortest, durable: image.to_vec(), metas, failure: None, full: false };
        let shared = SharedFile { memory, state: Mutex::new(state), operations: AtomicU64::new(0) };
        MemoryFile { shared: Arc::new(shared) }
    }

    /// Makes the operation with this number (see `operations`) and all later ones fail with this error.
    pub fn fail_at(&self, operation: u64, kind: io::ErrorKind) {
        self.state().failure = Some((operation, kind));
    }

    /// Sets whether growing fails for lack of space.
    pub fn set_full(&self, full: bool) {
        self.state().full = full;
    }

    /// Number of operations so far that could fail: growths, syncs, and reads and writes of metas.
    pub fn operations(&self) -> u64 {
        self.shared.operations.load(Ordering::Relaxed)
    }

    /// What the disk may hold after a power cut now. The same seed gives the same image. The table must be closed.
    pub fn crash(&self, seed: u64) -> Vec<u8> {
        let mut random = Random(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let state = self.state();
        let (old, new) = (&state.durable, self.current(&state));
        let (short, long) = (old.len().min(new.len()), old.len().max(new.len()));
        let bytes = match random.below(3) {
            0 => old.len(),
            1 => new.len(),
            _ => short + random.below((long - short) / PAGE_BYTES + 1) * PAGE_BYTES,
        };
        let mut image = old.clone();
        image.resize(bytes, 0);
        // The part that was cut off may still be there, or be zeros if the file grew again since.
        let cut = image.len().min(state.shortest * PAGE_BYTES);
        if random.below(2) == 0 {
            image[cut..].fill(0);
        }
        // Of every four sectors this many are new: from none of them to all of them.
        let share = random.below(5);
        for (number, page) in image.chunks_mut(PAGE_BYTES).enumerate() {
            let torn = random.below(4) == 0;
            let whole = random.below(4) < share;
            for (sector, bytes) in page.chunks_mut(SECTOR_BYTES).enumerate() {
                if if torn { random.below(4) < share } else { whole } {
                    let at = number * PAGE_BYTES + sector * SECTOR_BYTES;
                    // A page that was cut off is not written any more.
                    if let Some(new) = new.get(at..at + SECTOR_BYTES) {
                        bytes.copy_from_slice(new);
                    }
                }
            }
        }
        image
    }

    /// What a power cut now would leave if everything that is not synced were lost.
    pub fn durable(&self) -> Vec<u8> {
        self.state().durable.clone()
    }

    /// Flips one bit of the file, counted from its start. The table must be closed.
    pub fn flip(&self, bit: u64) {
        let (page, at) = ((bit / 8) as usize / PAGE_BYTES, (bit / 8) as usize % PAGE_BYTES);
        let mut state = self.state();
        assert!(page < state.pages, "a bit of the file");
        for slot in 0..META_SLOTS {
            let (slot_page, from) = slot_place(slot);
            if slot_page == page && (from..from + META_BYTES).contains(&at) {
                state.metas[slot][at - from] ^= 1 << (bit % 8);
                return;
            }
        }
        let mut bytes = [0; PAGE_BYTES];
        self.shared.memory.read_page(page, &mut bytes);
        bytes[at] ^= 1 << (bit % 8);
        self.shared.memory.write_page(page, &bytes);
    }

    /// What the file holds now, durable or not. The table must be closed.
    pub fn image(&self) -> Vec<u8> {
        self.current(&self.state())
    }

    /// What the file holds now.
    fn current(&self, state: &State) -> Vec<u8> {
        assert!(!self.shared.memory.is_taken(), "the table is closed first");
        let mut image = vec![0; state.pages * PAGE_BYTES];
        for (number, page) in image.as_chunks_mut::<PAGE_BYTES>().0.iter_mut().enumerate() {
            self.shared.memory.read_page(number, page);
        }
        for (slot, meta) in state.metas.iter().enumerate() {
            let (page, at) = slot_place(slot);
            if page < state.pages {
                image[page * PAGE_BYTES + at..][..META_BYTES].copy_from_slice(meta);
            }
        }
        image
    }

    /// The state behind the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().expect("no panic while the state was locked")
    }

    /// Counts an operation and fails if it is one that should.
    fn begin(&self) -> io::Result<MutexGuard<'_, State>> {
        let number = self.shared.operations.fetch_add(1, Ordering::Relaxed);
        let state = self.state();
        match state.failure {
            Some((from, kind)) if number >= from => Err(io::Error::new(kind, "injected")),
            _ => Ok(state),
        }
    }
}

impl TableFile for MemoryFile {
    fn map(&self) -> io::Result<Mapping> {
        Mapping::take(&self.shared.memory)
    }

    fn bytes(&self) -> io::Result<u64> {
        Ok((self.state().pages * PAGE_BYTES) as u64)
    }

    fn grow(&self, from: u64, to: u64) -> io::Result<()> {
        let mut state = self.begin()?;
        if state.full {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "injected"));
        }
        assert!(from <= to && from as usize <= state.pages * PAGE_BYTES);
        state.pages = state.pages.max(to as usize / PAGE_BYTES);
        Ok(())
    }

    fn shrink(&self, to: u64) -> io::Result<()> {
        let mut state = self.begin()?;
        let pages = to as usize / PAGE_BYTES;
        self.shared.memory.clear(pages..state.pages);
        state.pages = pages;
        state.shortest = state.shortest.min(pages);
        Ok(())
    }

    fn sync(&self, pages: &[u32]) -> io::Result<()> {
        let mut state = self.begin()?;
        let (cut, bytes) = (state.shortest * PAGE_BYTES, state.pages * PAGE_BYTES);
        state.durable.truncate(cut);
        state.durable.resize(bytes, 0);
        state.shortest = state.pages;
        for page in pages.iter().map(|page| *page as usize) {
            let place = state.durable[page * PAGE_BYTES..].first_chunk_mut().expect("a page of the file");
            self.shared.memory.read_page(page, place);
        }
        Ok(())
    }

    fn write_meta(&self, slot: usize, meta: &[u8; META_BYTES]) -> io::Result<()> {
        self.begin()?.metas[slot] = *meta;
        Ok(())
    }

    fn sync_meta(&self) -> io::Result<()> {
        let mut state = self.begin()?;
        for slot in 0..META_SLOTS {
            let meta = state.metas[slot];
            let (page, at) = slot_place(slot);
            let at = page * PAGE_BYTES + at;
            if let Some(place) = state.durable.get_mut(at..at + META_BYTES) {
                place.copy_from_slice(&meta);
            }
        }
        Ok(())
    }

    fn read_meta(&self, slot: usize) -> io::Result<[u8; META_BYTES]> {
        Ok(self.begin()?.metas[slot])
    }

    fn path(&self) -> PathBuf {
        PathBuf::from("memory")
    }
}

/// A small generator of random numbers.
struct Random(u64);

impl Random {
    /// A number below `limit`.
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit.max(1)
    }
}
