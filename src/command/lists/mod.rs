//! Lists: `LPUSH`, `LPOP`, `BLPOP` and their kin.

mod blocking;
mod pop;
mod push;
mod read;
#[cfg(test)]
mod tests;
mod transfer;

use super::blocking::{Wait, timeout_ms};
use super::table::spec;
use super::{CommandError, Flags, KeySpec, ReadCtx, Run, Spec, TRIED_WORDS, WriteCtx, words};
use crate::effect::{Effect, End, ItemsBuffer};
use crate::keyspace::{Classes, Kind, List};
use crate::resp::{Args, Reply};
use crate::table::View;

/// Changes data and may grow it.
const GROWS: Flags = Flags::WRITE.with(Flags::DENYOOM);
/// Changes data and is fast.
const WRITES_FAST: Flags = Flags::WRITE.with(Flags::FAST);
/// Reads data and is fast.
const READS_FAST: Flags = Flags::READONLY.with(Flags::FAST);
/// May wait for elements. Nothing else of the client's is with the writer meanwhile.
const WAITS: Flags = Flags::WRITE.with(Flags::BLOCKING);
/// The keys of `BLPOP`: all words but the name and the timeout.
const ALL_BUT_TIMEOUT: KeySpec = KeySpec { first: 1, last: -2, step: 1 };

/// The base of a list command's spec.
const fn list(name: &'static str, arity: i32, flags: Flags, keys: KeySpec, run: Run) -> Spec {
    Spec { group: "list", complexity: "O(1)", since: "1.0.0", ..spec(name, arity, flags, keys, run) }
}

/// The commands of this family. Ids 400 to 499.
pub(super) static SPECS: &[Spec] = &[
    Spec {
        id: 400,
        summary: "Adds elements to the head of a list, which is created if it does not exist.",
        complexity: "O(N*log(M)) where N is the number of elements to add and M the length of the list.",
        ..list("lpush", -3, GROWS.with(Flags::FAST), KeySpec::ONE, Run::Write(push::lpush))
    },
    Spec {
        id: 401,
        summary: "Adds elements to the tail of a list, which is created if it does not exist.",
        complexity: "O(N*log(M)) where N is the number of elements to add and M the length of the list.",
        ..list("rpush", -3, GROWS.with(Flags::FAST), KeySpec::ONE, Run::Write(push::rpush))
    },
    Spec {
        id: 402,
        summary: "Adds elements to the head of a list if it exists.",
        since: "2.2.0",
        complexity: "O(N*log(M)) where N is the number of elements to add and M the length of the list.",
        tried_words: TRIED_WORDS,
        ..list("lpushx", -3, GROWS.with(Flags::FAST), KeySpec::ONE, Run::Write(push::lpushx))
    },
    Spec {
        id: 403,
        summary: "Adds elements to the tail of a list if it exists.",
        since: "2.2.0",
        complexity: "O(N*log(M)) where N is the number of elements to add and M the length of the list.",
        tried_words: TRIED_WORDS,
        ..list("rpushx", -3, GROWS.with(Flags::FAST), KeySpec::ONE, Run::Write(push::rpushx))
    },
    Spec {
        id: 404,
        summary: "Removes the first elements of a list and returns them. Deletes the list with its last element.",
        complexity: "O(N*log(M)) where N is the number of elements returned and M the length of the list.",
        tried_words: 2,
        ..list("lpop", -2, WRITES_FAST, KeySpec::ONE, Run::Write(pop::lpop))
    },
    Spec {
        id: 405,
        summary: "Removes the last elements of a list and returns them. Deletes the list with its last element.",
        complexity: "O(N*log(M)) where N is the number of elements returned and M the length of the list.",
        tried_words: 2,
        ..list("rpop", -2, WRITES_FAST, KeySpec::ONE, Run::Write(pop::rpop))
    },
    Spec {
        id: 406,
        summary: "Returns the length of a list.",
        ..list("llen", 2, READS_FAST, KeySpec::ONE, Run::Read(read::llen))
    },
    Spec {
        id: 407,
        summary: "Returns the element of a list at an index.",
        complexity: "O(log(N)) where N is the length of the list.",
        ..list("lindex", 3, Flags::READONLY, KeySpec::ONE, Run::Read(read::lindex))
    },
    Spec {
        id: 408,
        summary: "Replaces the element of a list at an index.",
        complexity: "O(log(N)) where N is the length of the list.",
        ..list("lset", 4, GROWS, KeySpec::ONE, Run::Write(push::lset))
    },
    Spec {
        id: 409,
        summary: "Returns a range of elements of a list.",
        complexity: "O(log(N)+M) where N is the length of the list and M the number of elements returned.",
        ..list("lrange", 4, Flags::READONLY, KeySpec::ONE, Run::Read(read::lrange))
    },
    Spec {
        id: 410,
        summary: "Removes elements from both ends of a list. Deletes the list if nothing is left of it.",
        complexity: "O(N*log(M)) where N is the number of elements removed and M the length of the list.",
        ..list("ltrim", 4, Flags::WRITE, KeySpec::ONE, Run::Write(pop::ltrim))
    },
    Spec {
        id: 411,
        summary: "Removes elements that equal a value from a list. Deletes the list with its last element.",
        complexity: "O(N+M*log(N)) where N is the length of the list and M the number of elements removed.",
        ..list("lrem", 4, Flags::WRITE, KeySpec::ONE, Run::Write(pop::lrem))
    },
    Spec {
        id: 412,
        summary: "Inserts an element before or after another one of a list.",
        since: "2.2.0",
        complexity: "O(N) where N is the number of elements before the one looked for.",
        ..list("linsert", 5, GROWS, KeySpec::ONE, Run::Write(push::linsert))
    },
    Spec {
        id: 413,
        summary: "Returns the indexes of elements that equal a value.",
        since: "6.0.6",
        complexity: "O(N) where N is the number of elements compared.",
        ..list("lpos", -3, Flags::READONLY, KeySpec::ONE, Run::Read(read::lpos))
    },
    Spec {
        id: 414,
        summary: "Takes an element from one list, adds it to another and returns it.",
        since: "6.2.0",
        complexity: "O(log(N)) where N is the length of the longer list.",
        tried_words: TRIED_WORDS,
        ..list("lmove", 5, GROWS, KeySpec::TWO, Run::Write(transfer::lmove))
    },
    Spec {
        id: 415,
        summary: "Takes the last element from one list, adds it to the head of another and returns it.",
        since: "1.2.0",
        complexity: "O(log(N)) where N is the length of the longer list.",
        tried_words: TRIED_WORDS,
        ..list("rpoplpush", 3, GROWS, KeySpec::TWO, Run::Write(transfer::rpoplpush))
    },
    Spec {
        id: 416,
        summary: "Removes elements from the first of several lists that is not empty, and returns them.",
        since: "7.0.0",
        complexity: "O(N+M*log(L)) where N is the number of keys, M that of elements returned and L the length.",
        ..list("lmpop", -4, Flags::WRITE.with(Flags::MOVABLEKEYS), KeySpec::NONE, Run::Write(pop::lmpop))
    },
    Spec {
        id: 420,
        summary: "Removes the first element of the first of several lists that is not empty, and returns it; waits for \
                  one if all are empty.",
        since: "2.0.0",
        complexity: "O(N*log(M)) where N is the number of keys and M the length of the list.",
        ..list("blpop", -3, WAITS.with(Flags::NOSCRIPT), ALL_BUT_TIMEOUT, Run::Write(blocking::blpop))
    },
    Spec {
        id: 421,
        summary: "Removes the last element of the first of several lists that is not empty, and returns it; waits for \
                  one if all are empty.",
        since: "2.0.0",
        complexity: "O(N*log(M)) where N is the number of keys and M the length of the list.",
        ..list("brpop", -3, WAITS.with(Flags::NOSCRIPT), ALL_BUT_TIMEOUT, Run::Write(blocking::brpop))
    },
    Spec {
        id: 422,
        summary: "Takes an element from one list, adds it to another and returns it; waits for one.",
        since: "6.2.0",
        complexity: "O(log(N)) where N is the length of the longer list.",
        ..list(
            "blmove",
            6,
            GROWS.with(WAITS).with(Flags::NOSCRIPT),
            KeySpec::TWO,
            Run::Write(transfer::blmove),
        )
    },
    Spec {
        id: 423,
        summary: "Takes the last element from one list, adds it to the head of another and returns it; waits for one.",
        since: "2.2.0",
        complexity: "O(log(N)) where N is the length of the longer list.",
        ..list(
            "brpoplpush",
            4,
            GROWS.with(WAITS).with(Flags::NOSCRIPT),
            KeySpec::TWO,
            Run::Write(transfer::brpoplpush),
        )
    },
    Spec {
        id: 424,
        summary: "Removes elements from the first of several lists that is not empty, and returns them; waits for one \
                  if all are empty.",
        since: "7.0.0",
        complexity: "O(N+M*log(L)) where N is the number of keys, M that of elements returned and L the length.",
        ..list("blmpop", -5, WAITS.with(Flags::MOVABLEKEYS), KeySpec::NONE, Run::Write(blocking::blmpop))
    },
];

