//! The table in less memory than its data, against LMDB.
//!
//! Tables are filled without a limit. Then each step runs in a process of its own, in a control group that limits its
//! memory, its page cache included, and with nothing of the table in memory at its start.

mod group;
pub mod step;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Args, ValueEnum};
use rustix::fs::{Advice, fadvise};
use serde::Serialize;

use crate::Outcome;
use crate::figures::{Grid, median, ratios};
use crate::table::data::{Distribution, KEY_BYTES, Key, VALUE_BYTES, key};
use crate::table::engine::Kind;
use group::Group;
use step::{Figures, Work};

/// Keys of a group while tables are filled.
const LOAD_KEYS: usize = 800;
/// What is compared.
const ENGINES: [Kind; 2] = [Kind::Ackd, Kind::Lmdb];

/// What is measured.
#[derive(Args)]
pub struct Options {
    /// Memory of a step, in MiB.
    #[arg(long, default_value_t = 128)]
    memory: u64,
    /// How many times as large as the memory the keys and values are, together.
    #[arg(long, value_delimiter = ',', default_values_t = [4, 10])]
    times: Vec<u64>,
    /// How often everything is measured.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Time of a step, after as long a time to warm up, in seconds.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// In which order keys are used.
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["uniform", "zipf"])]
    distributions: Vec<Distribution>,
    /// Directory below which tables are made, and removed again.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// File for all figures.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// The figures of a step, by engine and round.
#[derive(Serialize)]
struct Row {
    /// How many times as large as the memory the data is.
    times: u64,
    /// In which order keys were used.
    distribution: Distribution,
    /// What was done.
    work: Work,
    /// Figures of this project's table.
    ackd: Vec<Figures>,
    /// Figures of LMDB.
    lmdb: Vec<Figures>,
}

/// Measures, and shows and stores the results.
pub fn run(options: &Options) -> Outcome {
    let mut rows = Vec::new();
    for times in &options.times {
        let keys = u32::try_from(((times * options.memory) << 20) / (KEY_BYTES + VALUE_BYTES) as u64)?;
        let dirs = ENGINES.map(|_| tempfile::Builder::new().prefix("ackd-bench-").tempdir_in(&options.dir));
        let dirs = dirs.into_iter().collect::<Result<Vec<_>, _>>()?;
        for (kind, dir) in ENGINES.iter().zip(&dirs) {
            fill(*kind, dir.path(), keys).map_err(|error| format!("{}: {error}", kind.name()))?;
            eprintln!("{} x memory: {} is filled with {keys} keys", times, kind.name());
        }
        let mut of_size: Vec<Row> = Vec::new();
        for distribution in options.distributions.iter().copied() {
            let row = |work| Row { times: *times, distribution, work, ackd: Vec::new(), lmdb: Vec::new() };
            of_size.extend([Work::Get, Work::Put].map(row));
        }
        for round in 0..options.rounds {
            for row in &mut of_size {
                for turn in 0..ENGINES.len() {
                    let place = (turn + round) % ENGINES.len();
                    let figures = measure(options, ENGINES[place], dirs[place].path(), keys, round, row)?;
                    if ENGINES[place] == Kind::Ackd { &mut row.ackd } else { &mut row.lmdb }.push(figures);
                }
            }
            eprintln!("{times} x memory: round {} of {} done", round + 1, options.rounds);
        }
        rows.extend(of_size);
    }
    print(options, &rows);
    if let Some(path) = &options.json {
        fs::write(path, serde_json::to_string_pretty(&rows)?)?;
    }
    Ok(())
}

/// Fills a table, in random order.
fn fill(kind: Kind, dir: &Path, keys: u32) -> Outcome {
    let mut engine = kind.create(dir, keys)?;
    let order = Distribution::Uniform.load_order(keys, 0);
    for numbers in order.chunks(LOAD_KEYS) {
        let group: Vec<Key> = numbers.iter().copied().map(key).collect();
        engine.put(&group, &[0; VALUE_BYTES])?;
    }
    engine.checkpoint()
}

/// Runs a step in a process of its own.
fn measure(
    options: &Options,
    kind: Kind,
    dir: &Path,
    keys: u32,
    round: usize,
    row: &Row,
) -> Outcome<Figures> {
    forget(dir)?;
    let group = Group::create(options.memory << 20)?;
    let value = |value: &dyn Fn() -> Option<clap::builder::PossibleValue>| {
        value().map_or_else(String::new, |value| value.get_name().to_owned())
    };
    let output = Command::new(std::env::current_exe()?)
        .arg("scarce-step")
        .arg("--processes")
        .arg(group.processes())
        .args(["--engine", &value(&|| kind.to_possible_value())])
        .args(["--distribution", &value(&|| row.distribution.to_possible_value())])
        .args(["--work", &value(&|| row.work.to_possible_value())])
        .args(["--keys", &keys.to_string(), "--seed", &round.to_string()])
        .args(["--seconds", &options.seconds.to_string()])
        .arg("--table")
        .arg(dir)
        .output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{}, {:?}: {}: {said}", kind.name(), row.work, output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Writes the files of a directory to the disk and drops them from the page cache.
fn forget(dir: &Path) -> Outcome {
    for entry in fs::read_dir(dir)? {
        let file = File::open(entry?.path())?;
        file.sync_all()?;
        fadvise(&file, 0, None, Advice::DontNeed)?;
    }
    Ok(())
}

/// Prints the figures.
fn print(options: &Options, rows: &[Row]) {
    println!(
        "memory of {} MiB with the page cache, one thread, {} rounds; medians (least-greatest)",
        options.memory, options.rounds
    );
    let mut grid =
        Grid::new(["", "ackd op/s", "LMDB op/s", "x LMDB", "ackd p99 us", "LMDB p99 us", "p99 / LMDB's"]);
    for row in rows {
        let of = |figures: &[Figures], figure: fn(&Figures) -> f64| figures.iter().map(figure).collect();
        let speeds: [Vec<f64>; 2] = [&row.ackd, &row.lmdb].map(|all| of(all, |one| one.operations_per_s));
        let waits: [Vec<f64>; 2] = [&row.ackd, &row.lmdb].map(|all| of(all, |one| one.p99_us));
        grid.row(vec![
            format!("{:?} {} of {} x memory", row.work, row.distribution.name(), row.times).to_lowercase(),
            median(&speeds[0]),
            median(&speeds[1]),
            ratios(&speeds[0], &speeds[1]),
            median(&waits[0]),
            median(&waits[1]),
            ratios(&waits[0], &waits[1]),
        ]);
    }
    grid.print();
}
