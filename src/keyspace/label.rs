//! Labels: the order of the elements of a list in a tree.
//!
//! ```text
//! label = number of 128 bits            key = its upper 64 bits BE | its lower 64 bits BE, left out if they are 0
//! ```
//!
//! A list grows by one step of 2^64 at either end, so that there is room for 2^63 pushes, and keys are eight bytes
//! long. An inserted element gets a label between those of its neighbours. If none is left, the elements around are
//! spread out again: those in the smallest window of labels that is sparse enough. The larger a window, the sparser it
//! must be, so that few elements are moved for each one inserted before.
//!
//! The label of an element follows only from the existing labels, so replay gives the same ones.

use smallvec::SmallVec;

use super::error::KeyspaceError;
use crate::effect::End;
use crate::table::{CellRoots, Root, TableWriter, View};

/// The label of the first element.
pub(super) const FIRST: u128 = 1 << 127;
/// Number of bits of a label below the part that pushes count up or down.
const STEP_BITS: u32 = 64;
/// Distance of elements that are inserted one after the other, as long as there is room.
const STRIDE: u128 = 1 << 32;
/// Windows are up to 2 to this power wide.
const LEVEL_MAX: u32 = 120;

/// The key of a label.
pub(super) fn key(label: u128) -> SmallVec<[u8; 16]> {
    let bytes = label.to_be_bytes();
    let len = if bytes[8..] == [0; 8] { 8 } else { 16 };
    SmallVec::from_slice(&bytes[..len])
}

/// The label of a key.
pub(super) fn of_key(key: &[u8]) -> Result<u128, KeyspaceError> {
    let mut bytes = [0; 16];
    match key.len() {
        8 | 16 => bytes[..key.len()].copy_from_slice(key),
        _ => return Err(KeyspaceError::BadCell("a label of another length than 8 or 16 bytes")),
    }
    Ok(u128::from_be_bytes(bytes))
}

/// The label next to `label`, towards `end`, for an element that is pushed there.
pub(super) fn beside(label: u128, end: End) -> Result<u128, KeyspaceError> {
    let step = label >> STEP_BITS;
    let beside = match end {
        End::Tail => step.checked_add(1),
        End::Head if step << STEP_BITS < label => Some(step),
        End::Head => step.checked_sub(1),
    };
    let full = KeyspaceError::BadCell("a list has no room for labels at its end");
    beside.filter(|step| *step >> STEP_BITS == 0).map(|step| step << STEP_BITS).ok_or(full)
}

/// The label for an element that is pushed to `end` of the list in `root`.
pub(super) fn outside(view: &View<'_>, root: Root, end: End) -> Result<u128, KeyspaceError> {
    match view.edge(root, end == End::Head)? {
        Some((edge, _)) => beside(of_key(&edge)?, end),
        None => Ok(FIRST),
    }
}

/// A label for an element that is inserted at `index` of the list in `root`; makes room for it if there is none.
pub(super) fn inside(table: &mut TableWriter, root: &mut Root, index: u64) -> Result<u128, KeyspaceError> {
    if index == 0 || index >= root.len() {
        let end = if index == 0 { End::Head } else { End::Tail };
        return outside(&table.view(), *root, end);
    }
    let (below, above) = neighbours(&table.view(), *root, index)?;
    if let Some(label) = between(below, above) {
        return Ok(label);
    }
    spread(table, root, below)?;
    let (below, above) = neighbours(&table.view(), *root, index)?;
    between(below, above).ok_or(KeyspaceError::BadCell("labels that were spread leave no room"))
}

/// The labels of the elements at `index - 1` and `index`, which are there.
fn neighbours(view: &View<'_>, root: Root, index: u64) -> Result<(u128, u128), KeyspaceError> {
    let missing = || KeyspaceError::BadCell("a list that is shorter than its count");
    let mut cursor = view.cursor(root);
    let (key, _) = cursor.seek_nth(index - 1)?.ok_or_else(missing)?;
    let below = of_key(key)?;
    let (key, _) = cursor.next()?.ok_or_else(missing)?;
    let above = of_key(key)?;
    if below > above { Err(KeyspaceError::BadCell("labels out of order")) } else { Ok((below, above)) }
}

/// A label between two neighbours. Elements inserted in a row are next to each other: they get equal distances, so that
/// they do not halve the remaining room each time.
fn between(below: u128, above: u128) -> Option<u128> {
    let gap = above - below;
    let inserted = |label: u128| label as u64 != 0;
    match (inserted(below), inserted(above)) {
        _ if gap < 2 => None,
        (true, false) if gap > 2 * STRIDE => Some(below + STRIDE),
        (false, true) if gap > 2 * STRIDE => Some(above - STRIDE),
        _ => Some(below + gap / 2),
    }
}

/// Labels in which elements are spread evenly.
struct Window {
    /// The lowest label.
    start: u128,
    /// The number of labels is 2 to this power.
    level: u32,
    /// Index of the first element with one of these labels.
    first: u64,
    /// Number of elements with one of these labels.
    elements: u64,
}

/// The smallest window around `label` that is sparse enough to be spread.
fn window(view: &View<'_>, root: Root, label: u128) -> Result<Window, KeyspaceError> {
    for level in 2..=LEVEL_MAX {
        let start = label >> level << level;
        let first = view.rank(root, &key(start))?;
        let behind = match start.checked_add(1 << level) {
            Some(end) => view.rank(root, &key(end))?,
            None => root.len(),
        };
        let elements = behind.checked_sub(first).filter(|elements| *elements > 0);
        let elements = elements.ok_or(KeyspaceError::BadCell("labels out of order"))?;
        if u128::from(elements) <= 1 << (level / 2) {
            return Ok(Window { start, level, first, elements });
        }
    }
    Err(KeyspaceError::BadCell("a list has no room for labels"))
}

