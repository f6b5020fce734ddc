//! What ends the writer.

use wal::LogError;

use crate::file_guard::FileChange;
use crate::keyspace::{ApplyError, KeyspaceError};
use crate::table::TableError;

/// An error that ends the writer.
#[derive(Debug, thiserror::Error)]
pub enum WriterError {
    /// The log could not append or sync a group.
    #[error("the log failed, nothing in this group was acknowledged: {0}")]
    Log(#[from] LogError),
    /// The table failed in the middle of a change.
    #[error("the table failed: {0}")]
    Table(#[from] TableError),
    /// The keyspace found cells that it cannot have written.
    #[error("the key space failed: {0}")]
    Keyspace(#[from] KeyspaceError),
    /// The version could not be rebuilt from the log's records.
    #[error("what was changed could not be taken back: {0}")]
    Apply(#[from] ApplyError),
    /// A file of the data directory was removed or replaced.
    #[error("nothing more is acknowledged: {0}")]
    Files(#[from] FileChange),
    /// A checkpoint could not be made durable.
    #[error("the checkpoint failed: {0}")]
    Checkpoint(TableError),
}

impl WriterError {
    /// Whether data on disk is damaged; otherwise it could not be written or synced.
    pub fn is_damage(&self) -> bool {
        match self {
            WriterError::Table(error) | WriterError::Keyspace(KeyspaceError::Table(error)) => {
                error.is_damage()
            }
            WriterError::Checkpoint(error) => error.is_damage(),
            WriterError::Keyspace(_) => true,
            WriterError::Apply(error) => error.is_damage(),
            // The next start finds out whether a log that failed is damaged.
            WriterError::Log(_) | WriterError::Files(_) => false,
        }
    }
}
