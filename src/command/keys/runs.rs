//! The functions that run the commands on keys of any type, and on whole databases.

use super::{database, del, dump, exists, expire, kind, object, restore, scan, transfer};
use crate::command::Run;
use crate::command::local::unknown_subcommand;
use crate::command::long::{self, WorkFn};
use crate::spec::{self, Spec};

/// The function that runs each command.
pub(in crate::command) static RUNS: &[(&Spec, Run)] = &[
    (&spec::DEL, Run::Write(del)),
    (&spec::UNLINK, Run::Write(del)),
    (&spec::EXISTS, Run::Read(exists)),
    (&spec::TYPE, Run::Read(kind)),
    (&spec::TOUCH, Run::Read(exists)),
    (&spec::KEYS, Run::Read(scan::keys)),
    (&spec::SCAN, Run::Read(scan::scan)),
    (&spec::RANDOMKEY, Run::Read(scan::randomkey)),
    (&spec::EXPIRE, Run::Write(expire::expire)),
    (&spec::PEXPIRE, Run::Write(expire::pexpire)),
    (&spec::EXPIREAT, Run::Write(expire::expireat)),
    (&spec::PEXPIREAT, Run::Write(expire::pexpireat)),
    (&spec::TTL, Run::Read(expire::ttl)),
    (&spec::PTTL, Run::Read(expire::pttl)),
    (&spec::EXPIRETIME, Run::Read(expire::expiretime)),
    (&spec::PEXPIRETIME, Run::Read(expire::pexpiretime)),
    (&spec::PERSIST, Run::Write(expire::persist)),
    (&spec::COPY, Run::Write(transfer::copy)),
    (&spec::DUMP, Run::Read(dump::dump)),
    (&spec::RESTORE, Run::Write(restore::restore)),
    (&spec::RENAME, Run::Write(transfer::rename)),
    (&spec::RENAMENX, Run::Write(transfer::renamenx)),
    (&spec::MOVE, Run::Write(transfer::move_key)),
    (&spec::DBSIZE, Run::Read(database::dbsize)),
    (&spec::FLUSHDB, Run::Write(database::flushdb)),
    (&spec::FLUSHALL, Run::Write(database::flushall)),
    (&spec::SWAPDB, Run::Write(database::swapdb)),
    (&spec::OBJECT, Run::Local(unknown_subcommand)),
    (&spec::OBJECT_ENCODING, Run::Read(object::encoding)),
    (&spec::OBJECT_FREQ, Run::Read(object::freq)),
    (&spec::OBJECT_IDLETIME, Run::Read(object::idletime)),
    (&spec::OBJECT_REFCOUNT, Run::Read(object::refcount)),
    (&spec::OBJECT_HELP, Run::Local(object::object_help)),
];

/// How long those of them take that may be worked out beside the writer.
pub(in crate::command) static WORK: &[(&Spec, WorkFn)] =
    &[(&spec::COPY, long::copying_first), (&spec::RESTORE, long::restoring)];
