//! `EXEC`: a transaction's commands run one after the other on the writer's version, with nothing in between. Their
//! effects are one record: after a crash, all of them are there, or none is.
//!
//! A transaction does not run if a watched key was touched, a condition of `EXEC` does not hold, or space is already short. If it then turns out that there
//! is not enough space, or that its record or reply would be too long, all its changes are undone. What local commands
//! (`CONFIG SET`, `CLIENT SETNAME`) changed until then stays.

use std::time::Instant;

use super::Executor;
use super::log_room::{LogRoom, Round};
use super::outcome::{Outcome, Refused};
use super::run_command::Asked;
use crate::command::{self, CommandError, LocalCtx, LocalFn, Run, Space, run_of};
use crate::damage;
use crate::resp::{Args, Protocol, Reply};
use crate::spec::{EXEC, Spec};
use crate::state::{ClientState, Next, RunEnd, Transaction};

/// The client of a transaction, and how replies are encoded.
#[derive(Clone, Copy)]
pub(super) struct ExecCaller {
    /// The client.
    pub client_id: u64,
    /// How to encode the replies.
    pub protocol: Protocol,
}

impl Executor {
    /// Executes a transaction, and appends its record if it changed anything.
    pub(super) fn transaction<R: LogRoom>(
        &mut self,
        round: &mut Round<'_, R>,
        transaction: &mut Transaction,
        caller: ExecCaller,
        space: &Space,
        out: &mut Vec<u8>,
    ) -> Result<(), R::Error> {
        let started = Instant::now();
        let start = out.len();
        let mut queued = transaction.commands.iter();
        let refused = queued.find_map(|queued| space.refusal(queued.spec, &transaction.args(queued)));
        if let Some(refusal) = refused {
            self.abort(refusal, caller, out);
        } else if self.is_watch_broken(round, transaction)? {
            Reply::new(out, caller.protocol).null_array();
        } else if !self.conditions_hold(round, transaction, caller, out)? {
            // The reply says why.
        } else {
            let mark = round.notifications.mark();
            Reply::new(out, caller.protocol).array(transaction.commands.len());
            if let Err(Refused(refusal)) = self.run_transaction(round, transaction, caller, out)? {
                // Clients that watch keys which it changed find them touched, and will try again.
                self.undo(&round.room, 0)?;
                self.given.truncate(0);
                round.notifications.take_back(mark);
                transaction.reply_offsets.clear();
                out.truncate(start);
                self.abort(&refusal, caller, out);
            }
        }
        self.show_to_monitors(caller, transaction.db(), &EXEC, &transaction.exec_args());
        if let Some(watch) = transaction.watch.take() {
            self.watched_keys.remove(&watch);
            self.show_watchers();
        }
        let failed = out.get(start) == Some(&b'-');
        self.state.stats.ran(EXEC.id, started.elapsed(), failed);
        Ok(())
    }

