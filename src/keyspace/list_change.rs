//! Changing lists: at both ends, at an index, and by value.
//!
//! A list in a tree is shortened at its ends. When only few of many elements are left, they move to a new tree and the
//! old one is dropped as a whole.

use std::ops::Range;

use super::cell::{INLINE_BYTES_MAX, Kind};
use super::collection::PACKED_BYTES_MAX;
use super::draft::{Draft, Form, Header};
use super::element::{self, Element};
use super::error::KeyspaceError;
use super::label;
use super::packed::{Packed, PackedBytes, packed_bytes, splice};
use crate::effect::{End, Items, ListChange};
use crate::table::{CellRoots, Filler, Remover, Root, TableWriter};

/// Maximum number of elements of a list that is packed again.
const REPACKED_ELEMENTS_MAX: u64 = 16;
/// Maximum number of bytes of a list that is packed again.
const REPACKED_BYTES_MAX: usize = 512;
/// Maximum number of elements that move to a new tree when the others are removed.
const REBUILT_MAX: u64 = 1024;

/// Makes the change.
pub(super) fn apply(
    table: &mut TableWriter,
    place: (usize, &[u8]),
    change: &ListChange<'_>,
) -> Result<(), KeyspaceError> {
    match *change {
        ListChange::Push { end, elements } => push(table, place, end, elements),
        ListChange::Pop { end, count } => pop(table, place, end, count),
        ListChange::Insert { index, pivot_and_element, .. } => {
            insert(table, place, index, pivot_and_element.iter().nth(1).unwrap_or_default())
        }
        ListChange::Remove { end, count, element } => {
            remove(table, place, (end, count), element.iter().next().unwrap_or_default())
        }
        ListChange::Set { index, value } => set(table, place, index, value),
        ListChange::Trim { index, count } => trim(table, place, index, count),
    }
}

/// Adds elements to an end of a list. Creates the list if it is missing.
fn push(
    table: &mut TableWriter,
    place: (usize, &[u8]),
    end: End,
    elements: Items<'_>,
) -> Result<(), KeyspaceError> {
    let mut draft = Draft::open_or_new(table, place, Kind::List, "push")?;
    let mut elements = elements.iter();
    let mut next = elements.next();
    while let Form::Packed(items) = &mut draft.form
        && let Some(element) = next
    {
        let at = if end == End::Head { 0 } else { items.len() };
        if !pack(items, at..at, element) {
            break;
        }
        next = elements.next();
    }
    if let Some(first) = next {
        let root = unpack(table, &mut draft.form)?;
        let label = label::outside(&table.view(), *root, end)?;
        *root = push_into(table, *root, (end, label), [first].into_iter().chain(elements))?;
    }
    draft.store(table, place, None)
}

/// Adds elements to an end of a list in a tree, the first of them under `label`.
fn push_into<'e>(
    table: &mut TableWriter,
    root: Root,
    (end, mut label): (End, u128),
    elements: impl Iterator<Item = &'e [u8]>,
) -> Result<Root, KeyspaceError> {
    let mut filler = Filler::new(root);
    for (number, element) in elements.enumerate() {
        if number > 0 {
            label = label::beside(label, end)?;
        }
        let (bytes, pieces) = element::new(table, None, element)?;
        filler.replace(table, &label::key(label), bytes.pieces(), pieces.as_slice(), |_| ())?;
    }
    Ok(filler.finish(table))
}

/// Removes elements from an end of a list.
fn pop(table: &mut TableWriter, place: (usize, &[u8]), end: End, count: u64) -> Result<(), KeyspaceError> {
    let effect = if end == End::Head { "lpop" } else { "rpop" };
    let draft = Draft::open(table, place, Kind::List, effect)?;
    let len = len(&draft.form)?;
    let kept = len.checked_sub(count).ok_or(too_short(effect))?;
    cut(table, place, draft, if end == End::Head { count } else { 0 }, kept)
}

/// Keeps the `count` elements of a list from `index` on.
fn trim(table: &mut TableWriter, place: (usize, &[u8]), index: u64, count: u64) -> Result<(), KeyspaceError> {
    let draft = Draft::open(table, place, Kind::List, "ltrim")?;
    if index.checked_add(count).is_none_or(|end| end > len(&draft.form).unwrap_or(0)) {
        return Err(too_short("ltrim"));
    }
    cut(table, place, draft, index, count)
}

