//! The server as a whole: time, checkpoints (under Redis's names), stopping, role, and Redis features that do not exist
//! here.

use std::time::{SystemTime, UNIX_EPOCH};

use super::connection::REDIS_VERSION;
use super::local::{self, Outcome, integer, is, parse_integer, unknown_subcommand};
use super::{CommandError, LocalCtx, Run};
use crate::resp::{Args, Reply};
use crate::spec::{self, Spec};
use crate::state::{Next, ShutdownMode};
use crate::version::VERSION;

/// The function that runs each command.
pub(super) static RUNS: &[(&Spec, Run)] = &[
    (&spec::TIME, Run::Local(time)),
    (&spec::SAVE, Run::Local(save)),
    (&spec::BGSAVE, Run::Local(bgsave)),
    (&spec::BGREWRITEAOF, Run::Local(bgrewriteaof)),
    (&spec::LASTSAVE, Run::Local(lastsave)),
    (&spec::SHUTDOWN, Run::Local(shutdown)),
    (&spec::ROLE, Run::Local(role)),
    (&spec::LOLWUT, Run::Local(lolwut)),
    (&spec::REPLICAOF, Run::Local(replica_of)),
    (&spec::SLAVEOF, Run::Local(replica_of)),
    (&spec::MODULE, Run::Local(unknown_subcommand)),
    (&spec::MODULE_LIST, Run::Local(module_list)),
    (&spec::MODULE_HELP, Run::Local(module_help)),
];

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

/// `LASTSAVE`: the time of the last checkpoint; before the first one, of the start.
fn lastsave(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let checkpoint_unix_ms = ctx.server.gauges().map_or(0, |gauges| gauges.storage().checkpoint_unix_ms);
    let unix_ms = if checkpoint_unix_ms == 0 { ctx.server.started_unix_ms() } else { checkpoint_unix_ms };
    reply.integer((unix_ms / 1000) as i64);
    Ok(())
}

/// `SHUTDOWN [NOSAVE|SAVE] [NOW] [FORCE] [ABORT]`
fn shutdown(ctx: &mut LocalCtx<'_>, args: &Args<'_>, _: &mut Reply<'_>) -> Outcome {
    let (mut nosave, mut save, mut now, mut abort) = (false, false, false, false);
    for option in args.from(1) {
        let chosen = match option {
            option if is(option, "nosave") => &mut nosave,
            option if is(option, "save") => &mut save,
            option if is(option, "now") => &mut now,
            // The server stops even if the last checkpoint fails: everything is in the log.
            option if is(option, "force") => continue,
            option if is(option, "abort") => &mut abort,
            _ => return Err(CommandError::SYNTAX),
        };
        *chosen = true;
    }
    if (abort && args.len() > 2) || (nosave && save) {
        return Err(CommandError::SYNTAX);
    }
    if abort {
        // A shutdown that has begun cannot be aborted.
        return Err("ERR No shutdown in progress.".into());
    }
    ctx.next = Next::Shutdown(ShutdownMode { checkpoint: !nosave, now });
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

/// `REPLICAOF host port` is refused; `REPLICAOF NO ONE` changes nothing.
fn replica_of(_: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if is(&args[1], "no") && is(&args[2], "one") {
        reply.ok();
        return Ok(());
    }
    match parse_integer(&args[2]) {
        Some(0..=65_535) => Err("ERR replication is not supported: this server cannot be a replica".into()),
        _ => Err("ERR Invalid master port".into()),
    }
}

/// `LOLWUT [VERSION version] [width ...]`: draws for versions 5 and 6, as Redis does.
fn lolwut(_: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let version = match (args.get(1), args.get(2)) {
        (Some(word), Some(version)) if is(word, "version") => integer(version)?,
        _ => 0,
    };
    let mut text = String::new();
    if matches!(version, 5 | 6) {
        let width = args.get(3).map_or(Ok(64), integer)?.clamp(8, 120);
        text = wave(width as usize) + &format!("\nA wave that breaks on the shore, by ackd {VERSION}. ");
    }
    reply.verbatim(*b"txt", format!("{text}Redis ver. {REDIS_VERSION}\n").as_bytes());
    Ok(())
}

/// Draws a wave that breaks on the shore.
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
    text
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
