//! Runs one command on the writer's version, and builds the record of its effects.

use super::Executor;
use super::log_room::{LogRoom, Round};
use super::outcome::{Outcome, Refused};
use crate::command::{self, Call, Space};
use crate::damage;
use crate::keyspace::{Classes, Lookups};
use crate::resp::{Args, Reply};
use crate::spec::{Flags, Spec};

/// A command as a client sent it.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    /// Its row.
    pub spec: &'static Spec,
    /// Its words.
    pub args: Args<'a>,
    /// The database that it is for.
    pub db: usize,
    /// The client.
    pub client_id: u64,
}

impl Executor {
    /// Runs one command, and appends its record if it changed anything.
    pub(super) fn command<R: LogRoom>(
        &mut self,
        round: &mut Round<'_, R>,
        asked: &Asked<'_>,
        space: &Space,
        reply: &mut Reply<'_>,
    ) -> Result<Outcome, R::Error> {
        let start = reply.len_bytes();
        if let Some(refusal) = space.refusal(asked.spec, &asked.args) {
            reply.error(refusal);
            return Ok(self.replied(reply, start));
        }
        let outcome = match self.run(round, asked, true, reply)? {
            Ok(outcome) => outcome,
            Err(Refused(refusal)) => {
                reply.error(refusal);
                self.replied(reply, start)
            }
        };
        self.append(round, asked.spec.id);
        Ok(outcome)
    }

    /// Runs one command, which blocks if it `may_wait` and has to. Its effects are added to the next record. A command
    /// that is refused has no reply yet.
    pub(super) fn run<R: LogRoom>(
        &mut self,
        round: &mut Round<'_, R>,
        &Asked { spec, args, db, client_id }: &Asked<'_>,
        may_wait: bool,
        reply: &mut Reply<'_>,
    ) -> Result<Result<Outcome, Refused>, R::Error> {
        self.note_existing(spec);
        let (start, mark) = (reply.len_bytes(), self.effects.mark());
        let call = Call { spec, args, db, now_ms: round.now_ms, limits: self.limits };
        let grows = spec.flags.has(Flags::DENYOOM);
        let result = self.guarded(round, |executor, round| {
            reply.truncate(start);
            let mut lookups = std::mem::take(&mut executor.lookups);
            lookups.expired.clear();
            lookups.missing.clear();
            let result = executor.within(round, grows, |keys| match may_wait {
                true => command::execute_or_wait(&call, keys, reply, &mut lookups),
                false => command::execute(&call, keys, reply, &mut lookups).map(|()| None),
            });
            executor.lookups = lookups;
            result
        })?;
        let waits = match result {
            Ok(waits) => waits,
            Err(error) => {
                reply.truncate(start);
                if may_wait && command::takes_long(&call, &error) {
                    return Ok(Ok(Outcome::TakesLong));
                }
                if let Some(refusal) = self.refused(&mut round.room, &error) {
                    return Ok(Err(Refused(refusal)));
                }
                damage::met(self.table.table(), &error, &self.table.view(), db, call.keys());
                reply.error(format!("ERR {error}"));
                None
            }
        };
        if !self.lookups.expired.is_empty() {
            self.purge_passed(round)?;
        }
        if !self.lookups.missing.is_empty() {
            self.notify_missing(round);
        }
        self.note_changes(round, mark, Some(client_id));
        if self.effects.mark() == mark && spec.flags.has(Flags::FLUSHES) {
            round.notifications.flushed_nothing();
        }
        Ok(Ok(match waits {
            Some(wait) => Outcome::Waits(wait),
            None => self.replied(reply, start),
        }))
    }

    /// How a command ended, given its reply, which starts at `start`. An error is counted.
    pub(super) fn replied(&self, reply: &Reply<'_>, start: usize) -> Outcome {
        let error = reply.error_since(start);
        if let Some(text) = error {
            self.state.stats.error(text);
        }
        Outcome::Replied { failed: error.is_some() }
    }

    /// Notifies of the missing keys of a reading command.
    #[cold]
    fn notify_missing<R: LogRoom>(&mut self, round: &mut Round<'_, R>) {
        for missed in self.lookups.missing.drain(..) {
            round.notifications.events.notify(Classes::KEY_MISS, "keymiss", missed.db, &missed.key);
        }
    }

    /// Counts the lookups of a submission's commands.
    pub(super) fn count_lookups(&mut self) {
        let Lookups { hits, misses, .. } = &mut self.lookups;
        self.state.stats.looked_up(*hits, *misses);
        (*hits, *misses) = (0, 0);
    }

    /// Appends the effects collected since the last record, if any, as one record.
    pub(super) fn append<R: LogRoom>(&mut self, round: &mut Round<'_, R>, command_id: u16) {
        if !self.given.is_empty() {
            self.forget_given();
        }
        if self.effects.is_empty() {
            return;
        }
        if !self.waiting.is_empty() {
            self.waiting.note(self.effects.effects());
        }
        round.room.record(|buffer| self.effects.write(command_id, buffer));
        self.effects.clear();
        self.origins.appended();
    }
}
