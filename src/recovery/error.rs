//! Why a data directory cannot be served.

use wal::{LogError, ReadError};

use super::belongs::Contradiction;
use crate::keyspace::ApplyError;
use crate::table::TableError;

/// Why a data directory cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The table is damaged, or cannot be read.
    #[error("table: {0}")]
    Table(#[from] TableError),
    /// The log is damaged, or cannot be read.
    #[error("log: {0}")]
    Read(#[from] ReadError),
    /// The log cannot be written.
    #[error("log: {0}")]
    Log(#[from] LogError),
    /// The files of the directory do not belong together, or are not all there.
    #[error("{0}")]
    Contradiction(#[from] Contradiction),
    /// The table's note cannot be written.
    #[error("table: cannot remember the newest segment of the log: {0}")]
    Mark(std::io::Error),
    /// A record cannot be read, or does not fit the table.
    #[error("log: {0}")]
    Apply(#[from] ApplyError),
    /// The replay began and failed; pages of the table that no checkpoint uses were written.
    #[error(transparent)]
    Replaying(Box<RecoveryError>),
}

impl RecoveryError {
    /// Whether the data on disk is damaged, as opposed to unreadable or not writable.
    pub fn is_damage(&self) -> bool {
        match self {
            RecoveryError::Replaying(error) => error.is_damage(),
            RecoveryError::Table(error) => error.is_damage(),
            RecoveryError::Apply(error) => error.is_damage(),
            RecoveryError::Read(ReadError::Io { .. }) | RecoveryError::Log(_) | RecoveryError::Mark(_) => {
                false
            }
            RecoveryError::Read(_) | RecoveryError::Contradiction(_) => true,
        }
    }
}