    /// Whether the conditions of `EXEC` hold. If not, replies that the transaction is discarded. Keys that have expired are
    /// deleted first, because the reply tells that they have.
    fn conditions_hold<R: LogRoom>(
        &mut self,
        round: &mut Round<'_, R>,
        transaction: &Transaction,
        caller: ExecCaller,
        out: &mut Vec<u8>,
    ) -> Result<bool, R::Error> {
        let (args, db) = (transaction.exec_args(), usize::from(transaction.exec_db()));
        for condition in command::exec_conditions(&args).unwrap_or_default() {
            if !self.lookups.keeps_expired {
                self.purge(round, db, condition.key, round.now_ms)?;
            }
            let now_ms = round.now_ms;
            let held = self
                .guarded(round, |executor, _| condition.holds(&executor.table.view(), db, now_ms))?
                .map_err(|error| {
                    damage::met(self.table.table(), &error, &self.table.view(), db, [condition.key]);
                    CommandError::from(error)
                })
                .and_then(|held| held.ok_or(CommandError::WRONG_TYPE));
            let mut reply = Reply::new(out, caller.protocol);
            match held {
                Ok(true) => {}
                Ok(false) => {
                    reply.null_array();
                    return Ok(false);
                }
                Err(error) => {
                    let text = error.to_string();
                    reply.error(&text);
                    self.state.stats.error(text.as_bytes());
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Replies to a transaction that does not run, or was taken back.
    pub(super) fn abort(&self, reason: &str, caller: ExecCaller, out: &mut Vec<u8>) {
        let reason = reason.strip_prefix("ERR ").unwrap_or(reason);
        let text = format!("EXECABORT Transaction discarded because of: {reason}");
        Reply::new(out, caller.protocol).error(text);
        self.state.stats.error(b"EXECABORT");
    }

    /// Runs the commands, and appends the record of all. If there is no space for one of them, or for its reply, the
    /// caller undoes what was done since the last record.
    fn run_transaction<R: LogRoom>(
        &mut self,
        round: &mut Round<'_, R>,
        transaction: &mut Transaction,
        caller: ExecCaller,
        out: &mut Vec<u8>,
    ) -> Result<Result<(), Refused>, R::Error> {
        let db = transaction.client.as_ref().map(|client| client.db());
        self.payload_bytes_max = self.options.transaction_log_bytes_max;
        let ran = self.run_queued(round, transaction, caller, out);
        self.payload_bytes_max = u64::MAX;
        match &ran {
            Ok(Ok(())) => self.append(round, EXEC.id),
            _ => transaction.client.iter_mut().zip(db).for_each(|(client, db)| client.select(db)),
        }
        ran
    }

    /// Runs the commands, and notes where the replies go of those that the connection runs.
    fn run_queued<R: LogRoom>(
        &mut self,
        round: &mut Round<'_, R>,
        transaction: &mut Transaction,
        caller: ExecCaller,
        out: &mut Vec<u8>,
    ) -> Result<Result<(), Refused>, R::Error> {
        let start = out.len();
        let mut clock = Instant::now();
        let mut client = transaction.client.take();
        let (mut reply_offsets, mut postponed) = (Vec::new(), Vec::new());
        for queued in &transaction.commands {
            let (args, db) = (transaction.args(queued), usize::from(queued.db));
            self.show_to_monitors(caller, queued.db, queued.spec, &args);
            if queued.speaks() {
                reply_offsets.push(out.len());
                continue;
            }
            let reply_at = out.len();
            let mut reply = Reply::part(out, start, caller.protocol, self.limits.reply_bytes_max);
            let outcome =
                if let (Run::Local(run), Some(client)) = (run_of(queued.spec), client.as_deref_mut()) {
                    self.run_local(round, client, run, &args, &mut reply, &mut postponed)
                } else {
                    if client.as_ref().map_or(transaction.is_tracked, |client| client.tracks_next()) {
                        round.note_reads(queued.spec, &args, caller.client_id);
                    }
                    let asked = Asked { spec: queued.spec, args, db, client_id: caller.client_id };
                    self.run(round, &asked, false, &mut reply)?
                };
            let failed = match outcome {
                Ok(outcome) => matches!(outcome, Outcome::Replied { failed: true }),
                Err(refused) => {
                    transaction.client = client;
                    return Ok(Err(refused));
                }
            };
            let now = Instant::now();
            let run = RunEnd { took: now - clock, reply_bytes: (out.len() - reply_at) as u64, failed };
            self.state.ran(caller.client_id, queued.spec, &args, run);
            clock = now;
        }
        (transaction.client, transaction.postponed) = (client, postponed);
        (transaction.reply_offsets, transaction.replies_at) = (reply_offsets, start);
        Ok(Ok(()))
    }

    /// Runs a local command, which sees the changes of the commands before it in the transaction.
    fn run_local<R: LogRoom>(
        &mut self,
        round: &mut Round<'_, R>,
        client: &mut ClientState,
        run: LocalFn,
        args: &Args<'_>,
        reply: &mut Reply<'_>,
        postponed: &mut Vec<Next>,
    ) -> Result<Outcome, Refused> {
        let reply_at = reply.len_bytes();
        let state = self.state.clone();
        let tracked = client.tracking().is_some();
        let mut context = LocalCtx { view: Some(self.table.view()), ..LocalCtx::new(client, &state) };
        let result = run(&mut context, args, reply);
        let next = context.next;
        if next != Next::Continue {
            postponed.push(next);
        }
        if !tracked && client.tracking().is_some() {
            round.notifications.began(client.id());
        }
        // The command may have changed the configuration for those after it.
        self.look(round);
        match result.map(|()| command::whole(reply)) {
            Ok(Ok(())) => {}
            Ok(Err(too_long)) => return Err(Refused(too_long.to_string())),
            Err(error) => {
                reply.truncate(reply_at);
                reply.error(error.to_string());
            }
        }
        Ok(self.replied(reply, reply_at))
    }

    /// Shows a command of a transaction to clients that run `MONITOR`.
    #[inline]
    fn show_to_monitors(&self, caller: ExecCaller, db: u16, spec: &'static Spec, args: &Args<'_>) {
        if self.state.monitors.any()
            && let Some(info) = self.state.clients.get(caller.client_id)
        {
            self.state.monitors.show(&self.state, &info, db, spec, args);
        }
    }
}
