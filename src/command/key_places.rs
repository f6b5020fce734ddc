//! Where the keys stand among the words of a command, and what it does with them: for `COMMAND INFO` and `COMMAND
//! GETKEYS`, whose answers clients and proxies route by.

use super::{CommandError, Flags, KeySpec, Spec, words};
use crate::number::parse_i64;
use crate::resp::Args;

/// What a command does with a key, in Redis's words.
pub(super) type Access = &'static [&'static str];

/// It is read.
const READ: Access = &["RO", "access"];
/// It is replaced.
const REPLACED: Access = &["OW", "update"];
/// It is read, and changed.
const CHANGED: Access = &["RW", "access", "update"];
/// Something is taken out.
const TAKEN: Access = &["RW", "access", "delete"];
/// Something is put in.
const PUT: Access = &["RW", "insert"];

/// It is no key: a channel of a shard, which is routed like one.
pub(super) const NOT_KEY: Access = &["not_key"];

/// Where some of a command's keys are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// At fixed places, or up to the end.
    Range(KeySpec),
    /// Behind the word at this index, which is their number.
    Counted(usize),
    /// Behind a word that stands at this index or later.
    Behind(&'static str, usize),
    /// Behind the last `STORE` among the options of `SORT`, a place that `COMMAND INFO` cannot say.
    SortStore,
    /// Their names depend on the data.
    Unknown,
}

/// What a command does with its keys, where all of them are treated alike, and it is not plain from whether it writes.
const ACCESS: &[(&str, Access)] = &[
    ("append", &["RW", "insert"]),
    ("bitfield", &["RW", "access", "update", "variable_flags"]),
    ("blmpop", &["RW", "access", "delete"]),
    ("blpop", &["RW", "access", "delete"]),
    ("brpop", &["RW", "access", "delete"]),
    ("bzmpop", &["RW", "access", "delete"]),
    ("bzpopmax", &["RW", "access", "delete"]),
    ("bzpopmin", &["RW", "access", "delete"]),
    ("del", &["RM", "delete"]),
    ("exists", &["RO"]),
    ("expire", &["RW", "update"]),
    ("expireat", &["RW", "update"]),
    ("geoadd", &["RW", "update"]),
    ("getdel", &["RW", "access", "delete"]),
    ("hdel", &["RW", "delete"]),
    ("hexists", &["RO"]),
    ("hlen", &["RO"]),
    ("hmset", &["RW", "update"]),
    ("hset", &["RW", "update"]),
    ("hsetnx", &["RW", "insert"]),
    ("hstrlen", &["RO"]),
    ("linsert", &["RW", "insert"]),
    ("llen", &["RO"]),
    ("lmpop", &["RW", "access", "delete"]),
    ("lpop", &["RW", "access", "delete"]),
    ("lpush", &["RW", "insert"]),
    ("lpushx", &["RW", "insert"]),
    ("lrem", &["RW", "delete"]),
    ("lset", &["RW", "update"]),
    ("ltrim", &["RW", "delete"]),
    ("memory|usage", &["RO"]),
    ("mset", &["OW", "update"]),
    ("msetnx", &["OW", "insert"]),
    ("object|encoding", &["RO"]),
    ("object|freq", &["RO"]),
    ("object|idletime", &["RO"]),
    ("object|refcount", &["RO"]),
    ("persist", &["RW", "update"]),
    ("pexpire", &["RW", "update"]),
    ("pexpireat", &["RW", "update"]),
    ("pfadd", &["RW", "insert"]),
    ("pfcount", &["RW", "access"]),
    ("psetex", &["OW", "update"]),
    ("rpop", &["RW", "access", "delete"]),
    ("rpush", &["RW", "insert"]),
    ("rpushx", &["RW", "insert"]),
    ("sadd", &["RW", "insert"]),
    ("scard", &["RO"]),
    ("set", &["RW", "access", "update", "variable_flags"]),
    ("setex", &["OW", "update"]),
    ("setnx", &["OW", "insert"]),
    ("setrange", &["RW", "update"]),
    ("sismember", &["RO"]),
    ("spop", &["RW", "access", "delete"]),
    ("srem", &["RW", "delete"]),
    ("strlen", &["RO"]),
    ("touch", &["RO"]),
    ("type", &["RO"]),
    ("unlink", &["RM", "delete"]),
    ("watch", &["RO"]),
    ("zadd", &["RW", "update"]),
    ("zcard", &["RO"]),
    ("zmpop", &["RW", "access", "delete"]),
    ("zpopmax", &["RW", "access", "delete"]),
    ("zpopmin", &["RW", "access", "delete"]),
    ("zrem", &["RW", "delete"]),
    ("zremrangebylex", &["RW", "delete"]),
    ("zremrangebyrank", &["RW", "delete"]),
    ("zremrangebyscore", &["RW", "delete"]),
];

/// The first of the keys at fixed places, and the others.
const fn split(keys: KeySpec) -> (Place, Place) {
    let others = KeySpec { first: keys.first + keys.step, ..keys };
    (Place::Range(KeySpec { last: keys.first, ..keys }), Place::Range(others))
}

