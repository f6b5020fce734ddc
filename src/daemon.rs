//! The process around the server: event log, signals, readiness, limits of the system, exit code.
//!
//! [`run`] prepares all of it, runs the server, and turns the outcome into an exit code. A panic anywhere ends the
//! process at once: a server that has lost its writer and still accepts connections would be the worst outcome.

use std::ffi::OsStr;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use async_signal::{Signal, Signals};
use smol::stream::StreamExt;

use crate::cli::exit;
use crate::config::{Loaded, Settings, Supervised};
use crate::logging::{self, Clean, LogHandle};
use crate::state::{Limits, ServerState, ShutdownMode};
use crate::table::unreadable_pages;

/// A stop signal within this time after the first one is part of the same request.
const SAME_REQUEST: Duration = Duration::from_secs(1);

/// Why the server ended, or never began.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The exit code, one of [`exit`].
    pub code: u8,
    /// What happened, as a text for people.
    pub message: String,
}

impl Failure {
    /// A failure with this exit code.
    pub fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// What the server gets from the process around it.
pub struct Daemon {
    /// What all connections share, including the configuration.
    pub state: Arc<ServerState>,
    /// Whether a service manager waits for notifications.
    notifies: bool,
    /// Whether it was notified that the server stops.
    notified_stopping: AtomicBool,
}

impl Daemon {
    /// Notifies the service manager that clients are served.
    pub fn ready(&self) {
        self.notify(&format!("READY=1\nMAINPID={}\nSTATUS=Ready to accept connections", std::process::id()));
    }

    /// Notifies the service manager that the server stops.
    pub fn stopping(&self) {
        if !self.notified_stopping.swap(true, Relaxed) {
            self.notify("STOPPING=1\nSTATUS=Stopping");
        }
    }

    /// Sends `text` to the service manager, if there is one.
    fn notify(&self, text: &str) {
        if self.notifies
            && let Err(error) = send_notice(&std::env::var_os("NOTIFY_SOCKET").unwrap_or_default(), text)
        {
            tracing::warn!(%error, "the service manager cannot be told");
        }
    }
}

/// Runs the process: `serve` is the server, which returns once it has stopped.
/// Returns the exit code.
pub fn run(loaded: Loaded, serve: impl FnOnce(&Arc<Daemon>) -> Result<(), Failure>) -> u8 {
    let config = loaded.config.clone();
    let log = match logging::init(&config) {
        Ok(log) => log,
        Err(error) => {
            eprintln!("ackd: {}", Clean(&error.to_string()));
            return exit::USAGE;
        }
    };
    abort_on_panic();
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let outcome = prepare(loaded, &log).and_then(|daemon| {
        let served = serve(&daemon);
        daemon.stopping();
        served
    });
    match outcome {
        Ok(()) => {
            tracing::info!("stopped");
            exit::OK
        }
        Err(failure) => {
            tracing::error!(code = failure.code, "{failure}");
            failure.code
        }
    }
}

/// Builds the shared state and starts to listen to signals.
fn prepare(loaded: Loaded, log: &LogHandle) -> Result<Arc<Daemon>, Failure> {
    let config = loaded.config.clone();
    let state = Arc::new(ServerState::new(Limits::default()));
    let settings = Settings::new(loaded);
    let handle = log.clone();
    settings.on_log_level(move |level| handle.set_level(level));
    let notifies = notifies(config.supervised);
    settings.note_in_force("log-format", log.shape().name());
    settings.note_in_force("supervised", if notifies { Supervised::Systemd } else { Supervised::No }.name());
    let descriptors = config.descriptors();
    if let Some(clients_max) = settings.limit_clients(descriptors) {
        let reserved = descriptors.reserved();
        tracing::warn!(clients_max, reserved, "the system allows fewer open files than maxclients asks for");
    }
    state.set_settings(settings);
    let daemon = Arc::new(Daemon { state, notifies, notified_stopping: AtomicBool::new(false) });
    listen_to_signals(daemon.clone(), log.clone())
        .map_err(|error| Failure::new(exit::START, format!("cannot listen to signals: {error}")))?;
    Ok(daemon)
}

/// Ends the process at the first panic, on any thread, with one line that says where.
fn abort_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let message =
            text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
        let place =
            panic.location().map(|place| format!("{}:{}", place.file(), place.line())).unwrap_or_default();
        let thread = std::thread::current().name().unwrap_or("unnamed").to_string();
        tracing::error!(place, thread, "panic: {message}");
        // Code that was reading a page when zeros replaced it may see content that no page ever had.
        if unreadable_pages() > 0 {
            tracing::error!(code = exit::IO, "a data page became unreadable while it was read; stopping");
            std::process::exit(i32::from(exit::IO));
        }
        std::process::abort();
    }));
}

