//! Files that do not belong together, and files that are lost: a start from them serves everything, or refuses and says why.
//!
//! A directory is copied, both copies live on, and files of one are put beside files of the other, or a segment of the log
//! is lost, emptied, cut, renamed or replaced. Right is the whole state of the copy that the log is of; anything else that
//! is served is silent damage. What nothing in the files tells from the right ones is counted by name: a segment, or a whole
//! log, that shares its use with the one of a life that has neither begun a segment nor taken a checkpoint since.
//!
//! `ACKD_MIXTURES` sets how many histories are made (each gives about 25 cases), `ACKD_MIXTURES_SEED` the first seed.

#![allow(clippy::print_stdout, reason = "the figures are what it is for")]

mod life;

use std::collections::BTreeMap;

use ackd::recovery::RecoveryError;
use life::{Copy, Life, State, start};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use wal::MemoryStorage;

/// Histories without `ACKD_MIXTURES`.
const HISTORIES: u64 = 60;

/// How often each outcome came.
#[derive(Default)]
struct Tally {
    /// Everything was served.
    right: u64,
    /// The start was refused, by the reason's kind.
    refused: BTreeMap<String, u64>,
    /// The state of another log was served, which nothing tells from the right one.
    untold: u64,
}

impl Tally {
    /// Looks at one start. `is_untold` if nothing tells the files from right ones.
    fn case(&mut self, name: &str, (log, table): (&MemoryStorage, &[u8]), right: &State, is_untold: bool) {
        match start(log, table) {
            Ok(found) if found == *right => self.right += 1,
            Ok(_) if is_untold => self.untold += 1,
            Ok(found) => panic!(
                "{name}: {} keys were served where {} are right, and nobody said so",
                found.len(),
                right.len()
            ),
            Err(error) => {
                assert!(error.is_damage(), "{name}: a loss is no failing disk: {error}");
                *self.refused.entry(kind(&error)).or_default() += 1;
            }
        }
    }

    /// Cases in all.
    fn cases(&self) -> u64 {
        self.right + self.untold + self.refused.values().sum::<u64>()
    }
}

/// What a refusal is about.
fn kind(error: &RecoveryError) -> String {
    let text = match error {
        RecoveryError::Contradiction(found) => format!("{found:?}"),
        RecoveryError::Read(error) => format!("log: {error:?}"),
        other => format!("{other:?}"),
    };
    text.split([' ', '{', '(']).take(2).collect::<Vec<_>>().join(" ")
}

/// A number from the environment.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// A directory that lived, was copied, and lived on twice.
struct History {
    at_copy: Copy,
    one: Copy,
    other: Copy,
}

impl History {
    fn new(seed: u64) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let mut first = Life::begin(&mut random);
        first.live(&mut random);
        let at_copy = first.end();
        let [one, other] = [0, 1].map(|_| {
            let mut life = Life::go_on(&at_copy, &mut random);
            life.live(&mut random);
            life.end()
        });
        Self { at_copy, one, other }
    }
}

#[test]
fn files_of_two_copies_are_served_whole_or_refused() {
    let (first, count) = (setting("ACKD_MIXTURES_SEED", 1), setting("ACKD_MIXTURES", HISTORIES));
    let mut tally = Tally::default();
    for seed in first..first + count {
        let History { at_copy, one, other } = History::new(seed);
        let pairs = [
            (&one, &other, "the other copy"),
            (&other, &one, "the other copy"),
            (&at_copy, &one, "a later day"),
        ];
        for (table, log, which) in pairs {
            let name = format!("seed {seed}: a table with the log of {which}");
            tally.case(&name, (&log.log, &table.table), &log.state, false);
        }
        for life in [&one, &other] {
            let name = format!("seed {seed}: a log put back from before");
            tally.case(&name, (&at_copy.log, &life.table), &life.state, life.is_untold);
            // Both files of one day are that day's.
            tally.case("both from before", (&at_copy.log, &at_copy.table), &at_copy.state, false);
        }
        for (own, foreign) in [(&one, &other), (&other, &one), (&one, &at_copy)] {
            for segment in foreign.log.names() {
                let (Some(bytes), Some(before)) =
                    (foreign.log.contents(&segment), own.log.contents(&segment))
                else {
                    continue;
                };
                if bytes == before {
                    continue;
                }
                let mixed = own.log.fork();
                mixed.set_contents(&segment, bytes);
                let name = format!("seed {seed}: {segment} of another copy");
                tally.case(&name, (&mixed, &own.table), &own.state, own.is_untold);
            }
        }
    }
    println!(
        "mixtures: {} cases from seed {first} on, {} right, {:?} refused, {} that nothing tells from right ones",
        tally.cases(),
        tally.right,
        tally.refused,
        tally.untold
    );
    assert!(tally.cases() >= 8 * count && tally.right > 0);
    assert!(tally.refused.keys().any(|kind| kind.starts_with("OtherHistory")), "{:?}", tally.refused);
}

#[test]
fn a_log_that_lost_a_segment_is_refused() {
    let (first, count) = (setting("ACKD_MIXTURES_SEED", 1), setting("ACKD_MIXTURES", HISTORIES));
    let mut tally = Tally::default();
    for seed in first..first + count {
        let History { one, other, .. } = History::new(seed);
        for segment in one.log.names() {
            let bytes = one.log.contents(&segment).expect("a file of the log");
            let mut check = |what: &str, change: &dyn Fn(&MemoryStorage)| {
                let log = one.log.fork();
                change(&log);
                let is_swap = what.starts_with("replaced by the last") && one.is_untold;
                tally.case(
                    &format!("seed {seed}: {segment} {what}"),
                    (&log, &one.table),
                    &one.state,
                    is_swap,
                );
            };
            check("removed", &|log| log.lose(&segment));
            check("emptied", &|log| log.set_contents(&segment, vec![0; bytes.len()]));
            check("cut", &|log| log.set_contents(&segment, bytes[..bytes.len() / 2].to_vec()));
            check("renamed", &|log| {
                log.lose(&segment);
                log.set_contents("00000000000000ff.wal", bytes.clone());
            });
            check("replaced by one of another server", &|log| {
                log.set_contents(&segment, life::foreign(seed));
            });
            let last = other.log.names().into_iter().max().expect("a segment");
            if last != segment {
                check("replaced by the last of the other copy", &|log| {
                    log.set_contents(&segment, other.log.contents(&last).expect("a segment"));
                });
            }
        }
        let empty = one.log.fork();
        one.log.names().iter().for_each(|name| empty.lose(name));
        let error = start(&empty, &one.table).expect_err("a log that is gone");
        assert!(error.is_damage(), "{error}");
        assert!(error.to_string().contains("the log is missing"), "{error}");
    }
    println!(
        "losses: {} cases from seed {first} on, {} right, {:?} refused, {} that nothing tells from right ones",
        tally.cases(),
        tally.right,
        tally.refused,
        tally.untold
    );
    assert!(tally.cases() >= 6 * count);
    assert!(tally.refused.keys().any(|kind| kind.starts_with("NoEnd")), "{:?}", tally.refused);
}

#[test]
fn a_directory_of_the_version_before_is_taken_over() {
    let mut random = SmallRng::seed_from_u64(7);
    let mut life = Life::begin(&mut random);
    life.live(&mut random);
    let copy = life.end();
    let (log, table) = life::without_marks(&copy);
    assert_eq!(start(&log, &table).expect("it says nothing of the log"), copy.state);
}
