//! The file with the process ID of the server.
//!
//! It is written when the server is about to serve, so that a failed start does not touch the file of a running server.
//! It is removed at the end, but only if it is still the one that was written.

use std::fs;
use std::path::{Path, PathBuf};

use crate::file_id::FileId;
use crate::owner;

/// A pid file. Dropping this removes it, unless another process has overwritten it.
pub struct PidFile(Option<(PathBuf, FileId)>);

impl PidFile {
    /// Writes the file, if one is configured. The server works without it, so failure is only a warning.
    pub fn write(path: Option<PathBuf>) -> Self {
        let Some(path) = path else { return Self(None) };
        let written =
            fs::write(&path, content()).and_then(|()| owner::pass_on(&path)).and_then(|()| FileId::at(&path));
        match written {
            Ok(id) => Self(Some((path, id))),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "no pid file");
                Self(None)
            }
        }
    }
}

impl PidFile {
    /// The file that was written.
    pub fn made(&self) -> Option<(&Path, FileId)> {
        self.0.as_ref().map(|(path, id)| (path.as_path(), *id))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // An existing file is overwritten, so the same file may belong to another process by now.
        if let Some((path, id)) = &self.0
            && fs::read_to_string(path).is_ok_and(|found| found == content())
        {
            id.remove(path);
        }
    }
}

/// The content of the file for this process.
fn content() -> String {
    format!("{}\n", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_that_cannot_be_written_stops_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        let written = PidFile::write(Some(path.clone()));
        assert_eq!(fs::read_to_string(&path).unwrap(), content());
        drop(written);
        assert!(!path.exists());
        assert!(PidFile::write(Some(folder.path().join("none/pid"))).0.is_none());
    }

    #[test]
    fn a_pid_file_that_another_process_took_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        let overwritten = PidFile::write(Some(path.clone()));
        fs::write(&path, "1\n").unwrap();
        drop(overwritten);
        assert_eq!(fs::read_to_string(&path).unwrap(), "1\n");
        let replaced = PidFile::write(Some(path.clone()));
        fs::rename(&path, folder.path().join("old")).unwrap();
        fs::write(&path, content()).unwrap();
        drop(replaced);
        assert!(path.exists());
    }
}
