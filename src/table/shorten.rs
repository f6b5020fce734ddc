//! The end of the file: how long the file should be, and how what is free there goes back to the file system.
//!
//! The file grows when pages are needed, in steps, and by reservations that are not used up. So each checkpoint looks how
//! many pages were needed at one time since the one before the last began: in use, and kept for more. Beside
//! these an eighth of them stays free, `slack_pages` at least, and no less than that goes back at a time: a load that needs
//! the same again and again makes the file neither grow nor shrink.
//!
//! How pages go back
//! 1. Pages behind the length that is wanted are handed out no more while there are others, and those in use there move
//!    down, some at each checkpoint, see `moving`.
//! 2. `begin_checkpoint`: if all pages from some number on are free, which says that no version reaches them that the
//!    writer, a reader or the durable checkpoint holds, the table ends there from now on, and so says the new meta.
//! 3. `Checkpoint::run` of a later one, when its meta is durable: now both metas name a length that the table had since.
//!    The file is cut to the longer of the two, or to what the table has grown to meanwhile.
//!
//! A crash before the third step, or in the middle of it, leaves a file that is longer than its metas say, as one does that
//! grew in vain. Whoever reads the file beside a server meets the cut only when there is a newer meta to go by. Nothing is
//! ever read behind the table's end, and a table that grows again has real space allocated as if it grew for the first
//! time.

use std::io;

use super::{error::is_full, page::PAGE_BYTES, shared::Table, tail::Plan, writer::TableWriter};

/// Freed pages that are looked at when a checkpoint begins, at most: some milliseconds.
const RELEASE_MAX: usize = 1 << 18;
/// Pages that are cut off at once: a writer that wants the file to grow meanwhile waits for this many.
const CUT_PAGES_MAX: u64 = (64 << 20) / PAGE_BYTES as u64;
/// Checkpoints in a row without a gain after which none is wanted for the sake of the file's end: for the need to be a
/// thing of the past, for the durable checkpoint to let go of its pages, and one more.
const FRUITLESS_MAX: u32 = 4;

impl Table {
    /// Lets the table grow to `pages` pages, of which it may have been cut off some before.
    pub(super) fn grow(&self, pages: u64) -> io::Result<()> {
        let mut length = self.length.lock();
        self.file.grow(self.pages.count() * PAGE_BYTES as u64, pages * PAGE_BYTES as u64)?;
        *length = pages.max(*length);
        self.pages.set_count(pages);
        Ok(())
    }

    /// Cuts the file to `pages` pages, which is the most that either durable meta names, or to as many as the table has
    /// by now.
    pub(super) fn cut_file(&self, pages: u64) -> io::Result<()> {
        loop {
            let mut length = self.length.lock();
            let end = pages.max(self.pages.count());
            if *length <= end {
                return Ok(());
            }
            let step = end.max(length.saturating_sub(CUT_PAGES_MAX));
            match self.file.shrink(step * PAGE_BYTES as u64) {
                Ok(()) => *length = step,
                // Some file systems need space to give space back. A later checkpoint tries again.
                Err(error) if is_full(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

impl TableWriter {
    /// Notes that `pages` pages are needed beside those in use.
    pub(super) fn note_need(&mut self, pages: u64) {
        let need = &mut self.tail.needs[0];
        *need = (*need).max(self.space.in_use() + pages);
    }

    /// Notes that there were changes, and the pages that they left in use.
    pub(super) fn note_changes(&mut self) {
        self.note_need(self.pages_kept());
        self.tail.fruitless = 0;
    }

    /// Whether a checkpoint is wanted for the sake of the file's end: there is far more of it than is needed now.
    pub fn has_tail(&self) -> bool {
        let need = self.space.in_use() - self.space.waiting() + self.pages_kept();
        let pages = *self.table().length.lock();
        self.tail.fruitless < FRUITLESS_MAX && self.tail.plan(need, pages).is_some()
    }

    /// Decides whether the file is to become shorter. Then no page behind the new end is handed out any more.
    pub(super) fn plan_tail(&mut self) -> Option<Plan> {
        self.release(RELEASE_MAX);
        self.note_need(self.pages_kept());
        let need = self.tail.needs.into_iter().max().expect("there are intervals");
        let plan = self.tail.plan(need, self.space.pages());
        self.space.set_ceiling(plan.as_ref().map_or(u64::MAX, |plan| plan.pages));
        plan
    }

    /// Lets the table end where only free pages follow, if that is far before its end now. A checkpoint is about to begin.
    pub(super) fn fit_tail(&mut self) {
        let (plan, pages) = (self.plan_tail(), self.space.pages());
        self.tail.needs.rotate_right(1);
        self.tail.needs[0] = 0;
        self.tail.fruitless += 1;
        let Some(plan) = plan else { return };
        for (number, part) in (0..).zip(&self.checkpoints.parts) {
            if part.page >= plan.pages {
                self.space.mark_changed(number);
            }
        }
        let end = self.space.taken_end().max(plan.pages);
        if pages - end >= plan.slack {
            self.space.shrink(end);
            self.table().pages.set_count(end);
            self.count_pages();
            self.tail.fruitless = 0;
        }
    }

    /// Notes that pages were moved away from the file's end.
    pub(super) fn tail_is_nearer(&mut self) {
        self.tail.fruitless = 0;
    }
}
