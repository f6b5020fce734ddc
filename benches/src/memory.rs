//! How much memory long replies take: the peak while they are sent, above what the server takes at rest.
//!
//! Memory is read from `/proc/PID/status` every few milliseconds. *Anonymous* memory is what the server holds for itself;
//! *resident* memory also includes pages of mapped files, which the kernel takes back when it needs memory.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::Outcome;
use crate::client::Client;
use crate::figures::{Grid, Spread};
use crate::servers::{Chosen, Contender, Places, Programs, Server};
use crate::stalls::data::Data;

/// Time between two looks at the memory.
const INTERVAL: Duration = Duration::from_millis(2);
/// Time for the server to come to rest.
const REST: Duration = Duration::from_millis(500);

/// What is measured.
#[derive(Args)]
pub struct Options {
    /// Number of elements of the set and of the list.
    #[arg(long, default_value_t = 5_000_000, value_parser = clap::value_parser!(u64).range(100..=100_000_000))]
    elements: u64,
    /// Bytes of the value that eight clients get.
    #[arg(long, default_value_t = 200_000_000, value_parser = clap::value_parser!(u64).range(200..=500_000_000))]
    value: u64,
    /// How often everything is measured.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Servers to measure next to ackd.
    #[arg(long, value_delimiter = ',', default_values_t = ["none", "valkey-none"].map(String::from))]
    against: Vec<String>,
    /// The programs, and where data goes.
    #[command(flatten)]
    places: Places,
    /// File for all figures.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// A long reply.
struct Case {
    /// The name in the table.
    name: &'static str,
    /// The key that is read.
    needs: Data,
    /// The command.
    command: &'static [&'static str],
    /// Clients that send it at the same time.
    clients: usize,
}

/// All long replies.
const CASES: [Case; 3] = [
    Case { name: "MGET", needs: Data::Value, command: &["MGET", "value"], clients: 8 },
    Case { name: "SMEMBERS", needs: Data::Sets, command: &["SMEMBERS", "set"], clients: 1 },
    Case { name: "LRANGE", needs: Data::List, command: &["LRANGE", "list", "0", "-1"], clients: 1 },
];

/// Memory of a process in MiB.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Memory {
    /// Without files.
    anonymous: f64,
    /// With mapped pages of files.
    resident: f64,
}

/// The figures of a command on a server in MiB, one of each for every round.
#[derive(Serialize)]
struct Row {
    /// The server.
    server: Contender,
    /// The command.
    name: &'static str,
    /// Peak of anonymous memory above that at rest.
    anonymous: Vec<f64>,
    /// Peak of resident memory above that at rest.
    resident: Vec<f64>,
}

/// Measures, and shows and stores the results.
pub fn run(options: &Options) -> Outcome {
    let programs = options.places.programs()?;
    let Chosen { contenders, skipped } = programs.choose(&options.against)?;
    let versions = programs.versions(&contenders)?;
    versions.iter().chain(&skipped).for_each(|line| println!("{line}"));
    let row =
        |case: &Case, server| Row { server, name: case.name, anonymous: Vec::new(), resident: Vec::new() };
    let mut rows: Vec<Row> =
        CASES.iter().flat_map(|case| contenders.iter().map(move |server| row(case, *server))).collect();
    for round in 0..options.rounds {
        for turn in 0..contenders.len() {
            let index = (turn + round) % contenders.len();
            measure_server(options, &programs, contenders[index], |case, peak| {
                let row = &mut rows[case * contenders.len() + index];
                row.anonymous.push(peak.anonymous);
                row.resident.push(peak.resident);
            })?;
        }
        eprintln!("round {} of {} done", round + 1, options.rounds);
    }
    print(options, &rows);
    if let Some(path) = &options.json {
        std::fs::write(path, serde_json::to_string_pretty(&rows)?)?;
    }
    Ok(())
}

