//! The table's memory: the file's pages at fixed addresses, and the file under them.
//!
//! The file is mapped twice: once for reading, and once for the writer to write to. Both show the same pages of the page
//! cache. A checkpoint unmaps what it writes, but only where it was written: the pages that are mapped for reading are
//! never dirty, so the kernel leaves them alone, and readers meet no page fault after a checkpoint.
//!
//! The regions are reserved once at a large virtual size and never move. So a page's address depends only on its number,
//! and readers need no lock while the file grows. File space is really allocated before any of its pages is touched: a
//! full disk is an error of `grow`, never a fault in the middle of an operation. The file is only cut after the table's
//! end, where nobody touches it: see `tail`.
//!
//! `fault` handles pages that the kernel cannot read all the same (a failing device, or a file that another program
//! cut).
//!
//! `TableFile` is what the table needs from a file. `MmapFile` is the real one; `MemoryFile`, in a file of its own, is
//! the double for tests; its memory has one region for both. The two meta pages are never accessed through a region.
//!
//! This is one long file so that all unsafe code on the mapping, and the argument for each block of it, is in one
//! place.

#![allow(unsafe_code)]

use std::{
    alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error},
    fs::{File, OpenOptions},
    io,
    os::fd::AsRawFd,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    ptr::NonNull,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use memmap2::{MmapOptions, MmapRaw};

use super::{
    fault::Faults,
    page::{BODY_BYTES, Body, PAGE_BYTES},
};

/// Bytes of a meta: one sector, so that a device writes them together.
pub const META_BYTES: usize = 512;
/// Page numbers fit 32 bits, which limits a table to 16 TiB.
pub const FILE_BYTES_LIMIT: u64 = (u32::MAX as u64) * PAGE_BYTES as u64;
/// Number of used sectors of the meta pages: two metas and two notes.
pub const META_SLOTS: usize = 4;
/// Virtual size of the mapping unless the caller says otherwise: 1 TiB.
pub const FILE_BYTES_MAX_DEFAULT: u64 = 1 << 40;

/// What the table needs from the file that holds it.
///
/// Pages are written through the mapping, metas by `write_meta`. Nothing is durable before `sync` has returned.
pub trait TableFile: Send + Sync + 'static {
    /// The memory that maps the file's pages. It has one user at a time.
    fn map(&self) -> io::Result<Mapping>;

    /// Length of the file in bytes.
    fn bytes(&self) -> io::Result<u64>;

    /// Really allocates the bytes from `from` to `to`. After an error the file is as it was, or longer.
    fn grow(&self, from: u64, to: u64) -> io::Result<()>;

    /// Cuts the file to this length. Nobody uses what comes after it. A crash before the next sync may leave any length
    /// in between.
    fn shrink(&self, to: u64) -> io::Result<()>;

    /// Makes the file's length and at least these pages durable. The pages do not change during the call.
    fn sync(&self, pages: &[u32]) -> io::Result<()>;

    /// Writes a sector of the meta pages: slots 0 and 1 hold the metas, slots 2 and 3 the notes. It is not durable before
    /// `sync_meta`.
    fn write_meta(&self, slot: usize, meta: &[u8; META_BYTES]) -> io::Result<()>;

    /// Makes written metas durable.
    fn sync_meta(&self) -> io::Result<()>;

    /// Reads slot 0 to 3 back, from the device if possible.
    fn read_meta(&self, slot: usize) -> io::Result<[u8; META_BYTES]>;

    /// Reads a page from the device if possible, else from the page cache. `false` if only the region has its bytes.
    fn read_page(&self, _page: u64, _out: &mut [u8; PAGE_BYTES]) -> io::Result<bool> {
        Ok(false)
    }

    /// Whether a page is in memory, so that reading it does not wait for a device.
    fn is_cached(&self, _page: u64) -> bool {
        true
    }

    /// The file's path, for error messages.
    fn path(&self) -> PathBuf;
}

