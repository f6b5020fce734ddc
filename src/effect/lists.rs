//! Changes of lists.
//!
//! ```text
//!  30   Push, at the head            db key items: element ...
//!  31   Push, at the tail            db key items: element ...
//!  32   Pop, from the head           db key count
//!  33   Pop, from the tail           db key count
//!  34   Insert, before the pivot     db key index items: pivot, element
//!  35   Insert, after the pivot      db key index items: pivot, element
//!  36   Remove, from the head on     db key count items: element
//!  37   Remove, from the tail on     db key count items: element
//!  38   Set                          db key index value
//!  39   Trim                         db key index count
//! ```

use super::family::{Family, items_bytes};
use super::input::{ELEMENT, EffectError, Input};
use super::items::Items;
use super::sink::{Sink, put_bytes, put_varint};

const PUSH_HEAD: u8 = 0x30;
const PUSH_TAIL: u8 = 0x31;
const POP_HEAD: u8 = 0x32;
const POP_TAIL: u8 = 0x33;
const INSERT_BEFORE: u8 = 0x34;
const INSERT_AFTER: u8 = 0x35;
const REMOVE_HEAD: u8 = 0x36;
const REMOVE_TAIL: u8 = 0x37;
const SET: u8 = 0x38;
const TRIM: u8 = 0x39;
pub(super) const FIRST: u8 = PUSH_HEAD;
pub(super) const LAST: u8 = TRIM;

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The left end, at index 0.
    Head,
    /// The right end, at index -1.
    Tail,
}

impl End {
    /// The head, or else the tail.
    fn new(is_head: bool) -> Self {
        if is_head { End::Head } else { End::Tail }
    }

    /// The other end.
    pub fn other(self) -> Self {
        Self::new(self == End::Tail)
    }
}

/// A change of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListChange<'a> {
    /// Adds elements to an end of a list, one after the other. Creates the list if it is missing. The key's expiry
    /// stays.
    Push {
        /// The end that grows.
        end: End,
        /// The elements; the last one becomes the outermost.
        elements: Items<'a>,
    },
    /// Removes elements from an end of a list that has more than those.
    Pop {
        /// The end that shrinks.
        end: End,
        /// Number of elements to remove.
        count: u64,
    },
    /// Inserts an element next to the first element of the list that equals the pivot.
    Insert {
        /// Index of the new element.
        index: u64,
        /// Whether the new element comes before the pivot rather than after it.
        before: bool,
        /// The pivot, and the new element.
        pivot_and_element: Items<'a>,
    },
    /// Removes elements that equal a given one.
    Remove {
        /// The end where the search starts.
        end: End,
        /// Number of elements to remove: the list has at least as many.
        count: u64,
        /// The value that they equal: one item.
        element: Items<'a>,
    },
    /// Replaces an element of a list.
    Set {
        /// Index of the element.
        index: u64,
        /// The new element.
        value: &'a [u8],
    },
    /// Keeps part of a list.
    Trim {
        /// Index of the first element that is kept.
        index: u64,
        /// Number of elements that are kept.
        count: u64,
    },
}

impl ListChange<'_> {
    /// The names of these changes.
    pub const NAMES: &'static [&'static str] =
        &["lpush", "rpush", "lpop", "rpop", "linsert", "lrem", "lset", "ltrim"];

    /// The change's name, in lower case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Push { end: End::Head, .. } => "lpush",
            Self::Push { end: End::Tail, .. } => "rpush",
            Self::Pop { end: End::Head, .. } => "lpop",
            Self::Pop { end: End::Tail, .. } => "rpop",
            Self::Insert { .. } => "linsert",
            Self::Remove { .. } => "lrem",
            Self::Set { .. } => "lset",
            Self::Trim { .. } => "ltrim",
        }
    }
}

