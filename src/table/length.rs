//! How long the file is.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Number of pages that the file really has, which is what the table has or more. Held while that changes.
pub(super) struct FileLength(Mutex<u64>);

impl FileLength {
    /// A file of `pages` pages.
    pub(super) fn new(pages: u64) -> FileLength {
        FileLength(Mutex::new(pages))
    }

    /// The length, which nobody else changes meanwhile.
    pub(super) fn lock(&self) -> MutexGuard<'_, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
