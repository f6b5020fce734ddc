//! Intersections, unions and differences of sets. The storing commands log the resulting members.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::set_of;
use crate::command::{CommandError, ReadCtx, WriteCtx, sources, words};
use crate::effect::{Effect, ItemsBuffer, SetChange};
use crate::keyspace::{Classes, KeyspaceError, Set};
use crate::number::parse_i64;
use crate::resp::{Args, Reply, reply_bulks};
use crate::table::View;

/// How several sets are combined.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    /// The members that are in all sets.
    Intersection,
    /// The members that are in any set.
    Union,
    /// The members that are in the first set and in no other.
    Difference,
}

/// `SINTER key [key ...]`
pub(super) fn sinter(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_combined(Operation::Intersection, context, args, reply)
}

/// `SUNION key [key ...]`
pub(super) fn sunion(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_combined(Operation::Union, context, args, reply)
}

/// `SDIFF key [key ...]`
pub(super) fn sdiff(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_combined(Operation::Difference, context, args, reply)
}

/// `SINTERSTORE destination key [key ...]`
pub(super) fn sinterstore(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    store_combined(Operation::Intersection, context, args, reply)
}

/// `SUNIONSTORE destination key [key ...]`
pub(super) fn sunionstore(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    store_combined(Operation::Union, context, args, reply)
}

/// `SDIFFSTORE destination key [key ...]`
pub(super) fn sdiffstore(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    store_combined(Operation::Difference, context, args, reply)
}

/// `SINTERCARD numkeys key [key ...] [LIMIT limit]`
pub(super) fn sintercard(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    count_combined(Operation::Intersection, context, args, reply)
}

/// `SUNIONCARD numkeys key [key ...] [APPROX] [LIMIT limit]`
pub(super) fn sunioncard(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    count_combined(Operation::Union, context, args, reply)
}

/// `SDIFFCARD numkeys key [key ...] [LIMIT limit]`
pub(super) fn sdiffcard(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    count_combined(Operation::Difference, context, args, reply)
}

/// Replies with the number of members of the operation's result.
fn count_combined(
    operation: Operation,
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let keys = parse_i64(&args[1]).and_then(|keys| usize::try_from(keys).ok()).filter(|keys| *keys > 0);
    let keys = keys.ok_or(CommandError::from("ERR numkeys should be greater than 0"))?;
    if keys > args.len() - 2 {
        return Err("ERR Number of keys can't be greater than number of args".into());
    }
    let mut limit = u64::MAX;
    let mut rest = args.from(2 + keys);
    while let Some(word) = rest.next() {
        // The exact number is also an estimate.
        if operation == Operation::Union && words::is(word, "approx") {
            continue;
        }
        let value = rest.next().filter(|_| words::is(word, "limit")).ok_or(CommandError::SYNTAX)?;
        let number = parse_i64(value).and_then(|number| u64::try_from(number).ok());
        limit = match number.ok_or(CommandError::from("ERR LIMIT can't be negative"))? {
            0 => u64::MAX,
            number => number,
        };
    }
    let sets = sets(context, args.from(2).take(keys))?;
    let mut count = 0;
    combine(operation, context.keys.view(), &sets, |_| {
        count += 1;
        count < limit
    })?;
    reply.integer(count as i64);
    Ok(())
}

/// The sets that keys hold. All keys are looked up, so that a key of another type is an error in any position.
fn sets<'a, 'w>(
    context: &mut ReadCtx<'a>,
    keys: impl Iterator<Item = &'w [u8]>,
) -> Result<Vec<Option<Set<'a>>>, CommandError> {
    keys.map(|key| set_of(context, key)).collect()
}

/// Replies with the result of the operation.
fn reply_combined(
    operation: Operation,
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let sets = sets(context, args.from(1))?;
    let view = context.keys.view();
    let lens = sets.iter().map(|set| set.map_or(Ok(0), |set| set.len())).collect::<Result<Vec<_>, _>>()?;
    let visited = match operation {
        Operation::Intersection => lens.iter().copied().min(),
        Operation::Union => Some(lens.iter().sum()),
        Operation::Difference => lens.first().copied(),
    };
    view.check_cells(visited.unwrap_or(0))?;
    reply_bulks(reply, Reply::set, |take| combine(operation, view, &sets, take))?;
    Ok(())
}

