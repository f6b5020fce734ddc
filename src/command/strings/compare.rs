//! Compares the string that a key holds with a value or its digest: `DIGEST`, `DELEX`, `DELIFEQ`, and conditions of `SET`.

use std::hash::Hasher;

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::text;
use crate::command::{CommandError, ReadCtx, WriteCtx, words};
use crate::effect::{Effect, KeyChange};
use crate::keyspace::{Classes, KeyspaceError, Kind, Text};
use crate::resp::{Args, Reply};
use crate::table::View;

/// Hexadecimal digits of a digest.
const DIGEST_LEN: usize = 16;

/// How a string is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Comparison {
    /// With a digest instead of a value.
    by_digest: bool,
    /// Whether they have to be equal; otherwise they have to differ.
    pub(super) wants_equal: bool,
}

impl Comparison {
    /// The comparison that the option `word` names.
    pub(super) fn of_option(word: &[u8]) -> Option<Self> {
        let names =
            [("ifeq", false, true), ("ifne", false, false), ("ifdeq", true, true), ("ifdne", true, false)];
        let (_, by_digest, wants_equal) = names.into_iter().find(|(name, ..)| words::is(word, name))?;
        Some(Self { by_digest, wants_equal })
    }

    /// Whether the string that a key holds compares so with `operand`; `None` if there is no key.
    pub(super) fn holds(
        self,
        context: &WriteCtx<'_>,
        key: &[u8],
        operand: &[u8],
    ) -> Result<Option<bool>, CommandError> {
        context.keys.with_value(context.db, key, |view, value| {
            let Some(value) = value else { return Ok(None) };
            let text = value.text()?.ok_or(CommandError::WRONG_TYPE)?;
            let equal = if self.by_digest {
                if operand.len() != DIGEST_LEN {
                    return Err("ERR must be exactly 16 hexadecimal characters".into());
                }
                hexadecimal(digest_of(&text, view)?).eq_ignore_ascii_case(operand)
            } else {
                text.equals(view, operand)?
            };
            Ok(Some(equal == self.wants_equal))
        })
    }
}

/// The 64-bit XXH3 of a string.
fn digest_of(text: &Text<'_>, view: &View<'_>) -> Result<u64, KeyspaceError> {
    if let Text::Short(bytes) = text {
        return Ok(xxh3_64(bytes));
    }
    let mut hasher = Xxh3::new();
    text.each_part(view, 0, text.len(), |part| hasher.update(part))?;
    Ok(hasher.finish())
}

/// A digest as it is shown.
fn hexadecimal(digest: u64) -> [u8; DIGEST_LEN] {
    std::array::from_fn(|index| b"0123456789abcdef"[(digest >> (60 - 4 * index)) as usize & 15])
}

/// `DIGEST key`
pub(super) fn digest(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    match text(context, &args[1])? {
        Some(text) => reply.bulk(&hexadecimal(digest_of(&text, context.keys.view())?)),
        None => reply.null(),
    }
    Ok(())
}

/// `DELEX key [IFEQ value | IFNE value | IFDEQ digest | IFDNE digest]`
pub(super) fn delex(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let key = &args[1];
    if args.len() != 2 && args.len() != 4 {
        return Err("ERR wrong number of arguments for 'delex' command".into());
    }
    let Some(info) = context.keys.info(context.db, key)? else {
        reply.integer(0);
        return Ok(());
    };
    if let Some(condition) = args.get(2) {
        if info.kind != Kind::String {
            return Err("ERR Key should be of string type if conditions are specified".into());
        }
        let comparison = Comparison::of_option(condition)
            .ok_or(CommandError::from("ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE"))?;
        let holds = comparison.holds(context, key, &args[3])?;
        return delete_if(context, key, holds == Some(true), reply);
    }
    delete_if(context, key, true, reply)
}

/// `DELIFEQ key value`
pub(super) fn delifeq(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let holds = Comparison { by_digest: false, wants_equal: true }.holds(context, &args[1], &args[2])?;
    delete_if(context, &args[1], holds == Some(true), reply)
}

/// Deletes a key that exists, if `deletes`; replies with the number of deleted keys.
fn delete_if(
    context: &mut WriteCtx<'_>,
    key: &[u8],
    deletes: bool,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    if deletes {
        context.keys.apply(&Effect::on(context.db, key, KeyChange::Delete { expired: false }))?;
        context.keys.event(Classes::GENERIC, "del", context.db, key);
    }
    reply.integer(i64::from(deletes));
    Ok(())
}
