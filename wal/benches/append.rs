//! How fast a log appends and reads in a directory: `cargo bench -p wal -- DIR`.
//!
//! Each line is one group size: records per group, bytes per record, groups per second, and the median and 99th
//! percentile of the time until a group is durable. Everything is written into a new directory below `DIR`.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use wal::{DirStorage, LocalLog, Log, LogOptions, ReadOptions, Reader, Step};

/// Time spent on each group size.
const TIME: Duration = Duration::from_secs(2);

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args_os().skip(1).find(|argument| argument != "--bench");
    let parent = directory.map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = parent.join(format!("wal-measure-{}", std::process::id()));
    let result = measure(&dir);
    std::fs::remove_dir_all(&dir)?;
    result
}

fn measure(dir: &Path) -> Result<(), Box<dyn Error>> {
    let storage = DirStorage::create(dir)?;
    let start = Instant::now();
    let options = LogOptions { instance_id: [1; 16], ..LogOptions::default() };
    let mut log = LocalLog::create(storage.clone(), options)?;
    println!("created in {:.1} ms, {}", millis(start), log.status().files.expect("segments").method);
    for (records, bytes) in [(1, 100), (50, 100), (1000, 100), (5000, 100), (8, 65_536), (4, 1 << 20)] {
        append(&mut log, records, bytes, true)?;
    }
    append(&mut log, 1000, 100, false)?;
    let status = log.status();
    let files = status.files.as_ref().expect("segments");
    println!("{} segments, {} spares, {} rotations", files.segments, files.spare_segments, files.rotations);
    drop(log);
    read(&storage)
}

fn append<L: Log>(log: &mut L, records: u32, bytes: usize, recycle: bool) -> Result<(), Box<dyn Error>> {
    let payload = vec![0x5a; bytes];
    let (start, mut micros) = (Instant::now(), Vec::new());
    let (mut encode, mut written) = (Duration::ZERO, 0);
    while start.elapsed() < TIME {
        let begun = Instant::now();
        let mut group = log.group();
        for _ in 0..records {
            group.record(|buffer| buffer.extend_from_slice(&payload));
        }
        written += group.len_bytes();
        log.reserve(group.len_bytes() as u64)?;
        encode += begun.elapsed();
        let begun = Instant::now();
        let (_, last) = log.submit(group, 0)?;
        log.durable()?;
        micros.push(begun.elapsed().as_micros());
        if recycle && log.status().files.expect("segments").segments > 4 {
            log.recycle_through(last)?;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    micros.sort_unstable();
    let at = |quantile: f64| micros[((micros.len() - 1) as f64 * quantile) as usize];
    println!(
        "{records:>5} x {bytes:>8} B: {:>7.0} groups/s, {:>8.1} MB/s, median {:>5} us, p99 {:>6} us, encoding {:.0} ns per record",
        micros.len() as f64 / seconds,
        written as f64 / seconds / 1e6,
        at(0.5),
        at(0.99),
        encode.as_nanos() as f64 / micros.len() as f64 / f64::from(records),
    );
    Ok(())
}

fn read(storage: &DirStorage) -> Result<(), Box<dyn Error>> {
    for device in [false, true] {
        let start = Instant::now();
        let mut reader = Reader::open(storage, ReadOptions { device, ..ReadOptions::default() })?;
        let end = loop {
            match reader.next()? {
                Step::Record(_) => {}
                Step::CleanEnd(end) | Step::TornTail(end) => break end,
            }
        };
        let progress = reader.progress();
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "read {} records, {:.0} MB to LSN {} in {:.1} ms ({:.0} MB/s, {:.1} M records/s), {}",
            progress.records,
            progress.bytes as f64 / 1e6,
            end.last_lsn,
            seconds * 1e3,
            progress.bytes as f64 / seconds / 1e6,
            progress.records as f64 / seconds / 1e6,
            if device { "from the device" } else { "through the page cache" },
        );
    }
    Ok(())
}

fn millis(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}
