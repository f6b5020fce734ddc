//! Hashes: `HSET`, `HGETALL` and their kin.

mod expire;
mod fields;
mod number;
mod random;
#[cfg(test)]
mod tests;

use smallvec::SmallVec;

use super::elements::{self, ElementScan, Seen};
use super::table::spec;
use super::{CommandError, Flags, KeySpec, ReadCtx, Run, Spec, TRIED_WORDS, WriteCtx};
use crate::effect::{Effect, ItemsBuffer};
use crate::keyspace::{Classes, Element, Hash, KeyspaceError};
use crate::resp::{Args, Elements, Reply};
use crate::table::View;

/// Changes data and may grow it.
const GROWS: Flags = Flags::WRITE.with(Flags::DENYOOM);
/// Changes data, may grow it, and is fast.
const GROWS_FAST: Flags = GROWS.with(Flags::FAST);
/// Changes data and is fast.
const WRITES_FAST: Flags = Flags::WRITE.with(Flags::FAST);
/// Reads data and is fast.
const READS_FAST: Flags = Flags::READONLY.with(Flags::FAST);

/// The base of a hash command's spec.
const fn hash(name: &'static str, arity: i32, flags: Flags, run: Run) -> Spec {
    Spec {
        group: "hash",
        complexity: "O(log(N)) where N is the size of the hash.",
        since: "2.0.0",
        ..spec(name, arity, flags, KeySpec::ONE, run)
    }
}

/// The base of the spec of a command on several fields.
const fn of_fields(name: &'static str, arity: i32, flags: Flags, run: Run) -> Spec {
    Spec {
        complexity: "O(N*log(M)) where N is the number of fields named and M the size of the hash.",
        ..hash(name, arity, flags, run)
    }
}

/// The base of the spec of a command on the deadlines of fields.
const fn of_deadlines(name: &'static str, arity: i32, flags: Flags, run: Run) -> Spec {
    Spec { since: "7.4.0", ..of_fields(name, arity, flags, run) }
}

/// The base of the spec of a command on whole hashes.
const fn whole(name: &'static str, run: Run) -> Spec {
    Spec { complexity: "O(N) where N is the size of the hash.", ..hash(name, 2, Flags::READONLY, run) }
}

