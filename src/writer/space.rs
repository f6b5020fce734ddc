//! Space before changes: what is going to be used in log and table is secured before, so that a full disk is met while
//! there is nothing to undo, or so little that it can be undone.
//!
//! - When a submission comes, what its writing commands sent is asked for. If there is no space for it, commands that may
//!   grow the data are refused at once.
//! - Before each effect is made, its bytes in the log are secured, and the pages that it is likely to need. So commands
//!   that store more than they were sent need not be looked through for what they are going to store, and keys past
//!   their deadline cost what is really due.
//! - An operation on the table that finds no page says so. Then, as when an effect in the middle of a command is refused,
//!   the whole command is taken back, or the whole transaction, see [`undo`](super::undo).
//!
//! A command that cannot be given its space is refused with `-MISCONF`; nothing was changed, reads go on, and the next
//! command asks again, so writes resume by themselves. Commands that only free space ([`Flags::DENYOOM`] is not set)
//! may use a reserve that the others leave alone. A look at the space that is there reserves nothing beyond it: the next
//! one counts on the same pages again.

use std::time::{Duration, Instant};

use wal::{Group, Log, LogError};

use super::{Item, OpenGroup, Submission, Writer, WriterError};
use crate::command::{Flags, Run, Spec};
use crate::keyspace::{Estimate, KeyspaceError, Room};
use crate::table::{TableError, TableWriter};

/// Time between two reports that space is short.
const SPACE_TOLD_INTERVAL: Duration = Duration::from_secs(10);

/// What the log of events was last told about space.
#[derive(Clone, Copy, Debug)]
pub(super) struct SpaceTold {
    /// When.
    at: Instant,
    /// Whether that there is space again, as against: that there is none.
    resumed: bool,
}

/// What a submission's commands may do.
pub(super) enum Space {
    /// Everything.
    Ample,
    /// Reads, and commands that free space. Holds the refusal for the others.
    Scarce(String),
    /// Reads only.
    Exhausted(String),
}

