//! The heaviest of many names, in little memory: space-saving counters.
//!
//! A fixed number of names is counted. If there is no room, a new name replaces the lightest one and inherits its
//! weight as its *error*: the weight shown is at most that much too high. A name whose true weight is above the total
//! divided by the capacity is never missing.
//!
//! Invariant: at most `capacity` names of at most [`NAME_BYTES_MAX`] bytes are kept.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::rc::Rc;

/// Longest name in bytes. Longer names are cut and told apart by a hash.
pub const NAME_BYTES_MAX: usize = 256;

/// A name and its weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The name, cut and marked if it is long.
    pub name: Vec<u8>,
    /// Its weight, at most `error` too high.
    pub weight: u64,
    /// How much of the weight may belong to others.
    pub error: u64,
}

/// Weights of names.
pub struct Top {
    capacity: usize,
    counters: HashMap<Rc<[u8]>, Counter>,
    /// Weight and name of all counters, lightest first.
    order: BTreeSet<(u64, Rc<[u8]>)>,
}

#[derive(Clone, Copy)]
struct Counter {
    weight: u64,
    error: u64,
}

impl Top {
    /// Counters for `capacity` names, at least one.
    pub fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), counters: HashMap::new(), order: BTreeSet::new() }
    }

    pub fn add(&mut self, name: &[u8], weight: u64) {
        let name = kept_name(name);
        if let Some((key, counter)) = self.counters.get_key_value(&*name) {
            let (key, mut counter) = (Rc::clone(key), *counter);
            self.order.remove(&(counter.weight, Rc::clone(&key)));
            counter.weight = counter.weight.saturating_add(weight);
            self.insert(key, counter);
            return;
        }
        let mut error = 0;
        if self.counters.len() >= self.capacity
            && let Some((lightest, name)) = self.order.pop_first()
        {
            self.counters.remove(&name);
            error = lightest;
        }
        self.insert(name.as_ref().into(), Counter { weight: weight.saturating_add(error), error });
    }

    /// The heaviest names, at most `count`; equal weights in the order of their names.
    pub fn heaviest(&self, count: usize) -> Vec<Counted> {
        let counted = |(name, counter): (&Rc<[u8]>, &Counter)| Counted {
            name: name.to_vec(),
            weight: counter.weight,
            error: counter.error,
        };
        let mut all: Vec<Counted> = self.counters.iter().map(counted).collect();
        all.sort_unstable_by(|one, other| other.weight.cmp(&one.weight).then(one.name.cmp(&other.name)));
        all.truncate(count);
        all
    }

    fn insert(&mut self, name: Rc<[u8]>, counter: Counter) {
        self.order.insert((counter.weight, Rc::clone(&name)));
        self.counters.insert(name, counter);
        assert!(self.counters.len() <= self.capacity && self.order.len() == self.counters.len());
    }
}

/// The name as it is kept: as it is, or its head and a hash.
fn kept_name(name: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    if name.len() <= NAME_BYTES_MAX {
        return name.into();
    }
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(name);
    let mark = format!("...#{hash:016x}");
    let mut kept = name[..NAME_BYTES_MAX - mark.len()].to_vec();
    kept.extend_from_slice(mark.as_bytes());
    kept.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_room_for_all_the_counts_are_exact() {
        let mut top = Top::new(10);
        for (name, weight) in [("a", 3), ("b", 5), ("a", 4), ("c", 1)] {
            top.add(name.as_bytes(), weight);
        }
        let names: Vec<_> =
            top.heaviest(2).into_iter().map(|one| (one.name, one.weight, one.error)).collect();
        assert_eq!(names, [(b"a".to_vec(), 7, 0), (b"b".to_vec(), 5, 0)]);
    }

    #[test]
    fn the_heavy_are_found_among_many_and_their_error_is_bounded() {
        let mut top = Top::new(100);
        for round in 0_u64..10_000 {
            top.add(format!("rare:{round}").as_bytes(), 1);
            if round % 10 == 0 {
                top.add(b"heavy", 3);
            }
        }
        let first = &top.heaviest(1)[0];
        assert_eq!(first.name, b"heavy");
        assert!(first.weight >= 3000 && first.weight - first.error <= 3000, "{first:?}");
        assert_eq!(top.counters.len(), 100);
    }

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let mut top = Top::new(10);
        let (mut one, mut other) = (vec![b'x'; 5000], vec![b'x'; 5000]);
        one.push(b'1');
        other.push(b'2');
        top.add(&one, 1);
        top.add(&other, 2);
        let names = top.heaviest(10);
        assert_eq!(names.len(), 2);
        assert!(names.iter().all(|one| one.name.len() == NAME_BYTES_MAX));
    }
}