/// The commands of this family. Ids 200 to 299.
pub(super) static SPECS: &[Spec] = &[
    Spec {
        id: 200,
        summary: "Sets fields of a hash, which is created if it does not exist.",
        ..of_fields("hset", -4, GROWS_FAST, Run::Write(hset))
    },
    Spec {
        id: 201,
        summary: "Sets fields of a hash; the same as HSET, but for the reply.",
        ..of_fields("hmset", -4, GROWS_FAST, Run::Write(hmset))
    },
    Spec {
        id: 202,
        summary: "Sets a field of a hash that does not exist.",
        tried_words: TRIED_WORDS,
        ..hash("hsetnx", 4, GROWS_FAST, Run::Write(hsetnx))
    },
    Spec {
        id: 203,
        summary: "Returns the value of a field of a hash.",
        ..hash("hget", 3, READS_FAST, Run::Read(hget))
    },
    Spec {
        id: 204,
        summary: "Returns the values of several fields of a hash.",
        ..of_fields("hmget", -3, READS_FAST, Run::Read(hmget))
    },
    Spec {
        id: 205,
        summary: "Returns all fields and values of a hash, in the order of the fields' bytes.",
        ..whole("hgetall", Run::Read(hgetall))
    },
    Spec {
        id: 206,
        summary: "Returns all fields of a hash, in the order of their bytes.",
        ..whole("hkeys", Run::Read(hkeys))
    },
    Spec {
        id: 207,
        summary: "Returns all values of a hash, in the order of their fields' bytes.",
        ..whole("hvals", Run::Read(hvals))
    },
    Spec {
        id: 208,
        summary: "Deletes fields of a hash, and the hash with its last field.",
        tried_words: TRIED_WORDS,
        ..of_fields("hdel", -3, WRITES_FAST, Run::Write(hdel))
    },
    Spec {
        id: 209,
        summary: "Says whether a field exists in a hash.",
        ..hash("hexists", 3, READS_FAST, Run::Read(hexists))
    },
    Spec {
        id: 210,
        summary: "Returns the number of fields of a hash.",
        ..hash("hlen", 2, READS_FAST, Run::Read(hlen))
    },
    Spec {
        id: 211,
        summary: "Returns the length of the value of a field.",
        since: "3.2.0",
        ..hash("hstrlen", 3, READS_FAST, Run::Read(hstrlen))
    },
    Spec {
        id: 212,
        summary: "Iterates over the fields and values of a hash.",
        since: "2.8.0",
        complexity: "O(1) for every call. O(N) for a whole iteration, where N is the number of fields that start with \
                     the literal prefix of the pattern.",
        ..hash("hscan", -3, Flags::READONLY, Run::Read(hscan))
    },
    Spec {
        id: 213,
        summary: "Returns random fields of a hash.",
        since: "6.2.0",
        complexity: "O(N*log(M)) where N is the number of fields to return and M the size of the hash.",
        ..hash("hrandfield", -2, Flags::READONLY, Run::Read(random::hrandfield))
    },
    Spec {
        id: 215,
        summary: "Adds an integer to the integer value of a field; 0 if it does not exist.",
        ..hash("hincrby", 4, GROWS_FAST, Run::Write(number::hincrby))
    },
    Spec {
        id: 216,
        summary: "Adds a number to the floating point value of a field; 0 if it does not exist.",
        since: "2.6.0",
        ..hash("hincrbyfloat", 4, GROWS_FAST, Run::Write(number::hincrbyfloat))
    },
    Spec {
        id: 220,
        summary: "Sets the expiration time of fields in seconds.",
        ..of_deadlines("hexpire", -6, GROWS_FAST, Run::Write(expire::hexpire))
    },
    Spec {
        id: 221,
        summary: "Sets the expiration time of fields in milliseconds.",
        ..of_deadlines("hpexpire", -6, GROWS_FAST, Run::Write(expire::hpexpire))
    },
    Spec {
        id: 222,
        summary: "Sets the expiration time of fields to a Unix timestamp.",
        ..of_deadlines("hexpireat", -6, GROWS_FAST, Run::Write(expire::hexpireat))
    },
    Spec {
        id: 223,
        summary: "Sets the expiration time of fields to a Unix timestamp in milliseconds.",
        ..of_deadlines("hpexpireat", -6, GROWS_FAST, Run::Write(expire::hpexpireat))
    },
    Spec {
        id: 224,
        summary: "Returns the seconds until fields expire.",
        ..of_deadlines("httl", -5, READS_FAST, Run::Read(expire::httl))
    },
    Spec {
        id: 225,
        summary: "Returns the milliseconds until fields expire.",
        ..of_deadlines("hpttl", -5, READS_FAST, Run::Read(expire::hpttl))
    },
    Spec {
        id: 226,
        summary: "Returns the Unix timestamps at which fields expire.",
        ..of_deadlines("hexpiretime", -5, READS_FAST, Run::Read(expire::hexpiretime))
    },
    Spec {
        id: 227,
        summary: "Returns the Unix timestamps in milliseconds at which fields expire.",
        ..of_deadlines("hpexpiretime", -5, READS_FAST, Run::Read(expire::hpexpiretime))
    },
    Spec {
        id: 228,
        summary: "Removes the expiration time of fields.",
        ..of_deadlines("hpersist", -5, WRITES_FAST, Run::Write(expire::hpersist))
    },
    Spec {
        id: 230,
        summary: "Returns the values of fields and deletes them.",
        since: "8.0.0",
        ..of_fields("hgetdel", -5, WRITES_FAST, Run::Write(fields::hgetdel))
    },
    Spec {
        id: 231,
        summary: "Returns the values of fields and sets or clears their expiration time.",
        since: "8.0.0",
        ..of_fields("hgetex", -5, WRITES_FAST, Run::Write(fields::hgetex))
    },
    Spec {
        id: 232,
        summary: "Sets fields of a hash and their expiration time.",
        since: "8.0.0",
        ..of_fields("hsetex", -6, GROWS_FAST, Run::Write(fields::hsetex))
    },
];

