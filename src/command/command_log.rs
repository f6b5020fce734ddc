//! `SLOWLOG`: the slow commands.

use super::local::{self, Outcome, parse_integer, unknown_subcommand};
use super::{LocalCtx, Run};
use crate::resp::{Args, Reply};
use crate::spec::{self, Spec};

/// The function that runs each command.
pub(super) static RUNS: &[(&Spec, Run)] = &[
    (&spec::SLOWLOG, Run::Local(unknown_subcommand)),
    (&spec::SLOWLOG_GET, Run::Local(get)),
    (&spec::SLOWLOG_LEN, Run::Local(len)),
    (&spec::SLOWLOG_RESET, Run::Local(reset)),
    (&spec::SLOWLOG_HELP, Run::Local(slowlog_help)),
];

/// Records that `SLOWLOG GET` returns without a count.
const GET_DEFAULT: i64 = 10;

/// `SLOWLOG GET [count]`
fn get(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if args.len() > 3 {
        return Err("ERR unknown subcommand or wrong number of arguments for 'get'. Try SLOWLOG HELP.".into());
    }
    let count = args.get(2).map_or(Some(GET_DEFAULT), parse_integer).filter(|count| *count >= -1);
    let count = count.ok_or("ERR count should be greater than or equal to -1")?;
    let records = ctx.server.slowlog.newest(usize::try_from(count).unwrap_or(usize::MAX));
    reply.array(records.len());
    for record in records {
        reply.array(6);
        reply.integer(record.id as i64);
        reply.integer(record.unix_s as i64);
        reply.integer(record.took_us as i64);
        reply.array(record.words.len());
        record.words.iter().for_each(|word| reply.bulk(word));
        reply.bulk(record.addr.as_bytes());
        reply.bulk(&record.name);
    }
    Ok(())
}

/// `SLOWLOG LEN`
fn len(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.integer(ctx.server.slowlog.len() as i64);
    Ok(())
}

/// `SLOWLOG RESET`
fn reset(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    ctx.server.slowlog.reset();
    reply.ok();
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
