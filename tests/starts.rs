//! What a start must not harm: a server that is already running, its sockets and files, the user who owns the directory, and
//! the terminal that shows its errors. Also, how a second signal ends the server.

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use ackd::cli::exit;
use common::{Client, PATIENCE, TestServer, Value, encode, eventually, free_port, without_settings};
use rustix::process::{Pid, Signal, kill_process};

/// A user who is not root.
const OTHER_USER: u32 = 65534;

/// Runs the server's binary until it ends by itself.
fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ackd"));
    command.args(arguments).stdin(Stdio::null());
    without_settings(&mut command);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("the server runs: {:?}", child.wait_with_output().unwrap());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    child.wait_with_output().unwrap()
}

/// Starts a server that must fail; returns its exit code and its output.
fn refusal(arguments: &[&str]) -> (i32, String) {
    let output = run(arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().expect("the server ends by itself"), said)
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// All files below a directory with their bytes.
fn contents(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for path in below(dir) {
        if path.is_file() {
            files.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    files
}

/// All files and directories below a directory, and itself.
fn below(dir: &Path) -> Vec<PathBuf> {
    let mut found = vec![dir.to_owned()];
    let mut names: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    for path in names {
        if path.is_dir() { found.extend(below(&path)) } else { found.push(path) }
    }
    found
}

/// A running server with a socket and a pid file, and the paths of both.
struct Running {
    root: tempfile::TempDir,
    server: TestServer,
    socket: PathBuf,
    pid_file: PathBuf,
}

impl Running {
    fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        let pid_file = root.path().join("pid");
        let server = TestServer::start(&root.path().join("data"), &["--pidfile", &text(&pid_file)]);
        assert_eq!(server.client().run("SET k v"), Value::Simple("OK".into()));
        let socket = root.path().join(format!("{}.sock", server.port));
        let pid = format!("{}\n", server.pid());
        eventually("there is a pid file", || fs::read_to_string(&pid_file).is_ok_and(|found| found == pid));
        Self { root, server, socket, pid_file }
    }

    /// Asserts that everything of it is unchanged.
    fn assert_untouched(&mut self) {
        let (pid, lock) = (format!("{}\n", self.server.pid()), self.root.path().join("data/LOCK"));
        assert!(!self.server.has_ended());
        assert_eq!(fs::read_to_string(&self.pid_file).unwrap(), pid);
        assert_eq!(fs::read_to_string(lock).unwrap(), pid);
        let mut client = Client::new(Box::new(UnixStream::connect(&self.socket).unwrap()));
        assert_eq!(client.run("GET k"), Value::Bulk(b"v".into()));
    }
}

#[test]
fn a_second_start_on_a_directory_leaves_the_first_its_socket_and_its_pid_file() {
    let mut first = Running::start();
    let data = text(&first.root.path().join("data"));
    let (socket, pid_file) = (text(&first.socket), text(&first.pid_file));
    let port = free_port().to_string();
    for _ in 0..2 {
        let flags = ["--port", &port, "--dir", &data, "--unixsocket", &socket, "--pidfile", &pid_file];
        let (code, said) = refusal(&flags);
        assert_eq!(code, i32::from(exit::IN_USE), "{said}");
        assert!(said.contains(&format!("process {}", first.server.pid())), "{said}");
        first.assert_untouched();
    }
    assert_eq!(first.server.stop().code(), Some(i32::from(exit::OK)));
    assert!(!first.socket.exists() && !first.pid_file.exists(), "what it made it takes along");
}

#[test]
fn a_table_without_its_log_directory_is_refused_and_left_as_it_is() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    let mut server = TestServer::start(&dir, &[]);
    assert_eq!(server.client().run("SET k v"), Value::Simple("OK".into()));
    assert!(server.stop().success());
    let (wal, away) = (dir.join("wal"), root.path().join("away"));
    fs::rename(&wal, &away).unwrap();
    let table = fs::read(dir.join("table.ackd")).unwrap();
    for _ in 0..2 {
        let (code, said) = refusal(&["--port", &free_port().to_string(), "--dir", &text(&dir)]);
        assert_eq!(code, i32::from(exit::DAMAGED), "{said}");
        let words = format!("{} is missing, but there is a table, which had a log", wal.display());
        assert!(said.contains(&words) && said.contains("Put the directory back"), "{said}");
        assert!(said.contains("is a volume not mounted") && said.contains("nothing was changed"), "{said}");
        assert!(!wal.exists() && fs::read(dir.join("table.ackd")).unwrap() == table);
    }
    fs::rename(&away, &wal).unwrap();
    let server = TestServer::start(&dir, &[]);
    assert_eq!(server.client().run("GET k"), Value::Bulk(b"v".into()));
}

#[test]
fn a_start_elsewhere_with_the_socket_of_another_server_is_refused_and_named() {
    let mut first = Running::start();
    let elsewhere = text(&first.root.path().join("elsewhere"));
    let (socket, pid_file) = (text(&first.socket), text(&first.pid_file));
    let flags = ["--port", "0", "--dir", &elsewhere, "--unixsocket", &socket, "--pidfile", &pid_file];
    let (code, said) = refusal(&flags);
    assert_eq!(code, i32::from(exit::START), "{said}");
    assert!(said.contains(&socket) && said.contains("another process listens there"), "{said}");
    first.assert_untouched();
}

#[test]
fn a_mistake_in_the_address_shows_before_anything_is_recovered() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    let mut server = TestServer::start(&data, &["--wal-segment-size", "1mb"]);
    assert_eq!(server.client().run("SET k v"), Value::Simple("OK".into()));
    server.kill();
    let before = contents(&data);
    let (code, said) = refusal(&["--port", "6379", "--bind", "203.0.113.7", "--dir", &text(&data)]);
    assert_eq!(code, i32::from(exit::START), "{said}");
    assert!(said.contains("cannot listen on 203.0.113.7:6379"), "{said}");
    let lock = data.join("LOCK");
    let differs = |(path, bytes): &(PathBuf, Vec<u8>)| *path != lock && fs::read(path).unwrap() != *bytes;
    assert_eq!(contents(&data).len(), before.len());
    assert!(!before.iter().any(differs), "a file was modified");
}

