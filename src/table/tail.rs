//! The writer's state for shrinking the file: how long it should be. See `shorten`.

use super::tour::Tour;

/// Number of intervals between checkpoints whose need of pages counts: the current one and the last.
const INTERVALS: usize = 2;
/// One page stays free for every N needed.
const SLACK_SHARE: u64 = 8;

/// The writer's state for shrinking the file.
pub(super) struct Tail {
    /// Minimum number of pages that stay free.
    slack_pages: u64,
    /// Most pages needed at one time in each interval between checkpoints, the current one first.
    pub(super) needs: [u64; INTERVALS],
    /// Checkpoints since the file last shrank, pages were last moved down, or there last were changes.
    pub(super) fruitless: u32,
    /// Progress of the search for pages to move.
    pub(super) tour: Tour,
}

/// A plan to shorten the file.
pub(super) struct Plan {
    /// Number of pages that it should have.
    pub(super) pages: u64,
    /// Minimum number of pages that are cut off at a time.
    pub(super) slack: u64,
}

impl Tail {
    /// Assumes that all of the file's pages were needed until now.
    pub(super) fn new(slack_pages: u64, pages: u64) -> Tail {
        Tail { slack_pages: slack_pages.max(1), needs: [0, pages], fruitless: 0, tour: Tour::new() }
    }

    /// The plan for a file of `pages` pages when `need` are needed; `None` if it has too few to cut some off.
    pub(super) fn plan(&self, need: u64, pages: u64) -> Option<Plan> {
        let slack = (need / SLACK_SHARE).max(self.slack_pages);
        // Ceilings are whole words of a bitmap.
        let wanted = (need + slack).next_multiple_of(64);
        (pages >= wanted + slack).then_some(Plan { pages: wanted, slack })
    }
}
