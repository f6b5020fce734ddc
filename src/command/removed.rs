//! How much a command removes from a collection that it works out beside the writer.

/// The writer removes fewer elements at once, in some milliseconds.
const AT_ONCE_MAX: u64 = 20_000;
/// What is left is not stored if it is more than this many times as many elements as are removed: that would take longer.
const LEFT_MAX: u64 = 16;

/// Elements of a collection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Removed {
    /// Number of those that are removed.
    pub removed: u64,
    /// Number of those that are left.
    pub left: u64,
}

impl Removed {
    /// Removes up to `wanted` elements of `len`.
    pub fn up_to(wanted: u64, len: u64) -> Self {
        let removed = wanted.min(len);
        Self { removed, left: len - removed }
    }

    /// Whether what is left is stored instead of removing the others.
    pub fn stores_rest(self) -> bool {
        self.left > 0 && self.removed >= AT_ONCE_MAX && self.left <= LEFT_MAX.saturating_mul(self.removed)
    }

    /// Whether nothing is left.
    pub fn takes_all(self) -> bool {
        self.removed > 0 && self.left == 0
    }
}
