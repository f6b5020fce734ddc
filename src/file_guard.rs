//! Whether the files of a data directory are still what their names stand for.
//!
//! A file that somebody removes or replaces under a running server goes on to work for the server, and is gone with it.
//! So the names are looked at from time to time and before a checkpoint lets the log go. The log looks after its segments
//! itself; this looks after the directories, the lock and the table.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::data_dir::DataDir;
use crate::file_id::FileId;
use crate::owner;

/// What is added to the name of a table for a copy of it that was saved.
const RESCUED: &str = ".rescued";

/// What happened to a file.
#[derive(Debug, thiserror::Error)]
pub enum FileChange {
    /// Its name is gone.
    #[error("{} was removed or renamed while the server runs: {advice}", path.display())]
    Gone {
        /// The name.
        path: PathBuf,
        /// What to do.
        advice: String,
    },
    /// Its name stands for another file.
    #[error("{} was replaced while the server runs: {advice}", path.display())]
    Replaced {
        /// The name.
        path: PathBuf,
        /// What to do.
        advice: String,
    },
    /// It cannot be told what the name stands for.
    #[error("cannot look at {}: {source}", path.display())]
    Unknown {
        /// The name.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The files of a data directory that are looked after.
pub struct FileGuard {
    /// The directory, whose name may be a link.
    dir: (PathBuf, FileId),
    /// What is in it, apart from the table.
    names: Vec<(PathBuf, FileId)>,
    /// The table.
    table: (PathBuf, FileId),
    /// The table's file, which stays open, so that it can be saved when its name is gone.
    table_file: File,
}

impl FileGuard {
    /// Looks after the directory with the lock, the log's directory and the table that it holds now.
    pub fn new(dir: &DataDir) -> io::Result<Self> {
        let named = |path: PathBuf| FileId::at(&path).map(|id| (path, id));
        let table_file = File::open(dir.table_path())?;
        Ok(Self {
            dir: (dir.path().to_owned(), FileId::of(&fs::metadata(dir.path())?)),
            names: vec![named(dir.lock_path())?, named(dir.wal_path())?],
            table: (dir.table_path(), FileId::of(&table_file.metadata()?)),
            table_file,
        })
    }

    /// Makes sure that all names stand for the files that they stood for.
    pub fn look(&self) -> Result<(), FileChange> {
        let (path, id) = &self.dir;
        compare(path, *id, fs::metadata(path).map(|found| FileId::of(&found)), String::new)?;
        let (path, id) = &self.table;
        compare(path, *id, FileId::at(path), || self.save_table())?;
        self.names.iter().try_for_each(|(path, id)| compare(path, *id, FileId::at(path), String::new))
    }

    /// Copies the table if it has no name any more, for it ends with this process. Says where it is now.
    fn save_table(&self) -> String {
        let (path, _) = &self.table;
        match self.table_file.metadata() {
            Ok(found) if found.nlink() > 0 => {
                return format!("its file, inode {}, has another name now; {PUT_BACK}", found.ino());
            }
            _ => {
                tracing::error!(path = %path.display(), "the table has no name any more: copying what is open")
            }
        }
        match rescue(&self.table_file, path) {
            Ok(copy) => format!(
                "its last checkpoint was copied to {}; rename that to {} before the next start",
                copy.display(),
                path.display()
            ),
            Err((copy, error)) => {
                format!(
                    "its last checkpoint cannot be copied to {} ({error}): restore a backup",
                    copy.display()
                )
            }
        }
    }
}

/// What to do about a file that is still somewhere.
const PUT_BACK: &str = "put it back before the next start";

/// Compares what a name stands for with the file that it stood for.
fn compare(
    path: &Path,
    id: FileId,
    found: io::Result<FileId>,
    advice: impl FnOnce() -> String,
) -> Result<(), FileChange> {
    let (path, advice) = (path.to_owned(), || {
        let advice = advice();
        if advice.is_empty() { PUT_BACK.to_owned() } else { advice }
    });
    match found {
        Ok(found) if found == id => Ok(()),
        Ok(_) => Err(FileChange::Replaced { path, advice: advice() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(FileChange::Gone { path, advice: advice() })
        }
        Err(source) => Err(FileChange::Unknown { path, source }),
    }
}

/// Copies an open file, which was `path`, under a name that is free, and returns that. Of a copy that fails nothing stays.
fn rescue(file: &File, path: &Path) -> Result<PathBuf, (PathBuf, io::Error)> {
    let create = |name: &Path| File::options().write(true).create_new(true).mode(0o600).open(name);
    let (name, copy) = create_free(path, create)?;
    match copy_synced(file, copy, &name) {
        Ok(()) => Ok(name),
        Err(error) => {
            let _ = fs::remove_file(&name);
            Err((name, error))
        }
    }
}

/// Creates something under the first name of a rescue that nothing has yet: `path.rescued`, `path.rescued.1`, and so on.
fn create_free<T>(
    path: &Path,
    create: impl Fn(&Path) -> io::Result<T>,
) -> Result<(PathBuf, T), (PathBuf, io::Error)> {
    let mut number = 0_u32;
    loop {
        let mut name = path.as_os_str().to_owned();
        name.push(RESCUED);
        if number > 0 {
            name.push(format!(".{number}"));
        }
        let name = PathBuf::from(name);
        match create(&name) {
            Ok(created) => return Ok((name, created)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err((name, error)),
        }
    }
}

/// Copies an open file to another one, whose name is `to`, and makes that durable.
fn copy_synced(mut from: &File, mut copy: File, to: &Path) -> io::Result<()> {
    io::copy(&mut from, &mut copy)?;
    copy.sync_all()?;
    owner::pass_on(to)?;
    match to.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rescue_has_a_name_of_its_own_and_leaves_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.ackd");
        fs::write(folder.path().join("table.ackd.rescued"), "earlier").unwrap();
        for number in 1..=2 {
            fs::write(&path, format!("table {number}")).unwrap();
            let table = File::open(&path).unwrap();
            fs::remove_file(&path).unwrap();
            let copy = rescue(&table, &path).unwrap();
            assert_eq!(copy, folder.path().join(format!("table.ackd.rescued.{number}")));
            assert_eq!(fs::read_to_string(copy).unwrap(), format!("table {number}"));
        }
        assert_eq!(fs::read_to_string(folder.path().join("table.ackd.rescued")).unwrap(), "earlier");
    }

    #[test]
    fn a_copy_that_fails_half_way_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        // A directory can be opened, and not read.
        let unreadable = File::open(folder.path()).unwrap();
        let (name, _) = rescue(&unreadable, &folder.path().join("table.ackd")).unwrap_err();
        assert!(!name.exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
