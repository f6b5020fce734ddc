//! What a clock that was set back leaves behind.
//!
//! Deadlines are compared with the system's clock. When that is set back, those that were given before would pass later,
//! by as much: a lock would be held, a session live too long. So the writer notes the deadlines that stand at that moment
//! and lets each pass when it would have passed, by the monotonic clock, unless it is changed before. What was past its
//! deadline already is deleted at once: somebody may have been told. Deadlines that are given later are not concerned, not
//! even one that is the same again: what was noted of that key or field is forgotten.

use std::time::{Duration, Instant};

use wal::Log;

use super::error::WriterError;
use super::group::OpenGroup;
use super::noted::NOTED_MAX;
use super::outcome::{NO_CLIENT, NO_COMMAND};
use super::task::Writer;
use crate::clock::{AHEAD_TOLERATED_MS, JumpBack};
use crate::damage;
use crate::keyspace::{Keyspace, Standing};

/// How often it is said that the stored time is ahead of the system's clock.
const TOLD_INTERVAL: Duration = Duration::from_secs(3600);

impl<L: Log> Writer<L> {
    /// Notes the deadlines that stand, if the clock was set back. To be called before anything is executed at the new time.
    pub(super) fn note_deadlines(&mut self) {
        let Some(JumpBack { expected_ms, by_ms }) = self.clock.take_jump_back() else { return };
        let standing = Keyspace::new(&mut self.table, None).standing(NOTED_MAX).unwrap_or_else(|error| {
            damage::met(self.table.table(), &error, &self.table.view(), 0, []);
            Vec::new()
        });
        tracing::warn!(
            by_ms,
            deadlines = standing.len(),
            "the system's clock was set back: deadlines given before pass when they would have passed"
        );
        let now = Instant::now();
        let moment = |standing: Standing| {
            let left = Duration::from_millis(standing.expire_at_ms.saturating_sub(expected_ms));
            Some((now.checked_add(left)?, standing))
        };
        self.noted.add(standing.into_iter().filter_map(moment));
    }

    /// Forgets what was noted of keys and fields that were given a deadline since.
    #[cold]
    pub(super) fn forget_given(&mut self) {
        for (name, is_whole) in self.given.names() {
            self.noted.forget(name, is_whole);
        }
        self.given.truncate(0);
    }

    /// Deletes some of what was noted and is due, as long as there is space to log that.
    pub(super) fn expire_noted(&mut self, open: &mut OpenGroup) -> Result<(), WriterError> {
        if self.noted.is_empty() {
            return Ok(());
        }
        let now = Instant::now();
        for _ in 0..self.options.expire_keys_max {
            let Some(standing) = self.noted.due(now) else { break };
            let group_bytes = open.group.len_bytes() as u64;
            let ended = self.guarded(open, |writer, aftermath| {
                writer.within(aftermath, (group_bytes, false), |keys| keys.end(&standing))
            })?;
            match ended {
                Ok(true) => {
                    self.note_changes(open, 0, NO_CLIENT);
                    self.append(open, NO_COMMAND);
                    self.state.stats.expired(u64::from(standing.field.is_none()));
                }
                Ok(false) => {}
                Err(error) if error.is_no_space() => break,
                Err(error) => {
                    damage::met(self.table.table(), &error, &self.table.view(), standing.db, [&*standing.key])
                }
            }
            self.noted.done(&standing);
        }
        Ok(())
    }

    /// Shows by how much the stored time is ahead of the system's clock, and says so from time to time.
    pub(super) fn show_clock(&mut self) {
        let ahead_ms = self.clock.ahead_ms();
        self.gauges.set_clock_ahead(ahead_ms);
        let was_told = self.clock_told.is_some_and(|at| at.elapsed() < TOLD_INTERVAL);
        if ahead_ms > AHEAD_TOLERATED_MS && !was_told {
            self.clock_told = Some(Instant::now());
            tracing::warn!(
                ahead_ms,
                "the time in table and log is ahead of the system's clock, which was ahead once or is behind now: \
                 deadlines follow the clock as it is; keys that got theirs while it was ahead live longer; a \
                 checkpoint (SAVE) stores the time of now"
            );
        }
    }
}
