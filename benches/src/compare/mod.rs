//! The server against Redis, over the network.
//!
//! A round measures every cell on every server. Servers run one at a time, each on an empty directory of the same file
//! system and with the same keys; the order rotates from round to round.

mod cells;
mod html;
mod measure;
mod redis_benchmark;
mod report;
mod result;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use crate::Outcome;
use crate::servers::{Chosen, Places};
use cells::Test;
use result::Results;

/// Servers that are measured next to ackd if nothing else is asked for.
const AGAINST: [&str; 5] = ["always", "everysec", "none", "valkey-always", "valkey-none"];

/// What is measured, for how long, and where results go.
#[derive(Args, Clone, Debug, Serialize)]
pub struct Options {
    /// Tests to run; all if not given.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Test>,
    /// How often everything is measured.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Time for each cell, in seconds.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Numbers of clients.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 50, 200])]
    clients: Vec<usize>,
    /// Commands that a client has under way.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64])]
    pipelines: Vec<usize>,
    /// Sizes of values in bytes.
    #[arg(long, value_delimiter = ',', default_values_t = [16, 64, 1024, 16384])]
    values: Vec<usize>,
    /// Number of keys, fewer with values so large that they would exceed --data-max.
    #[arg(long, default_value_t = 1_000_000)]
    keys: u64,
    /// Bytes of values that a server holds at most.
    #[arg(long, default_value_t = 1 << 30)]
    data_max: u64,
    /// Commands a second that all clients send together; as many as they can if not given.
    #[arg(long)]
    rate: Option<f64>,
    /// Operations of each of redis-benchmark's tests (a tenth for ranges).
    #[arg(long, default_value_t = 200_000)]
    requests: u64,
    /// Pipelines of redis-benchmark's tests.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16])]
    list_pipelines: Vec<usize>,
    /// A small choice that takes less than two minutes: set, get and mix50 with 50 clients and values of 64 bytes.
    #[arg(long)]
    quick: bool,
    /// Servers to measure next to ackd.
    #[arg(long, value_delimiter = ',', default_values_t = AGAINST.map(String::from))]
    against: Vec<String>,
    /// The programs, and where data goes.
    #[command(flatten)]
    #[serde(flatten)]
    places: Places,
    /// File for all figures.
    #[arg(long)]
    json: Option<PathBuf>,
    /// File for a page with plots.
    #[arg(long)]
    html: Option<PathBuf>,
}

impl Options {
    /// Whether a test is to be run.
    fn wants(&self, test: Test) -> bool {
        self.only.is_empty() || self.only.contains(&test)
    }

    /// The options with those that `--quick` stands for.
    fn settled(&self) -> Self {
        let mut options = self.clone();
        if self.quick {
            options.rounds = self.rounds.min(2);
            options.seconds = self.seconds.min(0.5);
            options.keys = self.keys.min(100_000);
            options.requests = self.requests.min(20_000);
            (options.clients, options.values) = (vec![50], vec![64]);
            options.pipelines = vec![1, 16];
            if self.only.is_empty() {
                options.only = vec![Test::Set, Test::Get, Test::Mix50];
            }
        }
        options
    }

    /// Says what is wrong with the options, if anything.
    fn check(&self) -> Outcome {
        let counts = self.clients.iter().chain(&self.pipelines).chain(&self.list_pipelines);
        if counts.chain([&self.rounds]).any(|count| *count == 0) || self.keys == 0 || self.requests == 0 {
            return Err("numbers of clients, rounds, keys and the like are 1 or more".into());
        }
        if !(0.001..86_400.0).contains(&self.seconds)
            || self.rate.is_some_and(|rate| rate < 1.0 || rate.is_nan())
        {
            return Err("--seconds is 0.001 or more and below a day, --rate is 1 or more".into());
        }
        Ok(())
    }

    /// Number of keys with values of one size.
    fn keys_for(&self, value_bytes: usize) -> u64 {
        self.keys.min(self.data_max / value_bytes.max(1) as u64).max(1)
    }
}

/// Measures, and shows and stores the results.
pub fn run(options: &Options) -> Outcome {
    let options = options.settled();
    options.check()?;
    let programs = options.places.programs()?;
    let chosen = programs.choose(&options.against)?;
    chosen.skipped.iter().for_each(|skipped| eprintln!("{skipped}"));
    let blocks = cells::blocks(&options);
    let mut results = Results::new(&options, &programs, &chosen, &blocks)?;
    let Chosen { contenders, .. } = chosen;
    announce(&options, &blocks, contenders.len());
    let start = Instant::now();
    for round in 0..options.rounds {
        for block in &blocks {
            for turn in 0..contenders.len() {
                let contender = contenders[(turn + round) % contenders.len()];
                measure::block(&options, &programs, contender, block, &mut results)?;
            }
        }
        eprintln!("round {} of {} done after {:.0?}", round + 1, options.rounds, start.elapsed());
        // After each round, so that what was measured is not lost if a later one is broken off.
        store(&options, &results)?;
    }
    report::print(&results);
    Ok(())
}

/// Says how long it will take, about.
fn announce(options: &Options, blocks: &[cells::Block], contenders: usize) {
    let (mut timed, mut counted) = (0, 0);
    for block in blocks {
        *(if block.is_list { &mut counted } else { &mut timed }) += block.cells.len();
    }
    let starts = (blocks.len() * contenders * options.rounds) as f64;
    let timed_s = (timed * contenders * options.rounds) as f64 * (options.seconds * 1.2 + 0.1);
    let counted_s = (counted * contenders * options.rounds) as f64 * options.requests as f64 / 100_000.0;
    let preparation_s = starts * (1.0 + options.keys as f64 / 100_000.0);
    let about = Duration::from_secs_f64(timed_s + counted_s + preparation_s);
    eprintln!(
        "{} cells, {contenders} servers, {} rounds: about {} minutes",
        timed + counted,
        options.rounds,
        about.as_secs().div_ceil(60),
    );
}

/// Writes the files that were asked for.
fn store(options: &Options, results: &Results) -> Outcome {
    let write = |path: &PathBuf, text: String| {
        std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
    };
    if let Some(path) = &options.json {
        write(path, serde_json::to_string_pretty(results)?)?;
    }
    if let Some(path) = &options.html {
        write(path, html::page(results))?;
    }
    Ok(())
}