/// Measures all long replies of a fresh server.
fn measure_server(
    options: &Options,
    programs: &Programs,
    contender: Contender,
    mut add: impl FnMut(usize, Memory),
) -> Outcome {
    let mut server = Server::start(programs, contender)?;
    for case in &CASES {
        let elements = if case.needs == Data::Value { options.value / 200 } else { options.elements };
        case.needs.fill(server.address, elements)?;
    }
    for (index, case) in CASES.iter().enumerate() {
        server.settle()?;
        std::thread::sleep(REST);
        let peak = peak(&server, case);
        add(index, peak.map_err(|error| format!("{}, {}: {error}", contender.name(), case.name))?);
    }
    Ok(())
}

/// Runs a command on all its clients at the same time; returns the peak of the server's memory above that at rest.
fn peak(server: &Server, case: &Case) -> Outcome<Memory> {
    let mut clients = Vec::new();
    for _ in 0..case.clients {
        clients.push(Client::connect(server.address)?);
    }
    let rest = memory(server.pid())?;
    let over = AtomicBool::new(false);
    let peak = std::thread::scope(|scope| -> Outcome<Memory> {
        let watching = scope.spawn(|| watch(server.pid(), &over).map_err(|error| error.to_string()));
        let running: Vec<_> =
            clients.iter_mut().map(|client| scope.spawn(|| client.run(case.command))).collect();
        let done: Vec<_> = running.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        over.store(true, Ordering::Relaxed);
        for done in done {
            done.map_err(|_| "a client panicked")??;
        }
        Ok(watching.join().map_err(|_| "the watch over the memory panicked")??)
    })?;
    Ok(Memory { anonymous: peak.anonymous - rest.anonymous, resident: peak.resident - rest.resident })
}

/// The peak of a process's memory until it is over.
fn watch(pid: u32, over: &AtomicBool) -> Outcome<Memory> {
    let mut peak = Memory::default();
    while !over.load(Ordering::Relaxed) {
        let now = memory(pid)?;
        peak.anonymous = peak.anonymous.max(now.anonymous);
        peak.resident = peak.resident.max(now.resident);
        std::thread::sleep(INTERVAL);
    }
    Ok(peak)
}

/// The memory of a process.
fn memory(pid: u32) -> Outcome<Memory> {
    parse(&std::fs::read_to_string(format!("/proc/{pid}/status"))?).ok_or_else(|| "no VmRSS".into())
}

/// The memory in the text of `/proc/PID/status`.
fn parse(status: &str) -> Option<Memory> {
    let mebibytes = |name: &str| -> Option<f64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<f64>().ok()? / 1024.0)
    };
    Some(Memory { anonymous: mebibytes("RssAnon")?, resident: mebibytes("VmRSS")? })
}

/// Prints the table.
fn print(options: &Options, rows: &[Row]) {
    println!(
        "\nMiB above rest, peak; {} elements, a value of {} bytes by eight clients at once; medians of {} rounds \
         (least-greatest)\n",
        options.elements, options.value, options.rounds
    );
    let spread = |values: &[f64]| Spread::of(values.iter().copied());
    let shown = |values: &[f64]| {
        spread(values)
            .map_or_else(String::new, |s| format!("{:.0} ({:.0}-{:.0})", s.median, s.least, s.greatest))
    };
    let mut grid = Grid::new(["command", "server", "anonymous", "resident"]);
    for row in rows {
        let title = row.server.title().to_owned();
        grid.row(vec![row.name.to_owned(), title, shown(&row.anonymous), shown(&row.resident)]);
    }
    grid.print();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_memory_are_in_mebibytes() {
        let status = "Name:\tackd\nVmHWM:\t   4096 kB\nVmRSS:\t   3072 kB\nRssAnon:\t    1024 kB\nRssFile:\t 2048 kB\n";
        assert_eq!(parse(status), Some(Memory { anonymous: 1.0, resident: 3.0 }));
        assert_eq!(parse("Name:\tackd\n"), None);
    }
}
