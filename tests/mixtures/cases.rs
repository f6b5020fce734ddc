//! What happens to the files of a copied directory: files of two copies are mixed, or files are lost.

use rand::SeedableRng;
use rand::rngs::SmallRng;
use wal::MemoryStorage;

use super::life::{Copy, Life, State, foreign};

/// Files that a server is started from.
pub struct Case {
    /// What was done to the files.
    pub name: String,
    /// The log's files.
    pub log: MemoryStorage,
    /// The table's file.
    pub table: Vec<u8>,
    /// What may be served: one of these.
    pub right: Vec<State>,
}

/// A directory that was used and copied; then the original and the copy were used.
pub struct History {
    /// The seed; the names of its cases begin with it.
    seed: u64,
    /// The files when the directory was copied.
    at_copy: Copy,
    /// The original later.
    one: Copy,
    /// The copy later.
    other: Copy,
}

impl History {
    /// The history that this seed gives.
    pub fn new(seed: u64) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let mut first = Life::begin(&mut random);
        first.live(&mut random);
        let at_copy = first.end();
        let [one, other] = [0, 1].map(|_| {
            let mut life = Life::go_on(&at_copy, &mut random);
            life.live(&mut random);
            life.end()
        });
        Self { seed, at_copy, one, other }
    }

    /// A case with the log and the table of these copies, or what is left of them.
    fn case(&self, what: &str, log: &MemoryStorage, table: &Copy, right: &Copy) -> Case {
        let name = format!("seed {}: {what}", self.seed);
        let (log, table, right) = (log.fork(), table.table.clone(), vec![right.state.clone()]);
        Case { name, log, table, right }
    }

    /// The log and the table of different copies, or from different times.
    pub fn mixtures(&self) -> Vec<Case> {
        let Self { at_copy, one, other, .. } = self;
        let pairs =
            [(one, other, "the other copy"), (other, one, "the other copy"), (at_copy, one, "a later day")];
        let mut cases: Vec<Case> = pairs
            .into_iter()
            .map(|(table, log, which)| {
                self.case(&format!("a table with the log of {which}"), &log.log, table, log)
            })
            .collect();
        for life in [one, other] {
            let what = "a log put back from before";
            cases.push(self.case(what, &at_copy.log, life, life));
            // Log and table from the same time are right.
            cases.push(self.case("both from before", &at_copy.log, at_copy, at_copy));
        }
        for (own, foreign) in [(one, other), (other, one), (one, at_copy)] {
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
                cases.push(self.case(&format!("{segment} of another copy"), &mixed, own, own));
            }
        }
        cases
    }

    /// Logs to which the segments of another copy were added under numbers that were free. Those of a later day may continue
    /// the log; then it is the log of that day.
    pub fn unions(&self) -> Vec<Case> {
        let Self { at_copy, one, other, .. } = self;
        let mut cases = Vec::new();
        for (own, foreign, which) in [
            (one, other, "the other copy"),
            (other, one, "the other copy"),
            (at_copy, one, "a later day"),
            (at_copy, other, "a later day"),
        ] {
            let union = own.log.fork();
            let taken = own.log.names();
            let added: Vec<String> =
                foreign.log.names().into_iter().filter(|name| !taken.contains(name)).collect();
            for name in &added {
                union.set_contents(name, foreign.log.contents(name).expect("a file of the log"));
            }
            if added.is_empty() {
                continue;
            }
            let what = format!("its log and {} more of {which}", added.join(", "));
            let mut case = self.case(&what, &union, own, own);
            if std::ptr::eq(own, at_copy) {
                case.right.push(foreign.state.clone());
            }
            cases.push(case);
        }
        cases
    }

    /// A log of which a segment was lost in some way.
    pub fn losses(&self) -> Vec<Case> {
        let Self { one, other, .. } = self;
        let last = other.log.names().into_iter().max().expect("a segment");
        let mut cases = Vec::new();
        for segment in one.log.names() {
            let bytes = one.log.contents(&segment).expect("a file of the log");
            let mut add = |what: &str, change: &dyn Fn(&MemoryStorage)| {
                let log = one.log.fork();
                change(&log);
                cases.push(self.case(&format!("{segment} {what}"), &log, one, one));
            };
            add("removed", &|log| log.lose(&segment));
            add("emptied", &|log| log.set_contents(&segment, vec![0; bytes.len()]));
            add("cut", &|log| log.set_contents(&segment, bytes[..bytes.len() / 2].to_vec()));
            add("renamed", &|log| {
                log.lose(&segment);
                log.set_contents("00000000000000ff.wal", bytes.clone());
            });
            add("replaced by one of another server", &|log| {
                log.set_contents(&segment, foreign(self.seed));
            });
            if last != segment {
                add("replaced by the last of the other copy", &|log| {
                    log.set_contents(&segment, other.log.contents(&last).expect("a segment"));
                });
            }
        }
        cases
    }

    /// The log is lost completely.
    pub fn without_log(&self) -> Case {
        self.case("no log", &MemoryStorage::new(), &self.one, &self.one)
    }
}
