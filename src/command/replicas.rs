//! `WAIT` and `WAITAOF`. There are no replicas, so a client that waits for some waits until its timeout.

use super::local::{Outcome, integer, timeout_ms};
use super::{CommandError, LocalCtx, Run};
use crate::resp::{Args, Reply};
use crate::spec::{self, Spec};
use crate::state::Next;

/// The function that runs each command.
pub(super) static RUNS: &[(&Spec, Run)] =
    &[(&spec::WAIT, Run::Local(wait)), (&spec::WAITAOF, Run::Local(waitaof))];

/// `WAIT numreplicas timeout`
fn wait(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let replicas = integer(&args[1])?;
    wait_for(ctx, replicas, &args[2])?;
    reply.integer(0);
    Ok(())
}

/// `WAITAOF numlocal numreplicas timeout`: every acknowledged write is already durable on this server.
fn waitaof(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if !(0..=1).contains(&integer(&args[1])?) {
        return Err("ERR value is out of range, value must between 0 and 1".into());
    }
    let replicas = integer(&args[2])?;
    if replicas < 0 {
        return Err("ERR value is out of range, must be positive".into());
    }
    wait_for(ctx, replicas, &args[3])?;
    reply.array(2);
    reply.integer(1);
    reply.integer(0);
    Ok(())
}

/// Has the connection wait until the timeout, in milliseconds; 0 means no timeout. In a transaction there is no wait.
fn wait_for(ctx: &mut LocalCtx<'_>, replicas: i64, timeout: &[u8]) -> Outcome {
    let timeout_ms = Some(timeout_ms(timeout)?).filter(|timeout_ms| *timeout_ms > 0);
    let until_ms = timeout_ms
        .map(|timeout_ms| {
            let until_ms = ctx.server.uptime_ms().checked_add(timeout_ms);
            until_ms.ok_or(CommandError::from("ERR timeout is out of range"))
        })
        .transpose()?;
    if replicas > 0 && !ctx.client.is_in_exec {
        ctx.next = Next::Block { until_ms };
    }
    Ok(())
}