impl<'a> Family<'a> for ListChange<'a> {
    fn op(&self) -> u8 {
        match self {
            Self::Push { end: End::Head, .. } => PUSH_HEAD,
            Self::Push { end: End::Tail, .. } => PUSH_TAIL,
            Self::Pop { end: End::Head, .. } => POP_HEAD,
            Self::Pop { end: End::Tail, .. } => POP_TAIL,
            Self::Insert { before: true, .. } => INSERT_BEFORE,
            Self::Insert { before: false, .. } => INSERT_AFTER,
            Self::Remove { end: End::Head, .. } => REMOVE_HEAD,
            Self::Remove { end: End::Tail, .. } => REMOVE_TAIL,
            Self::Set { .. } => SET,
            Self::Trim { .. } => TRIM,
        }
    }

    fn encode(&self, sink: &mut impl Sink) {
        match *self {
            Self::Push { end: _, elements } => elements.put(sink),
            Self::Pop { end: _, count } => put_varint(count, sink),
            Self::Insert { index: number, before: _, pivot_and_element: items }
            | Self::Remove { end: _, count: number, element: items } => {
                put_varint(number, sink);
                items.put(sink);
            }
            Self::Set { index, value } => {
                put_varint(index, sink);
                put_bytes(value, sink);
            }
            Self::Trim { index, count } => {
                put_varint(index, sink);
                put_varint(count, sink);
            }
        }
    }

    fn decode(op: u8, input: &mut Input<'a>) -> Result<Self, EffectError> {
        Ok(match op {
            PUSH_HEAD | PUSH_TAIL => {
                Self::Push { end: End::new(op == PUSH_HEAD), elements: input.items(ELEMENT)? }
            }
            POP_HEAD | POP_TAIL => Self::Pop { end: End::new(op == POP_HEAD), count: input.varint()? },
            INSERT_BEFORE | INSERT_AFTER => {
                let (index, before) = (input.varint()?, op == INSERT_BEFORE);
                Self::Insert { index, before, pivot_and_element: input.elements(2)? }
            }
            REMOVE_HEAD | REMOVE_TAIL => {
                let (count, end) = (input.varint()?, End::new(op == REMOVE_HEAD));
                Self::Remove { end, count, element: input.elements(1)? }
            }
            SET => Self::Set { index: input.varint()?, value: input.value(0)? },
            TRIM => Self::Trim { index: input.varint()?, count: input.varint()? },
            unknown => return Err(input.unknown(unknown)),
        })
    }

    fn value(&self) -> Option<&'a [u8]> {
        match *self {
            Self::Set { value, .. } => Some(value),
            _ => None,
        }
    }

    fn items(&self) -> Option<Items<'a>> {
        match *self {
            Self::Push { elements: items, .. }
            | Self::Insert { pivot_and_element: items, .. }
            | Self::Remove { element: items, .. } => Some(items),
            Self::Pop { .. } | Self::Set { .. } | Self::Trim { .. } => None,
        }
    }

    fn stored_bytes(&self) -> Option<u64> {
        match self {
            Self::Push { elements, .. } => Some(items_bytes(*elements)),
            Self::Insert { pivot_and_element, .. } => {
                pivot_and_element.iter().nth(1).map(|element| element.len() as u64)
            }
            _ => self.value().map(|value| value.len() as u64),
        }
    }

    fn place(&self) -> Option<u64> {
        match *self {
            Self::Insert { index, .. } | Self::Set { index, .. } | Self::Trim { index, .. } => Some(index),
            _ => None,
        }
    }

    fn count(&self) -> Option<u64> {
        match *self {
            Self::Pop { count, .. } | Self::Remove { count, .. } | Self::Trim { count, .. } => Some(count),
            _ => None,
        }
    }

    fn elements(&self) -> u64 {
        match self {
            Self::Push { elements, .. } => elements.len(),
            _ => 0,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::ListChange::{self, *};
    use super::{End, Items};

    /// One change of each kind, with its bytes in database 1 at the key `k`.
    pub fn golden() -> Vec<(ListChange<'static>, &'static str)> {
        let value = b"value".as_slice();
        let pivot_and_element = Items::checked(2, b"\x01f\x05value");
        let elements = Items::checked(2, b"\x01f\0");
        let element = Items::checked(1, b"\x01f");
        vec![
            (Push { end: End::Head, elements }, "30 01 01 6b 02 01 66 00"),
            (Push { end: End::Tail, elements }, "31 01 01 6b 02 01 66 00"),
            (Pop { end: End::Head, count: 300 }, "32 01 01 6b ac 02"),
            (Pop { end: End::Tail, count: 1 }, "33 01 01 6b 01"),
            (
                Insert { index: 300, before: true, pivot_and_element },
                "34 01 01 6b ac 02 02 01 66 05 76 61 6c 75 65",
            ),
            (
                Insert { index: 300, before: false, pivot_and_element },
                "35 01 01 6b ac 02 02 01 66 05 76 61 6c 75 65",
            ),
            (Remove { end: End::Head, count: 3, element }, "36 01 01 6b 03 01 01 66"),
            (Remove { end: End::Tail, count: 3, element }, "37 01 01 6b 03 01 01 66"),
            (Set { index: 300, value }, "38 01 01 6b ac 02 05 76 61 6c 75 65"),
            (Trim { index: 2, count: 300 }, "39 01 01 6b 02 ac 02"),
        ]
    }
}
