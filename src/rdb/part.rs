//! What a value consists of.

use super::error::RdbError;

/// A part of a value. The parts of a value are all of one kind, and come in the order in which they are stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part<'p> {
    /// A string, which is the whole value.
    Text(&'p [u8]),
    /// An element of a list.
    Element(&'p [u8]),
    /// A member of a set. It may come twice.
    Member(&'p [u8]),
    /// A member of a sorted set with its score, which is a number. It may come twice.
    Scored(&'p [u8], f64),
    /// A field of a hash. It may come twice.
    Field {
        /// Its name.
        field: &'p [u8],
        /// Its value.
        value: &'p [u8],
        /// When it expires, in milliseconds since 1970.
        expire_at_ms: Option<u64>,
    },
}

/// Takes the parts of a value. An error ends the reading.
pub(super) type See<'s> = dyn FnMut(Part<'_>) -> Result<(), RdbError> + 's;
