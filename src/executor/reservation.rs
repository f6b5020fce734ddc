//! Space is reserved in log and table before changes, so that a full disk is noticed when there is nothing to undo yet,
//! or little enough to undo it.
//!
//! - When a submission comes, space is reserved for the words of its writing commands. If there is not enough, commands
//!   that may grow the data are refused at once.
//! - Before each effect, its bytes in the log are reserved, and the pages that it probably needs. So commands that
//!   store more than they were sent need no estimate of their own in advance, and for expired keys only the space that
//!   they really need is reserved.
//! - An operation on the table that finds no free page fails. Then, as when an effect in the middle of a command is
//!   refused, the whole command or transaction is undone, see [`undo`](super::undo).
//!
//! A command for which there is no space is refused with `-MISCONF`. No data was changed, reads go on, and the next
//! command tries again, so writes resume by themselves. Commands that only free space (`Flags::DENYOOM` is not set) may
//! use a reserve that the others must leave free. Reserved pages that a command does not use are not kept: the next
//! reservation counts the same pages again.

use std::time::{Duration, Instant};

use super::Executor;
use super::command_room::{CommandRoom, SpaceReport, refusal};
use super::log_room::{LogRoom, Round};
use crate::command::Space;
use crate::keyspace::{Classes, Estimate, Keyspace, KeyspaceError};
use crate::resp::Args;
use crate::spec::Spec;
use crate::submission::{Item, Submission};
use crate::table::TableError;

/// Time between two reports that space is short.
const SPACE_REPORT_INTERVAL: Duration = Duration::from_secs(10);

impl Executor {
    /// Does work on the keyspace: with its notifications, and within the space that there is. `grows`: whether the work
    /// may grow the data.
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

    /// Reserves space for the words of a submission's writing commands, in addition to the bytes of the open group.
    pub(super) fn secure<R: LogRoom>(
        &mut self,
        round: &mut Round<'_, R>,
        submission: &Submission,
    ) -> Result<Space, R::Error> {
        let mut need = Estimate::default();
        for item in &submission.items {
            match item {
                Item::Execute { spec, first_span, spans, .. } => {
                    need.add_command(spec, &submission.args(*first_span, *spans));
                }
                // The slices were worked out, and space is reserved for each when it is stored.
                Item::Store { spec, first_span, spans, .. } => {
                    need.add(Estimate::of_words(spec.keys_in(&submission.args(*first_span, *spans))));
                }
                Item::Transaction(transaction) => {
                    for queued in &transaction.commands {
                        need.add_command(queued.spec, &transaction.args(queued));
                    }
                }
                // Space for what these delete is reserved when they do.
                Item::Purge { .. } | Item::Watch { .. } | Item::KnownReply(_) => {}
            }
        }
        if need == Estimate::default() { Ok(Space::Ample) } else { self.secure_need(round, need) }
    }

    /// Reserves what commands need: first without the reserve for commands that free space, then with it.
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

    /// Reserves space in log and table, or returns the error reply.
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
            // The search for pages may have freed dropped trees, guided by pages that became unreadable.
            self.rebuild(&round.room)?;
            self.leave_pages(grows);
        }
        match reserved {
            Ok(()) => Ok(None),
            Err(error @ TableError::Full { .. }) => Ok(Some(refusal(&error))),
            Err(error) => Err(error.into()),
        }
    }

    /// Bytes of log that a command must leave free; `grows`: whether it may grow the data.
    fn left_bytes(&self, grows: bool) -> u64 {
        if grows { self.options.log_reserve_bytes } else { 0 }
    }

    /// Sets the number of pages that a command must leave free.
    fn leave_pages(&mut self, grows: bool) {
        self.table.leave(if grows { self.options.table_reserve_pages } else { 0 });
    }

    /// The error reply to a command if there was no space for its changes, or its reply would be too long; `None` for
    /// other errors.
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

    /// Notes whether there is space for writes, in `room` and in the server log.
    fn note_space<R: LogRoom>(&mut self, room: &mut R, refusal: Option<&str>) {
        room.note_space(refusal.is_some());
        let Some(refusal) = refusal else {
            if self.space_reported.is_some_and(|report| !report.resumed) {
                tracing::info!("there is space again: writes go on");
                self.space_reported = Some(SpaceReport { at: Instant::now(), resumed: true });
            }
            return;
        };
        // A nearly full disk accepts small writes and refuses large ones in turn: do not report each change.
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
    /// Adds the words of a command, if they may write.
    fn add_command(&mut self, spec: &Spec, args: &Args<'_>) {
        if spec.writes(args) {
            self.add(Self::of_words(args.from(0)));
        }
    }
}
