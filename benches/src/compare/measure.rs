//! Measuring one block of cells on one server.

use std::time::Duration;

use rand::{SeedableRng, rngs::SmallRng};

use super::cells::{Block, Cell, Test};
use super::result::{Figures, Results};
use super::{Options, redis_benchmark};
use crate::Outcome;
use crate::cost::{Cost, CostPerOperation};
use crate::load::{self, Commands, Keys, Load, Until, Work};
use crate::servers::{Contender, Programs, Server};

/// Share of a cell's time that the load runs before it is measured.
const WARM_UP: f64 = 0.2;

/// Starts a server, measures the block's cells and removes the server again.
pub fn block(
    options: &Options,
    programs: &Programs,
    contender: Contender,
    block: &Block,
    results: &mut Results,
) -> Outcome {
    // Write what an earlier server left in the page cache before this one is measured.
    rustix::fs::syncfs(std::fs::File::open(&programs.dir)?)?;
    let mut server = Server::start(programs, contender)?;
    if !block.is_list {
        prepare(options, &mut server, block)?;
    }
    for cell in &block.cells {
        let measured = if block.is_list {
            counted(options, &mut server, cell)
        } else {
            timed(options, &mut server, cell)
        };
        let figures = measured.map_err(|error| format!("{}, {cell:?}: {error}", contender.name()))?;
        results.add(cell, contender, &figures);
    }
    Ok(())
}

/// Sets all keys.
fn prepare(options: &Options, server: &mut Server, block: &Block) -> Outcome {
    let keys = options.keys_for(block.value_bytes);
    load::fill(server.address, Work::Set, keys, block.value_bytes)?;
    if block.cells.iter().any(|cell| cell.test == Test::Incr) {
        load::fill(server.address, Work::SetCounter, keys, 0)?;
    }
    server.settle()
}

/// Measures a cell for some time.
fn timed(options: &Options, server: &mut Server, cell: &Cell) -> Outcome<Figures> {
    let work = cell.test.work().expect("a test of the load generator");
    let keys = Keys::Random(options.keys_for(cell.value_bytes));
    // The same commands to every server; not the same in every cell.
    let seed = (cell.clients * 1000 + cell.pipeline) as u64;
    let commands = Commands::new(work, cell.value_bytes, keys, SmallRng::seed_from_u64(seed));
    let mut load = Load::connect(server.address, cell.clients, cell.pipeline, options.rate, commands)?;
    load.run(Until::Time(Duration::from_secs_f64(options.seconds * WARM_UP)))?;
    let before = Cost::of(server)?;
    let outcome = load.run(Until::Time(Duration::from_secs_f64(options.seconds)))?;
    let cost = Cost::of(server)?.per_operation(&before, outcome.commands);
    Ok(Figures {
        operations_per_s: outcome.commands as f64 / outcome.elapsed.as_secs_f64(),
        p50_us: outcome.latency_us(0.5),
        p99_us: outcome.latency_us(0.99),
        p999_us: Some(outcome.latency_us(0.999)),
        cost: Some(cost),
        load_busy: Some(outcome.busy),
    })
}

/// Measures a cell for a number of operations, by redis-benchmark.
fn counted(options: &Options, server: &mut Server, cell: &Cell) -> Outcome<Figures> {
    let is_range = cell.test.is_range();
    let operations = if is_range { options.requests.div_ceil(10) } else { options.requests };
    let before = Cost::of(server)?;
    let row = redis_benchmark::run(server, cell, operations, options.keys)?;
    let cost: CostPerOperation = Cost::of(server)?.per_operation(&before, operations);
    Ok(Figures {
        operations_per_s: row.operations_per_s,
        p50_us: row.p50_us,
        p99_us: row.p99_us,
        p999_us: None,
        // The cost of a range would include filling the list.
        cost: (!is_range).then_some(cost),
        load_busy: None,
    })
}
