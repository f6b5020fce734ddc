//! What can go wrong while appending, in the terms of the one who appends.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why the log did not do what was asked.
#[derive(Debug, Error)]
pub enum LogError {
    /// There is no space to prepare the next segment. Nothing was changed; a later call may succeed.
    #[error("no space for the log: {needed} bytes for {}: {source}", path.display())]
    Full {
        /// The file that could not be made.
        path: PathBuf,
        /// Bytes that it needs.
        needed: u64,
        /// What the file system said.
        source: io::Error,
    },
    /// A group larger than [`GROUP_BYTES_MAX`](crate::GROUP_BYTES_MAX). Nothing was changed.
    #[error("a group of {bytes} bytes is larger than the log takes ({max} bytes)")]
    TooLarge {
        /// Bytes of the group.
        bytes: u64,
        /// The largest group in bytes.
        max: u64,
    },
    /// Reading, writing or syncing failed. Final: what was submitted and not yet durable may or may not be on
    /// disk, and the log takes nothing any more.
    #[error("{op} {}: {source}", path.display())]
    Io {
        /// What was being done.
        op: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file of the log is not where it was any more. Final: what it holds is lost with the process.
    #[error("{} {what} while the log is in use: put it back before the next start", path.display())]
    Displaced {
        /// The file's name.
        path: PathBuf,
        /// What happened to it.
        what: &'static str,
    },
    /// An earlier error was final.
    #[error("the log stopped after an earlier error")]
    Poisoned,
    /// A new log was to be made where one exists.
    #[error("{} already holds a log", path.display())]
    Exists {
        /// The segment found.
        path: PathBuf,
    },
    /// The log on disk is not the one whose end was handed to resume.
    #[error("{} changed since its end was found", path.display())]
    Changed {
        /// The segment that differs.
        path: PathBuf,
    },
    /// The options contradict each other.
    #[error("log options: {0}")]
    Options(&'static str),
}

impl LogError {
    /// A failure of `op` on `path` that no retry can mend.
    pub(crate) fn io(op: &'static str, path: PathBuf) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { op, path, source }
    }

    /// Whether the log still works after this error.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Io { .. } | Self::Poisoned | Self::Changed { .. } | Self::Displaced { .. })
    }
}

/// Whether an error says that a new file cannot be had now: disk full, quota reached, file size limit, out of
/// descriptors or kernel memory. Only asked about the preparation of segments, where nothing is lost by waiting.
pub(crate) fn is_full(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let full = [Errno::NOSPC, Errno::DQUOT, Errno::FBIG, Errno::MFILE, Errno::NFILE, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|errno| full.contains(&errno))
}
