//! Keys of any type, and whole databases. IDs 100 to 139.

use super::key_positions::{
    CHANGED, CREATED, EXAMINED, READ, REMOVED, REPLACED, TAKEN, UPDATED, all, key, nth,
};
use super::{Spec, TRIED_WORDS, rows};

/// What these commands have in common.
const FAMILY: Spec = Spec { group: "generic", categories: &["keyspace"], ..Spec::DEFAULT };

rows! { ROWS from FAMILY:
    DEL {
        id: 100, name: "del", arity: -2, kind: Write, flags: [],
        summary: "Deletes keys.",
        since: "1.0.0",
        complexity: "O(N) where N is the number of keys. Large values are freed in the background.",
        keys: &[all(REMOVED)],
        syntax: "key...",
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        tried_words: TRIED_WORDS,
    }

    UNLINK {
        id: 101, name: "unlink", arity: -2, kind: Write, flags: [FAST],
        summary: "Deletes keys; the same as DEL, which never waits for memory to be freed either.",
        since: "4.0.0",
        complexity: "O(N) where N is the number of keys. Large values are freed in the background.",
        keys: &[all(REMOVED)],
        syntax: "key...",
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        tried_words: TRIED_WORDS,
    }

    EXISTS {
        id: 102, name: "exists", arity: -2, kind: Read, flags: [FAST],
        summary: "Counts how many of the keys exist.",
        since: "1.0.0", complexity: "O(N) where N is the number of keys to check.",
        keys: &[all(EXAMINED)],
        syntax: "key...",
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
    }

    TYPE {
        id: 103, name: "type", arity: 2, kind: Read, flags: [FAST],
        summary: "Returns the type of the value of a key.",
        since: "1.0.0", complexity: "O(1)",
        keys: &[key(EXAMINED)],
        syntax: "key",
    }

    TOUCH {
        id: 104, name: "touch", arity: -2, kind: Read, flags: [FAST],
        summary: "Counts how many of the keys exist.",
        since: "3.2.1", complexity: "O(N) where N is the number of keys.",
        keys: &[all(EXAMINED)],
        syntax: "key...",
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
    }

    KEYS {
        id: 105, name: "keys", arity: 2, kind: Read, flags: [],
        summary: "Returns the names of all keys that match a pattern.",
        since: "1.0.0",
        complexity: "O(N) where N is the number of keys that start with the literal prefix of the pattern.",
        syntax: "pattern",
        tips: &["request_policy:all_shards", "nondeterministic_output_order"],
        categories: &["keyspace", "dangerous"],
    }

    SCAN {
        id: 106, name: "scan", arity: -2, kind: Read, flags: [],
        summary: "Iterates over the names of keys.",
        since: "2.8.0",
        complexity: "O(1) for every call. O(N) for a whole iteration, where N is the number of keys that \
                     start with the literal prefix of the pattern.",
        syntax: "cursor [MATCH pattern] [COUNT count] [TYPE type]",
        tips: &["nondeterministic_output", "request_policy:special"],
    }

    RANDOMKEY {
        id: 107, name: "randomkey", arity: 1, kind: Read, flags: [],
        summary: "Returns the name of a random key.",
        since: "1.0.0", complexity: "O(log N) where N is the number of keys.",
        tips: &["request_policy:all_shards", "nondeterministic_output"],
    }

    EXPIRE {
        id: 110, name: "expire", arity: -3, kind: Write, flags: [FAST],
        summary: "Sets the expiration time of a key in seconds.",
        since: "1.0.0", complexity: "O(1)",
        keys: &[key(UPDATED)],
        syntax: "key seconds [NX|XX|GT|LT]",
        tried_words: TRIED_WORDS,
    }

    PEXPIRE {
        id: 111, name: "pexpire", arity: -3, kind: Write, flags: [FAST],
        summary: "Sets the expiration time of a key in milliseconds.",
        since: "2.6.0", complexity: "O(1)",
        keys: &[key(UPDATED)],
        syntax: "key milliseconds [NX|XX|GT|LT]",
        tried_words: TRIED_WORDS,
    }

    EXPIREAT {
        id: 112, name: "expireat", arity: -3, kind: Write, flags: [FAST],
        summary: "Sets the expiration time of a key to a Unix timestamp.",
        since: "1.2.0", complexity: "O(1)",
        keys: &[key(UPDATED)],
        syntax: "key unix-time-seconds [NX|XX|GT|LT]",
        tried_words: TRIED_WORDS,
    }

    PEXPIREAT {
        id: 113, name: "pexpireat", arity: -3, kind: Write, flags: [FAST],
        summary: "Sets the expiration time of a key to a Unix timestamp in milliseconds.",
        since: "2.6.0", complexity: "O(1)",
        keys: &[key(UPDATED)],
        syntax: "key unix-time-milliseconds [NX|XX|GT|LT]",
        tried_words: TRIED_WORDS,
    }

    TTL {
        id: 114, name: "ttl", arity: 2, kind: Read, flags: [FAST],
        summary: "Returns the seconds until a key expires.",
        since: "1.0.0", complexity: "O(1)",
        keys: &[key(READ)],
        syntax: "key",
        tips: &["nondeterministic_output"],
    }

    PTTL {
        id: 115, name: "pttl", arity: 2, kind: Read, flags: [FAST],
        summary: "Returns the milliseconds until a key expires.",
        since: "2.6.0", complexity: "O(1)",
        keys: &[key(READ)],
        syntax: "key",
        tips: &["nondeterministic_output"],
    }

    EXPIRETIME {
        id: 116, name: "expiretime", arity: 2, kind: Read, flags: [FAST],
        summary: "Returns the Unix timestamp at which a key expires.",
        since: "7.0.0", complexity: "O(1)",
        keys: &[key(READ)],
        syntax: "key",
    }

    PEXPIRETIME {
        id: 117, name: "pexpiretime", arity: 2, kind: Read, flags: [FAST],
        summary: "Returns the Unix timestamp in milliseconds at which a key expires.",
        since: "7.0.0", complexity: "O(1)",
        keys: &[key(READ)],
        syntax: "key",
    }

    PERSIST {
        id: 118, name: "persist", arity: 2, kind: Write, flags: [FAST],
        summary: "Removes the expiration time of a key.",
        since: "2.2.0", complexity: "O(1)",
        keys: &[key(UPDATED)],
        syntax: "key",
        tried_words: TRIED_WORDS,
    }

    COPY {
        id: 120, name: "copy", arity: -3, kind: Write, flags: [DENYOOM BESIDE],
        summary: "Copies the value of a key to another key.",
        since: "6.2.0", complexity: "O(N) where N is the size of the value.",
        keys: &[key(READ), nth(2, REPLACED)],
        syntax: "source destination [DB destination-db] [REPLACE]",
        quick_words: 0,
    }

    DUMP {
        id: 124, name: "dump", arity: 2, kind: Read, flags: [],
        summary: "Returns the value of a key in a form that RESTORE takes, also that of Redis.",
        since: "2.6.0", complexity: "O(N) where N is the size of the value.",
        keys: &[key(READ)],
        syntax: "key",
        tips: &["nondeterministic_output"],
    }

    RESTORE {
        id: 125, name: "restore", arity: -4, kind: Write, flags: [DENYOOM BESIDE],
        summary: "Creates a key from what DUMP has returned, also that of Redis.",
        since: "2.6.0", complexity: "O(N*log(N)) where N is the size of the value.",
        keys: &[key(REPLACED)],
        syntax: "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]",
        categories: &["keyspace", "dangerous"],
        quick_words: 0,
    }

    RENAME {
        id: 121, name: "rename", arity: 3, kind: Write, flags: [],
        summary: "Renames a key, replacing the key that has the new name.",
        since: "1.0.0", complexity: "O(1)",
        keys: &[key(TAKEN), nth(2, REPLACED)],
        syntax: "key newkey",
    }

    RENAMENX {
        id: 122, name: "renamenx", arity: 3, kind: Write, flags: [FAST],
        summary: "Renames a key, if no key has the new name.",
        since: "1.0.0", complexity: "O(1)",
        keys: &[key(TAKEN), nth(2, CREATED)],
        syntax: "key newkey",
        tried_words: TRIED_WORDS,
    }

    MOVE {
        id: 123, name: "move", arity: 3, kind: Write, flags: [FAST],
        summary: "Moves a key to another database.",
        since: "1.0.0", complexity: "O(1)",
        keys: &[key(CHANGED)],
        syntax: "key db",
    }

    DBSIZE {
        id: 130, name: "dbsize", arity: 1, kind: Read, flags: [FAST],
        summary: "Returns the number of keys in the database.",
        since: "1.0.0", complexity: "O(1)",
        group: "server",
        tips: &["request_policy:all_shards", "response_policy:agg_sum"],
    }

    FLUSHDB {
        id: 131, name: "flushdb", arity: -1, kind: Write, flags: [DATABASES FLUSHES],
        summary: "Removes all keys from the database.",
        since: "1.0.0", complexity: "O(1). The keys are freed in the background.",
        group: "server",
        syntax: "[ASYNC|SYNC]",
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        categories: &["keyspace", "dangerous"],
    }

    FLUSHALL {
        id: 132, name: "flushall", arity: -1, kind: Write, flags: [DATABASES FLUSHES],
        summary: "Removes all keys from all databases.",
        since: "1.0.0", complexity: "O(1). The keys are freed in the background.",
        group: "server",
        syntax: "[ASYNC|SYNC]",
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        categories: &["keyspace", "dangerous"],
    }

    SWAPDB {
        id: 133, name: "swapdb", arity: 3, kind: Write, flags: [FAST DATABASES],
        summary: "Exchanges two databases.",
        since: "4.0.0", complexity: "O(1)",
        group: "server",
        syntax: "index1 index2",
        categories: &["keyspace", "dangerous"],
    }
}
