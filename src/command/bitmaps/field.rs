//! `BITFIELD`: integers of 1 to 64 bits at any bit offset of a string.

use super::{bit_offset, bytes_at, text};
use crate::command::{CommandError, ReadCtx, WriteCtx, words};
use crate::effect::{Effect, StringChange};
use crate::keyspace::{Classes, KeyspaceError, Text};
use crate::number::parse_i64;
use crate::resp::{Args, Reply};
use crate::state::CommandLimits;
use crate::table::View;

/// The most bytes that an integer overlaps.
const SPAN_BYTES: usize = 9;

/// The type of an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Format {
    /// Whether it can be negative.
    signed: bool,
    /// Its size: 1 to 64 bits, unsigned 1 to 63.
    bits: u32,
}

impl Format {
    /// Parses `i8`, `u63` and the like.
    fn parse(word: &[u8]) -> Result<Self, CommandError> {
        let parsed = word.split_first().and_then(|(letter, number)| {
            let signed = match letter {
                b'i' => true,
                b'u' => false,
                _ => return None,
            };
            let bits = u32::try_from(parse_i64(number)?).ok()?;
            let bits_max = if signed { 64 } else { 63 };
            (1..=bits_max).contains(&bits).then_some(Self { signed, bits })
        });
        parsed.ok_or(
            "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is."
                .into(),
        )
    }

    /// The lowest and the highest integer.
    fn limits(self) -> (i128, i128) {
        match self.signed {
            true => (-(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1),
            false => (0, (1 << self.bits) - 1),
        }
    }

    /// The integer in the lowest bits.
    fn of_bits(self, bits: u64) -> i64 {
        let unused = 64 - self.bits;
        if self.signed { (bits << unused) as i64 >> unused } else { (bits << unused >> unused) as i64 }
    }
}

/// What happens to a result that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Overflow {
    /// Its lowest bits are kept.
    Wrap,
    /// The nearest integer that fits is taken.
    Saturate,
    /// Nothing is changed.
    Fail,
}

/// What is done with an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// It is read.
    Get,
    /// It is replaced.
    Set(i64),
    /// A number is added to it.
    Increment(i64),
}

/// One subcommand.
#[derive(Clone, Copy, Debug)]
struct Operation {
    /// The type of the integer.
    format: Format,
    /// Its first bit.
    offset: u64,
    /// What is done with it.
    action: Action,
    /// What happens to a result that does not fit.
    overflow: Overflow,
}

impl Operation {
    /// The bytes that the integer overlaps: the first, and the one after the last.
    fn span(&self) -> (u64, u64) {
        (self.offset / 8, (self.offset + u64::from(self.format.bits)).div_ceil(8))
    }

    /// Reads the integer from the bytes that it overlaps.
    fn read(&self, bytes: &[u8; SPAN_BYTES]) -> i64 {
        let wide = bytes.iter().fold(0_u128, |wide, byte| wide << 8 | u128::from(*byte));
        self.format.of_bits((wide >> self.shift()) as u64)
    }

    /// Writes the lowest bits of `value` into the bytes.
    fn write(&self, bytes: &mut [u8; SPAN_BYTES], value: i64) {
        let mask = ((1_u128 << self.format.bits) - 1) << self.shift();
        let wide = bytes.iter().fold(0_u128, |wide, byte| wide << 8 | u128::from(*byte));
        let wide = wide & !mask | (value as u128) << self.shift() & mask;
        bytes.copy_from_slice(&wide.to_be_bytes()[16 - SPAN_BYTES..]);
    }

    /// Number of bits after the integer in the [`SPAN_BYTES`] that are read.
    fn shift(&self) -> u32 {
        8 * SPAN_BYTES as u32 - (self.offset % 8) as u32 - self.format.bits
    }

    /// The integer's new value, or `None` if it does not change.
    fn result(&self, old: i64) -> Option<i64> {
        let result = match self.action {
            Action::Get => return None,
            // An unsigned integer takes a negative number as a huge one.
            Action::Set(value) if !self.format.signed => i128::from(value as u64),
            Action::Set(value) => i128::from(value),
            Action::Increment(increment) => i128::from(old) + i128::from(increment),
        };
        let (lowest, highest) = self.format.limits();
        if (lowest..=highest).contains(&result) {
            return Some(result as i64);
        }
        match self.overflow {
            Overflow::Wrap => Some(self.format.of_bits(result as u64)),
            Overflow::Saturate => Some(result.clamp(lowest, highest) as i64),
            Overflow::Fail => None,
        }
    }
}

