//! Damage, bit by bit and block by block: whatever is wrong on the disk, every answer is right, or an error.
//!
//! Each case changes a copy of a data set (its log, its table, or both), starts from it as the server does, and compares
//! every key with what was stored. `cargo test` takes a sample; `ACKD_BITFLIPS=all cargo test --test bitflips -- --nocapture`
//! takes every bit and prints the figures, with `ACKD_BITFLIPS_PART=1/4` as well a quarter of them. `ACKD_MISHAPS=1000000`
//! sets the number of damaged blocks and files.

#[path = "../common/mod.rs"]
mod common;
mod data;
mod log;
mod mishaps;
mod servers;
mod table;

use std::fmt;

/// Whether every bit is flipped, not only a sample.
fn takes_all() -> bool {
    std::env::var("ACKD_BITFLIPS").is_ok_and(|value| value == "all")
}

/// Whether a page or sector belongs to the part that was asked for.
fn is_in_part(number: u64) -> bool {
    let Ok(part) = std::env::var("ACKD_BITFLIPS_PART") else { return true };
    let (part, of) = part.split_once('/').expect("ACKD_BITFLIPS_PART is like 1/4");
    let number_of = |text: &str| text.parse::<u64>().expect("a number");
    number % number_of(of) + 1 == number_of(part)
}

/// Outcomes of some cases.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Cases.
    pub cases: u64,
    /// Every key was there and right: the damage touched nothing in use.
    pub same: u64,
    /// Refused, by the start or by the keys concerned, and named; everything else was right.
    pub refused: u64,
    /// Something was wrong, without an error.
    pub silent: u64,
    /// A panic.
    pub crashed: u64,
}

impl Tally {
    /// Adds other cases.
    pub fn add(&mut self, other: Tally) {
        self.cases += other.cases;
        self.same += other.same;
        self.refused += other.refused;
        self.silent += other.silent;
        self.crashed += other.crashed;
    }

    /// Prints the figures as a row and asserts that nothing was silent and nothing crashed.
    pub fn check(&self, what: &str) {
        eprintln!("{what:<52} {self}");
        assert_eq!((self.silent, self.crashed), (0, 0), "{what}: {self}");
        assert_eq!(self.same + self.refused, self.cases);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { cases, same, refused, silent, crashed } = self;
        write!(
            out,
            "{cases:>9} cases {refused:>9} refused {same:>9} not in use {silent:>3} silent {crashed:>3} crashed"
        )
    }
}

/// Runs `work` on both cores, each with its number and the number of workers, and adds up.
pub fn in_parallel(work: impl Fn(usize, usize) -> Tally + Sync) -> Tally {
    const WORKERS: usize = 2;
    let mut total = Tally::default();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|number| {
                scope.spawn({
                    let work = &work;
                    move || work(number, WORKERS)
                })
            })
            .collect();
        workers.into_iter().for_each(|worker| total.add(worker.join().expect("a worker")));
    });
    total
}
