//! `SRANDMEMBER`: random members that stay in the set.

use super::set_of;
use crate::command::elements::{self, distinct_places};
use crate::command::{CommandError, ReadCtx, words};
use crate::keyspace::{KeyspaceError, Set};
use crate::resp::{Args, Reply};
use crate::table::View;

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
