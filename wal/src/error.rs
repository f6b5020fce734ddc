//! Errors of the log, as its writer sees them.

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
    /// The log cannot be reached now. Nothing was changed; a later call may succeed. Returned only when no group is
    /// submitted; otherwise the log waits.
    #[error("the log cannot be reached: {reason}")]
    Unavailable {
        /// What is in the way.
        reason: String,
    },
    /// Another server has the right to write. Final for this writer; readers are not affected. What was durable stays
    /// durable. What was submitted and is not known to be durable may or may not be.
    #[error("this server may write to the log no more: {reason}")]
    Fenced {
        /// Which server writes now, or how this one learned of it.
        reason: String,
    },
    /// Reading, writing or syncing failed. Final: what was submitted and not yet durable may or may not be on
    /// disk, and the log accepts no more groups.
    #[error("{op} {}: {source}", path.display())]
    Io {
        /// What was being done.
        op: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file of the log was removed, renamed, replaced or truncated. Final.
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
    /// The log on disk is not the one whose end was passed to `resume`.
    #[error("{} changed since its end was found", path.display())]
    Changed {
        /// The segment that differs.
        path: PathBuf,
    },
    /// The options contradict each other.
    #[error("log options: {0}")]
    Options(&'static str),
}

/// What an error means for the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogErrorKind {
    /// There is no space now. Nothing was changed.
    Full,
    /// The group is too large. Nothing was changed.
    TooLarge,
    /// The log cannot be reached now. Nothing was changed.
    Unavailable,
    /// Another server writes: the log accepts no more groups, and everything durable can be read.
    Fenced,
    /// Reading, writing or syncing failed, now or before, or the log is not where it was: it accepts no more groups.
    Failed,
}

impl LogError {
    /// What the error means for the writer.
    pub fn kind(&self) -> LogErrorKind {
        match self {
            Self::Full { .. } => LogErrorKind::Full,
            Self::TooLarge { .. } => LogErrorKind::TooLarge,
            Self::Unavailable { .. } => LogErrorKind::Unavailable,
            Self::Fenced { .. } => LogErrorKind::Fenced,
            Self::Io { .. }
            | Self::Displaced { .. }
            | Self::Poisoned
            | Self::Exists { .. }
            | Self::Changed { .. }
            | Self::Options(_) => LogErrorKind::Failed,
        }
    }

    /// A final failure of `op` on `path`.
    pub(crate) fn io(op: &'static str, path: PathBuf) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { op, path, source }
    }

    /// Whether the log accepts no more groups after this error.
    pub fn is_final(&self) -> bool {
        matches!(self.kind(), LogErrorKind::Fenced | LogErrorKind::Failed)
    }
}

/// Whether an error says that no new file can be made now: disk full, quota reached, file size limit, out of
/// descriptors or kernel memory. Used only for preparing segments, where nothing is lost by waiting.
pub(crate) fn is_full(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let full = [Errno::NOSPC, Errno::DQUOT, Errno::FBIG, Errno::MFILE, Errno::NFILE, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|errno| full.contains(&errno))
}
