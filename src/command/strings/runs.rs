//! The functions that run the commands on strings.

use super::{compare, get, increx, lcs, mget, number, range, set, strlen};
use crate::command::Run;
use crate::command::long::WorkFn;
use crate::spec::{self, Spec};

/// The function that runs each command.
pub(in crate::command) static RUNS: &[(&Spec, Run)] = &[
    (&spec::SET, Run::Write(set::set)),
    (&spec::GET, Run::Read(get)),
    (&spec::GETSET, Run::Write(set::getset)),
    (&spec::GETDEL, Run::Write(set::getdel)),
    (&spec::GETEX, Run::WriteOrRead { write: set::getex, read: get }),
    (&spec::SETNX, Run::Write(set::setnx)),
    (&spec::SETEX, Run::Write(set::setex)),
    (&spec::PSETEX, Run::Write(set::psetex)),
    (&spec::MGET, Run::Read(mget)),
    (&spec::MSET, Run::Write(set::mset)),
    (&spec::MSETNX, Run::Write(set::msetnx)),
    (&spec::APPEND, Run::Write(range::append)),
    (&spec::STRLEN, Run::Read(strlen)),
    (&spec::GETRANGE, Run::Read(range::getrange)),
    (&spec::SUBSTR, Run::Read(range::getrange)),
    (&spec::SETRANGE, Run::Write(range::setrange)),
    (&spec::INCR, Run::Write(number::incr)),
    (&spec::DECR, Run::Write(number::decr)),
    (&spec::INCRBY, Run::Write(number::incrby)),
    (&spec::DECRBY, Run::Write(number::decrby)),
    (&spec::INCRBYFLOAT, Run::Write(number::incrbyfloat)),
    (&spec::LCS, Run::Read(lcs::lcs)),
    (&spec::DELEX, Run::Write(compare::delex)),
    (&spec::DELIFEQ, Run::Write(compare::delifeq)),
    (&spec::DIGEST, Run::Read(compare::digest)),
    (&spec::MSETEX, Run::Write(set::msetex)),
    (&spec::INCREX, Run::Write(increx::increx)),
];

/// How long those of them take that may be worked out beside the writer.
pub(in crate::command) static WORK: &[(&Spec, WorkFn)] = &[(&spec::GETDEL, set::getdel_work)];
