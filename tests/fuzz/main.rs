//! Hostile bytes: the fuzz targets, run over their seeds and over mutations of them, without nightly Rust.
//!
//! `ACKD_FUZZ_SECONDS=N` runs each target for N seconds instead of a fixed number of times, `ACKD_FUZZ_SEED` sets the seed
//! of the mutations, `ACKD_FUZZ_INPUT` runs the target on one file only, and `ACKD_FUZZ_WRITE_SEEDS=1` rewrites the seeds.
//! `tools/tests/fuzz` does the same with the inspector, and `fuzz` has all of them for cargo-fuzz.

mod mutate;
mod replay;
mod seeds;
mod targets;

use replay::Suite;

#[global_allocator]
static MEMORY: targets::memory::Noting = targets::memory::Noting;

const SUITE: Suite =
    Suite { command: "cargo test --test fuzz", seeds: concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/seeds") };

#[test]
fn resp() {
    SUITE.replay("resp", targets::resp::run, 100_000);
}

#[test]
fn payload() {
    SUITE.replay("payload", targets::payload::run, 15_000);
}

#[test]
fn rdb() {
    SUITE.replay("rdb", targets::rdb::run, 6_000);
}

#[test]
fn glob() {
    SUITE.replay("glob", targets::glob::run, 100_000);
}

#[test]
fn log() {
    SUITE.replay("log", targets::log::run, 4_000);
}

#[test]
fn table() {
    SUITE.replay("table", targets::table::run, 3_000);
}

#[test]
fn the_seeds_are_those_that_their_generator_makes() {
    for name in ["resp", "payload", "rdb", "glob", "log", "table"] {
        SUITE.compare_seeds(name, seeds::make(name));
    }
}