#[test]
fn a_start_as_root_leaves_all_files_to_the_owner_of_the_directory() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("left out: only root can start a server for others");
        return;
    }
    let root = tempfile::tempdir().unwrap();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let data = root.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    chown(&data, Some(OTHER_USER), Some(OTHER_USER)).unwrap();
    let flags = ["--wal-segment-size", "1mb", "--recovery-target-ms", "10"];
    let mut server = TestServer::start(&data, &flags);
    let mut client = server.client();
    let segments = || fs::read_dir(data.join("wal")).unwrap().count();
    let start = Instant::now();
    // Segments that are made while the server runs, too.
    for number in 0.. {
        let value = vec![b'v'; 100_000];
        let reply = client.command(&[b"SET", format!("k{number}").as_bytes(), &value]);
        assert_eq!(reply, Value::Simple("OK".into()));
        if number > 40 && segments() > 2 {
            break;
        }
        assert!(start.elapsed() < PATIENCE);
    }
    let foreign: Vec<PathBuf> = below(&data)
        .into_iter()
        .filter(|path| path.metadata().is_ok_and(|of| of.uid() != OTHER_USER))
        .collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    assert_eq!(server.stop().code(), Some(i32::from(exit::OK)));

    // The other user starts the server, from a directory where it may read the program.
    let program = root.path().join("ackd");
    fs::copy(env!("CARGO_BIN_EXE_ackd"), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(program);
    command.uid(OTHER_USER).gid(OTHER_USER);
    let mut server = TestServer::spawn_by(command, free_port(), &data, &flags);
    server.wait_ready();
    assert_eq!(server.client().run("STRLEN k0"), Value::Integer(100_000));
    assert_eq!(server.stop().code(), Some(i32::from(exit::OK)));
}

#[test]
fn a_start_as_root_leaves_log_socket_and_pid_file_to_the_owner_of_their_directory() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("left out: only root can start a server for others");
        return;
    }
    let root = tempfile::tempdir().unwrap();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = root.path().join("ackd");
    fs::copy(env!("CARGO_BIN_EXE_ackd"), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let home = root.path().join("home");
    fs::create_dir(&home).unwrap();
    let [log, pid_file, config] = ["log", "pid", "ackd.conf"].map(|name| home.join(name));
    fs::write(&config, "timeout 5\n").unwrap();
    fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
    for path in [&home, &config] {
        chown(path, Some(OTHER_USER), Some(OTHER_USER)).unwrap();
    }
    // The target of a link still belongs to root.
    let elsewhere = root.path().join("elsewhere");
    fs::write(&elsewhere, "").unwrap();
    std::os::unix::fs::symlink(&elsewhere, &log).unwrap();
    let port = free_port();
    let flags = ["--logfile", &text(&log), "--pidfile", &text(&pid_file)];
    let start = |user: Option<u32>| {
        let mut command = Command::new(&program);
        command.arg(&config);
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        let mut server = TestServer::spawn_by(command, port, &home.join("data"), &flags);
        server.wait_ready();
        server
    };
    start(None).kill();
    assert_eq!(elsewhere.metadata().unwrap().uid(), 0);
    fs::remove_file(&log).unwrap();
    let mut server = start(None);
    let mut client = server.client();
    assert_eq!(client.run("CONFIG SET timeout 7"), Value::Simple("OK".into()));
    assert_eq!(client.run("CONFIG REWRITE"), Value::Simple("OK".into()));
    let is_foreign = |path: &PathBuf| path.symlink_metadata().unwrap().uid() != OTHER_USER;
    eventually("the files are its owner's", || !below(&home).iter().any(is_foreign));
    assert!(below(&home).contains(&home.join(format!("{port}.sock"))) && pid_file.exists() && log.exists());
    server.kill();

    let mut server = start(Some(OTHER_USER));
    let pid = format!("{}\n", server.pid());
    eventually("the pid file is written", || fs::read_to_string(&pid_file).is_ok_and(|found| found == pid));
    assert_eq!(fs::read_to_string(&log).unwrap().matches("ready to accept connections").count(), 2);
    let timeout = [b"timeout".to_vec(), b"7".to_vec()].map(Value::Bulk);
    assert_eq!(server.client().run("CONFIG GET timeout"), Value::Array(timeout.into()));
    assert_eq!(server.stop().code(), Some(i32::from(exit::OK)));
}

