//! The functions that run the commands on sets.

use super::{algebra, random, sadd, scard, sismember, smembers, smismember, smove, srem, sscan};
use crate::command::Run;
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
    (&spec::SPOP, Run::Write(random::spop)),
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