/// Offset of a note in its page, in bytes: after the meta.
pub(super) const NOTE_AT: usize = 2048;

/// The meta page of a slot, and the slot's offset in it.
pub fn slot_place(slot: usize) -> (usize, usize) {
    (slot % 2, slot / 2 * NOTE_AT)
}

/// Page-aligned memory that lives until its last user is gone.
pub(super) struct Memory {
    /// First byte of page 0, where pages are written.
    base: NonNull<u8>,
    /// First byte of page 0, where pages are read.
    reading: NonNull<u8>,
    /// Size of a region; whole pages.
    bytes: usize,
    /// Whether a `Mapping` of it exists.
    taken: AtomicBool,
    /// Faults of the regions, if they can have any. Dropped before the owner, which unmaps them.
    faults: Option<Faults>,
    /// Who owns the regions.
    owner: Owner,
}

/// Where regions come from, and so how they are freed.
enum Owner {
    /// Shared file mappings, unmapped when dropped.
    Mapped {
        /// The region that is written.
        writing: MmapRaw,
        /// The region that is read.
        _reading: MmapRaw,
    },
    /// Zeroed heap memory of this layout.
    Heap(Layout),
}

// SAFETY: the region is plain memory at a fixed address; nothing in it belongs to a thread. Who may touch which
// page when is the duty of `Mapping`'s unsafe functions.
unsafe impl Send for Memory {}
// SAFETY: as above; shared access through `&Memory` reads nothing but the address and the size.
unsafe impl Sync for Memory {}

impl Memory {
    /// Zeroed heap memory. The kernel provides the pages when they are first touched.
    pub(super) fn heap(bytes: usize) -> Arc<Memory> {
        let layout = Layout::from_size_align(bytes, PAGE_BYTES).expect("a sensible size");
        assert!(bytes > 0 && bytes.is_multiple_of(PAGE_BYTES));
        // SAFETY: the layout has a size above zero.
        let base = unsafe { alloc_zeroed(layout) };
        let base = NonNull::new(base).unwrap_or_else(|| handle_alloc_error(layout));
        let owner = Owner::Heap(layout);
        Arc::new(Memory { base, reading: base, bytes, taken: AtomicBool::new(false), faults: None, owner })
    }

    /// Shared mappings of `file`, `bytes` long however long the file is.
    fn mapped(file: &File, bytes: usize) -> io::Result<Arc<Memory>> {
        let writing = MmapOptions::new().len(bytes).map_raw(file)?;
        let reading = MmapOptions::new().len(bytes).map_raw_read_only(file)?;
        for map in [&writing, &reading] {
            // Only a hint: pages are visited in key order, which is random in the file.
            let _ = map.advise(memmap2::Advice::Random);
        }
        let [base, read_base] = [&writing, &reading]
            .map(|map| NonNull::new(map.as_mut_ptr()).expect("a mapping is never at address zero"));
        let addresses = [base, read_base].map(|base| base.as_ptr() as usize).map(|at| at..at + bytes);
        let faults = Some(Faults::guard(addresses)?);
        let owner = Owner::Mapped { writing, _reading: reading };
        Ok(Arc::new(Memory { base, reading: read_base, bytes, taken: AtomicBool::new(false), faults, owner }))
    }

    /// Makes the first bytes of a mapped file durable, whether written through the mapping or not.
    fn sync(&self, bytes: usize) -> io::Result<()> {
        match &self.owner {
            Owner::Mapped { writing, .. } => writing.flush_range(0, bytes),
            Owner::Heap(..) => Ok(()),
        }
    }

    /// Unmaps the pages of a range of a mapped file where they are written. The next write finds them in the page cache,
    /// unchanged; reads do not notice.
    fn unmap(&self, at: u64, bytes: u64) -> io::Result<()> {
        assert!(at + bytes <= self.bytes as u64);
        if let Owner::Heap(..) = self.owner {
            return Ok(());
        }
        // SAFETY: the range lies inside the region (asserted). Dropping the translations of a shared file mapping
        // changes no byte of it: what was written through them is handed to the page cache first, see madvise(2).
        unsafe {
            let from = self.base.as_ptr().add(at as usize).cast();
            Ok(rustix::mm::madvise(from, bytes as usize, rustix::mm::Advice::LinuxDontNeed)?)
        }
    }