#[test]
fn what_an_error_repeats_cannot_steer_a_terminal() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("a.conf");
    fs::write(&file, "po\u{1b}[31mrt 1\n").unwrap();
    let file = text(&file);
    for arguments in [
        &["--po\u{1b}[31mrt", "1"][..],
        &["a.conf", "b\u{7}\u{8}\r.conf"],
        &["/nowhere/\u{1b}[2J\nackd: all is well.conf"],
        &["--check-config", &file],
    ] {
        let (code, said) = refusal(arguments);
        assert_eq!(code, i32::from(exit::USAGE), "{said:?}");
        assert_eq!(said.lines().count(), 1, "{said:?}");
        assert!(!said.trim_end_matches('\n').chars().any(char::is_control), "{said:?}");
        assert!(said.contains("\\u{") || said.contains("\\x"), "what was there is shown: {said:?}");
    }
}

fn signal(server: &TestServer, signal: Signal) {
    kill_process(Pid::from_raw(server.pid() as i32).unwrap(), signal).unwrap();
}

/// A client that asked for far more than it reads, so that an orderly end has to wait for it.
fn slow_reader(server: &TestServer) -> Client {
    let mut client = server.client();
    let value = vec![b'v'; 4 << 20];
    assert_eq!(client.command(&[b"SET", b"large", &value]), Value::Simple("OK".into()));
    client.send(&encode(&[b"GET", b"large"])).unwrap();
    client
}

/// Waits until the server log has these words.
fn wait_until_said(log: &Path, words: &str) {
    eventually(words, || fs::read_to_string(log).is_ok_and(|said| said.contains(words)));
}

/// How a server that waits for a client ends when it gets a signal and, after `pause`, others.
fn end_after_signals(pause: Duration, others: &[Signal]) -> Option<i32> {
    let root = tempfile::tempdir().unwrap();
    let log = root.path().join("log");
    let mut server = TestServer::start(&root.path().join("data"), &["--logfile", &text(&log)]);
    let _client = slow_reader(&server);
    signal(&server, Signal::TERM);
    wait_until_said(&log, "signal: stopping");
    std::thread::sleep(pause);
    others.iter().for_each(|other| signal(&server, *other));
    server.wait().code()
}

/// On a slow machine too much time may pass between two signals, but not every time.
const TRIES: usize = 10;

#[test]
fn a_signal_that_comes_twice_within_a_second_is_one_request() {
    let mut codes = (0..TRIES).map(|_| end_after_signals(Duration::ZERO, &[Signal::TERM, Signal::INT]));
    assert!(codes.any(|code| code == Some(i32::from(exit::OK))));
}

#[test]
fn a_second_signal_after_a_second_ends_the_server_at_once() {
    let mut codes = (0..TRIES).map(|_| end_after_signals(Duration::from_millis(1100), &[Signal::TERM]));
    assert!(codes.any(|code| code == Some(i32::from(exit::INTERRUPTED))));
}

#[test]
fn counters_of_the_log_are_never_behind_the_position_beside_them() {
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &[]);
    let writer = {
        let mut client = server.client();
        std::thread::spawn(move || (0..2000).for_each(|_| drop(client.run("INCR other"))))
    };
    let mut client = server.client();
    for round in 1..=200 {
        assert_eq!(client.run("INCR n"), Value::Integer(round));
        let info = client.run("INFO durability").text();
        let figure = |name: &str| {
            let line = info.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
            line.unwrap().parse::<u64>().unwrap()
        };
        // Each record since the first start has one position.
        let (records, last, durable) =
            (figure("wal_records"), figure("wal_last_lsn"), figure("wal_durable_lsn"));
        assert!(last >= round as u64 && durable <= last && figure("checkpoint_lsn") <= durable, "{info}");
        assert!(records >= last && figure("wal_groups") > 0, "{info}");
    }
    writer.join().unwrap();
}
