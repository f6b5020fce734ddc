//! Blocked clients: their commands wait in the executor until one of their keys has data.
//!
//! A command that has to wait changed nothing, but that it may have created a consumer of a group. It is kept here with its
//! words, after those that came before it. When a record may have given one of its keys a value of the right type, the
//! command runs again at once, in the same group: its pop is appended after the push, and both are synced before either
//! reply is sent. So it runs like any other command, and clients are served fairly: for each key, in the order of arrival.
//! A command that claims pending entries also runs again when these are old enough.
//!
//! Invariants
//! - a client has at most one waiting command: its connection reads nothing meanwhile;
//! - a client's waiting command is in the queue of each of its keys;
//! - a command is run again only after [`Blocked::resume`], so never for a client that is gone, was killed or was told to
//!   give up.
//!
//! [`Blocked::resume`]: crate::state::Blocked::resume

use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use super::Executor;
use super::log_room::{LogRoom, Round};
use super::outcome::Outcome;
use super::run_command::Asked;
use super::waiting::WaitingCommand;
use crate::command::Wait;
use crate::damage;
use crate::keyspace::{Keyspace, Kind, Value};
use crate::resp::{Reply, Span};
use crate::state::{RunEnd, UNBLOCKED, Unblock};
use crate::submission::{Completion, Item, Submission};

/// The most groups that are remembered while the clients are served that wait for one key.
const SATED_MAX: usize = 64;

impl Executor {
    /// Blocks a client: keeps the one command of the submission until there is data for it.
    pub(super) fn put_aside(&mut self, submission: Box<Submission>, wait: Wait) {
        let Some(info) = self.state.clients.get(submission.client_id) else {
            // The client is gone.
            return;
        };
        self.waiting.last_ticket += 1;
        let ticket = self.waiting.last_ticket;
        let until_ms = wait.timeout_ms.map(|timeout_ms| self.state.uptime_ms().saturating_add(timeout_ms));
        let submission = compact(submission, &wait.settled);
        self.waiting.insert(WaitingCommand { info: info.clone(), submission, wait, ticket });
        self.show_waiting();
        info.blocked().start(until_ms);
        info.wake();
    }

    /// Shows for how many keys commands wait.
    fn show_waiting(&self) {
        self.state.kept.awaited_keys.store(self.waiting.keys(), Relaxed);
    }

    /// Runs the commands that wait for keys that the last records changed, as long as there is data for them.
    pub(super) fn serve_waiting<R: LogRoom>(&mut self, round: &mut Round<'_, R>) -> Result<(), R::Error> {
        while let Some((db, key)) = self.waiting.changed.pop_front() {
            let mut ticket = 0;
            // Groups for which there is nothing in this key, with how old the entries are that they claim: for others of
            // the group that claim none or only older ones, there is nothing either.
            let mut sated: Vec<(Box<[u8]>, u64)> = Vec::new();
            while let Some((next, client)) = self.waiting.next((db, &key), ticket) {
                ticket = next;
                let kind = self.kind_of(round, db, &key)?;
                if kind.is_none() && !self.waiting.has_groups((db, &key)) {
                    break;
                }
                let Some(command) = self.waiting.commands.get(&client) else { continue };
                let reader = command.reader();
                let is_sated = reader.as_ref().is_some_and(|(group, min_idle_ms)| {
                    sated.iter().any(|(other, other_ms)| other == group && other_ms <= min_idle_ms)
                });
                if (reader.is_some() || kind == Some(command.wait.kind)) && !is_sated {
                    self.serve(round, client)?;
                    let waits = self.waiting.commands.contains_key(&client);
                    sated.extend(reader.filter(|_| waits && sated.len() < SATED_MAX));
                }
            }
        }
        Ok(())
    }

    /// The type of a key's value; `None` if there is none, or it cannot be read.
    fn kind_of<R: LogRoom>(
        &mut self,
        round: &mut Round<'_, R>,
        db: usize,
        key: &[u8],
    ) -> Result<Option<Kind>, R::Error> {
        let now_ms = round.now_ms;
        let live = |value: Value<'_>| (!value.is_expired(now_ms)).then_some(value.kind);
        let kind = self.guarded(round, |executor, _| {
            Keyspace::new(&mut executor.table, None).with_value(db, key, |_, value| Ok(value.and_then(live)))
        })?;
        Ok(kind.unwrap_or_else(|error| {
            damage::met(self.table.table(), &error, &self.table.view(), db, [key]);
            None
        }))
    }

