//! Commands on fields that hold numbers. Their effect is the result, so that replay computes nothing. A field keeps its
//! expiry.

use super::with_hash;
use crate::command::{CommandError, WriteCtx, elements, words};
use crate::effect::{Effect, HashChange, ItemsBuffer};
use crate::keyspace::{Classes, Text};
use crate::number::{Extended, parse_i64};
use crate::resp::{Args, Reply};

/// The longest value that is parsed as a floating point number, in bytes.
const FLOAT_BYTES_MAX: u64 = 5 * 1024;

/// `HINCRBY key field increment`
pub(super) fn hincrby(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (key, field) = (&args[1], &args[2]);
    let increment = words::integer(&args[3])?;
    let (before, expire_at_ms) = with_hash(context, key, |view, hash| {
        let Some(element) = hash.map(|hash| hash.get(view, field)).transpose()?.flatten() else {
            return Ok((0, None));
        };
        let number = match element.text {
            Text::Short(bytes) => parse_i64(bytes),
            Text::InPieces { .. } => None,
        };
        Ok((number.ok_or("ERR hash value is not an integer")?, element.expire_at_ms))
    })?;
    let overflow = CommandError::from("ERR increment or decrement would overflow");
    let sum = before.checked_add(increment).ok_or(overflow)?;
    store(context, args, itoa::Buffer::new().format(sum).as_bytes(), expire_at_ms, "hincrby")?;
    reply.integer(sum);
    Ok(())
}

/// `HINCRBYFLOAT key field increment`
pub(super) fn hincrbyfloat(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (key, field) = (&args[1], &args[2]);
    let increment = Extended::parse(&args[3]).ok_or("ERR value is not a valid float")?;
    if !increment.is_finite() {
        return Err("ERR value is NaN or Infinity".into());
    }
    let (before, expire_at_ms) = with_hash(context, key, |view, hash| {
        let Some(element) = hash.map(|hash| hash.get(view, field)).transpose()?.flatten() else {
            return Ok((Extended::parse(b"0"), None));
        };
        let number = match element.text {
            text if text.len() > FLOAT_BYTES_MAX => None,
            text => Extended::parse(&text.to_contiguous(view)?),
        };
        Ok((number, element.expire_at_ms))
    })?;
    let before = before.ok_or("ERR hash value is not a float")?;
    let sum = before.checked_add(increment).ok_or("ERR increment would produce NaN or Infinity")?.format();
    store(context, args, sum.as_bytes(), expire_at_ms, "hincrbyfloat")?;
    reply.bulk(sum.as_bytes());
    Ok(())
}

/// Stores the value of one field, with the notification `event`.
fn store(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    value: &[u8],
    expire_at_ms: Option<u64>,
    event: &'static str,
) -> Result<(), CommandError> {
    let (db, key, field) = (context.db, &args[1], &args[2]);
    elements::check_lengths(std::iter::once(field), "field")?;
    let pairs: ItemsBuffer = [field, value].into_iter().collect();
    let effect = Effect::on(db, key, HashChange::Set { pairs: pairs.items(), expire_at_ms });
    Ok(context.keys.reborrow().keeping_expiries().change(&effect, Classes::HASH, event)?)
}
