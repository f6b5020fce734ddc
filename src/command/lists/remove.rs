//! `LREM`, and how far a list is searched for an element.

use super::*;
use crate::command::long::LONG_ELEMENTS;
use crate::command::removed::{Removed, Way};
use crate::command::{Call, sources};
use crate::keyspace::{KeyReader, KeyspaceError};
use crate::spec;
use crate::table::Budget;

/// A list is searched for an element among so many in the time of one element.
const SEARCHED_ELEMENTS: u64 = 20;
/// Lookups in whose time a list is searched to know whether an element is near its end.
const NEAR_LOOKUPS: u64 = 512;

/// The end at which `LREM` with this count starts, and the most elements that it removes.
fn removal(count: i64) -> (End, u64) {
    match count {
        0 => (End::Head, u64::MAX),
        1.. => (End::Head, count as u64),
        _ => (End::Tail, count.unsigned_abs()),
    }
}

/// `LREM key count element`
pub(super) fn lrem(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (db, key, wanted) = (context.db, &args[1], &args[3]);
    let (end, most) = removal(words::integer(&args[2])?);
    if context.keys.prepares() {
        return remove_beside(context, key, (end, most), wanted, reply);
    }
    let (count, len) = with_list(context, key, |view, list| match list {
        Some(list) => Ok((list.count(view, (end, most), wanted)?, list.len()?)),
        None => Ok((0, 0)),
    })?;
    if count > 0 && count == len {
        context.keys.take_all(db, key, Classes::LIST, "lrem")?;
    } else if count > 0 {
        let element: ItemsBuffer = std::iter::once(wanted).collect();
        let effect = Effect::on(db, key, ListChange::Remove { end, count, element: element.items() });
        context.keys.change(&effect, Classes::LIST, "lrem")?;
    }
    reply.integer(count as i64);
    Ok(())
}

/// How long `LREM` or `LINSERT` takes: it goes through all of the list; or it is short if there are many elements and it
/// finds what it needs near the end where it starts.
pub(super) fn search_work(call: &Call<'_>, keys: &mut KeyReader<'_>) -> Result<u64, KeyspaceError> {
    let args = &call.args;
    let list = keys.peek(call.db, &args[1])?.and_then(|value| value.list());
    let Some(list) = list else { return Ok(0) };
    let work = list.len()? / SEARCHED_ELEMENTS;
    if work < LONG_ELEMENTS {
        return Ok(work);
    }
    let (end, most) = match call.spec.id == spec::LREM.id {
        true => words::integer(&args[2]).map_or((End::Head, 0), removal),
        false => (End::Head, 1),
    };
    let budget = Budget::of(NEAR_LOOKUPS);
    let is_near = most < u64::MAX && list.count(&keys.view().within(&budget), (end, most), &args[3]).is_ok();
    Ok(if is_near { 0 } else { work })
}

/// Works out how many elements an `LREM` removes, and if they are many, those that are left.
fn remove_beside(
    context: &mut WriteCtx<'_>,
    key: &[u8],
    (end, most): (End, u64),
    wanted: &[u8],
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let db = context.db;
    let (count, left, way, expire_at_ms) = sources::read(context, |keys| {
        let value = keys.peek(db, key)?;
        let expire_at_ms = value.as_ref().and_then(|value| value.expire_at_ms);
        let list = value.and_then(|value| value.list()).ok_or(KeyspaceError::WouldChange)?;
        let removed = Removed::up_to(list.count(keys.view(), (end, most), wanted)?, list.len()?);
        let way = removed.way(false);
        let left = match way {
            Way::Rest => without(keys.view(), &list, (end, removed.removed), wanted)?,
            _ => ItemsBuffer::new(),
        };
        Ok((removed.removed, left, way, expire_at_ms))
    })?;
    let class = Classes::LIST;
    reply.integer(count as i64);
    match way {
        _ if count == 0 => {}
        Way::All => context.keys.take_all_noted(db, key, class, "lrem")?,
        Way::Rest => {
            let change = ListChange::Push { end: end.other(), elements: left.items() };
            context.keys.replace_by_rest(&Effect::on(db, key, change), class, "lrem", expire_at_ms)?;
        }
        Way::AtOnce | Way::FromCopy => {
            let element: ItemsBuffer = std::iter::once(wanted).collect();
            let change = ListChange::Remove { end, count, element: element.items() };
            context.keys.change_noted(&Effect::on(db, key, change), class, "lrem")?;
        }
    }
    Ok(())
}

/// The elements of a list but for the first `count` ones from an end that equal `wanted`, in the order from that end.
fn without(
    view: &View<'_>,
    list: &List<'_>,
    (end, mut count): (End, u64),
    wanted: &[u8],
) -> Result<ItemsBuffer, KeyspaceError> {
    let mut left = ItemsBuffer::new();
    let from = if end == End::Head { 0 } else { list.len()?.saturating_sub(1) };
    list.each(view, end, from, |_, text| {
        if count > 0 && text.equals(view, wanted)? {
            count -= 1;
        } else {
            left.push(&text.to_contiguous(view)?);
        }
        Ok(true)
    })?;
    Ok(left)
}
