//! `CONFIG`: the configuration of the running server.

use super::local::{self, Outcome, unknown_subcommand};
use super::{CommandError, LocalCtx, Run};
use crate::resp::{Args, Reply};
use crate::spec::{self, Spec};

/// The function that runs each command.
pub(super) static RUNS: &[(&Spec, Run)] = &[
    (&spec::CONFIG, Run::Local(unknown_subcommand)),
    (&spec::CONFIG_GET, Run::Local(get)),
    (&spec::CONFIG_SET, Run::Local(set)),
    (&spec::CONFIG_RESETSTAT, Run::Local(resetstat)),
    (&spec::CONFIG_REWRITE, Run::Local(rewrite)),
    (&spec::CONFIG_HELP, Run::Local(help)),
];

/// `CONFIG GET parameter ...`
fn get(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let patterns: Vec<&[u8]> = args.from(2).collect();
    let found = ctx.server.settings().matching(&patterns);
    reply.map(found.len());
    for (name, value) in found {
        reply.bulk(name.as_bytes());
        reply.bulk(&value);
    }
    Ok(())
}

/// `CONFIG SET parameter value ...`
fn set(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if !args.len().is_multiple_of(2) {
        return Err(CommandError::SYNTAX);
    }
    let mut words = args.from(2);
    let mut pairs = Vec::with_capacity(args.len() / 2 - 1);
    while let Some(pair) = words.next().zip(words.next()) {
        pairs.push(pair);
    }
    ctx.server.settings().set(&pairs, &**ctx.server).map_err(|error| error.to_string())?;
    ctx.server.tracking.shrink(ctx.server);
    let names: Vec<_> = pairs.iter().map(|(name, _)| local::excerpt(name)).collect();
    tracing::info!(client = ctx.client.id(), changed = names.join(" "), "configuration changed");
    reply.ok();
    Ok(())
}

/// `CONFIG RESETSTAT`
fn resetstat(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    ctx.server.stats.reset();
    reply.ok();
    Ok(())
}

/// `CONFIG REWRITE`
fn rewrite(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    match ctx.server.settings().rewrite() {
        Ok(()) => {
            tracing::info!(client = ctx.client.id(), "configuration file rewritten");
            reply.ok();
            Ok(())
        }
        Err(error) => Err(format!("ERR {error}").into()),
    }
}

/// `CONFIG HELP`
fn help(_: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let lines = [
        "GET <pattern>",
        "    Return parameters matching the glob-like <pattern> and their values.",
        "SET <directive> <value>",
        "    Set the configuration <directive> to <value>.",
        "RESETSTAT",
        "    Reset statistics reported by the INFO command.",
        "REWRITE",
        "    Rewrite the configuration file.",
    ];
    local::help(reply, "CONFIG", &lines);
    Ok(())
}
