//! A window on a segment: a large aligned buffer that slides over the file, so that most groups need no read.

use std::io;

use crate::direct::{ALIGNMENT_BYTES, AlignedBuffer};
use crate::storage::{StorageFile, transfer};

/// Bytes per read when the whole log is read.
const AHEAD_BYTES: usize = 2 << 20;
/// Bytes per read when the end of a growing log is polled.
const FOLLOW_BYTES: usize = 128 << 10;
/// A buffer above this size in bytes is freed after the group that needed it.
const KEPT_BYTES_MAX: usize = 16 << 20;

/// Bytes of a file from `start` on.
pub(super) struct Window {
    buffer: AlignedBuffer,
    /// File offset of the buffer's first byte, a multiple of [`ALIGNMENT_BYTES`].
    start: u64,
    /// Bytes of the buffer that were read.
    len: usize,
    /// Bytes to read at once.
    ahead: usize,
}

impl Window {
    pub fn new(follow: bool) -> Self {
        let ahead = if follow { FOLLOW_BYTES } else { AHEAD_BYTES };
        Self { buffer: AlignedBuffer::zeroed(ALIGNMENT_BYTES), start: 0, len: 0, ahead }
    }

    /// Forgets what was read.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Makes `bytes` bytes at `offset` available. They must be within `file_bytes`, the file's length; a shorter file is
    /// an error.
    pub fn fill<F: StorageFile>(
        &mut self,
        file: &F,
        offset: u64,
        bytes: usize,
        file_bytes: u64,
    ) -> io::Result<()> {
        let end = offset + bytes as u64;
        assert!(end <= file_bytes, "the window is asked for bytes within the file only");
        if self.len > 0 && offset >= self.start && end <= self.start + self.len as u64 {
            return Ok(());
        }
        let kept = self.slide_to(offset - offset % ALIGNMENT_BYTES as u64);
        let left = (file_bytes - self.start).next_multiple_of(ALIGNMENT_BYTES as u64);
        let wanted = self.ahead.max((end - self.start) as usize).next_multiple_of(ALIGNMENT_BYTES);
        let wanted = (wanted as u64).min(left) as usize;
        self.fit(wanted, kept);
        let free = &mut self.buffer.bytes_mut()[kept..wanted];
        self.len = kept + transfer::read_full(file, free, self.start + kept as u64)?;
        if self.start + (self.len as u64) < end {
            self.len = 0;
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// The `bytes` bytes at `offset`, which were made available.
    pub fn bytes(&self, offset: u64, bytes: usize) -> &[u8] {
        let at = (offset - self.start) as usize;
        &self.buffer.bytes()[..self.len][at..at + bytes]
    }

    /// The same, to be changed in memory.
    pub fn bytes_mut(&mut self, offset: u64, bytes: usize) -> &mut [u8] {
        let at = (offset - self.start) as usize;
        &mut self.buffer.bytes_mut()[..self.len][at..at + bytes]
    }

    /// Moves the window's start, and keeps the bytes after it that were read; returns how many there are.
    fn slide_to(&mut self, start: u64) -> usize {
        let known_end = self.start + self.len as u64;
        let mut kept = 0;
        if start >= self.start && start < known_end {
            let at = (start - self.start) as usize;
            kept = (self.len - at) / ALIGNMENT_BYTES * ALIGNMENT_BYTES;
            self.buffer.bytes_mut().copy_within(at..at + kept, 0);
        }
        (self.start, self.len) = (start, kept);
        kept
    }

    /// Makes the buffer large enough for `wanted` bytes, or frees one that is far too large.
    fn fit(&mut self, wanted: usize, kept: usize) {
        if self.buffer.capacity() > KEPT_BYTES_MAX && wanted <= self.ahead && kept == 0 {
            self.buffer = AlignedBuffer::zeroed(wanted);
        }
        self.buffer.grow(wanted, kept);
    }
}
