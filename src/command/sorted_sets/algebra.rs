//! Unions, intersections and differences of sorted sets and of sets, whose members have the score 1.

use std::collections::HashMap;

use super::{Element, reply_element, reply_elements, store};
use crate::command::{CommandError, ReadCtx, WriteCtx, sources, words};
use crate::effect::Score;
use crate::keyspace::{KeyReader, KeyspaceError, Set, SortedSet};
use crate::number::{parse_f64, parse_i64};
use crate::resp::{Args, Reply};
use crate::table::View;

/// How several sets are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    /// The members that are in any set.
    Union,
    /// The members that are in all sets.
    Intersection,
    /// The members that are in the first set and in no other.
    Difference,
}

/// How the scores of a member in several sets are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aggregate {
    /// Their sum; 0 if that is not a number.
    Sum,
    /// The lowest one.
    Min,
    /// The highest one.
    Max,
    /// The sum of the factors of the sets that have the member, whatever its scores.
    Count,
}

impl Aggregate {
    /// What a set contributes in which a member has this score.
    fn part(self, weight: f64, score: f64) -> f64 {
        if self == Aggregate::Count { weight } else { weight * score }
    }

    /// Combines what two sets contribute.
    fn join(self, a: f64, b: f64) -> f64 {
        match self {
            Aggregate::Sum | Aggregate::Count => number_or_zero(a + b),
            Aggregate::Min if b < a => b,
            Aggregate::Max if b > a => b,
            Aggregate::Min | Aggregate::Max => a,
        }
    }
}

/// Replaces NaN by zero.
fn number_or_zero(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value }
}

/// One of the sets.
#[derive(Clone, Copy, Debug)]
enum Input<'a> {
    /// No such key.
    Missing,
    /// A set.
    Set(Set<'a>),
    /// A sorted set.
    SortedSet(SortedSet<'a>),
}

impl<'a> Input<'a> {
    /// What a key holds.
    fn of(keys: &mut KeyReader<'a>, db: usize, key: &[u8]) -> Result<Self, CommandError> {
        let Some(value) = keys.get(db, key)? else { return Ok(Input::Missing) };
        match (value.sorted_set(), value.set()) {
            (Some(set), _) => Ok(Input::SortedSet(set)),
            (None, Some(set)) => Ok(Input::Set(set)),
            (None, None) => Err(CommandError::WRONG_TYPE),
        }
    }

    /// Number of members.
    fn len(&self) -> Result<u64, KeyspaceError> {
        match self {
            Input::Missing => Ok(0),
            Input::Set(set) => set.len(),
            Input::SortedSet(set) => set.len(),
        }
    }

    /// The score of a member.
    fn score(&self, view: &View<'_>, member: &[u8]) -> Result<Option<f64>, KeyspaceError> {
        match self {
            Input::Missing => Ok(None),
            Input::Set(set) => Ok(set.contains(view, member)?.then_some(1.0)),
            Input::SortedSet(set) => Ok(set.score(view, member)?.map(Score::get)),
        }
    }

    /// Calls `see` with the members, in the order of their bytes, until it returns `false`.
    fn each(
        &self,
        view: &View<'_>,
        mut see: impl FnMut(&[u8], f64) -> Result<bool, KeyspaceError>,
    ) -> Result<(), KeyspaceError> {
        match self {
            Input::Missing => Ok(()),
            Input::Set(set) => set.each_from(view, &[], |member| see(member, 1.0)),
            Input::SortedSet(set) => {
                set.each_member_from(view, &[], |member, score| see(member, score.get()))
            }
        }
    }
}

/// The arguments of a command.
struct Combination<'a> {
    /// How the sets are combined.
    operation: Operation,
    /// The sets, each with the factor of its scores.
    inputs: Vec<(Input<'a>, f64)>,
    /// How scores are combined.
    aggregate: Aggregate,
    /// Whether scores are wanted.
    with_scores: bool,
}

/// The sets, whose number is word `first`, and the index of the word after them.
fn inputs<'a>(
    keys: &mut KeyReader<'a>,
    db: usize,
    args: &Args<'_>,
    first: usize,
) -> Result<(Vec<Input<'a>>, usize), CommandError> {
    let count = words::integer(&args[first])?;
    if count < 1 {
        let name = words::excerpt(&args[0]).to_ascii_lowercase();
        return Err(format!("ERR at least 1 input key is needed for '{name}' command").into());
    }
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count > args.len() - first - 1 {
        return Err(CommandError::SYNTAX);
    }
    let sets = args.from(first + 1).take(count).map(|key| Input::of(keys, db, key));
    Ok((sets.collect::<Result<_, _>>()?, first + 1 + count))
}

