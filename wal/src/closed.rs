//! A segment that is full.

use crate::log::Lsn;

/// A segment to which nothing more is appended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Closed {
    /// Number of the segment.
    pub sequence: u64,
    /// Length of its file in bytes.
    pub bytes: u64,
    /// LSN of its first record.
    pub first_lsn: Lsn,
    /// LSN of its last record, below `first_lsn` when it holds none.
    pub last_lsn: Lsn,
}
