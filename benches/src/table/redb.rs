//! redb: commits with `Durability::None`, which apply and show a group; an empty durable commit is the checkpoint.

use std::path::Path;
use std::sync::Arc;

use redb::{Database, Durability, ReadableDatabase, TableDefinition};

use super::data::{Key, Value};
use super::engine::{Engine, Reader, touch};
use crate::Outcome;

/// The one table. Keys and values have fixed sizes, which suits redb best.
const TABLE: TableDefinition<Key, Value> = TableDefinition::new("keys");
/// Memory for pages, for each key: all of them fit.
const CACHE_BYTES_PER_KEY: usize = 512;
/// Least memory for pages.
const CACHE_BYTES_MIN: usize = 1 << 30;

/// redb with one table.
pub struct Redb {
    /// The database.
    database: Arc<Database>,
}

impl Redb {
    /// The table in a directory, or an empty one, with memory for `keys` keys.
    pub fn open(dir: &Path, keys: u32) -> Outcome<Self> {
        let cache_bytes = CACHE_BYTES_MIN.max(keys as usize * CACHE_BYTES_PER_KEY);
        let database = Database::builder().set_cache_size(cache_bytes).create(dir.join("redb"))?;
        let transaction = database.begin_write()?;
        transaction.open_table(TABLE)?;
        transaction.commit()?;
        Ok(Self { database: Arc::new(database) })
    }
}

impl Engine for Redb {
    fn put(&mut self, keys: &[Key], value: &Value) -> Outcome {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::None)?;
        {
            let mut table = transaction.open_table(TABLE)?;
            for key in keys {
                table.insert(key, value)?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    fn delete(&mut self, keys: &[Key]) -> Outcome<usize> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::None)?;
        let mut found = 0;
        {
            let mut table = transaction.open_table(TABLE)?;
            for key in keys {
                found += usize::from(table.remove(key)?.is_some());
            }
        }
        transaction.commit()?;
        Ok(found)
    }

    fn checkpoint(&mut self) -> Outcome {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        transaction.commit()?;
        Ok(())
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(RedbReader(Arc::clone(&self.database)))
    }
}

/// A reader of redb.
struct RedbReader(Arc<Database>);

impl Reader for RedbReader {
    fn get(&self, keys: &[Key]) -> Outcome<usize> {
        let table = self.0.begin_read()?.open_table(TABLE)?;
        let mut found = 0;
        for key in keys {
            if let Some(value) = table.get(key)? {
                touch(&value.value());
                found += 1;
            }
        }
        Ok(found)
    }

    fn range(&self, from: &Key, limit: usize) -> Outcome<usize> {
        let table = self.0.begin_read()?.open_table(TABLE)?;
        let mut found = 0;
        for item in table.range(*from..)?.take(limit) {
            touch(&item?.1.value());
            found += 1;
        }
        Ok(found)
    }

    fn count(&self, from: &Key, to: &Key) -> Outcome<usize> {
        let table = self.0.begin_read()?.open_table(TABLE)?;
        table.range(*from..*to)?.map(|item| Ok(item.map(|_| 1)?)).sum()
    }
}
