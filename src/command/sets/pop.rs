//! `SPOP`. It picks the members here, and the log names them, or those that are left.

use super::with_set;
use crate::command::elements::distinct_places;
use crate::command::long::{LONG_ELEMENTS, REMOVED_AT_ONCE};
use crate::command::removed::{Removed, Way};
use crate::command::{Call, CommandError, WriteCtx, sources};
use crate::effect::{Effect, ItemsBuffer, SetChange};
use crate::keyspace::{Classes, KeyReader, KeyspaceError, Set, Value};
use crate::number::parse_i64;
use crate::resp::{Args, Reply};
use crate::table::View;

/// The writer picks and removes this many members in the time of one element.
const PICKED: u64 = 4;

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
    if context.keys.prepares() {
        return pop_beside(context, key, wanted, reply);
    }
    let (picked, all) = with_set(context, key, |view, set| {
        let Some(set) = set else { return Ok((ItemsBuffer::new(), false)) };
        let len = set.len()?;
        Ok((pick(view, set, len, wanted)?, wanted >= len))
    })?;
    match count {
        Some(_) => reply_members(&picked, reply),
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
fn pop_count(word: &[u8]) -> Result<u64, CommandError> {
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

/// Replies with members that were popped.
fn reply_members(picked: &ItemsBuffer, reply: &mut Reply<'_>) {
    reply.set(picked.len() as usize);
    picked.items().iter().for_each(|member| reply.bulk(member));
}

/// How long a `SPOP` takes; 0 if it takes few members.
pub(super) fn work(call: &Call<'_>, keys: &mut KeyReader<'_>) -> Result<u64, KeyspaceError> {
    let args = &call.args;
    let count = args.get(2).filter(|_| args.len() == 3).and_then(|word| pop_count(word).ok());
    let Some(wanted) = count.filter(|count| *count >= LONG_ELEMENTS) else { return Ok(0) };
    let set = keys.peek(call.db, &args[1])?.and_then(|value| value.set());
    let popped = Removed::up_to(wanted, set.map_or(Ok(0), |set| set.len())?);
    Ok(popped.removed / if popped.way(true) == Way::All { REMOVED_AT_ONCE } else { PICKED })
}

/// Works out which members a `SPOP` takes, and replies with them. The writer removes them, or stores those that are left.
fn pop_beside(
    context: &mut WriteCtx<'_>,
    key: &[u8],
    wanted: u64,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let db = context.db;
    let (Split { picked, left, way }, expire_at_ms) = sources::read(context, |keys| {
        let value = keys.peek(db, key)?.ok_or(KeyspaceError::WouldChange)?;
        Ok((split(keys.view(), &value, wanted)?, value.expire_at_ms))
    })?;
    if picked.is_empty() {
        return Err(KeyspaceError::WouldChange.into());
    }
    reply_members(&picked, reply);
    let (class, name) = (Classes::SET, "spop");
    let removal = SetChange::Remove { members: picked.items() };
    match way {
        Way::All => context.keys.take_all_noted(db, key, class, name)?,
        Way::AtOnce => context.keys.change_noted(&Effect::on(db, key, removal), class, name)?,
        Way::FromCopy => {
            context.keys.thin_out((db, key), &removal.into(), class, name, expire_at_ms)?;
        }
        Way::Rest => {
            let effect = Effect::on(db, key, SetChange::Add { members: left.items() });
            context.keys.replace_by_rest(&effect, class, name, expire_at_ms)?;
        }
    }
    Ok(())
}

/// The members of a set, divided into two.
struct Split {
    /// Those that are popped.
    picked: ItemsBuffer,
    /// Those that are left, if they are stored.
    left: ItemsBuffer,
    /// How they are removed.
    way: Way,
}

/// Picks up to `wanted` different members of a set, in their order.
fn split(view: &View<'_>, value: &Value<'_>, wanted: u64) -> Result<Split, KeyspaceError> {
    let set = value.set().ok_or(KeyspaceError::WouldChange)?;
    let len = set.len()?;
    let removed = Removed::up_to(wanted, len);
    let way = removed.way_from(view, value)?;
    let (mut picked, mut left) = (ItemsBuffer::new(), ItemsBuffer::new());
    let stores_left = way == Way::Rest;
    let mut places = distinct_places(len, removed.removed);
    places.sort_unstable();
    let (mut places, mut place) = (places.into_iter().peekable(), 0);
    set.each_from(view, &[], |member| {
        if places.next_if_eq(&place).is_some() {
            picked.push(member);
        } else if stores_left {
            left.push(member);
        }
        place += 1;
        Ok(stores_left || places.peek().is_some())
    })?;
    Ok(Split { picked, left, way })
}
