//! Real files under one directory.
//!
//! Files are opened relative to the directory's descriptor, never through a symbolic link, with mode 0600. If root makes
//! a file in a directory of another user, that user becomes its owner. Writes and recovery reads bypass the page cache
//! (`O_DIRECT`) where the file system allows it. If it refuses, at open or at the first transfer, the file uses the page
//! cache from then on: writes are followed by `fdatasync`, and recovery reads drop cached pages first.

use std::fmt;
use std::fs;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{Advice, AtFlags, CWD, Dir, FallocateFlags, FileType, Gid, Mode, OFlags, Uid};
use rustix::io::{Errno, ReadWriteFlags};

use crate::storage::{Access, FileIdentity, Method, Storage, StorageFile};

/// Alignment in bytes of direct transfers that every current device accepts.
const DIRECT_ALIGNMENT_BYTES: usize = 4096;

/// A directory of log files on a real file system.
#[derive(Clone)]
pub struct DirStorage {
    shared: Arc<Shared>,
}

struct Shared {
    /// Path given by the user, for messages.
    path: PathBuf,
    /// The open directory; all names are looked up in it.
    dir: OwnedFd,
    /// Whether to try direct I/O: cleared by the first refusal, and never set again.
    direct: AtomicBool,
}

/// An open file of a [`DirStorage`].
pub struct DirFile {
    fd: OwnedFd,
    /// Whether the descriptor is in direct mode.
    direct: AtomicBool,
    /// The directory's state, which records a refusal.
    shared: Arc<Shared>,
}

impl DirStorage {
    /// Opens an existing directory.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::with_direct(path.as_ref(), true)
    }

    /// Opens an existing directory and always uses the page cache.
    pub fn open_buffered(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::with_direct(path.as_ref(), false)
    }

    /// Opens a directory. Makes it, with mode 0700, and syncs its parent if it does not exist.
    pub fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        match fs::DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let made = rustix::fs::openat(CWD, path, flags, Mode::empty())?;
                give_to_owner_of(fs::File::open(parent(path))?, &made)?;
                sync_parent(path)?;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        Self::open(path)
    }

    fn with_direct(path: &Path, direct: bool) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = rustix::fs::openat(CWD, path, flags, Mode::empty())?;
        let shared = Shared { path: path.to_path_buf(), dir, direct: AtomicBool::new(direct) };
        Ok(Self { shared: Arc::new(shared) })
    }

    fn open_file(&self, name: &str, flags: OFlags, direct: bool) -> io::Result<DirFile> {
        check_name(name)?;
        // NONBLOCK: opening a pipe that has a file's name does not block; it is refused below.
        let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::NONBLOCK;
        let mode = Mode::RUSR | Mode::WUSR;
        let open = |flags| rustix::fs::openat(&self.shared.dir, name, flags, mode);
        let direct = direct && self.shared.direct.load(Ordering::Relaxed);
        let (fd, direct) = match open(if direct { flags | OFlags::DIRECT } else { flags }) {
            // The refusal of direct mode comes after the file was made, so not with EXCL again.
            Err(Errno::INVAL) if direct => (open(flags - OFlags::EXCL)?, false),
            other => (other?, direct),
        };
        if FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode) != FileType::RegularFile {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        if flags.contains(OFlags::CREATE) {
            give_to_owner_of(&self.shared.dir, &fd)?;
        }
        Ok(DirFile { fd, direct: AtomicBool::new(direct), shared: Arc::clone(&self.shared) })
    }
}

impl fmt::Debug for DirStorage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("DirStorage").field("path", &self.shared.path).finish_non_exhaustive()
    }
}

