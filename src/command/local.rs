//! What the commands that run on the connection's own thread share: help texts, options.

use super::{CommandError, LocalCtx};
use crate::resp::{Args, Reply};

pub(super) use super::words::{excerpt, integer, is};
pub(super) use crate::number::parse_i64 as parse_integer;

/// What a local command returns.
pub(super) type Outcome = Result<(), CommandError>;

/// Replies to a container command whose subcommand does not exist.
pub(super) fn unknown_subcommand(_: &mut LocalCtx<'_>, args: &Args<'_>, _: &mut Reply<'_>) -> Outcome {
    let container = excerpt(&args[0]).to_ascii_uppercase();
    let subcommand = excerpt(args.get(1).unwrap_or_default());
    Err(format!("ERR unknown subcommand '{subcommand}'. Try {container} HELP.").into())
}

/// The error of the wrong number of words for the command `name`.
pub(super) fn wrong_arity(name: &str) -> CommandError {
    format!("ERR wrong number of arguments for '{name}' command").into()
}

/// Replies to `HELP`: a heading, one string for each of `lines`, and `HELP` itself.
pub(super) fn help(reply: &mut Reply<'_>, container: &str, lines: &[&str]) {
    reply.array(lines.len() + 3);
    reply.simple(&format!("{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    lines.iter().for_each(|line| reply.simple(line));
    reply.simple("HELP");
    reply.simple("    Prints this help.");
}

/// Parses a timeout in milliseconds.
pub(super) fn timeout_ms(word: &[u8]) -> Result<u64, CommandError> {
    let value = parse_integer(word).ok_or("ERR timeout is not an integer or out of range")?;
    u64::try_from(value).map_err(|_| "ERR timeout is negative".into())
}
