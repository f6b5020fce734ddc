//! Strings. IDs 1 to 29.

use super::key_positions::{
    CHANGED, CREATED, EXAMINED, INSERTED, READ, REMOVED, REMOVED_IF, REPLACED, TAKEN, TRIMMED, UPDATED, all,
    counted_pairs, key, pairs, two,
};
use super::{Access, Spec, TRIED_WORDS, rows};

/// What these commands have in common.
const FAMILY: Spec = Spec { group: "string", ..Spec::DEFAULT };

/// What `SET` does with its key.
const SET_OPTIONS: Access = Access::by_words(|args| {
    let reads = |word: &[u8]| {
        ["get", "ifeq", "ifne", "ifdeq", "ifdne"]
            .iter()
            .any(|option| word.eq_ignore_ascii_case(option.as_bytes()))
    };
    if args.from(3).any(reads) { CHANGED } else { REPLACED }
});

/// What `DELEX` does with its key: without a condition, it does not read it.
const DELEX_CONDITION: Access = Access {
    names: &["RW", "delete", "variable_flags"],
    ..Access::by_words(|args| match args.get(2) {
        Some(_) => TRIMMED,
        None => REMOVED,
    })
};

rows! { ROWS from FAMILY:
    SET {
        id: 1, name: "set", arity: -3, kind: Write, flags: [DENYOOM],
        summary: "Sets the string value of a key, whatever its type.",
        since: "1.0.0", complexity: "O(1)",
        keys: &[key(SET_OPTIONS)],
        syntax: "key value [NX|XX|IFEQ ifeq-value|IFNE ifne-value|IFDEQ ifdeq-digest|IFDNE ifdne-digest] [GET] \
                 [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|KEEPTTL]",
        tried_words: TRIED_WORDS,
    }

    GET {
        id: 2, name: "get", arity: 2, kind: Read, flags: [FAST],
        summary: "Returns the string value of a key.",
        since: "1.0.0", complexity: "O(1)",
        keys: &[key(READ)],
        syntax: "key",
    }

    GETSET {
        id: 3, name: "getset", arity: 3, kind: Write, flags: [DENYOOM FAST],
        summary: "Sets the string value of a key and returns the value before.",
        since: "1.0.0", complexity: "O(1)",
        keys: &[key(CHANGED)],
        syntax: "key value",
    }

    GETDEL {
        id: 4, name: "getdel", arity: 2, kind: Write, flags: [FAST BESIDE],
        summary: "Returns the string value of a key and deletes the key.",
        since: "6.2.0", complexity: "O(1)",
        keys: &[key(TAKEN)],
        syntax: "key",
    }

    GETEX {
        id: 5, name: "getex", arity: -2, kind: Write, flags: [FAST],
        summary: "Returns the string value of a key and sets or clears its expiration time.",
        since: "6.2.0", complexity: "O(1)",
        keys: &[key(CHANGED)],
        syntax: "key [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|PERSIST]",
        reading_form: Some(|args| args.len() == 2),
    }

    SETNX {
        id: 6, name: "setnx", arity: 3, kind: Write, flags: [DENYOOM FAST],
        summary: "Sets the string value of a key that does not exist.",
        since: "1.0.0", complexity: "O(1)",
        keys: &[key(CREATED)],
        syntax: "key value",
        tried_words: TRIED_WORDS,
    }

    SETEX {
        id: 7, name: "setex", arity: 4, kind: Write, flags: [DENYOOM],
        summary: "Sets the string value of a key and its expiration time in seconds.",
        since: "2.0.0", complexity: "O(1)",
        keys: &[key(REPLACED)],
        syntax: "key seconds value",
    }

    PSETEX {
        id: 8, name: "psetex", arity: 4, kind: Write, flags: [DENYOOM],
        summary: "Sets the string value of a key and its expiration time in milliseconds.",
        since: "2.6.0", complexity: "O(1)",
        keys: &[key(REPLACED)],
        syntax: "key milliseconds value",
    }

    MGET {
        id: 9, name: "mget", arity: -2, kind: Read, flags: [FAST],
        summary: "Returns the string values of several keys at one moment.",
        since: "1.0.0", complexity: "O(N) where N is the number of keys to retrieve.",
        keys: &[all(READ)],
        syntax: "key...",
        tips: &["request_policy:multi_shard"],
    }

    MSET {
        id: 10, name: "mset", arity: -3, kind: Write, flags: [DENYOOM],
        summary: "Sets the string values of several keys at once.",
        since: "1.0.1", complexity: "O(N) where N is the number of keys to set.",
        keys: &[pairs(REPLACED)],
        syntax: "(key value)...",
        tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
    }

    MSETNX {
        id: 11, name: "msetnx", arity: -3, kind: Write, flags: [DENYOOM],
        summary: "Sets the string values of several keys at once, if none of them exists.",
        since: "1.0.1", complexity: "O(N) where N is the number of keys to set.",
        keys: &[pairs(CREATED)],
        syntax: "(key value)...",
        tips: &["request_policy:multi_shard", "response_policy:agg_min"],
        tried_words: TRIED_WORDS,
    }

    APPEND {
        id: 12, name: "append", arity: 3, kind: Write, flags: [DENYOOM FAST],
        summary: "Appends to the string value of a key, which is created if it does not exist.",
        since: "2.0.0", complexity: "O(N) where N is the number of bytes appended.",
        keys: &[key(INSERTED)],
        syntax: "key value",
    }

    STRLEN {
        id: 13, name: "strlen", arity: 2, kind: Read, flags: [FAST],
        summary: "Returns the length of a string value.",
        since: "2.2.0", complexity: "O(1)",
        keys: &[key(EXAMINED)],
        syntax: "key",
    }

    GETRANGE {
        id: 14, name: "getrange", arity: 4, kind: Read, flags: [],
        summary: "Returns a part of a string value.",
        since: "2.4.0", complexity: "O(N) where N is the length of the returned string.",
        keys: &[key(READ)],
        syntax: "key start end",
    }

    SUBSTR {
        id: 15, name: "substr", arity: 4, kind: Read, flags: [],
        summary: "Returns a part of a string value.",
        since: "1.0.0", complexity: "O(N) where N is the length of the returned string.",
        keys: &[key(READ)],
        syntax: "key start end",
    }

    SETRANGE {
        id: 16, name: "setrange", arity: 4, kind: Write, flags: [DENYOOM],
        summary: "Overwrites a part of a string value; the key is created if it does not exist.",
        since: "2.2.0", complexity: "O(N) where N is the number of bytes written, wherever they go.",
        keys: &[key(UPDATED)],
        syntax: "key offset value",
        quick_words: 0,
    }

    INCR {
        id: 17, name: "incr", arity: 2, kind: Write, flags: [DENYOOM FAST],
        summary: "Adds one to the integer value of a key; 0 if it does not exist.",
        since: "1.0.0", complexity: "O(1)",
        keys: &[key(CHANGED)],
        syntax: "key",
    }

    DECR {
        id: 18, name: "decr", arity: 2, kind: Write, flags: [DENYOOM FAST],
        summary: "Takes one from the integer value of a key; 0 if it does not exist.",
        since: "1.0.0", complexity: "O(1)",
        keys: &[key(CHANGED)],
        syntax: "key",
    }

    INCRBY {
        id: 19, name: "incrby", arity: 3, kind: Write, flags: [DENYOOM FAST],
        summary: "Adds an integer to the integer value of a key; 0 if it does not exist.",
        since: "1.0.0", complexity: "O(1)",
        keys: &[key(CHANGED)],
        syntax: "key increment",
    }

    DECRBY {
        id: 20, name: "decrby", arity: 3, kind: Write, flags: [DENYOOM FAST],
        summary: "Takes an integer from the integer value of a key; 0 if it does not exist.",
        since: "1.0.0", complexity: "O(1)",
        keys: &[key(CHANGED)],
        syntax: "key decrement",
    }

    INCRBYFLOAT {
        id: 21, name: "incrbyfloat", arity: 3, kind: Write, flags: [DENYOOM FAST],
        summary: "Adds a number to the floating point value of a key; 0 if it does not exist.",
        since: "2.6.0", complexity: "O(1)",
        keys: &[key(CHANGED)],
        syntax: "key float",
    }

    LCS {
        id: 22, name: "lcs", arity: -3, kind: Read, flags: [],
        summary: "Finds the longest common subsequence of two strings.",
        since: "7.0.0", complexity: "O(N*M) where N and M are the lengths of the two strings.",
        keys: &[two(READ)],
        syntax: "key1 key2 [LEN] [IDX] [MINMATCHLEN len] [WITHMATCHLEN]",
    }

    DELEX {
        id: 23, name: "delex", arity: -2, kind: Write, flags: [FAST],
        summary: "Deletes a key if its string value, or the digest of it, compares as wanted.",
        since: "8.4.0",
        complexity: "O(1) for IFEQ and IFNE, O(N) for IFDEQ and IFDNE where N is the length of the string value.",
        keys: &[key(DELEX_CONDITION)],
        syntax: "key [IFEQ ifeq-value|IFNE ifne-value|IFDEQ ifdeq-digest|IFDNE ifdne-digest]",
        tried_words: TRIED_WORDS,
    }

    DELIFEQ {
        id: 24, name: "delifeq", arity: 3, kind: Write, flags: [FAST],
        summary: "Deletes a key if its string value is the given one.",
        since: "9.0.0", complexity: "O(1)",
        keys: &[key(REMOVED_IF)],
        syntax: "key value",
        tried_words: TRIED_WORDS,
    }

    DIGEST {
        id: 25, name: "digest", arity: 2, kind: Read, flags: [FAST],
        summary: "Returns the XXH3 hash of a string value.",
        since: "8.4.0", complexity: "O(N) where N is the length of the string value.",
        keys: &[key(READ)],
        syntax: "key",
        quick_words: 0,
    }

    MSETEX {
        id: 26, name: "msetex", arity: -4, kind: Write, flags: [DENYOOM],
        summary: "Sets the string values of several keys at once, with one expiration time for all.",
        since: "8.4.0", complexity: "O(N) where N is the number of keys to set.",
        keys: &[counted_pairs(1, REPLACED)],
        syntax: "numkeys (key value)... [NX|XX] [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT \
                 unix-time-milliseconds|KEEPTTL]",
        tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
        tried_words: TRIED_WORDS,
    }

    INCREX {
        id: 27, name: "increx", arity: -2, kind: Write, flags: [DENYOOM FAST],
        summary: "Adds to the number that a key holds, within bounds, and sets or clears its expiration time.",
        since: "8.8.0", complexity: "O(1)",
        keys: &[key(CHANGED)],
        syntax: "key [BYFLOAT float|BYINT integer] [SATURATE] [LBOUND lowerbound] [UBOUND upperbound] \
                 [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|PERSIST] [ENX]",
        tried_words: TRIED_WORDS,
    }
}
