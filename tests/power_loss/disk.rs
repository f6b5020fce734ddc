//! A data set on disks in memory, to be damaged; operations on it are counted.

use ackd::table::{self, META_BYTES, Mapping, TableFile};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use wal::{Access, Method, Storage, StorageFile};

/// Bytes to which a table can grow.
const TABLE_BYTES_MAX: u64 = 8 << 20;

/// Counts operations on log and table. Clones are the same counter.
#[derive(Clone, Default)]
pub struct Power(Arc<AtomicU64>);

impl Power {
    /// A counter at zero.
    pub fn on() -> Self {
        Self::default()
    }

    /// Operations so far that change a disk or make a change durable.
    pub fn operations(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A log and a table on their disks.
#[derive(Clone)]
pub struct Disk {
    /// The log's directory.
    pub log: wal::MemoryStorage,
    /// The table's file.
    pub table: table::MemoryFile,
}

impl Disk {
    /// No log, and a table without a key.
    pub fn new(buffered: bool, options: &table::TableOptions) -> Self {
        let log = if buffered { wal::MemoryStorage::buffered() } else { wal::MemoryStorage::new() };
        let table = table::MemoryFile::new(TABLE_BYTES_MAX);
        drop(ackd::table::Table::create(Box::new(table.clone()), options).expect("a new table"));
        Self { log, table }
    }

    /// The log's directory, whose operations are counted.
    pub fn storage(&self, power: &Power) -> PoweredStorage {
        PoweredStorage { inner: self.log.clone(), power: power.clone() }
    }

    /// The table's file, whose operations are counted.
    pub fn file(&self, power: &Power) -> Box<dyn TableFile> {
        Box::new(PoweredTable { inner: self.table.clone(), power: power.clone() })
    }

    /// The process ended, but the machine did not: the page cache keeps everything, and nothing becomes durable.
    pub fn restart(&self) {
        self.log.restart();
    }
}

/// The log's directory, with the counter.
#[derive(Clone)]
pub struct PoweredStorage {
    inner: wal::MemoryStorage,
    power: Power,
}

/// A log file, with the counter.
pub struct PoweredLogFile {
    inner: wal::MemoryFile,
    storage: PoweredStorage,
}

impl PoweredStorage {
    fn file(&self, inner: wal::MemoryFile) -> PoweredLogFile {
        PoweredLogFile { inner, storage: self.clone() }
    }
}

impl Storage for PoweredStorage {
    type File = PoweredLogFile;

    fn list(&self) -> io::Result<Vec<String>> {
        self.inner.list()
    }

    fn create(&self, name: &str) -> io::Result<PoweredLogFile> {
        self.power.count();
        self.inner.create(name).map(|inner| self.file(inner))
    }

    fn open(&self, name: &str, access: Access) -> io::Result<PoweredLogFile> {
        self.inner.open(name, access).map(|inner| self.file(inner))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.power.count();
        self.inner.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.power.count();
        self.inner.remove(name)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.power.count();
        self.inner.sync_dir()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.inner.path(name)
    }
}

impl StorageFile for PoweredLogFile {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.storage.power.count();
        self.inner.write_at(bytes, offset)
    }

    fn append_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.storage.power.count();
        self.inner.append_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.storage.power.count();
        self.inner.sync()
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        self.storage.power.count();
        self.inner.allocate(bytes)
    }

    fn method(&self) -> Method {
        self.inner.method()
    }

    fn alignment_bytes(&self) -> usize {
        self.inner.alignment_bytes()
    }
}

/// The table's file, with the counter.
struct PoweredTable {
    inner: table::MemoryFile,
    power: Power,
}

impl TableFile for PoweredTable {
    fn map(&self) -> io::Result<Mapping> {
        self.inner.map()
    }

    fn bytes(&self) -> io::Result<u64> {
        self.inner.bytes()
    }

    fn grow(&self, from: u64, to: u64) -> io::Result<()> {
        self.power.count();
        self.inner.grow(from, to)
    }

    fn shrink(&self, to: u64) -> io::Result<()> {
        self.power.count();
        self.inner.shrink(to)
    }

    fn sync(&self, pages: &[u32]) -> io::Result<()> {
        self.power.count();
        self.inner.sync(pages)
    }

    fn write_meta(&self, slot: usize, meta: &[u8; META_BYTES]) -> io::Result<()> {
        self.power.count();
        self.inner.write_meta(slot, meta)
    }

    fn sync_meta(&self) -> io::Result<()> {
        self.power.count();
        self.inner.sync_meta()
    }

    fn read_meta(&self, slot: usize) -> io::Result<[u8; META_BYTES]> {
        self.inner.read_meta(slot)
    }

    fn path(&self) -> PathBuf {
        self.inner.path()
    }
}