// The numbers of commands whose need of space the data decides.
/// The list that a key holds.
fn list_of<'a>(context: &mut ReadCtx<'a>, key: &[u8]) -> Result<Option<List<'a>>, CommandError> {
    match context.keys.get(context.db, key)? {
        Some(value) => value.list().map(Some).ok_or(CommandError::WRONG_TYPE),
        None => Ok(None),
    }
}

/// Hands the list that a key holds to `look`.
fn with_list<R>(
    context: &WriteCtx<'_>,
    key: &[u8],
    look: impl FnOnce(&View<'_>, Option<List<'_>>) -> Result<R, CommandError>,
) -> Result<R, CommandError> {
    context.keys.with_value(context.db, key, |view, value| {
        let list = value.map(|value| value.list().ok_or(CommandError::WRONG_TYPE)).transpose()?;
        look(view, list)
    })
}

/// The length of the list that a key holds, or `None` if there is no such key.
fn len_of(context: &WriteCtx<'_>, key: &[u8]) -> Result<Option<u64>, CommandError> {
    with_list(context, key, |_, list| Ok(list.map(|list| list.len()).transpose()?))
}

/// What the event of adding to an end is called.
fn push_event(end: End) -> &'static str {
    if end == End::Head { "lpush" } else { "rpush" }
}

/// The index that a number means in a list of `len` elements, if it is one; negative numbers count from the tail.
fn index_in(number: i64, len: u64) -> Option<u64> {
    let index = if number < 0 { len.checked_sub(number.unsigned_abs())? } else { number as u64 };
    (index < len).then_some(index)
}
