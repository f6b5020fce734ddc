//! Pops the elements with the lowest or the highest scores.

use std::ops::Range;

use super::{Element, sorted_set, taken, with_set};
use crate::command::long::{LONG_ELEMENTS, REMOVED_AT_ONCE};
use crate::command::removed::{Removed, Way};
use crate::command::{Call, CommandError, WriteCtx, sources, words};
use crate::effect::{Effect, ItemsBuffer, SortedSetChange};
use crate::keyspace::{Classes, KeyReader, KeyspaceError, SortedSet};
use crate::number::parse_i64;
use crate::resp::{Args, Reply};
use crate::spec;
use crate::table::View;

/// `ZPOPMIN key [count]`
pub(super) fn zpopmin(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    pop_and_reply(false, context, args, reply)
}

/// `ZPOPMAX key [count]`
pub(super) fn zpopmax(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    pop_and_reply(true, context, args, reply)
}

/// Pops elements from one end and replies with them: a flat array; in RESP3 with a count, an array of pairs.
fn pop_and_reply(
    highest: bool,
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    if args.len() > 3 {
        return Err(CommandError::SYNTAX);
    }
    let count = args.get(2).map(pop_count).transpose()?;
    let popped = pop(context, &args[1], highest, count.unwrap_or(1))?;
    let nested = count.is_some() && reply.is_resp3();
    reply.array(popped.len() * if nested { 1 } else { 2 });
    for (score, member) in &popped {
        if nested {
            reply.array(2);
        }
        reply.bulk(member);
        reply.double(score.get());
    }
    Ok(())
}

/// Parses the number of elements to pop.
fn pop_count(word: &[u8]) -> Result<u64, CommandError> {
    let count = parse_i64(word).and_then(|count| u64::try_from(count).ok());
    count.ok_or("ERR value is out of range, must be positive".into())
}

/// The positions of up to `count` elements at one end.
fn end_positions(set: &SortedSet<'_>, highest: bool, count: u64) -> Result<Range<u64>, KeyspaceError> {
    let len = set.len()?;
    let count = count.min(len);
    Ok(if highest { len - count..len } else { 0..count })
}

/// Pops up to `count` elements from one end; returns them, starting at that end.
pub(super) fn pop(
    context: &mut WriteCtx<'_>,
    key: &[u8],
    highest: bool,
    count: u64,
) -> Result<Vec<Element>, CommandError> {
    let db = context.db;
    if context.keys.prepares() {
        let positions = |_: &View<'_>, set: &SortedSet<'_>| end_positions(set, highest, count);
        let mut popped = taken::take_beside(context, key, (event(highest), true), positions)?.elements;
        if highest {
            popped.reverse();
        }
        return Ok(popped);
    }
    let (popped, all) = with_set(context, key, |view, set| {
        let mut popped: Vec<Element> = Vec::new();
        let Some(set) = set else { return Ok((popped, false)) };
        let positions = end_positions(&set, highest, count)?;
        let all = positions == (0..set.len()?);
        set.each_in(view, positions, highest, |member, score| {
            popped.push((score, member.to_vec()));
            Ok(true)
        })?;
        Ok((popped, all))
    })?;
    let name = event(highest);
    if all {
        context.keys.take_all(db, key, Classes::SORTED_SET, name)?;
    } else if !popped.is_empty() {
        let members: ItemsBuffer = popped.iter().map(|(_, member)| member.as_slice()).collect();
        let effect = Effect::on(db, key, SortedSetChange::Remove { members: members.items() });
        context.keys.change(&effect, Classes::SORTED_SET, name)?;
    }
    Ok(popped)
}

/// The name of the event of a pop.
fn event(highest: bool) -> &'static str {
    if highest { "zpopmax" } else { "zpopmin" }
}