/// Where a command's keys are, and what it does with them.
pub(super) fn places(spec: &Spec) -> Vec<(Place, Access)> {
    let (first, others) = split(spec.keys);
    match spec.name {
        "copy" => vec![(first, READ), (others, REPLACED)],
        "rename" => vec![(first, TAKEN), (others, REPLACED)],
        "renamenx" => vec![(first, TAKEN), (others, &["OW", "insert"])],
        "lmove" | "rpoplpush" | "blmove" | "brpoplpush" | "smove" => vec![(first, TAKEN), (others, PUT)],
        "sinterstore" => vec![(first, &["RW", "update"]), (others, READ)],
        "sunionstore" | "sdiffstore" | "bitop" | "geosearchstore" | "zrangestore" => {
            vec![(first, REPLACED), (others, READ)]
        }
        "pfmerge" => vec![(first, &["RW", "access", "insert"]), (others, READ)],
        "zunionstore" | "zinterstore" | "zdiffstore" => vec![(first, REPLACED), (Place::Counted(2), READ)],
        "blmpop" | "bzmpop" => vec![(Place::Counted(2), TAKEN)],
        "lmpop" | "zmpop" => vec![(Place::Counted(1), TAKEN)],
        "georadius" => radius_places(first, 6),
        "georadiusbymember" => radius_places(first, 5),
        "sort" => vec![(first, READ), (Place::Unknown, READ), (Place::SortStore, REPLACED)],
        "spublish" | "ssubscribe" | "sunsubscribe" => vec![(Place::Range(spec.keys), NOT_KEY)],
        "sort_ro" => vec![(first, READ), (Place::Unknown, READ)],
        _ if spec.keys.first > 0 => vec![(Place::Range(spec.keys), access(spec))],
        _ if spec.flags.has(Flags::READONLY.with(Flags::MOVABLEKEYS)) => vec![(Place::Counted(1), READ)],
        _ => Vec::new(),
    }
}

/// The places of `GEORADIUS`, whose options begin at `from`.
fn radius_places(first: Place, from: usize) -> Vec<(Place, Access)> {
    vec![
        (first, READ),
        (Place::Behind("STORE", from), REPLACED),
        (Place::Behind("STOREDIST", from), REPLACED),
    ]
}

/// What a command does with its keys.
fn access(spec: &Spec) -> Access {
    match ACCESS.iter().find(|(name, _)| *name == spec.name) {
        Some((_, access)) => access,
        None if spec.flags.has(Flags::WRITE) => CHANGED,
        None => READ,
    }
}

/// The keys of a command that was sent as `args`, each with what is done with it.
pub(super) fn keys<'a>(spec: &Spec, args: &Args<'a>) -> Result<Vec<(&'a [u8], Access)>, CommandError> {
    let mut keys = Vec::new();
    for (place, access) in places(spec) {
        let access = if access.contains(&"variable_flags") { access_in(spec, args) } else { access };
        let found: Vec<usize> = match place {
            Place::Range(range) => range.indexes(args.len()).collect(),
            Place::Counted(at) => counted(args, at)?.collect(),
            Place::Behind(word, from) => behind(args, word, from).into_iter().collect(),
            Place::SortStore => sort_store(args).into_iter().collect(),
            Place::Unknown => Vec::new(),
        };
        keys.extend(found.into_iter().filter_map(|index| Some((args.get(index)?, access))));
    }
    Ok(keys)
}

/// What `SET` or `BITFIELD` does with its key, which its options decide.
fn access_in(spec: &Spec, args: &Args<'_>) -> Access {
    let has = |option: &str, first: usize| args.from(first).any(|word| words::is(word, option));
    match spec.name {
        "set" if has("get", 3) => CHANGED,
        "set" => REPLACED,
        _ if has("set", 2) || has("incrby", 2) => CHANGED,
        _ => READ,
    }
}

/// The indexes of the keys whose number is word `at`.
fn counted(args: &Args<'_>, at: usize) -> Result<impl Iterator<Item = usize> + use<>, CommandError> {
    let left = args.len().saturating_sub(at + 1);
    let count = args.get(at).and_then(parse_i64).and_then(|count| usize::try_from(count).ok());
    match count.filter(|count| (1..=left).contains(count)) {
        Some(count) => Ok(at + 1..at + 1 + count),
        None => Err("ERR Invalid arguments specified for command".into()),
    }
}

/// The index of the word behind `keyword`, which is looked for from `from` on.
fn behind(args: &Args<'_>, keyword: &str, from: usize) -> Option<usize> {
    args.from(from).position(|word| words::is(word, keyword)).map(|at| from + at + 1)
}

/// The index of the key that `SORT` stores into.
fn sort_store(args: &Args<'_>) -> Option<usize> {
    let (mut at, mut found) = (2, None);
    while let Some(word) = args.get(at) {
        at += match word {
            word if words::is(word, "limit") => 3,
            word if words::is(word, "get") || words::is(word, "by") => 2,
            word if words::is(word, "store") && at + 1 < args.len() => {
                found = Some(at + 1);
                2
            }
            _ => 1,
        };
    }
    found
}
