//! What can go wrong in the keyspace, including an attempt to change a published version. A client's mistake is not
//! among it: that is a reply.

use crate::table::TableError;

impl KeyspaceError {
    /// Whether the server must stop, as opposed to failing this one operation.
    pub fn is_final(&self) -> bool {
        matches!(self, KeyspaceError::Table(TableError::Io { .. } | TableError::Locked { .. }))
    }

    /// Whether there was no space for a change.
    pub fn is_no_space(&self) -> bool {
        matches!(self, KeyspaceError::NoSpace(_) | KeyspaceError::Table(TableError::Full { .. }))
    }
}

/// Why an operation on the keyspace failed.
#[derive(Debug, thiserror::Error)]
pub enum KeyspaceError {
    /// The table failed.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A cell's bytes are not ones that this program writes.
    #[error("a key's cell cannot be read: {0}")]
    BadCell(&'static str),
    /// An effect does not fit the data: its record was made on different data.
    #[error("the log's effect {effect} does not fit the data: {reason}")]
    Mismatch {
        /// The effect's name.
        effect: &'static str,
        /// What is different.
        reason: &'static str,
    },
    /// There is no space for a change. Holds the error reply that says so.
    #[error("{0}")]
    NoSpace(Box<str>),
    /// The command's reply would be longer than the limit.
    #[error("the reply would be longer than {bytes_max} bytes; reply-bytes-max sets how long it may be")]
    ReplyTooLong {
        /// The limit.
        bytes_max: usize,
    },
    /// A published version cannot be changed.
    #[error("a published version would be changed")]
    WouldChange,
}
