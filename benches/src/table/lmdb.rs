//! LMDB through heed: a writable map and no sync at commits (`MDB_WRITEMAP | MDB_NOSYNC`), its fastest way to apply and
//! show a group; `mdb_env_sync` is the checkpoint.

#![expect(unsafe_code, reason = "LMDB is opened by unsafe functions")]

use std::ops::Bound;
use std::path::Path;

use heed::types::Bytes;
use heed::{Database, Env, EnvFlags, EnvOpenOptions, WithTls};

use super::data::{Key, Value};
use super::engine::{Engine, Reader, touch};
use crate::Outcome;

/// Bytes of address space for each key, several times what it takes.
const MAP_BYTES_PER_KEY: usize = 1024;
/// Address space besides.
const MAP_BYTES_MIN: usize = 1 << 30;

/// LMDB with one database.
#[derive(Clone)]
pub struct Lmdb {
    /// The environment.
    env: Env<WithTls>,
    /// The one database.
    database: Database<'static, Bytes, Bytes>,
}

impl Lmdb {
    /// The database in a directory, or an empty one, with room for `keys` keys; `flags` besides those that all runs have.
    pub fn open(dir: &Path, keys: u32, flags: EnvFlags) -> Outcome<Self> {
        let mut options = EnvOpenOptions::new();
        options.map_size((MAP_BYTES_MIN + keys as usize * MAP_BYTES_PER_KEY).next_multiple_of(MAP_BYTES_MIN));
        // SAFETY: the flags give up durability and protection from stray writes through the map; the data is thrown
        // away after the run, and only LMDB has the map's address.
        unsafe { options.flags(EnvFlags::WRITE_MAP | EnvFlags::NO_SYNC | flags) };
        // SAFETY: the directory was made for this environment, and nobody else changes its files or has it open.
        let env = unsafe { options.open(dir)? };
        let transaction = env.write_txn()?;
        let database = env
            .create_databases_and_commit(transaction, |env, transaction| {
                let database = env.create_database(transaction, None)?;
                Ok::<_, heed::Error>(heed::CommitOrAbort::<_, ()>::Commit(database))
            })?
            .unwrap_commit();
        Ok(Self { env, database })
    }
}

impl Engine for Lmdb {
    fn put(&mut self, keys: &[Key], value: &Value) -> Outcome {
        let mut transaction = self.env.write_txn()?;
        for key in keys {
            self.database.put(&mut transaction, key, value)?;
        }
        transaction.commit()?;
        Ok(())
    }

    fn delete(&mut self, keys: &[Key]) -> Outcome<usize> {
        let mut transaction = self.env.write_txn()?;
        let mut found = 0;
        for key in keys {
            found += usize::from(self.database.delete(&mut transaction, key)?);
        }
        transaction.commit()?;
        Ok(found)
    }

    fn checkpoint(&mut self) -> Outcome {
        Ok(self.env.force_sync()?)
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(self.clone())
    }
}

impl Reader for Lmdb {
    fn get(&self, keys: &[Key]) -> Outcome<usize> {
        let transaction = self.env.read_txn()?;
        let mut found = 0;
        for key in keys {
            if let Some(value) = self.database.get(&transaction, key)? {
                touch(value);
                found += 1;
            }
        }
        Ok(found)
    }

    fn range(&self, from: &Key, limit: usize) -> Outcome<usize> {
        let transaction = self.env.read_txn()?;
        let mut found = 0;
        let range = (Bound::Included(&from[..]), Bound::Unbounded);
        for item in self.database.range(&transaction, &range)?.take(limit) {
            touch(item?.1);
            found += 1;
        }
        Ok(found)
    }

    fn count(&self, from: &Key, to: &Key) -> Outcome<usize> {
        let transaction = self.env.read_txn()?;
        let range = (Bound::Included(&from[..]), Bound::Excluded(&to[..]));
        let items = self.database.range(&transaction, &range)?;
        items.map(|item| Ok(item.map(|_| 1)?)).sum()
    }
}
