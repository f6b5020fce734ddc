//! Which command a request asks for, and what is said to requests that ask for none.

use crate::resp::Args;
use crate::spec::{self, Flags, Spec};

/// Bytes of a client's words that an error text repeats.
const SHOWN_BYTES_MAX: usize = 128;

/// A request that names no command, or not in the form that the command takes.
pub enum Malformed {
    /// It is answered with this error; the command, if there is one.
    Reply(Vec<u8>, Option<&'static Spec>),
    /// The peer speaks HTTP: somebody tricked a browser into sending this. Nothing of it may run.
    CrossProtocol,
}

/// The command or subcommand that a request asks for. It takes as many words as were given.
pub(super) fn resolve(args: &Args<'_>) -> Result<&'static Spec, Malformed> {
    let Some(mut spec) = spec::lookup(&args[0]) else {
        return Err(refuse(args, None, unknown_command(args)));
    };
    if spec.is_container()
        && let Some(name) = args.get(1)
    {
        spec = match spec.subcommand(name) {
            Some(subcommand) => subcommand,
            // Whoever may not use the command does not learn what it knows.
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

/// Refuses a request with `text`, unless it is one of another protocol.
#[cold]
fn refuse(args: &Args<'_>, spec: Option<&'static Spec>, text: Vec<u8>) -> Malformed {
    let is = |name: &[u8]| args[0].eq_ignore_ascii_case(name);
    let names_http = || args.len() == 3 && args[2].starts_with(b"HTTP/");
    if is(b"post") || is(b"host:") || names_http() {
        return Malformed::CrossProtocol;
    }
    Malformed::Reply(text, spec)
}

/// What Redis says about a command that it does not know.
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

/// What Redis says about a subcommand that it does not know.
fn unknown_subcommand(args: &Args<'_>, name: &[u8]) -> Vec<u8> {
    let container = args[0].to_ascii_uppercase();
    [b"ERR unknown subcommand '", cut(name), b"'. Try ", cut(&container), b" HELP."].concat()
}

/// As much of a word as is repeated.
fn cut(word: &[u8]) -> &[u8] {
    &word[..word.len().min(SHOWN_BYTES_MAX)]
}
