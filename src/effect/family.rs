//! The interface of a family of effects.

use super::input::{EffectError, Input};
use super::items::Items;
use super::sink::Sink;

/// The changes of one family.
pub(super) trait Family<'a>: Sized {
    /// The change's number in the log.
    fn op(&self) -> u8;

    /// Writes the fields after the number and the key.
    fn encode(&self, sink: &mut impl Sink);

    /// Reads the fields of the change with this number.
    fn decode(op: u8, input: &mut Input<'a>) -> Result<Self, EffectError>;

    /// The bytes that the change stores.
    fn value(&self) -> Option<&'a [u8]> {
        None
    }

    /// The members, elements, fields, fields and values, or members and scores that the change is about.
    fn items(&self) -> Option<Items<'a>> {
        None
    }

    /// Number of bytes that the change stores: those of its value, or of the items that it adds.
    fn stored_bytes(&self) -> Option<u64> {
        self.value().map(|value| value.len() as u64)
    }

    /// The position in the value that is changed: an offset in bytes, or the index of an element.
    fn place(&self) -> Option<u64> {
        None
    }

    /// Number of elements that the change removes or copies, or keeps if it trims a list.
    fn count(&self) -> Option<u64> {
        None
    }

    /// The expiry that the change sets, of its key or of its fields, in milliseconds since 1970.
    fn expire_at_ms(&self) -> Option<u64> {
        None
    }

    /// Number of elements of a collection that the change lists.
    fn elements(&self) -> u64 {
        0
    }

    /// Whether the change removes listed elements from a collection.
    fn takes_out(&self) -> bool {
        false
    }
}

/// Length of all items together, in bytes.
pub(super) fn items_bytes(items: Items<'_>) -> u64 {
    items.iter().map(|item| item.len() as u64).sum()
}
