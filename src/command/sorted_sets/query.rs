//! Parses ranges of sorted sets: by position, by score, by member.

use std::ops::Range;

use crate::command::{CommandError, words};
use crate::effect::Score;
use crate::keyspace::{Edge, KeyspaceError, SortedSet};
use crate::number::parse_f64_bound;
use crate::resp::Args;
use crate::table::View;

/// What the bounds of a range are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::command) enum Order {
    /// Positions.
    Positions,
    /// Scores.
    Scores,
    /// Members of equal scores.
    Members,
}

/// The bounds of a range.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bounds<'w> {
    /// The first and the last position; negative ones count from the end.
    Positions(i64, i64),
    /// Where the range starts and ends.
    Edges(Edge<'w>, Edge<'w>),
}

impl<'w> Bounds<'w> {
    /// Parses two bounds, the lower one first.
    pub(super) fn parse(order: Order, min: &'w [u8], max: &'w [u8]) -> Result<Self, CommandError> {
        Ok(match order {
            Order::Positions => Bounds::Positions(words::integer(min)?, words::integer(max)?),
            Order::Scores => {
                let edges = score_edge(min, false).zip(score_edge(max, true));
                let (start, end) = edges.ok_or(CommandError::from("ERR min or max is not a float"))?;
                Bounds::Edges(start, end)
            }
            Order::Members => {
                let edges = member_edge(min, false).zip(member_edge(max, true));
                let bad = CommandError::from("ERR min or max not valid string range item");
                let (start, end) = edges.ok_or(bad)?;
                Bounds::Edges(start, end)
            }
        })
    }

    /// The positions within the bounds. If `reverse`, bounds that are positions count from the other end.
    pub(super) fn positions(
        &self,
        view: &View<'_>,
        set: &SortedSet<'_>,
        reverse: bool,
    ) -> Result<Range<u64>, KeyspaceError> {
        let range = match *self {
            Bounds::Positions(first, last) => {
                let len = set.len()?;
                let range = absolute(first, last, len);
                if reverse && !range.is_empty() { len - range.end..len - range.start } else { range }
            }
            Bounds::Edges(start, end) => set.position(view, start)?..set.position(view, end)?,
        };
        Ok(if range.is_empty() { 0..0 } else { range })
    }
}

/// The positions from `first` to `last` out of `len`, where negative ones count from the end.
fn absolute(first: i64, last: i64, len: u64) -> Range<u64> {
    let from_start = |index: i64| if index < 0 { index.saturating_add(len as i64) } else { index };
    let (first, last) = (from_start(first).max(0) as u64, from_start(last));
    if last < 0 || first > last as u64 || first >= len { 0..0 } else { first..(last as u64 + 1).min(len) }
}

/// Parses a bound that is a score: `1.5` includes the elements with that score, `(1.5` does not.
fn score_edge(word: &[u8], is_max: bool) -> Option<Edge<'_>> {
    let (excluded, number) = match word {
        [b'(', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let score = Score::new(parse_f64_bound(number)?)?;
    Some(if excluded == is_max { Edge::Score(score) } else { Edge::BehindScore(score) })
}

/// Parses a bound that is a member: `[a` includes it, `(a` does not; `-` and `+` are before and after all members.
fn member_edge(word: &[u8], is_max: bool) -> Option<Edge<'_>> {
    match word {
        b"-" => Some(Edge::First),
        b"+" => Some(Edge::Last),
        [b'[', member @ ..] if is_max => Some(Edge::BehindMember(member)),
        [b'[', member @ ..] => Some(Edge::Member(member)),
        [b'(', member @ ..] if is_max => Some(Edge::Member(member)),
        [b'(', member @ ..] => Some(Edge::BehindMember(member)),
        _ => None,
    }
}

/// The arguments of `ZRANGE` and related commands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Query<'w> {
    /// The bounds.
    bounds: Bounds<'w>,
    /// Whether the elements are wanted in reverse order.
    pub(super) reverse: bool,
    /// Elements within the bounds to skip; negative: all.
    offset: i64,
    /// Elements that are wanted; negative: all.
    limit: i64,
    /// Whether scores are wanted.
    pub(super) with_scores: bool,
}

/// What the command's name already decides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    /// What the bounds are; `None`: an option says so.
    pub(super) order: Option<Order>,
    /// Whether the elements are wanted in reverse order; `None`: an option says so.
    pub(super) reverse: Option<bool>,
    /// Whether the elements are stored, not returned.
    pub(super) stores: bool,
}

impl<'w> Query<'w> {
    /// Parses the bounds in words `first` and `first + 1`, and the options after them.
    pub(super) fn parse(form: Form, args: &Args<'w>, first: usize) -> Result<Self, CommandError> {
        let Form { mut order, mut reverse, stores } = form;
        let (mut offset, mut limit, mut with_scores) = (0, -1, false);
        let mut index = first + 2;
        while let Some(word) = args.get(index) {
            if !stores && words::is(word, "withscores") {
                with_scores = true;
            } else if words::is(word, "limit") && args.len() - index > 2 {
                offset = words::integer(&args[index + 1])?;
                limit = words::integer(&args[index + 2])?;
                index += 2;
            } else if reverse.is_none() && words::is(word, "rev") {
                reverse = Some(true);
            } else if order.is_none() && words::is(word, "bylex") {
                order = Some(Order::Members);
            } else if order.is_none() && words::is(word, "byscore") {
                order = Some(Order::Scores);
            } else {
                return Err(CommandError::SYNTAX);
            }
            index += 1;
        }
        let (order, reverse) = (order.unwrap_or(Order::Positions), reverse.unwrap_or(false));
        if limit != -1 && order == Order::Positions {
            return Err(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"
                    .into(),
            );
        }
        if with_scores && order == Order::Members {
            return Err("ERR syntax error, WITHSCORES not supported in combination with BYLEX".into());
        }
        let (start, end) = (args.get(first), args.get(first + 1));
        let (start, end) = start.zip(end).ok_or(CommandError::SYNTAX)?;
        let swapped = reverse && order != Order::Positions;
        let (min, max) = if swapped { (end, start) } else { (start, end) };
        let bounds = Bounds::parse(order, min, max)?;
        if order == Order::Positions {
            (offset, limit) = (0, -1);
        }
        Ok(Self { bounds, reverse, offset, limit, with_scores })
    }

    /// The positions of the elements in the result.
    pub(super) fn positions(
        &self,
        view: &View<'_>,
        set: &SortedSet<'_>,
    ) -> Result<Range<u64>, KeyspaceError> {
        let range = self.bounds.positions(view, set, self.reverse)?;
        let Ok(offset) = u64::try_from(self.offset) else { return Ok(0..0) };
        let left = (range.end - range.start).saturating_sub(offset);
        let len = u64::try_from(self.limit).map_or(left, |limit| limit.min(left));
        if len == 0 {
            return Ok(0..0);
        }
        Ok(match self.reverse {
            false => range.start + offset..range.start + offset + len,
            true => range.end - offset - len..range.end - offset,
        })
    }
}
