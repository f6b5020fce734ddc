//! Errors of the disk under the real server: `strace` makes one system call on log, table or directory fail. The server
//! must report it, acknowledge nothing that is not on disk, exit with its code or continue, and restart without loss.
//!
//! First a run without faults counts how often each call happens in each [phase](cases::Phase) of a server's life; then
//! the k-th one fails, for every k, in every way that the call can fail. After each run the server is started again
//! without faults: everything acknowledged must be there, and of the one command under way all or nothing.
//!
//! The default form takes a seeded sample. The long form takes every call, the first 200 of each kind, and prints a table:
//! `ACKD_IO_ERRORS=all cargo test --test io_errors -- --nocapture`
//! `ACKD_IO_ERRORS="table pwrite64 EIO 2 running"` runs one case alone; failures print that line.

#[path = "../common/mod.rs"]
mod common;

mod cases;
mod life;
mod model;
mod slow;
mod tracer;

use std::collections::BTreeMap;
use std::fmt::Write;

use cases::{Case, Outcome};
use common::{seed, setting};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;

/// Cases of the default form.
const SAMPLE: u64 = 60;
/// Lives that run at the same time: they wait for the disk most of the time.
const LANES: usize = 3;

/// The outcomes of all cases with the same call, error and phase.
#[derive(Default)]
struct Row {
    cases: u64,
    not_reached: u64,
    stopped: u64,
    went_on: u64,
    refused_writes: u64,
    acked: u64,
}

impl Row {
    fn add(&mut self, outcome: &Outcome) {
        self.cases += 1;
        self.not_reached += u64::from(!outcome.injected);
        self.stopped += u64::from(outcome.injected && outcome.code != 0);
        self.went_on += u64::from(outcome.injected && outcome.code == 0);
        self.refused_writes += outcome.refused;
        self.acked += outcome.acked;
    }
}

/// The cases asked for.
fn chosen() -> Vec<Case> {
    let asked = std::env::var("ACKD_IO_ERRORS").unwrap_or_default();
    if !asked.is_empty() && asked != "all" {
        return vec![Case::parse(&asked)];
    }
    let mut all = cases::all();
    if asked != "all" {
        let mut random = SmallRng::seed_from_u64(seed("--test io_errors"));
        all.shuffle(&mut random);
        all.truncate(setting("ACKD_IO_ERRORS_SAMPLE", SAMPLE) as usize);
    }
    all
}

#[test]
fn every_failing_call_is_met() {
    let cases = &chosen()[..];
    let run = |case: &Case| std::panic::catch_unwind(|| case.run()).map(|outcome| (case.clone(), outcome));
    let results: Vec<std::thread::Result<(Case, Outcome)>> = std::thread::scope(|scope| {
        let lane = move |lane| cases.iter().skip(lane).step_by(LANES);
        let lanes: Vec<_> =
            (0..LANES).map(|number| scope.spawn(move || lane(number).map(run).collect::<Vec<_>>())).collect();
        lanes.into_iter().flat_map(|lane| lane.join().expect("panics were caught")).collect()
    });
    let failed = results.iter().filter(|result| result.is_err()).count();
    let outcomes: Vec<(Case, Outcome)> = results.into_iter().flatten().collect();
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for (case, outcome) in &outcomes {
        rows.entry(case.row()).or_default().add(outcome);
    }
    let mut text = format!(
        "{:<44} {:>6} {:>8} {:>8} {:>9} {:>8} {:>8}\n",
        "phase, file, call, error", "cases", "unmet", "exit 4", "went on", "refused", "acked"
    );
    for (name, row) in &rows {
        let Row { cases, not_reached, stopped, went_on, refused_writes, acked } = row;
        let _ = writeln!(
            text,
            "{name:<44} {cases:>6} {not_reached:>8} {stopped:>8} {went_on:>9} {refused_writes:>8} {acked:>8}"
        );
    }
    let acked: u64 = outcomes.iter().map(|(_, outcome)| outcome.acked).sum();
    eprintln!("{text}{} cases, {acked} acknowledged writes, 0 lost, 0 by halves", outcomes.len());
    let mut ends: Vec<f64> = outcomes.iter().filter_map(|(_, outcome)| outcome.ended_after_s).collect();
    ends.sort_by(f64::total_cmp);
    if let [.., most] = ends[..] {
        let median = ends[ends.len() / 2] * 1000.0;
        eprintln!(
            "{} ended by the fault: after {median:.1} ms (median), {:.1} ms (most)",
            ends.len(),
            most * 1000.0
        );
    }
    assert_eq!(failed, 0, "cases failed, see above for each");
    assert!(outcomes.iter().any(|(_, outcome)| outcome.injected), "no fault was met");
}
