//! Whether a client's last writes changed anything, and so whether the next one probably will.

/// The next write is tried after this many answers in a row from the writer with nothing changed.
const TRIED_AFTER: u32 = 4;

/// Whether a client's last writes changed anything.
#[derive(Debug, Default)]
pub(super) struct NoOps {
    /// Number of answers in a row from the writer with nothing changed.
    in_a_row: u32,
}

impl NoOps {
    /// The writer answered.
    pub fn answered(&mut self, changed: bool) {
        self.in_a_row = if changed { 0 } else { self.in_a_row.saturating_add(1) };
    }

    /// The write that was tried would have changed something.
    pub fn missed(&mut self) {
        self.in_a_row = 0;
    }

    /// Whether the next write probably changes nothing.
    pub fn are_likely(&self) -> bool {
        self.in_a_row >= TRIED_AFTER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_tried_behind_a_row_that_changed_nothing() {
        let mut no_ops = NoOps::default();
        let row = |no_ops: &mut NoOps, times: u32| (0..times).for_each(|_| no_ops.answered(false));
        row(&mut no_ops, TRIED_AFTER - 1);
        assert!(!no_ops.are_likely());
        row(&mut no_ops, 1);
        assert!(no_ops.are_likely());
        no_ops.missed();
        assert!(!no_ops.are_likely());
        row(&mut no_ops, 100);
        no_ops.answered(true);
        row(&mut no_ops, TRIED_AFTER - 1);
        assert!(!no_ops.are_likely());
    }
}
