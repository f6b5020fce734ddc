//! The promise under power cuts: what was acknowledged is there after recovery, whatever part of the rest reached the
//! disk, and recovery needs nobody's help.
//!
//! The shipped log, table, writer, checkpoint and recovery run on disks in memory that forget what was not synced. A
//! seeded driver sends commands through the writer's queue; the power goes off at a random operation of log or table,
//! before it, within it or after it. Every image of what may be left is recovered and compared with a plain map: it
//! must hold the state after some prefix of the commands sent, no shorter than what was acknowledged or what any reader
//! saw. A crash inside that recovery must lead to the same state. Some lives end by a kill, which leaves the page
//! cache, or in order instead.
//!
//! The long form: `ACKD_POWER_SEEDS=20000 ACKD_POWER_SEED=1000 cargo test --release --test power_loss -- --nocapture`
//! runs so many histories, from that seed on. A history that fails prints the line that replays it alone.

#[path = "../common/mod.rs"]
mod common;
mod damage;
mod disk;
mod history;
mod stack;

use common::setting;
use history::{Counts, History};

/// Tables of some MB are made and dropped thousands of times; the server's own allocator keeps their memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Histories of the short form.
const SEEDS: u64 = 48;

/// Prints how to replay a history if it fails.
struct Replay(u64);

impl Drop for Replay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let seed = self.0;
            eprintln!(
                "replay with: ACKD_POWER_SEED={seed} ACKD_POWER_SEEDS=1 cargo test --test power_loss part_0"
            );
        }
    }
}

/// Every other history, so that two threads share the work.
fn histories(part: u64) {
    let (first, count) = (setting("ACKD_POWER_SEED", 1), setting("ACKD_POWER_SEEDS", SEEDS));
    let mut total = Counts::default();
    for seed in (first..first + count).skip(part as usize).step_by(2) {
        let _replay = Replay(seed);
        eprintln!("seed {seed}");
        let mut history = History::new(seed);
        history.run();
        total.add(&history.counts);
    }
    eprintln!("{total:?}");
    if count >= SEEDS {
        let seen = [total.torn, total.ahead, total.checkpoints, total.nested, total.kills];
        assert!(seen.iter().all(|&seen| seen > 0), "something was never seen: {total:?}");
    }
}

#[test]
fn acknowledged_commands_survive_power_cuts_part_0() {
    histories(0);
}

#[test]
fn acknowledged_commands_survive_power_cuts_part_1() {
    histories(1);
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let run = |seed| {
        let mut history = History::new(seed);
        history.run();
        (history.trace, history.counts)
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}