impl Storage for DirStorage {
    type File = DirFile;

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for found in Dir::read_from(&self.shared.dir)? {
            let found = found?;
            // Names that are not UTF-8 are not ours.
            if let Ok(name) = found.file_name().to_str()
                && name != "."
                && name != ".."
            {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    fn create(&self, name: &str) -> io::Result<DirFile> {
        self.open_file(name, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL, true)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<DirFile> {
        match access {
            Access::Read => self.open_file(name, OFlags::RDONLY, false),
            Access::Write => self.open_file(name, OFlags::RDWR, true),
            Access::ReadDevice => {
                let file = self.open_file(name, OFlags::RDONLY, true)?;
                if !file.is_direct() {
                    file.drop_cached_pages();
                }
                Ok(file)
            }
        }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        check_name(from)?;
        check_name(to)?;
        Ok(rustix::fs::renameat(&self.shared.dir, from, &self.shared.dir, to)?)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        check_name(name)?;
        Ok(rustix::fs::unlinkat(&self.shared.dir, name, AtFlags::empty())?)
    }

    fn sync_dir(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.shared.dir)?)
    }

    fn identify(&self, name: &str) -> io::Result<Option<FileIdentity>> {
        check_name(name)?;
        identity(&rustix::fs::statat(&self.shared.dir, name, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.shared.path.clone() } else { self.shared.path.join(name) }
    }
}

impl DirFile {
    fn is_direct(&self) -> bool {
        self.direct.load(Ordering::Relaxed)
    }

    /// Makes later reads come from the device where the page cache cannot be bypassed. Best effort: dirty and
    /// mapped pages stay.
    fn drop_cached_pages(&self) {
        let _ = rustix::fs::fadvise(&self.fd, 0, None, Advice::DontNeed);
    }

    /// Leaves direct mode. Returns false if the file was not in it; then the refusal is a real error.
    fn fall_back(&self) -> io::Result<bool> {
        if !self.direct.swap(false, Ordering::Relaxed) {
            return Ok(false);
        }
        self.shared.direct.store(false, Ordering::Relaxed);
        let flags = rustix::fs::fcntl_getfl(&self.fd)?;
        rustix::fs::fcntl_setfl(&self.fd, flags - OFlags::DIRECT)?;
        self.drop_cached_pages();
        Ok(true)
    }

    fn append_once(&self, bytes: &[u8], offset: u64) -> rustix::io::Result<usize> {
        if self.is_direct() {
            rustix::io::pwritev2(&self.fd, &[IoSlice::new(bytes)], offset, ReadWriteFlags::DSYNC)
        } else {
            rustix::io::pwrite(&self.fd, bytes, offset)
        }
    }

    /// Runs a transfer, and again through the page cache if direct I/O is refused.
    fn transfer(&self, mut run: impl FnMut() -> rustix::io::Result<usize>) -> io::Result<usize> {
        match run() {
            Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS) if self.fall_back()? => Ok(run()?),
            other => Ok(other?),
        }
    }
}

impl StorageFile for DirFile {
    fn len(&self) -> io::Result<u64> {
        bytes_of(&rustix::fs::fstat(&self.fd)?)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.transfer(|| rustix::io::pread(&self.fd, &mut *buffer, offset))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.transfer(|| rustix::io::pwrite(&self.fd, bytes, offset))
    }

    fn append_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.transfer(|| self.append_once(bytes, offset))
    }

    fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fdatasync(&self.fd)?)
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        match rustix::fs::fallocate(&self.fd, FallocateFlags::empty(), 0, bytes) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(()),
            other => Ok(other?),
        }
    }

    fn method(&self) -> Method {
        if self.is_direct() { Method::Direct } else { Method::Buffered }
    }

    fn identity(&self) -> io::Result<Option<FileIdentity>> {
        identity(&rustix::fs::fstat(&self.fd)?)
    }

    fn alignment_bytes(&self) -> usize {
        if self.is_direct() { DIRECT_ALIGNMENT_BYTES } else { 1 }
    }
}

/// The identity in the result of `stat`.
fn identity(found: &rustix::fs::Stat) -> io::Result<Option<FileIdentity>> {
    Ok(Some(FileIdentity { device: found.st_dev, inode: found.st_ino, bytes: bytes_of(found)? }))
}

/// Length of a file.
fn bytes_of(found: &rustix::fs::Stat) -> io::Result<u64> {
    u64::try_from(found.st_size)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "negative file length"))
}

fn check_name(name: &str) -> io::Result<()> {
    if name.is_empty() || name.contains(['/', '\0']) || name == "." || name == ".." {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a plain file name"));
    }
    Ok(())
}

/// The directory that a path is in.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn sync_parent(path: &Path) -> io::Result<()> {
    fs::File::open(parent(path))?.sync_all()
}

/// If this process is root, makes the owner of a directory the owner of what was just made in it.
fn give_to_owner_of(dir: impl AsFd, made: impl AsFd) -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let owner = rustix::fs::fstat(dir)?;
    if owner.st_uid == 0 {
        return Ok(());
    }
    let (user, group) = (Uid::from_raw(owner.st_uid), Gid::from_raw(owner.st_gid));
    match rustix::fs::fchown(made, Some(user), Some(group)) {
        // Root without that right, as in some containers.
        Err(Errno::PERM) => Ok(()),
        outcome => Ok(outcome?),
    }
}
