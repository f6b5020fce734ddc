//! The server binary: parses the command line, loads the configuration, runs the process.

mod allocator;

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::process::ExitCode;

use ackd::cli::{self, Action, Request, exit};
use ackd::config::{self, Loaded, Word};
use ackd::daemon;
use ackd::logging::Clean;
use ackd::serve::serve;

fn main() -> ExitCode {
    ackd::ebb::set_collect(allocator::collect);
    match start() {
        Ok(code) => ExitCode::from(code),
        Err(message) => {
            eprintln!("ackd: {}", Clean(&message));
            ExitCode::from(exit::USAGE)
        }
    }
}

/// Performs the action of the command line. The error is a text for people, and means [`exit::USAGE`].
fn start() -> Result<u8, String> {
    let arguments: Vec<Word> = std::env::args_os().skip(1).map(OsString::into_vec).collect();
    let request = cli::parse(&arguments)?;
    match request.action {
        Action::Help => return print(&cli::help()),
        Action::Version => return print(&cli::version()),
        Action::ExampleConfig => return print(&config::help::example()),
        Action::Serve | Action::CheckConfig | Action::ShowConfig => {}
    }
    let (action, accept_tail_loss) = (request.action, request.accept_tail_loss);
    let loaded = load(request)?;
    match action {
        Action::CheckConfig => check(&loaded),
        Action::ShowConfig => print(&config::help::effective(&loaded)),
        _ => {
            let config = loaded.config.clone();
            let serve = |daemon: &_| serve(daemon, &config, accept_tail_loss);
            Ok(daemon::run(loaded, serve))
        }
    }
}

/// Loads the configuration that was asked for.
fn load(request: Request) -> Result<Loaded, String> {
    let mut sources = request.sources;
    sources.environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_vec())))
        .collect();
    if request.reads_standard_input {
        let mut text = Vec::new();
        std::io::stdin().read_to_end(&mut text).map_err(|error| format!("standard input: {error}"))?;
        sources.standard_input = Some(text);
    }
    config::load(&sources).map_err(|error| error.to_string())
}

/// Prints the warnings of a valid configuration.
fn check(loaded: &Loaded) -> Result<u8, String> {
    for warning in &loaded.warnings {
        eprintln!("ackd: warning: {}", Clean(&warning.to_string()));
    }
    print("configuration is valid\n")
}

/// Writes to standard output. It is no error if the reader has closed it.
fn print(text: &str) -> Result<u8, String> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(format!("standard output: {error}"))
        }
        _ => Ok(exit::OK),
    }
}
