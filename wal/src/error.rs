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
    /// The log cannot be reached now. Nothing was changed; a later call may succeed. Only said where nothing was submitted:
    /// what was is waited for.
    #[error("the log cannot be reached: {reason}")]
    Unavailable {
        /// What is in the way.
        reason: String,
    },
    /// Somebody else has the right to write. Final for whoever writes, and for nobody who reads: what was durable stays so,
    /// and what was submitted and is not known to be durable may have become so or not.
    #[error("this server may write to the log no more: {reason}")]
    Fenced {
        /// Who writes now, or how this one learned it.
        reason: String,
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

/// What an error means for whoever writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogErrorKind {
    /// There is no space now. Nothing was changed.
    Full,
    /// It was too much at once. Nothing was changed.
    TooLarge,
    /// The log cannot be reached now. Nothing was changed.
    Unavailable,
    /// Somebody else writes: nothing is taken any more, and all that is durable can be read.
    Fenced,
    /// What is there is not what was written.
    Damage,
    /// Reading, writing or syncing failed, now or before.
    Io,
    /// The log was asked for what it cannot be.
    Misuse,
}

impl LogError {
    /// What the error means for whoever writes.
    pub fn kind(&self) -> LogErrorKind {
        match self {
            Self::Full { .. } => LogErrorKind::Full,
            Self::TooLarge { .. } => LogErrorKind::TooLarge,
            Self::Unavailable { .. } => LogErrorKind::Unavailable,
            Self::Fenced { .. } => LogErrorKind::Fenced,
            Self::Displaced { .. } | Self::Changed { .. } => LogErrorKind::Damage,
            Self::Io { .. } | Self::Poisoned => LogErrorKind::Io,
            Self::Exists { .. } | Self::Options(_) => LogErrorKind::Misuse,
        }
    }

    /// A failure of `op` on `path` that no retry can mend.
    pub(crate) fn io(op: &'static str, path: PathBuf) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { op, path, source }
    }

    /// Whether the log takes nothing any more after this error.
    pub fn is_final(&self) -> bool {
        matches!(self.kind(), LogErrorKind::Fenced | LogErrorKind::Damage | LogErrorKind::Io)
    }
}

/// Whether an error says that a new file cannot be had now: disk full, quota reached, file size limit, out of
/// descriptors or kernel memory. Only asked about the preparation of segments, where nothing is lost by waiting.
pub(crate) fn is_full(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let full = [Errno::NOSPC, Errno::DQUOT, Errno::FBIG, Errno::MFILE, Errno::NFILE, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|errno| full.contains(&errno))
}
