//! Whether concurrent clients see one key-value server, whatever happens to it: histories are linearizable.
//!
//! Eight clients send commands to six keys, alone and in pipelines, over TCP and the Unix socket, and note when they
//! sent each one and when its reply was there. Meanwhile the server is killed and started again, paused, and its wall
//! clock jumps. Then the history of each key is [checked](checker): is there an order of its operations, each between
//! its invocation and its return, that explains every reply? An operation without a reply (its connection broke) may
//! have taken effect at any moment until its server had ended, or never.
//!
//! A history's seed fixes what is sent and what happens to the server, not how threads and processes take turns: a
//! replay may have to be repeated.
//!
//! The long form: `ACKD_HISTORIES=200 ACKD_HISTORY_OPERATIONS=10000 cargo test --test linearizability -- --nocapture`.

#[path = "../common/mod.rs"]
mod common;

mod checker;
mod clients;
mod disturbances;
mod history;
mod known;
mod window;

use clients::{KEYS, Shared, key_name};
use common::{seed, setting};
use disturbances::{Counts, Victim};
use history::{Operation, State};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

const CLIENTS: u32 = 8;

/// The results of the histories.
#[derive(Default)]
struct Figures {
    histories: u64,
    operations: usize,
    maybes: usize,
    disturbances: Counts,
    keys: usize,
    wrong: usize,
    checking: Duration,
}

/// Records one history: the operations on each key.
fn record(seed: u64, operations: usize) -> (Vec<Vec<Operation>>, Counts) {
    let root = tempfile::tempdir().expect("a directory for the test");
    let mut victim = Victim::start(root.path(), seed);
    let shared = Shared {
        origin: Instant::now(),
        invoked: AtomicUsize::new(0),
        operations,
        port: victim.port,
        socket: victim.socket(),
    };
    let mut random = SmallRng::seed_from_u64(seed);
    let mut records = Vec::new();
    std::thread::scope(|scope| {
        let shared = &shared;
        let clients: Vec<_> =
            (0..CLIENTS).map(|client| scope.spawn(move || clients::run(shared, client, seed))).collect();
        victim.disturb(shared, &mut random);
        for client in clients {
            records.extend(client.join().expect("a client ends by itself"));
        }
    });
    // Acknowledged writes are there, also after one more kill.
    records.extend(clients::read_all(&shared, CLIENTS));
    victim.kill_and_restart(&shared, &mut random);
    records.extend(clients::read_all(&shared, CLIENTS + 1));
    (clients::split(records, &victim.deaths), victim.counts)
}

/// Checks the history of each key and says what is wrong.
fn check(seed: u64, operations: usize, histories: &[Vec<Operation>]) -> usize {
    let mut wrong = 0;
    for (key, history) in histories.iter().enumerate() {
        let Err(failure) = checker::check(history, State::Absent) else { continue };
        wrong += 1;
        let window = window::shrink(history, &State::Absent, &failure);
        eprintln!("seed {seed}, key {}: not linearizable", key_name(key));
        eprintln!("{}", window.text());
        eprintln!(
            "replay with: ACKD_TEST_SEED={seed} ACKD_HISTORIES=1 ACKD_HISTORY_OPERATIONS={operations} \
             cargo test --test linearizability histories -- --nocapture\n"
        );
    }
    wrong
}

#[test]
fn concurrent_histories_are_linearizable() {
    let first = seed("--test linearizability");
    let operations = setting("ACKD_HISTORY_OPERATIONS", 2000) as usize;
    let mut figures = Figures { histories: setting("ACKD_HISTORIES", 4), ..Figures::default() };
    if common::fake_clock::faketime().is_none() {
        eprintln!("SKIPPED: clock jumps, as libfaketime is not installed (Debian's package faketime)");
    }
    for seed in (first..).take(figures.histories as usize) {
        let (histories, counts) = record(seed, operations);
        let all = || histories.iter().flatten();
        figures.operations += all().count();
        figures.maybes += all().filter(|operation| operation.optional).count();
        figures.disturbances.add(counts);
        figures.keys += histories.len();
        let start = Instant::now();
        figures.wrong += check(seed, operations, &histories);
        figures.checking += start.elapsed();
    }
    figures.print();
    assert_eq!(figures.wrong, 0, "histories of keys are not linearizable; see above");
    assert!(figures.operations >= operations * figures.histories as usize / 2, "too little was recorded");
    assert_eq!(figures.keys, KEYS * figures.histories as usize);
}

impl Counts {
    fn add(&mut self, other: Counts) {
        self.kills += other.kills;
        self.pauses += other.pauses;
        self.jumps += other.jumps;
    }
}

impl Figures {
    fn print(&self) {
        let Counts { kills, pauses, jumps } = self.disturbances;
        eprintln!(
            "| histories | operations | maybes | kills | pauses | clock jumps | keys checked | not linearizable |"
        );
        eprintln!("|---|---|---|---|---|---|---|---|");
        eprintln!(
            "| {} | {} | {} | {kills} | {pauses} | {jumps} | {} | {} |",
            self.histories, self.operations, self.maybes, self.keys, self.wrong
        );
        eprintln!("checked in {:.1} s", self.checking.as_secs_f64());
    }
}