/// How long `ZPOPMIN`, `ZPOPMAX` or `ZMPOP` takes; 0 if it takes so few elements that the writer removes them in one step.
pub(super) fn work(call: &Call<'_>, keys: &mut KeyReader<'_>) -> Result<u64, KeyspaceError> {
    let args = &call.args;
    let several = (call.spec.id == spec::ZMPOP.id).then(|| MultiPop::parse(args, 1).ok()).flatten();
    let count = match &several {
        Some(pop) => Some(pop.count),
        None => args.get(2).filter(|_| args.len() == 3).and_then(|word| pop_count(word).ok()),
    };
    let Some(count) = count.filter(|count| *count >= LONG_ELEMENTS) else { return Ok(0) };
    let found = match &several {
        Some(pop) => first_set(keys, call.db, &pop.keys).ok().flatten(),
        None => Some(&args[1]),
    };
    let Some(key) = found else { return Ok(0) };
    let set = keys.peek(call.db, key)?.and_then(|value| value.sorted_set());
    let popped = Removed::up_to(count, set.map_or(Ok(0), |set| set.len())?);
    Ok(if popped.way(true) == Way::AtOnce { 0 } else { popped.removed / REMOVED_AT_ONCE })
}

/// The arguments of `ZMPOP` and `BZMPOP`.
pub(super) struct MultiPop<'w> {
    /// The keys, in the order in which they are tried.
    pub(super) keys: Vec<&'w [u8]>,
    /// Whether the highest scores are wanted.
    highest: bool,
    /// The most elements to pop.
    pub(super) count: u64,
}

impl<'w> MultiPop<'w> {
    /// Parses `numkeys key [key ...] MIN|MAX [COUNT count]`, which starts at word `first`.
    pub(super) fn parse(args: &Args<'w>, first: usize) -> Result<Self, CommandError> {
        let keys =
            parse_i64(&args[first]).and_then(|keys| usize::try_from(keys).ok()).filter(|keys| *keys > 0);
        let keys = keys.ok_or(CommandError::from("ERR numkeys should be greater than 0"))?;
        let at = first.saturating_add(1).saturating_add(keys);
        let highest = match args.get(at) {
            Some(word) if words::is(word, "min") => false,
            Some(word) if words::is(word, "max") => true,
            _ => return Err(CommandError::SYNTAX),
        };
        let mut count = None;
        let mut rest = args.from(at + 1);
        while let Some(word) = rest.next() {
            let value = rest.next().filter(|_| words::is(word, "count") && count.is_none());
            let number = parse_i64(value.ok_or(CommandError::SYNTAX)?).filter(|number| *number > 0);
            count = Some(number.ok_or(CommandError::from("ERR count should be greater than 0"))? as u64);
        }
        Ok(Self { keys: args.from(first + 1).take(keys).collect(), highest, count: count.unwrap_or(1) })
    }

    /// Pops elements from the first of the keys that exists, and replies with them. Returns whether one exists.
    pub(super) fn take(
        &self,
        context: &mut WriteCtx<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<bool, CommandError> {
        let db = context.db;
        let found = sources::read(context, |keys| first_set(keys, db, &self.keys))?;
        if let Some(key) = found {
            let popped = pop(context, key, self.highest, self.count)?;
            reply_popped(reply, key, &popped);
        }
        Ok(found.is_some())
    }
}

/// The reply of `ZMPOP`: the key and the elements that were popped there.
fn reply_popped(reply: &mut Reply<'_>, key: &[u8], popped: &[Element]) {
    reply.array(2);
    reply.bulk(key);
    reply.array(popped.len());
    for (score, member) in popped {
        reply.array(2);
        reply.bulk(member);
        reply.double(score.get());
    }
}

/// `ZMPOP numkeys key [key ...] <MIN|MAX> [COUNT count]`
pub(super) fn zmpop(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    if !MultiPop::parse(args, 1)?.take(context, reply)? {
        reply.null_array();
    }
    Ok(())
}

/// The first key that exists; it must hold a sorted set.
fn first_set<'w>(
    keys: &mut KeyReader<'_>,
    db: usize,
    candidates: &[&'w [u8]],
) -> Result<Option<&'w [u8]>, CommandError> {
    for key in candidates {
        if sorted_set(keys.peek(db, key)?)?.is_some() {
            return Ok(Some(key));
        }
    }
    Ok(None)
}
