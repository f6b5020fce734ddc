//! Commands on strings that hold numbers. Their effect is the result, so that replay computes nothing.

use super::string_info;
use crate::command::{CommandError, WriteCtx, words};
use crate::effect::{Effect, StringChange};
use crate::keyspace::{Classes, Text};
use crate::number::{Extended, parse_i64};
use crate::resp::{Args, Reply};

/// The longest string that is parsed as a floating point number, in bytes.
const FLOAT_BYTES_MAX: u64 = 5 * 1024;

/// The error of a word or a value that is no number.
const NO_FLOAT: &str = "ERR value is not a valid float";

/// `INCR key`
pub(super) fn incr(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    add(context, &args[1], 1, reply)
}

/// `DECR key`
pub(super) fn decr(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    add(context, &args[1], -1, reply)
}

/// `INCRBY key increment`
pub(super) fn incrby(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    add(context, &args[1], words::integer(&args[2])?, reply)
}

/// `DECRBY key decrement`
pub(super) fn decrby(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let decrement = words::integer(&args[2])?;
    let increment = decrement.checked_neg().ok_or(CommandError::from("ERR decrement would overflow"))?;
    add(context, &args[1], increment, reply)
}

/// `INCRBYFLOAT key increment`
pub(super) fn incrbyfloat(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (db, key) = (context.db, &args[1]);
    let (before, expire_at_ms) = float_of(context, key)?;
    let increment = Extended::parse(&args[2]).ok_or(CommandError::from(NO_FLOAT))?;
    let sum = before
        .checked_add(increment)
        .ok_or(CommandError::from("ERR increment would produce NaN or Infinity"))?
        .format();
    let effect = Effect::on(db, key, StringChange::Set { value: sum.as_bytes(), expire_at_ms, raw: false });
    context.keys.reborrow().keeping_expiries().apply(&effect)?;
    context.keys.event(Classes::STRING, "incrbyfloat", db, key);
    reply.bulk(sum.as_bytes());
    Ok(())
}

/// Adds `increment` to the integer that a key holds.
fn add(
    context: &mut WriteCtx<'_>,
    key: &[u8],
    increment: i64,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let db = context.db;
    let (before, expire_at_ms) = integer_of(context, key)?;
    let sum = before
        .checked_add(increment)
        .ok_or(CommandError::from("ERR increment or decrement would overflow"))?;
    let mut text = itoa::Buffer::new();
    let value = text.format(sum).as_bytes();
    let effect = Effect::on(db, key, StringChange::Set { value, expire_at_ms, raw: false });
    context.keys.reborrow().keeping_expiries().apply(&effect)?;
    context.keys.event(Classes::STRING, "incrby", db, key);
    reply.integer(sum);
    Ok(())
}

/// The integer that a key holds, and the key's expiry; 0 if there is no key.
pub(super) fn integer_of(context: &WriteCtx<'_>, key: &[u8]) -> Result<(i64, Option<u64>), CommandError> {
    context.keys.with_value(context.db, key, |_, value| {
        let Some(value) = value else {
            return Ok((0, None));
        };
        match value.text()?.ok_or(CommandError::WRONG_TYPE)? {
            Text::Short(bytes) => {
                let number = parse_i64(bytes).ok_or(CommandError::NOT_AN_INTEGER)?;
                Ok((number, value.expire_at_ms))
            }
            Text::InPieces { .. } => Err(CommandError::NOT_AN_INTEGER),
        }
    })
}

/// The floating point number that a key holds, and the key's expiry; 0 if there is no key.
pub(super) fn float_of(context: &WriteCtx<'_>, key: &[u8]) -> Result<(Extended, Option<u64>), CommandError> {
    let expire_at_ms = string_info(context, key)?.and_then(|info| info.expire_at_ms);
    let number = context.keys.with_value(context.db, key, |view, value| {
        let text = value.map(|value| value.text()).transpose()?.flatten();
        match text {
            None => Ok(Some(Extended::ZERO)),
            Some(text) if text.len() > FLOAT_BYTES_MAX => Ok(None),
            Some(text) => Ok::<_, CommandError>(Extended::parse(&text.to_contiguous(view)?)),
        }
    })?;
    Ok((number.ok_or(CommandError::from(NO_FLOAT))?, expire_at_ms))
}
