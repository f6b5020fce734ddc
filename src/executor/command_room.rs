//! The space that a command may use in log and table, and the error replies if there is none. When space is reserved is
//! in `reservation`.

use std::time::Instant;

use super::log_room::{LogRoom, Shortage};
use crate::keyspace::{Estimate, KeyspaceError, Room};
use crate::table::TableWriter;

/// What the server log last said about space.
#[derive(Clone, Copy, Debug)]
pub(super) struct SpaceReport {
    /// When.
    pub(super) at: Instant,
    /// Whether it said that there is space again; otherwise, that there is none.
    pub(super) resumed: bool,
}

/// Space for the effects of one command.
pub(super) struct CommandRoom<'a, R: LogRoom> {
    /// The group that takes the command's record.
    pub room: &'a mut R,
    /// The error that ends the log, if there is one.
    pub failed: &'a mut Option<R::Error>,
    /// The most bytes of the record's payload.
    pub payload_bytes_max: u64,
    /// Bytes of log that the command must leave free.
    pub left_bytes: u64,
}

impl<R: LogRoom> Room for CommandRoom<'_, R> {
    fn secure(&mut self, table: &mut TableWriter, need: Estimate) -> Result<(), KeyspaceError> {
        if need.log_bytes > self.payload_bytes_max {
            return Err(KeyspaceError::NoSpace(too_long(self.payload_bytes_max).into()));
        }
        let record_bytes = R::record_bytes(need.log_bytes);
        match self.room.secure(self.room.len_bytes() + record_bytes + self.left_bytes) {
            Ok(None) => {}
            Ok(Some(shortage)) => return Err(KeyspaceError::NoSpace(shortage.refusal().into())),
            Err(error) => {
                *self.failed = Some(error);
                return Err(KeyspaceError::NoSpace("the log cannot go on".into()));
            }
        }
        table.reserve(need.table_pages)?;
        Ok(())
    }
}

impl Shortage {
    /// The error reply to a command for which there is no space in the log.
    pub(super) fn refusal(&self) -> String {
        match self {
            Shortage::Full(reason) => refusal(reason),
            Shortage::TooLarge(reason) => format!(
                "ERR These commands may change too much at once, no data was changed: {reason}. Send fewer of them at once."
            ),
            Shortage::Unavailable(reason) => format!(
                "MISCONF Not written, no data was changed: {reason}. Reads go on, and writes resume by themselves."
            ),
            Shortage::Fenced(reason) => {
                format!("READONLY Not written, no data was changed: {reason}. Reads go on.")
            }
        }
    }
}

/// The error reply to a command for which there is no space.
pub(super) fn refusal(error: &dyn std::fmt::Display) -> String {
    format!(
        "MISCONF No space left for this write, no data was changed: {error}. Reads and deletes go on. Free space \
         there, raise the limit, or delete keys: writes resume by themselves."
    )
}

/// The error reply to a transaction whose record would be too long.
fn too_long(payload_bytes_max: u64) -> String {
    format!(
        "it needs a log record of more than {payload_bytes_max} bytes, which is the most; no data was changed"
    )
}