/// Replaces the element at `index`.
fn set(
    table: &mut TableWriter,
    place: (usize, &[u8]),
    index: u64,
    value: &[u8],
) -> Result<(), KeyspaceError> {
    let mut draft = Draft::open(table, place, Kind::List, "lset")?;
    if index >= len(&draft.form)? {
        return Err(too_short("lset"));
    }
    if let Form::Packed(items) = &mut draft.form {
        let range = byte_range(items, index, 1)?;
        if pack(items, range, value) {
            return draft.store(table, place, None);
        }
    }
    let root = unpack(table, &mut draft.form)?;
    let (label, old) = {
        let view = table.view();
        let (key, cell) = view.nth(*root, index)?.ok_or(too_short("lset"))?;
        (label::of_key(&key)?, cell.roots)
    };
    put(table, root, label, value)?;
    drop_trees(table, &old)?;
    draft.store(table, place, None)
}

/// Inserts an element at `index`, before the one that is there.
fn insert(
    table: &mut TableWriter,
    place: (usize, &[u8]),
    index: u64,
    element: &[u8],
) -> Result<(), KeyspaceError> {
    let mut draft = Draft::open(table, place, Kind::List, "linsert")?;
    if index > len(&draft.form)? {
        return Err(too_short("linsert"));
    }
    if let Form::Packed(items) = &mut draft.form {
        let at = byte_range(items, index, 0)?.start;
        if pack(items, at..at, element) {
            return draft.store(table, place, None);
        }
    }
    let root = unpack(table, &mut draft.form)?;
    let label = label::inside(table, root, index)?;
    put(table, root, label, element)?;
    draft.store(table, place, None)
}

/// Removes the first `count` elements, counted from an end, that equal `element`.
fn remove(
    table: &mut TableWriter,
    place: (usize, &[u8]),
    (end, count): (End, u64),
    element: &[u8],
) -> Result<(), KeyspaceError> {
    let mut draft = Draft::open(table, place, Kind::List, "lrem")?;
    match &mut draft.form {
        Form::Packed(items) => {
            let mut ranges = Vec::new();
            for item in Packed(items).items() {
                let item = item?;
                if item.bytes == element {
                    ranges.push(item.range);
                }
            }
            let spared = ranges.len().checked_sub(count as usize).ok_or(too_short("lrem"))?;
            let wanted = if end == End::Head { 0..count as usize } else { spared..ranges.len() };
            ranges[wanted].iter().rev().for_each(|range| splice(items, range.clone(), &[]));
        }
        Form::InTrees { roots, .. } => {
            let keys = matching(table, roots[0], (end, count), element)?;
            if (keys.len() as u64) < count {
                return Err(too_short("lrem"));
            }
            remove_keys(table, &mut roots[0], &keys)?;
        }
    }
    repack(table, &mut draft.form)?;
    draft.store(table, place, None)
}

/// The keys of the first `count` elements, counted from an end, that equal `element`.
fn matching(
    table: &TableWriter,
    root: Root,
    (end, count): (End, u64),
    element: &[u8],
) -> Result<Vec<Box<[u8]>>, KeyspaceError> {
    let view = table.view();
    let mut cursor = view.cursor(root);
    let mut keys = Vec::new();
    while (keys.len() as u64) < count {
        let next = if end == End::Head { cursor.next()? } else { cursor.prev()? };
        let Some((key, cell)) = next else { break };
        if Element::read(&cell)?.text.equals(&view, element)? {
            keys.push(key.into());
        }
    }
    Ok(keys)
}

/// Keeps the `count` elements from `index` on, which must exist, and stores the list.
fn cut(
    table: &mut TableWriter,
    place: (usize, &[u8]),
    mut draft: Draft,
    index: u64,
    count: u64,
) -> Result<(), KeyspaceError> {
    match &mut draft.form {
        Form::Packed(items) => {
            let kept = byte_range(items, index, count)?;
            *items = items[kept].to_vec();
        }
        Form::InTrees { roots, .. } => {
            let root = &mut roots[0];
            if count <= REBUILT_MAX && count < root.len() - count {
                *root = rebuild(table, *root, index, count)?;
            } else {
                let behind = root.len() - (index + count);
                table.remove_edges(root, false, behind)?;
                table.remove_edges(root, true, index)?;
            }
        }
    }
    repack(table, &mut draft.form)?;
    draft.store(table, place, None)
}

/// A new tree with the `count` elements from `index` on; the old tree is freed.
fn rebuild(table: &mut TableWriter, mut old: Root, index: u64, count: u64) -> Result<Root, KeyspaceError> {
    let mut new = Filler::new(Root::EMPTY);
    for (key, bytes, roots) in elements(table, old, index, count)? {
        if !roots.is_empty() {
            // Its trees move with it, so they must not be freed with the old tree.
            table.remove(&mut old, &key)?;
        }
        new.replace(table, &key, [&bytes, &[]], roots.as_slice(), |_| ())?;
    }
    table.drop_tree(old)?;
    Ok(new.finish(table))
}

/// Key, bytes and trees of an element.
type Owned = (Box<[u8]>, Box<[u8]>, CellRoots);

