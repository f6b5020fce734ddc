//! A directory whose files are synced once, when everything is written. Nothing reads them before, so the order of the
//! writes does not matter.

use std::io;
use std::path::PathBuf;

use wal::{Access, DirFile, DirStorage, Method, Storage, StorageFile};

#[derive(Clone)]
pub struct SyncedAtTheEnd(pub DirStorage);

pub struct File(DirFile);

impl SyncedAtTheEnd {
    /// Makes all that was written durable.
    pub fn sync_all(&self) -> io::Result<()> {
        for name in self.0.list()? {
            self.0.open(&name, Access::Write)?.sync()?;
        }
        self.0.sync_dir()
    }
}

impl Storage for SyncedAtTheEnd {
    type File = File;

    fn list(&self) -> io::Result<Vec<String>> {
        self.0.list()
    }

    fn create(&self, name: &str) -> io::Result<File> {
        self.0.create(name).map(File)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<File> {
        self.0.open(name, access).map(File)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.remove(name)
    }

    fn sync_dir(&self) -> io::Result<()> {
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path(name)
    }
}

impl StorageFile for File {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.0.write_at(bytes, offset)
    }

    fn append_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.0.write_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        self.0.allocate(bytes)
    }

    fn method(&self) -> Method {
        // So that the log does not sync after an append.
        Method::Direct
    }

    fn alignment_bytes(&self) -> usize {
        self.0.alignment_bytes()
    }
}