impl<'a> Combination<'a> {
    /// Parses `numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE SUM|MIN|MAX|COUNT] [WITHSCORES]`, which starts at word
    /// `first`.
    fn parse(
        operation: Operation,
        keys: &mut KeyReader<'a>,
        db: usize,
        args: &Args<'_>,
        first: usize,
    ) -> Result<Self, CommandError> {
        let (sets, mut index) = inputs(keys, db, args, first)?;
        let stores = first > 1;
        let mut found = Self {
            operation,
            inputs: sets.into_iter().map(|set| (set, 1.0)).collect(),
            aggregate: Aggregate::Sum,
            with_scores: false,
        };
        while let Some(word) = args.get(index) {
            let left = args.len() - index;
            let joins = operation != Operation::Difference;
            if joins && left > found.inputs.len() && words::is(word, "weights") {
                for (input, word) in found.inputs.iter_mut().zip(args.from(index + 1)) {
                    input.1 = parse_f64(word).ok_or(CommandError::from("ERR weight value is not a float"))?;
                }
                index += found.inputs.len();
            } else if joins && left > 1 && words::is(word, "aggregate") {
                index += 1;
                found.aggregate = match &args[index] {
                    word if words::is(word, "sum") => Aggregate::Sum,
                    word if words::is(word, "min") => Aggregate::Min,
                    word if words::is(word, "max") => Aggregate::Max,
                    word if words::is(word, "count") => Aggregate::Count,
                    _ => return Err(CommandError::SYNTAX),
                };
            } else if !stores && words::is(word, "withscores") {
                found.with_scores = true;
            } else {
                return Err(CommandError::SYNTAX);
            }
            index += 1;
        }
        Ok(found)
    }

    /// Computes the elements of the result, in the order of a sorted set.
    fn elements(mut self, view: &View<'_>) -> Result<Vec<Element>, KeyspaceError> {
        if self.operation != Operation::Difference {
            sort_by_len(&mut self.inputs)?;
        }
        let mut elements: Vec<Element> = Vec::new();
        let mut take = |member: &[u8], score: f64| {
            elements.push((Score::new(score).unwrap_or(Score::ZERO), member.to_vec()));
        };
        match self.operation {
            Operation::Union => self.union(view)?.iter().for_each(|(member, score)| take(member, *score)),
            Operation::Intersection => intersection(view, &self.inputs, self.aggregate, |member, score| {
                take(member, score);
                true
            })?,
            Operation::Difference => self.difference(view, take)?,
        }
        elements.sort_unstable();
        Ok(elements)
    }

    /// The union.
    fn union(&self, view: &View<'_>) -> Result<HashMap<Vec<u8>, f64>, KeyspaceError> {
        let mut scores: HashMap<Vec<u8>, f64> = HashMap::new();
        for (input, weight) in &self.inputs {
            input.each(view, |member, score| {
                let score = number_or_zero(self.aggregate.part(*weight, score));
                match scores.get_mut(member) {
                    Some(joined) => *joined = self.aggregate.join(*joined, score),
                    None => _ = scores.insert(member.to_vec(), score),
                }
                Ok(true)
            })?;
        }
        Ok(scores)
    }

    /// The difference: the members of the first set that are in no other.
    fn difference(&self, view: &View<'_>, mut take: impl FnMut(&[u8], f64)) -> Result<(), KeyspaceError> {
        let Some(((first, _), others)) = self.inputs.split_first() else { return Ok(()) };
        first.each(view, |member, score| {
            for (other, _) in others {
                if other.score(view, member)?.is_some() {
                    return Ok(true);
                }
            }
            take(member, score);
            Ok(true)
        })
    }
}

