//! Sorted sets: a map of members, each with its score, and the order of the scores.
//!
//! ```text
//! first tree    key = member            cell = score, see `effect::Score`
//! second tree   key = score | member    cell = empty
//! ```
//!
//! Packed, a sorted set is only the map; it has so few members that each read sorts them. Elements are ordered by
//! score, and members of equal score by their bytes. The second tree finds positions and ranges in logarithmic time.

use std::ops::Range;

use smallvec::SmallVec;

use super::cell::{Kind, Value};
use super::collection::{Collection, Map};
use super::draft::{Draft, Form};
use super::error::KeyspaceError;
use super::packed::Width;
use super::scored::{order_key, score_of, split};
use super::zset_copy;
use crate::effect::{Items, MEMBER_BYTES_MAX, Score, SortedSetChange};
use crate::table::{Filler, Remover, Root, TableWriter, View};

/// Number of trees that each member is in.
pub(super) const TREES: u64 = 2;
/// Up to this many elements are added one by one.
const FEW_ELEMENTS: u64 = 16;

/// A sorted set, read.
#[derive(Clone, Copy, Debug)]
pub struct SortedSet<'a> {
    /// Its members with their scores.
    members: Map<'a>,
    /// Its members, prefixed with their scores; empty if the set is packed.
    order: Root,
}

/// A position between two elements of a sorted set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Edge<'a> {
    /// Before all elements.
    First,
    /// After all elements.
    Last,
    /// Before all elements with this score and above.
    Score(Score),
    /// After all elements with this score and below.
    BehindScore(Score),
    /// Before this member and those after it, if all scores are equal.
    Member(&'a [u8]),
    /// After this member and those before it, if all scores are equal.
    BehindMember(&'a [u8]),
}

impl<'a> Value<'a> {
    /// The sorted set, or `None` if the value is of another type.
    pub fn sorted_set(&self) -> Option<SortedSet<'a>> {
        let members = self.map(Kind::SortedSet)?;
        let order = match self.collection(Kind::SortedSet) {
            Some(Collection::InTrees { roots, .. }) => roots.get(1).copied().unwrap_or(Root::EMPTY),
            _ => Root::EMPTY,
        };
        Some(SortedSet { members, order })
    }
}

impl<'a> SortedSet<'a> {
    /// Number of elements.
    pub fn len(&self) -> Result<u64, KeyspaceError> {
        self.members.len()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Whether the set is packed in its key's cell.
    pub fn is_packed(&self) -> bool {
        self.members.is_packed()
    }

    /// The score of `member`, or `None` if it is not in the set.
    pub fn score(&self, view: &View<'_>, member: &[u8]) -> Result<Option<Score>, KeyspaceError> {
        self.members.get(view, member)?.map(|cell| score_of(&cell)).transpose()
    }

    /// Number of elements before `member`, and its score; `None` if it is not in the set.
    pub fn rank(&self, view: &View<'_>, member: &[u8]) -> Result<Option<(u64, Score)>, KeyspaceError> {
        let Some(score) = self.score(view, member)? else {
            return Ok(None);
        };
        let rank = match self.sorted()? {
            None => view.rank(self.order, &order_key(score, member))?,
            Some(sorted) => sorted.partition_point(|element| *element < (score, member)) as u64,
        };
        Ok(Some((rank, score)))
    }

    /// Number of elements before `edge`.
    pub fn position(&self, view: &View<'_>, edge: Edge<'_>) -> Result<u64, KeyspaceError> {
        match edge {
            Edge::First => return Ok(0),
            Edge::Last => return self.len(),
            _ => {}
        }
        if let Some(sorted) = self.sorted()? {
            return Ok(packed_position(&sorted, edge) as u64);
        }
        let key = match edge {
            Edge::First | Edge::Last => SmallVec::new(),
            Edge::Score(score) => SmallVec::from_slice(&score.to_bytes()),
            // The bytes of a score are never all ones.
            Edge::BehindScore(score) => SmallVec::from_slice(&(score.order() + 1).to_be_bytes()),
            Edge::Member(member) => self.lexical_key(view, member)?,
            Edge::BehindMember(member) => {
                let mut key = self.lexical_key(view, member)?;
                key.push(0);
                key
            }
        };
        Ok(view.rank(self.order, &key)?)
    }

    /// The second tree's key of `member` with the lowest score. A key longer than members can be is cut: its position
    /// among them stays the same.
    fn lexical_key(&self, view: &View<'_>, member: &[u8]) -> Result<SmallVec<[u8; 64]>, KeyspaceError> {
        let mut cursor = view.cursor(self.order);
        let lowest = match cursor.next()? {
            Some((key, _)) => split(key)?.0,
            None => Score::ZERO,
        };
        Ok(order_key(lowest, &member[..member.len().min(MEMBER_BYTES_MAX + 1)]))
    }

    /// Calls `see` with the elements at these positions, which must exist, from either end, until it returns `false`.
    pub fn each_in(
        &self,
        view: &View<'_>,
        positions: Range<u64>,
        reverse: bool,
        mut see: impl FnMut(&[u8], Score) -> Result<bool, KeyspaceError>,
    ) -> Result<(), KeyspaceError> {
        if positions.is_empty() {
            return Ok(());
        }
        if let Some(sorted) = self.sorted()? {
            let elements = &sorted[positions.start as usize..positions.end as usize];
            let mut both = (elements.iter(), elements.iter().rev());
            let elements: &mut dyn Iterator<Item = &(Score, &[u8])> =
                if reverse { &mut both.1 } else { &mut both.0 };
            for (score, member) in elements {
                if !see(member, *score)? {
                    break;
                }
            }
            return Ok(());
        }
        let mut cursor = view.cursor(self.order);
        let mut next = cursor.seek_nth(if reverse { positions.end - 1 } else { positions.start })?;
        let mut left = positions.end - positions.start;
        while let Some((key, _)) = next {
            let (score, member) = split(key)?;
            left -= 1;
            if !see(member, score)? || left == 0 {
                break;
            }
            next = if reverse { cursor.prev()? } else { cursor.next()? };
        }
        Ok(())
    }

    /// Calls `see` with the members from `start` on, in byte order, until it returns `false`.
    pub fn each_member_from(
        &self,
        view: &View<'_>,
        start: &[u8],
        mut see: impl FnMut(&[u8], Score) -> Result<bool, KeyspaceError>,
    ) -> Result<(), KeyspaceError> {
        self.members.each_from(view, start, |member, cell| see(member, score_of(&cell)?))
    }

    /// The member at `place` in byte order.
    pub fn nth_member(&self, view: &View<'_>, place: u64) -> Result<Option<(Vec<u8>, Score)>, KeyspaceError> {
        let nth = self.members.nth(view, place)?;
        nth.map(|(member, cell)| Ok((member, score_of(&cell)?))).transpose()
    }

    /// The elements in order, if the set is packed.
    fn sorted(&self) -> Result<Option<Sorted<'a>>, KeyspaceError> {
        let Map::Packed(packed, _) = self.members else {
            return Ok(None);
        };
        let mut sorted = Vec::new();
        for entry in packed.entries(Width::KeyAndCell) {
            let entry = entry?;
            let score = Score::from_bytes(entry.cell);
            sorted.push((score.ok_or(KeyspaceError::BadCell("a member without a score"))?, entry.key));
        }
        sorted.sort_unstable();
        Ok(Some(sorted))
    }
}

