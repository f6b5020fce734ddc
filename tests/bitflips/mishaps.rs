//! Blocks and files that are not what was written: zeroed, swapped, stale, lost, misdirected, cut, missing, foreign.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use wal::MemoryStorage;

use ackd::recovery::RecoveryError;
use ackd::table::PAGE_BYTES;

use super::common::{seed, setting};
use super::data::{DataSet, Outcome, full_segment, full_table, long_log, start};
use super::{Tally, in_parallel};

/// Bytes that devices write at once.
const SECTOR_BYTES: usize = 512;
/// Cases of each kind in the short form.
const CASES: u64 = 100;

/// A kind of damage: changes copies of log and table.
type Mishap = fn(&mut Case<'_>);

/// A damaged copy.
struct Case<'s> {
    set: &'s DataSet,
    log: MemoryStorage,
    table: Vec<u8>,
    random: SmallRng,
}

impl Case<'_> {
    /// A segment of the log that holds anything, the newest one last.
    fn segments(&self) -> Vec<String> {
        let names = self.log.names().into_iter();
        names.filter(|name| self.bytes(name).iter().any(|byte| *byte != 0)).collect()
    }

    fn segment(&mut self) -> String {
        let names = self.segments();
        names[self.random.random_range(0..names.len())].clone()
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        self.log.contents(name).expect("a file of the log")
    }

    /// A sector of a file of this length.
    fn sector(&mut self, bytes: usize) -> usize {
        self.random.random_range(0..bytes / SECTOR_BYTES) * SECTOR_BYTES
    }

    /// A page of the table other than the meta pages.
    fn page(&mut self) -> usize {
        self.random.random_range(2..self.table.len() / PAGE_BYTES) * PAGE_BYTES
    }

    /// Changes the bytes of a file of the log.
    fn change(&mut self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = self.bytes(name);
        change(&mut bytes);
        self.log.set_contents(name, bytes);
    }
}

/// Kinds of damage to the log.
const LOG_MISHAPS: &[(&str, Mishap)] = &[
    ("sectors of the log zeroed", |case| {
        let name = case.segment();
        let at = case.sector(case.bytes(&name).len());
        case.change(&name, |bytes| bytes[at..at + SECTOR_BYTES].fill(0));
    }),
    ("sectors of the log filled with noise", |case| {
        let name = case.segment();
        let at = case.sector(case.bytes(&name).len());
        let noise: Vec<u8> = (0..SECTOR_BYTES).map(|_| case.random.random()).collect();
        case.change(&name, |bytes| bytes[at..at + SECTOR_BYTES].copy_from_slice(&noise));
    }),
    ("sectors of the log swapped", |case| {
        let name = case.segment();
        let len = case.bytes(&name).len();
        let (a, b) = (case.sector(len), case.sector(len));
        case.change(&name, |bytes| (0..SECTOR_BYTES).for_each(|at| bytes.swap(a + at, b + at)));
    }),
    ("sectors of the log written over others", |case| {
        let (from, to) = (case.segment(), case.segment());
        let at = case.sector(case.bytes(&from).len());
        let sector = case.bytes(&from)[at..at + SECTOR_BYTES].to_vec();
        let at = case.sector(case.bytes(&to).len());
        case.change(&to, |bytes| bytes[at..at + SECTOR_BYTES].copy_from_slice(&sector));
    }),
    ("log files cut short", |case| {
        let name = case.segment();
        let length = case.random.random_range(0..case.bytes(&name).len());
        case.change(&name, |bytes| bytes.truncate(length));
    }),
    ("log files missing, but not the newest", |case| {
        // The loss of the whole newest file is noticed only if a checkpoint holds records in it.
        let names = case.segments();
        let name = names[case.random.random_range(0..names.len().max(2) - 1)].clone();
        case.log.lose(&name);
    }),
    ("log files copied under another name", |case| {
        let name = case.segment();
        let number = case.random.random_range(0..12);
        let bytes = case.bytes(&name);
        if !case.log.names().contains(&wal::segment_name(number)) {
            case.log.set_contents(&wal::segment_name(number), bytes);
        }
    }),
    ("log files exchanged", |case| {
        let (a, b) = (case.segment(), case.segment());
        let (bytes_a, bytes_b) = (case.bytes(&a), case.bytes(&b));
        case.log.set_contents(&a, bytes_b);
        case.log.set_contents(&b, bytes_a);
    }),
];

