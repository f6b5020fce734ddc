//! Combining strings bit by bit.

use super::text;
use crate::command::{CommandError, WriteCtx, sources, words};
use crate::effect::{Effect, StringChange};
use crate::keyspace::{Classes, KeyReader};
use crate::resp::{Args, Reply};

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
    let len = texts.iter().map(|text| text.len()).max().unwrap_or(0);
    let mut result = vec![0; len as usize];
    for (index, text) in texts.iter().enumerate() {
        let mut at = 0;
        text.each_part(keys.view(), 0, text.len(), |part| {
            let bytes = result[at..at + part.len()].iter_mut().zip(part);
            match operation {
                _ if index == 0 => bytes.for_each(|(byte, other)| *byte = *other),
                Operation::And => bytes.for_each(|(byte, other)| *byte &= other),
                Operation::Or => bytes.for_each(|(byte, other)| *byte |= other),
                Operation::Xor | Operation::Not => bytes.for_each(|(byte, other)| *byte ^= other),
            }
            at += part.len();
        })?;
        if operation == Operation::And {
            result[at..].fill(0);
        }
    }
    if operation == Operation::Not {
        result.iter_mut().for_each(|byte| *byte = !*byte);
    }
    Ok(result)
}
