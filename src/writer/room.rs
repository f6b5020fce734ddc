//! What was secured in log and table, what commands may do with it, and what they are told if they may not. When it is
//! asked for stands in `space`.

use std::time::Instant;

use wal::{Group, Log, LogError};

use crate::keyspace::{Estimate, KeyspaceError, Room};
use crate::table::TableWriter;

/// What the log of events was last told about space.
#[derive(Clone, Copy, Debug)]
pub(super) struct SpaceTold {
    /// When.
    pub(super) at: Instant,
    /// Whether that there is space again, as against: that there is none.
    pub(super) resumed: bool,
}

/// The log, with what it was asked for.
pub(super) struct Secured {
    /// Bytes that the open group may have without asking the log again.
    pub group_bytes: u64,
    /// Bytes that the payload of the record that is being formed may have.
    pub payload_bytes_max: u64,
    /// Why the log cannot go on, once it said so.
    pub failed: Option<LogError>,
}

impl Secured {
    /// Nothing was asked for.
    pub(super) fn new() -> Self {
        Self { group_bytes: 0, payload_bytes_max: u64::MAX, failed: None }
    }

    /// Makes sure that the open group may have so many bytes, or returns the refusal for the client.
    pub(super) fn secure<L: Log>(
        &mut self,
        log: &mut L,
        group_bytes: u64,
    ) -> Result<Option<String>, LogError> {
        if group_bytes <= self.group_bytes {
            return Ok(None);
        }
        match log.reserve(group_bytes) {
            Ok(()) => self.group_bytes = group_bytes,
            Err(error @ LogError::Full { .. }) => return Ok(Some(refusal(&error))),
            Err(error @ LogError::TooLarge { .. }) => return Ok(Some(too_large(&error))),
            Err(error) => return Err(error),
        }
        Ok(None)
    }
}

/// Space for the effects of one command.
pub(super) struct CommandRoom<'a, L> {
    /// The log.
    pub log: &'a mut L,
    /// What it was asked for.
    pub secured: &'a mut Secured,
    /// Bytes of the open group without the record that is being formed.
    pub group_bytes: u64,
    /// Bytes of log that the command has to leave.
    pub left_bytes: u64,
}

impl<L: Log> Room for CommandRoom<'_, L> {
    fn secure(&mut self, table: &mut TableWriter, need: Estimate) -> Result<(), KeyspaceError> {
        if need.log_bytes > self.secured.payload_bytes_max {
            return Err(KeyspaceError::NoSpace(too_long(self.secured.payload_bytes_max).into()));
        }
        let record_bytes = Group::record_bytes(need.log_bytes as usize) as u64;
        match self.secured.secure(self.log, self.group_bytes + record_bytes + self.left_bytes) {
            Ok(None) => {}
            Ok(Some(refusal)) => return Err(KeyspaceError::NoSpace(refusal.into())),
            Err(error) => {
                let text = error.to_string().into();
                self.secured.failed = Some(error);
                return Err(KeyspaceError::NoSpace(text));
            }
        }
        table.reserve(need.table_pages)?;
        Ok(())
    }
}

/// The error reply to a command that cannot be given its space.
pub(super) fn refusal(error: &dyn std::fmt::Display) -> String {
    format!(
        "MISCONF No space left for this write, nothing was changed: {error}. Reads and deletes go on. Free space \
         there, raise the limit, or delete keys: writes resume by themselves."
    )
}

/// The error reply to commands that were sent at once and change more than one group of the log can hold.
pub(super) fn too_large(error: &dyn std::fmt::Display) -> String {
    format!(
        "ERR These commands may change too much at once, nothing was changed: {error}. Send fewer of them at once."
    )
}

/// The error reply to a transaction whose record would be too long.
pub(super) fn too_long(payload_bytes_max: u64) -> String {
    format!(
        "it needs a log record of more than {payload_bytes_max} bytes, which is the most; nothing was changed"
    )
}
