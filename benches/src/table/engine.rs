//! What every engine is asked to do.
//!
//! The guarantee is the same for all: a group is applied and shown to readers as one, and is on disk after the next
//! `checkpoint`. So the trees are compared, not how often an engine waits for the disk.

use std::path::Path;

use clap::ValueEnum;
use heed::EnvFlags;

use super::ackd::AckdTable;
use super::data::{Key, Value};
use super::lmdb::Lmdb;
use super::redb::Redb;
use crate::Outcome;

/// The writer's side of an engine.
pub trait Engine {
    /// Puts a group of keys.
    fn put(&mut self, keys: &[Key], value: &Value) -> Outcome;
    /// Deletes a group of keys and returns how many were there.
    fn delete(&mut self, keys: &[Key]) -> Outcome<usize>;
    /// Makes all groups durable.
    fn checkpoint(&mut self) -> Outcome;
    /// A reader, for this thread or another.
    fn reader(&self) -> Box<dyn Reader>;
}

/// A reader's side of an engine.
pub trait Reader: Send {
    /// Gets keys from one snapshot and returns how many were there.
    fn get(&self, keys: &[Key]) -> Outcome<usize>;
    /// Reads up to `limit` values from `from` on and returns how many there were.
    fn range(&self, from: &Key, limit: usize) -> Outcome<usize>;
    /// Counts the keys from `from` up to, and without, `to`.
    fn count(&self, from: &Key, to: &Key) -> Outcome<usize>;
}

/// An engine that is measured.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// The table of this project.
    Ackd,
    /// LMDB, through heed.
    Lmdb,
    /// redb.
    Redb,
}

impl Kind {
    /// All of them, the table of this project first.
    pub const ALL: [Self; 3] = [Self::Ackd, Self::Lmdb, Self::Redb];

    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ackd => "ackd",
            Self::Lmdb => "LMDB",
            Self::Redb => "redb",
        }
    }

    /// A table that was created in a directory with the same `keys`, at its last checkpoint.
    pub fn open(self, dir: &Path, keys: u32) -> Outcome<Box<dyn Engine>> {
        Ok(match self {
            Self::Ackd => Box::new(AckdTable::open(dir)?),
            Self::Lmdb => Box::new(Lmdb::open(dir, keys, EnvFlags::NO_READ_AHEAD)?),
            Self::Redb => Box::new(Redb::open(dir, keys)?),
        })
    }

    /// An empty table in a directory, with room for `keys` keys.
    pub fn create(self, dir: &Path, keys: u32) -> Outcome<Box<dyn Engine>> {
        Ok(match self {
            Self::Ackd => Box::new(AckdTable::create(dir)?),
            Self::Lmdb => Box::new(Lmdb::open(dir, keys, EnvFlags::empty())?),
            Self::Redb => Box::new(Redb::open(dir, keys)?),
        })
    }
}

/// Reads a value, so that its page is really loaded.
pub fn touch(value: &[u8]) {
    std::hint::black_box(value[value.len() - 1]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::data::{VALUE_BYTES, key};

    #[test]
    fn all_engines_do_the_same() {
        for kind in Kind::ALL {
            let dir = tempfile::tempdir().unwrap();
            let mut engine = kind.create(dir.path(), 1000).unwrap();
            let keys: Vec<Key> = (0..1000).map(key).collect();
            for group in keys.chunks(50) {
                engine.put(group, &[7; VALUE_BYTES]).unwrap();
            }
            engine.checkpoint().unwrap();
            let reader = engine.reader();
            let context = kind.name();
            assert_eq!(reader.get(&[key(0), key(999), key(1000)]).unwrap(), 2, "{context}");
            assert_eq!(reader.range(&key(995), 100).unwrap(), 5, "{context}");
            assert_eq!(reader.range(&key(5), 100).unwrap(), 100, "{context}");
            assert_eq!(reader.count(&key(10), &key(30)).unwrap(), 20, "{context}");
            assert_eq!(engine.delete(&[key(10), key(11), key(2000)]).unwrap(), 2, "{context}");
            assert_eq!(reader.count(&key(10), &key(30)).unwrap(), 18, "{context}");
            engine.checkpoint().unwrap();
            drop((reader, engine));
            let reader = kind.open(dir.path(), 1000).unwrap().reader();
            assert_eq!(reader.get(&[key(0), key(10), key(999)]).unwrap(), 2, "{context}");
        }
    }
}
