//! `SORT`: the elements of a list, a set or a sorted set, ordered by themselves or by other keys.
//!
//! Source and destination are in [`collection`], and the patterns of `BY` and `GET` in [`pattern`].

mod collection;
mod options;
mod pattern;
mod runs;
#[cfg(test)]
mod tests;

pub(super) use runs::{RUNS, WORK};

use std::cmp::Ordering;
use std::ops::Range;

use self::options::Options;
use self::pattern::{Found, Pattern};
use super::{CommandError, ReadCtx, WriteCtx, sources};
use crate::keyspace::{KeyReader, Kind};
use crate::number::parse_f64_in_range;
use crate::resp::{Args, Reply};

/// `SORT_RO key [BY pattern] [LIMIT offset count] [GET pattern ...] [ASC|DESC] [ALPHA]`
fn sort_ro(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let options = Options::parse(args, true)?;
    let found = result(&mut context.keys, context.db, &args[1], &options)?;
    reply_found(&found, reply);
    Ok(())
}

/// `SORT` that stores nothing.
fn sort_reading(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let options = Options::parse(args, false)?;
    let found = result(&mut context.keys, context.db, &args[1], &options)?;
    reply_found(&found, reply);
    Ok(())
}

/// `SORT key [BY pattern] [LIMIT offset count] [GET pattern ...] [ASC|DESC] [ALPHA] [STORE destination]`
fn sort(context: &mut WriteCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let options = Options::parse(args, false)?;
    let db = context.db;
    let found = sources::read(context, |keys| result(keys, db, &args[1], &options))?;
    match options.store {
        None => reply_found(&found, reply),
        Some(key) => {
            sources::check_key(key)?;
            collection::replace(context, key, &found)?;
            reply.integer(found.len() as i64);
        }
    }
    Ok(())
}

/// Replies with the result.
fn reply_found(found: &[Found], reply: &mut Reply<'_>) {
    reply.array(found.len());
    for value in found {
        match value {
            Some(value) => reply.bulk(value),
            None => reply.null(),
        }
    }
}

/// The result: for each element, what the `GET` patterns find, or without patterns the element itself.
fn result(
    keys: &mut KeyReader<'_>,
    db: usize,
    key: &[u8],
    options: &Options<'_>,
) -> Result<Vec<Found>, CommandError> {
    let value = keys.get(db, key)?;
    let (kind, mut elements) = match &value {
        Some(value) => (value.kind, collection::elements(keys.view(), value)?),
        None => (Kind::List, Vec::new()),
    };
    // A stored result must not depend on the order in which a set is stored.
    let by_itself = options.unsorted && kind == Kind::Set && options.store.is_some();
    if !options.unsorted || by_itself {
        let alphabetic = options.alphabetic || by_itself;
        let by = if by_itself { None } else { options.by };
        elements = sorted(keys, db, elements, by, (alphabetic, options.descending))?;
    } else if kind != Kind::Set && options.descending {
        // Lists and sorted sets have an order, which can be reversed; sets have none.
        elements.reverse();
    }
    let range = limited(options.limit, elements.len());
    let mut found = Vec::new();
    for element in elements.drain(range) {
        for pattern in &options.get {
            found.push(pattern.look_up(keys, db, &element)?);
        }
        if options.get.is_empty() {
            found.push(Some(element));
        }
    }
    Ok(found)
}

/// The range of `LIMIT offset count` out of `len` elements.
fn limited((offset, count): (i64, i64), len: usize) -> Range<usize> {
    let start = usize::try_from(offset.max(0)).unwrap_or(usize::MAX).min(len);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    start..start.saturating_add(count).min(len)
}

/// Sorts the elements by what `by` finds for them, or by themselves.
fn sorted(
    keys: &mut KeyReader<'_>,
    db: usize,
    mut elements: Vec<Vec<u8>>,
    by: Option<Pattern<'_>>,
    (alphabetic, descending): (bool, bool),
) -> Result<Vec<Vec<u8>>, CommandError> {
    let Some(by) = by.filter(|_| alphabetic) else {
        return match alphabetic {
            true => {
                elements.sort_unstable_by(|a, b| directed(a.cmp(b), descending));
                Ok(elements)
            }
            false => sorted_by_numbers(keys, db, elements, by, descending),
        };
    };
    let mut weighted = Vec::with_capacity(elements.len());
    for element in elements {
        // What was not found comes first.
        weighted.push((by.look_up(keys, db, &element)?, element));
    }
    weighted.sort_by(|a, b| directed(a.0.cmp(&b.0), descending));
    Ok(weighted.into_iter().map(|(_, element)| element).collect())
}

/// Sorts the elements by the numbers that `by` finds for them, or by the numbers that they are. Those with the same
/// number are in the order of their bytes.
fn sorted_by_numbers(
    keys: &mut KeyReader<'_>,
    db: usize,
    mut elements: Vec<Vec<u8>>,
    by: Option<Pattern<'_>>,
    descending: bool,
) -> Result<Vec<Vec<u8>>, CommandError> {
    let mut numbered = Vec::with_capacity(elements.len());
    for (index, element) in elements.iter().enumerate() {
        let number = match by {
            Some(by) => by.look_up(keys, db, element)?.map_or(Ok(0.0), |found| number(&found))?,
            None => number(element)?,
        };
        numbered.push((number, index));
    }
    numbered.sort_unstable_by(|a, b| {
        let order = a.0.total_cmp(&b.0).then_with(|| elements[a.1].cmp(&elements[b.1]));
        directed(order, descending)
    });
    Ok(numbered.into_iter().map(|(_, index)| std::mem::take(&mut elements[index])).collect())
}

/// An order, or its reverse.
fn directed(order: Ordering, descending: bool) -> Ordering {
    if descending { order.reverse() } else { order }
}

/// Parses a number.
fn number(text: &[u8]) -> Result<f64, CommandError> {
    // Adding zero makes a negative zero positive, so that both are equal.
    let number = parse_f64_in_range(text).map(|number| number + 0.0);
    number.ok_or("ERR One or more scores can't be converted into double".into())
}
