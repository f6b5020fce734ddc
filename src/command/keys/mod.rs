//! Commands on keys of any type: existence, lifetime, names, databases.

mod database;
mod expire;
mod object;
mod scan;
#[cfg(test)]
mod tests;
mod transfer;

pub(super) use object::{is_packed, usage as memory_usage};

use super::table::spec;
use super::{CommandError, Flags, KeySpec, ReadCtx, Run, Spec, TRIED_WORDS, WriteCtx};
use crate::effect::Effect;
use crate::keyspace::Classes;
use crate::resp::{Args, Reply};

/// Changes data and is fast.
const WRITES_FAST: Flags = Flags::WRITE.with(Flags::FAST);
/// Reads data and is fast.
const READS_FAST: Flags = Flags::READONLY.with(Flags::FAST);
/// The second word behind the container is the key.
const SECOND: KeySpec = KeySpec { first: 2, last: 2, step: 1 };

/// The commands of this family. Ids 100 to 199.
pub(super) static SPECS: &[Spec] = &[
    Spec {
        id: 100,
        summary: "Deletes keys.",
        complexity: "O(N) where N is the number of keys. Large values are freed in the background.",
        tried_words: TRIED_WORDS,
        ..spec("del", -2, Flags::WRITE, KeySpec::ALL, Run::Write(del))
    },
    Spec {
        id: 101,
        summary: "Deletes keys; the same as DEL, which never waits for memory to be freed either.",
        since: "4.0.0",
        complexity: "O(N) where N is the number of keys. Large values are freed in the background.",
        tried_words: TRIED_WORDS,
        ..spec("unlink", -2, WRITES_FAST, KeySpec::ALL, Run::Write(del))
    },
    Spec {
        id: 102,
        summary: "Counts how many of the keys exist.",
        complexity: "O(N) where N is the number of keys to check.",
        ..spec("exists", -2, READS_FAST, KeySpec::ALL, Run::Read(exists))
    },
    Spec {
        id: 103,
        summary: "Returns the type of the value of a key.",
        ..spec("type", 2, READS_FAST, KeySpec::ONE, Run::Read(kind))
    },
    Spec {
        id: 104,
        summary: "Counts how many of the keys exist.",
        since: "3.2.1",
        complexity: "O(N) where N is the number of keys.",
        ..spec("touch", -2, READS_FAST, KeySpec::ALL, Run::Read(exists))
    },
    Spec {
        id: 105,
        summary: "Returns the names of all keys that match a pattern.",
        complexity: "O(N) where N is the number of keys that start with the literal prefix of the pattern.",
        ..spec("keys", 2, Flags::READONLY, KeySpec::NONE, Run::Read(scan::keys))
    },
    Spec {
        id: 106,
        summary: "Iterates over the names of keys.",
        since: "2.8.0",
        complexity: "O(1) for every call. O(N) for a whole iteration, where N is the number of keys that start with \
                     the literal prefix of the pattern.",
        ..spec("scan", -2, Flags::READONLY, KeySpec::NONE, Run::Read(scan::scan))
    },
    Spec {
        id: 107,
        summary: "Returns the name of a random key.",
        complexity: "O(log N) where N is the number of keys.",
        ..spec("randomkey", 1, Flags::READONLY, KeySpec::NONE, Run::Read(scan::randomkey))
    },
    Spec {
        id: 110,
        summary: "Sets the expiration time of a key in seconds.",
        tried_words: TRIED_WORDS,
        ..spec("expire", -3, WRITES_FAST, KeySpec::ONE, Run::Write(expire::expire))
    },
    Spec {
        id: 111,
        summary: "Sets the expiration time of a key in milliseconds.",
        since: "2.6.0",
        tried_words: TRIED_WORDS,
        ..spec("pexpire", -3, WRITES_FAST, KeySpec::ONE, Run::Write(expire::pexpire))
    },
    Spec {
        id: 112,
        summary: "Sets the expiration time of a key to a Unix timestamp.",
        since: "1.2.0",
        tried_words: TRIED_WORDS,
        ..spec("expireat", -3, WRITES_FAST, KeySpec::ONE, Run::Write(expire::expireat))
    },
    Spec {
        id: 113,
        summary: "Sets the expiration time of a key to a Unix timestamp in milliseconds.",
        since: "2.6.0",
        tried_words: TRIED_WORDS,
        ..spec("pexpireat", -3, WRITES_FAST, KeySpec::ONE, Run::Write(expire::pexpireat))
    },
    Spec {
        id: 114,
        summary: "Returns the seconds until a key expires.",
        ..spec("ttl", 2, READS_FAST, KeySpec::ONE, Run::Read(expire::ttl))
    },
    Spec {
        id: 115,
        summary: "Returns the milliseconds until a key expires.",
        since: "2.6.0",
        ..spec("pttl", 2, READS_FAST, KeySpec::ONE, Run::Read(expire::pttl))
    },
    Spec {
        id: 116,
        summary: "Returns the Unix timestamp at which a key expires.",
        since: "7.0.0",
        ..spec("expiretime", 2, READS_FAST, KeySpec::ONE, Run::Read(expire::expiretime))
    },
    Spec {
        id: 117,
        summary: "Returns the Unix timestamp in milliseconds at which a key expires.",
        since: "7.0.0",
        ..spec("pexpiretime", 2, READS_FAST, KeySpec::ONE, Run::Read(expire::pexpiretime))
    },
    Spec {
        id: 118,
        summary: "Removes the expiration time of a key.",
        since: "2.2.0",
        tried_words: TRIED_WORDS,
        ..spec("persist", 2, WRITES_FAST, KeySpec::ONE, Run::Write(expire::persist))
    },
    Spec {
        id: 120,
        summary: "Copies the value of a key to another key.",
        since: "6.2.0",
        complexity: "O(N) where N is the size of the value.",
        ..spec("copy", -3, Flags::WRITE.with(Flags::DENYOOM), KeySpec::TWO, Run::Write(transfer::copy))
    },
    Spec {
        id: 121,
        summary: "Renames a key, replacing the key that has the new name.",
        ..spec("rename", 3, Flags::WRITE, KeySpec::TWO, Run::Write(transfer::rename))
    },
    Spec {
        id: 122,
        summary: "Renames a key, if no key has the new name.",
        tried_words: TRIED_WORDS,
        ..spec("renamenx", 3, WRITES_FAST, KeySpec::TWO, Run::Write(transfer::renamenx))
    },
    Spec {
        id: 123,
        summary: "Moves a key to another database.",
        ..spec("move", 3, WRITES_FAST, KeySpec::ONE, Run::Write(transfer::move_key))
    },
    Spec {
        id: 130,
        summary: "Returns the number of keys in the database.",
        group: "server",
        ..spec("dbsize", 1, READS_FAST, KeySpec::NONE, Run::Read(database::dbsize))
    },
    Spec {
        id: 131,
        summary: "Removes all keys from the database.",
        group: "server",
        complexity: "O(1). The keys are freed in the background.",
        ..spec("flushdb", -1, Flags::WRITE, KeySpec::NONE, Run::Write(database::flushdb))
    },
    Spec {
        id: 132,
        summary: "Removes all keys from all databases.",
        group: "server",
        complexity: "O(1). The keys are freed in the background.",
        ..spec("flushall", -1, Flags::WRITE, KeySpec::NONE, Run::Write(database::flushall))
    },
    Spec {
        id: 133,
        summary: "Exchanges two databases.",
        since: "4.0.0",
        group: "server",
        ..spec("swapdb", 3, WRITES_FAST, KeySpec::NONE, Run::Write(database::swapdb))
    },
    Spec {
        id: 140,
        summary: "A container for commands that look into values.",
        since: "2.2.3",
        complexity: "Depends on subcommand.",
        subcommands: object::OBJECT,
        ..spec("object", -2, Flags::NONE, KeySpec::NONE, Run::Read(object::unknown_subcommand))
    },
];

/// `DEL key [key ...]`, also `UNLINK`.
fn del(context: &mut WriteCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let db = context.db;
    let mut deleted = 0;
    for key in args.from(1) {
        if context.keys.info(db, key)?.is_some() {
            context.keys.apply(&Effect::Delete { db, key, expired: false })?;
            context.keys.event(Classes::GENERIC, "del", db, key);
            deleted += 1;
        }
    }
    reply.integer(deleted);
    Ok(())
}

/// `EXISTS key [key ...]`, also `TOUCH`: a key that is named twice counts twice.
fn exists(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let mut found = 0;
    for key in args.from(1) {
        found += i64::from(context.keys.get(context.db, key)?.is_some());
    }
    reply.integer(found);
    Ok(())
}

/// `TYPE key`
fn kind(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    reply.simple(context.keys.get(context.db, &args[1])?.map_or("none", |value| value.kind.name()));
    Ok(())
}