/// All elements in order.
type Sorted<'a> = Vec<(Score, &'a [u8])>;

/// Number of elements before `edge`, out of all elements in order.
fn packed_position(sorted: &[(Score, &[u8])], edge: Edge<'_>) -> usize {
    let before = |(score, member): &(Score, &[u8])| match edge {
        Edge::First => false,
        Edge::Last => true,
        Edge::Score(edge) => *score < edge,
        Edge::BehindScore(edge) => *score <= edge,
        Edge::Member(edge) => *member < edge,
        Edge::BehindMember(edge) => *member <= edge,
    };
    sorted.iter().position(|element| !before(element)).unwrap_or(sorted.len())
}

/// A sorted set that was taken out of its cell to be changed.
struct SortedSetDraft {
    /// Its members.
    draft: Draft,
}

impl SortedSetDraft {
    /// Gives a member a score.
    fn put(&mut self, table: &mut TableWriter, member: &[u8], score: Score) -> Result<(), KeyspaceError> {
        let (was_packed, mut old) = (self.draft.is_packed(), None);
        let bytes = score.to_bytes();
        self.draft.put(table, member, ([&bytes, &[]], &[]), |cell| old = Some(score_of(&cell)))?;
        if was_packed && !self.draft.is_packed() {
            return self.order_all(table);
        }
        match old.transpose()? {
            Some(old) if old == score => Ok(()),
            old => self.reorder(table, member, old, score),
        }
    }

    /// Gives members scores, if the set is in trees. The members must be in ascending order.
    fn put_ascending<'m>(
        &mut self,
        table: &mut TableWriter,
        elements: impl Iterator<Item = (&'m [u8], Score)>,
    ) -> Result<(), KeyspaceError> {
        let Form::InTrees { roots, .. } = &mut self.draft.form else { return Ok(()) };
        let (mut gone, mut new) = (Vec::new(), Vec::new());
        let mut filler = Filler::new(roots[0]);
        for (member, score) in elements {
            let mut old = None;
            let bytes = score.to_bytes();
            filler.replace(table, member, [&bytes, &[]], &[], |cell| old = Some(score_of(&cell)))?;
            match old.transpose()? {
                Some(old) if old == score => continue,
                old => gone.extend(old.map(|old| (old, member))),
            }
            new.push((score, member));
        }
        roots[0] = filler.finish(table);
        self.take_from_order(table, gone)?;
        let order = self.order()?;
        new.sort_unstable();
        let mut filler = Filler::new(*order);
        for (score, member) in new {
            filler.replace(table, &order_key(score, member), [&[], &[]], &[], |_| ())?;
        }
        *order = filler.finish(table);
        Ok(())
    }

