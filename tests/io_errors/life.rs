//! One server's life with a fault in it, and the life after.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use ackd::cli::exit;

use super::cases::Phase;
use super::common::power_cut::PowerCut;
use super::common::{Client, TestServer, eventually, free_port};
use super::model::{Told, contents, difference};
use super::tracer::Trace;

/// Commands of a life; with the values' sizes, the log goes through some segments.
const STEPS: u64 = 36;
/// Commands of the life before, in [`Phase::Restart`].
const STEPS_BEFORE: u64 = 24;

/// A data directory and what belongs to it.
pub struct Place {
    root: tempfile::TempDir,
    flags: Vec<String>,
}

/// How a life with a fault went.
pub struct Life {
    /// How the server ended.
    pub status: ExitStatus,
    /// The replies that its client got.
    pub told: Told,
    /// The server log.
    pub log: String,
}

impl Place {
    /// A new directory; `buffered` decides how the log is synced.
    pub fn new(buffered: bool) -> Self {
        let method = if buffered { "buffered" } else { "auto" };
        let flags =
            ["--wal-segment-size", "1mb", "--wal-method", method, "--loglevel", "notice", "--threads", "1"];
        Self { root: tempfile::tempdir().unwrap(), flags: flags.map(String::from).into() }
    }

    /// The data directory.
    pub fn dir(&self) -> PathBuf {
        self.root.path().join("data")
    }

    /// A file for a trace.
    pub fn trace(&self) -> PathBuf {
        self.root.path().join("trace")
    }

    fn log(&self) -> PathBuf {
        self.root.path().join("events")
    }

    fn flags(&self) -> Vec<&str> {
        self.flags.iter().map(String::as_str).collect()
    }

    /// A life of `phase` under `trace`.
    pub fn live(&self, phase: Phase, trace: &Trace) -> Life {
        let told = match phase {
            Phase::Start | Phase::Running => Told::default(),
            Phase::Restart => self.live_and_be_killed(),
        };
        let log = self.log().display().to_string();
        let flags = [&["--logfile", &log][..], &self.flags()].concat();
        let (mut server, strace) = match phase {
            Phase::Running => {
                let server = TestServer::start(&self.dir(), &flags);
                let strace = trace.attach(server.pid());
                (server, Some(strace))
            }
            Phase::Start | Phase::Restart => {
                let command = trace.wrap(env!("CARGO_BIN_EXE_ackd"));
                (TestServer::spawn_by(command, free_port(), &self.dir(), &flags), None)
            }
        };
        let told = use_and_stop(&mut server, told);
        let status = wait(&mut server);
        if let Some(strace) = strace {
            end(strace);
        }
        wait_for_trace(trace, server.pid());
        Life { status, told, log: fs::read_to_string(self.log()).unwrap_or_default() }
    }

    /// A life that ends by a kill, with a torn tail in the log, so that the next one has something to recover.
    fn live_and_be_killed(&self) -> Told {
        let mut told = Told::default();
        let mut server = TestServer::start(&self.dir(), &self.flags());
        let mut client = server.client();
        told.write(&mut client, 0..STEPS_BEFORE).expect("no fault yet");
        // The last group has several blocks; a power cut leaves its first part.
        let acked = told.acked.clone();
        let power_cut = PowerCut::before_group(&self.dir());
        told.write(&mut client, 28..29).expect("no fault yet");
        told.acked = acked;
        server.kill();
        power_cut.tear();
        told.last_ack = None;
        told
    }

    /// Starts the server again, without faults: it must come up by itself and hold what it should. Returns how long
    /// that took.
    pub fn check_restart(&self, told: &Told) -> Result<Duration, String> {
        let start = Instant::now();
        let server = TestServer::start(&self.dir(), &self.flags());
        let took = start.elapsed();
        let mut client = server.client();
        let found = contents(&mut client);
        let Some(lost) = difference(&found, &told.acked) else { return Ok(took) };
        match told.maybe.as_ref().map(|maybe| difference(&found, maybe)) {
            Some(None) => Ok(took),
            _ => Err(format!("after the restart {lost}")),
        }
    }
}

/// Writes, then asks the server to stop; ends early when the server does.
fn use_and_stop(server: &mut TestServer, mut told: Told) -> Told {
    let Some(mut client) = connect(server) else { return told };
    if told.write(&mut client, 0..STEPS).is_ok() {
        let _ = client.send(b"SHUTDOWN\r\n");
        let _ = client.reply();
    }
    told
}

/// A connection, unless the server ends first.
fn connect(server: &mut TestServer) -> Option<Client> {
    let mut connected = None;
    eventually("the server answers or ends", || {
        let ping = |mut client: Client| client.try_command(&[b"PING"]).map(|_| client);
        connected = server.try_client().and_then(ping).ok();
        connected.is_some() || server.has_ended()
    });
    connected
}

/// Waits for the server's end.
fn wait(server: &mut TestServer) -> ExitStatus {
    eventually("the server ends", || server.has_ended());
    server.wait()
}

/// Waits for a strace whose process has ended.
fn end(mut strace: Child) {
    eventually("strace ends", || strace.try_wait().unwrap().is_some());
}

/// Waits until the trace of a process that ended is complete.
fn wait_for_trace(trace: &Trace, pid: u32) {
    eventually("strace ends its trace", || trace.is_complete(pid));
}

/// Whether a server ended in an allowed way.
pub fn ended_in_order(status: ExitStatus) -> bool {
    [exit::OK, exit::IO].map(|code| Some(i32::from(code))).contains(&status.code())
}
