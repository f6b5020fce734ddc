//! The two disks in memory, log and table, behind one power switch: when it goes off, both stop at the same operation.

use ackd::table::{self, META_BYTES, Mapping, TableFile};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use wal::{Access, Fault, Method, Storage, StorageFile};

/// Bytes to which a table can grow.
const TABLE_BYTES_MAX: u64 = 8 << 20;

/// What becomes of the operation at which the power goes off. It fails in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// It did not happen.
    Before,
    /// It happened in part, if it can; what it should have made durable is in doubt.
    Within,
    /// It happened, and nobody heard of it.
    After,
}

/// The switch. Clones are the same switch.
#[derive(Clone, Default)]
pub struct Power(Arc<Mutex<Switch>>);

#[derive(Default)]
struct Switch {
    /// Operations so far, of log and table together.
    operations: u64,
    /// The operation, counted from 0, at which it goes off.
    cut: Option<(u64, When)>,
    /// Whether it is off.
    off: bool,
    /// A digest of what was done so far, in order.
    trace: u64,
}

/// What an operation is to do.
enum Turn {
    Go,
    Refuse,
    Cut(When),
}

impl Power {
    /// A switch that stays on.
    pub fn on() -> Self {
        Self::default()
    }

    /// A switch that goes off at operation `at`.
    pub fn cut_at(at: u64, when: When) -> Self {
        let power = Self::default();
        power.switch().cut = Some((at, when));
        power
    }

    /// Lets it go off when so many more operations are done.
    pub fn cut_in(&self, operations: u64, when: When) {
        let mut switch = self.switch();
        switch.cut = Some((switch.operations + operations, when));
    }

    /// Operations so far.
    pub fn operations(&self) -> u64 {
        self.switch().operations
    }

    /// Whether it is off.
    pub fn is_off(&self) -> bool {
        self.switch().off
    }

    /// A digest of the operations so far, in order.
    pub fn trace(&self) -> u64 {
        self.switch().trace
    }

    fn switch(&self) -> MutexGuard<'_, Switch> {
        self.0.lock().expect("no panic while the switch was locked")
    }

    /// Counts an operation.
    fn begin(&self, what: &str, offset: u64, bytes: u64) -> Turn {
        let mut switch = self.switch();
        if switch.off {
            return Turn::Refuse;
        }
        let number = switch.operations;
        switch.operations += 1;
        let parts = what.bytes().map(u64::from).chain([offset, bytes]);
        switch.trace = parts.fold(switch.trace, |trace, part| {
            (trace ^ part).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23)
        });
        match switch.cut {
            Some((at, when)) if at == number => {
                switch.off = true;
                Turn::Cut(when)
            }
            _ => Turn::Go,
        }
    }

    /// Lets a read through as long as the power is on.
    fn read<T>(&self, read: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        if self.is_off() { Err(gone()) } else { read() }
    }
}

fn gone() -> io::Error {
    io::Error::other("the power is off")
}

/// A log and a table, as they stand on their disks.
#[derive(Clone)]
pub struct Disk {
    /// The log's directory.
    pub log: wal::MemoryStorage,
    /// The table's file.
    pub table: table::MemoryFile,
}

/// What a power cut left of a [`Disk`].
pub struct Image {
    log: wal::MemoryStorage,
    table: Vec<u8>,
}

impl Disk {
    /// No log, and a table without a key.
    pub fn new(buffered: bool, options: &table::TableOptions) -> Self {
        let log = if buffered { wal::MemoryStorage::buffered() } else { wal::MemoryStorage::new() };
        let table = table::MemoryFile::new(TABLE_BYTES_MAX);
        drop(ackd::table::Table::create(Box::new(table.clone()), options).expect("a new table"));
        Self { log, table }
    }

    /// The log's directory behind a switch.
    pub fn storage(&self, power: &Power) -> PoweredStorage {
        PoweredStorage { inner: self.log.clone(), power: power.clone() }
    }

    /// The table's file behind a switch.
    pub fn file(&self, power: &Power) -> Box<dyn TableFile> {
        Box::new(PoweredTable { inner: self.table.clone(), power: power.clone() })
    }

    /// What may be left after a power cut now; the same seed leaves the same. The table must be closed.
    pub fn crash(&self, seed: u64) -> Image {
        let log = self.log.fork();
        log.crash(seed);
        Image { log, table: self.table.crash(seed.rotate_left(32)) }
    }

    /// The process is gone, the machine is not: the page cache keeps everything, and nothing becomes durable.
    pub fn restart(&self) {
        self.log.restart();
    }
}

