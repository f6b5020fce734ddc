//! What can go wrong in the keyspace, and that a published version would be changed. A client's mistake is not among it:
//! that is a reply.

use crate::table::TableError;

impl KeyspaceError {
    /// Whether nothing can be done any more but to stop, as against: this one thing cannot be done.
    pub fn is_final(&self) -> bool {
        matches!(self, KeyspaceError::Table(TableError::Io { .. } | TableError::Locked { .. }))
    }

    /// Whether there was no space for a change.
    pub fn is_no_space(&self) -> bool {
        matches!(self, KeyspaceError::NoSpace(_) | KeyspaceError::Table(TableError::Full { .. }))
    }
}

/// Why the keyspace did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum KeyspaceError {
    /// The table could not.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A cell's bytes are none that this program writes.
    #[error("a key's cell cannot be read: {0}")]
    BadCell(&'static str),
    /// An effect does not fit the data: the record was made on other data than these.
    #[error("the log's effect {effect} does not fit the data: {reason}")]
    Mismatch {
        /// The effect's name.
        effect: &'static str,
        /// What is different.
        reason: &'static str,
    },
    /// There is no space for a change that was to be made. Holds the error reply that says so.
    #[error("{0}")]
    NoSpace(Box<str>),
    /// The command's reply would be longer than replies may be.
    #[error("the reply would be longer than {bytes_max} bytes; reply-bytes-max sets how long it may be")]
    ReplyTooLong {
        /// Bytes that it may have.
        bytes_max: usize,
    },
    /// A published version is not changed.
    #[error("a published version would be changed")]
    WouldChange,
}
