//! Hashes. IDs 200 to 299.

use super::key_positions::{CHANGED, EXAMINED, INSERTED, READ, TRIMMED, UPDATED, key};
use super::{Spec, TRIED_WORDS, rows};

/// What these commands have in common.
const FAMILY: Spec = Spec { group: "hash", is_on_elements: true, ..Spec::DEFAULT };

rows! { ROWS from FAMILY:
    HSET {
        id: 200, name: "hset", arity: -4, kind: Write, flags: [DENYOOM FAST],
        summary: "Sets fields of a hash, which is created if it does not exist.",
        since: "2.0.0",
        complexity: "O(N*log(M)) where N is the number of fields named and M the size of the hash.",
        keys: &[key(UPDATED)],
        syntax: "key (field value)...",
    }

    HMSET {
        id: 201, name: "hmset", arity: -4, kind: Write, flags: [DENYOOM FAST],
        summary: "Sets fields of a hash; the same as HSET, but for the reply.",
        since: "2.0.0",
        complexity: "O(N*log(M)) where N is the number of fields named and M the size of the hash.",
        keys: &[key(UPDATED)],
        syntax: "key (field value)...",
    }

    HSETNX {
        id: 202, name: "hsetnx", arity: 4, kind: Write, flags: [DENYOOM FAST],
        summary: "Sets a field of a hash that does not exist.",
        since: "2.0.0", complexity: "O(log(N)) where N is the size of the hash.",
        keys: &[key(INSERTED)],
        syntax: "key field value",
        tried_words: TRIED_WORDS,
    }

    HGET {
        id: 203, name: "hget", arity: 3, kind: Read, flags: [FAST],
        summary: "Returns the value of a field of a hash.",
        since: "2.0.0", complexity: "O(log(N)) where N is the size of the hash.",
        keys: &[key(READ)],
        syntax: "key field",
    }

    HMGET {
        id: 204, name: "hmget", arity: -3, kind: Read, flags: [FAST],
        summary: "Returns the values of several fields of a hash.",
        since: "2.0.0",
        complexity: "O(N*log(M)) where N is the number of fields named and M the size of the hash.",
        keys: &[key(READ)],
        syntax: "key field...",
    }

    HGETALL {
        id: 205, name: "hgetall", arity: 2, kind: Read, flags: [],
        summary: "Returns all fields and values of a hash, in the order of the fields' bytes.",
        since: "2.0.0", complexity: "O(N) where N is the size of the hash.",
        keys: &[key(READ)],
        syntax: "key",
        tips: &["nondeterministic_output_order"],
    }

    HKEYS {
        id: 206, name: "hkeys", arity: 2, kind: Read, flags: [],
        summary: "Returns all fields of a hash, in the order of their bytes.",
        since: "2.0.0", complexity: "O(N) where N is the size of the hash.",
        keys: &[key(READ)],
        syntax: "key",
        tips: &["nondeterministic_output_order"],
    }

    HVALS {
        id: 207, name: "hvals", arity: 2, kind: Read, flags: [],
        summary: "Returns all values of a hash, in the order of their fields' bytes.",
        since: "2.0.0", complexity: "O(N) where N is the size of the hash.",
        keys: &[key(READ)],
        syntax: "key",
        tips: &["nondeterministic_output_order"],
    }

    HDEL {
        id: 208, name: "hdel", arity: -3, kind: Write, flags: [FAST],
        summary: "Deletes fields of a hash, and the hash with its last field.",
        since: "2.0.0",
        complexity: "O(N*log(M)) where N is the number of fields named and M the size of the hash.",
        keys: &[key(TRIMMED)],
        syntax: "key field...",
        tried_words: TRIED_WORDS,
    }

    HEXISTS {
        id: 209, name: "hexists", arity: 3, kind: Read, flags: [FAST],
        summary: "Says whether a field exists in a hash.",
        since: "2.0.0", complexity: "O(log(N)) where N is the size of the hash.",
        keys: &[key(EXAMINED)],
        syntax: "key field",
    }

    HLEN {
        id: 210, name: "hlen", arity: 2, kind: Read, flags: [FAST],
        summary: "Returns the number of fields of a hash.",
        since: "2.0.0", complexity: "O(log(N)) where N is the size of the hash.",
        keys: &[key(EXAMINED)],
        syntax: "key",
    }

    HSTRLEN {
        id: 211, name: "hstrlen", arity: 3, kind: Read, flags: [FAST],
        summary: "Returns the length of the value of a field.",
        since: "3.2.0", complexity: "O(log(N)) where N is the size of the hash.",
        keys: &[key(EXAMINED)],
        syntax: "key field",
    }

    HSCAN {
        id: 212, name: "hscan", arity: -3, kind: Read, flags: [],
        summary: "Iterates over the fields and values of a hash.",
        since: "2.8.0",
        complexity: "O(1) for every call. O(N) for a whole iteration, where N is the number of fields that \
                     start with the literal prefix of the pattern.",
        keys: &[key(READ)],
        syntax: "key cursor [MATCH pattern] [COUNT count] [NOVALUES]",
        tips: &["nondeterministic_output"],
    }

    HRANDFIELD {
        id: 213, name: "hrandfield", arity: -2, kind: Read, flags: [],
        summary: "Returns random fields of a hash.",
        since: "6.2.0",
        complexity: "O(N*log(M)) where N is the number of fields to return and M the size of the hash.",
        keys: &[key(READ)],
        syntax: "key [count [WITHVALUES]]",
        tips: &["nondeterministic_output"],
    }

    HINCRBY {
        id: 215, name: "hincrby", arity: 4, kind: Write, flags: [DENYOOM FAST],
        summary: "Adds an integer to the integer value of a field; 0 if it does not exist.",
        since: "2.0.0", complexity: "O(log(N)) where N is the size of the hash.",
        keys: &[key(CHANGED)],
        syntax: "key field increment",
    }

    HINCRBYFLOAT {
        id: 216, name: "hincrbyfloat", arity: 4, kind: Write, flags: [DENYOOM FAST],
        summary: "Adds a number to the floating point value of a field; 0 if it does not exist.",
        since: "2.6.0", complexity: "O(log(N)) where N is the size of the hash.",
        keys: &[key(CHANGED)],
        syntax: "key field float",
    }

    HEXPIRE {
        id: 220, name: "hexpire", arity: -6, kind: Write, flags: [DENYOOM FAST],
        summary: "Sets the expiration time of fields in seconds.",
        since: "7.4.0",
        complexity: "O(N*log(M)) where N is the number of fields named and M the size of the hash.",
        keys: &[key(CHANGED)],
        syntax: "key seconds [NX|XX|GT|LT] FIELDS (numfields field...)",
    }

    HPEXPIRE {
        id: 221, name: "hpexpire", arity: -6, kind: Write, flags: [DENYOOM FAST],
        summary: "Sets the expiration time of fields in milliseconds.",
        since: "7.4.0",
        complexity: "O(N*log(M)) where N is the number of fields named and M the size of the hash.",
        keys: &[key(CHANGED)],
        syntax: "key milliseconds [NX|XX|GT|LT] FIELDS (numfields field...)",
    }

    HEXPIREAT {
        id: 222, name: "hexpireat", arity: -6, kind: Write, flags: [DENYOOM FAST],
        summary: "Sets the expiration time of fields to a Unix timestamp.",
        since: "7.4.0",
        complexity: "O(N*log(M)) where N is the number of fields named and M the size of the hash.",
        keys: &[key(CHANGED)],
        syntax: "key unix-time-seconds [NX|XX|GT|LT] FIELDS (numfields field...)",
    }

    HPEXPIREAT {
        id: 223, name: "hpexpireat", arity: -6, kind: Write, flags: [DENYOOM FAST],
        summary: "Sets the expiration time of fields to a Unix timestamp in milliseconds.",
        since: "7.4.0",
        complexity: "O(N*log(M)) where N is the number of fields named and M the size of the hash.",
        keys: &[key(CHANGED)],
        syntax: "key unix-time-milliseconds [NX|XX|GT|LT] FIELDS (numfields field...)",
    }

    HTTL {
        id: 224, name: "httl", arity: -5, kind: Read, flags: [FAST],
        summary: "Returns the seconds until fields expire.",
        since: "7.4.0",
        complexity: "O(N*log(M)) where N is the number of fields named and M the size of the hash.",
        keys: &[key(READ)],
        syntax: "key FIELDS (numfields field...)",
    }

    HPTTL {
        id: 225, name: "hpttl", arity: -5, kind: Read, flags: [FAST],
        summary: "Returns the milliseconds until fields expire.",
        since: "7.4.0",
        complexity: "O(N*log(M)) where N is the number of fields named and M the size of the hash.",
        keys: &[key(READ)],
        syntax: "key FIELDS (numfields field...)",
    }

    HEXPIRETIME {
        id: 226, name: "hexpiretime", arity: -5, kind: Read, flags: [FAST],
        summary: "Returns the Unix timestamps at which fields expire.",
        since: "7.4.0",
        complexity: "O(N*log(M)) where N is the number of fields named and M the size of the hash.",
        keys: &[key(READ)],
        syntax: "key FIELDS (numfields field...)",
    }

    HPEXPIRETIME {
        id: 227, name: "hpexpiretime", arity: -5, kind: Read, flags: [FAST],
        summary: "Returns the Unix timestamps in milliseconds at which fields expire.",
        since: "7.4.0",
        complexity: "O(N*log(M)) where N is the number of fields named and M the size of the hash.",
        keys: &[key(READ)],
        syntax: "key FIELDS (numfields field...)",
    }

    HPERSIST {
        id: 228, name: "hpersist", arity: -5, kind: Write, flags: [FAST],
        summary: "Removes the expiration time of fields.",
        since: "7.4.0",
        complexity: "O(N*log(M)) where N is the number of fields named and M the size of the hash.",
        keys: &[key(CHANGED)],
        syntax: "key FIELDS (numfields field...)",
    }

    HGETDEL {
        id: 230, name: "hgetdel", arity: -5, kind: Write, flags: [FAST],
        summary: "Returns the values of fields and deletes them.",
        since: "8.0.0",
        complexity: "O(N*log(M)) where N is the number of fields named and M the size of the hash.",
        keys: &[key(CHANGED)],
        syntax: "key FIELDS (numfields field...)",
    }

    HGETEX {
        id: 231, name: "hgetex", arity: -5, kind: Write, flags: [FAST],
        summary: "Returns the values of fields and sets or clears their expiration time.",
        since: "8.0.0",
        complexity: "O(N*log(M)) where N is the number of fields named and M the size of the hash.",
        keys: &[key(CHANGED)],
        syntax: "key [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|PERSIST] \
                 FIELDS (numfields field...)",
    }

    HSETEX {
        id: 232, name: "hsetex", arity: -6, kind: Write, flags: [DENYOOM FAST],
        summary: "Sets fields of a hash and their expiration time.",
        since: "8.0.0",
        complexity: "O(N*log(M)) where N is the number of fields named and M the size of the hash.",
        keys: &[key(CHANGED)],
        syntax: "key [NX|XX] [FNX|FXX] [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT \
                 unix-time-milliseconds|KEEPTTL] FIELDS (numfields (field value)...)",
    }
}