    /// Removes members.
    fn remove_all(&mut self, table: &mut TableWriter, members: Items<'_>) -> Result<(), KeyspaceError> {
        let mut gone = Vec::new();
        self.draft.remove_all(table, members, |member, cell| {
            gone.push((score_of(&cell)?, member));
            Ok(())
        })?;
        if self.draft.is_packed() { Ok(()) } else { self.take_from_order(table, gone) }
    }

    /// Removes elements from the second tree.
    fn take_from_order(
        &mut self,
        table: &mut TableWriter,
        mut gone: Vec<(Score, &[u8])>,
    ) -> Result<(), KeyspaceError> {
        let order = self.order()?;
        gone.sort_unstable();
        let mut remover = Remover::new(*order);
        for (score, member) in gone {
            remover.extract(table, &order_key(score, member), |_| ())?;
        }
        *order = remover.finish(table);
        Ok(())
    }

    /// The second tree of a set in trees.
    fn order(&mut self) -> Result<&mut Root, KeyspaceError> {
        let order = match &mut self.draft.form {
            Form::InTrees { roots, .. } => roots.get_mut(1),
            Form::Packed(_) => None,
        };
        order.ok_or(KeyspaceError::BadCell("a sorted set without its order"))
    }

    /// Moves a member in the second tree, if there is one.
    fn reorder(
        &mut self,
        table: &mut TableWriter,
        member: &[u8],
        old: Option<Score>,
        new: Score,
    ) -> Result<(), KeyspaceError> {
        if self.draft.is_packed() {
            return Ok(());
        }
        let order = self.order()?;
        if let Some(old) = old {
            table.remove(order, &order_key(old, member))?;
        }
        table.insert(order, &order_key(new, member), &[], &[])?;
        Ok(())
    }

    /// Builds the second tree after the set was unpacked.
    fn order_all(&mut self, table: &mut TableWriter) -> Result<(), KeyspaceError> {
        let mut all = Vec::new();
        self.draft.map().each_from(&table.view(), &[], |member, cell| {
            all.push(order_key(score_of(&cell)?, member));
            Ok(true)
        })?;
        all.sort_unstable();
        let mut order = Root::EMPTY;
        for key in &all {
            table.insert(&mut order, key, &[], &[])?;
        }
        if let Form::InTrees { roots, .. } = &mut self.draft.form {
            roots.push(order);
        }
        Ok(())
    }
}

/// Makes the change.
pub(super) fn apply(
    table: &mut TableWriter,
    place: (usize, &[u8]),
    change: &SortedSetChange<'_>,
) -> Result<(), KeyspaceError> {
    match *change {
        SortedSetChange::Add { elements } => add(table, place, elements),
        SortedSetChange::Remove { members } => remove(table, place, members),
        SortedSetChange::CopyOrder { part } => zset_copy::copy_order(table, place, &part),
        SortedSetChange::CopyMembers { part, ranks } => zset_copy::copy_members(table, place, &part, ranks),
    }
}

/// Sets the scores of members of a sorted set. Creates the set if it is missing.
fn add(table: &mut TableWriter, place: (usize, &[u8]), elements: Items<'_>) -> Result<(), KeyspaceError> {
    let draft = Draft::open_or_new(table, place, Kind::SortedSet, "zadd")?;
    let mut set = SortedSetDraft { draft };
    let bad = KeyspaceError::Mismatch { effect: "zadd", reason: "a member has no score" };
    if elements.pairs().any(|(_, score)| Score::from_bytes(score).is_none()) {
        return Err(bad);
    }
    let scored = |(member, score)| (member, Score::from_bytes(score).unwrap_or(Score::ZERO));
    let in_bulk = elements.len() > 2 * FEW_ELEMENTS && is_ascending(elements);
    let mut elements = elements.pairs().map(scored);
    while (!in_bulk || set.draft.is_packed())
        && let Some((member, score)) = elements.next()
    {
        set.put(table, member, score)?;
    }
    set.put_ascending(table, elements)?;
    set.draft.store(table, place, None)
}

/// Whether each member is above the one before.
fn is_ascending(elements: Items<'_>) -> bool {
    elements.pairs().is_sorted_by(|one, next| one.0 < next.0)
}

/// Removes members from a sorted set.
fn remove(table: &mut TableWriter, place: (usize, &[u8]), members: Items<'_>) -> Result<(), KeyspaceError> {
    let draft = Draft::open(table, place, Kind::SortedSet, "zrem")?;
    let mut set = SortedSetDraft { draft };
    set.remove_all(table, members)?;
    set.draft.store(table, place, None)
}
