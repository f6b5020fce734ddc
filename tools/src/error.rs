//! How a run ends: what it found, or why it failed.
//!
//! Damage is a finding, not an error, so it is an [`Outcome`]. A [`ToolError`] means that the run gave no answer.
//! Scripts rely on the exit codes in [`Outcome::code`] and [`ToolError::code`].

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use thiserror::Error;

/// What a run found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Nothing wrong.
    #[default]
    Fine,
    /// Only the tail is torn: bytes of a write that was never acknowledged.
    TornTail,
    /// Something that was durable is damaged.
    Damage,
}

impl Outcome {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Damage => 2,
            Self::TornTail => 3,
        }
    }

    /// The worse of the two.
    pub fn and(self, other: Self) -> Self {
        self.max(other)
    }
}

/// Why a run ended without an answer.
#[derive(Debug, Error)]
pub enum ToolError {
    /// The command line asks for something that makes no sense.
    #[error("{0}")]
    Usage(String),
    /// A file or directory could not be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Not done: the file is a symbolic link or of another format, a server is running, a repair was not confirmed.
    #[error("{}: {reason}", path.display())]
    Refused {
        /// The file or directory.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The reader of the output went away. Not reported.
    #[error("the reader of the output went away")]
    BrokenPipe,
    /// Writing the output failed.
    #[error("standard output: {0}")]
    Output(io::Error),
}

impl ToolError {
    /// A failure to read `path`. A symbolic link is refused.
    pub fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match Errno::from_io_error(&source) {
            Some(Errno::LOOP) => {
                Self::Refused { path, reason: "a symbolic link, which is not followed".into() }
            }
            _ => Self::Io { path, source },
        }
    }

    /// The process's exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Io { .. } | Self::Output(_) => 1,
            Self::Refused { .. } => 4,
            Self::BrokenPipe => 0,
        }
    }
}

/// For errors of the output only. Errors of files have a path and come from [`ToolError::io`].
impl From<io::Error> for ToolError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::BrokenPipe } else { Self::Output(error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_outweighs_a_torn_tail() {
        assert_eq!(Outcome::TornTail.and(Outcome::Damage), Outcome::Damage);
        assert_eq!(Outcome::Fine.and(Outcome::TornTail).code(), 3);
    }
}
