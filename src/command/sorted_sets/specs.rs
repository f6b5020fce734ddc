//! The table of the commands on sorted sets.

use super::{add, algebra, blocking, pop, random, range, read};
use crate::command::table::spec;
use crate::command::{Flags, KeySpec, Run, Spec, TRIED_WORDS};

/// Changes data and may grow it.
const GROWS: Flags = Flags::WRITE.with(Flags::DENYOOM);
/// Changes data and is fast.
const WRITES_FAST: Flags = Flags::WRITE.with(Flags::FAST);
/// May wait for members. Nothing else of the client's is with the writer meanwhile. Which key it takes from is known only
/// then.
const WAITS: Flags = Flags::WRITE.with(Flags::BLOCKING);
/// The keys of `BZPOPMIN`: all words but the name and the timeout.
const ALL_BUT_TIMEOUT: KeySpec = KeySpec { first: 1, last: -2, step: 1 };
/// Reads data and is fast.
const READS_FAST: Flags = Flags::READONLY.with(Flags::FAST);
/// Reads as many keys as one of its words says.
const COMBINES: Flags = Flags::READONLY.with(Flags::MOVABLEKEYS);

/// How long a range takes.
const RANGE: &str = "O(log(N)+M) where N is the size of the sorted set and M the number of members returned.";
/// How long the removal of a range takes.
const REMOVAL: &str =
    "O(M*log(N)) where N is the size of the sorted set and M the number of members removed.";
/// How long it takes to pop members.
const POP: &str = "O(M*log(N)) where N is the size of the sorted set and M the number of members popped.";
/// How long a union takes.
const UNION: &str = "O(N)+O(M*log(M)) where N is the number of members of all sets and M that of the result.";
/// How long an intersection takes.
const INTER: &str = "O(N*K*log(S))+O(M*log(M)) where N is the size of the smallest of K sets, S of the largest and M of the result.";
/// How long a difference takes.
const DIFF: &str = "O(N*K*log(S))+O(M*log(M)) where N is the size of the first of K sets, S of the largest and M of the result.";

/// The base of a sorted set command's spec.
const fn zset(name: &'static str, arity: i32, flags: Flags, keys: KeySpec, run: Run) -> Spec {
    Spec { group: "sorted-set", ..spec(name, arity, flags, keys, run) }
}

