//! `ackd-wal`: the offline inspector. It answers what was written, when, and whether all of it is still there.
//!
//! Way of a question: command line (`cli`) > one file for each subcommand > the log from end to end (`source`) or
//! the table (`table`) > `filter` > `output`. Rules that hold everywhere:
//!
//! - Nothing is written to the data directory, but by `repair` when it is told to and the loss is confirmed; files are
//!   opened for reading and symbolic links are not followed.
//! - Standard output carries data, standard error remarks and progress. A reader that goes away ends the run
//!   without a word.
//! - Files are hostile until their checksums say otherwise; memory does not depend on what they claim.

mod cat;
mod cli;
mod command;
mod dump;
mod error;
mod escape;
mod filter;
mod ls;
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

use std::io::{BufWriter, StdoutLock, Write};
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use error::{Outcome, ToolError};
use progress::say;
use style::Style;

/// Exit code for a command line that cannot be understood.
const USAGE: u8 = 1;

/// Where data goes.
type Out = BufWriter<StdoutLock<'static>>;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { USAGE } else { 0 };
            // A terminal that went away is no reason to complain.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let mut out = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let result = run(&cli, &mut out);
    let written = out.flush().map_err(ToolError::from);
    match result.and_then(|outcome| written.map(|()| outcome)) {
        Ok(outcome) => ExitCode::from(outcome.code()),
        Err(ToolError::BrokenPipe) => ExitCode::from(ToolError::BrokenPipe.code()),
        Err(error) => {
            say(&format!("ackd-wal: {error}"));
            ExitCode::from(error.code())
        }
    }
}

fn run(cli: &Cli, out: &mut Out) -> Result<Outcome, ToolError> {
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
