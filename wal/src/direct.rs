//! Memory that the kernel can move to a device without a copy: page-aligned, always initialised.
//!
//! Direct I/O needs the address, the length and the file offset of a transfer aligned to the device's block.
//! This file has the one allocation with such an address, and it is the only file of the crate with
//! unsafe code. A large buffer consists of huge pages, where the kernel has them: the device then gets one address for
//! each huge page instead of one for each 4 KiB.
//!
//! Invariant: all `layout.size()` bytes at `pointer` are initialised from allocation to release, so any part of
//! them may be lent as `&[u8]`.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, handle_alloc_error};
use std::fmt;
use std::ptr::NonNull;

use rustix::mm::{Advice, madvise};

/// Alignment in bytes of an [`AlignedBuffer`]'s address and the unit of its capacity.
pub const ALIGNMENT_BYTES: usize = 4096;
/// Bytes of a huge page: the unit of a buffer that was grown to this size or more.
pub(crate) const HUGE_BYTES: usize = 2 << 20;

/// A zero-initialised byte buffer whose address and capacity are multiples of [`ALIGNMENT_BYTES`].
pub struct AlignedBuffer {
    /// Start of the allocation, owned by this value alone.
    pointer: NonNull<u8>,
    /// What was allocated: a non-zero multiple of [`ALIGNMENT_BYTES`].
    layout: Layout,
}

// SAFETY: the buffer owns its allocation alone and returns references through `&self` and `&mut self` only,
// so moving it to another thread moves all access with it.
unsafe impl Send for AlignedBuffer {}
// SAFETY: through `&self` the bytes can only be read; there is no interior mutability.
unsafe impl Sync for AlignedBuffer {}

impl AlignedBuffer {
    /// Allocates at least `bytes` zeroed bytes. Ends the process when there is no memory, as every allocation does.
    pub fn zeroed(bytes: usize) -> Self {
        let layout = layout(bytes, ALIGNMENT_BYTES);
        // SAFETY: `layout` rounds up to at least one page, so its size is not zero.
        let pointer = unsafe { alloc_zeroed(layout) };
        let Some(pointer) = NonNull::new(pointer) else { handle_alloc_error(layout) };
        Self { pointer, layout }
    }

    /// Like [`zeroed`](Self::zeroed), of huge pages where the kernel has them.
    fn huge(bytes: usize) -> Self {
        let layout = layout(bytes, HUGE_BYTES);
        // SAFETY: `layout` rounds up to at least one huge page, so its size is not zero.
        let pointer = unsafe { alloc(layout) };
        let Some(pointer) = NonNull::new(pointer) else { handle_alloc_error(layout) };
        // SAFETY: the range is the allocation, which nobody else uses, and the advice changes none of its bytes. A kernel
        // without huge pages refuses it; then the buffer is slower, but correct.
        let _ = unsafe { madvise(pointer.as_ptr().cast(), layout.size(), Advice::LinuxHugepage) };
        // SAFETY: all of the range is this allocation's.
        unsafe { pointer.write_bytes(0, layout.size()) };
        Self { pointer, layout }
    }

    /// Bytes held, a multiple of [`ALIGNMENT_BYTES`].
    pub fn capacity(&self) -> usize {
        self.layout.size()
    }

    /// All bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: `pointer` is valid for `capacity` initialised bytes (the type's invariant), the bytes are not
        // written while `&self` is borrowed, and an allocation never exceeds `isize::MAX` bytes (`Layout`).
        unsafe { std::slice::from_raw_parts(self.pointer.as_ptr(), self.capacity()) }
    }

    /// All bytes, mutable.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`; `&mut self` makes this the only access to the allocation.
        unsafe { std::slice::from_raw_parts_mut(self.pointer.as_ptr(), self.capacity()) }
    }

    /// Makes the capacity at least `bytes`, keeping the first `kept` bytes; the others are zero when the
    /// buffer moved. Does nothing when it is large enough.
    pub fn grow(&mut self, bytes: usize, kept: usize) {
        if bytes <= self.capacity() {
            return;
        }
        let mut larger = if bytes < HUGE_BYTES { Self::zeroed(bytes) } else { Self::huge(bytes) };
        larger.bytes_mut()[..kept].copy_from_slice(&self.bytes()[..kept]);
        *self = larger;
    }
}

impl Drop for AlignedBuffer {
    fn drop(&mut self) {
        // SAFETY: the allocation was made with exactly this layout and is released once, here.
        unsafe { dealloc(self.pointer.as_ptr(), self.layout) }
    }
}

impl fmt::Debug for AlignedBuffer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AlignedBuffer").field("capacity", &self.capacity()).finish()
    }
}

/// The layout of `bytes` bytes in whole pages of `page_bytes`. Panics on a length no allocation can have.
fn layout(bytes: usize, page_bytes: usize) -> Layout {
    let rounded = bytes.max(1).next_multiple_of(page_bytes);
    Layout::from_size_align(rounded, page_bytes).expect("a buffer length below isize::MAX")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_and_capacity_are_aligned_and_bytes_start_zero() {
        for bytes in [0, 1, 4095, 4096, 4097, 1 << 20] {
            let buffer = AlignedBuffer::zeroed(bytes);
            assert_eq!(buffer.bytes().as_ptr() as usize % ALIGNMENT_BYTES, 0);
            assert_eq!(buffer.capacity() % ALIGNMENT_BYTES, 0);
            assert!(buffer.capacity() >= bytes && buffer.bytes().iter().all(|&byte| byte == 0));
        }
    }

    #[test]
    fn growing_keeps_what_was_asked_for_and_zeroes_the_rest() {
        let mut buffer = AlignedBuffer::zeroed(4096);
        buffer.bytes_mut().fill(7);
        buffer.grow(4096, 4096);
        assert_eq!(buffer.capacity(), 4096);
        buffer.grow(9000, 100);
        assert_eq!(buffer.capacity(), 12288);
        assert!(buffer.bytes()[..100].iter().all(|&byte| byte == 7));
        assert!(buffer.bytes()[100..].iter().all(|&byte| byte == 0));
    }

    #[test]
    fn a_buffer_that_grows_large_is_made_of_whole_huge_pages() {
        let mut buffer = AlignedBuffer::zeroed(4096);
        buffer.bytes_mut().fill(7);
        buffer.grow(HUGE_BYTES + 1, 4096);
        assert_eq!(buffer.capacity(), 2 * HUGE_BYTES);
        assert_eq!(buffer.bytes().as_ptr() as usize % HUGE_BYTES, 0);
        assert!(buffer.bytes()[..4096].iter().all(|&byte| byte == 7));
        assert!(buffer.bytes()[4096..].iter().all(|&byte| byte == 0));
    }
}
