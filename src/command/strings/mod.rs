//! Strings: `GET`, `SET` and related commands.

mod compare;
mod increx;
#[cfg(test)]
mod increx_tests;
mod lcs;
mod number;
mod options;
mod range;
mod runs;
mod set;
#[cfg(test)]
mod tests;

pub(super) use runs::{RUNS, WORK};

use super::{CommandError, ReadCtx, WriteCtx};
use crate::keyspace::{KeyInfo, Kind, Text};
use crate::resp::{Args, Reply};

/// `GET key`
fn get(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    match text(context, &args[1])? {
        Some(text) => text.bulk(context.keys.view(), 0, text.len(), reply)?,
        None => reply.null(),
    }
    Ok(())
}

/// `MGET key [key ...]`: a key that holds no string counts as missing.
fn mget(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    if reply.streams() {
        // What has expired must be known before the first value is sent.
        for key in args.from(1) {
            context.keys.peek(context.db, key)?;
        }
    }
    reply.array(args.len() - 1);
    for key in args.from(1) {
        let value = context.keys.get(context.db, key)?;
        match value.map(|value| value.text()).transpose()?.flatten() {
            Some(text) => text.bulk(context.keys.view(), 0, text.len(), reply)?,
            None => reply.null(),
        }
        if reply.is_cut() {
            break;
        }
    }
    Ok(())
}

/// `STRLEN key`
fn strlen(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    reply.integer(text(context, &args[1])?.map_or(0, |text| text.len()) as i64);
    Ok(())
}

/// The string that a key holds.
fn text<'a>(context: &mut ReadCtx<'a>, key: &[u8]) -> Result<Option<Text<'a>>, CommandError> {
    match context.keys.get(context.db, key)? {
        Some(value) => value.text()?.map(Some).ok_or(CommandError::WRONG_TYPE),
        None => Ok(None),
    }
}

/// The properties of a key that must hold a string; `None` if there is no key.
fn string_info(context: &WriteCtx<'_>, key: &[u8]) -> Result<Option<KeyInfo>, CommandError> {
    match context.keys.info(context.db, key)? {
        Some(info) if info.kind != Kind::String => Err(CommandError::WRONG_TYPE),
        info => Ok(info),
    }
}

/// Replies with the string that a key holds, or null.
fn reply_text(context: &mut WriteCtx<'_>, key: &[u8], reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let found = context.keys.with_value(context.db, key, |view, value| {
        if let Some(value) = &value {
            let text = value.text()?.ok_or(CommandError::WRONG_TYPE)?;
            text.bulk(view, 0, text.len(), reply)?;
        }
        Ok::<_, CommandError>(value.is_some())
    })?;
    if !found {
        reply.null();
    }
    context.looked_up(context.db, key, found);
    Ok(())
}
