//! How long others wait while one client runs a long command, and how long that takes itself.
//!
//! Each server is started alone and filled; then the commands run one after the other. While one runs, two other clients
//! send a `GET` and a `SET` again and again. The order of servers rotates from round to round.

mod cases;
pub mod data;
mod probe;
mod report;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use crate::Outcome;
use crate::client::Client;
use crate::servers::{Chosen, Contender, Places, Programs, Server};
use cases::{CASES, Case};
use data::Data;
use probe::Probe;

/// How long others are watched after the reply: memory that the command used may be freed then.
const AFTERMATH: Duration = Duration::from_millis(100);
/// How long others are watched where nothing runs.
const NOTHING: Duration = Duration::from_secs(1);
/// Servers that are measured next to ackd if nothing else is asked for.
const AGAINST: [&str; 4] = ["always", "none", "valkey-always", "valkey-none"];

/// What is measured.
#[derive(Args)]
pub struct Options {
    /// Number of elements of each collection; strings have 100 bytes for each.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(100..=100_000_000))]
    elements: u64,
    /// How often everything is measured.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Commands to run, by their names in the table; all if not given.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Servers to measure next to ackd.
    #[arg(long, value_delimiter = ',', default_values_t = AGAINST.map(String::from))]
    against: Vec<String>,
    /// The programs, and where data goes.
    #[command(flatten)]
    places: Places,
    /// File for all figures.
    #[arg(long)]
    json: Option<PathBuf>,
}

impl Options {
    /// The commands to run.
    fn cases(&self) -> Outcome<Vec<&'static Case>> {
        let named = |case: &Case, name: &String| case.name.eq_ignore_ascii_case(name);
        if let Some(name) = self.only.iter().find(|name| !CASES.iter().any(|case| named(case, name))) {
            return Err(format!("there is no long command {name:?}").into());
        }
        let wanted = |case: &&Case| {
            self.only.is_empty() || case.name == "nothing" || self.only.iter().any(|name| named(case, name))
        };
        Ok(CASES.iter().filter(wanted).collect())
    }
}

/// The figures of a command on a server in milliseconds, one of each for every round.
#[derive(Default, Serialize)]
struct Figures {
    /// Time from sending the command to the end of its reply.
    took_ms: Vec<f64>,
    /// The longest wait of another client's `GET`.
    get_ms: Vec<f64>,
    /// The longest wait of another client's `SET`.
    set_ms: Vec<f64>,
}

/// A row of the table.
#[derive(Serialize)]
struct Row {
    /// The command.
    name: &'static str,
    /// The figures of each server.
    servers: Vec<Figures>,
}

/// Measures, and shows and stores the results.
pub fn run(options: &Options) -> Outcome {
    let (programs, cases) = (options.places.programs()?, options.cases()?);
    let Chosen { contenders, skipped } = programs.choose(&options.against)?;
    let versions = programs.versions(&contenders)?;
    versions.iter().chain(&skipped).for_each(|line| println!("{line}"));
    let empty = || contenders.iter().map(|_| Figures::default()).collect();
    let mut rows: Vec<Row> = cases.iter().map(|case| Row { name: case.name, servers: empty() }).collect();
    for round in 0..options.rounds {
        for turn in 0..contenders.len() {
            let index = (turn + round) % contenders.len();
            measure_server(options, &programs, contenders[index], &cases, |case, took| {
                rows[case].servers[index].add(took);
            })?;
        }
        eprintln!("round {} of {} done", round + 1, options.rounds);
        // After each round, so that what was measured is not lost if a later one is broken off.
        if let Some(path) = &options.json {
            std::fs::write(path, serde_json::to_string_pretty(&rows)?)?;
        }
    }
    println!("\n{}", report::table(options.elements, options.rounds, &contenders, &rows));
    Ok(())
}

impl Figures {
    /// Adds the figures of a round.
    fn add(&mut self, times: Times) {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        self.took_ms.push(ms(times.took));
        self.get_ms.push(ms(times.get));
        self.set_ms.push(ms(times.set));
    }
}

/// What was measured once.
struct Times {
    /// How long the command took.
    took: Duration,
    /// How long a `GET` waited at most.
    get: Duration,
    /// How long a `SET` waited at most.
    set: Duration,
}

/// Runs all commands on a fresh server.
fn measure_server(
    options: &Options,
    programs: &Programs,
    contender: Contender,
    cases: &[&Case],
    mut add: impl FnMut(usize, Times),
) -> Outcome {
    // Write what an earlier server left in the page cache before this one is measured.
    rustix::fs::syncfs(std::fs::File::open(&programs.dir)?)?;
    let mut server = Server::start(programs, contender)?;
    let mut filled: Vec<Data> = Vec::new();
    for data in cases.iter().flat_map(|case| case.needs) {
        if !filled.contains(data) {
            data.fill(server.address, options.elements)?;
            filled.push(*data);
        }
    }
    for (index, case) in cases.iter().enumerate() {
        let measured = measure(options, &mut server, case);
        add(index, measured.map_err(|error| format!("{}, {}: {error}", contender.name(), case.name))?);
    }
    Ok(())
}

/// Runs a command while others wait.
fn measure(options: &Options, server: &mut Server, case: &Case) -> Outcome<Times> {
    let mut client = Client::connect(server.address)?;
    client.run(&["UNLINK", "out"])?;
    if !case.before.is_empty() {
        client.run(&case.before.split_whitespace().collect::<Vec<_>>())?;
    }
    let request = case.request(options.elements);
    for (commands, replies) in &request.ahead {
        client.exchange(commands, *replies)?;
    }
    server.settle()?;
    let get = Probe::start(server.address, &["GET", "probe"])?;
    let set = Probe::start(server.address, &["SET", "probe", "value"])?;
    std::thread::sleep(AFTERMATH);
    let start = Instant::now();
    match &request.measured {
        Some(command) => client.exchange(command, 1)?,
        None => std::thread::sleep(NOTHING),
    }
    let took = start.elapsed();
    std::thread::sleep(AFTERMATH);
    let end = Instant::now();
    Ok(Times { took, get: get.longest(start, end)?, set: set.longest(start, end)? })
}
