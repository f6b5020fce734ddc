//! The offline inspector, the program `ackd-wal`. It answers what was written, when, and whether all of it is still there.
//!
//! Way of a question: command line (`cli`) > one file for each subcommand > the log from end to end (`source`) or
//! the table (`table`) > `filter` > `output`. Rules that hold everywhere:
//!
//! - Nothing is written to the data directory, but by `repair` when it is told to and the loss is confirmed; files are
//!   opened for reading and symbolic links are not followed.
//! - Standard output carries data, standard error remarks and progress. A reader that goes away ends the run
//!   without a word.
//! - Files are hostile until their checksums say otherwise; memory does not depend on what they claim.

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

/// Exit code for a command line that cannot be understood.
const USAGE: u8 = 1;
/// Bytes of output that are gathered before they are written.
const OUT_BYTES: usize = 1 << 16;

/// Where data goes.
type Out = BufWriter<Box<dyn Write>>;

/// Does what a command line asks, its first word being the program's name: data goes to `out`, remarks to standard error.
/// Returns the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>, out: Box<dyn Write>) -> u8 {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            if error.use_stderr() {
                say(&escape::controls(error.render().to_string().trim_end()));
                return USAGE;
            }
            // A terminal that went away is no reason to complain.
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
