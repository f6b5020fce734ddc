//! Memory faults on a table's mapping: a page that the kernel cannot read gives an error instead of killing the
//! process.
//!
//! A table has two regions of addresses for the same pages, one that is written and one that is read; see `map`. Each
//! meets an unreadable page on its own; both share one count and one set of marks.
//!
//! An access to a mapped page raises `SIGBUS` when the device cannot read it, or when another program has cut the file.
//! The handler replaces the page by a page of zeros, for good, and marks it as *poisoned*. Zeros fail every check of a
//! page, so later readers learn that it cannot be read. A reader that was using the page when it was replaced compares
//! [`Faults::count`] before and after. If the count grew, it trusts nothing that it read in between.
//!
//! Invariants
//! - A page is marked and counted before its memory changes, so nobody who reads the zeros can miss the count.
//! - The handler allocates nothing, takes no lock and leaves `errno` alone.
//! - Any other `SIGBUS` ends the process, as it would without this handler.

#![allow(unsafe_code)]

use std::{
    ffi::{c_int, c_void},
    io,
    ops::Range,
    ptr,
    sync::{
        OnceLock,
        atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering, compiler_fence, fence},
    },
};

use memmap2::{MmapOptions, MmapRaw};

use super::page::PAGE_BYTES;

/// Regions that a table has: one that is written and one that is read.
const TABLE_REGIONS: usize = 2;
/// Maximum number of regions in one process. Servers have one table; tests have many.
const REGIONS_MAX: usize = 256 * TABLE_REGIONS;
/// Exit code when not even a page of zeros can be mapped: the data cannot be read.
const EXIT_UNREADABLE: c_int = 4;

/// The mapped regions, for the handler.
static REGIONS: [Region; REGIONS_MAX] = [const { Region::free() }; REGIONS_MAX];
/// Faults of all regions so far.
static TOTAL: AtomicU64 = AtomicU64::new(0);
/// Size of the kernel's pages, in bytes.
static SYSTEM_PAGE_BYTES: AtomicUsize = AtomicUsize::new(PAGE_BYTES);

/// A mapped region as the handler sees it.
struct Region {
    /// First address; 0 if this entry is free.
    start: AtomicUsize,
    /// Address after the last byte.
    end: AtomicUsize,
    /// The state of its faults. Valid while `start` is not 0.
    marks: AtomicPtr<Marks>,
}

impl Region {
    /// An entry that no mapping uses.
    const fn free() -> Region {
        Region {
            start: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
            marks: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Takes this entry for some addresses, if it is free; returns whether it was.
    fn claim(&self, marks: *mut Marks, addresses: &Range<usize>) -> bool {
        let free = ptr::null_mut();
        if self.marks.compare_exchange(free, marks, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            return false;
        }
        self.end.store(addresses.end, Ordering::SeqCst);
        self.start.store(addresses.start, Ordering::SeqCst);
        true
    }
}

/// The state of the faults of one table.
struct Marks {
    /// Number of faults so far.
    count: AtomicU64,
    /// One bit for each page: whether zeros have replaced it. It is a mapping, because untouched parts of one take no
    /// memory; an allocator might clear them.
    poisoned: MmapRaw,
}

impl Marks {
    /// None of `pages` pages is poisoned.
    fn new(pages: usize) -> io::Result<Marks> {
        let bytes = pages.div_ceil(64).max(1) * size_of::<AtomicU64>();
        let poisoned = MmapOptions::new().len(bytes).no_reserve_swap().map_anon()?;
        Ok(Marks { count: AtomicU64::new(0), poisoned: poisoned.into() })
    }

    /// The word that holds a page's bit.
    fn word(&self, page: usize) -> Option<&AtomicU64> {
        let words = self.poisoned.len() / size_of::<AtomicU64>();
        // SAFETY: the word lies inside the mapping, which begins on a page and was zeroed by the system; any bits are an
        // `AtomicU64`, and nobody uses it as anything else.
        (page / 64 < words)
            .then(|| unsafe { &*self.poisoned.as_mut_ptr().cast::<AtomicU64>().add(page / 64) })
    }
}

/// The faults of one table's regions, which are guarded for as long as this lives.
pub(super) struct Faults {
    /// Indexes of the regions that are guarded.
    places: Vec<usize>,
    /// What the handler writes; owned by this.
    marks: *mut Marks,
}

// SAFETY: `marks` is owned by this value and holds atomics only.
unsafe impl Send for Faults {}
// SAFETY: as above: shared access goes to atomics.
unsafe impl Sync for Faults {}

impl Faults {
    /// Guards the addresses of shared mappings of one file, all of one length. It must be dropped before the addresses
    /// are unmapped.
    pub(super) fn guard(regions: [Range<usize>; TABLE_REGIONS]) -> io::Result<Faults> {
        install()?;
        let pages = regions[0].len() / PAGE_BYTES;
        let marks = Box::into_raw(Box::new(Marks::new(pages)?));
        let mut faults = Faults { places: Vec::with_capacity(TABLE_REGIONS), marks };
        for addresses in regions {
            let Some(place) = REGIONS.iter().position(|region| region.claim(marks, &addresses)) else {
                return Err(io::Error::new(
                    io::ErrorKind::QuotaExceeded,
                    "too many mapped tables in one process",
                ));
            };
            faults.places.push(place);
        }
        Ok(faults)
    }

    /// Number of faults so far. It does not miss a fault whose zeros this thread has read already.
    #[inline]
    pub(super) fn count(&self) -> u64 {
        // Orders the caller's reads of pages before the load.
        compiler_fence(Ordering::SeqCst);
        fence(Ordering::Acquire);
        self.marks().count.load(Ordering::Acquire)
    }

    /// Whether zeros have replaced a page.
    pub(super) fn is_poisoned(&self, page: u64) -> bool {
        let word = self.marks().word(page as usize);
        word.is_some_and(|word| word.load(Ordering::SeqCst) >> (page % 64) & 1 == 1)
    }

    /// What the handler writes.
    #[inline]
    fn marks(&self) -> &Marks {
        // SAFETY: the pointer comes from a box that is freed when `self` is dropped, and not before.
        unsafe { &*self.marks }
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        for region in self.places.iter().map(|place| &REGIONS[*place]) {
            region.start.store(0, Ordering::SeqCst);
            region.end.store(0, Ordering::SeqCst);
            region.marks.store(ptr::null_mut(), Ordering::SeqCst);
        }
        // SAFETY: it was made by `Box::into_raw` in `guard`. No handler uses it: a handler runs on a thread that touches
        // a region, and nobody does any more.
        drop(unsafe { Box::from_raw(self.marks) });
    }
}

/// Number of pages of all tables that could not be read into memory since the process began.
pub fn unreadable_pages() -> u64 {
    TOTAL.load(Ordering::SeqCst)
}

/// Installs the handler, once for the process.
fn install() -> io::Result<()> {
    static INSTALLED: OnceLock<Result<(), i32>> = OnceLock::new();
    let installed = INSTALLED.get_or_init(|| {
        SYSTEM_PAGE_BYTES.store(rustix::param::page_size().max(PAGE_BYTES), Ordering::SeqCst);
        // SAFETY: a zeroed `sigaction` is a valid one, its fields are set to a function of the right shape and to an
        // empty mask, and the call reads nothing else.
        let outcome = unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction =
                on_fault as extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) as usize;
            // Use the thread's own signal stack, if it has one: the normal stack may be nearly full.
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigemptyset(&mut action.sa_mask);
            libc::sigaction(libc::SIGBUS, &action, ptr::null_mut())
        };
        if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error().raw_os_error().unwrap_or(0)) }
    });
    installed.map_err(io::Error::from_raw_os_error)
}

