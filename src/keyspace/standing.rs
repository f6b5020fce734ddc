//! The expiry times at one moment, to be applied later whatever the clock shows then.
//!
//! They are in many trees, each in order: a database's keys, the hashes that have fields with expiries, and the fields
//! of each such hash. These are merged from the earliest expiry on, a few of each tree at a time, so that the number of
//! expiry times read is close to the number returned, however many there are.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::error::KeyspaceError;
use super::events::Classes;
use super::given::name;
use super::layout::expiries_slot;
use super::lookup::lookup;
use super::walk::walk;
use super::{Keyspace, expiry, field_expiry};
use crate::effect::{DATABASES_MAX, Effect, HashChange, ItemsBuffer};
use crate::table::{Root, View};

/// Maximum number of expiry times of one tree that are read at a time.
const AHEAD_MAX: usize = 64;
/// Maximum number of expiry times read for each one wanted, apart from the first reads of the trees of all databases.
/// All fields of a small hash are read to find those with an expiry.
const LOOKED_AT_FACTOR: usize = 10;

/// The expiry of a key, or of a field of a hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The key's database.
    pub db: usize,
    /// The key.
    pub key: Box<[u8]>,
    /// The field, if it is the expiry of a field.
    pub field: Option<Box<[u8]>>,
    /// The expiry, in milliseconds since 1970.
    pub expire_at_ms: u64,
}

impl Standing {
    /// The name of the key or field, as in [`Given`](super::Given).
    pub fn name(&self) -> Box<[u8]> {
        name(self.db, &self.key, self.field.as_deref())
    }
}

/// The kind of a tree of expiry times.
enum Subject {
    /// Keys.
    Keys,
    /// Hashes, by the first expiry of their fields.
    Hashes,
    /// The fields of the hash under this key.
    Fields(Box<[u8]>),
}

/// A tree of expiry times that is read.
struct Source {
    /// Its database.
    db: usize,
    /// Its kind.
    subject: Subject,
    /// The tree; empty if all of it was read.
    tree: Root,
    /// Expiry times that were read and not taken yet.
    ahead: VecDeque<(u64, Box<[u8]>)>,
    /// Number of expiry times to read next.
    batch: usize,
}

impl Source {
    /// A tree of which nothing was read.
    fn new(db: usize, subject: Subject, tree: Root) -> Self {
        Self { db, subject, tree, ahead: VecDeque::new(), batch: 1 }
    }

    /// Reads on after `last`; returns how many expiry times it read.
    fn read(&mut self, view: &View<'_>, last: Option<&(u64, Box<[u8]>)>) -> Result<usize, KeyspaceError> {
        let start = last.map(|(expiry, name)| expiry::index_key(*expiry, name)).unwrap_or_default();
        let (batch, ahead) = (self.batch, &mut self.ahead);
        walk(view, self.tree, &start, |index_key, _| {
            if *index_key != *start {
                let (expiry, name) = expiry::split(index_key)?;
                ahead.push_back((expiry, name.into()));
            }
            Ok(ahead.len() < batch)
        })?;
        if ahead.len() < batch {
            self.tree = Root::EMPTY;
        }
        // Few are read of each of many hashes, and many of a tree of which many are taken.
        self.batch = AHEAD_MAX.min(2 * batch);
        Ok(ahead.len() + 1)
    }
}

/// All expiry times of a version, the earliest first.
struct Merge<'v> {
    /// The version.
    view: &'v View<'v>,
    /// The trees.
    sources: Vec<Source>,
    /// The next expiry of each tree, with the tree's index.
    next: BinaryHeap<Reverse<(u64, usize)>>,
    /// Number of expiry times read.
    looked_at: usize,
}

impl<'v> Merge<'v> {
    /// A merge that has taken nothing yet.
    fn new(view: &'v View<'v>) -> Result<Self, KeyspaceError> {
        let mut merge = Self { view, sources: Vec::new(), next: BinaryHeap::new(), looked_at: 0 };
        for db in 0..DATABASES_MAX {
            merge.add(Source::new(db, Subject::Keys, view.root(expiries_slot(db))))?;
            merge.add(Source::new(db, Subject::Hashes, field_expiry::tree(view, db)?))?;
        }
        Ok(merge)
    }

