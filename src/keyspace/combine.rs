//! Combining strings bit by bit, a block at a time.

use std::ops::Range;

use super::cell::{PIECE_BYTES, Text};
use super::error::KeyspaceError;
use crate::effect::Bits;
use crate::table::View;

/// Bytes that are combined before the next ones are read: so few that they stay in the processor's cache, and whole
/// pieces of long strings.
pub const COMBINED_BYTES: usize = 48 * PIECE_BYTES;

/// Adds the combination of the bytes from `start` up to, but not including, `end` of each string to `result`. Strings
/// that are shorter count as continued with zeros.
pub fn combine(
    bits: Bits,
    view: &View<'_>,
    texts: &[Text<'_>],
    (start, end): (u64, u64),
    result: &mut Vec<u8>,
) -> Result<(), KeyspaceError> {
    let Some((first, others)) = texts.split_first() else { return Ok(()) };
    let from = result.len();
    let len = (end - start) as usize;
    let is_first_last = matches!(bits, Bits::NotFirst | Bits::FirstAndAnother);
    if !is_first_last {
        first.each_part(view, start, end, |part| result.extend_from_slice(part))?;
    }
    result.resize(from + len, 0);
    let bytes = &mut result[from..];
    let mut repeated = vec![0; if bits == Bits::One { len } else { 0 }];
    for text in others {
        let there = each_place(text, view, (start, end), |place, part| match bits {
            Bits::One => merge_once(&mut bytes[place.clone()], &mut repeated[place], part),
            _ => merge(bits, &mut bytes[place], part),
        })?;
        if bits == Bits::All {
            bytes[there..].fill(0);
        }
    }
    if is_first_last {
        let there = each_place(first, view, (start, end), |place, part| mask(bits, &mut bytes[place], part))?;
        if bits == Bits::FirstAndAnother {
            bytes[there..].fill(0);
        }
    }
    match bits {
        Bits::None => bytes.iter_mut().for_each(|byte| *byte = !*byte),
        Bits::One => bytes.iter_mut().zip(&repeated).for_each(|(byte, repeated)| *byte &= !repeated),
        _ => {}
    }
    Ok(())
}

/// Calls `see` with each stored part of a string between two offsets, and its place behind the first one. Returns how many
/// bytes there are.
fn each_place(
    text: &Text<'_>,
    view: &View<'_>,
    (start, end): (u64, u64),
    mut see: impl FnMut(Range<usize>, &[u8]),
) -> Result<usize, KeyspaceError> {
    let mut at = 0;
    text.each_part(view, start, end, |part| {
        see(at..at + part.len(), part);
        at += part.len();
    })?;
    Ok(at)
}

/// Combines bytes with those of another string.
fn merge(bits: Bits, bytes: &mut [u8], others: &[u8]) {
    let pairs = bytes.iter_mut().zip(others);
    match bits {
        Bits::All => pairs.for_each(|(byte, other)| *byte &= other),
        Bits::Any | Bits::NotFirst | Bits::FirstAndAnother => pairs.for_each(|(byte, other)| *byte |= other),
        Bits::Odd | Bits::None | Bits::One => pairs.for_each(|(byte, other)| *byte ^= other),
        Bits::OnlyFirst => pairs.for_each(|(byte, other)| *byte &= !other),
    }
}

/// Combines bytes with those of another string, and notes which bits were set before.
fn merge_once(bytes: &mut [u8], repeated: &mut [u8], others: &[u8]) {
    for ((byte, repeated), other) in bytes.iter_mut().zip(repeated).zip(others) {
        *repeated |= *byte & other;
        *byte |= other;
    }
}

/// Combines what the other strings gave with the bytes of the first one.
fn mask(bits: Bits, bytes: &mut [u8], first: &[u8]) {
    let pairs = bytes.iter_mut().zip(first);
    match bits {
        Bits::NotFirst => pairs.for_each(|(byte, first)| *byte &= !first),
        _ => pairs.for_each(|(byte, first)| *byte &= first),
    }
}
