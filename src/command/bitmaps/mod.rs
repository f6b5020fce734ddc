//! Strings as bits: `SETBIT`, `BITCOUNT` and related commands. Bit 0 is the highest bit of the first byte.
//!
//! They read and write only the affected pieces of a long string. Only the bytes that change go into the log.

mod combine;
mod count;
mod field;
mod ones;
mod runs;
#[cfg(test)]
mod tests;

pub(super) use runs::{RUNS, WORK};

use super::{CommandError, ReadCtx, WriteCtx};
use crate::effect::{Effect, StringChange};
use crate::keyspace::{Classes, KeyspaceError, Text, Value};
use crate::number::parse_i64;
use crate::resp::{Args, Reply};
use crate::state::CommandLimits;
use crate::table::View;

/// The string in a value; a missing key counts as an empty string.
fn text<'a>(value: Option<Value<'a>>) -> Result<Text<'a>, CommandError> {
    match value {
        Some(value) => value.text()?.ok_or(CommandError::WRONG_TYPE),
        None => Ok(Text::Short(&[])),
    }
}

/// Parses a bit offset. If `bits` is the size of an integer, `#n` means the first bit of the n-th integer.
fn bit_offset(word: &[u8], bits: Option<u32>, limits: CommandLimits) -> Result<u64, CommandError> {
    let (number, size) = match (word, bits) {
        ([b'#', rest @ ..], Some(bits)) => (rest, i64::from(bits)),
        _ => (word, 1),
    };
    parse_i64(number)
        .and_then(|number| u64::try_from(number.checked_mul(size)?).ok())
        .filter(|offset| offset / 8 < limits.value_bytes_max)
        .ok_or("ERR bit offset is not an integer or out of range".into())
}

/// `LEN` bytes of a string from `start` on; bytes after its end are zero.
fn bytes_at<const LEN: usize>(
    view: &View<'_>,
    text: &Text<'_>,
    start: u64,
) -> Result<[u8; LEN], KeyspaceError> {
    let (mut bytes, mut at) = ([0; LEN], 0);
    text.each_part(view, start, start + LEN as u64, |part| {
        bytes[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    })?;
    Ok(bytes)
}

/// `SETBIT key offset value`
fn setbit(context: &mut WriteCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let (db, key) = (context.db, &args[1]);
    let offset = bit_offset(&args[2], None, context.limits)?;
    let bit = match parse_i64(&args[3]) {
        Some(bit @ 0..=1) => bit as u8,
        _ => return Err("ERR bit is not an integer or out of range".into()),
    };
    let (start, shift) = (offset / 8, 7 - offset % 8);
    let (byte, len) = context.keys.with_value(db, key, |view, value| {
        let text = text(value)?;
        Ok::<_, CommandError>((bytes_at::<1>(view, &text, start)?[0], text.len()))
    })?;
    let new = byte & !(1 << shift) | bit << shift;
    if new != byte || start >= len {
        let value = &[new];
        let effect = Effect::on(db, key, StringChange::SetRange { offset: start, value });
        context.keys.change(&effect, Classes::STRING, "setbit")?;
    }
    reply.integer(i64::from(byte >> shift & 1));
    Ok(())
}

/// `GETBIT key offset`
fn getbit(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let offset = bit_offset(&args[2], None, context.limits)?;
    let text = text(context.keys.get(context.db, &args[1])?)?;
    let [byte] = bytes_at(context.keys.view(), &text, offset / 8)?;
    reply.integer(i64::from(byte >> (7 - offset % 8) & 1));
    Ok(())
}
