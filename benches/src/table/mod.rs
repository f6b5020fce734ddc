//! The table alone against LMDB and redb: the same keys, values and groups, the same promise.
//!
//! A round makes a fresh table of every engine and goes from step to step; each step runs on every engine before the
//! next begins, and the order of engines rotates from round to round.

mod ackd;
pub mod data;
pub mod engine;
mod lmdb;
mod measure;
mod redb;

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use tempfile::TempDir;

use crate::Outcome;
use crate::figures::{Grid, median, ratios};
use data::Distribution;
use engine::{Engine, Kind};
use measure::{Keys, Step};

/// What is measured.
#[derive(Args)]
pub struct Options {
    /// Number of keys, of 16 bytes each, with values of 64 bytes.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(100..))]
    keys: u32,
    /// Operations of each step, at most the number of keys.
    #[arg(long, default_value_t = 400_000)]
    operations: usize,
    /// How often everything is measured.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Time for which readers work next to the writer, in seconds.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// In which order keys are used.
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["uniform", "zipf", "sequential"])]
    distributions: Vec<Distribution>,
    /// Engines to measure; all if not given.
    #[arg(long, value_enum, value_delimiter = ',')]
    engines: Vec<Kind>,
    /// Measure only the steps whose names contain one of these, and the first one, which fills the tables.
    #[arg(long, value_delimiter = ',')]
    steps: Vec<String>,
    /// Take the time that the thread computes instead of the time that passes: for machines that do other work too.
    #[arg(long)]
    cpu: bool,
    /// Directory below which tables are made, and removed again.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// File for all figures.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// The figures of a step: nanoseconds for an operation, one of each round.
#[derive(Serialize)]
struct Row {
    /// In which order keys were used.
    distribution: &'static str,
    /// The step.
    step: String,
    /// Figures of this project's table.
    ackd_ns: Vec<f64>,
    /// Figures of LMDB.
    lmdb_ns: Vec<f64>,
    /// Figures of redb.
    redb_ns: Vec<f64>,
}

impl Options {
    /// The engines to measure.
    fn kinds(&self) -> Vec<Kind> {
        let wanted = |kind: &Kind| self.engines.is_empty() || self.engines.contains(kind);
        Kind::ALL.into_iter().filter(wanted).collect()
    }

    /// The steps to measure.
    fn wanted_steps(&self) -> Vec<Step> {
        let named = |step: &Step| self.steps.iter().any(|part| step.name().contains(part));
        let wanted = |step: &Step| self.steps.is_empty() || *step == Step::Load || named(step);
        Step::ALL.into_iter().filter(wanted).collect()
    }
}

impl Row {
    fn new(distribution: Distribution, step: Step) -> Self {
        let (distribution, step) = (distribution.name(), step.name());
        Self { distribution, step, ackd_ns: Vec::new(), lmdb_ns: Vec::new(), redb_ns: Vec::new() }
    }

    /// The figures of an engine.
    fn of(&mut self, kind: Kind) -> &mut Vec<f64> {
        match kind {
            Kind::Ackd => &mut self.ackd_ns,
            Kind::Lmdb => &mut self.lmdb_ns,
            Kind::Redb => &mut self.redb_ns,
        }
    }
}

/// Measures, and shows and stores the results.
pub fn run(options: &Options) -> Outcome {
    println!("{} keys of 16 bytes, values of 64 bytes, {} rounds", options.keys, options.rounds);
    println!("ns: for one operation; x LMDB: how many times as fast as LMDB, median (least-greatest)");
    let mut all = Vec::new();
    for distribution in &options.distributions {
        let mut rows: Vec<Row> =
            options.wanted_steps().into_iter().map(|step| Row::new(*distribution, step)).collect();
        for round in 0..options.rounds {
            measure_round(options, *distribution, round, &mut rows)?;
            eprintln!("{}: round {} of {} done", distribution.name(), round + 1, options.rounds);
        }
        println!();
        print(*distribution, &rows);
        all.extend(rows);
    }
    if let Some(path) = &options.json {
        std::fs::write(path, serde_json::to_string_pretty(&all)?)?;
    }
    Ok(())
}

/// Measures every step on every engine.
fn measure_round(options: &Options, distribution: Distribution, round: usize, rows: &mut [Row]) -> Outcome {
    let keys = Keys::new(options, distribution, round as u64);
    // Engines are closed before their directories are removed.
    let (kinds, steps) = (options.kinds(), options.wanted_steps());
    let dirs: Vec<TempDir> = kinds.iter().map(|_| directory(options)).collect::<Result<_, _>>()?;
    let mut engines: Vec<Box<dyn Engine>> = Vec::new();
    for (kind, dir) in kinds.iter().zip(&dirs) {
        engines.push(kind.create(dir.path(), options.keys)?);
    }
    for (index, step) in steps.iter().copied().enumerate() {
        for turn in 0..engines.len() {
            let place = (turn + round) % engines.len();
            let kind = kinds[place];
            let mark = (round * steps.len() + index) as u8;
            let ns = measure::step(options, &mut *engines[place], &keys, step, mark)
                .map_err(|error| format!("{}, {}: {error}", kind.name(), step.name()))?;
            rows[index].of(kind).push(ns);
        }
    }
    Ok(())
}

/// A directory for a table.
fn directory(options: &Options) -> std::io::Result<TempDir> {
    tempfile::Builder::new().prefix("ackd-bench-").tempdir_in(&options.dir)
}

/// Prints the figures of a distribution.
fn print(distribution: Distribution, rows: &[Row]) {
    let mut grid = Grid::new([distribution.name(), "ackd ns", "LMDB ns", "redb ns", "x LMDB", "x redb"]);
    for row in rows {
        // The other's time divided by ours is our speed divided by the other's.
        let faster = |others: &[f64]| ratios(others, &row.ackd_ns);
        grid.row(vec![
            row.step.clone(),
            median(&row.ackd_ns),
            median(&row.lmdb_ns),
            median(&row.redb_ns),
            faster(&row.lmdb_ns),
            faster(&row.redb_ns),
        ]);
    }
    grid.print();
}
