//! `DEBUG`: only what cannot harm the server, and that only for whom `enable-debug-command` allows it.

use std::time::Duration;

use super::local::{self, Outcome, specs, unknown_subcommand};
use super::{CommandError, LocalCtx, Spec};
use crate::resp::{Args, Reply};
use crate::state::Next;

/// The commands of this file.
pub static SPECS: &[Spec] = specs! { "server":
    775 "debug" -2 [ADMIN NOSCRIPT LOADING STALE PROTECTED] "1.0.0" "Depends on subcommand." unknown_subcommand
        => "A container for debugging commands.", SUBCOMMANDS;
};

static SUBCOMMANDS: &[Spec] = specs! { "server":
    776 "debug|sleep" 3 [ADMIN NOSCRIPT LOADING STALE PROTECTED] "1.0.0" "O(1)" sleep
        => "Lets the connection wait; other clients are served meanwhile.";
    777 "debug|help" 2 [LOADING STALE PROTECTED] "1.0.0" "O(1)" help
        => "Returns helpful text about the different subcommands.";
};

/// The longest time that a connection sleeps.
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