/// Parses the subcommands, which start at word 2.
fn parse(args: &Args<'_>, limits: CommandLimits, read_only: bool) -> Result<Vec<Operation>, CommandError> {
    let (mut operations, mut overflow, mut index) = (Vec::new(), Overflow::Wrap, 2);
    while let Some(word) = args.get(index) {
        let left = args.len() - index - 1;
        if words::is(word, "overflow") && left >= 1 {
            overflow = match &args[index + 1] {
                word if words::is(word, "wrap") => Overflow::Wrap,
                word if words::is(word, "sat") => Overflow::Saturate,
                word if words::is(word, "fail") => Overflow::Fail,
                _ => return Err("ERR Invalid OVERFLOW type specified".into()),
            };
            index += 2;
            continue;
        }
        let takes_value = match word {
            word if words::is(word, "get") && left >= 2 => false,
            word if (words::is(word, "set") || words::is(word, "incrby")) && left >= 3 => true,
            _ => return Err(CommandError::SYNTAX),
        };
        let format = Format::parse(&args[index + 1])?;
        let offset = bit_offset(&args[index + 2], Some(format.bits), limits)?;
        let action = match takes_value {
            false => Action::Get,
            true if words::is(word, "set") => Action::Set(words::integer(&args[index + 3])?),
            true => Action::Increment(words::integer(&args[index + 3])?),
        };
        operations.push(Operation { format, offset, action, overflow });
        index += if takes_value { 4 } else { 3 };
    }
    if read_only && operations.iter().any(|operation: &Operation| operation.action != Action::Get) {
        return Err("ERR BITFIELD_RO only supports the GET subcommand".into());
    }
    Ok(operations)
}

/// Reads the bytes that an integer overlaps.
fn read(view: &View<'_>, text: &Text<'_>, operation: &Operation) -> Result<[u8; SPAN_BYTES], KeyspaceError> {
    bytes_at(view, text, operation.span().0)
}

/// `BITFIELD_RO key [GET encoding offset ...]`
pub(super) fn bitfield_ro(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_read(parse(args, context.limits, true)?, context, args, reply)
}

/// `BITFIELD` whose operations all read.
pub(super) fn bitfield_reading(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_read(parse(args, context.limits, false)?, context, args, reply)
}

/// Replies with integers that are only read.
fn reply_read(
    operations: Vec<Operation>,
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let text = text(context.keys.get(context.db, &args[1])?)?;
    reply.array(operations.len());
    for operation in &operations {
        reply.integer(operation.read(&read(context.keys.view(), &text, operation)?));
    }
    Ok(())
}

/// `BITFIELD key [GET encoding offset | [OVERFLOW <WRAP|SAT|FAIL>] <SET encoding offset value | INCRBY encoding offset
/// increment> ...]`
pub(super) fn bitfield(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (db, key) = (context.db, &args[1]);
    let operations = parse(args, context.limits, false)?;
    let len = context.keys.with_value(db, key, |_, value| Ok::<_, CommandError>(text(value)?.len()))?;
    // The string is extended as far as the changes may need, even if they fail on an overflow.
    let changes = operations.iter().filter(|operation| operation.action != Action::Get);
    let needed = changes.map(|operation| operation.span().1).max().unwrap_or(0);
    if needed > context.limits.value_bytes_max {
        return Err(CommandError::VALUE_TOO_LONG);
    }
    if needed > len {
        context.keys.apply(&Effect::on(
            db,
            key,
            StringChange::SetRange { offset: needed - 1, value: &[0] },
        ))?;
    }
    reply.array(operations.len());
    let mut changed = false;
    for operation in &operations {
        let old_bytes = context.keys.with_value(db, key, |view, value| {
            Ok::<_, CommandError>(read(view, &text(value)?, operation)?)
        })?;
        let old = operation.read(&old_bytes);
        let new = operation.result(old);
        if let Some(new) = new {
            changed |= needed > len || new != old;
            let mut bytes = old_bytes;
            operation.write(&mut bytes, new);
            let (start, end) = operation.span();
            let value = &bytes[..(end - start) as usize];
            if bytes != old_bytes {
                context.keys.apply(&Effect::on(db, key, StringChange::SetRange { offset: start, value }))?;
            }
        }
        match (operation.action, new) {
            (Action::Get, _) | (Action::Set(_), Some(_)) => reply.integer(old),
            (Action::Increment(_), Some(new)) => reply.integer(new),
            (_, None) => reply.null(),
        }
    }
    if changed {
        context.keys.event(Classes::STRING, "setbit", db, key);
    }
    Ok(())
}