/// Handles signals on a dedicated thread, for as long as the process lives.
fn listen_to_signals(daemon: Arc<Daemon>, log: LogHandle) -> std::io::Result<()> {
    // A write past the limit of a file's size sends Xfsz, which kills the process by default. With a handler, the write
    // fails instead.
    let mut signals = Signals::new([Signal::Term, Signal::Int, Signal::Hup, Signal::Xfsz])?;
    let mut asked = None;
    let hear = async move {
        while let Some(signal) = signals.next().await {
            match signal {
                Ok(Signal::Term | Signal::Int) => stop(&daemon, &mut asked),
                Ok(Signal::Hup) => match log.reopen() {
                    Ok(()) => tracing::info!("log file opened anew"),
                    Err(error) => tracing::warn!(%error, "the log file stays the old one"),
                },
                Ok(_) => tracing::warn!("a file cannot grow: limit of the process reached"),
                Err(error) => tracing::warn!(%error, "a signal was missed"),
            }
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(move || smol::future::block_on(hear))?;
    Ok(())
}

/// Asks the server to stop, or ends the process if an earlier signal, at `asked`, has done so. Acknowledged writes are
/// on disk either way. A signal to a whole process group often reaches some of them twice, so signals within a moment
/// count as one request.
fn stop(daemon: &Daemon, asked: &mut Option<Instant>) {
    if daemon.state.shutdown.requested().is_none() {
        tracing::info!("signal: stopping when what was taken from clients is answered");
        *asked = None;
    }
    match asked {
        None => *asked = Some(Instant::now()),
        Some(at) if at.elapsed() < SAME_REQUEST => return,
        Some(_) => {
            tracing::warn!("second signal: ending at once");
            std::process::exit(i32::from(exit::INTERRUPTED));
        }
    }
    daemon.stopping();
    daemon.state.shutdown.request(ShutdownMode { checkpoint: true, now: false });
}

/// Whether a service manager waits for notifications.
fn notifies(supervised: Supervised) -> bool {
    let has_socket = std::env::var_os("NOTIFY_SOCKET").is_some_and(|path| !path.is_empty());
    if supervised == Supervised::Systemd && !has_socket {
        tracing::warn!("supervised systemd: NOTIFY_SOCKET is not set");
    }
    has_socket && supervised != Supervised::No
}

/// Sends a notice to a socket: a path, or `@` and an abstract name.
fn send_notice(name: &OsStr, text: &str) -> std::io::Result<()> {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::SocketAddr;
    let address = match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(name)?,
    };
    UnixDatagram::unbound()?.send_to_addr(text.as_bytes(), &address)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_go_to_paths_and_abstract_names() {
        use std::os::linux::net::SocketAddrExt;
        use std::os::unix::net::SocketAddr;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let name = format!("ackd-test-{}", std::process::id());
        let at_path = UnixDatagram::bind(&path).unwrap();
        let abstract_one = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        send_notice(path.as_os_str(), "READY=1").unwrap();
        send_notice(OsStr::new(&format!("@{name}")), "STOPPING=1").unwrap();
        let mut buffer = [0; 32];
        assert_eq!(at_path.recv(&mut buffer).unwrap(), 7);
        assert_eq!(abstract_one.recv(&mut buffer).unwrap(), 10);
        assert!(send_notice(OsStr::new("/nowhere/socket"), "x").is_err());
    }
}
