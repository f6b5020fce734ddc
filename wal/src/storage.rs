//! What the log needs of a directory and of a file: so little that a test double in memory can implement it and
//! lose what was not synced.
//!
//! Callers keep this invariant: after a crash they rely on a name, its file's length and its content only if
//! the file was synced, and then the directory.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// How appended bytes become durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// One write past the page cache that is durable when it returns.
    Direct,
    /// A write to the page cache, then a sync of the file's data.
    Buffered,
}

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Direct => "O_DIRECT|RWF_DSYNC",
            Self::Buffered => "pwrite+fdatasync",
        })
    }
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading, through the page cache.
    Read,
    /// Reading what the device holds, not what the page cache says it holds.
    ReadDevice,
    /// Reading and writing, past the page cache where possible.
    Write,
}

/// Which file it is, and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileIdentity {
    /// The file system.
    pub device: u64,
    /// The file's number there.
    pub inode: u64,
    /// Its length in bytes.
    pub bytes: u64,
}

/// A directory of log files. Clones are handles on the same directory. Names are plain file names.
pub trait Storage: Clone + Send + Sync + 'static {
    /// A file of this directory.
    type File: StorageFile;

    /// Names of all files, in any order.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Makes a new file for writing; an existing name is an error.
    fn create(&self, name: &str) -> io::Result<Self::File>;
    /// Opens an existing file.
    fn open(&self, name: &str, access: Access) -> io::Result<Self::File>;
    /// Gives a file another name, replacing a file that has it.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a name.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes all earlier creations, renames and removals durable.
    fn sync_dir(&self) -> io::Result<()>;
    /// Which file has this name now; `None` where nobody else has access to the files.
    fn identify(&self, _name: &str) -> io::Result<Option<FileIdentity>> {
        Ok(None)
    }
    /// The path of a file, for messages; of the directory for an empty name.
    fn path(&self, name: &str) -> PathBuf;
}

/// An open file. Offsets and lengths of transfers are multiples of a sector, except near the end of a file.
pub trait StorageFile: Send + Sync + 'static {
    /// Length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Whether the file has no bytes.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Reads at most `buffer.len()` bytes at `offset`; 0 at the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes some of `bytes` at `offset` and says how many. They are durable after the next `sync`.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// Writes some of `bytes` at `offset` and says how many. They are durable at once when `method` says
    /// [`Method::Direct`] after the call, otherwise after the next `sync`.
    fn append_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// Makes all earlier writes to this file durable, with the length they need.
    fn sync(&self) -> io::Result<()>;
    /// Allocates space for the first `bytes` bytes, so that a full disk is noticed before anything is written. Does
    /// nothing where the file system does not support it.
    fn allocate(&self, bytes: u64) -> io::Result<()>;
    /// How appends become durable; a write may change it from direct to buffered.
    fn method(&self) -> Method;
    /// Which file this is; `None` where nobody else has access to it.
    fn identity(&self) -> io::Result<Option<FileIdentity>> {
        Ok(None)
    }
    /// Alignment in bytes at which an interrupted write may be continued.
    fn alignment_bytes(&self) -> usize;
}

/// Writes and reads all of a range through any [`StorageFile`]; continues short transfers.
pub(crate) mod transfer {
    use super::{Method, StorageFile};
    use std::io;

    /// Largest single write in bytes.
    pub const SLICE_BYTES: usize = 1 << 20;
    /// Empty transfers in a row after which the device counts as broken.
    const FRUITLESS_MAX: u32 = 8;

    /// Writes all of `bytes`; durable after a sync.
    pub fn write_all<F: StorageFile>(file: &F, bytes: &[u8], offset: u64) -> io::Result<()> {
        for (index, slice) in bytes.chunks(SLICE_BYTES).enumerate() {
            let at = offset + (index * SLICE_BYTES) as u64;
            complete(file, slice, at, F::write_at)?;
        }
        Ok(())
    }

    /// Writes all of `bytes` and makes them durable: in one call if they fit into a slice, otherwise in slices with one
    /// sync. Returns the number of syncs issued; a durable write counts as one.
    pub fn append_all<F: StorageFile>(file: &F, bytes: &[u8], offset: u64) -> io::Result<u64> {
        if bytes.len() > SLICE_BYTES {
            write_all(file, bytes, offset)?;
            file.sync()?;
            return Ok(1);
        }
        complete(file, bytes, offset, F::append_at)?;
        if file.method() == Method::Buffered {
            file.sync()?;
        }
        Ok(1)
    }

    /// Reads until `buffer` is full or the file ends; returns the bytes read.
    pub fn read_full<F: StorageFile>(file: &F, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            match file.read_at(&mut buffer[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if done % file.alignment_bytes() != 0 {
                break;
            }
        }
        Ok(done)
    }

    fn complete<F: StorageFile>(
        file: &F,
        bytes: &[u8],
        offset: u64,
        write: impl Fn(&F, &[u8], u64) -> io::Result<usize>,
    ) -> io::Result<()> {
        let (mut done, mut fruitless) = (0, 0);
        while done < bytes.len() {
            let count = match write(file, &bytes[done..], offset + done as u64) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
                Err(error) => return Err(error),
            };
            let left = bytes.len() - done;
            let taken = if count >= left { left } else { count - count % file.alignment_bytes() };
            fruitless = if taken == 0 { fruitless + 1 } else { 0 };
            if fruitless > FRUITLESS_MAX {
                return Err(io::Error::new(io::ErrorKind::WriteZero, "the device takes no bytes"));
            }
            done += taken;
        }
        Ok(())
    }
}
