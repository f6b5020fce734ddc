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
//! command asks again, so writes resume by themselves. Commands that only free space (`Flags::DENYOOM` is not set)
//! may use a reserve that the others leave alone. A look at the space that is there reserves nothing beyond it: the next
//! one counts on the same pages again.

use std::time::{Duration, Instant};

use wal::Log;

use super::error::WriterError;
use super::group::OpenGroup;
use super::room::{SpaceTold, refusal};
use super::submission::{Item, Submission};
use super::task::Writer;
use crate::command::Space;
use crate::keyspace::{Estimate, KeyspaceError};
use crate::spec::Spec;
use crate::table::TableError;

/// Time between two reports that space is short.
const SPACE_TOLD_INTERVAL: Duration = Duration::from_secs(10);

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
        if spec.is_write() {
            self.add(Self::of_words(words));
        }
    }
}
