//! Commands on whole databases, and those that wait for writes to be safe.

use crate::command::{CommandError, ReadCtx, WriteCtx, words};
use crate::effect::{DATABASES_MAX, DatabaseChange, Effect};
use crate::number::parse_i64;
use crate::resp::{Args, Reply};

/// `DBSIZE`: expired keys count until they are deleted.
pub(super) fn dbsize(
    context: &mut ReadCtx<'_>,
    _: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply.integer(context.keys.len(context.db) as i64);
    Ok(())
}

/// `FLUSHDB [ASYNC | SYNC]`
pub(super) fn flushdb(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    check_flush_option(args)?;
    if !context.keys.is_empty(context.db) {
        context.keys.apply(&Effect::Database(DatabaseChange::Flush { db: context.db }))?;
    }
    reply.ok();
    Ok(())
}

/// `FLUSHALL [ASYNC | SYNC]`
pub(super) fn flushall(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    check_flush_option(args)?;
    if (0..DATABASES_MAX).any(|db| !context.keys.is_empty(db)) {
        context.keys.apply(&Effect::Database(DatabaseChange::FlushAll))?;
    }
    reply.ok();
    Ok(())
}

/// The option makes no difference: databases are emptied at once, and their pages are always freed in the background.
fn check_flush_option(args: &Args<'_>) -> Result<(), CommandError> {
    let known = match args.get(1) {
        None => true,
        Some(word) => args.len() == 2 && (words::is(word, "async") || words::is(word, "sync")),
    };
    if known { Ok(()) } else { Err(CommandError::SYNTAX) }
}

/// `SWAPDB index1 index2`
pub(super) fn swapdb(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let number = |word: &[u8], error: &'static str| {
        parse_i64(word).filter(|&number| i32::try_from(number).is_ok()).ok_or(CommandError::from(error))
    };
    let a = number(&args[1], "ERR invalid first DB index")?;
    let b = number(&args[2], "ERR invalid second DB index")?;
    let known = |number: i64| usize::try_from(number).ok().filter(|&db| db < context.limits.databases);
    let (Some(a), Some(b)) = (known(a), known(b)) else {
        return Err(CommandError::DB_OUT_OF_RANGE);
    };
    if a != b {
        context.keys.apply(&Effect::Database(DatabaseChange::Swap { a, b }))?;
    }
    reply.ok();
    Ok(())
}
