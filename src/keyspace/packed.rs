//! Small collections as one run of bytes in their key's cell: pure functions over bytes.
//!
//! ```text
//! packed = item *            item = length varint (one or two bytes) | bytes
//! ```
//!
//! The collection gives the items their meaning. In a *map* they are keys in ascending order, each followed by its cell
//! if the [`Width`] says so. A list uses them in list order.

use std::ops::Range;

use smallvec::SmallVec;

use super::error::KeyspaceError;

/// The longest item, in bytes: the limit of a varint of two bytes.
const ITEM_BYTES_MAX: usize = (1 << 14) - 1;

/// The number of items in one entry of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// The key alone: members of a set.
    Key,
    /// The key and its cell: fields of a hash, members of a sorted set with their scores.
    KeyAndCell,
}

/// Packed items that are being changed.
pub type PackedBytes = Vec<u8>;

/// Consecutive items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed<'a>(pub &'a [u8]);

/// An item and its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// The bytes that it takes, including its length.
    pub range: Range<usize>,
    /// The item.
    pub bytes: &'a [u8],
}

/// An entry of a map and its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The bytes that it takes.
    pub range: Range<usize>,
    /// Its key.
    pub key: &'a [u8],
    /// The key's cell.
    pub cell: &'a [u8],
}

impl<'a> Packed<'a> {
    /// The items, in order.
    pub fn items(self) -> Items<'a> {
        Items { bytes: self.0, at: 0 }
    }

    /// The entries of a map, in order.
    pub fn entries(self, width: Width) -> Entries<'a> {
        Entries { items: self.items(), width }
    }

    /// Number of items.
    pub fn len(self) -> Result<u64, KeyspaceError> {
        self.items().try_fold(0, |count, item| item.map(|_| count + 1))
    }

    /// Whether there is no item.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The entry of `key` in a map, or else the offset where it would be.
    pub fn find(self, width: Width, key: &[u8]) -> Result<Result<Entry<'a>, usize>, KeyspaceError> {
        for entry in self.entries(width) {
            let entry = entry?;
            match entry.key.cmp(key) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => return Ok(Ok(entry)),
                std::cmp::Ordering::Greater => return Ok(Err(entry.range.start)),
            }
        }
        Ok(Err(self.0.len()))
    }
}

/// Iterates over the items of a [`Packed`]; yields an error for bytes that are not valid items.
#[derive(Clone, Debug)]
pub struct Items<'a> {
    /// All items.
    bytes: &'a [u8],
    /// Offset of the next one.
    at: usize,
}

impl<'a> Items<'a> {
    /// The next item, or `None` if it is longer than the remaining bytes.
    fn read(&mut self) -> Option<Item<'a>> {
        let start = self.at;
        let rest = &self.bytes[start..];
        let (len, header) = match *rest {
            [low, high, ..] if low & 0x80 != 0 => (usize::from(low & 0x7F) | usize::from(high) << 7, 2),
            [low, ..] if low & 0x80 == 0 => (usize::from(low), 1),
            _ => return None,
        };
        let bytes = rest.get(header..header + len)?;
        self.at = start + header + len;
        Some(Item { range: start..self.at, bytes })
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Result<Item<'a>, KeyspaceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at == self.bytes.len() {
            return None;
        }
        let item = self.read().ok_or(KeyspaceError::BadCell("a packed item that is cut off"));
        if item.is_err() {
            self.at = self.bytes.len();
        }
        Some(item)
    }
}

/// Iterates over the entries of a map.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    /// The items that they consist of.
    items: Items<'a>,
    /// The number of items in an entry.
    width: Width,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, KeyspaceError>;

    fn next(&mut self) -> Option<Self::Item> {
        let key = match self.items.next()? {
            Ok(key) => key,
            Err(error) => return Some(Err(error)),
        };
        if self.width == Width::Key {
            return Some(Ok(Entry { range: key.range, key: key.bytes, cell: &[] }));
        }
        Some(match self.items.next() {
            Some(Ok(cell)) => {
                Ok(Entry { range: key.range.start..cell.range.end, key: key.bytes, cell: cell.bytes })
            }
            Some(Err(error)) => Err(error),
            None => Err(KeyspaceError::BadCell("a packed key without its value")),
        })
    }
}

/// Bytes that items take when they are packed.
pub fn packed_bytes(items: &[&[u8]]) -> usize {
    items.iter().map(|item| item.len() + if item.len() < 0x80 { 1 } else { 2 }).sum()
}

