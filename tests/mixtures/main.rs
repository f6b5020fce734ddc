//! Files that do not belong together, and files that are lost: a start from them serves everything, or fails with an error.
//!
//! A directory is copied, both copies are used, and files of one are mixed with files of the other, or added to them; or a
//! segment of the log is lost, emptied, truncated, renamed or replaced. The right answer is the whole state of the copy that
//! the log is from; serving anything else is silent damage.
//!
//! `ACKD_MIXTURES` sets how many histories are made (each gives about 25 cases), `ACKD_MIXTURES_SEED` the first seed.

#![allow(clippy::print_stdout, reason = "the figures are what it is for")]

mod cases;
mod life;

use std::collections::BTreeMap;

use ackd::recovery::RecoveryError;
use cases::{Case, History};
use life::{Life, start};
use rand::SeedableRng;
use rand::rngs::SmallRng;

/// Histories without `ACKD_MIXTURES`.
const HISTORIES: u64 = 60;

/// Number of cases with each outcome.
#[derive(Default)]
struct Tally {
    /// Everything was served.
    right: u64,
    /// The start was refused, by the reason's kind.
    refused: BTreeMap<String, u64>,
}

impl Tally {
    /// Checks the starts of all histories with cases of one kind. Returns the number of histories, too.
    fn of(kind: &str, cases: impl Fn(&History) -> Vec<Case>) -> (Self, u64) {
        let (first, count) = (setting("ACKD_MIXTURES_SEED", 1), setting("ACKD_MIXTURES", HISTORIES));
        let mut tally = Self::default();
        for seed in first..first + count {
            cases(&History::new(seed)).iter().for_each(|case| tally.case(case));
        }
        let Self { right, refused, .. } = &tally;
        println!("{kind}: {} cases from seed {first} on, {right} right, {refused:?} refused", tally.cases());
        (tally, count)
    }

    /// Checks one start.
    fn case(&mut self, Case { name, log, table, right }: &Case) {
        match start(log, table) {
            Ok(found) if right.contains(&found) => self.right += 1,
            Ok(found) => panic!(
                "{name}: {} keys were served where {:?} are right, and nobody said so",
                found.len(),
                right.iter().map(|state| state.len()).collect::<Vec<_>>()
            ),
            Err(error) => {
                assert!(error.is_damage(), "{name}: a loss is no failing disk: {error}");
                *self.refused.entry(kind(&error)).or_default() += 1;
            }
        }
    }

    /// Cases in all.
    fn cases(&self) -> u64 {
        self.right + self.refused.values().sum::<u64>()
    }
}

/// The kind of a refusal.
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

#[test]
fn files_of_two_copies_are_served_whole_or_refused() {
    let (tally, histories) = Tally::of("mixtures", History::mixtures);
    assert!(tally.cases() >= 8 * histories && tally.right > 0);
    assert!(tally.refused.keys().any(|kind| kind.starts_with("OtherHistory")), "{:?}", tally.refused);
}

#[test]
fn a_log_with_more_segments_of_another_copy_is_served_whole_or_refused() {
    let (tally, histories) = Tally::of("unions", History::unions);
    assert!(tally.cases() >= histories && tally.right > 0 && !tally.refused.is_empty(), "{}", tally.cases());
}

#[test]
fn a_log_that_lost_a_segment_is_refused() {
    let (tally, histories) = Tally::of("losses", |history| {
        let Case { log, table, .. } = history.without_log();
        let error = start(&log, &table).expect_err("a log that is gone");
        assert!(error.is_damage(), "{error}");
        assert!(error.to_string().contains("the log is missing"), "{error}");
        history.losses()
    });
    assert!(tally.cases() >= 6 * histories);
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
