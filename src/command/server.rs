//! The server as a whole: time, checkpoints under Redis's names for them, stopping, role, and what does not exist here.

use std::time::{SystemTime, UNIX_EPOCH};

use super::local::{self, Outcome, is, parse_integer, specs, unknown_subcommand};
use super::{Args, CommandError, LocalCtx, Spec};
use crate::cli::VERSION;
use crate::resp::Reply;
use crate::state::{Next, ShutdownMode};

/// The commands of this file.
pub static SPECS: &[Spec] = specs! { "server":
    730 "time" 1 [LOADING STALE FAST] "2.6.0" "O(1)" time => "Returns the server time.";
    731 "save" 1 [ADMIN NOSCRIPT NO_MULTI] "1.0.0" "O(N) where N is the number of pages written since the last checkpoint"
        save => "Makes a checkpoint and waits for it.";
    732 "bgsave" -1 [ADMIN NOSCRIPT] "1.0.0" "O(1)" bgsave => "Makes a checkpoint in the background.";
    733 "bgrewriteaof" 1 [ADMIN NOSCRIPT] "1.0.0" "O(1)" bgrewriteaof
        => "Makes a checkpoint in the background, after which the log is recycled.";
    734 "lastsave" 1 [LOADING STALE FAST] "1.0.0" "O(1)" lastsave
        => "Returns the Unix timestamp of the last checkpoint.";
    735 "shutdown" -1 [ADMIN NOSCRIPT LOADING STALE NO_MULTI] "1.0.0" "O(N) where N is the number of pages to write"
        shutdown => "Makes a last checkpoint and stops the server.";
    736 "role" 1 [NOSCRIPT LOADING STALE FAST] "2.8.12" "O(1)" role => "Returns the replication role.";
    737 "lolwut" -1 [FAST] "5.0.0" "O(1)" lolwut => "Shows the version, and a wave.";
    738 "module" -2 [] "4.0.0" "Depends on subcommand." unknown_subcommand
        => "A container for module commands.", MODULE_SUBCOMMANDS;
};

static MODULE_SUBCOMMANDS: &[Spec] = specs! { "server":
    740 "module|list" 2 [ADMIN NOSCRIPT] "4.0.0" "O(N) where N is the number of loaded modules." module_list
        => "Returns all loaded modules.";
    741 "module|help" 2 [LOADING STALE] "5.0.0" "O(1)" module_help
        => "Returns helpful text about the different subcommands.";
};

/// Time since the Unix epoch.
fn since_epoch() -> std::time::Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// `TIME`
fn time(_: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let now = since_epoch();
    reply.array(2);
    reply.bulk_integer(now.as_secs() as i64);
    reply.bulk_integer(i64::from(now.subsec_micros()));
    Ok(())
}

/// `SAVE`
fn save(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    ctx.next = Next::Checkpoint { wait: true };
    reply.ok();
    Ok(())
}

/// `BGSAVE [SCHEDULE]`
fn bgsave(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    match args.get(1) {
        None => {}
        Some(option) if args.len() == 2 && is(option, "schedule") => {}
        Some(_) => return Err(CommandError::SYNTAX),
    }
    ctx.next = Next::Checkpoint { wait: false };
    reply.simple("Background saving started");
    Ok(())
}

/// `BGREWRITEAOF`
fn bgrewriteaof(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    ctx.next = Next::Checkpoint { wait: false };
    reply.simple("Background append only file rewriting started");
    Ok(())
}

/// `LASTSAVE`: before the first checkpoint, the time of the start.
fn lastsave(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let checkpoint_unix_ms = ctx.server.gauges().map_or(0, |gauges| gauges.storage().checkpoint_unix_ms);
    let unix_ms = if checkpoint_unix_ms == 0 { ctx.server.started_unix_ms() } else { checkpoint_unix_ms };
    reply.integer((unix_ms / 1000) as i64);
    Ok(())
}

/// `SHUTDOWN [NOSAVE|SAVE] [NOW] [FORCE] [ABORT]`
fn shutdown(ctx: &mut LocalCtx<'_>, args: &Args<'_>, _: &mut Reply<'_>) -> Outcome {
    let (mut nosave, mut save, mut now, mut force, mut abort) = (false, false, false, false, false);
    for option in args.from(1) {
        let chosen = match option {
            option if is(option, "nosave") => &mut nosave,
            option if is(option, "save") => &mut save,
            option if is(option, "now") => &mut now,
            option if is(option, "force") => &mut force,
            option if is(option, "abort") => &mut abort,
            _ => return Err(CommandError::SYNTAX),
        };
        *chosen = true;
    }
    if (abort && args.len() > 2) || (nosave && save) {
        return Err(CommandError::SYNTAX);
    }
    if abort {
        // Once it began, a stop is not taken back.
        return Err("ERR No shutdown in progress.".into());
    }
    ctx.next = Next::Shutdown(ShutdownMode { checkpoint: !nosave, now, force });
    Ok(())
}

/// `ROLE`
fn role(_: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.array(3);
    reply.bulk(b"master");
    reply.integer(0);
    reply.array(0);
    Ok(())
}

/// `LOLWUT [VERSION version] [width ...]`
fn lolwut(_: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let with_version = args.get(1).is_some_and(|word| is(word, "version"));
    let width =
        args.get(if with_version { 3 } else { 1 }).and_then(parse_integer).unwrap_or(64).clamp(8, 120);
    reply.verbatim(*b"txt", wave(width as usize).as_bytes());
    Ok(())
}

/// A wave that breaks on the shore, and the version.
fn wave(width: usize) -> String {
    const HEIGHT: usize = 5;
    let mut text = String::new();
    for row in 0..HEIGHT {
        let line: String = (0..width)
            .map(|column| {
                let swell = (column as f64 * std::f64::consts::TAU / 16.0).sin();
                let crest = ((1.0 - swell) / 2.0 * (HEIGHT - 1) as f64).round() as usize;
                match row.cmp(&crest) {
                    std::cmp::Ordering::Less => ' ',
                    std::cmp::Ordering::Equal => '~',
                    std::cmp::Ordering::Greater => '.',
                }
            })
            .collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text + &format!("\nackd ver. {VERSION}\n")
}

/// `MODULE LIST`
fn module_list(_: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.array(0);
    Ok(())
}

/// `MODULE HELP`
fn module_help(_: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    local::help(reply, "MODULE", &["LIST", "    Return a list of loaded modules: always empty."]);
    Ok(())
}
