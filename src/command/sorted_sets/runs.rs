//! The functions that run the commands on sorted sets.

use super::{add, algebra, blocking, pop, random, range, read};
use crate::command::Run;
use crate::spec::{self, Spec};

/// The function that runs each command.
pub(in crate::command) static RUNS: &[(&Spec, Run)] = &[
    (&spec::ZADD, Run::Write(add::zadd)),
    (&spec::ZINCRBY, Run::Write(add::zincrby)),
    (&spec::ZREM, Run::Write(add::zrem)),
    (&spec::ZCARD, Run::Read(read::zcard)),
    (&spec::ZSCORE, Run::Read(read::zscore)),
    (&spec::ZMSCORE, Run::Read(read::zmscore)),
    (&spec::ZRANK, Run::Read(read::zrank)),
    (&spec::ZREVRANK, Run::Read(read::zrevrank)),
    (&spec::ZCOUNT, Run::Read(read::zcount)),
    (&spec::ZLEXCOUNT, Run::Read(read::zlexcount)),
    (&spec::ZRANGE, Run::Read(range::zrange)),
    (&spec::ZRANGESTORE, Run::Write(range::zrangestore)),
    (&spec::ZREVRANGE, Run::Read(range::zrevrange)),
    (&spec::ZRANGEBYSCORE, Run::Read(range::zrangebyscore)),
    (&spec::ZREVRANGEBYSCORE, Run::Read(range::zrevrangebyscore)),
    (&spec::ZRANGEBYLEX, Run::Read(range::zrangebylex)),
    (&spec::ZREVRANGEBYLEX, Run::Read(range::zrevrangebylex)),
    (&spec::ZREMRANGEBYRANK, Run::Write(range::zremrangebyrank)),
    (&spec::ZREMRANGEBYSCORE, Run::Write(range::zremrangebyscore)),
    (&spec::ZREMRANGEBYLEX, Run::Write(range::zremrangebylex)),
    (&spec::ZPOPMIN, Run::Write(pop::zpopmin)),
    (&spec::ZPOPMAX, Run::Write(pop::zpopmax)),
    (&spec::ZMPOP, Run::Write(pop::zmpop)),
    (&spec::ZRANDMEMBER, Run::Read(random::zrandmember)),
    (&spec::ZSCAN, Run::Read(read::zscan)),
    (&spec::ZUNION, Run::Read(algebra::zunion)),
    (&spec::ZINTER, Run::Read(algebra::zinter)),
    (&spec::ZDIFF, Run::Read(algebra::zdiff)),
    (&spec::ZINTERCARD, Run::Read(algebra::zintercard)),
    (&spec::ZUNIONSTORE, Run::Write(algebra::zunionstore)),
    (&spec::ZINTERSTORE, Run::Write(algebra::zinterstore)),
    (&spec::ZDIFFSTORE, Run::Write(algebra::zdiffstore)),
    (&spec::BZPOPMIN, Run::Write(blocking::bzpopmin)),
    (&spec::BZPOPMAX, Run::Write(blocking::bzpopmax)),
    (&spec::BZMPOP, Run::Write(blocking::bzmpop)),
];
