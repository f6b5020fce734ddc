//! One test of redis-benchmark.

use std::process::Command;

use super::cells::Cell;
use crate::Outcome;
use crate::servers::Server;

/// What redis-benchmark prints of a test.
#[derive(Debug, PartialEq)]
pub struct Row {
    /// Operations a second.
    pub operations_per_s: f64,
    /// Median latency in microseconds.
    pub p50_us: f64,
    /// 99th percentile in microseconds.
    pub p99_us: f64,
}

/// Runs one test of `operations` operations.
pub fn run(server: &Server, cell: &Cell, operations: u64, keys: u64) -> Outcome<Row> {
    let name = cell.test.name();
    let name = name.strip_prefix("redis_").unwrap_or(&name);
    let numbers = [
        ("-p", u64::from(server.address.port())),
        ("-n", operations),
        ("-r", keys),
        ("-c", cell.clients as u64),
        ("-P", cell.pipeline as u64),
        ("-d", cell.value_bytes as u64),
    ];
    let mut command = Command::new("redis-benchmark");
    command.args(["-t", name, "--csv", "--precision", "3"]);
    for (flag, number) in numbers {
        command.args([flag, &number.to_string()]);
    }
    let output = command.output().map_err(|error| format!("redis-benchmark cannot be run: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    row(&text, name).ok_or_else(|| {
        let complaint = String::from_utf8_lossy(&output.stderr);
        format!("redis-benchmark -t {name} on {}: {text}{complaint}", server.contender.name()).into()
    })
}

/// The row of a test. Its columns: test, operations a second, then milliseconds: average, least, p50, p95, p99, greatest.
fn row(csv: &str, name: &str) -> Option<Row> {
    let fields =
        |line: &str| -> Vec<String> { line.split(',').map(|field| field.replace('"', "")).collect() };
    let rows = csv.lines().map(fields);
    let row = rows.rev().find(|row| row[0].to_lowercase().starts_with(name) && row.len() == 8)?;
    let number = |column: usize| row[column].parse::<f64>().ok();
    Some(Row { operations_per_s: number(1)?, p50_us: number(4)? * 1e3, p99_us: number(6)? * 1e3 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_of_the_test_is_taken_and_not_that_of_its_preparation() {
        let csv = "\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\",\"p95_latency_ms\",\
                   \"p99_latency_ms\",\"max_latency_ms\"\n\
                   \"LPUSH (needed to benchmark LRANGE)\",\"5.00\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\"\n\
                   \"LRANGE_100 (first 100 elements)\",\"8.50\",\"1\",\"2\",\"0.250\",\"4\",\"1.5\",\"6\"\n";
        let row = row(csv, "lrange_100").unwrap();
        assert_eq!(row, Row { operations_per_s: 8.5, p50_us: 250.0, p99_us: 1500.0 });
    }
}
