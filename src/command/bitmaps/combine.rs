//! Combining strings bit by bit.

use super::text;
use crate::command::{CommandError, WriteCtx, sources, words};
use crate::effect::{Bits, Effect, ItemsBuffer, StringChange};
use crate::keyspace::{COMBINED_BYTES, Classes, KeyReader, TEXT_SLICE_BYTES, combine};
use crate::resp::{Args, Reply};

/// The operations.
const OPERATIONS: [(&str, Bits); 8] = [
    ("and", Bits::All),
    ("or", Bits::Any),
    ("xor", Bits::Odd),
    ("not", Bits::None),
    ("diff", Bits::OnlyFirst),
    ("diff1", Bits::NotFirst),
    ("andor", Bits::FirstAndAnother),
    ("one", Bits::One),
];

/// `BITOP <AND|OR|XOR|NOT|DIFF|DIFF1|ANDOR|ONE> destkey key [key ...]`
pub(super) fn bitop(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (db, key) = (context.db, &args[2]);
    let bits = operation(&args[1], args.len() - 3)?;
    let sources: ItemsBuffer = args.from(3).collect();
    let later = context.keys.combines_later(sources.items());
    let value = match sources::read(context, |keys| combined(bits, keys, db, args, later))? {
        Combined::Now(value) => value,
        Combined::Later(len) => {
            let (sources, event) = ((bits, db, sources.items()), (Classes::STRING, "set"));
            context.keys.replace_by_combination(sources, len, (db, key), event, false)?;
            reply.integer(len as i64);
            return Ok(());
        }
    };
    if !value.is_empty() {
        let effect = Effect::on(db, key, StringChange::Set { value: &value, expire_at_ms: None, raw: false });
        context.keys.overwrite(&effect, Classes::STRING, "set")?;
    } else {
        context.keys.replace_by_nothing(db, key)?;
    }
    reply.integer(value.len() as i64);
    Ok(())
}

/// The operation with this name, for so many sources.
fn operation(word: &[u8], sources: usize) -> Result<Bits, CommandError> {
    let known = OPERATIONS.iter().find(|(name, _)| words::is(word, name));
    match known.ok_or(CommandError::SYNTAX)? {
        (_, Bits::None) if sources != 1 => {
            Err("ERR BITOP NOT must be called with a single source key.".into())
        }
        (name, Bits::OnlyFirst | Bits::NotFirst | Bits::FirstAndAnother) if sources < 2 => {
            let name = name.to_uppercase();
            Err(format!("ERR BITOP {name} must be called with at least two source keys.").into())
        }
        (_, bits) => Ok(*bits),
    }
}

/// A combination of strings.
enum Combined {
    /// It is so long that it is worked out when it is stored; its length.
    Later(u64),
    /// Its bytes.
    Now(Vec<u8>),
}

/// Computes the result: as long as the longest source; shorter ones are padded with zeros.
fn combined(
    bits: Bits,
    keys: &mut KeyReader<'_>,
    db: usize,
    args: &Args<'_>,
    later: bool,
) -> Result<Combined, CommandError> {
    let mut texts = Vec::new();
    for source in args.from(3) {
        texts.push(text(keys.get(db, source)?)?);
    }
    let len = texts.iter().map(|text| text.len()).max().unwrap_or(0);
    if later && len > TEXT_SLICE_BYTES as u64 {
        return Ok(Combined::Later(len));
    }
    let mut result = Vec::with_capacity(len as usize);
    for start in (0..len).step_by(COMBINED_BYTES) {
        let end = len.min(start + COMBINED_BYTES as u64);
        combine(bits, keys.view(), &texts, (start, end), &mut result)?;
    }
    Ok(Combined::Now(result))
}
