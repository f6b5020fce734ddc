//! Commands on ranges: `ZRANGE` and its older forms, and the removal of ranges.

use super::query::{Bounds, Form, Order, Query};
use super::{Element, reply_element, reply_elements, set_of, store, taken, with_set};
use crate::command::long::REMOVED_AT_ONCE;
use crate::command::removed::{Removed, Way};
use crate::command::{Call, CommandError, ReadCtx, WriteCtx, sources};
use crate::effect::{Effect, ItemsBuffer, Ranks, SortedSetChange};
use crate::keyspace::{Classes, KeyReader, KeyspaceError, SortedSet};
use crate::resp::{Args, Reply};
use crate::table::View;

/// `ZRANGE key start stop [BYSCORE|BYLEX] [REV] [LIMIT offset count] [WITHSCORES]`
pub(super) fn zrange(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_range(None, None, context, args, reply)
}

/// `ZREVRANGE key start stop [WITHSCORES]`
pub(super) fn zrevrange(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_range(Some(Order::Positions), Some(true), context, args, reply)
}

/// `ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count]`
pub(super) fn zrangebyscore(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_range(Some(Order::Scores), Some(false), context, args, reply)
}

/// `ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count]`
pub(super) fn zrevrangebyscore(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_range(Some(Order::Scores), Some(true), context, args, reply)
}

/// `ZRANGEBYLEX key min max [LIMIT offset count]`
pub(super) fn zrangebylex(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_range(Some(Order::Members), Some(false), context, args, reply)
}

/// `ZREVRANGEBYLEX key max min [LIMIT offset count]`
pub(super) fn zrevrangebylex(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_range(Some(Order::Members), Some(true), context, args, reply)
}

/// Replies with the result of a query.
fn reply_range(
    order: Option<Order>,
    reverse: Option<bool>,
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let query = Query::parse(Form { order, reverse, stores: false }, args, 2)?;
    let Some(set) = set_of(&mut context.keys, context.db, &args[1])? else {
        reply.array(0);
        return Ok(());
    };
    let view = context.keys.view();
    let positions = query.positions(view, &set)?;
    view.check_cells(positions.end - positions.start)?;
    reply_elements(reply, positions.end - positions.start, query.with_scores);
    set.each_in(view, positions, query.reverse, |member, score| {
        reply_element(reply, member, score, query.with_scores);
        Ok(!reply.is_cut())
    })?;
    Ok(())
}

/// `ZRANGESTORE destination source start stop [BYSCORE|BYLEX] [REV] [LIMIT offset count]`
pub(super) fn zrangestore(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let query = Query::parse(Form { order: None, reverse: None, stores: true }, args, 3)?;
    let (db, copies) = (context.db, context.keys.prepares());
    let found = sources::read(context, |keys| {
        let Some(set) = set_of(keys, db, &args[2])? else { return Ok(Err(Vec::new())) };
        let positions = query.positions(keys.view(), &set)?;
        let stored = positions.end - positions.start;
        if copies && !set.is_packed() && store::is_copied(stored, set.len()?) {
            return Ok(Ok(positions));
        }
        let mut elements: Vec<Element> = Vec::new();
        set.each_in(keys.view(), positions, false, |member, score| {
            elements.push((score, member.to_vec()));
            Ok(true)
        })?;
        Ok(Err(elements))
    })?;
    let elements = match found {
        Ok(positions) => {
            let ranks = Ranks { first: positions.start, behind: positions.end, within: true };
            let (from, to) = ((db, &args[2]), (db, &args[1]));
            let event = (Classes::SORTED_SET, "zrangestore");
            context.keys.replace_by_elements(from, ranks, to, event, false)?;
            reply.integer((positions.end - positions.start) as i64);
            return Ok(());
        }
        Err(elements) => elements,
    };
    store::replace(context, &args[1], &elements, "zrangestore")?;
    reply.integer(elements.len() as i64);
    Ok(())
}

/// How long a `ZRANGESTORE` takes: it stores each element.
pub(super) fn store_work(call: &Call<'_>, keys: &mut KeyReader<'_>) -> Result<u64, KeyspaceError> {
    let query = Query::parse(Form { order: None, reverse: None, stores: true }, &call.args, 3);
    let set = keys.peek(call.db, &call.args[2])?.and_then(|value| value.sorted_set());
    let (Ok(query), Some(set)) = (query, set) else { return Ok(0) };
    let positions = query.positions(keys.view(), &set)?;
    Ok(positions.end - positions.start)
}

/// `ZREMRANGEBYRANK key start stop`
pub(super) fn zremrangebyrank(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    remove_range(Order::Positions, context, args, reply)
}

/// `ZREMRANGEBYSCORE key min max`
pub(super) fn zremrangebyscore(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    remove_range(Order::Scores, context, args, reply)
}

/// `ZREMRANGEBYLEX key min max`
pub(super) fn zremrangebylex(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    remove_range(Order::Members, context, args, reply)
}

/// Removes the elements within bounds.
fn remove_range(
    order: Order,
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (db, key) = (context.db, &args[1]);
    let bounds = Bounds::parse(order, &args[2], &args[3])?;
    let name = match order {
        Order::Positions => "zremrangebyrank",
        Order::Scores => "zremrangebyscore",
        Order::Members => "zremrangebylex",
    };
    if context.keys.prepares() {
        let positions = |view: &View<'_>, set: &SortedSet<'_>| bounds.positions(view, set, false);
        reply.integer(taken::take_beside(context, key, (name, false), positions)?.count as i64);
        return Ok(());
    }
    let (members, all) = with_set(context, key, |view, set| {
        let mut members = ItemsBuffer::new();
        let Some(set) = set else { return Ok((members, false)) };
        let positions = bounds.positions(view, &set, false)?;
        if positions.end - positions.start < set.len()? {
            set.each_in(view, positions, false, |member, _| {
                members.push(member);
                Ok(true)
            })?;
            return Ok((members, false));
        }
        reply.integer(set.len()? as i64);
        Ok((members, true))
    })?;
    if all {
        context.keys.take_all(db, key, Classes::SORTED_SET, name)?;
        return Ok(());
    }
    if !members.is_empty() {
        let effect = Effect::on(db, key, SortedSetChange::Remove { members: members.items() });
        context.keys.change(&effect, Classes::SORTED_SET, name)?;
    }
    reply.integer(members.len() as i64);
    Ok(())
}

/// How long a `ZREMRANGEBY...` takes; 0 if the writer removes all in one step. Deleting all of a set takes no time, because
/// nobody wants to know what was there.
pub(super) fn removal_work(
    order: Order,
    call: &Call<'_>,
    keys: &mut KeyReader<'_>,
) -> Result<u64, KeyspaceError> {
    let bounds = Bounds::parse(order, &call.args[2], &call.args[3]);
    let set = keys.peek(call.db, &call.args[1])?.and_then(|value| value.sorted_set());
    let (Ok(bounds), Some(set)) = (bounds, set) else { return Ok(0) };
    let positions = bounds.positions(keys.view(), &set, false)?;
    let removed = Removed::up_to(positions.end - positions.start, set.len()?);
    let beside = matches!(removed.way(true), Way::FromCopy | Way::Rest);
    Ok(if beside { removed.removed / REMOVED_AT_ONCE } else { 0 })
}