/// Stores the result of the operation.
fn store_combined(
    operation: Operation,
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (db, key) = (context.db, &args[1]);
    let members = sources::read(context, |keys| {
        let mut sets = Vec::new();
        for source in args.from(2) {
            let value = keys.get(db, source)?;
            sets.push(value.map(|value| value.set().ok_or(CommandError::WRONG_TYPE)).transpose()?);
        }
        let mut members = ItemsBuffer::new();
        combine(operation, keys.view(), &sets, |member| {
            members.push(member);
            true
        })?;
        Ok(members)
    })?;
    if members.is_empty() {
        context.keys.replace_by_nothing(db, key)?;
    } else {
        let name = match operation {
            Operation::Intersection => "sinterstore",
            Operation::Union => "sunionstore",
            Operation::Difference => "sdiffstore",
        };
        context.keys.replace(
            &Effect::on(db, key, SetChange::Add { members: members.items() }),
            Classes::SET,
            name,
        )?;
    }
    reply.integer(members.len() as i64);
    Ok(())
}

/// Calls `take` with the result of the operation, in the order of the members' bytes, until it returns `false`. A
/// missing set counts as empty.
fn combine(
    operation: Operation,
    view: &View<'_>,
    sets: &[Option<Set<'_>>],
    take: impl FnMut(&[u8]) -> bool,
) -> Result<(), KeyspaceError> {
    match operation {
        Operation::Intersection => intersection(view, sets, take),
        Operation::Union => union(view, sets, take),
        Operation::Difference => difference(view, sets, take),
    }
}

/// The intersection: the members of the smallest set that are in all others.
fn intersection(
    view: &View<'_>,
    sets: &[Option<Set<'_>>],
    mut take: impl FnMut(&[u8]) -> bool,
) -> Result<(), KeyspaceError> {
    let Some(sets) = sets.iter().copied().collect::<Option<Vec<Set<'_>>>>() else {
        return Ok(());
    };
    let mut sized = Vec::new();
    for set in sets {
        sized.push((set.len()?, set));
    }
    sized.sort_by_key(|(len, _)| *len);
    let Some(((_, smallest), others)) = sized.split_first() else { return Ok(()) };
    smallest.each_from(view, &[], |member| {
        for (_, other) in others {
            if !other.contains(view, member)? {
                return Ok(true);
            }
        }
        Ok(take(member))
    })
}

/// The union: merges the sets, each of which is in order.
fn union(
    view: &View<'_>,
    sets: &[Option<Set<'_>>],
    mut take: impl FnMut(&[u8]) -> bool,
) -> Result<(), KeyspaceError> {
    let mut members: Vec<_> = sets.iter().flatten().map(|set| set.members(view)).collect();
    let mut heads = BinaryHeap::new();
    for (index, members) in members.iter_mut().enumerate() {
        if let Some(member) = members.next()? {
            heads.push(Reverse((member.to_vec(), index)));
        }
    }
    let mut last: Option<Vec<u8>> = None;
    while let Some(Reverse((member, index))) = heads.pop() {
        if let Some(next) = members[index].next()? {
            heads.push(Reverse((next.to_vec(), index)));
        }
        if last.as_ref() != Some(&member) {
            if !take(&member) {
                return Ok(());
            }
            last = Some(member);
        }
    }
    Ok(())
}

/// The difference: the members of the first set that are in no other.
fn difference(
    view: &View<'_>,
    sets: &[Option<Set<'_>>],
    mut take: impl FnMut(&[u8]) -> bool,
) -> Result<(), KeyspaceError> {
    let Some((Some(first), others)) = sets.split_first() else { return Ok(()) };
    first.each_from(view, &[], |member| {
        for other in others.iter().flatten() {
            if other.contains(view, member)? {
                return Ok(true);
            }
        }
        Ok(take(member))
    })
}