/// Up to `count` elements from `index` on.
fn elements(table: &TableWriter, root: Root, index: u64, count: u64) -> Result<Vec<Owned>, KeyspaceError> {
    let view = table.view();
    let mut cursor = view.cursor(root);
    let mut found: Vec<Owned> = Vec::new();
    let mut next = if count == 0 { None } else { cursor.seek_nth(index)? };
    while let Some((key, cell)) = next {
        found.push((key.into(), cell.bytes.into(), cell.roots));
        next = if (found.len() as u64) < count { cursor.next()? } else { None };
    }
    Ok(found)
}

/// Removes elements with their trees.
fn remove_keys(table: &mut TableWriter, root: &mut Root, keys: &[Box<[u8]>]) -> Result<(), KeyspaceError> {
    let mut remover = Remover::new(*root);
    let mut trees = Vec::new();
    for key in keys {
        if let Some(roots) = remover.extract(table, key, |_| ())? {
            trees.extend_from_slice(&roots);
        }
    }
    *root = remover.finish(table);
    trees.into_iter().try_for_each(|tree| table.drop_tree(tree).map_err(KeyspaceError::from))
}

/// Puts an element under a label.
fn put(table: &mut TableWriter, root: &mut Root, label: u128, element: &[u8]) -> Result<(), KeyspaceError> {
    let (bytes, pieces) = element::new(table, None, element)?;
    table.replace(root, &label::key(label), bytes.pieces(), pieces.as_slice(), |_| ())?;
    Ok(())
}

/// Replaces the items in the bytes `range` by an element; returns whether it fits.
fn pack(items: &mut PackedBytes, range: Range<usize>, element: &[u8]) -> bool {
    let len = items.len() - range.len() + packed_bytes(&[element]);
    let fits = element.len() <= INLINE_BYTES_MAX && len <= PACKED_BYTES_MAX;
    if fits {
        splice(items, range, &[element]);
    }
    fits
}

/// The byte range of the `count` items from `index` on, or of as many as there are.
fn byte_range(items: &[u8], index: u64, count: u64) -> Result<Range<usize>, KeyspaceError> {
    let (mut start, mut end) = (items.len(), items.len());
    for (at, item) in Packed(items).items().enumerate() {
        let (at, item) = (at as u64, item?);
        if at == index {
            start = item.range.start;
        }
        if at == index + count {
            end = item.range.start;
            break;
        }
    }
    Ok(start..end)
}

/// Number of elements.
fn len(form: &Form) -> Result<u64, KeyspaceError> {
    match form {
        Form::Packed(items) => Packed(items).len(),
        Form::InTrees { roots, .. } => Ok(roots[0].len()),
    }
}

/// Moves the list into a tree, if it is packed. Returns the tree.
fn unpack<'f>(table: &mut TableWriter, form: &'f mut Form) -> Result<&'f mut Root, KeyspaceError> {
    if let Form::Packed(items) = form {
        let (mut root, mut label) = (Root::EMPTY, label::FIRST);
        for item in Packed(items).items() {
            put(table, &mut root, label, item?.bytes)?;
            label = label::beside(label, End::Tail)?;
        }
        let roots = smallvec::SmallVec::from_slice(&[root]);
        *form = Form::InTrees { header: Header::new(), roots };
    }
    match form {
        Form::InTrees { roots, .. } => Ok(&mut roots[0]),
        Form::Packed(_) => unreachable!("it was unpacked above"),
    }
}

/// Packs a list that became small, and frees its tree.
fn repack(table: &mut TableWriter, form: &mut Form) -> Result<(), KeyspaceError> {
    let Form::InTrees { roots, .. } = form else { return Ok(()) };
    let root = roots[0];
    if root.len() > REPACKED_ELEMENTS_MAX {
        return Ok(());
    }
    let mut items = PackedBytes::new();
    for (_, bytes, roots) in elements(table, root, 0, root.len())? {
        // An element's bytes come after its tag.
        let element = bytes.get(1..).ok_or(KeyspaceError::BadCell("an element without a tag"))?;
        if !roots.is_empty() || items.len() + packed_bytes(&[element]) > REPACKED_BYTES_MAX {
            return Ok(());
        }
        let end = items.len();
        splice(&mut items, end..end, &[element]);
    }
    table.drop_tree(root)?;
    *form = Form::Packed(items);
    Ok(())
}

/// Frees the trees that an element had.
fn drop_trees(table: &mut TableWriter, roots: &CellRoots) -> Result<(), KeyspaceError> {
    roots.iter().try_for_each(|root| table.drop_tree(*root).map_err(KeyspaceError::from))
}

/// The error for a list that is shorter than the effect needs.
fn too_short(effect: &'static str) -> KeyspaceError {
    KeyspaceError::Mismatch { effect, reason: "its list does not have so many elements" }
}