/// Spreads the elements around `label` evenly over the smallest window that is sparse enough. Afterwards any two
/// neighbours there have room between them.
fn spread(table: &mut TableWriter, root: &mut Root, label: u128) -> Result<(), KeyspaceError> {
    let Window { start, level, first, elements } = window(&table.view(), *root, label)?;
    let mut moved: Vec<(SmallVec<[u8; 16]>, Vec<u8>, CellRoots)> = Vec::new();
    {
        let view = table.view();
        let mut cursor = view.cursor(*root);
        let mut next = cursor.seek_nth(first)?;
        while let Some((key, cell)) = next.filter(|_| (moved.len() as u64) < elements) {
            moved.push((SmallVec::from_slice(key), cell.bytes.to_vec(), cell.roots));
            next = cursor.next()?;
        }
    }
    for (key, ..) in &moved {
        table.remove(root, key)?;
    }
    let distance = (1_u128 << level) / u128::from(elements);
    for (place, (_, bytes, roots)) in moved.iter().enumerate() {
        let label = start + distance * place as u128;
        table.insert(root, &key(label), bytes, roots.as_slice())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{MemoryFile, Table, TableOptions};

    /// A tree with labels.
    struct Labels {
        /// The table that holds it.
        table: TableWriter,
        /// The tree.
        root: Root,
    }

    impl Labels {
        fn new(count: u64) -> Self {
            let options = TableOptions { seed: 1, ..TableOptions::default() };
            let (_, table) = Table::create(Box::new(MemoryFile::new(1 << 26)), &options).unwrap();
            let mut labels = Self { table, root: Root::EMPTY };
            (0..count).for_each(|_| labels.insert_at(labels.root.len(), b"pushed"));
            labels
        }

        fn insert_at(&mut self, index: u64, bytes: &[u8]) {
            let label = inside(&mut self.table, &mut self.root, index).unwrap();
            assert!(
                self.table.insert(&mut self.root, &key(label), bytes, &[]).unwrap(),
                "a label of its own"
            );
        }

        fn bytes_at(&self, index: u64) -> Vec<u8> {
            self.table.view().nth(self.root, index).unwrap().unwrap().1.bytes.to_vec()
        }
    }

    #[test]
    fn keys_have_the_order_of_their_labels() {
        let labels = [0, 1, 1 << 63, 1 << 64, (1 << 64) + 1, 3 << 64, FIRST, u128::MAX];
        for pair in labels.windows(2) {
            assert!(key(pair[0]) < key(pair[1]), "{pair:?}");
        }
        assert!(labels.iter().all(|label| of_key(&key(*label)).unwrap() == *label));
        assert!(of_key(b"1234567").is_err());
    }

    #[test]
    fn pushes_go_one_step_beyond_the_end() {
        assert_eq!(beside(FIRST, End::Tail).unwrap(), FIRST + (1 << 64));
        assert_eq!(beside(FIRST, End::Head).unwrap(), FIRST - (1 << 64));
        assert_eq!(beside(FIRST + 5, End::Tail).unwrap(), FIRST + (1 << 64));
        assert_eq!(beside(FIRST + 5, End::Head).unwrap(), FIRST);
        assert!(beside(u128::MAX, End::Tail).is_err() && beside(1 << 63, End::Head).unwrap() == 0);
    }

    /// Number of elements that are moved when one is inserted at `index`.
    fn moved_by_insertion(view: &View<'_>, root: Root, index: u64) -> Result<u64, KeyspaceError> {
        if index == 0 || index >= root.len() {
            return Ok(0);
        }
        let (below, above) = neighbours(view, root, index)?;
        match between(below, above) {
            Some(_) => Ok(0),
            None => Ok(window(view, root, below)?.elements),
        }
    }

    /// Inserts `count` elements at the positions that `index` returns, and compares with a vector.
    fn insert_many(count: u64, mut index: impl FnMut(u64) -> u64) -> Labels {
        let mut labels = Labels::new(4);
        let mut model: Vec<Vec<u8>> = vec![b"pushed".to_vec(); 4];
        for number in 0..count {
            let (index, bytes) = (index(number), number.to_le_bytes());
            labels.insert_at(index, &bytes);
            model.insert(index as usize, bytes.to_vec());
        }
        assert!((0..model.len()).all(|index| labels.bytes_at(index as u64) == model[index]));
        labels
    }

    #[test]
    fn elements_inserted_in_a_row_move_nobody() {
        for index in [|_: u64| 2, |number: u64| 2 + number] {
            let labels = insert_many(2000, index);
            let view = labels.table.view();
            assert_eq!(moved_by_insertion(&view, labels.root, 2).unwrap(), 0);
            assert_eq!(moved_by_insertion(&view, labels.root, 2002).unwrap(), 0);
        }
    }

    #[test]
    fn elements_inserted_in_between_find_room_without_end() {
        let mut moved = 0;
        let mut labels = Labels::new(4);
        for number in 0..4000_u64 {
            // Each one between the last two: the worst case.
            let index = 2 + number / 2;
            moved += moved_by_insertion(&labels.table.view(), labels.root, index).unwrap();
            labels.insert_at(index, &number.to_le_bytes());
        }
        assert!(moved > 0, "the room was never used up");
        assert!(moved < 4000 * 40, "{moved} elements were moved for 4000");
        insert_many(3000, |number| 2 + number / 2);
    }
}
