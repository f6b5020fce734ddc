//! Copying parts of a sorted set into another one, step by step: a row of steps fills the second tree in its order, and
//! then another row the first tree in its own. So no step has to search for places in a tree.

use std::ops::Range;

use smallvec::smallvec;

use super::cell::Kind;
use super::collection::Collection;
use super::draft::{Draft, Form, Header};
use super::error::KeyspaceError;
use super::lookup::lookup;
use super::scored::{score_of, split};
use crate::effect::{Part, Ranks, SCORE_BYTES, Score};
use crate::table::{Filler, Root, TableWriter, View};

/// The longest members that are kept apart for one call of the table, in bytes.
const BATCH_BYTES: usize = 64 << 10;

/// The trees of a sorted set.
#[derive(Clone, Copy)]
struct Trees {
    /// Its members, each with its score.
    members: Root,
    /// Its members, prefixed with their scores.
    order: Root,
}

/// Adds a part of the order of another sorted set to the order of the one at `place`, which is in the making.
pub(super) fn copy_order(
    table: &mut TableWriter,
    place: (usize, &[u8]),
    part: &Part<'_>,
) -> Result<(), KeyspaceError> {
    let (from, mut draft) = open(table, place, part, "zcopyorder")?;
    let positions = positions(part, from.order, "zcopyorder")?;
    table.append_range(&mut trees_of(&mut draft)?[1], from.order, positions)?;
    draft.store(table, place, None)
}

/// Adds those members of a part of another sorted set that have these ranks.
pub(super) fn copy_members(
    table: &mut TableWriter,
    place: (usize, &[u8]),
    part: &Part<'_>,
    ranks: Ranks,
) -> Result<(), KeyspaceError> {
    let (from, mut draft) = open(table, place, part, "zcopymembers")?;
    let positions = positions(part, from.members, "zcopymembers")?;
    let to = &mut trees_of(&mut draft)?[0];
    if ranks.within && ranks.first == 0 && ranks.behind >= from.order.len() {
        table.append_range(to, from.members, positions)?;
    } else {
        let bounds = Bounds::of(&table.view(), from.order, ranks)?;
        *to = append_chosen(table, *to, from.members, positions, &bounds)?;
    }
    draft.store(table, place, None)
}

/// The trees that are copied from, and the sorted set in the making.
fn open(
    table: &TableWriter,
    place: (usize, &[u8]),
    part: &Part<'_>,
    effect: &'static str,
) -> Result<(Trees, Draft), KeyspaceError> {
    let misfit = |reason| KeyspaceError::Mismatch { effect, reason };
    if place == (part.from_db, part.from) {
        return Err(misfit("it copies a sorted set into itself"));
    }
    let view = table.view();
    let source = lookup(&view, part.from_db, part.from)?.ok_or(misfit("its source does not exist"))?;
    let Some(Collection::InTrees { roots, .. }) = source.collection(Kind::SortedSet) else {
        return Err(misfit("its source is no large sorted set"));
    };
    let &[members, order] = roots.as_slice() else {
        return Err(KeyspaceError::BadCell("a sorted set without its order"));
    };
    let mut draft = Draft::open_or_new(table, place, Kind::SortedSet, effect)?;
    if let Form::Packed(packed) = &draft.form {
        if !packed.is_empty() {
            return Err(misfit("its key holds other elements"));
        }
        let roots = smallvec![Root::EMPTY, Root::EMPTY];
        draft.form = Form::InTrees { header: Header::new(), roots };
    }
    Ok((Trees { members, order }, draft))
}

/// The two trees of a sorted set in the making.
fn trees_of(draft: &mut Draft) -> Result<&mut [Root], KeyspaceError> {
    match &mut draft.form {
        Form::InTrees { roots, .. } if roots.len() == 2 => Ok(roots),
        _ => Err(KeyspaceError::BadCell("a sorted set without its order")),
    }
}

/// The positions of a part, which the tree must have.
fn positions(part: &Part<'_>, tree: Root, effect: &'static str) -> Result<Range<u64>, KeyspaceError> {
    match part.index.checked_add(part.count).filter(|end| *end <= tree.len()) {
        Some(end) => Ok(part.index..end),
        None => Err(KeyspaceError::Mismatch { effect, reason: "its source is shorter" }),
    }
}

/// The ends of a range of ranks.
struct Bounds {
    /// The first element of the range; `None` if there is none at that rank.
    first: Option<(Score, Vec<u8>)>,
    /// The first element after the range; `None` if it ends with the last one.
    behind: Option<(Score, Vec<u8>)>,
    /// Whether the range is meant; otherwise, everything else.
    within: bool,
}

impl Bounds {
    /// The ends of a range of ranks in this second tree.
    fn of(view: &View<'_>, order: Root, ranks: Ranks) -> Result<Self, KeyspaceError> {
        let element = |rank| -> Result<Option<(Score, Vec<u8>)>, KeyspaceError> {
            let Some((key, _)) = view.nth(order, rank)? else { return Ok(None) };
            let (score, member) = split(&key)?;
            Ok(Some((score, member.to_vec())))
        };
        Ok(Self { first: element(ranks.first)?, behind: element(ranks.behind)?, within: ranks.within })
    }

    /// Whether an element is meant.
    fn has(&self, score: Score, member: &[u8]) -> bool {
        let is_from = |end: &Option<(Score, Vec<u8>)>| {
            end.as_ref().is_some_and(|(end, end_member)| (score, member) >= (*end, end_member))
        };
        (is_from(&self.first) && !is_from(&self.behind)) == self.within
    }
}

/// Appends the members at these positions that are within the bounds.
fn append_chosen(
    table: &mut TableWriter,
    to: Root,
    from: Root,
    positions: Range<u64>,
    bounds: &Bounds,
) -> Result<Root, KeyspaceError> {
    let mut filler = Filler::new(to);
    let (mut at, mut batch) = (positions.start, Batch::default());
    while at < positions.end {
        at = batch.read(&table.view(), from, at..positions.end, bounds)?;
        for (member, score) in batch.elements() {
            if !filler.replace(table, member, [score, &[]], &[], |_| ())? {
                return Err(KeyspaceError::BadCell("members out of order"));
            }
        }
    }
    Ok(filler.finish(table))
}

/// Members with their scores, kept apart from the tree that is read while another one is changed.
#[derive(Default)]
struct Batch {
    /// The members, each with its score in front.
    bytes: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
}

impl Batch {
    /// Replaces the content by chosen members, as many as there is room for. Returns the position after the last one
    /// that was looked at.
    fn read(
        &mut self,
        view: &View<'_>,
        tree: Root,
        positions: Range<u64>,
        bounds: &Bounds,
    ) -> Result<u64, KeyspaceError> {
        self.bytes.clear();
        self.ends.clear();
        let mut cursor = view.cursor(tree);
        let (mut at, mut next) = (positions.start, cursor.seek_nth(positions.start)?);
        while let Some((member, cell)) = next {
            if bounds.has(score_of(&cell)?, member) {
                self.bytes.extend_from_slice(cell.bytes);
                self.bytes.extend_from_slice(member);
                self.ends.push(self.bytes.len());
            }
            at += 1;
            if at == positions.end || self.bytes.len() >= BATCH_BYTES {
                return Ok(at);
            }
            next = cursor.next()?;
        }
        Err(KeyspaceError::BadCell("a sorted set that is shorter than its count"))
    }

    /// The members with their scores.
    fn elements(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| {
            let (score, member) = self.bytes[start..*end].split_at(SCORE_BYTES);
            (member, score)
        })
    }
}
