//! The file's length.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Number of pages that the file has, which is at least the table's number. Locked while the length changes.
pub(super) struct FileLength(Mutex<u64>);

impl FileLength {
    /// A file of `pages` pages.
    pub(super) fn new(pages: u64) -> FileLength {
        FileLength(Mutex::new(pages))
    }

    /// Locks the length, so that nobody else changes it.
    pub(super) fn lock(&self) -> MutexGuard<'_, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
