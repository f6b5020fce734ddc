//! `SLOWLOG`: the slow commands; `COMMANDLOG`: also those with large requests and replies.

use super::local::{self, Outcome, parse_integer, unknown_subcommand};
use super::{CommandError, LocalCtx, Run, words};
use crate::resp::{Args, Reply};
use crate::spec::{self, Spec};
use crate::state::Logged;

/// The function that runs each command.
pub(super) static RUNS: &[(&Spec, Run)] = &[
    (&spec::SLOWLOG, Run::Local(unknown_subcommand)),
    (&spec::SLOWLOG_GET, Run::Local(get)),
    (&spec::SLOWLOG_LEN, Run::Local(len)),
    (&spec::SLOWLOG_RESET, Run::Local(reset)),
    (&spec::SLOWLOG_HELP, Run::Local(slowlog_help)),
    (&spec::COMMANDLOG, Run::Local(unknown_subcommand)),
    (&spec::COMMANDLOG_GET, Run::Local(get_of)),
    (&spec::COMMANDLOG_LEN, Run::Local(len_of)),
    (&spec::COMMANDLOG_RESET, Run::Local(reset_of)),
    (&spec::COMMANDLOG_HELP, Run::Local(commandlog_help)),
];

/// Records that `SLOWLOG GET` returns without a count.
const GET_DEFAULT: usize = 10;

/// `SLOWLOG GET [count]`
fn get(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if args.len() > 3 {
        return Err("ERR unknown subcommand or wrong number of arguments for 'get'. Try SLOWLOG HELP.".into());
    }
    let count = args.get(2).map_or(Ok(GET_DEFAULT), count)?;
    reply_newest(ctx, Logged::Slow, count, reply);
    Ok(())
}

/// `COMMANDLOG GET count <SLOW|LARGE-REQUEST|LARGE-REPLY>`
fn get_of(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let count = count(&args[2])?;
    reply_newest(ctx, reason(&args[3])?, count, reply);
    Ok(())
}

/// The number of records that a word asks for; -1 stands for all.
fn count(word: &[u8]) -> Result<usize, CommandError> {
    let count = parse_integer(word).filter(|count| *count >= -1);
    let count = count.ok_or("ERR count should be greater than or equal to -1")?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// The log that a word names.
fn reason(word: &[u8]) -> Result<Logged, CommandError> {
    match word {
        _ if words::is(word, "slow") => Ok(Logged::Slow),
        _ if words::is(word, "large-request") => Ok(Logged::LargeRequest),
        _ if words::is(word, "large-reply") => Ok(Logged::LargeReply),
        _ => Err("ERR type should be one of the following: slow, large-request, large-reply".into()),
    }
}

/// Replies with the newest records of a log.
fn reply_newest(ctx: &LocalCtx<'_>, reason: Logged, count: usize, reply: &mut Reply<'_>) {
    let records = ctx.server.command_logs.of(reason).newest(count);
    reply.array(records.len());
    for record in records {
        reply.array(6);
        reply.integer(record.id as i64);
        reply.integer(record.unix_s as i64);
        reply.integer(record.amount as i64);
        reply.array(record.words.len());
        record.words.iter().for_each(|word| reply.bulk(word));
        reply.bulk(record.addr.as_bytes());
        reply.bulk(&record.name);
    }
}

/// `SLOWLOG LEN`
fn len(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.integer(ctx.server.command_logs.of(Logged::Slow).len() as i64);
    Ok(())
}

/// `SLOWLOG RESET`
fn reset(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    ctx.server.command_logs.of(Logged::Slow).reset();
    reply.ok();
    Ok(())
}

/// `COMMANDLOG LEN <SLOW|LARGE-REQUEST|LARGE-REPLY>`
fn len_of(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.integer(ctx.server.command_logs.of(reason(&args[2])?).len() as i64);
    Ok(())
}

/// `COMMANDLOG RESET <SLOW|LARGE-REQUEST|LARGE-REPLY>`
fn reset_of(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    ctx.server.command_logs.of(reason(&args[2])?).reset();
    reply.ok();
    Ok(())
}

/// `COMMANDLOG HELP`
fn commandlog_help(_: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let lines = [
        "GET <count> <type>",
        "    Return the newest <count> entries of a log (-1: all), each an array of",
        "    id, timestamp, microseconds (slow) or bytes (large-request, large-reply),",
        "    arguments, client IP and port, client name.",
        "LEN <type>",
        "    Return the number of entries of a log.",
        "RESET <type>",
        "    Clear a log.",
    ];
    local::help(reply, "COMMANDLOG", &lines);
    Ok(())
}

/// `SLOWLOG HELP`
fn slowlog_help(_: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let lines = [
        "GET [<count>]",
        "    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
        "    Entries are made of:",
        "    id, timestamp, time in microseconds, arguments array, client IP and port,",
        "    client name",
        "LEN",
        "    Return the length of the slowlog.",
        "RESET",
        "    Reset the slowlog.",
    ];
    local::help(reply, "SLOWLOG", &lines);
    Ok(())
}