    /// Whether a `Mapping` of this memory exists.
    pub(super) fn is_taken(&self) -> bool {
        self.taken.load(Ordering::Acquire)
    }

    /// Size of the region in pages.
    pub(super) fn pages(&self) -> usize {
        self.bytes / PAGE_BYTES
    }

    /// Copies one whole page out. Only for pages that nobody writes at the same time.
    pub(super) fn read_page(&self, page: usize, out: &mut [u8; PAGE_BYTES]) {
        assert!((page + 1) * PAGE_BYTES <= self.bytes);
        // SAFETY: the page lies inside the region (asserted), `out` is another allocation, and the callers (the
        // sync of frozen pages, and images taken while no mapping is out) read pages that nobody writes.
        unsafe {
            let from = self.base.as_ptr().add(page * PAGE_BYTES);
            std::ptr::copy_nonoverlapping(from, out.as_mut_ptr(), PAGE_BYTES);
        }
    }

    /// Whether a page holds these bytes. Only for pages that nobody writes at the same time.
    pub(super) fn holds(&self, page: usize, bytes: &[u8; PAGE_BYTES]) -> bool {
        assert!((page + 1) * PAGE_BYTES <= self.bytes);
        // SAFETY: as in `read_page`: the page lies inside the region (asserted), and the callers see to it that nobody
        // writes it. The reference does not leave this function.
        unsafe { *self.base.as_ptr().add(page * PAGE_BYTES).cast::<[u8; PAGE_BYTES]>() == *bytes }
    }

    /// Fills pages with zeros, as if the file had been cut and grown again. Only for pages that nobody uses.
    pub(super) fn clear(&self, pages: std::ops::Range<usize>) {
        assert!(
            pages.start <= pages.end && pages.end <= self.pages() && matches!(self.owner, Owner::Heap(_))
        );
        // SAFETY: the pages lie inside the region (asserted), and the callers, files in memory that a table cuts, are
        // told that nobody uses them any more.
        unsafe {
            let at = self.base.as_ptr().add(pages.start * PAGE_BYTES);
            std::ptr::write_bytes(at, 0, pages.len() * PAGE_BYTES);
        }
    }

    /// Overwrites one whole page while no mapping exists.
    pub(super) fn write_page(&self, page: usize, from: &[u8; PAGE_BYTES]) {
        assert!((page + 1) * PAGE_BYTES <= self.bytes && !self.is_taken());
        // SAFETY: the page lies inside the region and no mapping is out (both asserted), so nobody refers to it.
        unsafe {
            let to = self.base.as_ptr().add(page * PAGE_BYTES);
            std::ptr::copy_nonoverlapping(from.as_ptr(), to, PAGE_BYTES);
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if let Owner::Heap(layout) = self.owner {
            // SAFETY: `base` came from `alloc_zeroed` with this layout and is given back once, here.
            unsafe { dealloc(self.base.as_ptr(), layout) };
        }
    }
}

/// Where a page is accessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Region {
    /// Where pages are written, and read by the writer until they are frozen.
    Writing,
    /// Where pages are read that do not change any more. Nothing is ever written through it.
    Reading,
}

/// Exclusive right to the pages of a memory. The table that owns it decides who reads and who writes.
pub struct Mapping {
    /// First byte of page 0, where pages are written.
    base: NonNull<u8>,
    /// First byte of page 0, where pages are read.
    reading: NonNull<u8>,
    /// Size of a region in pages.
    pages: u64,
    /// Keeps the memory alive and marks it as taken.
    memory: Arc<Memory>,
}

