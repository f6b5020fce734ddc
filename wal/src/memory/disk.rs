//! The state of the disk in memory: what is on it, what may be on it, and what a crash leaves.

use std::collections::{BTreeMap, HashMap};
use std::io;

use rand::Rng;
use rand::rngs::SmallRng;
use rustix::io::Errno;

use super::{Fault, Operation, OperationKind};
use crate::format::SECTOR_BYTES;
use crate::storage::FileIdentity;

type Sector = Box<[u8; SECTOR_BYTES]>;

#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    pub inodes: Vec<Inode>,
    /// The directory as the running system sees it.
    pub names: BTreeMap<String, usize>,
    /// The directory as it is on disk.
    pub durable_names: BTreeMap<String, usize>,
    /// Changes to the directory since it was synced, in order.
    pub pending_names: Vec<NameChange>,
    pub operations: Vec<Operation>,
    pub reads: u64,
    pub faults: HashMap<u64, Fault>,
    pub read_faults: HashMap<u64, i32>,
    /// Error code of all operations from now on.
    pub failing: Option<i32>,
    /// Whether the power is cut.
    pub dark: bool,
    /// Whether appends need a sync to be durable.
    pub buffered: bool,
    /// Bytes that all files together may have.
    pub capacity: Option<u64>,
    pub life: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Inode {
    /// What the page cache shows.
    pub current: Vec<u8>,
    /// What is on disk for sure.
    pub durable: Vec<u8>,
    /// What may be on disk: versions of sectors written since the last sync, oldest first.
    pub pending: BTreeMap<u64, Vec<Sector>>,
}

#[derive(Clone, Debug)]
pub(super) enum NameChange {
    Link { name: String, inode: usize },
    Rename { from: String, to: String, inode: usize },
    Remove { name: String },
}

/// What happens to an operation.
#[derive(Clone, Copy)]
pub(super) enum Outcome {
    Done,
    Short(usize),
    /// It may happen in part, and fails.
    Partial(i32),
    /// It does not happen.
    Refused(i32),
}

impl Outcome {
    pub fn result<T>(self, value: T) -> io::Result<T> {
        match self {
            Self::Done | Self::Short(_) => Ok(value),
            Self::Partial(_) | Self::Refused(_) => Err(self.error()),
        }
    }

    pub fn error(self) -> io::Error {
        match self {
            Self::Partial(code) | Self::Refused(code) => io::Error::from_raw_os_error(code),
            Self::Done | Self::Short(_) => io::ErrorKind::Other.into(),
        }
    }
}

impl Disk {
    /// The identity of a file.
    pub fn identity(&self, inode: usize) -> FileIdentity {
        let bytes = self.inodes[inode].current.len() as u64;
        FileIdentity { device: 0, inode: inode as u64, bytes }
    }

    pub fn begin(&mut self, kind: OperationKind, name: &str, offset: u64, bytes: u64) -> Outcome {
        if self.dark {
            return Outcome::Refused(Errno::IO.raw_os_error());
        }
        let number = self.operations.len() as u64;
        self.operations.push(Operation { kind, name: name.to_owned(), offset, bytes });
        if let Some(code) = self.failing {
            return Outcome::Refused(code);
        }
        match self.faults.remove(&number) {
            None => Outcome::Done,
            Some(Fault::Error(code)) => Outcome::Partial(code),
            Some(Fault::ErrorsFrom(code)) => {
                self.failing = Some(code);
                Outcome::Partial(code)
            }
            Some(Fault::Short(bytes)) if matches!(kind, OperationKind::Write | OperationKind::Append) => {
                Outcome::Short(bytes)
            }
            Some(Fault::Short(_)) => Outcome::Done,
            Some(Fault::PowerCut) => {
                self.dark = true;
                Outcome::Partial(Errno::IO.raw_os_error())
            }
        }
    }

    /// Forgets faults and all open files.
    pub fn begin_life(&mut self) {
        (self.dark, self.failing) = (false, None);
        self.faults.clear();
        self.read_faults.clear();
        self.life += 1;
    }

