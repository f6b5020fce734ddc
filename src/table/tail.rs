//! What the writer knows of the end of the file: how long the file should be. See `shorten`.

use super::tour::Tour;

/// Intervals between checkpoints in which the need of pages counts: the current one and the last.
const INTERVALS: usize = 2;
/// One page stays free for this many that are needed.
const SLACK_SHARE: u64 = 8;

/// What the writer knows of the file's end.
pub(super) struct Tail {
    /// Pages that stay free at least.
    slack_pages: u64,
    /// Most pages needed at one time in each interval between checkpoints, the current one first.
    pub(super) needs: [u64; INTERVALS],
    /// Checkpoints in a row that brought the file's end no nearer.
    pub(super) fruitless: u32,
    /// How far the search is for pages to be moved.
    pub(super) tour: Tour,
}

/// That the file is to become shorter.
pub(super) struct Plan {
    /// Pages that it is to have.
    pub(super) pages: u64,
    /// Pages that go back at a time at least.
    pub(super) slack: u64,
}

impl Tail {
    /// All of the file's pages may have been needed until now.
    pub(super) fn new(slack_pages: u64, pages: u64) -> Tail {
        Tail { slack_pages: slack_pages.max(1), needs: [0, pages], fruitless: 0, tour: Tour::new() }
    }

    /// How long a file of `pages` pages should be where `need` are needed, if it has enough to give some back.
    pub(super) fn plan(&self, need: u64, pages: u64) -> Option<Plan> {
        let slack = (need / SLACK_SHARE).max(self.slack_pages);
        // Ceilings are whole words of a bitmap.
        let wanted = (need + slack).next_multiple_of(64);
        (pages >= wanted + slack).then_some(Plan { pages: wanted, slack })
    }
}
