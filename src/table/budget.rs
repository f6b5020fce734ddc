//! How much work a read may do, measured in the pages that it visits.
//!
//! A view with a budget refuses to go on when the budget is used up: whoever gave it then runs the read elsewhere, where
//! it holds up nobody. A budget without an end can still be ended by another thread, so that a read that nobody waits
//! for any more stops at its next page.

use super::error::TableError;
use crate::sync::{AtomicU64, Ordering};

/// What a lookup costs.
pub(super) const LOOKUP: u64 = 1;
/// What going through a leaf costs.
pub(super) const LEAF: u64 = 4;
/// Cells that are gone through in the time of a lookup, if they are of a usual length.
pub(super) const CELLS_PER_LOOKUP: u64 = 16;

/// [`Budget::left`] of a budget without an end.
const UNLIMITED: u64 = u64::MAX;

/// How much work a read may still do.
#[derive(Debug)]
pub struct Budget {
    /// Lookups that are left. Only the thread that reads counts down; others set it to 0.
    left: AtomicU64,
}

impl Budget {
    /// A budget of so many lookups, or a quarter as many leaves.
    pub fn of(lookups: u64) -> Self {
        Self { left: AtomicU64::new(lookups) }
    }

    /// A budget without an end.
    pub fn unlimited() -> Self {
        Self::of(UNLIMITED)
    }

    /// Ends the budget: the read stops at its next page.
    pub fn end(&self) {
        self.left.store(0, Ordering::Relaxed);
    }

    /// Whether so many lookups are left.
    pub(super) fn check(&self, lookups: u64) -> Result<(), TableError> {
        match self.left.load(Ordering::Relaxed) {
            UNLIMITED => Ok(()),
            left if left > lookups => Ok(()),
            _ => Err(TableError::OverBudget),
        }
    }

    /// Uses up so many lookups.
    #[inline]
    pub(super) fn spend(&self, lookups: u64) -> Result<(), TableError> {
        let left = self.left.load(Ordering::Relaxed);
        if left == UNLIMITED {
            return Ok(());
        }
        self.left.store(left.saturating_sub(lookups), Ordering::Relaxed);
        if left > lookups { Ok(()) } else { Err(TableError::OverBudget) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_used_up_or_ended() {
        let budget = Budget::of(10);
        assert!(budget.check(9).is_ok() && budget.check(10).is_err());
        assert!(budget.spend(LEAF).is_ok() && budget.spend(5).is_ok());
        assert!(budget.spend(LOOKUP).is_err() && budget.check(0).is_err());
        let budget = Budget::unlimited();
        assert!(budget.check(u64::MAX).is_ok() && budget.spend(u64::MAX).is_ok());
        budget.end();
        assert!(budget.check(0).is_err() && budget.spend(LOOKUP).is_err());
    }
}