    /// Runs a client's waiting command again. If there is no data for it after all, it keeps its position. If it is a read
    /// that takes long, the connection has it run beside.
    fn serve<R: LogRoom>(&mut self, round: &mut Round<'_, R>, client: u64) -> Result<(), R::Error> {
        let Some(command) = self.waiting.commands.get(&client) else { return Ok(()) };
        let is_there = self.state.clients.get(client).is_some() && !command.info.is_killed();
        // A connection that is gone or gives up sends `Job::Unblock`.
        if !is_there || !command.info.blocked().resume() {
            return Ok(());
        }
        let Some(mut command) = self.waiting.remove(client) else { return Ok(()) };
        let space = self.secure(round, &command.submission)?;
        let mut out = std::mem::take(&mut command.submission.out);
        let replies_at = out.len();
        let clock = Instant::now();
        let (spec, db, args) = command.words();
        let asked = Asked { spec, args, db, client_id: client };
        let protocol = command.submission.protocol;
        let mut reply = Reply::within(&mut out, protocol, self.limits.reply_bytes_max);
        self.origins.caused_by(command.submission.origin.as_ref(), &mut self.effects);
        let outcome = self.command(round, &asked, &space, &mut reply)?;
        self.origins.caused_by(None, &mut self.effects);
        match outcome {
            Outcome::Waits(wait) => {
                command.wait.claims = wait.claims;
                command.info.blocked().start(command.info.blocked().until_ms());
                command.submission.out = out;
                self.waiting.insert(command);
            }
            Outcome::TakesLong => {
                command.submission.out = out;
                let submission = command.submission;
                self.answered.push(Completion { submission, executed: 0, is_next_long: true, replies_at });
            }
            Outcome::Replied { failed } => {
                let run =
                    RunEnd { took: clock.elapsed(), reply_bytes: (out.len() - replies_at) as u64, failed };
                self.state.ran(client, spec, &args, run);
                command.submission.out = out;
                self.answered.push(answered(command.submission, replies_at));
            }
        }
        self.show_waiting();
        Ok(())
    }

    /// Unblocks a client, if it is blocked: it timed out, `CLIENT UNBLOCK` named it, or it is gone.
    pub fn unblock(&mut self, client: u64) {
        let Some(mut command) = self.waiting.remove(client) else { return };
        self.show_waiting();
        let requested = command.info.blocked().requested();
        command.info.blocked().end();
        let Submission { out, protocol, .. } = &mut *command.submission;
        let replies_at = out.len();
        let mut reply = Reply::new(out, *protocol);
        match requested {
            Some(Unblock::Timeout) => reply.null_array(),
            Some(Unblock::Error) => {
                reply.error(UNBLOCKED);
                self.state.stats.error(UNBLOCKED.as_bytes());
            }
            None => {}
        }
        let run = RunEnd {
            took: std::time::Duration::ZERO,
            reply_bytes: (out.len() - replies_at) as u64,
            failed: requested == Some(Unblock::Error),
        };
        let (spec, _, args) = command.words();
        self.state.ran(client, spec, &args, run);
        self.answered.push(answered(command.submission, replies_at));
    }
}

/// A submission whose only command was answered.
fn answered(submission: Box<Submission>, replies_at: usize) -> Completion {
    Completion { submission, executed: 1, is_next_long: false, replies_at }
}

/// Reduces a submission to its waiting command, with the words that are settled, in buffers of that size, so that the rest
/// of what the client sent is not kept while it waits.
fn compact(mut submission: Box<Submission>, settled: &[(usize, Box<[u8]>)]) -> Box<Submission> {
    let Some(&Item::Execute { spec, db, first_span, spans }) = submission.items.last() else {
        return submission;
    };
    let args = submission.args(first_span, spans);
    let mut input = Vec::with_capacity(args.from(0).map(<[u8]>::len).sum());
    let mut own_spans = Vec::with_capacity(args.len());
    for (index, word) in args.from(0).enumerate() {
        let word = settled.iter().find(|(at, _)| *at == index).map_or(word, |(_, settled)| settled);
        own_spans.push(Span { start: input.len() as u32, len: word.len() as u32 });
        input.extend_from_slice(word);
    }
    submission.input = input;
    submission.spans = own_spans;
    submission.items = vec![Item::Execute { spec, db, first_span: 0, spans }];
    submission.known_replies = Vec::new();
    submission
}
