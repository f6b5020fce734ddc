//! `MULTI`, `EXEC`, `DISCARD`, `WATCH`, `UNWATCH`.
//!
//! The connection queues the commands between `MULTI` and `EXEC`; the commands here only begin and end a transaction.
//! `EXEC` and `WATCH` check what can be checked here. The writer does the rest, and replies.

use super::exec_conditions::exec_conditions;
use super::local::Outcome;
use super::{CommandError, LocalCtx, Run};
use crate::resp::{Args, Reply};
use crate::spec::{self, Spec};
use crate::state::{COMMAND_OVERHEAD_BYTES, Next};

/// The function that runs each command.
pub(super) static RUNS: &[(&Spec, Run)] = &[
    (&spec::MULTI, Run::Local(multi)),
    (&spec::EXEC, Run::Local(exec)),
    (&spec::DISCARD, Run::Local(discard)),
    (&spec::WATCH, Run::Local(watch)),
    (&spec::UNWATCH, Run::Local(unwatch)),
];

/// `MULTI`
fn multi(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if ctx.client.transaction().is_some() {
        return Err("ERR MULTI calls can not be nested".into());
    }
    ctx.client.begin_transaction();
    reply.ok();
    Ok(())
}

/// `EXEC [IFEQ key value | IFNE key value | NX key | XX key]...`
fn exec(ctx: &mut LocalCtx<'_>, args: &Args<'_>, _: &mut Reply<'_>) -> Outcome {
    let Some(transaction) = ctx.client.transaction() else {
        return Err("ERR EXEC without MULTI".into());
    };
    if transaction.is_failed {
        ctx.client.discard();
        return Err("EXECABORT Transaction discarded because of previous errors.".into());
    }
    if exec_conditions(args).is_none() {
        ctx.client.discard();
        return Err("EXECABORT Transaction discarded because of: invalid check condition syntax".into());
    }
    let db = ctx.client.db();
    ctx.client.change_transaction(|transaction| transaction.executed_by(args, db));
    ctx.next = Next::Exec;
    Ok(())
}

/// `DISCARD`
fn discard(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if ctx.client.transaction().is_none() {
        return Err("ERR DISCARD without MULTI".into());
    }
    ctx.client.discard();
    reply.ok();
    Ok(())
}

/// `WATCH key [key ...]`
fn watch(ctx: &mut LocalCtx<'_>, args: &Args<'_>, _: &mut Reply<'_>) -> Outcome {
    if ctx.client.transaction().is_some() {
        return Err("ERR WATCH inside MULTI is not allowed".into());
    }
    let bytes = spec::WATCH.keys_in(args).map(|key| key.len() as u64 + COMMAND_OVERHEAD_BYTES).sum();
    let bytes_max = ctx.server.limits.transaction_bytes_max();
    if ctx.client.charge_watch(0) + bytes > bytes_max {
        return Err(CommandError::from(format!(
            "ERR too many watched keys: they take more than transaction-bytes-max ({bytes_max} bytes)"
        )));
    }
    ctx.client.charge_watch(bytes);
    ctx.next = Next::Watch;
    Ok(())
}

/// `UNWATCH`
fn unwatch(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    // In `EXEC` this does nothing: the transaction already took the watched keys.
    ctx.client.unwatch();
    reply.ok();
    Ok(())
}