/// The commands of this family. Ids 500 to 549.
pub(in crate::command) static SPECS: &[Spec] = &[
    Spec {
        id: 500,
        summary: "Adds members to a sorted set, which is created if it does not exist, or changes their scores.",
        since: "1.2.0",
        complexity: "O(log(N)) for each member added, where N is the size of the sorted set.",
        tried_words: TRIED_WORDS,
        ..zset("zadd", -4, GROWS.with(Flags::FAST), KeySpec::ONE, Run::Write(add::zadd))
    },
    Spec {
        id: 501,
        summary: "Adds a number to the score of a member, which is created if it does not exist.",
        since: "1.2.0",
        complexity: "O(log(N)) where N is the size of the sorted set.",
        ..zset("zincrby", 4, GROWS.with(Flags::FAST), KeySpec::ONE, Run::Write(add::zincrby))
    },
    Spec {
        id: 502,
        summary: "Removes members from a sorted set, which is deleted with its last member.",
        since: "1.2.0",
        complexity: "O(M*log(N)) where M is the number of members to remove and N the size of the sorted set.",
        tried_words: TRIED_WORDS,
        ..zset("zrem", -3, WRITES_FAST, KeySpec::ONE, Run::Write(add::zrem))
    },
    Spec {
        id: 503,
        summary: "Returns the number of members of a sorted set.",
        since: "1.2.0",
        complexity: "O(1)",
        ..zset("zcard", 2, READS_FAST, KeySpec::ONE, Run::Read(read::zcard))
    },
    Spec {
        id: 504,
        summary: "Returns the score of a member.",
        since: "1.2.0",
        complexity: "O(log(N)) where N is the size of the sorted set.",
        ..zset("zscore", 3, READS_FAST, KeySpec::ONE, Run::Read(read::zscore))
    },
    Spec {
        id: 505,
        summary: "Returns the scores of several members.",
        since: "6.2.0",
        complexity: "O(M*log(N)) where M is the number of members asked for and N the size of the sorted set.",
        ..zset("zmscore", -3, READS_FAST, KeySpec::ONE, Run::Read(read::zmscore))
    },
    Spec {
        id: 506,
        summary: "Returns how many members come before a member, by ascending score.",
        since: "2.0.0",
        complexity: "O(log(N)) where N is the size of the sorted set.",
        ..zset("zrank", -3, READS_FAST, KeySpec::ONE, Run::Read(read::zrank))
    },
    Spec {
        id: 507,
        summary: "Returns how many members come before a member, by descending score.",
        since: "2.0.0",
        complexity: "O(log(N)) where N is the size of the sorted set.",
        ..zset("zrevrank", -3, READS_FAST, KeySpec::ONE, Run::Read(read::zrevrank))
    },
    Spec {
        id: 508,
        summary: "Returns the number of members with scores within a range.",
        since: "2.0.0",
        complexity: "O(log(N)) where N is the size of the sorted set.",
        ..zset("zcount", 4, READS_FAST, KeySpec::ONE, Run::Read(read::zcount))
    },
    Spec {
        id: 509,
        summary: "Returns the number of members within a range of members, where all scores are equal.",
        since: "2.8.9",
        complexity: "O(log(N)) where N is the size of the sorted set.",
        ..zset("zlexcount", 4, READS_FAST, KeySpec::ONE, Run::Read(read::zlexcount))
    },
    Spec {
        id: 510,
        summary: "Returns members within a range of positions, scores or members.",
        since: "1.2.0",
        complexity: RANGE,
        ..zset("zrange", -4, Flags::READONLY, KeySpec::ONE, Run::Read(range::zrange))
    },
    Spec {
        id: 511,
        summary: "Stores members within a range of positions, scores or members in a key.",
        since: "6.2.0",
        complexity: "O(log(N)+M*log(M)) where N is the size of the sorted set and M the number of members stored.",
        ..zset("zrangestore", -5, GROWS, KeySpec::TWO, Run::Write(range::zrangestore))
    },
    Spec {
        id: 512,
        summary: "Returns members within a range of positions, by descending score.",
        since: "1.2.0",
        complexity: RANGE,
        ..zset("zrevrange", -4, Flags::READONLY, KeySpec::ONE, Run::Read(range::zrevrange))
    },
    Spec {
        id: 513,
        summary: "Returns members with scores within a range.",
        since: "1.0.5",
        complexity: RANGE,
        ..zset("zrangebyscore", -4, Flags::READONLY, KeySpec::ONE, Run::Read(range::zrangebyscore))
    },
    Spec {
        id: 514,
        summary: "Returns members with scores within a range, by descending score.",
        since: "2.2.0",
        complexity: RANGE,
        ..zset("zrevrangebyscore", -4, Flags::READONLY, KeySpec::ONE, Run::Read(range::zrevrangebyscore))
    },
    Spec {
        id: 515,
        summary: "Returns members within a range of members, where all scores are equal.",
        since: "2.8.9",
        complexity: RANGE,
        ..zset("zrangebylex", -4, Flags::READONLY, KeySpec::ONE, Run::Read(range::zrangebylex))
    },
    Spec {
        id: 516,
        summary: "Returns members within a range of members in reverse order, where all scores are equal.",
        since: "2.8.9",
        complexity: RANGE,
        ..zset("zrevrangebylex", -4, Flags::READONLY, KeySpec::ONE, Run::Read(range::zrevrangebylex))
    },
    Spec {
        id: 517,
        summary: "Removes members within a range of positions.",
        since: "2.0.0",
        complexity: REMOVAL,
        ..zset("zremrangebyrank", 4, Flags::WRITE, KeySpec::ONE, Run::Write(range::zremrangebyrank))
    },
    Spec {
        id: 518,
        summary: "Removes members with scores within a range.",
        since: "1.2.0",
        complexity: REMOVAL,
        ..zset("zremrangebyscore", 4, Flags::WRITE, KeySpec::ONE, Run::Write(range::zremrangebyscore))
    },
    Spec {
        id: 519,
        summary: "Removes members within a range of members, where all scores are equal.",
        since: "2.8.9",
        complexity: REMOVAL,
        ..zset("zremrangebylex", 4, Flags::WRITE, KeySpec::ONE, Run::Write(range::zremrangebylex))
    },
    Spec {
        id: 520,
        summary: "Removes the members with the lowest scores and returns them.",
        since: "5.0.0",
        complexity: POP,
        tried_words: 2,
        ..zset("zpopmin", -2, Flags::WRITE.with(Flags::FAST), KeySpec::ONE, Run::Write(pop::zpopmin))
    },
    Spec {
        id: 521,
        summary: "Removes the members with the highest scores and returns them.",
        since: "5.0.0",
        complexity: POP,
        tried_words: 2,
        ..zset("zpopmax", -2, Flags::WRITE.with(Flags::FAST), KeySpec::ONE, Run::Write(pop::zpopmax))
    },
    Spec {
        id: 522,
        summary: "Removes the members with the lowest or highest scores from the first sorted set that exists and returns them.",
        since: "7.0.0",
        complexity: "O(K)+O(M*log(N)) where K is the number of keys, N the size of the sorted set and M the number of members popped.",
        ..zset("zmpop", -4, Flags::WRITE.with(Flags::MOVABLEKEYS), KeySpec::NONE, Run::Write(pop::zmpop))
    },
    Spec {
        id: 523,
        summary: "Returns random members of a sorted set.",
        since: "6.2.0",
        complexity: "O(M*log(N)) where M is the number of members to return and N the size of the sorted set.",
        ..zset("zrandmember", -2, Flags::READONLY, KeySpec::ONE, Run::Read(random::zrandmember))
    },
    Spec {
        id: 524,
        summary: "Iterates over the members of a sorted set with their scores.",
        since: "2.8.0",
        complexity: "O(1) for every call. O(N) for a whole iteration, where N is the number of members that start with the literal prefix of the pattern.",
        ..zset("zscan", -3, Flags::READONLY, KeySpec::ONE, Run::Read(read::zscan))
    },
    Spec {
        id: 530,
        summary: "Returns the members that any of several sorted sets has, with joined scores.",
        since: "6.2.0",
        complexity: UNION,
        ..zset("zunion", -3, COMBINES, KeySpec::NONE, Run::Read(algebra::zunion))
    },
    Spec {
        id: 531,
        summary: "Returns the members that several sorted sets have in common, with joined scores.",
        since: "6.2.0",
        complexity: INTER,
        ..zset("zinter", -3, COMBINES, KeySpec::NONE, Run::Read(algebra::zinter))
    },
    Spec {
        id: 532,
        summary: "Returns the members of the first sorted set that no other one has.",
        since: "6.2.0",
        complexity: DIFF,
        ..zset("zdiff", -3, COMBINES, KeySpec::NONE, Run::Read(algebra::zdiff))
    },
    Spec {
        id: 533,
        summary: "Returns the number of members that several sorted sets have in common.",
        since: "7.0.0",
        complexity: INTER,
        ..zset("zintercard", -3, COMBINES, KeySpec::NONE, Run::Read(algebra::zintercard))
    },
    Spec {
        id: 534,
        summary: "Stores the members that any of several sorted sets has in a key, with joined scores.",
        since: "2.0.0",
        complexity: UNION,
        ..zset(
            "zunionstore",
            -4,
            GROWS.with(Flags::MOVABLEKEYS),
            KeySpec::ONE,
            Run::Write(algebra::zunionstore),
        )
    },
    Spec {
        id: 535,
        summary: "Stores the members that several sorted sets have in common in a key, with joined scores.",
        since: "2.0.0",
        complexity: INTER,
        ..zset(
            "zinterstore",
            -4,
            GROWS.with(Flags::MOVABLEKEYS),
            KeySpec::ONE,
            Run::Write(algebra::zinterstore),
        )
    },
    Spec {
        id: 536,
        summary: "Stores the members of the first sorted set that no other one has in a key.",
        since: "6.2.0",
        complexity: DIFF,
        ..zset(
            "zdiffstore",
            -4,
            GROWS.with(Flags::MOVABLEKEYS),
            KeySpec::ONE,
            Run::Write(algebra::zdiffstore),
        )
    },
    Spec {
        id: 540,
        summary: "Removes the member with the lowest score from the first of several sorted sets that is not empty, \
                  and returns it; waits for one if all are empty.",
        since: "5.0.0",
        complexity: "O(log(N)) where N is the size of the sorted set.",
        ..zset(
            "bzpopmin",
            -3,
            WAITS.with(Flags::NOSCRIPT).with(Flags::FAST),
            ALL_BUT_TIMEOUT,
            Run::Write(blocking::bzpopmin),
        )
    },
    Spec {
        id: 541,
        summary: "Removes the member with the highest score from the first of several sorted sets that is not empty, \
                  and returns it; waits for one if all are empty.",
        since: "5.0.0",
        complexity: "O(log(N)) where N is the size of the sorted set.",
        ..zset(
            "bzpopmax",
            -3,
            WAITS.with(Flags::NOSCRIPT).with(Flags::FAST),
            ALL_BUT_TIMEOUT,
            Run::Write(blocking::bzpopmax),
        )
    },
    Spec {
        id: 542,
        summary: "Removes members from the first of several sorted sets that is not empty, and returns them; waits for \
                  one if all are empty.",
        since: "7.0.0",
        complexity: POP,
        ..zset("bzmpop", -5, WAITS.with(Flags::MOVABLEKEYS), KeySpec::NONE, Run::Write(blocking::bzmpop))
    },
];
