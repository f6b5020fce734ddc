//! Whether the published version has everything that is synced.
//!
//! Pages of a published version are never changed: the next change copies them first. So the writer publishes only when
//! somebody reads; as long as nobody does, it changes the same pages in place, group after group. Readers and the
//! writer coordinate with two flags:
//!
//! - a reader [asks](Publication::ask) before it takes a snapshot, and waits for a publication if synced groups are
//!   missing from the published version;
//! - the writer sets [the flag `behind`](Publication::set_behind) before it sends the first reply of a group that it
//!   does not publish, so whoever knows of such a reply finds the flag set.

use crate::sync::AtomicBool;
use crate::sync::Ordering::{Relaxed, SeqCst};

/// The two flags, shared by readers on several threads and one writer.
#[derive(Debug, Default)]
pub struct Publication {
    /// Whether a reader asked since the writer last checked.
    wanted: AtomicBool,
    /// Whether there are synced groups that are not published.
    behind: AtomicBool,
}

impl Publication {
    /// To be called before a reader takes a snapshot. Returns whether the published version has every write that was
    /// acknowledged so far. If not, the reader must have the writer publish first.
    #[inline]
    pub fn ask(&self) -> bool {
        // Most reads find the flag set, and do not write to its cache line.
        if !self.wanted.load(Relaxed) {
            self.wanted.store(true, Relaxed);
        }
        !self.is_behind()
    }

    /// Whether acknowledged writes are missing from the published version. The writer does not learn of this question.
    #[inline]
    pub fn is_behind(&self) -> bool {
        self.behind.load(SeqCst)
    }

    /// Whether a reader asked since the last call. For the writer.
    #[inline]
    pub fn take_wanted(&self) -> bool {
        self.wanted.load(Relaxed) && self.wanted.swap(false, Relaxed)
    }

    /// Sets whether there are synced groups that are not published. For the writer: before it sends the first reply of
    /// such a group, and after it published all.
    #[inline]
    pub fn set_behind(&self, behind: bool) {
        self.behind.store(behind, SeqCst);
    }
}
