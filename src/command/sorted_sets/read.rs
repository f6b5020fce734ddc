//! Scores, ranks and counts.

use super::query::{Bounds, Order};
use super::set_of;
use crate::command::elements::{ElementScan, Seen};
use crate::command::{CommandError, ReadCtx, words};
use crate::number::format_f64;
use crate::resp::{Args, Elements, Reply};

/// `ZCARD key`
pub(super) fn zcard(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let set = set_of(&mut context.keys, context.db, &args[1])?;
    reply.integer(set.map(|set| set.len()).transpose()?.unwrap_or(0) as i64);
    Ok(())
}

/// `ZSCORE key member`
pub(super) fn zscore(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_scores(context, args, reply)
}

/// `ZMSCORE key member [member ...]`
pub(super) fn zmscore(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply.array(args.len() - 2);
    reply_scores(context, args, reply)
}

/// Replies with the scores of the members from word 2 on, one by one.
fn reply_scores(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let set = set_of(&mut context.keys, context.db, &args[1])?;
    for member in args.from(2) {
        match set.map(|set| set.score(context.keys.view(), member)).transpose()?.flatten() {
            Some(score) => reply.double(score.get()),
            None => reply.null(),
        }
    }
    Ok(())
}

/// `ZRANK key member [WITHSCORE]`
pub(super) fn zrank(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_rank(context, args, reply, false)
}

/// `ZREVRANK key member [WITHSCORE]`
pub(super) fn zrevrank(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_rank(context, args, reply, true)
}

/// Replies with the number of elements before a member, or after it.
fn reply_rank(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
    reverse: bool,
) -> Result<(), CommandError> {
    if args.len() > 4 {
        let name = words::excerpt(&args[0]).to_ascii_lowercase();
        return Err(format!("ERR wrong number of arguments for '{name}' command").into());
    }
    let with_score = args.get(3).is_some();
    if args.get(3).is_some_and(|word| !words::is(word, "withscore")) {
        return Err(CommandError::SYNTAX);
    }
    let set = set_of(&mut context.keys, context.db, &args[1])?;
    let found = match set {
        Some(set) => set.rank(context.keys.view(), &args[2])?.map(|found| (set, found)),
        None => None,
    };
    let Some((set, (rank, score))) = found else {
        if with_score {
            reply.null_array();
        } else {
            reply.null();
        }
        return Ok(());
    };
    let rank = if reverse { set.len()? - 1 - rank } else { rank };
    if with_score {
        reply.array(2);
    }
    reply.integer(rank as i64);
    if with_score {
        reply.double(score.get());
    }
    Ok(())
}

/// `ZCOUNT key min max`
pub(super) fn zcount(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_count(Order::Scores, context, args, reply)
}

/// `ZLEXCOUNT key min max`
pub(super) fn zlexcount(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_count(Order::Members, context, args, reply)
}

/// Replies with the number of elements within bounds.
fn reply_count(
    order: Order,
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let bounds = Bounds::parse(order, &args[2], &args[3])?;
    let positions = match set_of(&mut context.keys, context.db, &args[1])? {
        Some(set) => bounds.positions(context.keys.view(), &set, false)?,
        None => 0..0,
    };
    reply.integer((positions.end - positions.start) as i64);
    Ok(())
}

/// `ZSCAN key cursor [MATCH pattern] [COUNT count]`
pub(super) fn zscan(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let cursor = ElementScan::cursor(&args[2])?;
    let Some(value) = context.keys.get(context.db, &args[1])? else {
        ElementScan::reply_nothing(reply);
        return Ok(());
    };
    let set = value.sorted_set().ok_or(CommandError::WRONG_TYPE)?;
    let mut scan = ElementScan::parse(cursor, args, false)?;
    scan.take_all_of_few(context, &value, set.is_packed())?;
    let mut found = Elements::new(reply);
    set.each_member_from(context.keys.view(), &scan.start(), |member, score| {
        let seen = scan.see(member);
        if seen == Seen::Wanted {
            found.add(|reply| reply.bulk(member));
            found.add(|reply| reply.bulk(format_f64(score.get()).as_bytes()));
        }
        Ok(seen != Seen::End)
    })?;
    scan.reply(found, reply);
    Ok(())
}
