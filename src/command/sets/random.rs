//! Random members. `SPOP` picks its members here, and the log names them.

use super::{set_of, with_set};
use crate::command::elements::{self, distinct_places};
use crate::command::{CommandError, ReadCtx, WriteCtx, words};
use crate::effect::{Effect, ItemsBuffer, SetChange};
use crate::keyspace::{Classes, KeyspaceError, Set};
use crate::number::parse_i64;
use crate::resp::{Args, Reply};
use crate::table::View;

/// `SPOP key [count]`
pub(super) fn spop(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (db, key) = (context.db, &args[1]);
    let count = args.get(2).map(pop_count).transpose()?;
    if args.len() > 3 {
        return Err(CommandError::SYNTAX);
    }
    let wanted = count.unwrap_or(1);
    let (picked, all) = with_set(context, key, |view, set| {
        let Some(set) = set else { return Ok((ItemsBuffer::new(), false)) };
        let len = set.len()?;
        Ok((pick(view, set, len, wanted)?, wanted >= len))
    })?;
    match count {
        Some(_) => {
            reply.set(picked.len() as usize);
            picked.items().iter().for_each(|member| reply.bulk(member));
        }
        None => match picked.items().iter().next() {
            Some(member) => reply.bulk(member),
            None => reply.null(),
        },
    }
    if all {
        context.keys.take_all(db, key, Classes::SET, "spop")?;
    } else if !picked.is_empty() {
        let effect = Effect::on(db, key, SetChange::Remove { members: picked.items() });
        context.keys.change(&effect, Classes::SET, "spop")?;
    }
    Ok(())
}

/// Parses the number of members to pop.
pub(super) fn pop_count(word: &[u8]) -> Result<u64, CommandError> {
    let count = parse_i64(word).and_then(|count| u64::try_from(count).ok());
    count.ok_or("ERR value is out of range, must be positive".into())
}

/// Picks up to `wanted` different members out of the set's `len`.
fn pick(view: &View<'_>, set: Set<'_>, len: u64, wanted: u64) -> Result<ItemsBuffer, KeyspaceError> {
    let mut picked = ItemsBuffer::new();
    if wanted >= len {
        set.each_from(view, &[], |member| {
            picked.push(member);
            Ok(true)
        })?;
        return Ok(picked);
    }
    for place in distinct_places(len, wanted) {
        if let Some(member) = set.nth(view, place)? {
            picked.push(&member);
        }
    }
    Ok(picked)
}

/// Replies with up to `wanted` different members out of the set's `len`.
fn reply_different(
    view: &View<'_>,
    set: Set<'_>,
    len: u64,
    wanted: u64,
    reply: &mut Reply<'_>,
) -> Result<(), KeyspaceError> {
    if wanted >= len {
        view.check_cells(len)?;
        reply.array(len as usize);
        return set.each_from(view, &[], |member| {
            reply.bulk(member);
            Ok(!reply.is_cut())
        });
    }
    view.check_lookups(wanted)?;
    reply.array(wanted as usize);
    for place in distinct_places(len, wanted) {
        let member = set.nth(view, place)?;
        reply.bulk(&member.ok_or(KeyspaceError::BadCell("a set shorter than its length"))?);
        if reply.is_cut() {
            break;
        }
    }
    Ok(())
}

/// `SRANDMEMBER key [count]`: different members; with a negative count, independent picks.
pub(super) fn srandmember(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let count = args.get(2).map(words::signed_count).transpose()?;
    if args.len() > 3 {
        return Err(CommandError::SYNTAX);
    }
    let set = set_of(context, &args[1])?;
    let view = context.keys.view();
    let len = set.map(|set| set.len()).transpose()?.unwrap_or(0);
    match (set, count) {
        (None, None) => reply.null(),
        (None, Some(_)) => reply.array(0),
        (Some(set), None) => match set.nth(view, rand::random_range(0..len.max(1)))? {
            Some(member) => reply.bulk(&member),
            None => reply.null(),
        },
        (Some(set), Some(count @ 0..)) => {
            reply_different(view, set, len, count as u64, reply)?;
        }
        (Some(set), Some(count)) => {
            reply.array(count.unsigned_abs() as usize);
            elements::reply_picks(view, count.unsigned_abs(), reply, |reply| {
                let member = set.nth(view, rand::random_range(0..len.max(1)))?;
                reply.bulk(&member.unwrap_or_default());
                Ok(())
            })?;
        }
    }
    Ok(())
}
