//! `MULTI`, `EXEC`, `DISCARD`, `WATCH`, `UNWATCH`.
//!
//! What stands between `MULTI` and `EXEC` is queued by the connection; these commands only begin and end that. `EXEC` and
//! `WATCH` check what can be checked here and leave the rest, and the reply, to the writer.

use super::local::Outcome;
use super::{CommandError, Flags, KeySpec, LocalCtx, Run, Spec};
use crate::resp::{Args, Reply};
use crate::state::{COMMAND_OVERHEAD_BYTES, Next};

/// What all of them are.
const BASE: Flags = Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE);
/// Those that run at once between `MULTI` and `EXEC`.
const AT_ONCE: Flags = BASE.with(Flags::NOT_QUEUED);

/// `EXEC`.
pub static EXEC: Spec = exec_spec();

const fn exec_spec() -> Spec {
    Spec {
        id: 821,
        summary: "Executes all commands in a transaction.",
        complexity: "Depends on commands in the transaction.",
        ..transaction("exec", 1, AT_ONCE.with(Flags::SKIP_SLOWLOG).with(Flags::SUBMITS), exec)
    }
}

/// The commands of this file. Ids 820 to 829.
pub static SPECS: &[Spec] = &[
    Spec {
        id: 820,
        summary: "Starts a transaction.",
        ..transaction("multi", 1, AT_ONCE.with(Flags::FAST).with(Flags::OVERTAKES), multi)
    },
    exec_spec(),
    Spec {
        id: 822,
        summary: "Discards a transaction.",
        since: "2.0.0",
        complexity: "O(N), when N is the number of queued commands",
        ..transaction("discard", 1, AT_ONCE.with(Flags::FAST).with(Flags::OVERTAKES), discard)
    },
    Spec {
        id: 823,
        summary: "Monitors changes to keys to determine the execution of a transaction.",
        since: "2.2.0",
        complexity: "O(1) for every key.",
        keys: KeySpec::ALL,
        ..transaction("watch", -2, AT_ONCE.with(Flags::FAST).with(Flags::SUBMITS), watch)
    },
    Spec {
        id: 824,
        summary: "Forgets about watched keys of a transaction.",
        since: "2.2.0",
        ..transaction("unwatch", 1, BASE.with(Flags::FAST).with(Flags::OVERTAKES), unwatch)
    },
];

/// The base of these commands' specs.
const fn transaction(name: &'static str, arity: i32, flags: Flags, run: super::LocalFn) -> Spec {
    Spec {
        group: "transactions",
        since: "1.2.0",
        ..super::table::spec(name, arity, flags, KeySpec::NONE, Run::Local(run))
    }
}

/// `MULTI`
fn multi(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if ctx.client.transaction().is_some() {
        return Err("ERR MULTI calls can not be nested".into());
    }
    ctx.client.begin_transaction();
    reply.ok();
    Ok(())
}

/// `EXEC`
fn exec(ctx: &mut LocalCtx<'_>, _: &Args<'_>, _: &mut Reply<'_>) -> Outcome {
    let Some(transaction) = ctx.client.transaction() else {
        return Err("ERR EXEC without MULTI".into());
    };
    if transaction.is_failed {
        ctx.client.discard();
        return Err("EXECABORT Transaction discarded because of previous errors.".into());
    }
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
    let bytes = args.from(1).map(|key| key.len() as u64 + COMMAND_OVERHEAD_BYTES).sum();
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
    // In EXEC there is nothing to forget: the transaction took it.
    ctx.client.unwatch();
    reply.ok();
    Ok(())
}
