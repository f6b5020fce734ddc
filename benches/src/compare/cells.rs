//! What is measured: each combination of work, clients, pipeline and size of values is a *cell*.

use clap::ValueEnum;
use serde::Serialize;

use super::Options;
use crate::load::Work;

/// Bytes of commands that may be in flight at one time; cells with more are left out.
const UNDER_WAY_BYTES_MAX: usize = 64 << 20;
/// Size of the values in redis-benchmark's tests.
pub const LIST_VALUE_BYTES: usize = 64;
/// Clients of redis-benchmark.
pub const LIST_CLIENTS: usize = 50;

/// A test that can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[value(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// SET
    Set,
    /// GET
    Get,
    /// INCR
    Incr,
    /// MSET of ten keys
    Mset,
    /// 90 of 100 GET, 10 SET
    Mix90,
    /// 50 of 100 GET, 50 SET
    Mix50,
    /// LPUSH to one list, by redis-benchmark as all below
    Lpush,
    /// RPUSH to the same list
    Rpush,
    /// LPOP
    Lpop,
    /// RPOP
    Rpop,
    /// SADD of random members to one set
    Sadd,
    /// HSET of random fields of one hash
    Hset,
    /// SPOP from the set
    Spop,
    /// ZADD of random members to one sorted set
    Zadd,
    /// ZPOPMIN from the sorted set
    Zpopmin,
    /// LRANGE of 100 elements
    #[value(name = "lrange_100")]
    #[serde(rename = "lrange_100")]
    Lrange100,
    /// LRANGE of 300 elements
    #[value(name = "lrange_300")]
    #[serde(rename = "lrange_300")]
    Lrange300,
    /// LRANGE of 500 elements
    #[value(name = "lrange_500")]
    #[serde(rename = "lrange_500")]
    Lrange500,
    /// LRANGE of 600 elements
    #[value(name = "lrange_600")]
    #[serde(rename = "lrange_600")]
    Lrange600,
    /// MSET of ten keys, as redis-benchmark does it
    RedisMset,
}

impl Test {
    /// What the load generator does for it; `None` if redis-benchmark runs it.
    pub fn work(self) -> Option<Work> {
        Some(match self {
            Self::Set => Work::Set,
            Self::Get => Work::Get,
            Self::Incr => Work::Incr,
            Self::Mset => Work::Mset,
            Self::Mix90 => Work::Mix { reads: 90 },
            Self::Mix50 => Work::Mix { reads: 50 },
            _ => return None,
        })
    }

    /// The name on the command line and in tables.
    pub fn name(self) -> String {
        self.to_possible_value().expect("no test is hidden").get_name().to_owned()
    }

    /// Number of values in one command.
    fn values(self) -> usize {
        if self == Self::Mset { 10 } else { 1 }
    }

    /// Whether redis-benchmark fills a list before it starts to count.
    pub fn is_range(self) -> bool {
        matches!(self, Self::Lrange100 | Self::Lrange300 | Self::Lrange500 | Self::Lrange600)
    }
}

/// A combination that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// What is done.
    pub test: Test,
    /// Clients at the same time.
    pub clients: usize,
    /// Commands that each has in flight.
    pub pipeline: usize,
    /// Size of each value.
    pub value_bytes: usize,
}

/// Cells that are measured on one start of a server.
pub struct Block {
    /// The cells, in order.
    pub cells: Vec<Cell>,
    /// Size of the values with which the keys are set before.
    pub value_bytes: usize,
    /// Whether redis-benchmark measures them, on an empty server.
    pub is_list: bool,
}

/// All blocks that the options ask for.
pub fn blocks(options: &Options) -> Vec<Block> {
    let tests: Vec<Test> =
        Test::value_variants().iter().copied().filter(|test| options.wants(*test)).collect();
    let mut blocks: Vec<Block> = options.values.iter().map(|value| block(options, &tests, *value)).collect();
    let cells = options.list_pipelines.iter().flat_map(|pipeline| {
        let tests = tests.iter().filter(|test| test.work().is_none());
        tests.map(|test| Cell {
            test: *test,
            clients: LIST_CLIENTS,
            pipeline: *pipeline,
            value_bytes: LIST_VALUE_BYTES,
        })
    });
    blocks.push(Block { cells: cells.collect(), value_bytes: LIST_VALUE_BYTES, is_list: true });
    blocks.retain(|block| !block.cells.is_empty());
    blocks
}

/// The cells with values of one size.
fn block(options: &Options, tests: &[Test], value_bytes: usize) -> Block {
    let mut cells = Vec::new();
    for test in tests.iter().copied().filter(|test| test.work().is_some()) {
        // Counters have no values.
        if test == Test::Incr && options.values.iter().any(|other| *other < value_bytes) {
            continue;
        }
        for clients in options.clients.iter().copied() {
            for pipeline in options.pipelines.iter().copied() {
                if clients * pipeline * test.values() * value_bytes <= UNDER_WAY_BYTES_MAX {
                    cells.push(Cell { test, clients, pipeline, value_bytes });
                }
            }
        }
    }
    Block { cells, value_bytes, is_list: false }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        options: Options,
    }

    fn cells(flags: &str) -> Vec<Cell> {
        let cli = Cli::parse_from(flags.split_whitespace());
        blocks(&cli.options.settled()).into_iter().flat_map(|block| block.cells).collect()
    }

    #[test]
    fn options_choose_the_cells() {
        let set = |value_bytes| Cell { test: Test::Set, clients: 50, pipeline: 16, value_bytes };
        let chosen = cells("compare --only set,incr --clients 50 --pipelines 16 --values 16,64");
        let incr = Cell { test: Test::Incr, ..set(16) };
        assert_eq!(chosen, [set(16), incr, set(64)]);
        let chosen = cells("compare --only lrange_100 --list-pipelines 1");
        assert_eq!(chosen.len(), 1);
        assert!(chosen[0].test.is_range());
    }

    #[test]
    fn cells_that_would_fill_the_memory_are_left_out() {
        let chosen = cells("compare --only set --values 16384");
        assert!(chosen.iter().all(|cell| cell.clients * cell.pipeline < 5000));
        assert!(!chosen.is_empty());
    }
}
