//! The command line: the action, and the configuration for it.
//!
//! `ackd [FILE] [--DIRECTIVE VALUE ...] [-]`, as for redis-server, and a few flags that print something and end.
//! Nothing here touches the system: arguments come in, a [`Request`] or a text goes out.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::config::{self, Known, Sources, Word};
use crate::version::VERSION;

/// Exit codes of the process.
pub mod exit {
    /// Success; after a requested stop, everything is on disk.
    pub const OK: u8 = 0;
    /// The command line or the configuration is wrong.
    pub const USAGE: u8 = 1;
    /// The server cannot start for another reason: an address is taken, a port is not allowed.
    pub const START: u8 = 2;
    /// The data is damaged.
    pub const DAMAGED: u8 = 3;
    /// The disk failed to write, sync or read, or a file of the data was removed.
    pub const IO: u8 = 4;
    /// Another server uses the data directory.
    pub const IN_USE: u8 = 5;
    /// A second signal came before the server had stopped.
    pub const INTERRUPTED: u8 = 6;

    /// What each code means, for the help text.
    pub const MEANINGS: &[(u8, &str)] = &[
        (OK, "stopped as asked; everything is on disk"),
        (USAGE, "wrong command line or configuration"),
        (START, "cannot start: an address is in use or not allowed ..."),
        (DAMAGED, "damaged data; what was changed, if anything, is said with it"),
        (IO, "the disk failed to write, sync or read, files may not be opened, or were taken away"),
        (IN_USE, "another server uses the data directory"),
        (INTERRUPTED, "a second signal ended it before it had stopped"),
    ];
}

/// The action that the command line asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// Serve.
    #[default]
    Serve,
    /// Check the configuration and report errors.
    CheckConfig,
    /// Show the configuration in force and where it comes from.
    ShowConfig,
    /// Print a configuration file with every directive.
    ExampleConfig,
    /// Print the help.
    Help,
    /// Print the version.
    Version,
}

/// The flags for actions, each with its line in the help.
const ACTIONS: &[(&str, Action, &str)] = &[
    ("--help", Action::Help, "Show this help (also -h)"),
    ("--version", Action::Version, "Show the version (also -v)"),
    ("--check-config", Action::CheckConfig, "Read the configuration, say what is wrong with it, and end"),
    ("--show-config", Action::ShowConfig, "Show each value in force and where it comes from, and end"),
    ("--example-config", Action::ExampleConfig, "Print a configuration file with every directive, and end"),
];

/// The flag that lets a start discard a damaged last group of the log. It takes no value and cannot be in a file: it is
/// for one start.
const ACCEPT_TAIL_LOSS: &str = "--accept-tail-loss";

/// A parsed command line.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// What to do.
    pub action: Action,
    /// Whether this start may discard a damaged last group of the log.
    pub accept_tail_loss: bool,
    /// File and flags; the caller adds environment and standard input.
    pub sources: Sources,
    /// Whether to read standard input as the end of the file.
    pub reads_standard_input: bool,
}

/// Parses the arguments after the program's name. The error is a text for people.
pub fn parse(arguments: &[Word]) -> Result<Request, String> {
    let mut request = Request::default();
    let mut rest = arguments;
    if let Some((last, before)) = rest.split_last()
        && last == b"-"
    {
        request.reads_standard_input = true;
        rest = before;
    }
    while let Some((word, after)) = rest.split_first() {
        rest = after;
        if let Some(action) = action_of(word) {
            // Help and version take precedence over everything else.
            if !matches!(request.action, Action::Help | Action::Version) {
                request.action = action;
            }
            continue;
        }
        if word == ACCEPT_TAIL_LOSS.as_bytes() {
            request.accept_tail_loss = true;
            continue;
        }
        let is_first = request.sources.file.is_none() && request.sources.flags.is_empty();
        if is_first && !word.starts_with(b"-") {
            request.sources.file = Some(OsStr::from_bytes(word).into());
            continue;
        }
        let Some(name) = word.strip_prefix(b"--").filter(|name| !name.is_empty()) else {
            return Err(unexpected(word));
        };
        let end = rest.iter().position(|word| word.starts_with(b"--")).unwrap_or(rest.len());
        let (mut name, mut words) = (name, rest[..end].to_vec());
        rest = &rest[end..];
        if let Some(at) = name.iter().position(|byte| *byte == b'=') {
            words.insert(0, name[at + 1..].to_vec());
            name = &name[..at];
        }
        if Known::find(name).is_none() {
            return Err(unknown(name));
        }
        if words.is_empty() {
            return Err(format!("--{} needs a value", String::from_utf8_lossy(name)));
        }
        request.sources.flags.push((name.to_vec(), words));
    }
    Ok(request)
}

/// The action of a word, if it has one.
fn action_of(word: &[u8]) -> Option<Action> {
    match word {
        b"-h" => Some(Action::Help),
        b"-v" | b"-V" => Some(Action::Version),
        _ => ACTIONS.iter().find(|(name, ..)| name.as_bytes() == word).map(|(_, action, _)| *action),
    }
}

/// The error for a word where none is expected.
fn unexpected(word: &[u8]) -> String {
    if word == b"-" {
        return "'-' (read standard input) must come last".into();
    }
    let word = config::shown_name(word);
    format!("unexpected argument '{word}'; a file comes first, then --directive value ...; see ackd --help")
}

