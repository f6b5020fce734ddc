//! Counting and finding bits.

use std::ops::Range;

use super::{ones, text};
use crate::command::{CommandError, ReadCtx, words};
use crate::keyspace::{KeyspaceError, Text};
use crate::resp::{Args, Reply};
use crate::table::View;

/// Bytes that a search reads before it checks whether to go on.
const WINDOW_BYTES: u64 = 1 << 20;
/// Bytes of a long string that are read in the time of a lookup.
const BYTES_PER_LOOKUP: u64 = 1024;

/// Parses `BYTE` or `BIT`; returns whether it is `BIT`.
fn is_in_bits(word: Option<&[u8]>) -> Result<bool, CommandError> {
    match word {
        None => Ok(false),
        Some(word) if words::is(word, "byte") => Ok(false),
        Some(word) if words::is(word, "bit") => Ok(true),
        Some(_) => Err(CommandError::SYNTAX),
    }
}

/// Resolves a range to bits of a string of `len` bytes. `start` and `end` are included; negative ones count from the
/// end.
fn range(start: i64, end: i64, len: u64, in_bits: bool) -> Range<u64> {
    let unit = if in_bits { 1 } else { 8 };
    let total = (len * 8 / unit) as i64;
    let from_start = |index: i64| if index < 0 { index.saturating_add(total).max(0) } else { index };
    let (start, end) = (from_start(start), from_start(end).min(total - 1));
    if start > end { 0..0 } else { start as u64 * unit..(end as u64 + 1) * unit }
}

/// `BITCOUNT key [start end [BYTE|BIT]]`
pub(super) fn bitcount(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let Some(value) = context.keys.get(context.db, &args[1])? else {
        reply.integer(0);
        return Ok(());
    };
    let text = text(Some(value))?;
    let bits = match args.len() {
        2 => 0..text.len() * 8,
        4 | 5 => {
            let (start, end) = (words::integer(&args[2])?, words::integer(&args[3])?);
            let in_bits = args.get(4);
            if start < 0 && end < 0 && start > end {
                0..0
            } else {
                range(start, end, text.len(), is_in_bits(in_bits)?)
            }
        }
        _ => return Err(CommandError::SYNTAX),
    };
    let view = context.keys.view();
    view.check_lookups((bits.end - bits.start) / 8 / BYTES_PER_LOOKUP)?;
    reply.integer(count(view, &text, bits)? as i64);
    Ok(())
}

/// Counts the bits that are set.
fn count(view: &View<'_>, text: &Text<'_>, bits: Range<u64>) -> Result<u64, KeyspaceError> {
    let mut count = 0;
    each_masked(view, text, bits, 0, |bytes| count += ones::count(bytes))?;
    Ok(count)
}

/// Calls `see` with the bytes of a range of bits. Bits of the first and the last byte outside of the range have the
/// value `fill`.
fn each_masked(
    view: &View<'_>,
    text: &Text<'_>,
    bits: Range<u64>,
    fill: u8,
    mut see: impl FnMut(&[u8]),
) -> Result<(), KeyspaceError> {
    if bits.is_empty() {
        return Ok(());
    }
    let (first, last) = (bits.start / 8, (bits.end - 1) / 8);
    let before = !(0xFF_u8 >> (bits.start % 8));
    let behind = 0x7F_u8 >> ((bits.end - 1) % 8);
    let masked = |byte: u8, mask: u8| if fill == 0 { byte & !mask } else { byte | mask };
    if first == last {
        let [byte] = super::bytes_at(view, text, first)?;
        see(&[masked(byte, before | behind)]);
        return Ok(());
    }
    let ([head], [tail]) = (super::bytes_at(view, text, first)?, super::bytes_at(view, text, last)?);
    see(&[masked(head, before)]);
    text.each_part(view, first + 1, last, &mut see)?;
    see(&[masked(tail, behind)]);
    Ok(())
}

/// `BITPOS key bit [start [end [BYTE|BIT]]]`
pub(super) fn bitpos(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let bit = match words::integer(&args[2])? {
        bit @ 0..=1 => bit == 1,
        _ => return Err("ERR The bit argument must be 1 or 0.".into()),
    };
    let Some(value) = context.keys.get(context.db, &args[1])? else {
        reply.integer(if bit { -1 } else { 0 });
        return Ok(());
    };
    let text = text(Some(value))?;
    if args.len() > 6 {
        return Err(CommandError::SYNTAX);
    }
    let start = args.get(3).map_or(Ok(0), words::integer)?;
    let in_bits = is_in_bits(args.get(5))?;
    let end = args.get(4).map(words::integer).transpose()?;
    let bits = range(start, end.unwrap_or(-1), text.len(), in_bits);
    let found = find(context.keys.view(), &text, bits.clone(), bit)?;
    reply.integer(match found {
        Some(position) => position as i64,
        // Without an end, the string counts as continued with zeros.
        None if !bit && end.is_none() && !bits.is_empty() => bits.end as i64,
        None => -1,
    });
    Ok(())
}

/// Finds the first bit with a value.
fn find(
    view: &View<'_>,
    text: &Text<'_>,
    bits: Range<u64>,
    wanted: bool,
) -> Result<Option<u64>, KeyspaceError> {
    let skipped = if wanted { 0 } else { 0xFF };
    let mut start = bits.start;
    while start < bits.end {
        let end = bits.end.min((start / 8 + WINDOW_BYTES) * 8);
        let (mut at, mut found) = (start / 8 * 8, None);
        each_masked(view, text, start..end, skipped, |bytes| {
            if found.is_none()
                && let Some(index) = bytes.iter().position(|byte| *byte != skipped)
            {
                found = Some(at + 8 * index as u64 + u64::from((bytes[index] ^ skipped).leading_zeros()));
            }
            at += 8 * bytes.len() as u64;
        })?;
        if found.is_some() {
            return Ok(found);
        }
        start = end;
    }
    Ok(None)
}
