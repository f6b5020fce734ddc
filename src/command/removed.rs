//! How a command takes elements out of a collection, if what it takes was worked out beside the writer.

use crate::keyspace::{KeyspaceError, Value};
use crate::table::View;

/// The writer removes fewer elements in one step: some milliseconds.
const AT_ONCE_MAX: u64 = 20_000;
/// What is left is not stored if it is more than this many times as many elements as are removed: that would take longer.
const LEFT_MAX: u64 = 16;
/// A collection of more bytes is not copied: the writer copies as many in some milliseconds.
const COPIED_BYTES_MAX: u64 = 128 << 20;

/// Elements of a collection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Removed {
    /// Number of those that are removed.
    pub removed: u64,
    /// Number of those that are left.
    pub left: u64,
}

/// How they are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Nothing is left: the key is deleted.
    All,
    /// In one step.
    AtOnce,
    /// In slices, from a copy that takes the place of the collection.
    FromCopy,
    /// Those that are left are stored in slices, and take the place of the collection.
    Rest,
}

impl Removed {
    /// Removes up to `wanted` elements of `len`.
    pub fn up_to(wanted: u64, len: u64) -> Self {
        let removed = wanted.min(len);
        Self { removed, left: len - removed }
    }

    /// How elements are removed from a value, if they can be removed from a copy.
    pub fn way_from(self, view: &View<'_>, value: &Value<'_>) -> Result<Way, KeyspaceError> {
        Ok(self.way(value.estimate_bytes(view)? <= COPIED_BYTES_MAX))
    }

    /// How elements are removed, whether or not they can be removed from a copy.
    pub fn way(self, can_be_copied: bool) -> Way {
        let Self { removed, left } = self;
        if left == 0 {
            Way::All
        } else if removed < AT_ONCE_MAX {
            Way::AtOnce
        } else if left <= removed {
            Way::Rest
        } else if can_be_copied {
            Way::FromCopy
        } else if left <= LEFT_MAX.saturating_mul(removed) {
            Way::Rest
        } else {
            Way::AtOnce
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_follows_from_how_many_are_removed_and_left() {
        let way = |removed, len| Removed::up_to(removed, len).way(true);
        assert_eq!(way(1_000_000, 1_000_000), Way::All);
        assert_eq!(way(2_000_000, 1_000_000), Way::All);
        assert_eq!(way(19_999, 1_000_000), Way::AtOnce);
        assert_eq!(way(20_000, 1_000_000), Way::FromCopy);
        assert_eq!(way(499_999, 1_000_000), Way::FromCopy);
        assert_eq!(way(500_000, 1_000_000), Way::Rest);
        let way = |removed, len| Removed::up_to(removed, len).way(false);
        assert_eq!(way(19_999, 20_000), Way::AtOnce);
        assert_eq!(way(1_000_000, 10_000_000), Way::Rest);
        assert_eq!(way(100_000, 10_000_000), Way::AtOnce);
    }
}
