//! Description of a damaged page.

use super::error::CorruptReason;

/// A damaged page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Number of the page in the file.
    pub page: u64,
    /// What is wrong with it.
    pub reason: CorruptReason,
    /// Slot of the named tree that it belongs to; `None` for pages of the checkpoint itself.
    pub slot: Option<usize>,
    /// Whether it belongs to a tree that is nested in a cell of the named tree.
    pub nested: bool,
    /// The keys below the page are at or above this one, if known.
    pub from_key: Option<Vec<u8>>,
    /// The keys below the page are below this one, if known.
    pub to_key: Option<Vec<u8>>,
}