/// The handler of `SIGBUS`.
extern "C" fn on_fault(signal: c_int, info: *mut libc::siginfo_t, _context: *mut c_void) {
    // SAFETY: the system calls this with a valid `info`; for faults `si_addr` is the address touched. `errno` is the
    // thread's own.
    let (code, address, errno) =
        unsafe { ((*info).si_code, (*info).si_addr() as usize, *libc::__errno_location()) };
    if (libc::BUS_ADRERR..=libc::BUS_MCEERR_AO).contains(&code)
        && let Some((start, marks)) = region_of(address)
    {
        if !put_zeros(address, start, marks) {
            end_unreadable();
        }
        // SAFETY: as above. The instruction that faulted runs again and finds the zeros.
        unsafe { *libc::__errno_location() = errno };
        return;
    }
    // SAFETY: both calls are allowed in a handler. The signal is blocked in here, so the one raised, or the fault that
    // happens again, meets the default action once this returns.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}

/// The guarded region that an address lies in: its start, and its marks.
fn region_of(address: usize) -> Option<(usize, &'static Marks)> {
    REGIONS.iter().find_map(|region| {
        let (start, end) = (region.start.load(Ordering::SeqCst), region.end.load(Ordering::SeqCst));
        if start == 0 || !(start..end).contains(&address) {
            return None;
        }
        let marks = region.marks.load(Ordering::SeqCst);
        // SAFETY: somebody touches this region right now, so its `Faults` live, and with them the marks.
        (!marks.is_null()).then(|| (start, unsafe { &*marks }))
    })
}

/// Replaces the kernel's page around `address` by zeros; returns whether that worked.
fn put_zeros(address: usize, start: usize, marks: &Marks) -> bool {
    let bytes = SYSTEM_PAGE_BYTES.load(Ordering::SeqCst);
    let from = address - address % bytes;
    let mut is_new = false;
    for page in (from.max(start) - start) / PAGE_BYTES..(from + bytes - start) / PAGE_BYTES {
        if let Some(word) = marks.word(page) {
            let bit = 1 << (page % 64);
            is_new |= word.fetch_or(bit, Ordering::SeqCst) & bit == 0;
        }
    }
    marks.count.fetch_add(1, Ordering::SeqCst);
    // The other region of the table may have met the same page.
    TOTAL.fetch_add(u64::from(is_new), Ordering::SeqCst);
    // SAFETY: the page lies in a mapping that is ours to change, and nothing but pages of the table is in it. What was
    // mapped there cannot be read anyway; nobody relies on its bytes without checking them or the count of faults.
    let put = unsafe {
        libc::mmap(
            from as *mut c_void,
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED,
            -1,
            0,
        )
    };
    put != libc::MAP_FAILED
}

/// Ends the process at once: a page cannot be read and no page of zeros can replace it.
fn end_unreadable() -> ! {
    const TEXT: &[u8] = b"ackd: a page of the table cannot be read; stopping\n";
    // SAFETY: both calls are allowed in a handler; the text outlives the write.
    unsafe {
        libc::write(libc::STDERR_FILENO, TEXT.as_ptr().cast(), TEXT.len());
        libc::_exit(EXIT_UNREADABLE);
    }
}
