//! The table of this project: a group is applied, frozen and published, as the server does it.

use std::path::Path;
use std::sync::Arc;

use ackd::table::{MmapFile, Root, Table, TableOptions, TableWriter};

use super::data::{Key, Value};
use super::engine::{Engine, Reader, touch};
use crate::Outcome;

/// Address space of the table's file: more than any run needs.
const FILE_BYTES_MAX: u64 = 1 << 38;

/// The table and its writer.
pub struct AckdTable {
    /// What readers share.
    table: Arc<Table>,
    /// The one writer.
    writer: TableWriter,
    /// The tree that holds the keys.
    root: Root,
    /// Checkpoints so far.
    checkpoints: u64,
}

impl AckdTable {
    /// An empty table.
    pub fn create(dir: &Path) -> Outcome<Self> {
        let file = MmapFile::create(&dir.join("table"), FILE_BYTES_MAX)?;
        let (table, writer) = Table::create(Box::new(file), &TableOptions::default())?;
        Ok(Self { table, writer, root: Root::EMPTY, checkpoints: 0 })
    }

    /// The table's newest checkpoint.
    pub fn open(dir: &Path) -> Outcome<Self> {
        let file = MmapFile::open(&dir.join("table"), FILE_BYTES_MAX)?;
        let (table, writer) = Table::open(Box::new(file), &TableOptions::default())?;
        let (root, checkpoints) = (writer.root(0), table.applied_lsn());
        Ok(Self { table, writer, root, checkpoints })
    }

    /// Ends a group.
    fn publish(&mut self) {
        self.writer.set_root(0, self.root);
        let frozen = self.writer.freeze();
        self.writer.publish(frozen);
    }
}

impl Engine for AckdTable {
    fn put(&mut self, keys: &[Key], value: &Value) -> Outcome {
        for key in keys {
            self.writer.insert(&mut self.root, key, value, &[])?;
        }
        self.publish();
        Ok(())
    }

    fn delete(&mut self, keys: &[Key]) -> Outcome<usize> {
        let mut found = 0;
        for key in keys {
            found += usize::from(self.writer.remove(&mut self.root, key)?.is_some());
        }
        self.publish();
        Ok(found)
    }

    fn checkpoint(&mut self) -> Outcome {
        self.checkpoints += 1;
        let durable = self.writer.begin_checkpoint(self.checkpoints, 0).run()?;
        self.writer.end_checkpoint(durable);
        Ok(())
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(AckdReader(Arc::clone(&self.table)))
    }
}

/// A reader of the table.
struct AckdReader(Arc<Table>);

impl Reader for AckdReader {
    fn get(&self, keys: &[Key]) -> Outcome<usize> {
        let snapshot = self.0.snapshot();
        let root = snapshot.root(0);
        let mut found = 0;
        for key in keys {
            if let Some(cell) = snapshot.get(root, key)? {
                touch(cell.bytes);
                found += 1;
            }
        }
        Ok(found)
    }

    fn range(&self, from: &Key, limit: usize) -> Outcome<usize> {
        let snapshot = self.0.snapshot();
        let mut cursor = snapshot.cursor(snapshot.root(0));
        let mut item = cursor.seek(from)?;
        let mut found = 0;
        while let Some((_, cell)) = item.filter(|_| found < limit) {
            touch(cell.bytes);
            found += 1;
            item = cursor.next()?;
        }
        Ok(found)
    }

    fn count(&self, from: &Key, to: &Key) -> Outcome<usize> {
        let snapshot = self.0.snapshot();
        let root = snapshot.root(0);
        Ok((snapshot.rank(root, to)? - snapshot.rank(root, from)?) as usize)
    }
}
