//! Finds the command of a request, or the error reply if there is none.

use crate::resp::Args;
use crate::spec::{self, Flags, Spec};

/// The most bytes of a client's words that an error text repeats.
const SHOWN_BYTES_MAX: usize = 128;

/// A request that names no command, or has the wrong number of words for it.
pub enum Malformed {
    /// The error reply; and the command, if there is one.
    Reply(Vec<u8>, Option<&'static Spec>),
    /// The peer speaks HTTP: somebody tricked a browser into sending this. None of it may run.
    CrossProtocol,
}

/// The command or subcommand of a request, if there is one that takes its number of words.
pub fn find(args: &Args<'_>) -> Option<&'static Spec> {
    let spec = spec::lookup(&args[0])?;
    let spec = if spec.is_container() { spec.subcommand(args.get(1)?)? } else { spec };
    spec.takes(args.len()).then_some(spec)
}

/// The command or subcommand of a request. Its number of words is checked.
pub(super) fn resolve(args: &Args<'_>) -> Result<&'static Spec, Malformed> {
    let Some(mut spec) = spec::lookup(&args[0]) else {
        return Err(refuse(args, None, unknown_command(args)));
    };
    if spec.is_container()
        && let Some(name) = args.get(1)
    {
        spec = match spec.subcommand(name) {
            Some(subcommand) => subcommand,
            // A client that may not use the command does not learn its subcommands.
            None if spec.flags.has(Flags::PROTECTED) => spec,
            None => return Err(refuse(args, None, unknown_subcommand(args, name))),
        };
    }
    if !spec.takes(args.len()) {
        let text = format!("ERR wrong number of arguments for '{}' command", spec.name);
        return Err(refuse(args, Some(spec), text.into_bytes()));
    }
    Ok(spec)
}

/// Refuses a request with `text`, unless it is HTTP.
#[cold]
fn refuse(args: &Args<'_>, spec: Option<&'static Spec>, text: Vec<u8>) -> Malformed {
    let is = |name: &[u8]| args[0].eq_ignore_ascii_case(name);
    let names_http = || args.len() == 3 && args[2].starts_with(b"HTTP/");
    if is(b"post") || is(b"host:") || names_http() {
        return Malformed::CrossProtocol;
    }
    Malformed::Reply(text, spec)
}

/// Redis's error text for an unknown command.
fn unknown_command(args: &Args<'_>) -> Vec<u8> {
    let mut shown = Vec::new();
    for word in args.from(1) {
        if shown.len() >= SHOWN_BYTES_MAX {
            break;
        }
        let room = SHOWN_BYTES_MAX - shown.len();
        shown.push(b'\'');
        shown.extend_from_slice(&word[..word.len().min(room)]);
        shown.extend_from_slice(b"' ");
    }
    [b"ERR unknown command '", cut(&args[0]), b"', with args beginning with: ", &shown].concat()
}

/// Redis's error text for an unknown subcommand.
fn unknown_subcommand(args: &Args<'_>, name: &[u8]) -> Vec<u8> {
    let container = args[0].to_ascii_uppercase();
    [b"ERR unknown subcommand '", cut(name), b"'. Try ", cut(&container), b" HELP."].concat()
}

/// The part of a word that is repeated.
fn cut(word: &[u8]) -> &[u8] {
    &word[..word.len().min(SHOWN_BYTES_MAX)]
}