    pub fn count_read(&mut self) -> io::Result<()> {
        let number = self.reads;
        self.reads += 1;
        match self.read_faults.remove(&number) {
            Some(code) => Err(io::Error::from_raw_os_error(code)),
            None if self.dark => Err(Errno::IO.into()),
            None => Ok(()),
        }
    }

    /// Fails if growing `inode` to `bytes` would exceed the capacity. Files without a name do not count.
    pub fn check_space(&self, inode: usize, bytes: u64) -> io::Result<()> {
        let Some(capacity) = self.capacity else { return Ok(()) };
        let size = |number: usize| self.inodes[number].current.len() as u64;
        let others: u64 =
            self.names.values().filter(|&&number| number != inode).map(|&number| size(number)).sum();
        let grows = bytes > size(inode);
        if grows && others + bytes > capacity { Err(Errno::NOSPC.into()) } else { Ok(()) }
    }

    pub fn crash_names(&mut self, kept: f64, random: &mut SmallRng) {
        let mut names = std::mem::take(&mut self.durable_names);
        for change in std::mem::take(&mut self.pending_names) {
            if !random.random_bool(kept) {
                continue;
            }
            match change {
                NameChange::Link { name, inode } => {
                    names.insert(name, inode);
                }
                NameChange::Rename { from, to, inode } => {
                    if names.get(&from) == Some(&inode) {
                        names.remove(&from);
                    }
                    names.insert(to, inode);
                }
                NameChange::Remove { name } => {
                    names.remove(&name);
                }
            }
        }
        self.durable_names = names.clone();
        self.names = names;
    }
}

impl Inode {
    pub fn write(&mut self, bytes: &[u8], offset: u64, durable: bool) {
        put(&mut self.current, bytes, offset);
        if durable {
            put(&mut self.durable, bytes, offset);
        }
        for (index, sector) in bytes.chunks_exact(SECTOR_BYTES).enumerate() {
            let number = offset / SECTOR_BYTES as u64 + index as u64;
            if durable {
                self.pending.remove(&number);
                continue;
            }
            let mut version = Box::new([0; SECTOR_BYTES]);
            version.copy_from_slice(sector);
            self.pending.entry(number).or_default().push(version);
        }
    }

    pub fn read(&self, buffer: &mut [u8], offset: u64, cached: bool) -> usize {
        let device;
        let bytes = if cached {
            &self.current
        } else {
            device = self.device_view();
            &device
        };
        let start = bytes.len().min(usize::try_from(offset).unwrap_or(usize::MAX));
        let count = buffer.len().min(bytes.len() - start);
        buffer[..count].copy_from_slice(&bytes[start..start + count]);
        count
    }

    /// What a read that bypasses the page cache returns: dirty pages are written first.
    fn device_view(&self) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        for (number, versions) in &self.pending {
            if let Some(last) = versions.last() {
                put(&mut bytes, &last[..], number * SECTOR_BYTES as u64);
            }
        }
        bytes.resize(self.current.len(), 0);
        bytes
    }

    pub fn sync(&mut self) {
        self.durable = self.device_view();
        self.pending.clear();
    }

    pub fn crash(&mut self, kept: f64, random: &mut SmallRng) {
        let pending = std::mem::take(&mut self.pending);
        let whole_length = self.current.len();
        for (number, versions) in pending {
            if random.random_bool(kept) {
                let version = &versions[random.random_range(0..versions.len())];
                put(&mut self.durable, &version[..], number * SECTOR_BYTES as u64);
            }
        }
        if self.durable.len() < whole_length && random.random_bool(kept) {
            self.durable.resize(whole_length, 0);
        }
        self.current = self.durable.clone();
    }
}

/// Writes `bytes` at `offset`, and extends the file if necessary.
fn put(file: &mut Vec<u8>, bytes: &[u8], offset: u64) {
    let start = offset as usize;
    let end = start + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[start..end].copy_from_slice(bytes);
}
