//! A directory in memory that keeps after a crash what was synced, and an arbitrary part of what was not.
//!
//! It is a test double for a disk with a file system. A crash decides for each sector that was written and not synced
//! whether it is on disk, in its last or an earlier version, and for each creation, rename and removal since the last
//! directory sync whether it happened. A failed sync drops what it should have written: a later sync that succeeds
//! does not write it either, but reads through the cache still show it. A seed decides what is kept. Faults can be
//! injected at any operation, and a size limit makes the disk full.
//!
//! Clones share their state, as two processes share a disk; [`MemoryStorage::fork`] makes an independent copy.

mod disk;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use disk::{Disk, Inode, NameChange, Outcome};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rustix::io::Errno;

use crate::format::SECTOR_BYTES;
use crate::storage::{Access, FileIdentity, Method, Storage, StorageFile};

/// A directory of files in memory.
#[derive(Clone, Debug)]
pub struct MemoryStorage {
    disk: Arc<Mutex<Disk>>,
}

/// An open file of a [`MemoryStorage`].
#[derive(Debug)]
pub struct MemoryFile {
    disk: Arc<Mutex<Disk>>,
    inode: usize,
    name: String,
    access: Access,
    /// Number of crashes before it was opened; after another crash its operations fail.
    life: u64,
}

/// What an operation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperationKind {
    /// A file was made.
    Create,
    /// Space was allocated.
    Allocate,
    /// Bytes were written, not yet durable.
    Write,
    /// Bytes were written, durable immediately if the method is direct.
    Append,
    /// A file was synced.
    Sync,
    /// A file got another name.
    Rename,
    /// A name was removed.
    Remove,
    /// The directory was synced.
    SyncDir,
}

/// One operation that changes the disk, or makes a change durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// What it did.
    pub kind: OperationKind,
    /// The file's name when it was opened; the new name of a rename; empty for the directory.
    pub name: String,
    /// Offset in bytes of a write, 0 otherwise.
    pub offset: u64,
    /// Bytes of a write or allocation, 0 otherwise.
    pub bytes: u64,
}

/// What goes wrong at an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails with this operating-system error code, and may have happened in part.
    Error(i32),
    /// It and all later ones fail with this error code.
    ErrorsFrom(i32),
    /// A write is short: it writes and reports only this many bytes (whole sectors). Other operations are not affected.
    Short(usize),
    /// The power is cut during it: it may have happened in part, and every operation fails until `crash`.
    PowerCut,
}

impl Default for MemoryStorage {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStorage {
    /// An empty directory whose appends are durable immediately.
    pub fn new() -> Self {
        Self { disk: Arc::new(Mutex::new(Disk::default())) }
    }

    /// An empty directory whose appends need a sync.
    pub fn buffered() -> Self {
        let storage = Self::new();
        storage.lock().buffered = true;
        storage
    }

    /// A copy that shares nothing with this one.
    pub fn fork(&self) -> Self {
        Self { disk: Arc::new(Mutex::new(self.lock().clone())) }
    }

    /// Cuts the power and starts again: each sector and each change to the directory that was not synced is lost or
    /// kept, as `seed` decides. Operations on files opened before fail; faults are forgotten.
    pub fn crash(&self, seed: u64) {
        let mut random = SmallRng::seed_from_u64(seed);
        // All, nothing, and parts of it each happen often.
        let kept = [0.0, 0.1, 0.5, 0.9, 1.0][random.random_range(0..5)];
        let mut disk = self.lock();
        disk.crash_names(kept, &mut random);
        disk.inodes.iter_mut().for_each(|inode| inode.crash(kept, &mut random));
        disk.begin_life();
    }

    /// Starts again after the process was killed: nothing is lost, and nothing becomes durable.
    /// Operations on files opened before fail; faults are forgotten.
    pub fn restart(&self) {
        self.lock().begin_life();
    }

    /// Makes everything durable, as if all files and the directory had been synced.
    pub fn settle(&self) {
        let mut disk = self.lock();
        disk.durable_names = disk.names.clone();
        disk.pending_names.clear();
        disk.inodes.iter_mut().for_each(Inode::sync);
    }

