//! Random members.

use super::{reply_element, reply_elements, set_of};
use crate::command::elements::{self, distinct_places};
use crate::command::{CommandError, ReadCtx, words};
use crate::keyspace::{KeyspaceError, SortedSet};
use crate::resp::{Args, Reply};
use crate::table::View;

/// `ZRANDMEMBER key [count [WITHSCORES]]`: different members; with a negative count, independent picks.
pub(super) fn zrandmember(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let count = args.get(2).map(words::signed_count).transpose()?;
    let with_scores = args.get(3).is_some_and(|word| words::is(word, "withscores"));
    if args.len() > 4 || args.len() == 4 && !with_scores {
        return Err(CommandError::SYNTAX);
    }
    if with_scores && count.is_some_and(|count| count.unsigned_abs() > i64::MAX as u64 / 2) {
        return Err("ERR value is out of range".into());
    }
    let set = set_of(&mut context.keys, context.db, &args[1])?;
    let view = context.keys.view();
    match (set, count) {
        (None, None) => reply.null(),
        (None, Some(_)) => reply.array(0),
        (Some(set), None) => match set.nth_member(view, rand::random_range(0..set.len()?.max(1)))? {
            Some((member, _)) => reply.bulk(&member),
            None => reply.null(),
        },
        (Some(set), Some(count @ 0..)) => {
            let len = set.len()?;
            view.check_lookups(len.min(count as u64))?;
            let places = distinct_places(len, len.min(count as u64));
            reply_elements(reply, places.len() as u64, with_scores);
            for place in places {
                reply_member(view, &set, place, with_scores, reply)?;
            }
        }
        (Some(set), Some(count)) => {
            let len = set.len()?;
            reply_elements(reply, count.unsigned_abs(), with_scores);
            elements::reply_picks(view, count.unsigned_abs(), reply, |reply| {
                reply_member(view, &set, rand::random_range(0..len.max(1)), with_scores, reply)
            })?;
        }
    }
    Ok(())
}

/// Replies with the member at position `place`.
fn reply_member(
    view: &View<'_>,
    set: &SortedSet<'_>,
    place: u64,
    with_scores: bool,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let element = set.nth_member(view, place)?;
    let (member, score) = element.ok_or(KeyspaceError::BadCell("a sorted set shorter than its length"))?;
    reply_element(reply, &member, score, with_scores);
    Ok(())
}
