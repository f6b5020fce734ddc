//! `WAIT` and `WAITAOF`: waiting for replicas, of which there are none, for as long as the client asks.

use super::local::{Outcome, integer, specs, timeout_ms};
use super::{CommandError, LocalCtx, Spec};
use crate::resp::{Args, Reply};
use crate::state::Next;

/// The commands of this file.
pub static SPECS: &[Spec] = specs! { "generic":
    160 "wait" 3 [NOSCRIPT] "3.0.0" "O(1)" wait
        => "Waits for replicas to have the client's writes; there are none, so it waits as long as it may.";
    161 "waitaof" 4 [NOSCRIPT] "7.2.0" "O(1)" waitaof
        => "Waits for the client's writes to be on disk; they are before they are answered.";
};

/// `WAIT numreplicas timeout`
fn wait(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let replicas = integer(&args[1])?;
    wait_for(ctx, replicas, &args[2])?;
    reply.integer(0);
    Ok(())
}

/// `WAITAOF numlocal numreplicas timeout`: what was answered is on this server's disk.
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

/// Has the connection wait until the timeout, in milliseconds; 0 is none. Nobody waits in a transaction.
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