/// The hash that a key holds.
fn hash_of<'a>(context: &mut ReadCtx<'a>, key: &[u8]) -> Result<Option<Hash<'a>>, CommandError> {
    match context.keys.get(context.db, key)? {
        Some(value) => value.hash(context.keys.now_ms()).map(Some).ok_or(CommandError::WRONG_TYPE),
        None => Ok(None),
    }
}

/// Hands the hash that a key holds to `look`.
fn with_hash<R>(
    context: &WriteCtx<'_>,
    key: &[u8],
    look: impl FnOnce(&View<'_>, Option<Hash<'_>>) -> Result<R, CommandError>,
) -> Result<R, CommandError> {
    context.keys.with_value(context.db, key, |view, value| {
        let hash = value.map(|value| value.hash(context.now_ms).ok_or(CommandError::WRONG_TYPE));
        look(view, hash.transpose()?)
    })
}

/// Replies with an element's bytes, or null.
fn reply_element(
    view: &View<'_>,
    element: Option<Element<'_>>,
    reply: &mut Reply<'_>,
) -> Result<(), KeyspaceError> {
    match element {
        Some(Element { text, .. }) => text.bulk(view, 0, text.len(), reply),
        None => {
            reply.null();
            Ok(())
        }
    }
}

/// How many of the words are no fields of the hash, each counted once.
fn count_new<'w>(
    context: &WriteCtx<'_>,
    key: &[u8],
    fields: impl Iterator<Item = &'w [u8]>,
) -> Result<usize, CommandError> {
    with_hash(context, key, |view, hash| {
        let mut new: SmallVec<[&[u8]; 4]> = SmallVec::new();
        for field in fields {
            if hash.map(|hash| hash.get(view, field)).transpose()?.flatten().is_none() {
                new.push(field);
            }
        }
        new.sort_unstable();
        new.dedup();
        Ok(new.len())
    })
}

/// Stores the fields and values from word `first` on; the number of fields that are new.
fn store(context: &mut WriteCtx<'_>, args: &Args<'_>, command: &str) -> Result<usize, CommandError> {
    if !args.len().is_multiple_of(2) {
        return Err(format!("ERR wrong number of arguments for '{command}' command").into());
    }
    let (db, key) = (context.db, &args[1]);
    let fields = args.from(2).step_by(2);
    elements::check_lengths(fields.clone(), "field")?;
    let new = count_new(context, key, fields)?;
    let pairs: ItemsBuffer = args.from(2).collect();
    let effect = Effect::HashSet { db, key, pairs: pairs.items(), expire_at_ms: None };
    context.keys.change(&effect, Classes::HASH, "hset")?;
    Ok(new)
}

/// `HSET key field value [field value ...]`
fn hset(context: &mut WriteCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let new = store(context, args, "hset")?;
    reply.integer(new as i64);
    Ok(())
}

/// `HMSET key field value [field value ...]`
fn hmset(context: &mut WriteCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    store(context, args, "hmset")?;
    reply.ok();
    Ok(())
}

/// `HSETNX key field value`
fn hsetnx(context: &mut WriteCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let new = count_new(context, &args[1], args.from(2).take(1))?;
    if new > 0 {
        store(context, args, "hsetnx")?;
    }
    reply.integer(new as i64);
    Ok(())
}

/// `HGET key field`
fn hget(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let hash = hash_of(context, &args[1])?;
    let view = context.keys.view();
    let element = hash.map(|hash| hash.get(view, &args[2])).transpose()?.flatten();
    Ok(reply_element(view, element, reply)?)
}

/// `HMGET key field [field ...]`
fn hmget(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let hash = hash_of(context, &args[1])?;
    let view = context.keys.view();
    reply.array(args.len() - 2);
    for field in args.from(2) {
        let element = hash.map(|hash| hash.get(view, field)).transpose()?.flatten();
        reply_element(view, element, reply)?;
    }
    Ok(())
}

