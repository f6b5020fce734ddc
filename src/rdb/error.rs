//! Why a value cannot be read.

/// Why a value cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RdbError {
    /// A field reaches past the end.
    #[error("the value ends too soon")]
    Truncated,
    /// A length has an unknown form.
    #[error("malformed length")]
    Length,
    /// A string has an unknown encoding, or is longer or shorter than it says.
    #[error("malformed string")]
    Text,
    /// No value has this type, or only one of a module.
    #[error("unknown type {0}")]
    UnknownType(u8),
    /// What the elements are packed in does not follow its format.
    #[error("malformed {0}")]
    Packed(&'static str),
    /// A field without a value, or a member without a score.
    #[error("an odd number of elements")]
    Odd,
    /// A score is not a number.
    #[error("malformed score")]
    Score,
    /// An expiry is out of range.
    #[error("malformed expiry")]
    Expiry,
    /// A collection without elements.
    #[error("an empty collection")]
    Empty,
    /// Whoever was given the parts does not take them.
    #[error("refused")]
    Refused,
}