// SAFETY: as for `Memory`: addresses and a size, with no tie to a thread.
unsafe impl Send for Mapping {}
// SAFETY: references to pages are created only in the unsafe functions below, whose callers exclude races.
unsafe impl Sync for Mapping {}

impl Drop for Mapping {
    fn drop(&mut self) {
        self.memory.taken.store(false, Ordering::Release);
    }
}

impl Mapping {
    /// Takes the right to a region; fails while another mapping of it exists.
    pub(super) fn take(memory: &Arc<Memory>) -> io::Result<Mapping> {
        if memory.taken.swap(true, Ordering::AcqRel) {
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, "the table's memory is in use"));
        }
        let pages = (memory.bytes / PAGE_BYTES) as u64;
        Ok(Mapping { base: memory.base, reading: memory.reading, pages, memory: memory.clone() })
    }

    /// Number of pages for which the region has addresses. The file may have fewer.
    pub fn pages(&self) -> u64 {
        self.pages
    }

    /// Number of pages that could not be read when they were touched. It grows before anybody can read the zeros that
    /// replace them.
    #[inline]
    pub(super) fn faults(&self) -> u64 {
        self.memory.faults.as_ref().map_or(0, Faults::count)
    }

    /// Whether a page could not be read when it was touched, and zeros have replaced it.
    pub(super) fn is_poisoned(&self, page: u64) -> bool {
        self.memory.faults.as_ref().is_some_and(|faults| faults.is_poisoned(page))
    }

    /// Address of a page.
    #[inline]
    fn page(&self, page: u64, region: Region) -> *mut u8 {
        assert!(page < self.pages);
        let base = match region {
            Region::Writing => self.base,
            Region::Reading => self.reading,
        };
        // SAFETY: the page's first byte lies inside the region, as just asserted.
        unsafe { base.as_ptr().add(page as usize * PAGE_BYTES) }
    }

    /// The page without its checksum.
    ///
    /// # Safety
    /// The file must have this page, and nobody may write its body while the reference lives, through either region.
    #[inline]
    pub(super) unsafe fn body(&self, page: u64, region: Region) -> &Body {
        // SAFETY: the page lies in the region and is aligned for bytes; the caller excludes writers. Both regions show
        // the same memory, so what was written through one is read through the other. Both addresses come from the
        // system: the compiler knows nothing of how they relate, and orders accesses as if they might be equal.
        unsafe { &*self.page(page, region).cast::<Body>() }
    }

    /// The page without its checksum, to be changed.
    ///
    /// # Safety
    /// The file must have this page, and nobody else may refer to its body while the reference lives, through either
    /// region.
    #[inline]
    #[allow(clippy::mut_from_ref)]
    pub(super) unsafe fn body_mut(&self, page: u64) -> &mut Body {
        // SAFETY: the page lies in the region and is aligned for bytes; the caller excludes everybody else.
        unsafe { &mut *self.page(page, Region::Writing).cast::<Body>() }
    }

    /// Prefetches some cache lines of a page, all at once.
    #[inline]
    pub(super) fn prefetch(&self, page: u64, region: Region, lines: std::ops::Range<usize>) {
        debug_assert!(lines.end <= PAGE_BYTES / 64);
        #[cfg(target_arch = "x86_64")]
        for line in lines {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            // SAFETY: a prefetch reads nothing and cannot fault; the address lies in the region.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(self.page(page, region).add(line * 64).cast::<i8>()) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (page, region, lines);
    }

    /// The page's checksum, to be stored. It is outside of every body reference, so it may be stored while others read
    /// the page.
    ///
    /// # Safety
    /// The file must have this page.
    #[inline]
    pub(super) unsafe fn checksum_mut(&self, page: u64) -> &AtomicU32 {
        // SAFETY: the last four bytes of a page lie in the region and are aligned to four, for pages are aligned
        // to 4096 and BODY_BYTES is a multiple of four. All accesses to them are atomic: see `checksum`.
        unsafe { AtomicU32::from_ptr(self.page(page, Region::Writing).add(BODY_BYTES).cast::<u32>()) }
    }

    /// The page's checksum.
    ///
    /// # Safety
    /// The file must have this page.
    #[inline]
    pub(super) unsafe fn checksum(&self, page: u64) -> u32 {
        // SAFETY: as in `checksum_mut`. The region is mapped for reading only, and only a load of four bytes is done,
        // which needs no right to write.
        let place =
            unsafe { AtomicU32::from_ptr(self.page(page, Region::Reading).add(BODY_BYTES).cast::<u32>()) };
        place.load(Ordering::Relaxed)
    }
}

