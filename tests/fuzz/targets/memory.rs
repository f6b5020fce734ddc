//! The largest block of memory that the code under test asked for.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// Bytes of the largest block since the last check.
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator; it records the largest block that each thread asked for.
pub struct Noting;

fn note(bytes: usize) {
    // A thread that is ending has no record any more.
    let _ = LARGEST.try_with(|largest| largest.set(largest.get().max(bytes)));
}

// SAFETY: every call goes to the system's allocator with its arguments unchanged; the record is a number in a thread-local
// without a destructor or lazy initialisation, so it allocates nothing.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Noting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: as for `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the block came from `System` with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        note(bytes);
        // SAFETY: the block came from `System` with this layout, and the caller vouches for `bytes`.
        unsafe { System.realloc(pointer, layout, bytes) }
    }
}

/// Does the work on `input_bytes` of input; no block may be larger than twice that and 64 KiB.
pub fn bounded<T>(input_bytes: usize, work: impl FnOnce() -> T) -> T {
    bounded_by(2 * input_bytes + (64 << 10), work)
}

/// Does the work; no block may be larger than this.
pub fn bounded_by<T>(allowed: usize, work: impl FnOnce() -> T) -> T {
    LARGEST.set(0);
    let done = work();
    let largest = LARGEST.get();
    assert!(largest <= allowed, "a block of {largest} bytes, where {allowed} are allowed");
    done
}