/// The error for a flag that does not exist.
fn unknown(name: &[u8]) -> String {
    let name = config::shown_name(name);
    let actions = ACTIONS.iter().map(|(name, ..)| *name).chain([ACCEPT_TAIL_LOSS]).map(|name| &name[2..]);
    let nearest = config::nearest(&name, Known::all_names().chain(actions));
    match nearest {
        Some(nearest) => format!("unknown flag '--{name}'; did you mean '--{nearest}'?"),
        None => format!("unknown flag '--{name}'; see ackd --help"),
    }
}

/// The line that `--version` prints.
pub fn version() -> String {
    format!("ackd {VERSION} ({} {})\n", std::env::consts::OS, std::env::consts::ARCH)
}

/// The text that `--help` prints.
pub fn help() -> String {
    let mut text = String::from(
        "ackd: a durable key-value server that speaks the Redis protocol.\n\
         When the reply to a write arrives, the write is on disk.\n\
         \n\
         Usage: ackd [FILE] [--DIRECTIVE VALUE ...] [-]\n\
         \n\
         \x20 ackd                             serve 127.0.0.1:6379, data in ./ackd-data\n\
         \x20 ackd /etc/ackd/ackd.conf         serve as the file says (a redis.conf will do)\n\
         \x20 ackd --port 7000 --dir /data     flags go before the environment, and that before the file\n\
         \x20 ACKD_PORT=7000 ackd              each directive has a variable: ACKD_ and its name, - as _\n\
         \x20 echo 'port 7000' | ackd -        read the end of the configuration from standard input\n\
         \n\
         What to do instead of serving:\n",
    );
    for (name, _, line) in ACTIONS {
        text.push_str(&format!("  {name:<28}{line}\n"));
    }
    text.push_str(
        "\nFor one start alone:\n\
         \x20 --accept-tail-loss          Give up a damaged last group of the log; it is kept in a .broken file\n",
    );
    text.push_str("\nSizes: 1k is 1000 bytes, 1kb is 1024 (also m, g, t). Times: 100ms, 30s, 15m, 2h, 1d.\n");
    text.push_str(&config::help::directives());
    text.push_str(
        "\nDirectives of Redis that ask for something that holds here anyway, or that tune parts that\n\
         do not exist here, are accepted: appendonly, save, lazyfree-*, hash-max-listpack-* and so on.\n\
         \n\
         Signals: TERM and INT stop the server when what was taken from clients is answered; a second\n\
         one a second later or more ends it at once.\n\
         \n\
         Exit codes:\n",
    );
    for (code, meaning) in exit::MEANINGS {
        text.push_str(&format!("  {code}  {meaning}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Request, String> {
        parse(&line.split(' ').filter(|word| !word.is_empty()).map(Word::from).collect::<Vec<_>>())
    }

    #[test]
    fn file_flags_and_standard_input_are_told_apart() {
        let request =
            parsed("a.conf --port 7000 --bind 127.0.0.1 ::1 --slowlog-log-slower-than -1 --hz=20 -").unwrap();
        assert_eq!(request.action, Action::Serve);
        assert_eq!(request.sources.file, Some("a.conf".into()));
        assert!(request.reads_standard_input);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let flags: Vec<(String, String)> = request
            .sources
            .flags
            .iter()
            .map(|(name, words)| (text(name), text(&words.join(&b' '))))
            .collect();
        let expected =
            [("port", "7000"), ("bind", "127.0.0.1 ::1"), ("slowlog-log-slower-than", "-1"), ("hz", "20")];
        assert_eq!(flags, expected.map(|(name, value)| (name.to_string(), value.to_string())));
    }

    #[test]
    fn words_that_answer_and_end_are_known() {
        assert_eq!(parsed("").unwrap().action, Action::Serve);
        assert_eq!(parsed("-v").unwrap().action, Action::Version);
        assert_eq!(parsed("--help --check-config").unwrap().action, Action::Help);
        let check = parsed("a.conf --check-config --port 1").unwrap();
        assert_eq!((check.action, check.sources.flags.len()), (Action::CheckConfig, 1));
        let accept = parsed("--accept-tail-loss a.conf --port 1").unwrap();
        assert!(accept.accept_tail_loss && accept.sources.file.is_some());
        assert_eq!(
            parsed("--accept-tail-los").unwrap_err(),
            "unknown flag '--accept-tail-los'; did you mean '--accept-tail-loss'?"
        );
        assert_eq!(parsed("--check-config a.conf").unwrap().sources.file, Some("a.conf".into()));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        assert_eq!(parsed("--prot 1").unwrap_err(), "unknown flag '--prot'; did you mean '--port'?");
        assert_eq!(
            parsed("--check-confg").unwrap_err(),
            "unknown flag '--check-confg'; did you mean '--check-config'?"
        );
        assert_eq!(parsed("--port").unwrap_err(), "--port needs a value");
        assert_eq!(parsed("--port --hz 1").unwrap_err(), "--port needs a value");
        assert!(parsed("a.conf b.conf").unwrap_err().starts_with("unexpected argument 'b.conf'"));
        assert!(parsed("-p 1").unwrap_err().starts_with("unexpected argument '-p'"));
        assert!(parsed("- a.conf").unwrap_err().contains("must come last"));
    }

    #[test]
    fn the_help_names_every_directive_with_its_default_and_fits_a_screen() {
        let help = help();
        for row in config::DIRECTIVES {
            assert!(help.contains(&format!("  --{} ", row.name)), "{}", row.name);
        }
        for line in help.lines() {
            assert!(line.len() <= 110, "{line}");
        }
        assert!(exit::MEANINGS.iter().all(|(code, _)| help.contains(&format!("\n  {code}  "))));
    }
}
