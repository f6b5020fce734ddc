//! What became of the writes of a client: whether the next one is likely to change nothing.

/// So often in a row the writer has answered and nothing was changed, before the next write is tried.
const TRIED_AFTER: u32 = 4;

/// What became of a client's last writes.
#[derive(Debug, Default)]
pub(super) struct NoOps {
    /// How often in a row the writer answered and nothing was changed.
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

    /// Whether the next write is likely to change nothing.
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
