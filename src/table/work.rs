//! How much the writer has changed.

use std::ops::Sub;

/// What the writer has done since the start: a replay of the same changes does as much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Changes of a cell, each on a way from the root.
    pub changes: u64,
    /// Cells that were put or taken out next to the one before, without a way from the root.
    pub neighbours: u64,
    /// Bytes of the cells that were put.
    pub bytes: u64,
    /// Pages that were copied with everything that is on them, for another tree.
    pub copies: u64,
}

impl Sub for Work {
    type Output = Work;

    /// What was done since `earlier`.
    fn sub(self, earlier: Work) -> Work {
        Work {
            changes: self.changes - earlier.changes,
            neighbours: self.neighbours - earlier.neighbours,
            bytes: self.bytes - earlier.bytes,
            copies: self.copies - earlier.copies,
        }
    }
}
