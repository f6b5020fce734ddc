//! `ackd-wal`: the offline inspector. It answers what was written, when, and whether all of it is still there. All of it
//! is in the library of the same package.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(ackd_tools::run(std::env::args_os(), Box::new(std::io::stdout().lock())))
}