impl Image {
    /// The disk on which recovery finds this image.
    pub fn disk(&self) -> Disk {
        let log = self.log.fork();
        log.restart();
        Disk { log, table: table::MemoryFile::from_image(&self.table, TABLE_BYTES_MAX) }
    }

    /// The table's bytes.
    pub fn table(&self) -> &[u8] {
        &self.table
    }
}

/// The log's directory behind the switch.
#[derive(Clone)]
pub struct PoweredStorage {
    inner: wal::MemoryStorage,
    power: Power,
}

/// A log file behind the switch.
pub struct PoweredLogFile {
    inner: wal::MemoryFile,
    storage: PoweredStorage,
}

impl PoweredStorage {
    fn change<T>(
        &self,
        what: &str,
        offset: u64,
        bytes: usize,
        change: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        match self.power.begin(what, offset, bytes as u64) {
            Turn::Go => change(),
            Turn::Refuse | Turn::Cut(When::Before) => Err(gone()),
            Turn::Cut(When::Within) => {
                self.inner.inject(self.inner.operation_count(), Fault::PowerCut);
                change().and(Err(gone()))
            }
            Turn::Cut(When::After) => change().and(Err(gone())),
        }
    }

    fn file(&self, inner: wal::MemoryFile) -> PoweredLogFile {
        PoweredLogFile { inner, storage: self.clone() }
    }
}

impl Storage for PoweredStorage {
    type File = PoweredLogFile;

    fn list(&self) -> io::Result<Vec<String>> {
        self.power.read(|| self.inner.list())
    }

    fn create(&self, name: &str) -> io::Result<PoweredLogFile> {
        self.change("create", 0, 0, || self.inner.create(name)).map(|inner| self.file(inner))
    }

    fn open(&self, name: &str, access: Access) -> io::Result<PoweredLogFile> {
        self.power.read(|| self.inner.open(name, access)).map(|inner| self.file(inner))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.change("rename", 0, 0, || self.inner.rename(from, to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.change("remove", 0, 0, || self.inner.remove(name))
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.change("sync_dir", 0, 0, || self.inner.sync_dir())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.inner.path(name)
    }
}

impl StorageFile for PoweredLogFile {
    fn len(&self) -> io::Result<u64> {
        self.storage.power.read(|| self.inner.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.storage.power.read(|| self.inner.read_at(buffer, offset))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.storage.change("write", offset, bytes.len(), || self.inner.write_at(bytes, offset))
    }

    fn append_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.storage.change("append", offset, bytes.len(), || self.inner.append_at(bytes, offset))
    }

    fn sync(&self) -> io::Result<()> {
        self.storage.change("sync", 0, 0, || self.inner.sync())
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        self.storage.change("allocate", bytes, 0, || self.inner.allocate(bytes))
    }

    fn method(&self) -> Method {
        self.inner.method()
    }

    fn alignment_bytes(&self) -> usize {
        self.inner.alignment_bytes()
    }
}

/// The table's file behind the switch.
struct PoweredTable {
    inner: table::MemoryFile,
    power: Power,
}

impl PoweredTable {
    /// Nothing happens in part here: what was not synced is in doubt by itself.
    fn change(
        &self,
        what: &str,
        offset: u64,
        bytes: u64,
        change: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        match self.power.begin(what, offset, bytes) {
            Turn::Go => change(),
            Turn::Refuse | Turn::Cut(When::Before | When::Within) => Err(gone()),
            Turn::Cut(When::After) => change().and(Err(gone())),
        }
    }
}

impl TableFile for PoweredTable {
    fn map(&self) -> io::Result<Mapping> {
        self.inner.map()
    }

    fn bytes(&self) -> io::Result<u64> {
        self.inner.bytes()
    }

    fn grow(&self, from: u64, to: u64) -> io::Result<()> {
        self.change("table grow", from, to, || self.inner.grow(from, to))
    }

    fn sync(&self, pages: &[u32]) -> io::Result<()> {
        self.change("table sync", 0, pages.len() as u64, || self.inner.sync(pages))
    }

    fn write_meta(&self, slot: usize, meta: &[u8; META_BYTES]) -> io::Result<()> {
        self.change("table meta", slot as u64, 0, || self.inner.write_meta(slot, meta))
    }

    fn sync_meta(&self) -> io::Result<()> {
        self.change("table sync meta", 0, 0, || self.inner.sync_meta())
    }

    fn read_meta(&self, slot: usize) -> io::Result<[u8; META_BYTES]> {
        self.power.read(|| self.inner.read_meta(slot))
    }

    fn path(&self) -> PathBuf {
        self.inner.path()
    }
}