/// Sorts sets by size: an intersection goes through the smallest one. Scores are also added in this order.
fn sort_by_len(inputs: &mut Vec<(Input<'_>, f64)>) -> Result<(), KeyspaceError> {
    let mut sized = Vec::with_capacity(inputs.len());
    for input in inputs.drain(..) {
        sized.push((input.0.len()?, input));
    }
    sized.sort_by_key(|(len, _)| *len);
    inputs.extend(sized.into_iter().map(|(_, input)| input));
    Ok(())
}

/// Calls `take` with the members that are in all sets, in the order of their bytes, until it returns `false`.
fn intersection(
    view: &View<'_>,
    inputs: &[(Input<'_>, f64)],
    aggregate: Aggregate,
    mut take: impl FnMut(&[u8], f64) -> bool,
) -> Result<(), KeyspaceError> {
    let Some(((smallest, weight), others)) = inputs.split_first() else { return Ok(()) };
    smallest.each(view, |member, score| {
        let mut joined = number_or_zero(aggregate.part(*weight, score));
        for (other, weight) in others {
            let Some(score) = other.score(view, member)? else { return Ok(true) };
            joined = aggregate.join(joined, aggregate.part(*weight, score));
        }
        Ok(take(member, joined))
    })
}

/// `ZUNION numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE <SUM|MIN|MAX|COUNT>] [WITHSCORES]`
pub(super) fn zunion(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_combined(Operation::Union, context, args, reply)
}

/// `ZINTER numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE <SUM|MIN|MAX|COUNT>] [WITHSCORES]`
pub(super) fn zinter(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_combined(Operation::Intersection, context, args, reply)
}

/// `ZDIFF numkeys key [key ...] [WITHSCORES]`
pub(super) fn zdiff(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_combined(Operation::Difference, context, args, reply)
}

/// Replies with the result of the operation.
fn reply_combined(
    operation: Operation,
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let combination = Combination::parse(operation, &mut context.keys, context.db, args, 1)?;
    let with_scores = combination.with_scores;
    let elements = combination.elements(context.keys.view())?;
    reply_elements(reply, elements.len() as u64, with_scores);
    for (score, member) in &elements {
        reply_element(reply, member, *score, with_scores);
    }
    Ok(())
}

/// `ZINTERCARD numkeys key [key ...] [LIMIT limit]`
pub(super) fn zintercard(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (sets, behind) = inputs(&mut context.keys, context.db, args, 1)?;
    let mut limit = u64::MAX;
    let mut rest = args.from(behind);
    while let Some(word) = rest.next() {
        let value = rest.next().filter(|_| words::is(word, "limit")).ok_or(CommandError::SYNTAX)?;
        let number = parse_i64(value).and_then(|number| u64::try_from(number).ok());
        limit = match number.ok_or(CommandError::from("ERR LIMIT can't be negative"))? {
            0 => u64::MAX,
            number => number,
        };
    }
    let mut inputs = sets.into_iter().map(|set| (set, 1.0)).collect();
    sort_by_len(&mut inputs)?;
    let mut count = 0;
    intersection(context.keys.view(), &inputs, Aggregate::Sum, |_, _| {
        count += 1;
        count < limit
    })?;
    reply.integer(count as i64);
    Ok(())
}

/// `ZUNIONSTORE destination numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE <SUM|MIN|MAX|COUNT>]`
pub(super) fn zunionstore(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    store_combined(Operation::Union, context, args, reply)
}

/// `ZINTERSTORE destination numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE <SUM|MIN|MAX|COUNT>]`
pub(super) fn zinterstore(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    store_combined(Operation::Intersection, context, args, reply)
}

/// `ZDIFFSTORE destination numkeys key [key ...]`
pub(super) fn zdiffstore(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    store_combined(Operation::Difference, context, args, reply)
}

/// Stores the result of the operation.
fn store_combined(
    operation: Operation,
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let db = context.db;
    let elements = sources::read(context, |keys| {
        let combination = Combination::parse(operation, keys, db, args, 2)?;
        Ok(combination.elements(keys.view())?)
    })?;
    let event = match operation {
        Operation::Union => "zunionstore",
        Operation::Intersection => "zinterstore",
        Operation::Difference => "zdiffstore",
    };
    store::replace(context, &args[1], &elements, event)?;
    reply.integer(elements.len() as i64);
    Ok(())
}
