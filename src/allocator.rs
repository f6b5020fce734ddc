//! The server's allocator. Small allocations of many threads are what this server does all day.

#![allow(unsafe_code)]

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

unsafe extern "C" {
    /// Frees what the calling thread keeps for later, and hands free memory back to the system if it is to `force` that;
    /// see mimalloc.h.
    fn mi_collect(force: bool);
}

/// Gives back what the calling thread has freed.
pub fn collect() {
    // SAFETY: the function is part of the allocator that is linked in above, takes no pointer, and may be called from any
    // thread at any time.
    unsafe { mi_collect(true) }
}
