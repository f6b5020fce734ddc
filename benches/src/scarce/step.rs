//! One step in little memory: a process that joins the control group, opens the table and measures.
//!
//! Memory that does not belong to the table, such as the keys, is allocated before the process joins: it does not count.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::Outcome;
use crate::table::data::{Distribution, Key, VALUE_BYTES, key};
use crate::table::engine::{Engine, Kind};

/// Keys that are drawn; they are used in turn.
const PICKS: usize = 2_000_000;
/// Keys that are put as one group.
const GROUP_KEYS: usize = 50;
/// Time between two checkpoints while keys are put.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(2);

/// What a step does.
#[derive(Args)]
pub struct Options {
    /// The file of the control group that takes processes.
    #[arg(long)]
    processes: PathBuf,
    /// Directory of the table.
    #[arg(long)]
    table: PathBuf,
    /// The engine.
    #[arg(long)]
    engine: Kind,
    /// What is done.
    #[arg(long)]
    work: Work,
    /// In which order keys are used.
    #[arg(long)]
    distribution: Distribution,
    /// Keys of the table.
    #[arg(long)]
    keys: u32,
    /// What keys are drawn by.
    #[arg(long)]
    seed: u64,
    /// Time of the step, after as long a time to warm up, in seconds.
    #[arg(long)]
    seconds: f64,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Keys are got, each from a snapshot of its own.
    Get,
    /// Keys are put in groups of 50, with a checkpoint every two seconds.
    Put,
}

/// The result of a step.
#[derive(Serialize, Deserialize)]
pub struct Figures {
    /// Keys a second.
    pub operations_per_s: f64,
    /// 99th percentile of the time for a get, or for a group of puts, in microseconds.
    pub p99_us: f64,
}

/// Measures and writes the figures to standard output.
pub fn run(options: &Options) -> Outcome {
    let numbers = options.distribution.picks(options.keys, PICKS, options.seed);
    let picks: Vec<Key> = numbers.into_iter().map(key).collect();
    std::fs::write(&options.processes, "0")?;
    let mut engine = options.engine.open(&options.table, options.keys)?;
    let half = picks.len() / 2;
    let time = Duration::from_secs_f64(options.seconds);
    phase(options.work, &mut *engine, &picks[..half], time)?;
    let figures = phase(options.work, &mut *engine, &picks[half..], time)?;
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}

/// Works for some time.
fn phase(work: Work, engine: &mut dyn Engine, picks: &[Key], time: Duration) -> Outcome<Figures> {
    let mut ns = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3)?;
    let (start, mut operations, mut checkpoint) = (Instant::now(), 0, Instant::now());
    let mut took = |since: Instant| ns.saturating_record(since.elapsed().as_nanos() as u64);
    let reader = engine.reader();
    match work {
        Work::Get => {
            for key in picks.iter().cycle() {
                let since = Instant::now();
                if reader.get(std::slice::from_ref(key))? != 1 {
                    return Err("a key is not there".into());
                }
                took(since);
                operations += 1;
                if start.elapsed() >= time {
                    break;
                }
            }
        }
        Work::Put => {
            for group in picks.chunks(GROUP_KEYS).cycle() {
                let since = Instant::now();
                engine.put(group, &[1; VALUE_BYTES])?;
                took(since);
                operations += group.len();
                if checkpoint.elapsed() >= CHECKPOINT_EVERY {
                    engine.checkpoint()?;
                    checkpoint = Instant::now();
                }
                if start.elapsed() >= time {
                    break;
                }
            }
            engine.checkpoint()?;
        }
    }
    let operations_per_s = operations as f64 / start.elapsed().as_secs_f64();
    Ok(Figures { operations_per_s, p99_us: ns.value_at_quantile(0.99) as f64 / 1000.0 })
}
