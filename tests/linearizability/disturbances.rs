//! What happens to the server while clients talk to it: it is killed and started again, paused, and its clock jumps.

use crate::clients::Shared;
use crate::common::fake_clock::FakeClock;
use crate::common::{PATIENCE, TestServer, free_port, threads};
use rand::Rng;
use rand::rngs::SmallRng;
use rustix::process::{Pid, Signal, kill_process};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// Small limits, so that checkpoints, rotation and recycling happen while the clients write.
const FLAGS: [&str; 6] = ["--wal-segment-size", "1mb", "--recovery-target-ms", "20", "--loglevel", "warning"];
/// How far the clock jumps at most, in seconds: half a year. The expiration times of the test are years away.
const CLOCK_OFF_MAX: i64 = 15_000_000;
/// The largest number of operations between two disturbances.
const GAP_MAX: usize = 1000;

/// How often each disturbance happened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// SIGKILLs, each with a restart.
    pub kills: usize,
    /// SIGSTOPs, each with a SIGCONT or a kill.
    pub pauses: usize,
    /// Jumps of the wall clock.
    pub jumps: usize,
}

/// The server that is disturbed.
pub struct Victim {
    /// `None` only between a kill and the restart.
    server: Option<TestServer>,
    /// The TCP port, over all restarts.
    pub port: u16,
    dir: PathBuf,
    clock: Option<FakeClock>,
    /// Decides the number of threads of the first life.
    first: u64,
    /// When killed servers had ended.
    pub deaths: Vec<u64>,
    /// What happened.
    pub counts: Counts,
}

/// Starts the server for a life after `lives` others.
fn start(port: u16, dir: &Path, clock: Option<&FakeClock>, lives: u64) -> TestServer {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ackd"));
    if let Some(clock) = clock {
        clock.apply(&mut command);
    }
    let flags = [&FLAGS[..], &threads(lives)].concat();
    let mut server = TestServer::spawn_by(command, port, dir, &flags);
    server.wait_ready();
    server
}

impl Victim {
    /// A server on an empty directory in `root`. `first` decides how many threads serve its connections first; with each
    /// restart that changes.
    pub fn start(root: &Path, first: u64) -> Self {
        let dir = root.join("data");
        let clock = FakeClock::new(root);
        let port = free_port();
        let server = Some(start(port, &dir, clock.as_ref(), first));
        Self { server, port, dir, clock, first, deaths: Vec::new(), counts: Counts::default() }
    }

    /// The Unix socket, over all restarts.
    pub fn socket(&self) -> PathBuf {
        self.dir.with_file_name(format!("{}.sock", self.port))
    }

    /// Disturbs the server until the clients have invoked all their operations.
    pub fn disturb(&mut self, shared: &Shared, random: &mut SmallRng) {
        let gap_max = (shared.operations / 5).clamp(2, GAP_MAX);
        let mut next = random.random_range(1..gap_max);
        let mut disturbed = Instant::now();
        while next < shared.operations {
            let invoked = shared.invoked.load(Relaxed);
            if invoked < next {
                assert!(disturbed.elapsed() < PATIENCE, "the clients came no further than {invoked}");
                std::thread::sleep(Duration::from_micros(200));
                continue;
            }
            self.disturb_once(shared, random);
            next = shared.invoked.load(Relaxed) + random.random_range(1..gap_max);
            disturbed = Instant::now();
        }
    }

    fn disturb_once(&mut self, shared: &Shared, random: &mut SmallRng) {
        match random.random_range(0..100) {
            0..30 => self.kill_and_restart(shared, random),
            30..40 => {
                self.pause(random);
                self.kill_and_restart(shared, random);
            }
            40..70 => {
                self.pause(random);
                self.signal(Signal::CONT);
            }
            70..80 => {
                self.pause(random);
                self.jump(random);
                self.signal(Signal::CONT);
            }
            _ => self.jump(random),
        }
    }

    /// Kills the server and starts it again, perhaps with another time on its clock.
    pub fn kill_and_restart(&mut self, shared: &Shared, random: &mut SmallRng) {
        self.end();
        self.deaths.push(shared.now());
        self.counts.kills += 1;
        if random.random_ratio(1, 4) {
            self.jump(random);
        }
        let lives = self.first.wrapping_add(self.deaths.len() as u64);
        self.server = Some(start(self.port, &self.dir, self.clock.as_ref(), lives));
    }

    fn end(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        server.kill();
        FakeClock::clean_up(server.pid());
    }

    fn pause(&mut self, random: &mut SmallRng) {
        self.signal(Signal::STOP);
        self.counts.pauses += 1;
        std::thread::sleep(Duration::from_millis(random.random_range(1..80)));
    }

    fn jump(&mut self, random: &mut SmallRng) {
        if let Some(clock) = &self.clock {
            let reach = [10, 100_000, CLOCK_OFF_MAX][random.random_range(0..3)];
            clock.set(random.random_range(-reach..=reach));
            self.counts.jumps += 1;
        }
    }

    fn signal(&self, signal: Signal) {
        let server = self.server.as_ref().expect("a server that was killed was started again");
        let pid = Pid::from_raw(server.pid() as i32).expect("a process has a number");
        kill_process(pid, signal).expect("the server can be signalled");
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.end();
        }
    }
}
