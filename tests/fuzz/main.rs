//! Hostile bytes: the fuzz targets, run over their seeds and over mutations of them, without nightly Rust.
//!
//! `ACKD_FUZZ_SECONDS` runs each target for so long instead of a fixed number of times, `ACKD_FUZZ_SEED` mutates in
//! another way, `ACKD_FUZZ_INPUT` runs the target on one file alone, and `ACKD_FUZZ_WRITE_SEEDS=1` writes the seeds anew.

mod mutate;
mod seeds;
mod targets;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use mutate::Mutator;
use targets::{TARGETS, Target};

#[global_allocator]
static MEMORY: targets::memory::Noting = targets::memory::Noting;

/// The seeds, a directory for each target.
const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/seeds");
/// No input may take longer.
const EXECUTION_TIMEOUT: Duration = Duration::from_secs(10);

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// Runs a target on one input; one that fails is kept in a file.
fn execute(name: &str, target: Target, input: &[u8]) {
    let start = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        target(input);
        assert!(start.elapsed() < EXECUTION_TIMEOUT, "it took {:?}", start.elapsed());
    }));
    if let Err(panic) = outcome {
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{:08x}", crc32fast::hash(input)));
        fs::write(&path, input).expect("the failing input is kept");
        eprintln!("again: ACKD_FUZZ_INPUT={} cargo test --test fuzz {name}", path.display());
        resume_unwind(panic);
    }
}

/// Runs a target over its seeds and `executions` mutations of them.
fn replay(name: &str, executions: u64) {
    let (_, target) = TARGETS.into_iter().find(|(known, _)| *known == name).expect("a target");
    if let Ok(path) = std::env::var("ACKD_FUZZ_INPUT") {
        return target(&fs::read(path).expect("the input can be read"));
    }
    let seeds: Vec<Vec<u8>> = stored(name).into_iter().map(|(_, bytes)| bytes).collect();
    assert!(!seeds.is_empty(), "no seeds of {name}");
    seeds.iter().for_each(|seed| execute(name, target, seed));
    let seed = setting("ACKD_FUZZ_SEED").unwrap_or(1);
    let seconds = setting("ACKD_FUZZ_SECONDS");
    let (mut mutator, start, mut done) = (Mutator::new(seed), Instant::now(), 0_u64);
    while seconds.map_or(done < executions, |seconds| start.elapsed().as_secs() < seconds) {
        execute(name, target, &mutator.mutate(&seeds));
        done += 1;
    }
    println!(
        "{name}: {} seeds, {done} mutations of them (ACKD_FUZZ_SEED={seed}) in {:?}",
        seeds.len(),
        start.elapsed()
    );
}

/// The seeds of a target in the repository, by name.
fn stored(name: &str) -> Vec<(String, Vec<u8>)> {
    let mut seeds: Vec<(String, Vec<u8>)> = fs::read_dir(Path::new(SEEDS).join(name))
        .expect("a directory of seeds")
        .map(|entry| entry.expect("an entry"))
        .map(|entry| {
            (entry.file_name().into_string().expect("a plain name"), fs::read(entry.path()).expect("a seed"))
        })
        .collect();
    seeds.sort();
    seeds
}

#[test]
fn resp() {
    replay("resp", 100_000);
}

#[test]
fn payload() {
    replay("payload", 60_000);
}

#[test]
fn glob() {
    replay("glob", 100_000);
}

#[test]
fn log() {
    replay("log", 10_000);
}

#[test]
fn table() {
    replay("table", 2_000);
}

#[test]
fn the_seeds_are_those_that_their_generator_makes() {
    for (name, _) in TARGETS {
        let made = seeds::make(name);
        if setting("ACKD_FUZZ_WRITE_SEEDS").is_some() {
            let dir = Path::new(SEEDS).join(name);
            let _ = fs::remove_dir_all(&dir);
            fs::create_dir_all(&dir).expect("a directory of seeds");
            made.iter().for_each(|(file, bytes)| fs::write(dir.join(file), bytes).expect("a seed"));
        }
        let kept = stored(name);
        let names =
            |seeds: &[(String, Vec<u8>)]| seeds.iter().map(|(file, _)| file.clone()).collect::<Vec<_>>();
        assert_eq!(names(&kept), names(&made), "{name}");
        assert!(kept == made, "the seeds of {name} are those of another format");
    }
}