    /// Makes operation number `at` (counted from 0 over the storage's life) go wrong.
    pub fn inject(&self, at: u64, fault: Fault) {
        self.lock().faults.insert(at, fault);
    }

    /// Makes read number `at` (counted from 0 over the storage's life) fail with an operating-system error code.
    pub fn inject_read(&self, at: u64, code: i32) {
        self.lock().read_faults.insert(at, code);
    }

    /// Limits the bytes of all files together; `None` lifts the limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.lock().capacity = bytes;
    }

    /// All operations so far that changed the disk or made a change durable, in order.
    pub fn operations(&self) -> Vec<Operation> {
        self.lock().operations.clone()
    }

    /// Number of these operations.
    pub fn operation_count(&self) -> u64 {
        self.lock().operations.len() as u64
    }

    /// Number of reads so far.
    pub fn read_count(&self) -> u64 {
        self.lock().reads
    }

    /// Names of all files, sorted.
    pub fn names(&self) -> Vec<String> {
        self.lock().names.keys().cloned().collect()
    }

    /// The bytes of a file, as the running system sees them; `None` when there is no such file.
    pub fn contents(&self, name: &str) -> Option<Vec<u8>> {
        let disk = self.lock();
        disk.names.get(name).map(|&inode| disk.inodes[inode].current.clone())
    }

    /// Replaces the bytes of a file durably, or makes it, without an operation: as damage does.
    pub fn set_contents(&self, name: &str, bytes: Vec<u8>) {
        let mut disk = self.lock();
        let inode = Inode { durable: bytes.clone(), current: bytes, pending: BTreeMap::new() };
        if let Some(&existing) = disk.names.get(name) {
            disk.inodes[existing] = inode;
            return;
        }
        disk.inodes.push(inode);
        let number = disk.inodes.len() - 1;
        disk.names.insert(name.to_owned(), number);
        disk.durable_names.insert(name.to_owned(), number);
    }

    /// Removes a file durably.
    pub fn lose(&self, name: &str) {
        let mut disk = self.lock();
        disk.names.remove(name);
        disk.durable_names.remove(name);
    }

    fn lock(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, name: &str, inode: usize, access: Access, life: u64) -> MemoryFile {
        MemoryFile { disk: Arc::clone(&self.disk), inode, name: name.to_owned(), access, life }
    }
}

impl Storage for MemoryStorage {
    type File = MemoryFile;

