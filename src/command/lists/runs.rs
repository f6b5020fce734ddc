//! The functions that run the commands on lists.

use super::{blocking, pop, push, read, remove, transfer, transfer_several};
use crate::command::Run;
use crate::command::long::WorkFn;
use crate::spec::{self, Spec};

/// The function that runs each command.
pub(in crate::command) static RUNS: &[(&Spec, Run)] = &[
    (&spec::LPUSH, Run::Write(push::lpush)),
    (&spec::RPUSH, Run::Write(push::rpush)),
    (&spec::LPUSHX, Run::Write(push::lpushx)),
    (&spec::RPUSHX, Run::Write(push::rpushx)),
    (&spec::LPOP, Run::Write(pop::lpop)),
    (&spec::RPOP, Run::Write(pop::rpop)),
    (&spec::LLEN, Run::Read(read::llen)),
    (&spec::LINDEX, Run::Read(read::lindex)),
    (&spec::LSET, Run::Write(push::lset)),
    (&spec::LRANGE, Run::Read(read::lrange)),
    (&spec::LTRIM, Run::Write(pop::ltrim)),
    (&spec::LREM, Run::Write(remove::lrem)),
    (&spec::LINSERT, Run::Write(push::linsert)),
    (&spec::LPOS, Run::Read(read::lpos)),
    (&spec::LMOVE, Run::Write(transfer::lmove)),
    (&spec::LMOVEM, Run::Write(transfer_several::lmovem)),
    (&spec::BLMOVEM, Run::Write(transfer_several::blmovem)),
    (&spec::RPOPLPUSH, Run::Write(transfer::rpoplpush)),
    (&spec::LMPOP, Run::Write(pop::lmpop)),
    (&spec::BLPOP, Run::Write(blocking::blpop)),
    (&spec::BRPOP, Run::Write(blocking::brpop)),
    (&spec::BLMOVE, Run::Write(transfer::blmove)),
    (&spec::BRPOPLPUSH, Run::Write(transfer::brpoplpush)),
    (&spec::BLMPOP, Run::Write(blocking::blmpop)),
];

/// How long those of them take that may be worked out beside the writer.
pub(in crate::command) static WORK: &[(&Spec, WorkFn)] = &[
    (&spec::LPOP, pop::work),
    (&spec::RPOP, pop::work),
    (&spec::LMPOP, pop::work),
    (&spec::LREM, remove::search_work),
    (&spec::LINSERT, remove::search_work),
];
