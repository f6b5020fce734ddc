//! Lists: elements in the order in which the caller puts them.
//!
//! ```text
//! packed    item = element
//! in trees  the first tree: label -> element, see `label` and `element`
//! ```
//!
//! The tree is counted, so finding an index takes as many steps as finding a key. `list_change` changes lists.

use smallvec::SmallVec;

use super::cell::{Kind, Text, Value};
use super::collection::Collection;
use super::element::Element;
use super::error::KeyspaceError;
use super::packed::Packed;
use crate::effect::End;
use crate::number::parse_i64;
use crate::table::{Root, View};

/// Bytes of a list that Redis keeps in one listpack (`list-max-listpack-size -2`).
const LISTPACK_BYTES_MAX: u64 = 8192;
/// Bytes of a listpack without elements.
const LISTPACK_BYTES_MIN: u64 = 7;

/// A list, read.
///
/// The view that is passed in must be the one that the key's value was read from.
#[derive(Clone, Copy, Debug)]
pub enum List<'a> {
    /// Items in the key's cell.
    Packed(Packed<'a>),
    /// A tree.
    InTree(Root),
}

impl<'a> Value<'a> {
    /// The list, or `None` if the value is of another type.
    pub fn list(&self) -> Option<List<'a>> {
        self.collection(Kind::List).map(|collection| match collection {
            Collection::Packed(packed) => List::Packed(packed),
            Collection::InTrees { roots, .. } => List::InTree(roots.first().copied().unwrap_or(Root::EMPTY)),
        })
    }
}

impl<'a> List<'a> {
    /// Number of elements.
    pub fn len(&self) -> Result<u64, KeyspaceError> {
        match *self {
            List::Packed(packed) => packed.len(),
            List::InTree(root) => Ok(root.len()),
        }
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        match *self {
            List::Packed(packed) => packed.is_empty(),
            List::InTree(root) => root.is_empty(),
        }
    }

    /// The element at `index`.
    pub fn get(&self, view: &'a View<'_>, index: u64) -> Result<Option<Text<'a>>, KeyspaceError> {
        match *self {
            List::Packed(packed) => {
                let item = packed.items().nth(usize::try_from(index).unwrap_or(usize::MAX)).transpose()?;
                Ok(item.map(|item| Text::Short(item.bytes)))
            }
            List::InTree(root) => match view.nth(root, index)? {
                Some((_, cell)) => Ok(Some(Element::read(&cell)?.text)),
                None => Ok(None),
            },
        }
    }

    /// The element at an end.
    pub fn at_end(&self, view: &'a View<'_>, end: End) -> Result<Option<Text<'a>>, KeyspaceError> {
        match *self {
            List::Packed(_) => {
                self.get(view, if end == End::Head { 0 } else { self.len()?.saturating_sub(1) })
            }
            List::InTree(root) => match view.edge(root, end == End::Head)? {
                Some((_, cell)) => Ok(Some(Element::read(&cell)?.text)),
                None => Ok(None),
            },
        }
    }

    /// Calls `see` with the elements from `index` on and their indexes, until it returns `false`: towards the tail if
    /// `from` is the head, else towards the head.
    pub fn each(
        &self,
        view: &View<'_>,
        from: End,
        index: u64,
        mut see: impl FnMut(u64, Text<'_>) -> Result<bool, KeyspaceError>,
    ) -> Result<(), KeyspaceError> {
        match *self {
            List::Packed(packed) => each_packed(packed, from, index, see),
            List::InTree(root) => {
                let (mut cells, mut index) = (view.cursor(root).cells(index, from == End::Head)?, index);
                while let Some(cell) = cells.next()? {
                    if !see(index, Element::read(&cell)?.text)? {
                        break;
                    }
                    index = if from == End::Head { index + 1 } else { index.wrapping_sub(1) };
                }
                Ok(())
            }
        }
    }

    /// The index of the first element that equals `wanted`.
    pub fn find(&self, view: &View<'_>, wanted: &[u8]) -> Result<Option<u64>, KeyspaceError> {
        let mut found = None;
        self.each(view, End::Head, 0, |index, text| {
            if text.equals(view, wanted)? {
                found = Some(index);
            }
            Ok(found.is_none())
        })?;
        Ok(found)
    }

    /// Number of elements that equal `wanted`, up to `most`, counted from one end.
    pub fn count(
        &self,
        view: &View<'_>,
        (from, most): (End, u64),
        wanted: &[u8],
    ) -> Result<u64, KeyspaceError> {
        let mut count = 0;
        let start = if from == End::Head { 0 } else { self.len()?.saturating_sub(1) };
        self.each(view, from, start, |_, text| {
            count += u64::from(text.equals(view, wanted)?);
            Ok(count < most)
        })?;
        Ok(count)
    }

    /// Whether Redis would keep the list in one listpack.
    pub fn is_listpack(&self, view: &View<'_>) -> Result<bool, KeyspaceError> {
        let mut bytes = LISTPACK_BYTES_MIN;
        self.each(view, End::Head, 0, |_, text| {
            bytes += match text {
                Text::Short(element) => listpack_bytes(element),
                Text::InPieces { len, .. } => len,
            };
            Ok(bytes <= LISTPACK_BYTES_MAX)
        })?;
        Ok(bytes <= LISTPACK_BYTES_MAX)
    }
}

/// [`List::each`] of a packed list.
fn each_packed(
    packed: Packed<'_>,
    from: End,
    index: u64,
    mut see: impl FnMut(u64, Text<'_>) -> Result<bool, KeyspaceError>,
) -> Result<(), KeyspaceError> {
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    if from == End::Head {
        for (index, item) in packed.items().enumerate().skip(index) {
            if !see(index as u64, Text::Short(item?.bytes))? {
                break;
            }
        }
        return Ok(());
    }
    let items: Result<SmallVec<[&[u8]; 64]>, KeyspaceError> =
        packed.items().map(|item| item.map(|item| item.bytes)).collect();
    let items = items?;
    if index >= items.len() {
        return Ok(());
    }
    for (index, item) in items.iter().enumerate().take(index + 1).rev() {
        if !see(index as u64, Text::Short(item))? {
            break;
        }
    }
    Ok(())
}

/// Bytes that an element takes in a listpack: its encoding, and the length after it.
fn listpack_bytes(element: &[u8]) -> u64 {
    let encoded = match parse_i64(element) {
        Some(0..=127) => 1,
        Some(-4096..=4095) => 2,
        Some(-32_768..=32_767) => 3,
        Some(-8_388_608..=8_388_607) => 4,
        Some(-2_147_483_648..=2_147_483_647) => 5,
        Some(_) => 9,
        None => {
            let len = element.len() as u64;
            len + match len {
                0..64 => 1,
                64..4096 => 2,
                _ => 5,
            }
        }
    };
    encoded + if encoded < 128 { 1 } else { 2 }
}

/// First index and number of the elements from `start` to `stop`, both included, in a list of `len` elements. Negative
/// numbers count from the tail.
pub fn list_range(start: i64, stop: i64, len: u64) -> (u64, u64) {
    let place = |number: i64| if number < 0 { i128::from(number) + i128::from(len) } else { number.into() };
    let (first, last) = (place(start).max(0), place(stop).min(i128::from(len) - 1));
    if first > last { (0, 0) } else { (first as u64, (last - first + 1) as u64) }
}
