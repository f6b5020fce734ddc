//! Strings: `GET`, `SET` and their kin.

mod lcs;
mod number;
mod range;
mod set;
#[cfg(test)]
mod tests;

use super::table::spec;
use super::{CommandError, Flags, KeySpec, ReadCtx, Run, Spec, TRIED_WORDS, WriteCtx};
use crate::keyspace::{Classes, KeyInfo, Kind, Text};
use crate::resp::{Args, Reply};

/// Changes data and may grow it.
const GROWS: Flags = Flags::WRITE.with(Flags::DENYOOM);
/// Changes data, may grow it, and is fast.
const GROWS_FAST: Flags = GROWS.with(Flags::FAST);
/// Changes data and is fast.
const WRITES_FAST: Flags = Flags::WRITE.with(Flags::FAST);
/// Reads data and is fast.
const READS_FAST: Flags = Flags::READONLY.with(Flags::FAST);

/// The base of a string command's spec.
const fn string(name: &'static str, arity: i32, flags: Flags, keys: KeySpec, run: Run) -> Spec {
    Spec { group: "string", complexity: "O(1)", since: "1.0.0", ..spec(name, arity, flags, keys, run) }
}

/// The commands of this family. Ids 1 to 99.
pub(super) static SPECS: &[Spec] = &[
    Spec {
        id: 1,
        summary: "Sets the string value of a key, whatever its type.",
        tried_words: TRIED_WORDS,
        ..string("set", -3, GROWS, KeySpec::ONE, Run::Write(set::set))
    },
    Spec {
        id: 2,
        summary: "Returns the string value of a key.",
        ..string("get", 2, READS_FAST, KeySpec::ONE, Run::Read(get))
    },
    Spec {
        id: 3,
        summary: "Sets the string value of a key and returns the value before.",
        ..string("getset", 3, GROWS_FAST, KeySpec::ONE, Run::Write(set::getset))
    },
    Spec {
        id: 4,
        summary: "Returns the string value of a key and deletes the key.",
        since: "6.2.0",
        ..string("getdel", 2, WRITES_FAST, KeySpec::ONE, Run::Write(set::getdel))
    },
    Spec {
        id: 5,
        summary: "Returns the string value of a key and sets or clears its expiration time.",
        since: "6.2.0",
        ..string("getex", -2, WRITES_FAST, KeySpec::ONE, Run::Write(set::getex))
    },
    Spec {
        id: 6,
        summary: "Sets the string value of a key that does not exist.",
        tried_words: TRIED_WORDS,
        ..string("setnx", 3, GROWS_FAST, KeySpec::ONE, Run::Write(set::setnx))
    },
    Spec {
        id: 7,
        summary: "Sets the string value of a key and its expiration time in seconds.",
        since: "2.0.0",
        ..string("setex", 4, GROWS, KeySpec::ONE, Run::Write(set::setex))
    },
    Spec {
        id: 8,
        summary: "Sets the string value of a key and its expiration time in milliseconds.",
        since: "2.6.0",
        ..string("psetex", 4, GROWS, KeySpec::ONE, Run::Write(set::psetex))
    },
    Spec {
        id: 9,
        summary: "Returns the string values of several keys at one moment.",
        complexity: "O(N) where N is the number of keys to retrieve.",
        ..string("mget", -2, READS_FAST, KeySpec::ALL, Run::Read(mget))
    },
    Spec {
        id: 10,
        summary: "Sets the string values of several keys at once.",
        since: "1.0.1",
        complexity: "O(N) where N is the number of keys to set.",
        ..string("mset", -3, GROWS, KeySpec::PAIRS, Run::Write(set::mset))
    },
    Spec {
        id: 11,
        summary: "Sets the string values of several keys at once, if none of them exists.",
        since: "1.0.1",
        complexity: "O(N) where N is the number of keys to set.",
        tried_words: TRIED_WORDS,
        ..string("msetnx", -3, GROWS, KeySpec::PAIRS, Run::Write(set::msetnx))
    },
    Spec {
        id: 12,
        summary: "Appends to the string value of a key, which is created if it does not exist.",
        since: "2.0.0",
        complexity: "O(N) where N is the number of bytes appended.",
        ..string("append", 3, GROWS_FAST, KeySpec::ONE, Run::Write(range::append))
    },
    Spec {
        id: 13,
        summary: "Returns the length of a string value.",
        since: "2.2.0",
        ..string("strlen", 2, READS_FAST, KeySpec::ONE, Run::Read(strlen))
    },
    Spec {
        id: 14,
        summary: "Returns a part of a string value.",
        since: "2.4.0",
        complexity: "O(N) where N is the length of the returned string.",
        ..string("getrange", 4, Flags::READONLY, KeySpec::ONE, Run::Read(range::getrange))
    },
    Spec {
        id: 15,
        summary: "Returns a part of a string value.",
        complexity: "O(N) where N is the length of the returned string.",
        ..string("substr", 4, Flags::READONLY, KeySpec::ONE, Run::Read(range::getrange))
    },
    Spec {
        id: 16,
        summary: "Overwrites a part of a string value; the key is created if it does not exist.",
        since: "2.2.0",
        complexity: "O(N) where N is the number of bytes written, wherever they go.",
        ..string("setrange", 4, GROWS, KeySpec::ONE, Run::Write(range::setrange))
    },
    Spec {
        id: 17,
        summary: "Adds one to the integer value of a key; 0 if it does not exist.",
        ..string("incr", 2, GROWS_FAST, KeySpec::ONE, Run::Write(number::incr))
    },
    Spec {
        id: 18,
        summary: "Takes one from the integer value of a key; 0 if it does not exist.",
        ..string("decr", 2, GROWS_FAST, KeySpec::ONE, Run::Write(number::decr))
    },
    Spec {
        id: 19,
        summary: "Adds an integer to the integer value of a key; 0 if it does not exist.",
        ..string("incrby", 3, GROWS_FAST, KeySpec::ONE, Run::Write(number::incrby))
    },
    Spec {
        id: 20,
        summary: "Takes an integer from the integer value of a key; 0 if it does not exist.",
        ..string("decrby", 3, GROWS_FAST, KeySpec::ONE, Run::Write(number::decrby))
    },
    Spec {
        id: 21,
        summary: "Adds a number to the floating point value of a key; 0 if it does not exist.",
        since: "2.6.0",
        ..string("incrbyfloat", 3, GROWS_FAST, KeySpec::ONE, Run::Write(number::incrbyfloat))
    },
    Spec {
        id: 22,
        summary: "Finds the longest common subsequence of two strings.",
        since: "7.0.0",
        complexity: "O(N*M) where N and M are the lengths of the two strings.",
        ..string("lcs", -3, Flags::READONLY, KeySpec::TWO, Run::Read(lcs::lcs))
    },
];

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

/// What there is to know of a key that must hold a string, if anything.
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
        context.keys.event(Classes::KEY_MISS, "keymiss", context.db, key);
    }
    Ok(())
}
