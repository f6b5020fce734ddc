//! How soon a server that was killed answers again, and what its data takes, against Redis.
//!
//! A server is filled, gets random SETs for some time, and is killed without warning. Then it is started on what is there.
//! Servers take turns, each alone.

use std::fs;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use rand::{SeedableRng, rngs::SmallRng};
use rustix::fs::stat;
use serde::Serialize;

use crate::Outcome;
use crate::cost::Cost;
use crate::figures::{Grid, Spread, median, ratios, short};
use crate::load::{self, Commands, Keys, Load, Until, Work};
use crate::servers::{Contender, Places, Programs, Server, field};

/// Size of the values.
const VALUE_BYTES: usize = 64;
/// Clients that send SETs before the kill.
const CLIENTS: usize = 50;
/// Commands that each of them has in flight.
const PIPELINE: usize = 16;

/// What is measured.
#[derive(Args)]
pub struct Options {
    /// Numbers of keys, of 16 bytes each, with values of 64 bytes.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000_000, 10_000_000])]
    keys: Vec<u64>,
    /// How often everything is measured.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Time for which random keys are set before the kill, in seconds.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// The programs, and where data goes.
    #[command(flatten)]
    places: Places,
    /// File for all figures.
    #[arg(long)]
    json: Option<std::path::PathBuf>,
}

/// What is killed and started.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
enum Subject {
    /// ackd.
    #[serde(rename = "ackd")]
    Ackd,
    /// Redis, from its append-only file.
    #[serde(rename = "redis aof")]
    Aof,
    /// Redis, from a snapshot that was saved just before the kill.
    #[serde(rename = "redis rdb")]
    Rdb,
}

impl Subject {
    /// All of them, ackd first.
    const ALL: [Self; 3] = [Self::Ackd, Self::Aof, Self::Rdb];

    /// How it is started.
    fn contender(self) -> Contender {
        match self {
            Self::Ackd => Contender::Ackd,
            Self::Aof => Contender::Always,
            Self::Rdb => Contender::None,
        }
    }

    /// The name in tables.
    fn name(self) -> &'static str {
        match self {
            Self::Ackd => "ackd",
            Self::Aof => "redis aof",
            Self::Rdb => "redis rdb",
        }
    }
}

/// The figures of a server with one number of keys, one of each for every round.
#[derive(Serialize)]
struct Row {
    /// Number of keys.
    keys: u64,
    /// The server.
    subject: Subject,
    /// Seconds from the start to the first answer.
    start_s: Vec<f64>,
    /// Bytes of anonymous memory, for each key.
    anonymous_bytes: Vec<f64>,
    /// Bytes of memory including mapped file pages, for each key.
    resident_bytes: Vec<f64>,
    /// Bytes that files occupy, for each key.
    file_bytes: Vec<f64>,
    /// Bytes for devices, for each SET of 80 bytes.
    written_bytes: Vec<f64>,
}

impl Row {
    fn new(keys: u64, subject: Subject) -> Self {
        let [start_s, anonymous_bytes, resident_bytes, file_bytes, written_bytes] = [const { Vec::new() }; 5];
        Self { keys, subject, start_s, anonymous_bytes, resident_bytes, file_bytes, written_bytes }
    }
}

/// Measures, and shows and stores the results.
pub fn run(options: &Options) -> Outcome {
    let programs = options.places.programs()?;
    let mut rows = Vec::new();
    for keys in &options.keys {
        let mut group: Vec<Row> = Subject::ALL.iter().map(|subject| Row::new(*keys, *subject)).collect();
        for round in 0..options.rounds {
            for turn in 0..group.len() {
                let index = (turn + round) % group.len();
                let row = &mut group[index];
                let name = row.subject.name();
                measure(options, &programs, row).map_err(|error| format!("{name}, {keys} keys: {error}"))?;
            }
            eprintln!("{keys} keys: round {} of {} done", round + 1, options.rounds);
        }
        rows.extend(group);
    }
    print(options, &rows);
    if let Some(path) = &options.json {
        fs::write(path, serde_json::to_string_pretty(&rows)?)?;
    }
    Ok(())
}

