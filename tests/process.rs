//! The server as a process: what it prints, how it handles signals, and its exit code.

#[path = "common/waiting.rs"]
mod waiting;

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use ackd::cli::exit;
use rustix::process::{Pid, Signal, kill_process};
use waiting::{PATIENCE, eventually, uninterrupted};

/// A command that starts the server, without the variables of this process's environment that the server reads.
fn ackd(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ackd"));
    command.args(arguments).env_remove("NOTIFY_SOCKET").stdin(Stdio::null());
    command
}

fn output(arguments: &[&str]) -> Output {
    ackd(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A running server in a directory of its own; killed if the test fails.
struct Running {
    child: Child,
    notices: UnixDatagram,
    folder: tempfile::TempDir,
}

impl Running {
    /// Starts a server and waits until it says that it is ready.
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("notify");
        let notices = UnixDatagram::bind(&socket).unwrap();
        notices.set_read_timeout(Some(PATIENCE)).unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let child = ackd(&["--port", "0", "--supervised", "systemd"])
            .args(["--dir", &path("data"), "--logfile", &path("log"), "--pidfile", &path("pid")])
            .args(["--unixsocket", &path("socket"), "--bind", "127.0.0.1"])
            .env("NOTIFY_SOCKET", &socket)
            .spawn()
            .unwrap();
        let running = Self { child, notices, folder };
        assert!(running.notice().contains("READY=1"));
        running
    }

    /// The next notification to the service manager.
    fn notice(&self) -> String {
        let mut buffer = [0; 1024];
        let len = uninterrupted(|| self.notices.recv(&mut buffer)).unwrap();
        text(&buffer[..len])
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_is_asked_for_is_printed() {
    let version = output(&["--version"]);
    assert!(version.status.success() && text(&version.stdout).starts_with("ackd "));
    let help = output(&["--help"]);
    assert!(help.status.success() && text(&help.stdout).contains("--port"));
    let shown = ackd(&["--show-config", "--hz", "20"]).env("ACKD_PORT", "7000").output().unwrap();
    let shown = text(&shown.stdout);
    assert!(
        shown.lines().any(|line| line.starts_with("port 7000 ") && line.ends_with("# environment ACKD_PORT"))
    );
    assert!(shown.lines().any(|line| line.starts_with("hz 20 ") && line.ends_with("# command line")));
}

#[test]
fn a_wrong_configuration_is_told_and_ends_with_its_code() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.conf");
    fs::write(&file, "hz 10\nprot 1\n").unwrap();
    let path = file.display().to_string();
    for arguments in [&["--check-config", &path][..], &[&path], &["--nothing", "1"]] {
        let output = output(arguments);
        assert_eq!(output.status.code(), Some(i32::from(exit::USAGE)), "{arguments:?}");
    }
    assert_eq!(
        text(&output(&["--check-config", &path]).stderr),
        format!("ackd: {path}:2: unknown directive 'prot'; did you mean 'port'?\n")
    );
    fs::write(&file, "hz 10\nappendonly no\n").unwrap();
    let right = output(&["--check-config", &path]);
    assert!(right.status.success());
    assert!(text(&right.stderr).contains("appendonly no: has no effect"));
}

#[test]
fn a_signal_stops_it_in_an_orderly_way() {
    let mut running = Running::start();
    assert_eq!(running.read("pid").trim(), running.child.id().to_string());
    running.signal(Signal::TERM);
    assert!(running.notice().contains("STOPPING=1"));
    assert_eq!(running.child.wait().unwrap().code(), Some(i32::from(exit::OK)));
    assert_eq!(running.read("pid"), "", "the pid file is gone");
    let log = running.read("log");
    assert!(log.lines().all(|line| line.starts_with("time=")), "{log}");
    assert!(log.lines().last().unwrap().ends_with("level=notice msg=stopped"), "{log}");
}

#[test]
fn a_log_that_was_moved_away_is_opened_anew() {
    let running = Running::start();
    let (log, old) = (running.folder.path().join("log"), running.folder.path().join("log.1"));
    fs::rename(&log, &old).unwrap();
    running.signal(Signal::HUP);
    let says = |path: &Path| fs::read_to_string(path).is_ok_and(|text| text.contains("opened anew"));
    eventually("the new log speaks", || says(&log));
}
