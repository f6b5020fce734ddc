//! The owner of files: a start as root in a directory of another user leaves nothing that this user cannot open.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{AtFlags, Gid, OFlags, Uid, chownat};
use rustix::io::Errno;
use rustix::process::geteuid;

/// Gives a file, socket or directory of root to the owner of the directory that it is in, if this process is root.
/// Links are not followed, and a file with a second name stays as it is.
pub fn pass_on(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if geteuid().is_root() { give(path, &fs::metadata(parent)?) } else { Ok(()) }
}

/// Like [`pass_on`], but to the owner of another file.
pub fn give(path: &Path, owner: &Metadata) -> io::Result<()> {
    if !geteuid().is_root() || owner.uid() == 0 {
        return Ok(());
    }
    // `O_PATH` refers to the file without opening it: a socket cannot be opened, and a device must not be.
    let flags = OFlags::PATH | OFlags::NOFOLLOW;
    let file: File = OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path)?;
    let found = file.metadata()?;
    let is_file = found.is_file() || found.file_type().is_socket();
    if found.uid() != 0 || !(found.is_dir() || is_file && found.nlink() == 1) {
        return Ok(());
    }
    let (user, group) = (Uid::from_raw(owner.uid()), Gid::from_raw(owner.gid()));
    match chownat(&file, c"", Some(user), Some(group), AtFlags::EMPTY_PATH) {
        // Root may lack this right or this user, as in some containers.
        Err(Errno::PERM | Errno::ACCESS | Errno::INVAL) => Ok(()),
        outcome => Ok(outcome?),
    }
}
