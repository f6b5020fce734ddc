//! Many byte strings in one effect: its members, fields or values, one after the other.
//!
//! ```text
//! items = count varint | (length varint, bytes) * count
//! ```
//!
//! An [`ItemsBuffer`] collects them, and an effect borrows them as [`Items`]. They are encoded once, in the format of
//! the log.

use smallvec::SmallVec;

use super::sink::{Sink, put_varint};

/// Byte strings in the order in which they were collected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Items<'a> {
    /// Number of items.
    count: u64,
    /// The items, each after its length. They were checked, or written by [`ItemsBuffer`].
    bytes: &'a [u8],
}

impl<'a> Items<'a> {
    /// Items whose encoding was checked completely.
    pub(super) fn checked(count: u64, bytes: &'a [u8]) -> Self {
        Self { count, bytes }
    }

    /// Number of items.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The items, each after its length, in the format of the log.
    pub fn encoded(&self) -> &'a [u8] {
        self.bytes
    }

    /// Writes their number, then the items.
    pub(super) fn put(&self, sink: &mut impl Sink) {
        put_varint(self.count, sink);
        sink.extend_from_slice(self.bytes);
    }

    /// The items, in order.
    pub fn iter(&self) -> ItemsIter<'a> {
        ItemsIter { rest: self.bytes }
    }

    /// The items in pairs, such as fields with their values; an odd one at the end is left out.
    pub fn pairs(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone + use<'a> {
        let mut items = self.iter();
        std::iter::from_fn(move || Some((items.next()?, items.next()?)))
    }
}

impl<'a> IntoIterator for Items<'a> {
    type Item = &'a [u8];
    type IntoIter = ItemsIter<'a>;

    fn into_iter(self) -> ItemsIter<'a> {
        self.iter()
    }
}

/// Iterates over [`Items`].
#[derive(Clone, Debug)]
pub struct ItemsIter<'a> {
    /// The items that are left, encoded.
    rest: &'a [u8],
}

impl<'a> Iterator for ItemsIter<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (mut len, mut shift, mut at) = (0_usize, 0, 0);
        loop {
            let byte = *self.rest.get(at)?;
            len |= usize::from(byte & 0x7F) << shift;
            (shift, at) = (shift + 7, at + 1);
            if byte & 0x80 == 0 {
                break;
            }
        }
        let (item, rest) = self.rest[at..].split_at(len);
        self.rest = rest;
        Some(item)
    }
}

/// Collects items.
#[derive(Clone, Debug, Default)]
pub struct ItemsBuffer {
    /// Number of items.
    count: u64,
    /// The items, each after its length; a few short ones need no allocation.
    bytes: SmallVec<[u8; 128]>,
}

impl ItemsBuffer {
    /// No items yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an item.
    pub fn push(&mut self, item: &[u8]) {
        put_varint(item.len() as u64, &mut self.bytes);
        self.bytes.extend_from_slice(item);
        self.count += 1;
    }

    /// Number of items.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The items, borrowed.
    pub fn items(&self) -> Items<'_> {
        Items { count: self.count, bytes: &self.bytes }
    }
}

impl<'a> FromIterator<&'a [u8]> for ItemsBuffer {
    fn from_iter<T: IntoIterator<Item = &'a [u8]>>(items: T) -> Self {
        let mut buffer = Self::new();
        items.into_iter().for_each(|item| buffer.push(item));
        buffer
    }
}