/// Fills a server, kills it, starts it, and notes the figures.
fn measure(options: &Options, programs: &Programs, row: &mut Row) -> Outcome {
    // Write what an earlier server left in the page cache before this one is measured.
    rustix::fs::syncfs(fs::File::open(&programs.dir)?)?;
    let mut server = Server::start(programs, row.subject.contender())?;
    load::fill(server.address, Work::Set, row.keys, VALUE_BYTES)?;
    server.settle()?;
    row.written_bytes.push(overwrite(options, &mut server, row.keys)?);
    if row.subject == Subject::Rdb {
        server.save()?;
    }
    let each = |bytes: u64| bytes as f64 / row.keys as f64;
    let memory = fs::read_to_string(format!("/proc/{}/smaps_rollup", server.pid()))?;
    row.anonymous_bytes.push(each(kibibytes(&memory, "Anonymous")?));
    row.resident_bytes.push(each(kibibytes(&memory, "Rss")?));
    row.file_bytes.push(each(occupied(server.dir())?));
    let (mut server, start) = server.kill_and_start(programs)?;
    row.start_s.push(start.as_secs_f64());
    let keyspace = server.info("keyspace")?.replace("keys=", "").replace(',', "\r\n");
    match field(&keyspace, "db0") {
        Some(keys) if keys >= row.keys => Ok(()),
        found => Err(format!("{found:?} keys after the start").into()),
    }
}

/// Sets random keys for some time; returns the bytes that the server had written for each.
fn overwrite(options: &Options, server: &mut Server, keys: u64) -> Outcome<f64> {
    let commands = Commands::new(Work::Set, VALUE_BYTES, Keys::Random(keys), SmallRng::seed_from_u64(keys));
    let mut load = Load::connect(server.address, CLIENTS, PIPELINE, None, commands)?;
    let before = Cost::of(server)?;
    let outcome = load.run(Until::Time(Duration::from_secs_f64(options.seconds)))?;
    Ok(Cost::of(server)?.per_operation(&before, outcome.commands).written_bytes)
}

/// A figure of `smaps_rollup`, in bytes.
fn kibibytes(text: &str, name: &str) -> Outcome<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number = line.and_then(|line| line.trim().strip_suffix("kB")).map(str::trim);
    Ok(number.ok_or_else(|| format!("{name} is not in smaps_rollup"))?.parse::<u64>()? * 1024)
}

/// Bytes that the files below a directory occupy.
fn occupied(dir: &Path) -> Outcome<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        bytes += if path.is_dir() { occupied(&path)? } else { stat(&path)?.st_blocks as u64 * 512 };
    }
    Ok(bytes)
}

/// Prints the figures.
fn print(options: &Options, rows: &[Row]) {
    println!(
        "keys of 16 bytes, values of {VALUE_BYTES}, {} rounds; medians (least-greatest); bytes for each key",
        options.rounds
    );
    let mut grid = Grid::new([
        "keys, server",
        "first answer s",
        "ackd sooner x",
        "anonymous",
        "resident",
        "files",
        "written per SET",
    ]);
    for group in rows.chunks(Subject::ALL.len()) {
        for row in group {
            let start = Spread::of(row.start_s.iter().copied());
            grid.row(vec![
                format!("{} {}", short(row.keys as f64), row.subject.name()),
                start.map_or_else(String::new, |spread| spread.to_string()),
                ratios(&row.start_s, &group[0].start_s),
                median(&row.anonymous_bytes),
                median(&row.resident_bytes),
                median(&row.file_bytes),
                median(&row.written_bytes),
            ]);
        }
    }
    grid.print();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_memory_are_found_by_their_whole_name() {
        let text = "55d-7ff ---p 00000000 00:00 0   [rollup]\nRss:    812 kB\nAnonymous:     300 kB\n";
        assert_eq!(kibibytes(text, "Rss").unwrap(), 812 * 1024);
        assert_eq!(kibibytes(text, "Anonymous").unwrap(), 300 * 1024);
        assert!(kibibytes(text, "Anon").is_err());
    }

    #[test]
    fn files_count_as_far_as_they_occupy_blocks() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("wal")).unwrap();
        fs::write(dir.path().join("wal/1"), vec![1; 100_000]).unwrap();
        fs::File::create(dir.path().join("table")).unwrap().set_len(1 << 30).unwrap();
        let bytes = occupied(dir.path()).unwrap();
        assert!((100_000..1 << 20).contains(&bytes), "{bytes} bytes");
    }
}