impl Space {
    /// The error reply that the command gets instead of running, if it must not run.
    pub(super) fn refusal(&self, spec: &Spec) -> Option<&str> {
        let writes = matches!(spec.run, Run::Write(_));
        match self {
            Space::Scarce(refusal) if writes && spec.flags.has(Flags::DENYOOM) => Some(refusal),
            Space::Exhausted(refusal) if writes => Some(refusal),
            _ => None,
        }
    }
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
    fn secure<L: Log>(&mut self, log: &mut L, group_bytes: u64) -> Result<Option<String>, LogError> {
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

impl<L: Log> Writer<L> {
    /// Secures what the writing commands of a submission were sent, together with what the open group holds already.
    pub(super) fn secure(&mut self, open: &OpenGroup, submission: &Submission) -> Result<Space, WriterError> {
        let mut need = Estimate::default();
        for item in &submission.items {
            match item {
                Item::Execute { spec, first_span, spans, .. } => {
                    need.add_command(spec, submission.args(*first_span, *spans).from(0));
                }
                Item::Transaction(transaction) => {
                    for queued in &transaction.commands {
                        need.add_command(queued.spec, transaction.args(queued).from(0));
                    }
                }
                // What these delete is asked for when they do.
                Item::Purge { .. } | Item::Watch { .. } | Item::Ready(_) => {}
            }
        }
        if need == Estimate::default() { Ok(Space::Ample) } else { self.secure_need(open, need) }
    }

    /// Secures what commands need, with or without what only those may use that free space.
    fn secure_need(&mut self, open: &OpenGroup, need: Estimate) -> Result<Space, WriterError> {
        let refusal = self.reserve(open, need, true)?;
        self.note_space(refusal.as_deref());
        let Some(refusal) = refusal else { return Ok(Space::Ample) };
        Ok(match self.reserve(open, need, false)? {
            None => Space::Scarce(refusal),
            Some(refusal) => Space::Exhausted(refusal),
        })
    }

    /// Makes sure of space in log and table, or returns the refusal for the client.
    fn reserve(
        &mut self,
        open: &OpenGroup,
        need: Estimate,
        grows: bool,
    ) -> Result<Option<String>, WriterError> {
        let group_bytes = open.group.len_bytes() as u64 + need.log_bytes + self.left_bytes(grows);
        let refused = self.secured.secure(&mut self.log, group_bytes)?;
        if refused.is_some() {
            return Ok(refused);
        }
        self.leave_pages(grows);
        let faults = self.table.table().faults();
        let reserved = self.table.reserve(need.table_pages);
        if self.table.table().faults() != faults {
            // Dropped trees may have been freed by pages that were unreadable.
            self.rebuild(&open.group)?;
            self.leave_pages(grows);
        }
        match reserved {
            Ok(()) => Ok(None),
            Err(error @ TableError::Full { .. }) => Ok(Some(refusal(&error))),
            Err(error) => Err(error.into()),
        }
    }

    /// Bytes of log that a command has to leave to others, if it may grow the data or not.
    pub(super) fn left_bytes(&self, grows: bool) -> u64 {
        if grows { self.options.log_reserve_bytes } else { 0 }
    }

    /// Has the table keep the pages that a command has to leave to others.
    pub(super) fn leave_pages(&mut self, grows: bool) {
        self.table.leave(if grows { self.options.table_reserve_pages } else { 0 });
    }

    /// The error reply to a command for whose changes there was no space, or whose reply would be too long, if that is the
    /// error.
    pub(super) fn refused(&mut self, error: &KeyspaceError) -> Option<String> {
        let refusal = match error {
            KeyspaceError::NoSpace(refusal) => refusal.to_string(),
            KeyspaceError::Table(error @ TableError::Full { .. }) => refusal(error),
            KeyspaceError::ReplyTooLong { .. } => return Some(format!("ERR {error}")),
            _ => return None,
        };
        self.note_space(Some(&refusal));
        Some(refusal)
    }

    /// Shows in `INFO`, and says in the log of events, whether there is space for writes. While there is none, a
    /// checkpoint is asked for: only that gives back the log before it, and the pages that deletes left.
    fn note_space(&mut self, refusal: Option<&str>) {
        self.gauges.set_writable(refusal.is_none());
        let Some(refusal) = refusal else {
            if self.space_told.is_some_and(|told| !told.resumed) {
                tracing::info!("there is space again: writes go on");
                self.space_told = Some(SpaceTold { at: Instant::now(), resumed: true });
            }
            return;
        };
        self.checkpoints.short_of_space();
        // A disk that is nearly full takes small writes and refuses large ones in turn: that is told once in a while.
        if self.space_told.is_none_or(|told| told.resumed && told.at.elapsed() >= SPACE_TOLD_INTERVAL) {
            tracing::warn!("{refusal}");
            self.space_told = Some(SpaceTold { at: Instant::now(), resumed: false });
        }
    }
}

impl Estimate {
    /// Adds what a command was sent, if it writes.
    fn add_command<'a>(&mut self, spec: &Spec, words: impl Iterator<Item = &'a [u8]>) {
        if matches!(spec.run, Run::Write(_)) {
            self.add(Self::of_words(words));
        }
    }
}

/// The error reply to a command that cannot be given its space.
fn refusal(error: &dyn std::fmt::Display) -> String {
    format!(
        "MISCONF No space left for this write, nothing was changed: {error}. Reads and deletes go on. Free space \
         there, raise the limit, or delete keys: writes resume by themselves."
    )
}

/// The error reply to commands that were sent at once and change more than one group of the log can hold.
fn too_large(error: &dyn std::fmt::Display) -> String {
    format!(
        "ERR These commands may change too much at once, nothing was changed: {error}. Send fewer of them at once."
    )
}

/// The error reply to a transaction whose record would be too long.
fn too_long(payload_bytes_max: u64) -> String {
    format!(
        "it needs a log record of more than {payload_bytes_max} bytes, which is the most; nothing was changed"
    )
}
