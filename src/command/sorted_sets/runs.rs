//! The functions that run the commands on sorted sets.

use super::query::Order;
use super::{add, algebra, blocking, pop, random, range, read};
use crate::command::Run;
use crate::command::long::{self, WorkFn};
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

/// How long those of them take that may be worked out beside the writer.
pub(in crate::command) static WORK: &[(&Spec, WorkFn)] = &[
    (&spec::ZRANGESTORE, range::store_work),
    (&spec::ZREMRANGEBYRANK, |call, keys| range::removal_work(Order::Positions, call, keys)),
    (&spec::ZREMRANGEBYSCORE, |call, keys| range::removal_work(Order::Scores, call, keys)),
    (&spec::ZREMRANGEBYLEX, |call, keys| range::removal_work(Order::Members, call, keys)),
    (&spec::ZPOPMIN, pop::work),
    (&spec::ZPOPMAX, pop::work),
    (&spec::ZMPOP, pop::work),
    (&spec::ZUNIONSTORE, long::through_sources),
    (&spec::ZINTERSTORE, long::through_shortest_source),
    (&spec::ZDIFFSTORE, long::through_first_source),
];
