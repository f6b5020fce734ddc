//! The table of ratios on standard output.

use super::result::{CellResult, Results, Rounds};
use crate::figures::{Grid, Spread, short};

/// From this share of its time on, the load generator may be what limits a figure.
const BUSY: f64 = 0.9;

/// Prints a row of ratios for each cell, and below the figures that they come from.
pub fn print(results: &Results) {
    for line in results.setting.versions.iter().chain(&results.setting.skipped) {
        println!("{line}");
    }
    println!("{}, {}", results.setting.processor, results.setting.system);
    println!("\nackd divided by each server, median (least-greatest) of the rounds");
    ratios(results).print();
    println!("\nMedians: operations a second, latencies in us, and what an operation cost the server");
    medians(results).print();
    if results.cells.iter().any(is_load_bound) {
        println!("\n* the load generator was computing nearly all the time: the server could do more");
    }
}

/// What a row is called.
fn name(result: &CellResult) -> String {
    let cell = &result.cell;
    let mark = if is_load_bound(result) { " *" } else { "" };
    format!("{} c{} P{} {}B{mark}", cell.test.name(), cell.clients, cell.pipeline, cell.value_bytes)
}

/// Whether the load generator may have been the limit.
fn is_load_bound(result: &CellResult) -> bool {
    let busy = |rounds: &Rounds| median(&rounds.load_busy).is_some_and(|busy| busy > BUSY);
    result.servers.iter().any(|server| busy(&server.rounds))
}

fn median(values: &[f64]) -> Option<f64> {
    Spread::of(values.iter().copied()).map(|spread| spread.median)
}

fn ratios(results: &Results) -> Grid {
    let mut grid = Grid::new(["", "against", "throughput", "p50", "p99", "p99.9", "CPU/op"]);
    for result in &results.cells {
        for (index, other) in result.others().iter().enumerate() {
            let ratio = |figure: fn(&Rounds) -> &[f64]| {
                result.ratio(other, figure).map_or_else(String::new, |ratio| ratio.to_string())
            };
            grid.row(vec![
                if index == 0 { name(result) } else { String::new() },
                other.server.name().to_owned(),
                ratio(|rounds| &rounds.operations_per_s),
                ratio(|rounds| &rounds.p50_us),
                ratio(|rounds| &rounds.p99_us),
                ratio(|rounds| &rounds.p999_us),
                ratio(|rounds| &rounds.cpu_us_per_operation),
            ]);
        }
    }
    grid
}

fn medians(results: &Results) -> Grid {
    let mut grid =
        Grid::new(["", "server", "op/s", "p50", "p99", "p99.9", "CPU us/op", "bytes/op", "syncs/op"]);
    for result in &results.cells {
        for (index, server) in result.servers.iter().enumerate() {
            let shown = |values: &[f64]| median(values).map_or_else(String::new, short);
            let rounds = &server.rounds;
            let syncs = median(&rounds.syncs_per_operation).map(|syncs| format!("{syncs:.4}"));
            grid.row(vec![
                if index == 0 { name(result) } else { String::new() },
                server.server.name().to_owned(),
                shown(&rounds.operations_per_s),
                shown(&rounds.p50_us),
                shown(&rounds.p99_us),
                shown(&rounds.p999_us),
                shown(&rounds.cpu_us_per_operation),
                shown(&rounds.written_bytes_per_operation),
                syncs.unwrap_or_default(),
            ]);
        }
    }
    grid
}
