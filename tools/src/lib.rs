//! The offline inspector `ackd-wal`. It shows what was written and when, and checks that all of it is still there.
//!
//! The command line (`cli`) picks a subcommand, each in a file of its own. It reads the whole log (`source`) or the table
//! (`table`), takes what matches (`filter`) and prints it (`output`). Rules that hold everywhere:
//!
//! - Only `repair --apply` writes to the data directory, and only once the loss is confirmed. Everything else opens files
//!   for reading. Symbolic links are not followed.
//! - Data goes to standard output, notes and progress to standard error. If the reader of the output goes away, the run
//!   ends silently.
//! - Files are untrusted until their checksums match. Memory use does not depend on what they claim.

mod belongs;
mod cat;
mod cli;
mod command;
mod dump;
mod error;
mod escape;
mod filter;
mod ls;
mod origins;
mod output;
mod progress;
mod record;
mod repair;
mod source;
mod stats;
mod style;
mod table;
mod tail;
mod time;
mod verify;

use std::ffi::OsString;
use std::io::{BufWriter, Write};

use clap::Parser;

use cli::{Cli, Command};
use error::{Outcome, ToolError};
use progress::say;
use style::Style;

/// Exit code for an invalid command line.
const USAGE: u8 = 1;
/// Size of the output buffer in bytes.
const OUT_BYTES: usize = 1 << 16;

/// The buffered output.
type Out = BufWriter<Box<dyn Write>>;

/// Runs a command line, whose first word is the program's name. Data goes to `out`, notes go to standard error.
/// Returns the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>, out: Box<dyn Write>) -> u8 {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            if error.use_stderr() {
                say(&escape::controls(error.render().to_string().trim_end()));
                return USAGE;
            }
            // It fails only if the terminal went away.
            let _ = error.print();
            return 0;
        }
    };
    let mut out = BufWriter::with_capacity(OUT_BYTES, out);
    let result = answer(&cli, &mut out);
    let written = out.flush().map_err(ToolError::from);
    match result.and_then(|outcome| written.map(|()| outcome)) {
        Ok(outcome) => outcome.code(),
        Err(ToolError::BrokenPipe) => ToolError::BrokenPipe.code(),
        Err(error) => {
            say(&format!("ackd-wal: {}", escape::controls(&error.to_string())));
            error.code()
        }
    }
}

fn answer(cli: &Cli, out: &mut Out) -> Result<Outcome, ToolError> {
    let style = Style::for_stdout(cli.color);
    match &cli.command {
        Command::Ls(args) => ls::run(args, style, out),
        Command::Dump(args) => dump::run(args, style, out),
        Command::History(args) => dump::history(args, style, out),
        Command::Cat(args) => cat::run(args, style, out),
        Command::Tail(args) => tail::run(args, style, out),
        Command::Stats(args) => stats::run(args, out),
        Command::Verify(args) => verify::run(args, style, out),
        Command::Repair(args) => repair::run(args, style, out),
    }
}
