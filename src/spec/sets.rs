//! Sets. IDs 300 to 399.

use super::key_positions::{
    EXAMINED, INSERTED, READ, REPLACED, TAKEN, TRIMMED, UPDATED, all, all_from, counted, key, nth,
};
use super::{Spec, TRIED_WORDS, rows};

/// What these commands have in common.
const FAMILY: Spec = Spec { group: "set", is_on_elements: true, ..Spec::DEFAULT };

rows! { ROWS from FAMILY:
    SADD {
        id: 300, name: "sadd", arity: -3, kind: Write, flags: [DENYOOM FAST],
        summary: "Adds members to a set, which is created if it does not exist.",
        since: "1.0.0",
        complexity: "O(N*log(M)) where N is the number of members to add and M the size of the set.",
        keys: &[key(INSERTED)],
        syntax: "key member...",
        tried_words: TRIED_WORDS,
    }

    SREM {
        id: 301, name: "srem", arity: -3, kind: Write, flags: [FAST],
        summary: "Removes members from a set, which is deleted with its last member.",
        since: "1.0.0",
        complexity: "O(N*log(M)) where N is the number of members to remove and M the size of the set.",
        keys: &[key(TRIMMED)],
        syntax: "key member...",
        tried_words: TRIED_WORDS,
    }

    SISMEMBER {
        id: 302, name: "sismember", arity: 3, kind: Read, flags: [FAST],
        summary: "Says whether a member belongs to a set.",
        since: "1.0.0", complexity: "O(log(N)) where N is the size of the set.",
        keys: &[key(EXAMINED)],
        syntax: "key member",
    }

    SMISMEMBER {
        id: 303, name: "smismember", arity: -3, kind: Read, flags: [FAST],
        summary: "Says of several members whether they belong to a set.",
        since: "6.2.0",
        complexity: "O(N*log(M)) where N is the number of members to check and M the size of the set.",
        keys: &[key(READ)],
        syntax: "key member...",
    }

    SCARD {
        id: 304, name: "scard", arity: 2, kind: Read, flags: [FAST],
        summary: "Returns the number of members of a set.",
        since: "1.0.0", complexity: "O(1)",
        keys: &[key(EXAMINED)],
        syntax: "key",
    }

    SMEMBERS {
        id: 305, name: "smembers", arity: 2, kind: Read, flags: [],
        summary: "Returns all members of a set, in the order of their bytes.",
        since: "1.0.0", complexity: "O(N) where N is the size of the set.",
        keys: &[key(READ)],
        syntax: "key",
        tips: &["nondeterministic_output_order"],
    }

    SMOVE {
        id: 306, name: "smove", arity: 4, kind: Write, flags: [FAST],
        summary: "Moves a member from one set to another.",
        since: "1.0.0", complexity: "O(log(N)) where N is the size of the larger set.",
        keys: &[key(TAKEN), nth(2, INSERTED)],
        syntax: "source destination member",
        tried_words: TRIED_WORDS,
    }

    SSCAN {
        id: 307, name: "sscan", arity: -3, kind: Read, flags: [],
        summary: "Iterates over the members of a set.",
        since: "2.8.0",
        complexity: "O(1) for every call. O(N) for a whole iteration, where N is the number of members that \
                     start with the literal prefix of the pattern.",
        keys: &[key(READ)],
        syntax: "key cursor [MATCH pattern] [COUNT count]",
        tips: &["nondeterministic_output"],
    }

    SPOP {
        id: 308, name: "spop", arity: -2, kind: Write, flags: [FAST BESIDE],
        summary: "Removes random members from a set and returns them.",
        since: "1.0.0",
        complexity: "O(N*log(M)) where N is the number of members to remove and M the size of the set.",
        keys: &[key(TAKEN)],
        syntax: "key [count]",
        tips: &["nondeterministic_output"],
        tried_words: 2,
        quick_words: 2,
    }

    SRANDMEMBER {
        id: 309, name: "srandmember", arity: -2, kind: Read, flags: [],
        summary: "Returns random members of a set.",
        since: "1.0.0",
        complexity: "O(N*log(M)) where N is the number of members to return and M the size of the set.",
        keys: &[key(READ)],
        syntax: "key [count]",
        tips: &["nondeterministic_output"],
    }

    SINTER {
        id: 310, name: "sinter", arity: -2, kind: Read, flags: [],
        summary: "Returns the members that several sets have in common.",
        since: "1.0.0",
        complexity: "O(N*K*log(M)) where N is the size of the smallest of K sets and M that of the largest.",
        keys: &[all(READ)],
        syntax: "key...",
        tips: &["nondeterministic_output_order"],
    }

    SINTERCARD {
        id: 311, name: "sintercard", arity: -3, kind: Read, flags: [],
        summary: "Returns the number of members that several sets have in common.",
        since: "7.0.0",
        complexity: "O(N*K*log(M)) where N is the size of the smallest of K sets and M that of the largest.",
        keys: &[counted(1, READ)],
        syntax: "numkeys key... [LIMIT limit]",
    }

    SUNION {
        id: 312, name: "sunion", arity: -2, kind: Read, flags: [],
        summary: "Returns the members that any of several sets has.",
        since: "1.0.0", complexity: "O(N) where N is the number of members of all sets.",
        keys: &[all(READ)],
        syntax: "key...",
        tips: &["nondeterministic_output_order"],
    }

    SDIFF {
        id: 313, name: "sdiff", arity: -2, kind: Read, flags: [],
        summary: "Returns the members of the first set that no other one has.",
        since: "1.0.0",
        complexity: "O(N*K*log(M)) where N is the size of the first of K sets and M that of the largest.",
        keys: &[all(READ)],
        syntax: "key...",
        tips: &["nondeterministic_output_order"],
    }

    SINTERSTORE {
        id: 320, name: "sinterstore", arity: -3, kind: Write, flags: [DENYOOM BESIDE],
        summary: "Stores the members that several sets have in common in a key.",
        since: "1.0.0",
        complexity: "O(N*K*log(M)) where N is the size of the smallest of K sets and M that of the largest.",
        keys: &[key(UPDATED), all_from(2, READ)],
        syntax: "destination key...",
        quick_words: 0,
    }

    SUNIONSTORE {
        id: 321, name: "sunionstore", arity: -3, kind: Write, flags: [DENYOOM BESIDE],
        summary: "Stores the members that any of several sets has in a key.",
        since: "1.0.0", complexity: "O(N*log(N)) where N is the number of members of all sets.",
        keys: &[key(REPLACED), all_from(2, READ)],
        syntax: "destination key...",
        quick_words: 0,
    }

    SDIFFSTORE {
        id: 322, name: "sdiffstore", arity: -3, kind: Write, flags: [DENYOOM BESIDE],
        summary: "Stores the members of the first set that no other one has in a key.",
        since: "1.0.0",
        complexity: "O(N*K*log(M)) where N is the size of the first of K sets and M that of the largest.",
        keys: &[key(REPLACED), all_from(2, READ)],
        syntax: "destination key...",
        quick_words: 0,
    }

    SUNIONCARD {
        id: 323, name: "sunioncard", arity: -3, kind: Read, flags: [],
        summary: "Returns the number of members that the union of several sets has.",
        since: "8.10.0", complexity: "O(N) where N is the number of members of all sets.",
        keys: &[counted(1, READ)],
        syntax: "numkeys key... [APPROX] [LIMIT limit]",
    }

    SDIFFCARD {
        id: 324, name: "sdiffcard", arity: -3, kind: Read, flags: [],
        summary: "Returns the number of members that one set has and none of several others.",
        since: "8.10.0",
        complexity: "O(N*K*log(M)) where N is the size of the first of K sets and M that of the largest.",
        keys: &[counted(1, READ)],
        syntax: "numkeys key... [LIMIT limit]",
    }
}
