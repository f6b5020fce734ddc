//! Commands that move or copy a value to another key or database.

use crate::command::{CommandError, WriteCtx, words};
use crate::effect::{Effect, KeyChange};
use crate::keyspace::Classes;
use crate::resp::{Args, Reply};

/// `RENAME key newkey`
pub(super) fn rename(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (db, key, to) = (context.db, &args[1], &args[2]);
    context.keys.info(db, key)?.ok_or(CommandError::NO_SUCH_KEY)?;
    if key != to {
        context.keys.apply(&Effect::on(db, key, KeyChange::Rename { to }))?;
        notify_rename(context, key, to);
    }
    reply.ok();
    Ok(())
}

/// Notifies that a key was renamed.
fn notify_rename(context: &mut WriteCtx<'_>, key: &[u8], to: &[u8]) {
    context.keys.event(Classes::GENERIC, "rename_from", context.db, key);
    context.keys.event(Classes::GENERIC, "rename_to", context.db, to);
}

/// `RENAMENX key newkey`
pub(super) fn renamenx(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (db, key, to) = (context.db, &args[1], &args[2]);
    context.keys.info(db, key)?.ok_or(CommandError::NO_SUCH_KEY)?;
    let free = context.keys.info(db, to)?.is_none();
    if free {
        context.keys.apply(&Effect::on(db, key, KeyChange::Rename { to }))?;
        notify_rename(context, key, to);
    }
    reply.integer(i64::from(free));
    Ok(())
}

/// `MOVE key db`
pub(super) fn move_key(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (db, key) = (context.db, &args[1]);
    let to_db = words::database(&args[2], context.limits.databases)?;
    if to_db == db {
        return Err(CommandError::SAME_OBJECT);
    }
    context.keys.purge(to_db, key, context.now_ms)?;
    let moves = context.keys.info(db, key)?.is_some() && context.keys.info(to_db, key)?.is_none();
    if moves {
        context.keys.apply(&Effect::on(db, key, KeyChange::Move { to_db }))?;
        context.keys.event(Classes::GENERIC, "move_from", db, key);
        context.keys.event(Classes::GENERIC, "move_to", to_db, key);
    }
    reply.integer(i64::from(moves));
    Ok(())
}

/// `COPY source destination [DB destination-db] [REPLACE]`
pub(super) fn copy(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (db, key, to) = (context.db, &args[1], &args[2]);
    let (mut to_db, mut replace) = (db, false);
    let mut rest = args.from(3);
    while let Some(word) = rest.next() {
        if words::is(word, "replace") {
            replace = true;
        } else if words::is(word, "db") {
            let number = rest.next().ok_or(CommandError::SYNTAX)?;
            to_db = words::database(number, context.limits.databases)?;
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    if (db, key) == (to_db, to) {
        return Err(CommandError::SAME_OBJECT);
    }
    context.keys.purge(to_db, to, context.now_ms)?;
    let is_there = context.keys.info(db, key)?.is_some();
    context.looked_up(db, key, is_there);
    let copies = is_there && (replace || context.keys.info(to_db, to)?.is_none());
    if copies {
        context.keys.apply(&Effect::on(db, key, KeyChange::Copy { to_db, to }))?;
        context.keys.event(Classes::GENERIC, "copy_to", to_db, to);
    }
    reply.integer(i64::from(copies));
    Ok(())
}
