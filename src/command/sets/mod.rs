//! Sets: `SADD`, `SINTER` and related commands.

mod algebra;
mod pop;
mod random;
mod runs;
#[cfg(test)]
mod tests;

pub(super) use runs::{RUNS, WORK};

use smallvec::SmallVec;

use super::elements::{self, ElementScan, Seen};
use super::{CommandError, ReadCtx, WriteCtx};
use crate::effect::{Effect, ItemsBuffer, SetChange};
use crate::keyspace::{Classes, Set};
use crate::resp::{Args, Elements, Reply};
use crate::table::View;

/// The set that a key holds.
fn set_of<'a>(context: &mut ReadCtx<'a>, key: &[u8]) -> Result<Option<Set<'a>>, CommandError> {
    match context.keys.get(context.db, key)? {
        Some(value) => value.set().map(Some).ok_or(CommandError::WRONG_TYPE),
        None => Ok(None),
    }
}

/// Calls `look` with the set that a key holds.
fn with_set<R>(
    context: &WriteCtx<'_>,
    key: &[u8],
    look: impl FnOnce(&View<'_>, Option<Set<'_>>) -> Result<R, CommandError>,
) -> Result<R, CommandError> {
    context.keys.with_value(context.db, key, |view, value| {
        let set = value.map(|value| value.set().ok_or(CommandError::WRONG_TYPE)).transpose()?;
        look(view, set)
    })
}

/// The words that are members of the set, or those that are not: each once, in order.
fn select<'w>(
    context: &WriteCtx<'_>,
    key: &[u8],
    words: impl Iterator<Item = &'w [u8]>,
    members: bool,
) -> Result<SmallVec<[&'w [u8]; 4]>, CommandError> {
    with_set(context, key, |view, set| {
        let mut selected = SmallVec::new();
        for word in words {
            let contained = set.map(|set| set.contains(view, word)).transpose()?.unwrap_or(false);
            if contained == members {
                selected.push(word);
            }
        }
        selected.sort_unstable();
        selected.dedup();
        Ok(selected)
    })
}

/// `SADD key member [member ...]`
fn sadd(context: &mut WriteCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let (db, key) = (context.db, &args[1]);
    let new = select(context, key, args.from(2), false)?;
    elements::check_lengths(new.iter().copied(), "member")?;
    if !new.is_empty() {
        let members: ItemsBuffer = new.iter().copied().collect();
        let effect = Effect::on(db, key, SetChange::Add { members: members.items() });
        context.keys.change(&effect, Classes::SET, "sadd")?;
    }
    reply.integer(new.len() as i64);
    Ok(())
}

/// `SREM key member [member ...]`
fn srem(context: &mut WriteCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let (db, key) = (context.db, &args[1]);
    let there = select(context, key, args.from(2), true)?;
    if !there.is_empty() {
        let members: ItemsBuffer = there.iter().copied().collect();
        let effect = Effect::on(db, key, SetChange::Remove { members: members.items() });
        context.keys.take_out(&effect, Classes::SET, "srem")?;
    }
    reply.integer(there.len() as i64);
    Ok(())
}

/// `SISMEMBER key member`
fn sismember(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let set = set_of(context, &args[1])?;
    let contained = set.map(|set| set.contains(context.keys.view(), &args[2])).transpose()?;
    reply.integer(i64::from(contained.unwrap_or(false)));
    Ok(())
}

/// `SMISMEMBER key member [member ...]`
fn smismember(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let set = set_of(context, &args[1])?;
    reply.array(args.len() - 2);
    for member in args.from(2) {
        let contained = set.map(|set| set.contains(context.keys.view(), member)).transpose()?;
        reply.integer(i64::from(contained.unwrap_or(false)));
    }
    Ok(())
}

/// `SCARD key`
fn scard(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let set = set_of(context, &args[1])?;
    reply.integer(set.map(|set| set.len()).transpose()?.unwrap_or(0) as i64);
    Ok(())
}

/// `SMEMBERS key`
fn smembers(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let Some(set) = set_of(context, &args[1])? else {
        reply.set(0);
        return Ok(());
    };
    context.keys.view().check_cells(set.len()?)?;
    reply.set(set.len()? as usize);
    set.each_from(context.keys.view(), &[], |member| {
        reply.bulk(member);
        Ok(!reply.is_cut())
    })?;
    Ok(())
}

/// `SMOVE source destination member`
fn smove(context: &mut WriteCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let (db, source, destination, member) = (context.db, &args[1], &args[2], &args[3]);
    if context.keys.info(db, source)?.is_none() {
        reply.integer(0);
        return Ok(());
    }
    let moves = !select(context, source, std::iter::once(member), true)?.is_empty();
    let new = !select(context, destination, std::iter::once(member), false)?.is_empty();
    if moves && source != destination {
        let members: ItemsBuffer = std::iter::once(member).collect();
        let members = members.items();
        let removal = Effect::on(db, source, SetChange::Remove { members });
        context.keys.take_out(&removal, Classes::SET, "srem")?;
        if new {
            let addition = Effect::on(db, destination, SetChange::Add { members });
            context.keys.change(&addition, Classes::SET, "sadd")?;
        }
    }
    reply.integer(i64::from(moves));
    Ok(())
}

/// `SSCAN key cursor [MATCH pattern] [COUNT count]`
fn sscan(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let cursor = ElementScan::cursor(&args[2])?;
    let Some(value) = context.keys.get(context.db, &args[1])? else {
        ElementScan::reply_nothing(reply);
        return Ok(());
    };
    let set = value.set().ok_or(CommandError::WRONG_TYPE)?;
    let mut scan = ElementScan::parse(cursor, args, false)?;
    scan.take_all_of_few(context, &value, set.is_packed())?;
    let mut found = Elements::new(reply);
    set.each_from(context.keys.view(), &scan.start(), |member| {
        let seen = scan.see(member);
        if seen == Seen::Wanted {
            found.add(|reply| reply.bulk(member));
        }
        Ok(seen != Seen::End)
    })?;
    scan.reply(found, reply);
    Ok(())
}
