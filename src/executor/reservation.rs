//! Space before changes: what is going to be used in log and table is secured before, so that a full disk is met while
//! there is nothing to undo, or so little that it can be undone.
//!
//! - When a submission comes, what its writing commands sent is asked for. If there is no space for it, commands that may
//!   grow the data are refused at once.
//! - Before each effect is made, its bytes in the log are secured, and the pages that it is likely to need. So commands
//!   that store more than they were sent need not be looked through for what they are going to store, and
//!   expired keys cost what is really due.
//! - An operation on the table that finds no page says so. Then, as when an effect in the middle of a command is refused,
//!   the whole command is taken back, or the whole transaction, see [`undo`](super::undo).
//!
//! A command that cannot be given its space is refused with `-MISCONF`; nothing was changed, reads go on, and the next
//! command asks again, so writes resume by themselves. Commands that only free space (`Flags::DENYOOM` is not set)
//! may use a reserve that the others leave alone. A look at the space that is there reserves nothing beyond it: the next
//! one counts on the same pages again.

use std::time::{Duration, Instant};

use super::Executor;
use super::command_room::{CommandRoom, SpaceReport, refusal};
use super::log_room::{LogRoom, Round};
use crate::command::Space;
use crate::keyspace::{Classes, Estimate, Keyspace, KeyspaceError};
use crate::spec::Spec;
use crate::submission::{Item, Submission};
use crate::table::TableError;

/// Time between two reports that space is short.
const SPACE_REPORT_INTERVAL: Duration = Duration::from_secs(10);

impl Executor {
    /// Does work on the key space, with whoever listens to its events, and within the space that there is. `grows` says
    /// whether the work may grow the data.
    pub(super) fn within<R: LogRoom, T>(
        &mut self,
        round: &mut Round<'_, R>,
        grows: bool,
        work: impl FnOnce(&mut Keyspace<'_>) -> T,
    ) -> T {
        self.leave_pages(grows);
        let (payload_bytes_max, left_bytes) = (self.payload_bytes_max, self.left_bytes(grows));
        let Round { room, notifications, failed, .. } = round;
        let mut room = CommandRoom { room, failed, payload_bytes_max, left_bytes };
        let notes_touches = notifications.tracks || !self.watched_keys.is_empty();
        let events = (notifications.events.wanted() != Classes::NONE).then_some(&mut notifications.events);
        let touched = notes_touches.then_some(&mut self.touched);
        let given = (!self.noted.is_empty()).then_some(&mut self.given);
        let keyspace = Keyspace::new(&mut self.table, Some(&mut self.effects));
        work(&mut keyspace.notifying(events).noting(touched).giving(given).within(&mut room))
    }

    /// Secures what the writing commands of a submission were sent, together with what the open group holds already.
    pub(super) fn secure<R: LogRoom>(
        &mut self,
        round: &mut Round<'_, R>,
        submission: &Submission,
    ) -> Result<Space, R::Error> {
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
                Item::Purge { .. } | Item::Watch { .. } | Item::KnownReply(_) => {}
            }
        }
        if need == Estimate::default() { Ok(Space::Ample) } else { self.secure_need(round, need) }
    }

    /// Secures what commands need, with or without what only those may use that free space.
    fn secure_need<R: LogRoom>(
        &mut self,
        round: &mut Round<'_, R>,
        need: Estimate,
    ) -> Result<Space, R::Error> {
        let refusal = self.reserve(round, need, true)?;
        self.note_space(&mut round.room, refusal.as_deref());
        let Some(refusal) = refusal else { return Ok(Space::Ample) };
        Ok(match self.reserve(round, need, false)? {
            None => Space::Scarce(refusal),
            Some(refusal) => Space::Exhausted(refusal),
        })
    }

    /// Makes sure of space in log and table, or returns the refusal for the client.
    fn reserve<R: LogRoom>(
        &mut self,
        round: &mut Round<'_, R>,
        need: Estimate,
        grows: bool,
    ) -> Result<Option<String>, R::Error> {
        let group_bytes = round.room.len_bytes() + need.log_bytes + self.left_bytes(grows);
        if let Some(shortage) = round.room.secure(group_bytes)? {
            return Ok(Some(shortage.refusal()));
        }
        self.leave_pages(grows);
        let faults = self.table.table().faults();
        let reserved = self.table.reserve(need.table_pages);
        if self.table.table().faults() != faults {
            // Dropped trees may have been freed by pages that were unreadable.
            self.rebuild(&round.room)?;
            self.leave_pages(grows);
        }
        match reserved {
            Ok(()) => Ok(None),
            Err(error @ TableError::Full { .. }) => Ok(Some(refusal(&error))),
            Err(error) => Err(error.into()),
        }
    }

    /// Bytes of log that a command has to leave to others, if it may grow the data or not.
    fn left_bytes(&self, grows: bool) -> u64 {
        if grows { self.options.log_reserve_bytes } else { 0 }
    }

    /// Has the table keep the pages that a command has to leave to others.
    fn leave_pages(&mut self, grows: bool) {
        self.table.leave(if grows { self.options.table_reserve_pages } else { 0 });
    }

    /// The error reply to a command for whose changes there was no space, or whose reply would be too long, if that is the
    /// error.
    pub(super) fn refused<R: LogRoom>(&mut self, room: &mut R, error: &KeyspaceError) -> Option<String> {
        let refusal = match error {
            KeyspaceError::NoSpace(refusal) => refusal.to_string(),
            KeyspaceError::Table(error @ TableError::Full { .. }) => refusal(error),
            KeyspaceError::ReplyTooLong { .. } => return Some(format!("ERR {error}")),
            _ => return None,
        };
        self.note_space(room, Some(&refusal));
        Some(refusal)
    }

    /// Passes on, and says in the log of events, whether there is space for writes.
    fn note_space<R: LogRoom>(&mut self, room: &mut R, refusal: Option<&str>) {
        room.note_space(refusal.is_some());
        let Some(refusal) = refusal else {
            if self.space_reported.is_some_and(|report| !report.resumed) {
                tracing::info!("there is space again: writes go on");
                self.space_reported = Some(SpaceReport { at: Instant::now(), resumed: true });
            }
            return;
        };
        // A disk that is nearly full takes small writes and refuses large ones in turn: that is told once in a while.
        if self
            .space_reported
            .is_none_or(|report| report.resumed && report.at.elapsed() >= SPACE_REPORT_INTERVAL)
        {
            tracing::warn!("{refusal}");
            self.space_reported = Some(SpaceReport { at: Instant::now(), resumed: false });
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
