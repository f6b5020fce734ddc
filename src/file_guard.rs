//! Checks that the names in a data directory still refer to the same files.
//!
//! If somebody removes or replaces a file under a running server, the server can still use it, but when the server ends
//! the file is gone. So the names are checked from time to time, and before a checkpoint lets segments of the log be
//! recycled. The log checks its segments itself; this file checks the directories, the lock and the table.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::data_dir::{DataDir, TABLE_FILE};
use crate::file_id::FileId;
use crate::owner;

/// Suffix of the name of a table, or of its directory, for a rescued copy.
const RESCUED: &str = ".rescued";

/// What happened to a file.
#[derive(Debug, thiserror::Error)]
pub enum FileChange {
    /// Its name was removed.
    #[error("{} was removed or renamed while the server runs: {advice}", path.display())]
    Gone {
        /// The name.
        path: PathBuf,
        /// What to do.
        advice: String,
    },
    /// Its name refers to another file.
    #[error("{} was replaced while the server runs: {advice}", path.display())]
    Replaced {
        /// The name.
        path: PathBuf,
        /// What to do.
        advice: String,
    },
    /// It is unknown what the name refers to.
    #[error("cannot look at {}: {source}", path.display())]
    Unknown {
        /// The name.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// The files of a data directory that are checked.
pub struct FileGuard {
    /// The directory, whose name may be a link.
    dir: (PathBuf, FileId),
    /// The same, with all links resolved.
    home: PathBuf,
    /// Its other names apart from the table: the lock and the log's directory.
    names: [(PathBuf, FileId); 2],
    /// The table.
    table: (PathBuf, FileId),
    /// The table's file, which stays open so that it can be saved when its name is gone.
    table_file: File,
}

impl FileGuard {
    /// Remembers the directory, with the lock, the log's directory and the table that it holds now.
    pub fn new(dir: &DataDir) -> io::Result<Self> {
        let named = |path: PathBuf| FileId::at(&path).map(|id| (path, id));
        let table_file = File::open(dir.table_path())?;
        Ok(Self {
            dir: (dir.path().to_owned(), FileId::of(&fs::metadata(dir.path())?)),
            home: fs::canonicalize(dir.path())?,
            names: [named(dir.lock_path())?, named(dir.wal_path())?],
            table: (dir.table_path(), FileId::of(&table_file.metadata()?)),
            table_file,
        })
    }

    /// Checks that all names still refer to the same files.
    pub fn look(&self) -> Result<(), FileChange> {
        let (path, id) = &self.dir;
        compare(path, *id, dir_id(path), || self.save_table().unwrap_or_else(put_back))?;
        let (path, id) = &self.table;
        compare(path, *id, FileId::at(path), || self.save_table().unwrap_or_else(|| self.other_name()))?;
        self.names.iter().try_for_each(|(path, id)| compare(path, *id, FileId::at(path), put_back))
    }

    /// Copies the table if it has no name any more, because it will be gone when this process ends. Returns a text that
    /// says where the copy is and what the next start needs.
    fn save_table(&self) -> Option<String> {
        if self.table_file.metadata().is_ok_and(|found| found.nlink() > 0) {
            return None;
        }
        let (path, _) = &self.table;
        tracing::error!(path = %path.display(), "the table has no name any more: copying what is open");
        Some(match self.copy_table() {
            Ok(copy) => self.next_start(&copy),
            Err((copy, error)) => {
                format!(
                    "the table's last checkpoint cannot be copied to {} ({error}): restore a backup",
                    copy.display()
                )
            }
        })
    }

    /// Copies the table: into the directory, or next to it if it is gone. Returns the name of the copy.
    fn copy_table(&self) -> Result<PathBuf, (PathBuf, io::Error)> {
        let (dir, id) = &self.dir;
        let stands = || dir_id(dir).is_ok_and(|found| found == *id);
        if stands() {
            let copied = rescue(&self.table_file, &self.table.0);
            // Whoever is removing the whole directory may remove the copy, too.
            if stands() && copied.as_ref().map_or(true, |copy| copy.exists()) {
                return copied;
            }
        }
        rescue_beside(&self.table_file, &self.home)
    }

    /// Advice on what the next start needs, given a copy of the table.
    fn next_start(&self, copy: &Path) -> String {
        let (copy, table, dir) = (copy.display(), self.table.0.display(), self.dir.0.display());
        let (wal, id) = &self.names[1];
        if FileId::at(wal).is_ok_and(|found| found == *id) {
            return format!(
                "its last checkpoint was copied to {copy}; rename that to {table} before the next start"
            );
        }
        format!(
            "the log is gone, and with it what was written since the table's last checkpoint, which was copied to {copy}: \
             before the next start restore a backup, or move the copy to {table} and have `ackd-wal repair --trim-tail --apply \
             {dir}` begin a new log"
        )
    }

    /// Advice for a table that has another name.
    fn other_name(&self) -> String {
        let inode = self.table_file.metadata().map_or(0, |found| found.ino());
        format!("its file, inode {inode}, has another name now; {}", put_back())
    }
}

/// Advice for a file that still exists somewhere.
fn put_back() -> String {
    "put it back before the next start".to_owned()
}

/// The directory that a name refers to; the name may be a link.
fn dir_id(path: &Path) -> io::Result<FileId> {
    fs::metadata(path).map(|found| FileId::of(&found))
}

/// Compares the file that a name refers to with the original one.
fn compare(
    path: &Path,
    id: FileId,
    found: io::Result<FileId>,
    advice: impl FnOnce() -> String,
) -> Result<(), FileChange> {
    let path = path.to_owned();
    match found {
        Ok(found) if found == id => Ok(()),
        Ok(_) => Err(FileChange::Replaced { path, advice: advice() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(FileChange::Gone { path, advice: advice() })
        }
        Err(source) => Err(FileChange::Unknown { path, source }),
    }
}

/// Copies an open file, whose name was `path`, to a free name, and returns that. If the copy fails, nothing of it
/// stays.
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

/// Like [`rescue`], but into a new directory next to the one that the file was in. The copy gets the file's owner.
fn rescue_beside(file: &File, home: &Path) -> Result<PathBuf, (PathBuf, io::Error)> {
    let (dir, ()) = create_free(home, |name| DirBuilder::new().mode(0o700).create(name))?;
    let name = dir.join(TABLE_FILE);
    let copy = || {
        owner::give(&dir, &file.metadata()?)?;
        let copy = File::options().write(true).create_new(true).mode(0o600).open(&name)?;
        copy_synced(file, copy, &name)?;
        home.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
    };
    copy().map(|()| name.clone()).map_err(|error| {
        let _ = fs::remove_file(&name);
        let _ = fs::remove_dir(&dir);
        (name.clone(), error)
    })
}

/// Creates something under the first free name: `path.rescued`, `path.rescued.1`, and so on.
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

/// Copies an open file to another one, whose name is `to`, durably.
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
        // A directory can be opened but not read.
        let unreadable = File::open(folder.path()).unwrap();
        let (name, _) = rescue(&unreadable, &folder.path().join("table.ackd")).unwrap_err();
        assert!(!name.exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_copy_beside_a_directory_belongs_to_the_owner_of_the_table() {
        let folder = tempfile::tempdir().unwrap();
        let (path, home) = (folder.path().join("table"), folder.path().join("data"));
        fs::write(&path, "table").unwrap();
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&path, Some(65534), Some(65534)).unwrap();
        }
        let table = File::open(&path).unwrap();
        let copy = rescue_beside(&table, &home).unwrap();
        assert_eq!(copy, folder.path().join("data.rescued/table.ackd"));
        let owner = table.metadata().unwrap().uid();
        for place in [&*copy, copy.parent().unwrap()] {
            assert_eq!(fs::metadata(place).unwrap().uid(), owner, "{}", place.display());
        }
        let unreadable = File::open(folder.path()).unwrap();
        let (name, _) = rescue_beside(&unreadable, &home).unwrap_err();
        assert_eq!(name, folder.path().join("data.rescued.1/table.ackd"));
        assert!(!name.parent().unwrap().exists());
    }
}
