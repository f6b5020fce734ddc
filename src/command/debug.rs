//! `DEBUG`: only subcommands that cannot harm the server, and only for clients that `enable-debug-command` allows.

use std::time::Duration;

use super::local::{self, Outcome, unknown_subcommand};
use super::{CommandError, LocalCtx, Run};
use crate::resp::{Args, Reply};
use crate::spec::{self, Spec};
use crate::state::Next;

/// The function that runs each command.
pub(super) static RUNS: &[(&Spec, Run)] = &[
    (&spec::DEBUG, Run::Local(unknown_subcommand)),
    (&spec::DEBUG_SLEEP, Run::Local(sleep)),
    (&spec::DEBUG_HELP, Run::Local(help)),
];

/// The longest sleep.
const SLEEP_SECONDS_MAX: f64 = 3600.0;

/// `DEBUG SLEEP seconds`
fn sleep(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let seconds: f64 = std::str::from_utf8(&args[2])
        .ok()
        .and_then(|text| text.parse().ok())
        .filter(|seconds: &f64| seconds.is_finite() && *seconds >= 0.0)
        .ok_or_else(|| CommandError::from("ERR value is not a valid float"))?;
    ctx.next = Next::Sleep(Duration::from_secs_f64(seconds.min(SLEEP_SECONDS_MAX)));
    reply.ok();
    Ok(())
}

/// `DEBUG HELP`
fn help(_: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let lines = ["SLEEP <seconds>", "    Let this connection wait for <seconds>. Decimals allowed."];
    local::help(reply, "DEBUG", &lines);
    Ok(())
}
