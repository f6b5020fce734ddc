//! Combining strings bit by bit, a block at a time.

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
    first.each_part(view, start, end, |part| result.extend_from_slice(part))?;
    result.resize(from + len, 0);
    let bytes = &mut result[from..];
    for text in others {
        let mut at = 0;
        text.each_part(view, start, end, |part| {
            merge(bits, &mut bytes[at..at + part.len()], part);
            at += part.len();
        })?;
        if bits == Bits::All {
            bytes[at..].fill(0);
        }
    }
    if bits == Bits::None {
        bytes.iter_mut().for_each(|byte| *byte = !*byte);
    }
    Ok(())
}

/// Combines bytes with those of another string.
fn merge(bits: Bits, bytes: &mut [u8], others: &[u8]) {
    let pairs = bytes.iter_mut().zip(others);
    match bits {
        Bits::All => pairs.for_each(|(byte, other)| *byte &= other),
        Bits::Any => pairs.for_each(|(byte, other)| *byte |= other),
        Bits::Odd | Bits::None => pairs.for_each(|(byte, other)| *byte ^= other),
    }
}
