//! Runs the inspector on damaged data directories, as the server's `tests/fuzz` runs its targets.

mod inspector;
#[path = "../../../tests/fuzz/mutate.rs"]
mod mutate;
#[path = "../../../tests/fuzz/replay.rs"]
mod replay;
#[path = "../../../tests/fuzz/targets/mod.rs"]
mod targets;

use replay::Suite;

#[global_allocator]
static MEMORY: targets::memory::Noting = targets::memory::Noting;

const SUITE: Suite = Suite {
    command: "cargo test -p ackd-tools --test fuzz",
    seeds: concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/seeds"),
};

#[test]
fn inspector() {
    SUITE.replay("inspector", inspector::run, 250);
}

#[test]
fn the_seeds_are_those_that_their_generator_makes() {
    SUITE.compare_seeds("inspector", inspector::seeds());
}