/// A table's file on a disk, mapped into memory.
pub struct MmapFile {
    /// The file, open for reading and writing and locked against other processes.
    file: File,
    /// The same file opened for direct I/O, to read metas back from the device; not every file system supports it.
    direct: Option<File>,
    /// Where the file was when it was opened.
    path: PathBuf,
    /// See the function of this name.
    syncs_ranges: bool,
    /// The memory that maps the file.
    memory: Arc<Memory>,
}

impl MmapFile {
    /// Creates an empty file, which must not exist yet, and locks it. `bytes_max` is the virtual size of the mapping.
    ///
    /// A crash inside `Table::create` leaves a file that cannot be opened. So create it under a temporary name, then
    /// rename it. The mapping follows the rename.
    pub fn create(path: &Path, bytes_max: u64) -> io::Result<MmapFile> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o600);
        MmapFile::with(options, path, bytes_max)
    }

    /// Opens an existing file and locks it. `bytes_max` is the virtual size of the mapping.
    pub fn open(path: &Path, bytes_max: u64) -> io::Result<MmapFile> {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        MmapFile::with(options, path, bytes_max)
    }

    /// Opens, locks and maps.
    fn with(mut options: OpenOptions, path: &Path, bytes_max: u64) -> io::Result<MmapFile> {
        let file = options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32).open(path)?;
        rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)?;
        let direct = open_direct(path)?;
        let bytes = bytes_max.clamp(PAGE_BYTES as u64, FILE_BYTES_LIMIT) as usize / PAGE_BYTES * PAGE_BYTES;
        let memory = Memory::mapped(&file, bytes)?;
        let syncs_ranges = syncs_ranges(&file);
        Ok(MmapFile { file, direct, path: path.to_owned(), syncs_ranges, memory })
    }

    /// Starts the transfer of pages, in ascending order, or waits for it; see sync_file_range(2). Pages between them
    /// are not included: the writer may be changing them, and would meet a page fault at the next change of each.
    fn write_back(&self, pages: &[u32], flags: u32) -> io::Result<()> {
        for run in pages.chunk_by(|page, next| next - page == 1) {
            let (at, bytes) = (byte(run[0]) as i64, (run.len() * PAGE_BYTES) as i64);
            // SAFETY: the call takes numbers only, and the descriptor is open for as long as `self.file` lives.
            if unsafe { libc::sync_file_range(self.file.as_raw_fd(), at, bytes, flags) } != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(())
    }

    /// Allocates by writing zeros, for file systems that have no better way.
    fn write_zeros(&self, from: u64, to: u64) -> io::Result<()> {
        let zeros = vec![0; 1 << 20];
        let mut at = from;
        while at < to {
            let bytes = zeros.len().min((to - at) as usize);
            self.file.write_all_at(&zeros[..bytes], at)?;
            at += bytes as u64;
        }
        Ok(())
    }
}

/// Size, in pages, of the ranges that are unmapped at once before they are written.
const UNMAP_PAGES: u32 = 1024;
/// Number of pages written before the next wait. A sync of the log that comes in between waits until they are done.
const BATCH_PAGES: usize = 64;

