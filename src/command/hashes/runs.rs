//! The functions that run the commands on hashes.

use super::{
    expire, fields, hdel, hexists, hget, hgetall, hkeys, hlen, hmget, hmset, hscan, hset, hsetnx, hstrlen,
    hvals, number, random,
};
use crate::command::Run;
use crate::spec::{self, Spec};

/// The function that runs each command.
pub(in crate::command) static RUNS: &[(&Spec, Run)] = &[
    (&spec::HSET, Run::Write(hset)),
    (&spec::HMSET, Run::Write(hmset)),
    (&spec::HSETNX, Run::Write(hsetnx)),
    (&spec::HGET, Run::Read(hget)),
    (&spec::HMGET, Run::Read(hmget)),
    (&spec::HGETALL, Run::Read(hgetall)),
    (&spec::HKEYS, Run::Read(hkeys)),
    (&spec::HVALS, Run::Read(hvals)),
    (&spec::HDEL, Run::Write(hdel)),
    (&spec::HEXISTS, Run::Read(hexists)),
    (&spec::HLEN, Run::Read(hlen)),
    (&spec::HSTRLEN, Run::Read(hstrlen)),
    (&spec::HSCAN, Run::Read(hscan)),
    (&spec::HRANDFIELD, Run::Read(random::hrandfield)),
    (&spec::HINCRBY, Run::Write(number::hincrby)),
    (&spec::HINCRBYFLOAT, Run::Write(number::hincrbyfloat)),
    (&spec::HEXPIRE, Run::Write(expire::hexpire)),
    (&spec::HPEXPIRE, Run::Write(expire::hpexpire)),
    (&spec::HEXPIREAT, Run::Write(expire::hexpireat)),
    (&spec::HPEXPIREAT, Run::Write(expire::hpexpireat)),
    (&spec::HTTL, Run::Read(expire::httl)),
    (&spec::HPTTL, Run::Read(expire::hpttl)),
    (&spec::HEXPIRETIME, Run::Read(expire::hexpiretime)),
    (&spec::HPEXPIRETIME, Run::Read(expire::hpexpiretime)),
    (&spec::HPERSIST, Run::Write(expire::hpersist)),
    (&spec::HGETDEL, Run::Write(fields::hgetdel)),
    (&spec::HGETEX, Run::Write(fields::hgetex)),
    (&spec::HSETEX, Run::Write(fields::hsetex)),
];
