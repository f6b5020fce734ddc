//! Commands on keys of any type: existence, lifetime, names, databases.

mod database;
mod dump;
#[cfg(test)]
mod dump_tests;
mod dumped;
mod dumped_stream;
mod expire;
mod object;
mod restore;
mod restored;
mod restored_stream;
mod runs;
mod scan;
#[cfg(test)]
mod tests;
mod transfer;

pub(super) use object::{is_packed, usage as memory_usage};
pub(super) use runs::{RUNS, WORK};

use super::{CommandError, ReadCtx, WriteCtx};
use crate::effect::{Effect, KeyChange};
use crate::keyspace::Classes;
use crate::resp::{Args, Reply};

/// `DEL key [key ...]`, also `UNLINK`.
fn del(context: &mut WriteCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let db = context.db;
    let mut deleted = 0;
    for key in args.from(1) {
        if context.keys.info(db, key)?.is_some() {
            context.keys.apply(&Effect::on(db, key, KeyChange::Delete { expired: false }))?;
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
