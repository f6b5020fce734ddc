//! What the records of a log say.

use ackd::effect::decode;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard};
use wal::{Group, Lsn};

/// Effects of results that are stored in several records, with their names: only commands that are worked out beside the
/// writer make them.
pub const IN_PARTS: [(u8, &str); 7] = [
    (0x26, "combine, set in all"),
    (0x27, "combine, set in any"),
    (0x28, "combine, set in an odd number"),
    (0x29, "combine, not set"),
    (0x62, "zcopyorder"),
    (0x63, "zcopymembers, within ranks"),
    (0x64, "zcopymembers, outside of them"),
];

/// How often there was each of these effects.
pub type InParts = [u64; IN_PARTS.len()];

/// Which of them a record has.
fn in_parts(payload: &[u8]) -> InParts {
    let record = decode(payload).expect("a record of the server");
    let mut found = InParts::default();
    for effect in record.effects() {
        let op = effect.op();
        if let Some(place) = IN_PARTS.iter().position(|(known, _)| *known == op) {
            found[place] += 1;
        }
    }
    found
}

/// Adds the one to the other.
pub fn add(total: &mut InParts, more: &InParts) {
    total.iter_mut().zip(more).for_each(|(total, more)| *total += more);
}

/// Those effects by record.
#[derive(Clone, Default)]
pub struct Records(BTreeMap<u64, InParts>);

impl Records {
    /// Adds later ones. What was recorded with their numbers was lost.
    pub fn followed_by(&self, later: &Records) -> Records {
        let mut all = self.clone();
        if let Some((first, _)) = later.0.first_key_value() {
            all.0.split_off(first);
        }
        all.0.extend(later.0.iter().map(|(lsn, found)| (*lsn, *found)));
        all
    }

    /// The effects of a range of records.
    pub fn within(&self, range: RangeInclusive<u64>) -> InParts {
        let mut total = InParts::default();
        if !range.is_empty() {
            self.0.range(range).for_each(|(_, found)| add(&mut total, found));
        }
        total
    }

    /// The effects of all records.
    pub fn all(&self) -> InParts {
        self.within(0..=u64::MAX)
    }
}

/// The records that a running log takes.
#[derive(Clone, Default)]
pub struct Logged(Arc<Mutex<Records>>);

impl Logged {
    fn records(&self) -> MutexGuard<'_, Records> {
        self.0.lock().expect("no panic in here")
    }

    /// Those so far.
    pub fn so_far(&self) -> Records {
        self.records().clone()
    }

    /// What the records of a group have.
    pub fn of(group: &Group) -> Vec<InParts> {
        group.payloads().map(in_parts).collect()
    }

    /// The log took a group with these records, numbered from `first` on.
    pub fn took(&self, first: Lsn, found: Vec<InParts>) {
        self.records().0.extend((first..).zip(found));
    }
}
