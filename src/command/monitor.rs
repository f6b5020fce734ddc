//! `MONITOR`: shows all commands as they are run.

use super::local::{Outcome, specs};
use super::{LocalCtx, Spec};
use crate::resp::{Args, Reply};

/// The commands of this file.
pub static SPECS: &[Spec] = specs! { "server":
    850 "monitor" 1 [ADMIN NOSCRIPT LOADING STALE] "1.0.0" "O(1)" monitor
        => "Listens for all requests received by the server in real-time.";
};

/// `MONITOR`
fn monitor(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if ctx.client.is_in_exec {
        return Err("ERR MONITOR isn't allowed for DENY BLOCKING client".into());
    }
    ctx.client.set_monitors(ctx.server, true);
    reply.ok();
    Ok(())
}