/// Kinds of damage to the table.
const TABLE_MISHAPS: &[(&str, Mishap)] = &[
    ("sectors of the table zeroed", |case| {
        let at = case.sector(case.table.len());
        case.table[at..at + SECTOR_BYTES].fill(0);
    }),
    ("pages of the table zeroed", |case| {
        let at = case.page();
        case.table[at..at + PAGE_BYTES].fill(0);
    }),
    ("pages of the table swapped", |case| {
        let (a, b) = (case.page(), case.page());
        (0..PAGE_BYTES).for_each(|at| case.table.swap(a + at, b + at));
    }),
    ("pages of the table written over others", |case| {
        let (from, to) = (case.page(), case.page());
        case.table.copy_within(from..from + PAGE_BYTES, to);
    }),
    ("pages of the table stale: a write was lost", |case| {
        let former = &case.set.former[case.random.random_range(0..case.set.former.len())];
        let at = case.page();
        let stale = former.get(at..at + PAGE_BYTES).map_or_else(|| vec![0; PAGE_BYTES], <[u8]>::to_vec);
        case.table[at..at + PAGE_BYTES].copy_from_slice(&stale);
    }),
    ("sectors of the table stale", |case| {
        let former = &case.set.former[case.random.random_range(0..case.set.former.len())];
        let at = case.sector(case.table.len().min(former.len()));
        case.table[at..at + SECTOR_BYTES].copy_from_slice(&former[at..at + SECTOR_BYTES]);
    }),
    ("the table cut short", |case| {
        let length = case.random.random_range(0..case.table.len());
        case.table.truncate(length);
    }),
    ("the table put back to a former checkpoint", |case| {
        let former = case.random.random_range(0..case.set.former.len());
        case.table.clone_from(&case.set.former[former]);
    }),
];

/// Damages the data set in this way `cases` times.
fn suffer(set: &DataSet, mishap: Mishap, seed: u64, cases: u64) -> Tally {
    let mut tally = Tally::default();
    for number in 0..cases {
        let random = SmallRng::seed_from_u64(seed.wrapping_add(number));
        let mut case = Case { set, log: set.log.fork(), table: set.table.clone(), random };
        mishap(&mut case);
        tally.cases += 1;
        match start(&case.log, &case.table, &set.contents) {
            Outcome::Same => tally.same += 1,
            Outcome::Refused(RecoveryError::Log(error)) => panic!("seed {seed} case {number}: {error}"),
            Outcome::Refused(_) | Outcome::Partly(_) => tally.refused += 1,
            Outcome::Silent(wrong) => {
                eprintln!("seed {seed} case {number}: {wrong}");
                tally.silent += 1;
            }
            Outcome::Crashed => {
                eprintln!("seed {seed} case {number}: a panic");
                tally.crashed += 1;
            }
        }
    }
    tally
}

#[test]
fn blocks_and_files_that_are_not_what_was_written_are_named_or_not_in_use() {
    let seed = seed("--test bitflips blocks_and_files");
    let sets = [
        ("", long_log(), LOG_MISHAPS),
        ("", full_table(0), TABLE_MISHAPS),
        (", log kept", full_table(1 << 30), TABLE_MISHAPS),
    ];
    let kinds: u64 = sets.iter().map(|(_, _, mishaps)| mishaps.len() as u64).sum();
    let cases = setting("ACKD_MISHAPS", CASES * kinds) / kinds;
    let mut total = Tally::default();
    for (which, set, mishaps) in &sets {
        assert!(matches!(start(&set.log, &set.table, &set.contents), Outcome::Same));
        for (what, mishap) in *mishaps {
            let tally = in_parallel(|worker, workers| {
                let set = DataSet { log: set.log.fork(), ..set.clone() };
                let seed = seed.wrapping_add(worker as u64 * 1_000_000_007);
                suffer(&set, *mishap, seed, cases / workers as u64)
            });
            tally.check(&format!("{what}{which}"));
            total.add(tally);
        }
    }
    total.check("all blocks and files");
    assert!(total.refused > total.cases / 2);
}

#[test]
fn a_log_cut_at_any_byte_is_refused() {
    let set = full_segment(true);
    let name = wal::segment_name(1);
    let bytes = set.log.contents(&name).expect("the segment");
    let step = if super::takes_all() { 1 } else { 331 };
    let tally = in_parallel(|worker, workers| {
        let mut tally = Tally::default();
        let part = |length: &usize| super::is_in_part((*length / 512) as u64);
        for length in (worker * step..bytes.len()).step_by(step * workers).filter(part) {
            let image = set.log.fork();
            image.set_contents(&name, bytes[..length].to_vec());
            tally.cases += 1;
            match start(&image, &set.table, &set.contents) {
                Outcome::Refused(_) => tally.refused += 1,
                other => {
                    eprintln!("cut to {length}: {other:?}");
                    tally.silent += 1;
                }
            }
        }
        tally
    });
    tally.check("a log of 64 KiB cut at each byte");
}
