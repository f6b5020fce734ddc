//! The offline inspector `ackd-wal`. The code is in this package's library.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(ackd_tools::run(std::env::args_os(), Box::new(std::io::stdout().lock())))
}
