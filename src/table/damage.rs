//! Damage that is found while the server runs.
//!
//! A command or the scrub that finds a bad page reports it here; `INFO` and the event log show it. A page stays listed
//! until a whole pass of the scrub has not found it again.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use super::finding::Finding;

/// Maximum number of pages that are listed. Further ones are not noted; one listed page is enough to act on.
pub const DAMAGED_PAGES_MAX: usize = 1024;

/// The damaged pages, by page number, each with the time when it was last found.
#[derive(Default)]
pub(super) struct Damage(Mutex<BTreeMap<u64, (Finding, Instant)>>);

impl Damage {
    /// The list.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, (Finding, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a damaged page and returns whether it is new. Keys that are already known for it are kept.
    pub(super) fn report(&self, finding: Finding) -> bool {
        let mut pages = self.lock();
        let now = Instant::now();
        if let Some((known, met)) = pages.get_mut(&finding.page) {
            *met = now;
            if known.slot.is_none() {
                *known = finding;
            }
            return false;
        }
        let listed = pages.len() < DAMAGED_PAGES_MAX;
        if listed {
            pages.insert(finding.page, (finding, now));
        }
        listed
    }

    /// Drops pages from the list that were not found since `before`: they are no longer in use, or were repaired.
    pub(super) fn forget(&self, before: Instant) {
        self.lock().retain(|_, (_, met)| *met >= before);
    }

    /// The damaged pages that are known, by page number.
    pub(super) fn list(&self) -> Vec<Finding> {
        self.lock().values().map(|(finding, _)| finding.clone()).collect()
    }
}
