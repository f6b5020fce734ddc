//! The server's allocator. The server mostly makes small allocations on many threads.

#![allow(unsafe_code)]

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

unsafe extern "C" {
    /// Frees the memory that the calling thread keeps for later; with `force`, also returns free memory to the system.
    /// See mimalloc.h.
    fn mi_collect(force: bool);
}

/// Returns the memory that the calling thread has freed to the system.
pub fn collect() {
    // SAFETY: the function is part of the allocator that is linked in above, takes no pointer, and may be called from any
    // thread at any time.
    unsafe { mi_collect(true) }
}
