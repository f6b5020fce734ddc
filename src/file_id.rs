//! The identity of a file, by device and inode, to notice when a name refers to a different file.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Identity of a file for as long as it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId {
    /// Its file system.
    device: u64,
    /// Its number in that file system.
    inode: u64,
}

impl FileId {
    /// The file with this metadata.
    pub fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }

    /// The file under a name. A link is not followed.
    pub fn at(path: &Path) -> io::Result<Self> {
        fs::symlink_metadata(path).map(|found| Self::of(&found))
    }

    /// Removes the name `path` if it still refers to this file. Any other file belongs to somebody else.
    pub fn remove(self, path: &Path) {
        if Self::at(path).is_ok_and(|found| found == self) {
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_file_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&path, "first").unwrap();
        fs::write(&other, "second").unwrap();
        let first = FileId::at(&path).unwrap();
        fs::rename(&other, &path).unwrap();
        first.remove(&path);
        assert_eq!(fs::read(&path).unwrap(), b"second");
        FileId::at(&path).unwrap().remove(&path);
        assert!(!path.exists());
        first.remove(&path);
    }
}
