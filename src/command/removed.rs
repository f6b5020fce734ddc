//! How a command takes elements out of a collection, if what it takes was worked out beside the writer.

/// The writer removes fewer elements in one step: some milliseconds.
const AT_ONCE_MAX: u64 = 20_000;
/// What is left is not stored if it is more than this many times as many elements as are removed: that would take longer.
const LEFT_MAX: u64 = 16;
/// Elements of a set that the writer copies in some milliseconds.
const SET_COPIED_MAX: u64 = 2_500_000;
/// The same for a sorted set, which has two trees.
const SORTED_SET_COPIED_MAX: u64 = 1_200_000;

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

    /// How members of a set are removed.
    pub fn from_set(self) -> Way {
        self.way(SET_COPIED_MAX)
    }

    /// How members of a sorted set are removed.
    pub fn from_sorted_set(self) -> Way {
        self.way(SORTED_SET_COPIED_MAX)
    }

    /// How elements of a list are removed. A copy of it would be searched for each slice.
    pub fn from_list(self) -> Way {
        self.way(0)
    }

    /// How they are removed, if collections of up to `copied_max` elements can be copied.
    fn way(self, copied_max: u64) -> Way {
        let Self { removed, left } = self;
        if left == 0 {
            Way::All
        } else if removed < AT_ONCE_MAX {
            Way::AtOnce
        } else if left <= removed {
            Way::Rest
        } else if removed + left <= copied_max {
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
        let way = |removed, len| Removed::up_to(removed, len).from_set();
        assert_eq!(way(1_000_000, 1_000_000), Way::All);
        assert_eq!(way(2_000_000, 1_000_000), Way::All);
        assert_eq!(way(19_999, 1_000_000), Way::AtOnce);
        assert_eq!(way(20_000, 1_000_000), Way::FromCopy);
        assert_eq!(way(499_999, 1_000_000), Way::FromCopy);
        assert_eq!(way(500_000, 1_000_000), Way::Rest);
        // Copying these would hold up others.
        assert_eq!(way(1_000_000, 10_000_000), Way::Rest);
        assert_eq!(way(100_000, 10_000_000), Way::AtOnce);
        assert_eq!(Removed::up_to(100_000, 1_000_000).from_list(), Way::Rest);
        assert_eq!(Removed::up_to(50_000, 1_000_000).from_list(), Way::AtOnce);
    }
}
