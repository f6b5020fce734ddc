//! Combining strings bit by bit.

use std::ops::Range;

use super::text;
use crate::command::{CommandError, WriteCtx, sources, words};
use crate::effect::{Effect, StringChange};
use crate::keyspace::{Classes, KeyReader, PIECE_BYTES, Text};
use crate::resp::{Args, Reply};
use crate::table::View;

/// Bytes that are combined before the next ones are read: so few that they stay in the processor's cache, and whole
/// pieces of long strings.
const BLOCK_BYTES: usize = 48 * PIECE_BYTES;

/// How the strings are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    /// Bits set in all strings.
    And,
    /// Bits set in any string.
    Or,
    /// Bits set in an odd number of strings.
    Xor,
    /// Bits not set in the only string.
    Not,
}

/// `BITOP <AND|OR|XOR|NOT> destkey key [key ...]`
pub(super) fn bitop(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (db, key) = (context.db, &args[2]);
    let operation = match &args[1] {
        word if words::is(word, "and") => Operation::And,
        word if words::is(word, "or") => Operation::Or,
        word if words::is(word, "xor") => Operation::Xor,
        word if words::is(word, "not") => Operation::Not,
        _ => return Err(CommandError::SYNTAX),
    };
    if operation == Operation::Not && args.len() != 4 {
        return Err("ERR BITOP NOT must be called with a single source key.".into());
    }
    let value = sources::read(context, |keys| combine(operation, keys, db, args))?;
    if !value.is_empty() {
        let effect = Effect::on(db, key, StringChange::Set { value: &value, expire_at_ms: None, raw: false });
        context.keys.change(&effect, Classes::STRING, "set")?;
    } else {
        context.keys.replace_by_nothing(db, key)?;
    }
    reply.integer(value.len() as i64);
    Ok(())
}

/// Computes the result: as long as the longest source; shorter ones are padded with zeros.
fn combine(
    operation: Operation,
    keys: &mut KeyReader<'_>,
    db: usize,
    args: &Args<'_>,
) -> Result<Vec<u8>, CommandError> {
    let mut texts = Vec::new();
    for source in args.from(3) {
        texts.push(text(keys.get(db, source)?)?);
    }
    let len = texts.iter().map(|text| text.len()).max().unwrap_or(0) as usize;
    let mut result = Vec::with_capacity(len);
    while result.len() < len {
        let block = result.len()..len.min(result.len() + BLOCK_BYTES);
        add_block(operation, keys.view(), &texts, block, &mut result)?;
    }
    Ok(result)
}

/// Adds the bytes of `block`, which starts at the end of the result, to it.
fn add_block(
    operation: Operation,
    view: &View<'_>,
    texts: &[Text<'_>],
    block: Range<usize>,
    result: &mut Vec<u8>,
) -> Result<(), CommandError> {
    let Some((first, others)) = texts.split_first() else { return Ok(()) };
    let (start, end) = (block.start as u64, block.end as u64);
    first.each_part(view, start, end, |part| result.extend_from_slice(part))?;
    result.resize(block.end, 0);
    let bytes = &mut result[block];
    for text in others {
        let mut at = 0;
        text.each_part(view, start, end, |part| {
            merge(operation, &mut bytes[at..at + part.len()], part);
            at += part.len();
        })?;
        if operation == Operation::And {
            bytes[at..].fill(0);
        }
    }
    if operation == Operation::Not {
        bytes.iter_mut().for_each(|byte| *byte = !*byte);
    }
    Ok(())
}

/// Combines bytes with those of another string.
fn merge(operation: Operation, bytes: &mut [u8], others: &[u8]) {
    let pairs = bytes.iter_mut().zip(others);
    match operation {
        Operation::And => pairs.for_each(|(byte, other)| *byte &= other),
        Operation::Or => pairs.for_each(|(byte, other)| *byte |= other),
        Operation::Xor | Operation::Not => pairs.for_each(|(byte, other)| *byte ^= other),
    }
}
