//! Whose files are: a start as root in a directory of another user leaves nothing that this user cannot open.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::process::geteuid;

/// Gives a file or directory of root's to the owner of the directory that it is in, if this process is root. Links are
/// not followed, and what has a second name stays as it is.
pub fn pass_on(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if geteuid().is_root() { give(path, &fs::metadata(parent)?) } else { Ok(()) }
}

/// As [`pass_on`], to the owner of another file.
pub fn give(path: &Path, owner: &Metadata) -> io::Result<()> {
    if !geteuid().is_root() || owner.uid() == 0 {
        return Ok(());
    }
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file: File = OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path)?;
    let found = file.metadata()?;
    let is_plain = found.is_dir() || found.is_file() && found.nlink() == 1;
    if found.uid() != 0 || !is_plain {
        return Ok(());
    }
    match fchown(&file, Some(owner.uid()), Some(owner.gid())) {
        // Root without that right, as in some containers.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        outcome => outcome,
    }
}
