//! Stores results that were worked out on a snapshot, step by step: see [`Prepared`](crate::keyspace::Prepared).
//!
//! Commands of other clients are executed between the steps. If what the result came from changes meanwhile, the
//! connection works it out again.

use super::Executor;
use super::log_room::{LogRoom, Round};
use super::outcome::Outcome;
use super::run_command::Asked;
use crate::command::{self, Call, Space};
use crate::damage;
use crate::keyspace::Stored;
use crate::resp::Reply;
use crate::spec::Flags;
use crate::submission::WorkedOut;

impl Executor {
    /// Does the next step of storing a result, and appends its record. `None` if the submission must come again: there
    /// are more steps, or the result is outdated. Otherwise whether the reply is an error.
    pub(super) fn store<R: LogRoom>(
        &mut self,
        round: &mut Round<'_, R>,
        asked: &Asked<'_>,
        result: &mut WorkedOut,
        space: &Space,
        reply: &mut Reply<'_>,
    ) -> Result<Option<bool>, R::Error> {
        let start = reply.len_bytes();
        match space.refusal(asked.spec, &asked.args) {
            Some(refusal) => reply.error(refusal),
            None => match self.store_step(round, asked, result, reply)? {
                Some(Stored::Slice(entries)) => {
                    result.prepared.stored_slice(entries);
                    return Ok(None);
                }
                Some(Stored::Outdated) => {
                    self.drop_draft(round, &result.prepared)?;
                    result.is_outdated = true;
                    return Ok(None);
                }
                Some(Stored::Whole) => {
                    self.lookups.hits += result.prepared.hits;
                    self.lookups.misses += result.prepared.misses;
                    reply.take(&mut result.reply);
                }
                None => {}
            },
        }
        if reply.error_since(start).is_some() && !asked.spec.flags.has(Flags::DENYOOM) {
            // On the writer it may take what is reserved for commands that free space.
            reply.truncate(start);
            self.drop_draft(round, &result.prepared)?;
            result.is_outdated = true;
            return Ok(None);
        }
        let Outcome::Replied { failed } = self.replied(reply, start) else {
            unreachable!("a result does not wait")
        };
        if failed {
            self.drop_draft(round, &result.prepared)?;
        }
        Ok(Some(failed))
    }

    /// Does the step. If it fails, nothing was done, `reply` says why, and `None` is returned.
    fn store_step<R: LogRoom>(
        &mut self,
        round: &mut Round<'_, R>,
        &Asked { spec, args, db, client_id }: &Asked<'_>,
        result: &WorkedOut,
        reply: &mut Reply<'_>,
    ) -> Result<Option<Stored>, R::Error> {
        let call = Call { spec, args, db, now_ms: round.now_ms, limits: self.limits };
        let stored = self.guarded(round, |executor, round| {
            executor.within(round, true, |keys| command::store(&call, keys, &result.prepared))
        })?;
        let stored = match stored {
            Ok(stored) => stored,
            Err(error) => {
                match self.refused(&mut round.room, &error) {
                    Some(refusal) => reply.error(refusal),
                    None => {
                        damage::met(self.table.table(), &error, &self.table.view(), db, call.keys());
                        reply.error(format!("ERR {error}"));
                    }
                }
                return Ok(None);
            }
        };
        self.note_changes(round, 0, Some(client_id));
        self.append(round, spec.id);
        Ok(Some(stored))
    }
}