    /// Adds a tree, and reads its first expiry times if none were read.
    fn add(&mut self, mut source: Source) -> Result<(), KeyspaceError> {
        if source.ahead.is_empty() {
            self.looked_at += source.read(self.view, None)?;
        }
        if let Some((expiry, _)) = source.ahead.front() {
            self.next.push(Reverse((*expiry, self.sources.len())));
            self.sources.push(source);
        }
        Ok(())
    }

    /// Takes the earliest expiry that is left; `None` at the end.
    fn take(&mut self) -> Result<Option<Standing>, KeyspaceError> {
        while let Some(Reverse((_, place))) = self.next.pop() {
            let source = &mut self.sources[place];
            let Some(taken) = source.ahead.pop_front() else { continue };
            if source.ahead.is_empty() {
                self.looked_at += source.read(self.view, Some(&taken))?;
            }
            if let Some((expiry, _)) = source.ahead.front() {
                self.next.push(Reverse((*expiry, place)));
            }
            let ((expire_at_ms, name), db) = (taken, source.db);
            match &source.subject {
                Subject::Keys => return Ok(Some(Standing { db, key: name, field: None, expire_at_ms })),
                Subject::Hashes => self.open(db, name)?,
                Subject::Fields(key) => {
                    let (key, field) = (key.clone(), Some(name));
                    return Ok(Some(Standing { db, key, field, expire_at_ms }));
                }
            }
        }
        Ok(None)
    }

    /// Adds the fields of a hash.
    fn open(&mut self, db: usize, key: Box<[u8]>) -> Result<(), KeyspaceError> {
        let Some(hash) = lookup(self.view, db, &key)?.and_then(|value| value.hash(0)) else {
            return Ok(());
        };
        let mut source = Source::new(db, Subject::Fields(key), hash.expiries());
        if hash.is_packed() {
            let mut timed = Vec::new();
            hash.each_from(self.view, &[], |field, element| {
                self.looked_at += 1;
                timed.extend(element.expire_at_ms.map(|expiry| (expiry, Box::from(field))));
                Ok(true)
            })?;
            timed.sort_unstable();
            source.ahead = timed.into();
        }
        self.add(source)
    }
}

