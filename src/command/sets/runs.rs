//! The functions that run the commands on sets.

use super::{algebra, pop, random, sadd, scard, sismember, smembers, smismember, smove, srem, sscan};
use crate::command::Run;
use crate::command::long::{self, WorkFn};
use crate::spec::{self, Spec};

/// The function that runs each command.
pub(in crate::command) static RUNS: &[(&Spec, Run)] = &[
    (&spec::SADD, Run::Write(sadd)),
    (&spec::SREM, Run::Write(srem)),
    (&spec::SISMEMBER, Run::Read(sismember)),
    (&spec::SMISMEMBER, Run::Read(smismember)),
    (&spec::SCARD, Run::Read(scard)),
    (&spec::SMEMBERS, Run::Read(smembers)),
    (&spec::SMOVE, Run::Write(smove)),
    (&spec::SSCAN, Run::Read(sscan)),
    (&spec::SPOP, Run::Write(pop::spop)),
    (&spec::SRANDMEMBER, Run::Read(random::srandmember)),
    (&spec::SINTER, Run::Read(algebra::sinter)),
    (&spec::SINTERCARD, Run::Read(algebra::sintercard)),
    (&spec::SUNIONCARD, Run::Read(algebra::sunioncard)),
    (&spec::SDIFFCARD, Run::Read(algebra::sdiffcard)),
    (&spec::SUNION, Run::Read(algebra::sunion)),
    (&spec::SDIFF, Run::Read(algebra::sdiff)),
    (&spec::SINTERSTORE, Run::Write(algebra::sinterstore)),
    (&spec::SUNIONSTORE, Run::Write(algebra::sunionstore)),
    (&spec::SDIFFSTORE, Run::Write(algebra::sdiffstore)),
];

/// How long those of them take that may be worked out beside the writer.
pub(in crate::command) static WORK: &[(&Spec, WorkFn)] = &[
    (&spec::SPOP, pop::work),
    (&spec::SINTERSTORE, long::through_shortest_source),
    (&spec::SUNIONSTORE, long::through_sources),
    (&spec::SDIFFSTORE, long::through_first_source),
];
