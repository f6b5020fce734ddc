//! Snapshots: versions that do not change while somebody reads them.

#![allow(unsafe_code)]

use std::ops::Deref;

use super::{shared::Table, versions, view::View};

impl Table {
    /// Pins the published version. Takes no lock and never waits for the writer.
    pub fn snapshot(&self) -> Snapshot<'_> {
        Snapshot::new(self)
    }
}

/// A pinned version: it does not change, and its pages are not reused, until this is dropped.
pub struct Snapshot<'t> {
    /// The version.
    view: View<'t>,
    /// The reader's slot.
    slot: usize,
    /// The version word that the slot holds.
    word: u64,
}

impl<'t> Snapshot<'t> {
    /// Pins the published version.
    fn new(table: &'t Table) -> Snapshot<'t> {
        let (slot, word) = table.versions.pin();
        // SAFETY: the slot holds the word until the snapshot, and with it the view, is dropped.
        let roots = unsafe { table.versions.roots(word) };
        Snapshot { view: View::new(table, roots), slot, word }
    }

    /// Number of the version: it grows with each published group.
    pub fn generation(&self) -> u64 {
        versions::generation(self.word)
    }
}

impl<'t> Deref for Snapshot<'t> {
    type Target = View<'t>;

    fn deref(&self) -> &View<'t> {
        &self.view
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        self.view.table().versions.unpin(self.slot, self.word);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{root::NO_ROOTS, versions::Versions};

    #[test]
    fn a_pinned_version_keeps_its_roots() {
        let mut roots = NO_ROOTS;
        roots[7].count = 1;
        let versions = Versions::new(1, &roots);
        let (slot, pinned) = versions.pin();
        for generation in 2..1000 {
            roots[7].count = generation;
            versions.publish(generation, &roots);
            assert_eq!(versions.current().1[7].count, generation);
            // SAFETY: the slot is not given back before the end.
            assert_eq!(unsafe { versions.roots(pinned) }[7].count, 1);
        }
        let mut pins = Vec::new();
        versions.pins(&mut pins);
        assert_eq!(pins, [1]);
        versions.unpin(slot, pinned);
        pins.clear();
        versions.pins(&mut pins);
        assert!(pins.is_empty());
    }
}
