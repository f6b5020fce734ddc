//! The directory to repair, locked against servers, and names in it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FlockOperation, OFlags, RenameFlags, flock, renameat_with};
use rustix::io::Errno;

use crate::error::ToolError;
use crate::source::Log;
use crate::time;

/// Name of the file that a server keeps locked.
const LOCK_FILE: &str = "LOCK";

/// A data directory, locked as long as this lives.
pub struct Place {
    pub dir: PathBuf,
    /// When the repair began, in seconds since 1970: part of the names of the originals.
    pub started: u64,
    /// Holds the lock; nothing if the directory has no lock file.
    _lock: Option<File>,
}

impl Place {
    /// Takes the lock, without creating or changing a file.
    pub fn open(dir: &Path) -> Result<Self, ToolError> {
        fs::read_dir(dir).map_err(|error| ToolError::io(dir, error))?;
        let path = dir.join(LOCK_FILE);
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
        let lock = match File::options().read(true).custom_flags(flags).open(&path) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(ToolError::io(&path, error)),
        };
        if let Some(file) = &lock {
            match flock(file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => return Err(in_use(&path, file)),
                Err(error) => return Err(ToolError::io(&path, error.into())),
            }
        }
        let started = time::now_micros() / time::SECOND_MICROS;
        Ok(Self { dir: dir.to_path_buf(), started, _lock: lock })
    }

    pub fn table(&self) -> PathBuf {
        self.dir.join(crate::table::TABLE_FILE)
    }

    /// The log's directory, with a link resolved.
    pub fn wal(&self) -> PathBuf {
        let path = self.dir.join(Log::DIR);
        fs::canonicalize(&path).unwrap_or(path)
    }

    /// An unused name next to `path`.
    pub fn beside(&self, path: &Path, what: &str) -> PathBuf {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let numbered = |number: u32| match number {
            0 => path.with_file_name(format!("{name}.{what}-{}", self.started)),
            _ => path.with_file_name(format!("{name}.{what}-{}.{number}", self.started)),
        };
        (0..)
            .map(numbered)
            .find(|candidate| candidate.symlink_metadata().is_err())
            .expect("names do not run out")
    }

    /// Puts `new` in the place of `old` in one step. Returns the new name of `old`.
    pub fn replace(&self, old: &Path, new: &Path) -> Result<PathBuf, ToolError> {
        let failed = |error: Errno| ToolError::io(old, error.into());
        let kept = self.beside(old, "orig");
        if old.symlink_metadata().is_ok() {
            renameat_with(CWD, old, CWD, new, RenameFlags::EXCHANGE).map_err(failed)?;
            sync_parent(old)?;
            fs::rename(new, &kept).map_err(|error| ToolError::io(new, error))?;
        } else {
            fs::rename(new, old).map_err(|error| ToolError::io(new, error))?;
        }
        sync_parent(old)?;
        Ok(kept)
    }
}

/// Syncs the directory of `path`, so that its name is durable.
pub fn sync_parent(path: &Path) -> Result<(), ToolError> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent).and_then(|dir| dir.sync_all()).map_err(|error| ToolError::io(parent, error))
}

fn in_use(path: &Path, mut file: &File) -> ToolError {
    let mut holder = String::new();
    let _ = io::Read::read_to_string(&mut io::Read::take(&mut file, 32), &mut holder);
    let holder = if holder.trim().is_empty() { "unknown" } else { holder.trim() };
    let reason = format!("a server uses the directory (process {holder}); stop it first");
    ToolError::Refused { path: path.to_path_buf(), reason }
}
