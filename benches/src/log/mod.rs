//! The log alone against fio: durable writes of one size after the other, each waited for.
//!
//! fio writes the same sizes to a file of the same length on the same file system. The file is filled with zeros first and
//! written from start to end again and again, with the flags that the log uses (`O_DIRECT`, `O_DSYNC`). The log's figures
//! also include frames, checksums, and taking the next segment into use.

mod append;
mod fio;

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::Outcome;
use crate::figures::{Grid, Spread, short};
use append::Appender;
use fio::Fio;

/// What is measured.
#[derive(Args)]
pub struct Options {
    /// Sizes of groups in bytes, multiples of 4096.
    #[arg(long, value_delimiter = ',', default_values_t = [4096, 8192, 16384, 32768, 65536, 131_072, 262_144, 524_288, 1_048_576])]
    sizes: Vec<u32>,
    /// Bytes of a record; a group holds as many as fit.
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=2048))]
    record: u32,
    /// How often everything is measured.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Time for each size, in seconds.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Directory below which files are made, and removed again.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// File for all figures.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// The result of writing groups of one size.
pub struct Figures {
    /// Bytes a second.
    pub bytes_per_s: f64,
    /// Median time until a group is durable, in microseconds.
    pub p50_us: f64,
    /// 99th percentile of the same.
    pub p99_us: f64,
}

/// The figures of all rounds.
#[derive(Default, Serialize)]
struct Rounds {
    /// Bytes a second.
    bytes_per_s: Vec<f64>,
    /// Median time until a group is durable, in microseconds.
    p50_us: Vec<f64>,
    /// 99th percentile of the same.
    p99_us: Vec<f64>,
}

impl Rounds {
    fn add(&mut self, figures: &Figures) {
        self.bytes_per_s.push(figures.bytes_per_s);
        self.p50_us.push(figures.p50_us);
        self.p99_us.push(figures.p99_us);
    }
}

/// The figures of one size.
#[derive(Serialize)]
struct Row {
    /// Bytes of a group.
    group_bytes: u32,
    /// Figures of the log.
    log: Rounds,
    /// Figures of fio; empty without fio.
    fio: Rounds,
}

/// Measures, and shows and stores the results.
pub fn run(options: &Options) -> Outcome {
    if let Some(size) = options.sizes.iter().find(|size| **size == 0 || **size % 4096 != 0) {
        return Err(format!("--sizes: {size} is not a multiple of 4096").into());
    }
    let dir = tempfile::Builder::new().prefix("ackd-bench-").tempdir_in(&options.dir)?;
    let mut appender = Appender::create(&dir.path().join("wal"), options)?;
    let fio = Fio::prepare(dir.path())?;
    println!("log: {}, records of {} bytes; {}", appender.method(), options.record, fio.version());
    let row = |size: &u32| Row { group_bytes: *size, log: Rounds::default(), fio: Rounds::default() };
    let mut rows: Vec<Row> = options.sizes.iter().map(row).collect();
    for round in 0..options.rounds {
        for row in &mut rows {
            for turn in 0..2 {
                if (turn + round) % 2 == 0 {
                    row.log.add(&appender.measure(row.group_bytes, options)?);
                } else if let Some(figures) = fio.measure(row.group_bytes, options.seconds)? {
                    row.fio.add(&figures);
                }
            }
        }
        eprintln!("round {} of {} done", round + 1, options.rounds);
    }
    print(&rows);
    if let Some(path) = &options.json {
        std::fs::write(path, serde_json::to_string_pretty(&rows)?)?;
    }
    Ok(())
}

/// One of the figures.
type Figure = fn(&Rounds) -> &[f64];

/// Prints the figures, and the log's relative to fio's.
fn print(rows: &[Row]) {
    println!("MB/s and us: medians; log/fio: median (least-greatest) of the rounds");
    let mut grid = Grid::new([
        "group bytes",
        "log MB/s",
        "fio MB/s",
        "log/fio MB/s",
        "log p50 us",
        "fio p50 us",
        "log/fio p50",
        "log p99 us",
        "fio p99 us",
        "log/fio p99",
    ]);
    for row in rows {
        let mut cells = vec![row.group_bytes.to_string()];
        let figures: [(Figure, f64); 3] = [
            (|rounds| &rounds.bytes_per_s, 1e-6),
            (|rounds| &rounds.p50_us, 1.0),
            (|rounds| &rounds.p99_us, 1.0),
        ];
        for (figure, unit) in figures {
            for rounds in [&row.log, &row.fio] {
                let median = Spread::of(figure(rounds).iter().copied());
                cells.push(median.map_or_else(String::new, |spread| short(spread.median * unit)));
            }
            let ratio = Spread::of_ratios(figure(&row.log), figure(&row.fio));
            cells.push(ratio.map_or_else(String::new, |ratio| ratio.to_string()));
        }
        grid.row(cells);
    }
    grid.print();
}