/// The file opened for direct I/O, for reading; `None` if the file system does not support that.
fn open_direct(path: &Path) -> io::Result<Option<File>> {
    let flags = rustix::fs::OFlags::DIRECT | rustix::fs::OFlags::NOFOLLOW;
    match OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if is_refusal(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether an error means that the file system does not support direct I/O, as opposed to a failure.
fn is_refusal(error: &io::Error) -> bool {
    use rustix::io::Errno;
    [Errno::INVAL, Errno::OPNOTSUPP].map(|errno| Some(errno.raw_os_error())).contains(&error.raw_os_error())
}

/// Offset of a page in bytes.
fn byte(page: u32) -> u64 {
    u64::from(page) * PAGE_BYTES as u64
}

/// Whether, on this file system, a sync of any part of a file makes all of its earlier transfers durable, so that pages
/// can be transferred range by range. True of ext4 and XFS, which keep one log for the whole file; not of copy-on-write
/// file systems, which log ranges.
fn syncs_ranges(file: &File) -> bool {
    const EXT4: u64 = 0xEF53;
    const XFS: u64 = 0x5846_5342;
    rustix::fs::fstatfs(file).is_ok_and(|status| [EXT4, XFS].contains(&(status.f_type as u64)))
}

/// A page-aligned buffer, as direct I/O needs it.
#[repr(align(4096))]
struct AlignedPage([u8; PAGE_BYTES]);

impl TableFile for MmapFile {
    fn map(&self) -> io::Result<Mapping> {
        Mapping::take(&self.memory)
    }

    fn bytes(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn grow(&self, from: u64, to: u64) -> io::Result<()> {
        let none = rustix::fs::FallocateFlags::empty();
        match rustix::fs::fallocate(&self.file, none, from, to - from) {
            Err(rustix::io::Errno::OPNOTSUPP) => self.write_zeros(from.max(self.bytes()?), to),
            done => Ok(done?),
        }
    }

    fn shrink(&self, to: u64) -> io::Result<()> {
        self.file.set_len(to)
    }

    fn sync(&self, pages: &[u32]) -> io::Result<()> {
        if !self.syncs_ranges {
            return self.file.sync_data();
        }
        let mut pages = pages.to_vec();
        pages.sort_unstable();
        // The kernel removes each dirty mapped page from the address cache (TLB) of every processor on its own, which
        // costs many times its transfer. So whole ranges are unmapped in one go first, where they were written.
        for stretch in pages.chunk_by(|one, next| one / UNMAP_PAGES == next / UNMAP_PAGES) {
            let (start, last) = (stretch[0], stretch[stretch.len() - 1]);
            self.memory.unmap(byte(start), byte(last) - byte(start) + PAGE_BYTES as u64)?;
            for batch in stretch.chunks(BATCH_PAGES) {
                self.write_back(batch, libc::SYNC_FILE_RANGE_WRITE)?;
                self.write_back(batch, libc::SYNC_FILE_RANGE_WAIT_BEFORE)?;
            }
        }
        let wait = libc::SYNC_FILE_RANGE_WAIT_BEFORE | libc::SYNC_FILE_RANGE_WAIT_AFTER;
        self.write_back(&pages, wait | libc::SYNC_FILE_RANGE_WRITE)?;
        // Commits the file's metadata and flushes the device's cache, for the whole file.
        self.memory.sync(2 * PAGE_BYTES)
    }

    fn write_meta(&self, slot: usize, meta: &[u8; META_BYTES]) -> io::Result<()> {
        let (page, at) = slot_place(slot);
        self.file.write_all_at(meta, (page * PAGE_BYTES + at) as u64)
    }

    fn sync_meta(&self) -> io::Result<()> {
        // Only the two meta pages: whatever else is dirty by now belongs to no checkpoint, and may be a lot.
        self.memory.sync(2 * PAGE_BYTES)
    }

    fn read_meta(&self, slot: usize) -> io::Result<[u8; META_BYTES]> {
        let (number, from) = slot_place(slot);
        let at = (number * PAGE_BYTES) as u64;
        let mut page = Box::new(AlignedPage([0; PAGE_BYTES]));
        // If the device fails, the page cache must not hide it.
        match self.direct.as_ref().map(|file| file.read_exact_at(&mut page.0, at)) {
            Some(Err(error)) if !is_refusal(&error) => return Err(error),
            Some(Ok(())) => {}
            _ => self.file.read_exact_at(&mut page.0, at)?,
        }
        Ok(page.0[from..][..META_BYTES].try_into().expect("a meta's length"))
    }

    fn read_page(&self, page: u64, out: &mut [u8; PAGE_BYTES]) -> io::Result<bool> {
        let at = page * PAGE_BYTES as u64;
        if let Some(direct) = &self.direct {
            let mut read = Box::new(AlignedPage([0; PAGE_BYTES]));
            direct.read_exact_at(&mut read.0, at)?;
            *out = read.0;
        } else {
            self.file.read_exact_at(out, at)?;
        }
        Ok(true)
    }

    fn is_cached(&self, page: u64) -> bool {
        use rustix::io::{Errno, ReadWriteFlags, preadv2};
        let mut byte = [0];
        let buffers = &mut [io::IoSliceMut::new(&mut byte)];
        // If the file system does not support such reads, the page counts as cached and is waited for when it is read.
        preadv2(&self.file, buffers, page * PAGE_BYTES as u64, ReadWriteFlags::NOWAIT) != Err(Errno::AGAIN)
    }

    fn path(&self) -> PathBuf {
        self.path.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The type that statfs(2) reports for a file system without a device.
    const TMPFS: u64 = 0x0102_1994;

    #[test]
    fn a_page_that_left_the_memory_is_cached_again_once_it_was_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("table");
        std::fs::write(&path, [7; 8 * PAGE_BYTES]).unwrap();
        let file = File::open(&path).unwrap();
        file.sync_all().unwrap();
        let table = MmapFile::open(&path, 1 << 20).unwrap();
        let has_device = rustix::fs::fstatfs(&file).unwrap().f_type as u64 != TMPFS;
        // Pages that are still in a processor's batch for its list of used pages survive the advice, so it is given
        // again.
        let left = (0..500).any(|_| {
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(2));
            !table.is_cached(5)
        });
        assert_eq!(left, has_device);
        let mut byte = [0];
        file.read_exact_at(&mut byte, 5 * PAGE_BYTES as u64).unwrap();
        assert!(byte == [7] && table.is_cached(5));
    }

    /// Page faults of this thread that needed no device.
    fn page_faults() -> u64 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let (_, fields) = stat.rsplit_once(')').unwrap();
        fields.split_whitespace().nth(7).unwrap().parse().unwrap()
    }

    #[test]
    fn a_checkpoint_takes_no_page_away_from_readers() {
        const PAGES: u32 = 4096;
        let dir = tempfile::tempdir().unwrap();
        let file = MmapFile::create(&dir.path().join("table"), 64 << 20).unwrap();
        file.grow(0, byte(PAGES)).unwrap();
        let map = file.map().unwrap();
        let pages: Vec<u32> = (2..PAGES).collect();
        let read_all = || {
            for page in &pages {
                // SAFETY: the file has the page, and nobody writes it meanwhile.
                assert_eq!(unsafe { map.body(u64::from(*page), Region::Reading) }[9], *page as u8);
            }
        };
        for page in &pages {
            // SAFETY: the file has the page, and no other reference to it exists.
            let body = unsafe { map.body_mut(u64::from(*page)) };
            body[9] = *page as u8;
        }
        read_all();
        file.sync(&pages).unwrap();
        let before = page_faults();
        read_all();
        let faults = page_faults() - before;
        // The kernel maps up to 16 pages with one fault.
        assert!(faults < u64::from(PAGES) / 64, "{faults} page faults");
        // Readers see what is written after it, too.
        // SAFETY: as above.
        let body = unsafe { map.body_mut(7) };
        body[9] = 77;
        // SAFETY: as above; `body` is not used any more.
        assert_eq!(unsafe { map.body(7, Region::Reading) }[9], 77);
    }
}
