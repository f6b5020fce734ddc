//! Whether readers see all that is synced.
//!
//! A version that was published is never written again: whatever changes next is copied first. So the writer publishes
//! when somebody reads, and as long as nobody does it changes the same pages group after group. The two flags here are
//! how readers and writer come to terms:
//!
//! - a reader [asks](Publication::ask) before it takes a snapshot, and waits for a publication if synced groups are
//!   missing from it;
//! - the writer says that it [is behind](Publication::set_behind) before the first reply of a group that it does not
//!   publish, so whoever saw such a reply, or heard of it, finds the flag set.

use crate::sync::AtomicBool;
use crate::sync::Ordering::{Relaxed, SeqCst};

/// What readers and the writer know of each other. Readers on several threads, one writer.
#[derive(Debug, Default)]
pub struct Publication {
    /// Whether a reader came since the writer looked last.
    wanted: AtomicBool,
    /// Whether synced groups are not published.
    behind: AtomicBool,
}

impl Publication {
    /// A reader is about to take a snapshot: whether it holds every write that was acknowledged so far. If not, the
    /// reader is to have the writer publish first.
    #[inline]
    pub fn ask(&self) -> bool {
        // Most reads find the flag set, and leave its cache line where it is.
        if !self.wanted.load(Relaxed) {
            self.wanted.store(true, Relaxed);
        }
        !self.is_behind()
    }

    /// Whether a snapshot that is taken now misses acknowledged writes. The writer does not learn of this question.
    #[inline]
    pub fn is_behind(&self) -> bool {
        self.behind.load(SeqCst)
    }

    /// Whether a reader asked since the last call. For the writer.
    #[inline]
    pub fn take_wanted(&self) -> bool {
        self.wanted.load(Relaxed) && self.wanted.swap(false, Relaxed)
    }

    /// Says whether synced groups are not published. For the writer: before it replies to the first of them, and after
    /// it published the last.
    #[inline]
    pub fn set_behind(&self, behind: bool) {
        self.behind.store(behind, SeqCst);
    }
}