    fn list(&self) -> io::Result<Vec<String>> {
        let mut disk = self.lock();
        disk.count_read()?;
        Ok(disk.names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<MemoryFile> {
        let mut disk = self.lock();
        let outcome = disk.begin(OperationKind::Create, name, 0, 0);
        if matches!(outcome, Outcome::Refused(_)) {
            return Err(outcome.error());
        }
        if disk.names.contains_key(name) {
            return Err(Errno::EXIST.into());
        }
        disk.inodes.push(Inode::default());
        let inode = disk.inodes.len() - 1;
        disk.names.insert(name.to_owned(), inode);
        disk.pending_names.push(NameChange::Link { name: name.to_owned(), inode });
        let life = disk.life;
        drop(disk);
        outcome.result(self.file(name, inode, Access::Write, life))
    }

    fn open(&self, name: &str, access: Access) -> io::Result<MemoryFile> {
        let mut disk = self.lock();
        disk.count_read()?;
        let inode = *disk.names.get(name).ok_or(Errno::NOENT)?;
        let life = disk.life;
        drop(disk);
        Ok(self.file(name, inode, access, life))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.lock();
        let outcome = disk.begin(OperationKind::Rename, to, 0, 0);
        if matches!(outcome, Outcome::Refused(_)) {
            return Err(outcome.error());
        }
        let Some(inode) = disk.names.remove(from) else {
            return outcome.result(()).and(Err(Errno::NOENT.into()));
        };
        disk.names.insert(to.to_owned(), inode);
        let change = NameChange::Rename { from: from.to_owned(), to: to.to_owned(), inode };
        disk.pending_names.push(change);
        outcome.result(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.lock();
        let outcome = disk.begin(OperationKind::Remove, name, 0, 0);
        if matches!(outcome, Outcome::Refused(_)) {
            return Err(outcome.error());
        }
        if disk.names.remove(name).is_none() {
            return outcome.result(()).and(Err(Errno::NOENT.into()));
        }
        disk.pending_names.push(NameChange::Remove { name: name.to_owned() });
        outcome.result(())
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut disk = self.lock();
        let outcome = disk.begin(OperationKind::SyncDir, "", 0, 0);
        if !matches!(outcome, Outcome::Done) {
            return Err(outcome.error());
        }
        disk.durable_names = disk.names.clone();
        disk.pending_names.clear();
        Ok(())
    }

    fn identify(&self, name: &str) -> io::Result<Option<FileIdentity>> {
        let disk = self.lock();
        Ok(Some(disk.identity(*disk.names.get(name).ok_or(Errno::NOENT)?)))
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("memory").join(name)
    }
}

impl MemoryFile {
    fn lock(&self) -> io::Result<MutexGuard<'_, Disk>> {
        let disk = self.disk.lock().unwrap_or_else(PoisonError::into_inner);
        if disk.life == self.life { Ok(disk) } else { Err(Errno::BADF.into()) }
    }

    fn write(&self, kind: OperationKind, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let aligned = offset.is_multiple_of(SECTOR_BYTES as u64) && bytes.len().is_multiple_of(SECTOR_BYTES);
        assert!(aligned, "the log writes whole sectors only");
        let mut disk = self.lock()?;
        let outcome = disk.begin(kind, &self.name, offset, bytes.len() as u64);
        let (bytes, error) = match outcome {
            Outcome::Refused(_) => return Err(outcome.error()),
            Outcome::Short(length) => (&bytes[..length.min(bytes.len()) / SECTOR_BYTES * SECTOR_BYTES], None),
            Outcome::Partial(code) => (bytes, Some(code)),
            Outcome::Done => (bytes, None),
        };
        disk.check_space(self.inode, offset + bytes.len() as u64)?;
        let durable = kind == OperationKind::Append && !disk.buffered && error.is_none();
        disk.inodes[self.inode].write(bytes, offset, durable);
        match error {
            Some(code) => Err(io::Error::from_raw_os_error(code)),
            None => Ok(bytes.len()),
        }
    }
}

impl StorageFile for MemoryFile {
    fn identity(&self) -> io::Result<Option<FileIdentity>> {
        Ok(Some(self.lock()?.identity(self.inode)))
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.lock()?.inodes[self.inode].current.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut disk = self.lock()?;
        disk.count_read()?;
        let inode = &disk.inodes[self.inode];
        let cached = self.access == Access::Read;
        Ok(inode.read(buffer, offset, cached))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.write(OperationKind::Write, bytes, offset)
    }

    fn append_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.write(OperationKind::Append, bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        let mut disk = self.lock()?;
        let outcome = disk.begin(OperationKind::Sync, &self.name, 0, 0);
        match outcome {
            Outcome::Done | Outcome::Short(_) => disk.inodes[self.inode].sync(),
            // The power cut leaves what was written in doubt; a failed sync drops it.
            Outcome::Partial(_) if disk.dark => {}
            Outcome::Partial(_) | Outcome::Refused(_) => disk.inodes[self.inode].pending.clear(),
        }
        outcome.result(())
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        let mut disk = self.lock()?;
        let outcome = disk.begin(OperationKind::Allocate, &self.name, 0, bytes);
        if !matches!(outcome, Outcome::Done) {
            return outcome.result(());
        }
        disk.check_space(self.inode, bytes)
    }

    fn method(&self) -> Method {
        let disk = self.disk.lock().unwrap_or_else(PoisonError::into_inner);
        if disk.buffered { Method::Buffered } else { Method::Direct }
    }

    fn alignment_bytes(&self) -> usize {
        SECTOR_BYTES
    }
}
