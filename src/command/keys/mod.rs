//! Commands on keys of any type: existence, lifetime, names, databases.

mod database;
mod expire;
mod object;
mod scan;
#[cfg(test)]
mod tests;
mod transfer;

pub(super) use object::{OBJECT_RUNS, is_packed, usage as memory_usage};

use super::local::unknown_subcommand;
use super::{CommandError, ReadCtx, Run, WriteCtx};
use crate::effect::Effect;
use crate::keyspace::Classes;
use crate::resp::{Args, Reply};
use crate::spec::{self, Spec};

/// What runs each command.
pub(super) static RUNS: &[(&Spec, Run)] = &[
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
    (&spec::RENAME, Run::Write(transfer::rename)),
    (&spec::RENAMENX, Run::Write(transfer::renamenx)),
    (&spec::MOVE, Run::Write(transfer::move_key)),
    (&spec::DBSIZE, Run::Read(database::dbsize)),
    (&spec::FLUSHDB, Run::Write(database::flushdb)),
    (&spec::FLUSHALL, Run::Write(database::flushall)),
    (&spec::SWAPDB, Run::Write(database::swapdb)),
    (&spec::OBJECT, Run::Local(unknown_subcommand)),
];

/// `DEL key [key ...]`, also `UNLINK`.
fn del(context: &mut WriteCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let db = context.db;
    let mut deleted = 0;
    for key in args.from(1) {
        if context.keys.info(db, key)?.is_some() {
            context.keys.apply(&Effect::Delete { db, key, expired: false })?;
            context.keys.event(Classes::GENERIC, "del", db, key);
            deleted += 1;
        }
    }
    reply.integer(deleted);
    Ok(())
}

/// `EXISTS key [key ...]`, also `TOUCH`: a key that is named twice counts twice.
fn exists(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let mut found = 0;
    for key in args.from(1) {
        found += i64::from(context.keys.get(context.db, key)?.is_some());
    }
    reply.integer(found);
    Ok(())
}

/// `TYPE key`
fn kind(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    reply.simple(context.keys.get(context.db, &args[1])?.map_or("none", |value| value.kind.name()));
    Ok(())
}
