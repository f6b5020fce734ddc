//! All figures of a comparison, as they are stored.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::cells::{Block, Cell};
use super::{Options, Outcome};
use crate::cost::CostPerOperation;
use crate::figures::Spread;
use crate::servers::{Chosen, Contender, Programs};

/// The result of one measurement of a cell on a server.
pub struct Figures {
    /// Operations a second.
    pub operations_per_s: f64,
    /// Median latency in microseconds.
    pub p50_us: f64,
    /// 99th percentile of the latency in microseconds.
    pub p99_us: f64,
    /// 99.9th percentile of the latency in microseconds, where it is known.
    pub p999_us: Option<f64>,
    /// What an operation cost the server, where it is known.
    pub cost: Option<CostPerOperation>,
    /// Share of the time for which the load generator was computing, where it is known.
    pub load_busy: Option<f64>,
}

/// The figures of a cell on a server: one of each for every round. Unknown figures are left out.
#[derive(Default, Serialize)]
pub struct Rounds {
    /// Operations a second.
    pub operations_per_s: Vec<f64>,
    /// Median latency in microseconds.
    pub p50_us: Vec<f64>,
    /// 99th percentile of the latency in microseconds.
    pub p99_us: Vec<f64>,
    /// 99.9th percentile of the latency in microseconds.
    pub p999_us: Vec<f64>,
    /// Microseconds of the server's computing for an operation.
    pub cpu_us_per_operation: Vec<f64>,
    /// Bytes for devices, for an operation.
    pub written_bytes_per_operation: Vec<f64>,
    /// Syncs of the log for an operation.
    pub syncs_per_operation: Vec<f64>,
    /// Share of the time for which the load generator was computing.
    pub load_busy: Vec<f64>,
}

/// A server's figures in a cell.
#[derive(Serialize)]
pub struct ServerResult {
    /// The server.
    pub server: Contender,
    /// Its figures.
    #[serde(flatten)]
    pub rounds: Rounds,
}

/// All figures of a cell.
#[derive(Serialize)]
pub struct CellResult {
    /// The cell.
    #[serde(flatten)]
    pub cell: Cell,
    /// The servers' figures, ackd's first.
    pub servers: Vec<ServerResult>,
}

/// Where and how it was measured.
#[derive(Serialize)]
pub struct Setting {
    /// Seconds since 1970.
    pub unix_s: u64,
    /// Name and number of the processors.
    pub processor: String,
    /// The operating system.
    pub system: String,
    /// Versions of the servers.
    pub versions: Vec<String>,
    /// Servers that are not installed.
    pub skipped: Vec<String>,
    /// The options.
    pub options: Options,
}

/// All figures of a comparison.
#[derive(Serialize)]
pub struct Results {
    /// Where and how it was measured.
    pub setting: Setting,
    /// The figures.
    pub cells: Vec<CellResult>,
}

impl Results {
    /// No figures yet, with an entry for each cell and server.
    pub fn new(options: &Options, programs: &Programs, chosen: &Chosen, blocks: &[Block]) -> Outcome<Self> {
        let servers = || {
            chosen.contenders.iter().map(|server| ServerResult { server: *server, rounds: Rounds::default() })
        };
        let cells = blocks.iter().flat_map(|block| &block.cells);
        Ok(Self {
            setting: Setting::here(options, programs, chosen)?,
            cells: cells.map(|cell| CellResult { cell: *cell, servers: servers().collect() }).collect(),
        })
    }

    /// Adds the figures of a round. Panics if the cell or the server has no entry.
    pub fn add(&mut self, cell: &Cell, server: Contender, figures: &Figures) {
        let result = self.cells.iter_mut().find(|result| result.cell == *cell).expect("a cell of this run");
        let mut servers = result.servers.iter_mut();
        let rounds = &mut servers.find(|place| place.server == server).expect("a server of this run").rounds;
        rounds.operations_per_s.push(figures.operations_per_s);
        rounds.p50_us.push(figures.p50_us);
        rounds.p99_us.push(figures.p99_us);
        rounds.p999_us.extend(figures.p999_us);
        rounds.load_busy.extend(figures.load_busy);
        if let Some(cost) = figures.cost {
            rounds.cpu_us_per_operation.push(cost.cpu_us);
            rounds.written_bytes_per_operation.push(cost.written_bytes);
            rounds.syncs_per_operation.extend(cost.syncs);
        }
    }
}

impl CellResult {
    /// The figures of ackd.
    pub fn ours(&self) -> &Rounds {
        &self.servers[0].rounds
    }

    /// The servers that ackd is compared with.
    pub fn others(&self) -> &[ServerResult] {
        &self.servers[1..]
    }

    /// A figure of ackd divided by that of another server, round by round.
    pub fn ratio(&self, other: &ServerResult, figure: impl Fn(&Rounds) -> &[f64]) -> Option<Spread> {
        Spread::of_ratios(figure(self.ours()), figure(&other.rounds))
    }
}

impl Setting {
    /// The setting of this run.
    fn here(options: &Options, programs: &Programs, chosen: &Chosen) -> Outcome<Self> {
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo")?;
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
        let model = model.map_or("processor", |model| model.trim_start_matches([' ', '\t', ':']));
        let uname = rustix::system::uname();
        Ok(Self {
            unix_s: SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
            processor: format!("{} x {model}", std::thread::available_parallelism()?),
            system: [uname.sysname(), uname.release()]
                .map(|part| part.to_string_lossy().into_owned())
                .join(" "),
            versions: programs.versions(&chosen.contenders)?,
            skipped: chosen.skipped.clone(),
            options: options.clone(),
        })
    }
}
