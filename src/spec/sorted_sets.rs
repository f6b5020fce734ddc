//! Sorted sets. IDs 500 to 549.

use super::key_positions::{
    CHANGED, EXAMINED, READ, REPLACED, TAKEN, TRIMMED, UPDATED, all_but_timeout, counted, key, nth,
};
use super::{Spec, TRIED_WORDS, rows};

/// What these commands have in common.
const FAMILY: Spec = Spec { group: "sorted-set", is_on_elements: true, ..Spec::DEFAULT };

rows! { ROWS from FAMILY:
    ZADD {
        id: 500, name: "zadd", arity: -4, kind: Write, flags: [DENYOOM FAST],
        summary: "Adds members to a sorted set, which is created if it does not exist, or changes their \
                  scores.",
        since: "1.2.0", complexity: "O(log(N)) for each member added, where N is the size of the sorted set.",
        keys: &[key(UPDATED)],
        syntax: "key [NX|XX] [GT|LT] [CH] [INCR] (score member)...",
        tried_words: TRIED_WORDS,
    }

    ZINCRBY {
        id: 501, name: "zincrby", arity: 4, kind: Write, flags: [DENYOOM FAST],
        summary: "Adds a number to the score of a member, which is created if it does not exist.",
        since: "1.2.0", complexity: "O(log(N)) where N is the size of the sorted set.",
        keys: &[key(CHANGED)],
        syntax: "key increment member",
    }

    ZREM {
        id: 502, name: "zrem", arity: -3, kind: Write, flags: [FAST],
        summary: "Removes members from a sorted set, which is deleted with its last member.",
        since: "1.2.0",
        complexity: "O(M*log(N)) where M is the number of members to remove and N the size of the sorted \
                     set.",
        keys: &[key(TRIMMED)],
        syntax: "key member...",
        tried_words: TRIED_WORDS,
    }

    ZCARD {
        id: 503, name: "zcard", arity: 2, kind: Read, flags: [FAST],
        summary: "Returns the number of members of a sorted set.",
        since: "1.2.0", complexity: "O(1)",
        keys: &[key(EXAMINED)],
        syntax: "key",
    }

    ZSCORE {
        id: 504, name: "zscore", arity: 3, kind: Read, flags: [FAST],
        summary: "Returns the score of a member.",
        since: "1.2.0", complexity: "O(log(N)) where N is the size of the sorted set.",
        keys: &[key(READ)],
        syntax: "key member",
    }

    ZMSCORE {
        id: 505, name: "zmscore", arity: -3, kind: Read, flags: [FAST],
        summary: "Returns the scores of several members.",
        since: "6.2.0",
        complexity: "O(M*log(N)) where M is the number of members asked for and N the size of the sorted \
                     set.",
        keys: &[key(READ)],
        syntax: "key member...",
    }

    ZRANK {
        id: 506, name: "zrank", arity: -3, kind: Read, flags: [FAST],
        summary: "Returns how many members come before a member, by ascending score.",
        since: "2.0.0", complexity: "O(log(N)) where N is the size of the sorted set.",
        keys: &[key(READ)],
        syntax: "key member [WITHSCORE]",
    }

    ZREVRANK {
        id: 507, name: "zrevrank", arity: -3, kind: Read, flags: [FAST],
        summary: "Returns how many members come before a member, by descending score.",
        since: "2.0.0", complexity: "O(log(N)) where N is the size of the sorted set.",
        keys: &[key(READ)],
        syntax: "key member [WITHSCORE]",
    }

    ZCOUNT {
        id: 508, name: "zcount", arity: 4, kind: Read, flags: [FAST],
        summary: "Returns the number of members with scores within a range.",
        since: "2.0.0", complexity: "O(log(N)) where N is the size of the sorted set.",
        keys: &[key(READ)],
        syntax: "key min max",
    }

    ZLEXCOUNT {
        id: 509, name: "zlexcount", arity: 4, kind: Read, flags: [FAST],
        summary: "Returns the number of members within a range of members, where all scores are equal.",
        since: "2.8.9", complexity: "O(log(N)) where N is the size of the sorted set.",
        keys: &[key(READ)],
        syntax: "key min max",
    }

    ZRANGE {
        id: 510, name: "zrange", arity: -4, kind: Read, flags: [],
        summary: "Returns members within a range of positions, scores or members.",
        since: "1.2.0",
        complexity: "O(log(N)+M) where N is the size of the sorted set and M the number of members returned.",
        keys: &[key(READ)],
        syntax: "key start stop [BYSCORE|BYLEX] [REV] [LIMIT offset count] [WITHSCORES]",
    }

    ZRANGESTORE {
        id: 511, name: "zrangestore", arity: -5, kind: Write, flags: [DENYOOM BESIDE],
        summary: "Stores members within a range of positions, scores or members in a key.",
        since: "6.2.0",
        complexity: "O(log(N)+M*log(M)) where N is the size of the sorted set and M the number of members \
                     stored.",
        keys: &[key(REPLACED), nth(2, READ)],
        syntax: "destination source min max [BYSCORE|BYLEX] [REV] [LIMIT offset count]",
        quick_words: 0,
    }

    ZREVRANGE {
        id: 512, name: "zrevrange", arity: -4, kind: Read, flags: [],
        summary: "Returns members within a range of positions, by descending score.",
        since: "1.2.0",
        complexity: "O(log(N)+M) where N is the size of the sorted set and M the number of members returned.",
        keys: &[key(READ)],
        syntax: "key start stop [WITHSCORES]",
    }

    ZRANGEBYSCORE {
        id: 513, name: "zrangebyscore", arity: -4, kind: Read, flags: [],
        summary: "Returns members with scores within a range.",
        since: "1.0.5",
        complexity: "O(log(N)+M) where N is the size of the sorted set and M the number of members returned.",
        keys: &[key(READ)],
        syntax: "key min max [WITHSCORES] [LIMIT offset count]",
    }

    ZREVRANGEBYSCORE {
        id: 514, name: "zrevrangebyscore", arity: -4, kind: Read, flags: [],
        summary: "Returns members with scores within a range, by descending score.",
        since: "2.2.0",
        complexity: "O(log(N)+M) where N is the size of the sorted set and M the number of members returned.",
        keys: &[key(READ)],
        syntax: "key max min [WITHSCORES] [LIMIT offset count]",
    }

    ZRANGEBYLEX {
        id: 515, name: "zrangebylex", arity: -4, kind: Read, flags: [],
        summary: "Returns members within a range of members, where all scores are equal.",
        since: "2.8.9",
        complexity: "O(log(N)+M) where N is the size of the sorted set and M the number of members returned.",
        keys: &[key(READ)],
        syntax: "key min max [LIMIT offset count]",
    }

    ZREVRANGEBYLEX {
        id: 516, name: "zrevrangebylex", arity: -4, kind: Read, flags: [],
        summary: "Returns members within a range of members in reverse order, where all scores are equal.",
        since: "2.8.9",
        complexity: "O(log(N)+M) where N is the size of the sorted set and M the number of members returned.",
        keys: &[key(READ)],
        syntax: "key max min [LIMIT offset count]",
    }

    ZREMRANGEBYRANK {
        id: 517, name: "zremrangebyrank", arity: 4, kind: Write, flags: [BESIDE],
        summary: "Removes members within a range of positions.",
        since: "2.0.0",
        complexity: "O(M*log(N)) where N is the size of the sorted set and M the number of members removed.",
        keys: &[key(TRIMMED)],
        syntax: "key start stop",
        quick_words: 0,
    }

    ZREMRANGEBYSCORE {
        id: 518, name: "zremrangebyscore", arity: 4, kind: Write, flags: [BESIDE],
        summary: "Removes members with scores within a range.",
        since: "1.2.0",
        complexity: "O(M*log(N)) where N is the size of the sorted set and M the number of members removed.",
        keys: &[key(TRIMMED)],
        syntax: "key min max",
        quick_words: 0,
    }

    ZREMRANGEBYLEX {
        id: 519, name: "zremrangebylex", arity: 4, kind: Write, flags: [BESIDE],
        summary: "Removes members within a range of members, where all scores are equal.",
        since: "2.8.9",
        complexity: "O(M*log(N)) where N is the size of the sorted set and M the number of members removed.",
        keys: &[key(TRIMMED)],
        syntax: "key min max",
        quick_words: 0,
    }

    ZPOPMIN {
        id: 520, name: "zpopmin", arity: -2, kind: Write, flags: [FAST BESIDE],
        summary: "Removes the members with the lowest scores and returns them.",
        since: "5.0.0",
        complexity: "O(M*log(N)) where N is the size of the sorted set and M the number of members popped.",
        keys: &[key(TAKEN)],
        syntax: "key [count]",
        tried_words: 2,
        quick_words: 2,
    }

    ZPOPMAX {
        id: 521, name: "zpopmax", arity: -2, kind: Write, flags: [FAST BESIDE],
        summary: "Removes the members with the highest scores and returns them.",
        since: "5.0.0",
        complexity: "O(M*log(N)) where N is the size of the sorted set and M the number of members popped.",
        keys: &[key(TAKEN)],
        syntax: "key [count]",
        tried_words: 2,
        quick_words: 2,
    }

    ZMPOP {
        id: 522, name: "zmpop", arity: -4, kind: Write, flags: [BESIDE],
        summary: "Removes the members with the lowest or highest scores from the first sorted set that \
                  exists and returns them.",
        since: "7.0.0",
        complexity: "O(K)+O(M*log(N)) where K is the number of keys, N the size of the sorted set and M the \
                     number of members popped.",
        keys: &[counted(1, TAKEN)],
        syntax: "numkeys key... <MIN|MAX> [COUNT count]",
        quick_words: 0,
    }

    ZRANDMEMBER {
        id: 523, name: "zrandmember", arity: -2, kind: Read, flags: [],
        summary: "Returns random members of a sorted set.",
        since: "6.2.0",
        complexity: "O(M*log(N)) where M is the number of members to return and N the size of the sorted \
                     set.",
        keys: &[key(READ)],
        syntax: "key [count [WITHSCORES]]",
        tips: &["nondeterministic_output"],
    }

    ZSCAN {
        id: 524, name: "zscan", arity: -3, kind: Read, flags: [],
        summary: "Iterates over the members of a sorted set with their scores.",
        since: "2.8.0",
        complexity: "O(1) for every call. O(N) for a whole iteration, where N is the number of members that \
                     start with the literal prefix of the pattern.",
        keys: &[key(READ)],
        syntax: "key cursor [MATCH pattern] [COUNT count]",
        tips: &["nondeterministic_output"],
    }

    ZUNION {
        id: 530, name: "zunion", arity: -3, kind: Read, flags: [],
        summary: "Returns the members that any of several sorted sets has, with joined scores.",
        since: "6.2.0",
        complexity: "O(N)+O(M*log(M)) where N is the number of members of all sets and M that of the result.",
        keys: &[counted(1, READ)],
        syntax: "numkeys key... [WEIGHTS weight...] [AGGREGATE <SUM|MIN|MAX|COUNT>] [WITHSCORES]",
    }

    ZINTER {
        id: 531, name: "zinter", arity: -3, kind: Read, flags: [],
        summary: "Returns the members that several sorted sets have in common, with joined scores.",
        since: "6.2.0",
        complexity: "O(N*K*log(S))+O(M*log(M)) where N is the size of the smallest of K sets, S of the \
                     largest and M of the result.",
        keys: &[counted(1, READ)],
        syntax: "numkeys key... [WEIGHTS weight...] [AGGREGATE <SUM|MIN|MAX|COUNT>] [WITHSCORES]",
    }

    ZDIFF {
        id: 532, name: "zdiff", arity: -3, kind: Read, flags: [],
        summary: "Returns the members of the first sorted set that no other one has.",
        since: "6.2.0",
        complexity: "O(N*K*log(S))+O(M*log(M)) where N is the size of the first of K sets, S of the largest \
                     and M of the result.",
        keys: &[counted(1, READ)],
        syntax: "numkeys key... [WITHSCORES]",
    }

    ZINTERCARD {
        id: 533, name: "zintercard", arity: -3, kind: Read, flags: [],
        summary: "Returns the number of members that several sorted sets have in common.",
        since: "7.0.0",
        complexity: "O(N*K*log(S))+O(M*log(M)) where N is the size of the smallest of K sets, S of the \
                     largest and M of the result.",
        keys: &[counted(1, READ)],
        syntax: "numkeys key... [LIMIT limit]",
    }

    ZUNIONSTORE {
        id: 534, name: "zunionstore", arity: -4, kind: Write, flags: [DENYOOM BESIDE],
        summary: "Stores the members that any of several sorted sets has in a key, with joined scores.",
        since: "2.0.0",
        complexity: "O(N)+O(M*log(M)) where N is the number of members of all sets and M that of the result.",
        keys: &[key(REPLACED), counted(2, READ)],
        syntax: "destination numkeys key... [WEIGHTS weight...] [AGGREGATE <SUM|MIN|MAX|COUNT>]",
        quick_words: 0,
    }

    ZINTERSTORE {
        id: 535, name: "zinterstore", arity: -4, kind: Write, flags: [DENYOOM BESIDE],
        summary: "Stores the members that several sorted sets have in common in a key, with joined scores.",
        since: "2.0.0",
        complexity: "O(N*K*log(S))+O(M*log(M)) where N is the size of the smallest of K sets, S of the \
                     largest and M of the result.",
        keys: &[key(REPLACED), counted(2, READ)],
        syntax: "destination numkeys key... [WEIGHTS weight...] [AGGREGATE <SUM|MIN|MAX|COUNT>]",
        quick_words: 0,
    }

    ZDIFFSTORE {
        id: 536, name: "zdiffstore", arity: -4, kind: Write, flags: [DENYOOM BESIDE],
        summary: "Stores the members of the first sorted set that no other one has in a key.",
        since: "6.2.0",
        complexity: "O(N*K*log(S))+O(M*log(M)) where N is the size of the first of K sets, S of the largest \
                     and M of the result.",
        keys: &[key(REPLACED), counted(2, READ)],
        syntax: "destination numkeys key...",
        quick_words: 0,
    }

    BZPOPMIN {
        id: 540, name: "bzpopmin", arity: -3, kind: Write, flags: [NOSCRIPT BLOCKING FAST],
        summary: "Removes the member with the lowest score from the first of several sorted sets that is not \
                  empty, and returns it; waits for one if all are empty.",
        since: "5.0.0", complexity: "O(log(N)) where N is the size of the sorted set.",
        keys: &[all_but_timeout(TAKEN)],
        syntax: "key... timeout",
    }

    BZPOPMAX {
        id: 541, name: "bzpopmax", arity: -3, kind: Write, flags: [NOSCRIPT BLOCKING FAST],
        summary: "Removes the member with the highest score from the first of several sorted sets that is \
                  not empty, and returns it; waits for one if all are empty.",
        since: "5.0.0", complexity: "O(log(N)) where N is the size of the sorted set.",
        keys: &[all_but_timeout(TAKEN)],
        syntax: "key... timeout",
    }

    BZMPOP {
        id: 542, name: "bzmpop", arity: -5, kind: Write, flags: [BLOCKING],
        summary: "Removes members from the first of several sorted sets that is not empty, and returns them; \
                  waits for one if all are empty.",
        since: "7.0.0",
        complexity: "O(M*log(N)) where N is the size of the sorted set and M the number of members popped.",
        keys: &[counted(2, TAKEN)],
        syntax: "timeout numkeys key... <MIN|MAX> [COUNT count]",
        quick_words: 0,
    }
}