impl Keyspace<'_> {
    /// Up to `count_max` expiries of keys and fields, earliest first; fewer if too many fields of hashes would have to
    /// be read.
    pub fn standing(&self, count_max: usize) -> Result<Vec<Standing>, KeyspaceError> {
        let view = self.view();
        let (mut merge, mut all) = (Merge::new(&view)?, Vec::new());
        let looked_at_max = merge.looked_at.saturating_add(count_max.saturating_mul(LOOKED_AT_FACTOR));
        while all.len() < count_max && merge.looked_at < looked_at_max {
            let Some(standing) = merge.take()? else { break };
            all.push(standing);
        }
        Ok(all)
    }

    /// Deletes the key or field, as expired, if it still has exactly this expiry; returns whether it did.
    pub fn end(&mut self, standing: &Standing) -> Result<bool, KeyspaceError> {
        let Standing { db, key, field, expire_at_ms } = standing;
        let found = {
            let view = self.view();
            let value = lookup(&view, *db, key)?;
            match (value, field) {
                (Some(value), None) => value.expire_at_ms,
                (Some(value), Some(field)) => match value.hash(0) {
                    Some(hash) => hash.get(&view, field)?.and_then(|element| element.expire_at_ms),
                    None => None,
                },
                (None, _) => None,
            }
        };
        if found != Some(*expire_at_ms) {
            return Ok(false);
        }
        let Some(field) = field else { return self.expired(*db, key).map(|()| true) };
        let mut fields = ItemsBuffer::new();
        fields.push(field);
        let gone = Effect::on(*db, key, HashChange::Delete { fields: fields.items(), expired: true });
        self.take_out(&gone, Classes::HASH, "hexpired")?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::StringChange;
    use crate::table::{MemoryFile, Table, TableOptions, TableWriter};

    fn table() -> TableWriter {
        let options = TableOptions { seed: 1, ..TableOptions::default() };
        Table::create(Box::new(MemoryFile::new(1 << 28)), &options).unwrap().1
    }

    /// Creates a hash of `fields` fields, the first of which have the expiry times.
    fn hash(keys: &mut Keyspace<'_>, db: usize, key: &[u8], fields: usize, expiries: &[u64]) {
        let name = |number: usize| format!("field:{number:08}");
        for first in (0..fields).step_by(10_000) {
            let mut pairs = ItemsBuffer::new();
            for number in first..fields.min(first + 10_000) {
                pairs.push(name(number).as_bytes());
                pairs.push(b"v");
            }
            let change = HashChange::Set { pairs: pairs.items(), expire_at_ms: None };
            keys.apply(&Effect::on(db, key, change)).unwrap();
        }
        for (number, expiry) in expiries.iter().enumerate() {
            let named: ItemsBuffer = [name(number).as_bytes()].into_iter().collect();
            let (fields, expire_at_ms) = (named.items(), Some(*expiry));
            keys.apply(&Effect::on(db, key, HashChange::Expire { fields, expire_at_ms })).unwrap();
        }
    }

    fn string(keys: &mut Keyspace<'_>, db: usize, key: &str, expiry: u64) {
        let (key, value, expire_at_ms) = (key.as_bytes(), b"v", Some(expiry));
        keys.apply(&Effect::on(db, key, StringChange::Set { value, expire_at_ms, raw: false })).unwrap();
    }

    #[test]
    fn the_earliest_of_all_databases_keys_and_fields_come_first() {
        let mut table = table();
        let mut keys = Keyspace::new(&mut table, None);
        for number in 0..300 {
            string(&mut keys, 0, &format!("far:{number}"), 1_000_000 + number);
            string(&mut keys, 7, &format!("near:{number}"), 3 * number);
        }
        hash(&mut keys, 3, b"packed", 20, &[301, 7, 900_000]);
        let many: Vec<u64> = (0..500).map(|number| 2 * number + 1).collect();
        hash(&mut keys, 9, b"large", 3000, &many);
        let mut expected: Vec<u64> = (0..300).map(|number| 3 * number).collect();
        expected.extend(many.iter().chain(&[301, 7, 900_000]));
        expected.extend((0..300).map(|number| 1_000_000 + number));
        expected.sort_unstable();
        for count in [0, 1, 2, 100, 803, 900, 2000] {
            let found = keys.standing(count).unwrap();
            let expiries: Vec<u64> = found.iter().map(|standing| standing.expire_at_ms).collect();
            assert_eq!(expiries, expected[..count.min(expected.len())], "{count}");
        }
        let all = keys.standing(2000).unwrap();
        let packed: Vec<_> = all.iter().filter(|standing| *standing.key == *b"packed").collect();
        assert_eq!(packed.len(), 3);
        assert!(packed.iter().all(|standing| standing.db == 3 && standing.field.is_some()));
        assert!(all.iter().all(|standing| standing.field.is_some() == matches!(standing.db, 3 | 9)));
    }

    #[test]
    fn hashes_of_many_fields_are_not_looked_through() {
        let mut table = table();
        let mut keys = Keyspace::new(&mut table, None);
        for number in 0..4 {
            hash(&mut keys, number, format!("large:{number}").as_bytes(), 50_000, &[number as u64 + 1]);
        }
        let view = keys.view();
        let mut merge = Merge::new(&view).unwrap();
        let mut found = 0;
        while merge.take().unwrap().is_some() {
            found += 1;
        }
        assert_eq!(found, 4);
        assert!(merge.looked_at < 1000, "{} are looked at", merge.looked_at);
    }

    #[test]
    fn small_hashes_are_looked_through_up_to_a_bound() {
        let mut table = table();
        let mut keys = Keyspace::new(&mut table, None);
        for number in 0..100 {
            hash(&mut keys, 0, format!("small:{number}").as_bytes(), 40, &[number as u64 + 1]);
        }
        assert_eq!(keys.standing(1000).unwrap().len(), 100);
        let few = keys.standing(100).unwrap();
        assert!((10..30).contains(&few.len()), "{} of 1000 elements", few.len());
    }
}
