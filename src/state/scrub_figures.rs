//! The figures of the scrub in `INFO`: written by its thread, read by anybody.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

/// A pass over all pages of the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScrubPass {
    /// Pages read.
    pub pages: u64,
    /// Damaged pages among them.
    pub damaged: u64,
    /// Seconds that it took.
    pub seconds: u64,
}

/// Figures of the scrub since the start.
#[derive(Debug, Default)]
pub struct ScrubFigures {
    /// Complete passes.
    passes: AtomicU64,
    /// Pages read in the running pass.
    pages: AtomicU64,
    /// When the last pass ended, in seconds since the Unix epoch; 0 for never.
    last_unix_s: AtomicU64,
    /// See [`ScrubPass::pages`], of the last pass.
    last_pages: AtomicU64,
    /// See [`ScrubPass::damaged`], of the last pass.
    last_damaged: AtomicU64,
    /// See [`ScrubPass::seconds`], of the last pass.
    last_seconds: AtomicU64,
}

impl ScrubFigures {
    /// `pages` pages were read in the running pass.
    pub fn progress(&self, pages: u64) {
        self.pages.store(pages, Relaxed);
    }

    /// A pass was completed.
    pub fn ended(&self, pass: ScrubPass) {
        self.pages.store(0, Relaxed);
        self.last_pages.store(pass.pages, Relaxed);
        self.last_damaged.store(pass.damaged, Relaxed);
        self.last_seconds.store(pass.seconds, Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.last_unix_s.store(now.as_secs(), Relaxed);
        self.passes.fetch_add(1, Relaxed);
    }

    /// The number of complete passes, and the pages read in the running one.
    pub fn running(&self) -> (u64, u64) {
        (self.passes.load(Relaxed), self.pages.load(Relaxed))
    }

    /// The last complete pass, and when it ended, in seconds since the Unix epoch; 0 for never.
    pub fn last(&self) -> (ScrubPass, u64) {
        let pages = self.last_pages.load(Relaxed);
        let damaged = self.last_damaged.load(Relaxed);
        let seconds = self.last_seconds.load(Relaxed);
        (ScrubPass { pages, damaged, seconds }, self.last_unix_s.load(Relaxed))
    }
}
