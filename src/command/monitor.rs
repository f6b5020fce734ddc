//! `MONITOR`: shows all commands as they run.

use super::local::Outcome;
use super::{LocalCtx, Run};
use crate::resp::{Args, Reply};
use crate::spec::{self, Spec};

/// The function that runs each command.
pub(super) static RUNS: &[(&Spec, Run)] = &[(&spec::MONITOR, Run::Local(monitor))];

/// `MONITOR`
fn monitor(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if ctx.client.is_in_exec {
        return Err("ERR MONITOR isn't allowed for DENY BLOCKING client".into());
    }
    ctx.client.set_monitors(ctx.server, true);
    reply.ok();
    Ok(())
}
