//! What the commands that run on the connection's own thread share: their table's form, help texts, options.

use super::{CommandError, LocalCtx};
use crate::resp::{Args, Reply};

/// Writes a list of [`Spec`](super::Spec)s of one group that run on the connection's thread and name no keys:
/// `id "name" arity [flags] "since" "complexity" function "summary";`, and for a container command its subcommands.
macro_rules! specs {
    ($group:literal: $(
        $id:literal $name:literal $arity:literal [$($flag:ident)*] $since:literal $complexity:literal
        $run:path => $summary:literal $(, $subcommands:expr)?;
    )+) => {
        &specs!(@array $group: $($id $name $arity [$($flag)*] $since $complexity $run => $summary $(, $subcommands)?;)+)
    };
    (@array $group:literal: $(
        $id:literal $name:literal $arity:literal [$($flag:ident)*] $since:literal $complexity:literal
        $run:path => $summary:literal $(, $subcommands:expr)?;
    )+) => {
        [$($crate::command::Spec {
            name: $name,
            id: $id,
            arity: $arity,
            flags: $crate::command::Flags::NONE$(.with($crate::command::Flags::$flag))*,
            keys: $crate::command::KeySpec::NONE,
            run: $crate::command::Run::Local($run),
            summary: $summary,
            since: $since,
            group: $group,
            complexity: $complexity,
            tried_words: 0,
            subcommands: specs!(@subcommands $($subcommands)?),
        }),+]
    };
    (@subcommands) => { &[] };
    (@subcommands $subcommands:expr) => { $subcommands };
}
pub(super) use specs;

pub(super) use super::words::{excerpt, integer, is};
pub(super) use crate::number::parse_i64 as parse_integer;

/// What a local command returns.
pub(super) type Outcome = Result<(), CommandError>;

/// Answers a container command whose subcommand is not known.
pub(super) fn unknown_subcommand(_: &mut LocalCtx<'_>, args: &Args<'_>, _: &mut Reply<'_>) -> Outcome {
    let container = excerpt(&args[0]).to_ascii_uppercase();
    let subcommand = excerpt(args.get(1).unwrap_or_default());
    Err(format!("ERR unknown subcommand '{subcommand}'. Try {container} HELP.").into())
}

/// The number of words does not fit `name`.
pub(super) fn wrong_arity(name: &str) -> CommandError {
    format!("ERR wrong number of arguments for '{name}' command").into()
}

/// Answers `HELP`: a heading, one string for each of `lines`, and `HELP` itself.
pub(super) fn help(reply: &mut Reply<'_>, container: &str, lines: &[&str]) {
    reply.array(lines.len() + 3);
    reply.simple(&format!("{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    lines.iter().for_each(|line| reply.simple(line));
    reply.simple("HELP");
    reply.simple("    Prints this help.");
}

/// The timeout in milliseconds that a word spells, or Redis's error.
pub(super) fn timeout_ms(word: &[u8]) -> Result<u64, CommandError> {
    let value = parse_integer(word).ok_or("ERR timeout is not an integer or out of range")?;
    u64::try_from(value).map_err(|_| "ERR timeout is negative".into())
}
