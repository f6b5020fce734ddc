//! Random fields.

use super::{hash_of, reply_element};
use crate::command::elements::{self, distinct_places};
use crate::command::{CommandError, ReadCtx, words};
use crate::keyspace::{Element, Hash, KeyspaceError};
use crate::resp::{Args, Reply};
use crate::table::View;

/// Random picks of expired fields after which the first live field in order is taken.
const PICKS_MAX: usize = 100;

/// `HRANDFIELD key [count [WITHVALUES]]`: different fields; with a negative count, independent picks.
pub(super) fn hrandfield(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let count = args.get(2).map(words::signed_count).transpose()?;
    let with_values = match args.get(3) {
        Some(word) if args.len() == 4 && words::is(word, "withvalues") => true,
        Some(_) => return Err(CommandError::SYNTAX),
        None => false,
    };
    if with_values && count.is_some_and(|count| count.unsigned_abs() > i64::MAX as u64 / 2) {
        return Err("ERR value is out of range".into());
    }
    let hash = hash_of(context, &args[1])?;
    let view = context.keys.view();
    match (hash, count) {
        (None, None) => reply.null(),
        (None, Some(_)) => reply.array(0),
        (Some(hash), None) => match pick(view, &hash)? {
            Some((field, _)) => reply.bulk(&field),
            None => reply.null(),
        },
        (Some(hash), Some(count @ 0..)) => {
            reply_different(view, &hash, count as u64, Form { with_values }, reply)?;
        }
        (Some(hash), Some(count)) => {
            let form = Form { with_values };
            form.header(count.unsigned_abs() as usize, reply);
            elements::reply_picks(view, count.unsigned_abs(), reply, |reply| {
                let (field, element) = pick(view, &hash)?.ok_or(CommandError::NO_SUCH_KEY)?;
                Ok(form.write(view, &field, element, reply)?)
            })?;
        }
    }
    Ok(())
}

/// The form of the reply.
#[derive(Clone, Copy)]
struct Form {
    /// Whether values are included: in pairs; in RESP2, flat.
    with_values: bool,
}

impl Form {
    /// Writes the start of a reply of `count` fields.
    fn header(self, count: usize, reply: &mut Reply<'_>) {
        reply.array(if self.with_values && !reply.is_resp3() { count * 2 } else { count });
    }

    /// Writes one field.
    fn write(
        self,
        view: &View<'_>,
        field: &[u8],
        element: Element<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<(), KeyspaceError> {
        if self.with_values && reply.is_resp3() {
            reply.array(2);
        }
        reply.bulk(field);
        if self.with_values { reply_element(view, Some(element), reply) } else { Ok(()) }
    }
}

/// Replies with up to `count` different fields.
fn reply_different(
    view: &View<'_>,
    hash: &Hash<'_>,
    count: u64,
    form: Form,
    reply: &mut Reply<'_>,
) -> Result<(), KeyspaceError> {
    view.check_lookups(count.min(hash.places()?))?;
    let len = hash.len(view)?;
    let count = count.min(len);
    form.header(count as usize, reply);
    if len == hash.places()? && count < len {
        for place in distinct_places(len, count) {
            if let Some((field, element)) = hash.nth(view, place)? {
                form.write(view, &field, element, reply)?;
            }
        }
        return Ok(());
    }
    // All fields, or some of those that have not expired.
    let mut chosen = distinct_places(len, count);
    chosen.sort_unstable();
    let (mut chosen, mut place) = (chosen.into_iter().peekable(), 0);
    hash.each_from(view, &[], |field, element| {
        if chosen.next_if_eq(&place).is_some() {
            form.write(view, field, element, reply)?;
        }
        place += 1;
        Ok(chosen.peek().is_some())
    })
}

/// Picks a random field.
fn pick<'a>(view: &'a View<'_>, hash: &Hash<'a>) -> Result<Option<(Vec<u8>, Element<'a>)>, KeyspaceError> {
    let places = hash.places()?;
    for _ in 0..PICKS_MAX {
        if let Some(found) = hash.nth(view, rand::random_range(0..places.max(1)))? {
            return Ok(Some(found));
        }
    }
    let mut first = None;
    hash.each_from(view, &[], |field, _| {
        first = Some(field.to_vec());
        Ok(false)
    })?;
    let Some(field) = first else { return Ok(None) };
    Ok(hash.get(view, &field)?.map(|element| (field, element)))
}
