//! The data directory: where it is, who holds its lock, what is in it.
//!
//! ```text
//! DIR/LOCK         held with flock(2) by the one server that runs on DIR; holds its process number
//! DIR/table.ackd   the table
//! DIR/wal/         the log's segments
//! ```
//!
//! The directory is created with mode 0700 at the first start. Each name that is created is synced in its parent. What
//! root creates in a directory of another user is given to that user.

use crate::owner;
use rustix::fs::{FlockOperation, flock};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Name of the table's file.
pub const TABLE_FILE: &str = "table.ackd";
/// Name of the log's directory.
pub const WAL_DIR: &str = "wal";
/// Name of the lock file.
const LOCK_FILE: &str = "LOCK";

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another server runs on it.
    #[error("{path} is in use by another server (process {holder})", path = path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The process ID that the holder wrote into the lock file, or `unknown`.
        holder: String,
    },
    /// An operation of the file system failed.
    #[error("cannot {operation} {path}: {source}", path = path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// A data directory that this process holds until the value is dropped.
#[derive(Debug)]
pub struct DataDir {
    /// The directory.
    path: PathBuf,
    /// Holds the lock: closing the file descriptor releases it.
    _lock: File,
}

impl DataDir {
    /// Creates the directory if it is missing, and locks it.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        create_dir(path)?;
        let lock = take_lock(path)?;
        pass_on(&path.join(LOCK_FILE))?;
        // If there is a table, there was a log. If it is missing now, creating an empty one would hide the loss.
        if !path.join(TABLE_FILE).exists() {
            create_dir(&path.join(WAL_DIR))?;
        }
        sync_dir(path)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the names in the directory durable.
    pub fn sync(&self) -> Result<(), DataDirError> {
        sync_dir(&self.path)
    }

    /// The lock's file.
    pub fn lock_path(&self) -> PathBuf {
        self.path.join(LOCK_FILE)
    }

    /// The table's file.
    pub fn table_path(&self) -> PathBuf {
        self.path.join(TABLE_FILE)
    }

    /// The log's directory.
    pub fn wal_path(&self) -> PathBuf {
        self.path.join(WAL_DIR)
    }
}

/// Creates `path` with mode 0700 unless it exists, and syncs its parent even then: whoever created it may have failed
/// before the sync.
fn create_dir(path: &Path) -> Result<(), DataDirError> {
    let is_new = match DirBuilder::new().mode(0o700).recursive(false).create(path) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => false,
        Err(source) => {
            return Err(DataDirError::Io { operation: "create directory", path: path.into(), source });
        }
    };
    if is_new || path.ends_with(WAL_DIR) {
        pass_on(path)?;
    }
    let synced = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent),
        _ => sync_dir(Path::new(".")),
    };
    match synced {
        // Others created it, in a directory that we may not read.
        Err(DataDirError::Io { source, .. })
            if !is_new && source.kind() == io::ErrorKind::PermissionDenied =>
        {
            Ok(())
        }
        synced => synced,
    }
}

/// Gives a created file to the owner of the directory that it is in.
fn pass_on(path: &Path) -> Result<(), DataDirError> {
    owner::pass_on(path).map_err(|source| DataDirError::Io {
        operation: "change the owner of",
        path: path.into(),
        source,
    })
}

/// Makes the names in a directory durable.
fn sync_dir(path: &Path) -> Result<(), DataDirError> {
    let sync = || File::open(path)?.sync_all();
    sync().map_err(|source| DataDirError::Io { operation: "sync directory", path: path.into(), source })
}

/// Takes the lock, or returns who holds it.
fn take_lock(dir: &Path) -> Result<File, DataDirError> {
    let path = dir.join(LOCK_FILE);
    let failed = |operation, source| DataDirError::Io { operation, path: path.clone(), source };
    let no_follow = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(no_follow);
    let mut file = options.open(&path).map_err(|source| failed("open", source))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut holder = String::new();
            let known = file.read_to_string(&mut holder).is_ok() && !holder.trim().is_empty();
            let holder = if known { holder.trim().to_owned() } else { "unknown".to_owned() };
            return Err(DataDirError::InUse { path: dir.to_owned(), holder });
        }
        Err(error) => return Err(failed("lock", error.into())),
    }
    let write = |file: &mut File| {
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())
    };
    match write(&mut file) {
        // The process ID is only for people; a full disk must not prevent serving the data on it.
        Err(error) if !is_full(&error) => Err(failed("write", error)),
        _ => Ok(file),
    }
}

/// Whether an error means that there is no space, as opposed to a failing device.
fn is_full(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let full = [Errno::NOSPC, Errno::DQUOT, Errno::FBIG].map(|errno| Some(errno.raw_os_error()));
    full.contains(&error.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_second_holder_is_refused_and_told_who_holds_it() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("data");
        let first = DataDir::open(&path).unwrap();
        let error = DataDir::open(&path).unwrap_err();
        assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
        drop(first);
        DataDir::open(&path).unwrap();
    }

    #[test]
    fn a_new_directory_is_the_owners_alone() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("data");
        let _held = DataDir::open(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("data");
        std::fs::write(&path, "").unwrap();
        let error = DataDir::open(&path).unwrap_err();
        assert!(error.to_string().contains("data"), "{error}");
    }
}