/// `HGETALL key`
fn hgetall(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let hash = hash_of(context, &args[1])?;
    let view = context.keys.view();
    let Some(hash) = hash else {
        reply.map(0);
        return Ok(());
    };
    reply.map(hash.len(view)? as usize);
    hash.each_from(view, &[], |field, element| {
        reply.bulk(field);
        reply_element(view, Some(element), reply)?;
        Ok(!reply.is_cut())
    })?;
    Ok(())
}

/// `HKEYS key`
fn hkeys(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    reply_each(context, &args[1], reply, |_, field, _, reply| {
        reply.bulk(field);
        Ok(())
    })
}

/// `HVALS key`
fn hvals(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    reply_each(context, &args[1], reply, |view, _, element, reply| reply_element(view, Some(element), reply))
}

/// Replies with an array of what `write` makes of each field.
fn reply_each(
    context: &mut ReadCtx<'_>,
    key: &[u8],
    reply: &mut Reply<'_>,
    write: impl Fn(&View<'_>, &[u8], Element<'_>, &mut Reply<'_>) -> Result<(), KeyspaceError>,
) -> Result<(), CommandError> {
    let hash = hash_of(context, key)?;
    let view = context.keys.view();
    let Some(hash) = hash else {
        reply.array(0);
        return Ok(());
    };
    reply.array(hash.len(view)? as usize);
    hash.each_from(view, &[], |field, element| write(view, field, element, reply).map(|()| true))?;
    Ok(())
}

/// `HDEL key field [field ...]`
fn hdel(context: &mut WriteCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let (db, key) = (context.db, &args[1]);
    let there = with_hash(context, key, |view, hash| {
        let mut there = Vec::new();
        for field in args.from(2) {
            if hash.map(|hash| hash.get(view, field)).transpose()?.flatten().is_some() {
                there.push(field);
            }
        }
        there.sort_unstable();
        there.dedup();
        Ok(there)
    })?;
    if !there.is_empty() {
        let fields: ItemsBuffer = there.iter().copied().collect();
        let effect = Effect::HashDelete { db, key, fields: fields.items(), expired: false };
        context.keys.take_out(&effect, Classes::HASH, "hdel")?;
    }
    reply.integer(there.len() as i64);
    Ok(())
}

/// `HEXISTS key field`
fn hexists(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let hash = hash_of(context, &args[1])?;
    let element = hash.map(|hash| hash.get(context.keys.view(), &args[2])).transpose()?.flatten();
    reply.integer(i64::from(element.is_some()));
    Ok(())
}

/// `HLEN key`
fn hlen(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let hash = hash_of(context, &args[1])?;
    reply.integer(hash.map(|hash| hash.len(context.keys.view())).transpose()?.unwrap_or(0) as i64);
    Ok(())
}

/// `HSTRLEN key field`
fn hstrlen(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let hash = hash_of(context, &args[1])?;
    let element = hash.map(|hash| hash.get(context.keys.view(), &args[2])).transpose()?.flatten();
    reply.integer(element.map_or(0, |element| element.text.len()) as i64);
    Ok(())
}

/// `HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]`
fn hscan(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let cursor = ElementScan::cursor(&args[2])?;
    let Some(value) = context.keys.get(context.db, &args[1])? else {
        ElementScan::reply_nothing(reply);
        return Ok(());
    };
    let hash = value.hash(context.keys.now_ms()).ok_or(CommandError::WRONG_TYPE)?;
    let mut scan = ElementScan::parse(cursor, args, true)?;
    scan.take_all_of_few(context, &value, hash.is_packed())?;
    let view = context.keys.view();
    let mut found = Elements::new(reply);
    hash.each_from(view, &scan.start(), |field, element| {
        let seen = scan.see(field);
        if seen == Seen::Wanted {
            found.add(|reply| reply.bulk(field));
            if !scan.names_only {
                found.add(|reply| reply_element(view, Some(element), reply))?;
            }
        }
        Ok(seen != Seen::End)
    })?;
    scan.reply(found, reply);
    Ok(())
}
