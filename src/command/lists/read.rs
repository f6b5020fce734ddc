//! Reads elements.

use super::*;
use crate::keyspace::list_range;
use crate::number::parse_i64;

/// `LLEN key`
pub(super) fn llen(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let list = list_of(context, &args[1])?;
    reply.integer(list.map(|list| list.len()).transpose()?.unwrap_or(0) as i64);
    Ok(())
}

/// `LINDEX key index`
pub(super) fn lindex(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let Some(list) = list_of(context, &args[1])? else {
        reply.null();
        return Ok(());
    };
    let view = context.keys.view();
    let index = index_in(words::integer(&args[2])?, list.len()?);
    match index.map(|index| list.get(view, index)).transpose()?.flatten() {
        Some(text) => text.bulk(view, 0, text.len(), reply)?,
        None => reply.null(),
    }
    Ok(())
}

/// `LRANGE key start stop`
pub(super) fn lrange(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (start, stop) = (words::integer(&args[2])?, words::integer(&args[3])?);
    let Some(list) = list_of(context, &args[1])? else {
        reply.array(0);
        return Ok(());
    };
    let (first, count) = list_range(start, stop, list.len()?);
    write_elements(context.keys.view(), &list, End::Head, (first, count), reply)
}

/// Replies with `count` elements from `index` on, counted from the end `from` and in that order.
pub(super) fn write_elements(
    view: &View<'_>,
    list: &List<'_>,
    from: End,
    (index, count): (u64, u64),
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    view.check_cells(count)?;
    reply.array(count as usize);
    let mut left = count;
    if count > 0 {
        list.each(view, from, index, |_, text| {
            text.bulk(view, 0, text.len(), reply)?;
            left -= 1;
            Ok(left > 0 && !reply.is_cut())
        })?;
    }
    Ok(())
}

/// The options of `LPOS`.
struct Search {
    /// Where it starts.
    from: End,
    /// Matches to skip.
    skipped: u64,
    /// Matches that are wanted; `None`: the first one, not in an array.
    count: Option<u64>,
    /// The most elements to compare.
    compared_max: u64,
}

impl Search {
    /// Parses the options.
    fn parse(args: &Args<'_>) -> Result<Self, CommandError> {
        let mut search = Self { from: End::Head, skipped: 0, count: None, compared_max: u64::MAX };
        let mut rest = args.from(3);
        while let Some(option) = rest.next() {
            let value = rest.next().ok_or(CommandError::SYNTAX)?;
            if words::is(option, "rank") {
                search.set_rank(words::integer(value)?)?;
            } else if words::is(option, "count") {
                search.count = Some(unlimited_if_zero(value, "ERR COUNT can't be negative")?);
            } else if words::is(option, "maxlen") {
                search.compared_max = unlimited_if_zero(value, "ERR MAXLEN can't be negative")?;
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(search)
    }

    /// `RANK`: the first match that counts; negative ones count from the tail.
    fn set_rank(&mut self, rank: i64) -> Result<(), CommandError> {
        match rank {
            0 => Err(
                "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use \
                      negative to start from the end of the list"
                    .into(),
            ),
            i64::MIN => {
                Err("ERR value is out of range, must be between -9223372036854775807 and 9223372036854775807"
                    .into())
            }
            _ => {
                self.from = if rank > 0 { End::Head } else { End::Tail };
                self.skipped = rank.unsigned_abs() - 1;
                Ok(())
            }
        }
    }
}

/// Parses a number that is not negative; 0 means no limit.
fn unlimited_if_zero(word: &[u8], refusal: &'static str) -> Result<u64, CommandError> {
    let number = parse_i64(word).and_then(|number| u64::try_from(number).ok());
    Ok(match number.ok_or(CommandError::from(refusal))? {
        0 => u64::MAX,
        number => number,
    })
}

/// `LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len]`
pub(super) fn lpos(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let search = Search::parse(args)?;
    let mut found = Vec::new();
    if let Some(list) = list_of(context, &args[1])? {
        let (view, len) = (context.keys.view(), list.len()?);
        let (mut skipped, mut compared) = (0, 0);
        let start = if search.from == End::Head { 0 } else { len.saturating_sub(1) };
        list.each(view, search.from, start, |index, text| {
            compared += 1;
            if text.equals(view, &args[2])? {
                if skipped < search.skipped {
                    skipped += 1;
                } else {
                    found.push(index);
                }
            }
            Ok((found.len() as u64) < search.count.unwrap_or(1) && compared < search.compared_max)
        })?;
    }
    match (search.count, found.first()) {
        (Some(_), _) => {
            reply.array(found.len());
            found.iter().for_each(|index| reply.integer(*index as i64));
        }
        (None, Some(index)) => reply.integer(*index as i64),
        (None, None) => reply.null(),
    }
    Ok(())
}
