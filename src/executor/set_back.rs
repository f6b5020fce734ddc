//! Expiry times when the system's clock was set back.
//!
//! Expiry times are compared with the system's clock. When that is set back, those that were set before would pass
//! later by the same amount: a lock would be held, or a session live, too long. So the executor notes all expiry times
//! at that point. Each passes when it would have passed, by the monotonic clock, unless it is changed before. What had
//! already expired is deleted at once, because a client may have seen it as expired. An expiry that is set later, even
//! to the same time, is not affected: what was noted of that key or field is then forgotten.

use std::time::{Duration, Instant};

use super::Executor;
use super::log_room::{LogRoom, Round};
use super::noted::NOTED_MAX;
use super::outcome::{NO_CLIENT, NO_COMMAND};
use crate::clock::JumpBack;
use crate::damage;
use crate::keyspace::{Keyspace, Standing};

impl Executor {
    /// Notes all expiry times, if the clock was set back. To be called before anything is executed at the new time.
    pub(super) fn note_expiries(&mut self) {
        let Some(JumpBack { expected_ms, by_ms }) = self.clock.take_jump_back() else { return };
        let standing = Keyspace::new(&mut self.table, None).standing(NOTED_MAX).unwrap_or_else(|error| {
            damage::met(self.table.table(), &error, &self.table.view(), 0, []);
            Vec::new()
        });
        tracing::warn!(
            by_ms,
            expiries = standing.len(),
            "the system's clock was set back: deadlines given before pass when they would have passed"
        );
        let now = Instant::now();
        let moment = |standing: Standing| {
            let left = Duration::from_millis(standing.expire_at_ms.saturating_sub(expected_ms));
            Some((now.checked_add(left)?, standing))
        };
        self.noted.add(standing.into_iter().filter_map(moment));
    }

    /// Forgets what was noted of keys and fields that have got an expiry since.
    #[cold]
    pub(super) fn forget_given(&mut self) {
        for (name, is_whole) in self.given.names() {
            self.noted.forget(name, is_whole);
        }
        self.given.truncate(0);
    }

    /// Deletes some of the keys and fields whose noted expiry has passed, as long as there is space in the log.
    pub(super) fn expire_noted<R: LogRoom>(&mut self, round: &mut Round<'_, R>) -> Result<(), R::Error> {
        if self.noted.is_empty() {
            return Ok(());
        }
        let now = Instant::now();
        for _ in 0..self.options.expire_keys_max {
            let Some(standing) = self.noted.due(now) else { break };
            let ended = self.guarded(round, |executor, round| {
                executor.within(round, false, |keys| keys.end(&standing))
            })?;
            match ended {
                Ok(true) => {
                    self.note_changes(round, 0, NO_CLIENT);
                    self.append(round, NO_COMMAND);
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
}
