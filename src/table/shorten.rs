//! Shrinking the file: how long it should be, and how free pages at its end are returned to the file system.
//!
//! The file grows in steps when pages are needed, and by reservations that are not fully used. So each checkpoint takes
//! the highest number of pages needed at one time since the checkpoint before the last began: those in use and those
//! reserved. In addition an eighth of them stays free, at least `slack_pages`, and no less than that is returned at a
//! time. So a load that needs the same number of pages again and again makes the file neither grow nor shrink.
//!
//! How pages are returned
//! 1. Pages above the wanted length are no longer allocated while there are others, and those in use there are moved
//!    down, some at each checkpoint, see `moving`.
//! 2. `begin_checkpoint`: if all pages from some number on are free, so that no version of the writer, a reader or the
//!    durable checkpoint reaches them, the table ends there from now on, and the new meta says so.
//! 3. `Checkpoint::run` of a later checkpoint, when its meta is durable: now both metas have a length from after the
//!    table was shortened. The file is cut to the longer of the two, or to what the table has grown to by then.
//!
//! A crash before the third step, or in the middle of it, leaves a file that is longer than its metas say, like one
//! that grew in vain. Whoever reads the file while a server runs sees the cut only when there is a newer meta. Nothing
//! is ever read after the table's end, and a table that grows again allocates real space as if it grew for the first
//! time.

use std::io;

use super::{error::is_full, page::PAGE_BYTES, shared::Table, tail::Plan, writer::TableWriter};

/// Maximum number of freed pages that are checked when a checkpoint begins: some milliseconds.
const RELEASE_MAX: usize = 1 << 18;
/// Maximum number of pages that are cut off at once: a writer that must grow the file waits for at most this many.
const CUT_PAGES_MAX: u64 = (64 << 20) / PAGE_BYTES as u64;
/// After this many checkpoints in a row that did not shrink the file, no further one is taken for that purpose. They
/// are enough for the old need to stop counting and for the durable checkpoint to release its pages, with one to spare.
const FRUITLESS_MAX: u32 = 4;

impl Table {
    /// Makes room for the table to grow to `pages` pages. Some of them may have been cut off before.
    pub(super) fn grow(&self, pages: u64) -> io::Result<()> {
        let mut length = self.length.lock();
        self.file.grow(self.pages.count() * PAGE_BYTES as u64, pages * PAGE_BYTES as u64)?;
        *length = pages.max(*length);
        self.pages.set_count(pages);
        Ok(())
    }

    /// Cuts the file to `pages` pages, the larger number of both durable metas, or to the table's current number if
    /// that is larger.
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
                // Some file systems need free space to free space. A later checkpoint tries again.
                Err(error) if is_full(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

impl TableWriter {
    /// Notes that `pages` pages are needed in addition to those in use.
    pub(super) fn note_need(&mut self, pages: u64) {
        let need = &mut self.tail.needs[0];
        *need = (*need).max(self.space.in_use() + pages);
    }

    /// Notes that there were changes, and the pages that they left in use.
    pub(super) fn note_changes(&mut self) {
        self.note_need(self.pages_kept());
        self.tail.fruitless = 0;
    }

    /// Whether a checkpoint should be taken to shrink the file: it is much longer than is needed now.
    pub fn has_tail(&self) -> bool {
        let need = self.space.in_use() - self.space.waiting() + self.pages_kept();
        let pages = *self.table().length.lock();
        self.tail.fruitless < FRUITLESS_MAX && self.tail.plan(need, pages).is_some()
    }

    /// Decides whether the file is to become shorter. If so, sets the ceiling to the new end.
    pub(super) fn plan_tail(&mut self) -> Option<Plan> {
        self.release(RELEASE_MAX);
        self.note_need(self.pages_kept());
        let need = self.tail.needs.into_iter().max().expect("there are intervals");
        let plan = self.tail.plan(need, self.space.pages());
        self.space.set_ceiling(plan.as_ref().map_or(u64::MAX, |plan| plan.pages));
        plan
    }

    /// Shortens the table to where only free pages follow, if that is far enough before its end. A checkpoint is about
    /// to begin.
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
