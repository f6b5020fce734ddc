//! Sets: `SADD`, `SINTER` and their kin.

mod algebra;
mod random;
#[cfg(test)]
mod tests;

use smallvec::SmallVec;

use super::elements::{self, ElementScan, Seen};
use super::table::spec;
use super::{CommandError, Flags, KeySpec, ReadCtx, Run, Spec, TRIED_WORDS, WriteCtx};
use crate::effect::{Effect, ItemsBuffer};
use crate::keyspace::{Classes, Set};
use crate::resp::{Args, Elements, Reply};
use crate::table::View;

/// Changes data and may grow it.
const GROWS: Flags = Flags::WRITE.with(Flags::DENYOOM);
/// Changes data and is fast.
const WRITES_FAST: Flags = Flags::WRITE.with(Flags::FAST);
/// Reads data and is fast.
const READS_FAST: Flags = Flags::READONLY.with(Flags::FAST);

/// The base of a set command's spec.
const fn set(name: &'static str, arity: i32, flags: Flags, keys: KeySpec, run: Run) -> Spec {
    Spec { group: "set", complexity: "O(1)", since: "1.0.0", ..spec(name, arity, flags, keys, run) }
}

/// The commands of this family. Ids 300 to 399.
pub(super) static SPECS: &[Spec] = &[
    Spec {
        id: 300,
        summary: "Adds members to a set, which is created if it does not exist.",
        complexity: "O(N*log(M)) where N is the number of members to add and M the size of the set.",
        tried_words: TRIED_WORDS,
        ..set("sadd", -3, GROWS.with(Flags::FAST), KeySpec::ONE, Run::Write(sadd))
    },
    Spec {
        id: 301,
        summary: "Removes members from a set, which is deleted with its last member.",
        complexity: "O(N*log(M)) where N is the number of members to remove and M the size of the set.",
        tried_words: TRIED_WORDS,
        ..set("srem", -3, WRITES_FAST, KeySpec::ONE, Run::Write(srem))
    },
    Spec {
        id: 302,
        summary: "Says whether a member belongs to a set.",
        complexity: "O(log(N)) where N is the size of the set.",
        ..set("sismember", 3, READS_FAST, KeySpec::ONE, Run::Read(sismember))
    },
    Spec {
        id: 303,
        summary: "Says of several members whether they belong to a set.",
        since: "6.2.0",
        complexity: "O(N*log(M)) where N is the number of members to check and M the size of the set.",
        ..set("smismember", -3, READS_FAST, KeySpec::ONE, Run::Read(smismember))
    },
    Spec {
        id: 304,
        summary: "Returns the number of members of a set.",
        ..set("scard", 2, READS_FAST, KeySpec::ONE, Run::Read(scard))
    },
    Spec {
        id: 305,
        summary: "Returns all members of a set, in the order of their bytes.",
        complexity: "O(N) where N is the size of the set.",
        ..set("smembers", 2, Flags::READONLY, KeySpec::ONE, Run::Read(smembers))
    },
    Spec {
        id: 306,
        summary: "Moves a member from one set to another.",
        complexity: "O(log(N)) where N is the size of the larger set.",
        tried_words: TRIED_WORDS,
        ..set("smove", 4, WRITES_FAST, KeySpec::TWO, Run::Write(smove))
    },
    Spec {
        id: 307,
        summary: "Iterates over the members of a set.",
        since: "2.8.0",
        complexity: "O(1) for every call. O(N) for a whole iteration, where N is the number of members that start \
                     with the literal prefix of the pattern.",
        ..set("sscan", -3, Flags::READONLY, KeySpec::ONE, Run::Read(sscan))
    },
    Spec {
        id: 308,
        summary: "Removes random members from a set and returns them.",
        complexity: "O(N*log(M)) where N is the number of members to remove and M the size of the set.",
        tried_words: 2,
        ..set("spop", -2, WRITES_FAST, KeySpec::ONE, Run::Write(random::spop))
    },
    Spec {
        id: 309,
        summary: "Returns random members of a set.",
        complexity: "O(N*log(M)) where N is the number of members to return and M the size of the set.",
        ..set("srandmember", -2, Flags::READONLY, KeySpec::ONE, Run::Read(random::srandmember))
    },
    Spec {
        id: 310,
        summary: "Returns the members that several sets have in common.",
        complexity: "O(N*K*log(M)) where N is the size of the smallest of K sets and M that of the largest.",
        ..set("sinter", -2, Flags::READONLY, KeySpec::ALL, Run::Read(algebra::sinter))
    },
    Spec {
        id: 311,
        summary: "Returns the number of members that several sets have in common.",
        since: "7.0.0",
        complexity: "O(N*K*log(M)) where N is the size of the smallest of K sets and M that of the largest.",
        ..set(
            "sintercard",
            -3,
            Flags::READONLY.with(Flags::MOVABLEKEYS),
            KeySpec::NONE,
            Run::Read(algebra::sintercard),
        )
    },
    Spec {
        id: 312,
        summary: "Returns the members that any of several sets has.",
        complexity: "O(N) where N is the number of members of all sets.",
        ..set("sunion", -2, Flags::READONLY, KeySpec::ALL, Run::Read(algebra::sunion))
    },
    Spec {
        id: 313,
        summary: "Returns the members of the first set that no other one has.",
        complexity: "O(N*K*log(M)) where N is the size of the first of K sets and M that of the largest.",
        ..set("sdiff", -2, Flags::READONLY, KeySpec::ALL, Run::Read(algebra::sdiff))
    },
    Spec {
        id: 320,
        summary: "Stores the members that several sets have in common in a key.",
        complexity: "O(N*K*log(M)) where N is the size of the smallest of K sets and M that of the largest.",
        ..set("sinterstore", -3, GROWS, KeySpec::ALL, Run::Write(algebra::sinterstore))
    },
    Spec {
        id: 321,
        summary: "Stores the members that any of several sets has in a key.",
        complexity: "O(N*log(N)) where N is the number of members of all sets.",
        ..set("sunionstore", -3, GROWS, KeySpec::ALL, Run::Write(algebra::sunionstore))
    },
    Spec {
        id: 322,
        summary: "Stores the members of the first set that no other one has in a key.",
        complexity: "O(N*K*log(M)) where N is the size of the first of K sets and M that of the largest.",
        ..set("sdiffstore", -3, GROWS, KeySpec::ALL, Run::Write(algebra::sdiffstore))
    },
];

/// The set that a key holds.
fn set_of<'a>(context: &mut ReadCtx<'a>, key: &[u8]) -> Result<Option<Set<'a>>, CommandError> {
    match context.keys.get(context.db, key)? {
        Some(value) => value.set().map(Some).ok_or(CommandError::WRONG_TYPE),
        None => Ok(None),
    }
}

/// Hands the set that a key holds to `look`.
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

/// Those of the words that are members of the set, or those that are not; each once, in order.
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
        let effect = Effect::SetAdd { db, key, members: members.items() };
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
        let effect = Effect::SetRemove { db, key, members: members.items() };
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
        let removal = Effect::SetRemove { db, key: source, members };
        context.keys.take_out(&removal, Classes::SET, "srem")?;
        if new {
            let addition = Effect::SetAdd { db, key: destination, members };
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