/// Replaces the items in the bytes `range` by others. To insert, pass an empty range; to remove, pass no items. Panics
/// if an item is longer than any that fits a cell.
pub fn splice(packed: &mut PackedBytes, range: Range<usize>, items: &[&[u8]]) {
    let tail: SmallVec<[u8; 256]> = SmallVec::from_slice(&packed[range.end..]);
    packed.truncate(range.start);
    for item in items {
        assert!(item.len() <= ITEM_BYTES_MAX);
        if item.len() < 0x80 {
            packed.push(item.len() as u8);
        } else {
            packed.extend_from_slice(&[item.len() as u8 | 0x80, (item.len() >> 7) as u8]);
        }
        packed.extend_from_slice(item);
    }
    packed.extend_from_slice(&tail);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Items, by value.
    fn all(packed: &[u8]) -> Vec<Vec<u8>> {
        Packed(packed).items().map(|item| item.unwrap().bytes.to_vec()).collect()
    }

    #[test]
    fn items_have_their_bytes() {
        let mut packed = PackedBytes::new();
        splice(&mut packed, 0..0, &[b"ab", b"", &[b'x'; 200]]);
        assert_eq!(&packed[..6], b"\x02ab\x00\xc8\x01");
        assert_eq!(packed.len(), packed_bytes(&[b"ab", b"", &[b'x'; 200]]));
        splice(&mut packed, 3..206, &[b"c"]);
        assert_eq!(packed.as_slice(), b"\x02ab\x01c");
        assert_eq!(Packed(&packed).len().unwrap(), 2);
    }

    #[test]
    fn bytes_that_nobody_wrote_are_refused() {
        for bytes in [b"\x01".as_slice(), b"\x80", b"\xff", b"\x01a\x05bcd", b"\x81\x01a"] {
            assert!(Packed(bytes).items().any(|item| item.is_err()), "{bytes:?}");
            assert!(Packed(bytes).len().is_err());
        }
        assert!(Packed(b"\x01a").entries(Width::KeyAndCell).any(|entry| entry.is_err()));
    }

    /// Keys that repeat; some need two bytes for their length.
    fn key() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            proptest::collection::vec(b'a'..b'd', 0..3),
            proptest::collection::vec(b'a'..b'c', 126..131),
        ]
    }

    proptest! {
        #[test]
        fn a_sequence_does_what_a_vector_does(
            changes in proptest::collection::vec((any::<u16>(), 0_usize..3, key()), 1..60),
        ) {
            let (mut packed, mut model) = (PackedBytes::new(), Vec::<Vec<u8>>::new());
            for (place, how, item) in changes {
                let index = usize::from(place) % (model.len() + 1);
                let range = match Packed(&packed).items().nth(index) {
                    Some(found) => found.unwrap().range,
                    None => packed.len()..packed.len(),
                };
                match how {
                    0 => {
                        splice(&mut packed, range.start..range.start, &[&item]);
                        model.insert(index, item);
                    }
                    1 => {
                        splice(&mut packed, range, &[]);
                        model.splice(index..(index + 1).min(model.len()), []);
                    }
                    _ => {
                        splice(&mut packed, range, &[&item]);
                        model.splice(index..(index + 1).min(model.len()), [item]);
                    }
                }
                prop_assert_eq!(&all(&packed), &model);
            }
        }

        #[test]
        fn a_map_does_what_a_map_does(
            changes in proptest::collection::vec((key(), proptest::option::of(key())), 1..60),
        ) {
            let (mut packed, mut model) = (PackedBytes::new(), BTreeMap::<Vec<u8>, Vec<u8>>::new());
            for (key, cell) in changes {
                let found = Packed(&packed).find(Width::KeyAndCell, &key).unwrap();
                prop_assert_eq!(found.as_ref().ok().map(|entry| entry.cell), model.get(&key).map(Vec::as_slice));
                let range = found.map_or_else(|at| at..at, |entry| entry.range);
                match cell {
                    Some(cell) => {
                        splice(&mut packed, range, &[&key, &cell]);
                        model.insert(key, cell);
                    }
                    None => {
                        splice(&mut packed, range, &[]);
                        model.remove(&key);
                    }
                }
                let entries: Vec<_> = Packed(&packed).entries(Width::KeyAndCell).map(Result::unwrap).collect();
                prop_assert!(entries.iter().map(|entry| (entry.key, entry.cell))
                    .eq(model.iter().map(|(key, cell)| (key.as_slice(), cell.as_slice()))));
            }
        }

        #[test]
        fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let whole = Packed(&bytes).items().all(|item| item.is_ok());
            prop_assert_eq!(Packed(&bytes).len().is_ok(), whole);
            let _ = Packed(&bytes).find(Width::KeyAndCell, b"a");
            let _ = Packed(&bytes).find(Width::Key, b"a");
        }
    }
}
