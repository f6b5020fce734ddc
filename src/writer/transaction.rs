//! `WATCH` and `EXEC`: a transaction's commands run one behind the other on the writer's version, with nothing between
//! them, and their effects are one record: after a crash all of them are there or none is.
//!
//! A touched key, and space that is short already, refuse a transaction before its first command runs. If the space, or
//! the longest record or reply there may be, turns out to be too small for it, all its changes are taken back. What the client's
//! own commands changed beside the data until then (`CONFIG SET`, `CLIENT SETNAME`) stays.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Instant;

use wal::Log;

use super::error::WriterError;
use super::group::OpenGroup;
use super::outcome::{Outcome, Refused};
use super::task::Writer;
use crate::command::{self, LocalCtx, LocalFn, Run, Space, run_of};
use crate::keyspace::{KeyReader, Lookups};
use crate::resp::{Args, Protocol, Reply};
use crate::spec::{self, EXEC, Flags, Spec};
use crate::state::{ClientState, Next, Transaction, Watch, WatchedKey};

/// Whose transaction, and how it is answered.
#[derive(Clone, Copy)]
pub(super) struct Asker {
    /// The client.
    pub client_id: u64,
    /// How to encode the replies.
    pub protocol: Protocol,
}

impl<L: Log> Writer<L> {
    /// Watches keys from now on. Those past their deadline are deleted first: they are not there to be touched.
    pub(super) fn watch(
        &mut self,
        open: &mut OpenGroup,
        watch: &std::sync::Arc<Watch>,
        db: usize,
        args: &Args<'_>,
    ) -> Result<(), WriterError> {
        for key in spec::WATCH.keys_in(args) {
            // Nothing expires while writes are paused.
            let is_due = self.lookups.keeps_expired && self.is_due(open, db, key);
            if !is_due {
                self.purge(open, db, key, open.now_ms)?;
            }
            self.watches.add(watch, db, key, is_due);
        }
        self.show_watchers();
        Ok(())
    }

    /// Whether a key is past its deadline, as far as that can be read.
    fn is_due(&self, open: &OpenGroup, db: usize, key: &[u8]) -> bool {
        let view = self.table.view();
        let mut lookups = Lookups::default();
        let _ = KeyReader::new(&view, open.now_ms, &mut lookups).peek(db, key);
        !lookups.expired.is_empty()
    }

    /// Executes a transaction, and appends its record if it changed anything.
    pub(super) fn transaction(
        &mut self,
        open: &mut OpenGroup,
        transaction: &mut Transaction,
        asker: Asker,
        space: &Space,
        out: &mut Vec<u8>,
    ) -> Result<(), WriterError> {
        let started = Instant::now();
        let start = out.len();
        let refused = transaction.commands.iter().find_map(|queued| space.refusal(queued.spec));
        if let Some(refusal) = refused {
            self.abort(refusal, asker, out);
        } else if self.is_watch_broken(open, transaction)? {
            Reply::new(out, asker.protocol).null_array();
        } else {
            let mark = open.aftermath.mark();
            Reply::new(out, asker.protocol).array(transaction.commands.len());
            if let Err(Refused(refusal)) = self.run_transaction(open, transaction, asker, out)? {
                // Clients that watch keys which it changed meanwhile find them touched: they look again.
                self.undo(&open.group, 0)?;
                self.given.truncate(0);
                open.aftermath.take_back(mark);
                transaction.places.clear();
                out.truncate(start);
                self.abort(&refusal, asker, out);
            }
        }
        self.show_to_monitors(asker, transaction.db(), &EXEC, &transaction.exec_args());
        if let Some(watch) = transaction.watch.take() {
            self.watches.remove(&watch);
            self.show_watchers();
        }
        let failed = out.get(start) == Some(&b'-');
        self.state.stats.ran(EXEC.id, started.elapsed(), failed);
        Ok(())
    }

    /// Answers a transaction that is not done.
    fn abort(&self, reason: &str, asker: Asker, out: &mut Vec<u8>) {
        let reason = reason.strip_prefix("ERR ").unwrap_or(reason);
        let text = format!("EXECABORT Transaction discarded because of: {reason}");
        Reply::new(out, asker.protocol).error(text);
        self.state.stats.error(b"EXECABORT");
    }

    /// Runs the commands, and appends the record of all. When there is no space for one of them, or for its reply, what was
    /// done since the last record is the caller's to take back.
    fn run_transaction(
        &mut self,
        open: &mut OpenGroup,
        transaction: &mut Transaction,
        asker: Asker,
        out: &mut Vec<u8>,
    ) -> Result<Result<(), Refused>, WriterError> {
        let db = transaction.client.as_ref().map(|client| client.db());
        self.secured.payload_bytes_max = self.options.transaction_log_bytes_max;
        let ran = self.run_queued(open, transaction, asker, out);
        self.secured.payload_bytes_max = u64::MAX;
        match &ran {
            Ok(Ok(())) => self.append(open, EXEC.id),
            _ => transaction.client.iter_mut().zip(db).for_each(|(client, db)| client.select(db)),
        }
        ran
    }

    /// Runs the commands, and notes where the replies of those go that the connection runs.
    fn run_queued(
        &mut self,
        open: &mut OpenGroup,
        transaction: &mut Transaction,
        asker: Asker,
        out: &mut Vec<u8>,
    ) -> Result<Result<(), Refused>, WriterError> {
        let start = out.len();
        let mut clock = Instant::now();
        let mut client = transaction.client.take();
        let (mut places, mut postponed) = (Vec::new(), Vec::new());
        for queued in &transaction.commands {
            let (args, db) = (transaction.args(queued), usize::from(queued.db));
            self.show_to_monitors(asker, queued.db, queued.spec, &args);
            if queued.speaks() {
                places.push(out.len());
                continue;
            }
            let room_bytes = self.limits.reply_bytes_max.saturating_sub(out.len() - start);
            let mut reply = Reply::within(out, asker.protocol, room_bytes);
            let outcome =
                if let (Run::Local(run), Some(client)) = (run_of(queued.spec), client.as_deref_mut()) {
                    Ok(self.run_local(open, client, run, &args, &mut reply, &mut postponed))
                } else {
                    if client.as_ref().map_or(transaction.is_tracked, |client| client.tracks_next()) {
                        open.note_reads(queued.spec, &args, asker.client_id);
                    }
                    self.run_command(open, queued.spec, &args, db, asker.client_id, false, &mut reply)?
                };
            let failed = match outcome {
                Ok(outcome) => matches!(outcome, Outcome::Replied { failed: true }),
                Err(refused) => {
                    transaction.client = client;
                    return Ok(Err(refused));
                }
            };
            let now = Instant::now();
            self.state.ran(asker.client_id, queued.spec, &args, now - clock, failed);
            clock = now;
        }
        (transaction.client, transaction.places, transaction.postponed) = (client, places, postponed);
        Ok(Ok(()))
    }

    /// Runs one of the client's own commands, which sees what came before it in the transaction.
    fn run_local(
        &mut self,
        open: &mut OpenGroup,
        client: &mut ClientState,
        run: LocalFn,
        args: &Args<'_>,
        reply: &mut Reply<'_>,
        postponed: &mut Vec<Next>,
    ) -> Outcome {
        let reply_at = reply.len_bytes();
        let state = self.state.clone();
        let tracked = client.tracking().is_some();
        let mut context = LocalCtx { view: Some(self.table.view()), ..LocalCtx::new(client, &state) };
        if let Err(error) = run(&mut context, args, reply).and_then(|()| command::whole(reply)) {
            reply.truncate(reply_at);
            reply.error(error.to_string());
        }
        let next = context.next;
        if next != Next::Continue {
            postponed.push(next);
        }
        if !tracked && client.tracking().is_some() {
            open.aftermath.began(client.id());
        }
        // What follows finds changed what the command has changed.
        self.look(open);
        self.replied(reply, reply_at)
    }

    /// Shows a command of a transaction to those who watch all commands.
    #[inline]
    fn show_to_monitors(&self, asker: Asker, db: u16, spec: &'static Spec, args: &Args<'_>) {
        if self.state.monitors.any()
            && let Some(info) = self.state.clients.get(asker.client_id)
        {
            self.state.monitors.show(&self.state, &info, db, spec, args);
        }
    }

    /// Whether a watched key was changed, or is past its deadline.
    fn is_watch_broken(&self, open: &OpenGroup, transaction: &Transaction) -> Result<bool, WriterError> {
        let Some(watch) = &transaction.watch else { return Ok(false) };
        if watch.is_touched() {
            return Ok(true);
        }
        let view = self.table.view();
        let mut lookups = Lookups::default();
        let mut reader = KeyReader::new(&view, open.now_ms, &mut lookups);
        for WatchedKey { db, key, .. } in watch.keys().iter().filter(|watched| !watched.was_due) {
            if reader.peek(usize::from(*db), key).is_err() {
                // It cannot be read, so nobody knows.
                return Ok(true);
            }
        }
        Ok(!lookups.expired.is_empty())
    }

    /// What effects since `mark` of the record that is being formed mean to others, and what was told of keys beside them:
    /// watched keys are touched, and clients that track are to be told.
    #[inline]
    pub(super) fn note_changes(&mut self, open: &mut OpenGroup, mark: usize, by: Option<u64>) {
        let tracks = open.aftermath.tracks;
        if self.watches.is_empty() && !tracks {
            return;
        }
        let view = self.table.view();
        for effect in self.effects.since(mark) {
            self.watches.touch(&effect, &view);
            if tracks {
                open.aftermath.changed(&effect, by);
            }
        }
        for (name, db, key) in self.touched.iter() {
            // A deletion is an effect, and says whether the key had been past its deadline.
            if name != "expired" {
                self.watches.touch_key(db, key);
                if tracks {
                    open.aftermath.touched(key, by);
                }
            }
        }
        self.touched.clear();
    }

    /// Lets connections see whether anybody watches keys.
    pub(super) fn show_watchers(&self) {
        self.state.kept.watchers.store(self.watches.len(), SeqCst);
    }

    /// Prepares for a command that may change whole databases.
    #[inline]
    pub(super) fn note_existing(&mut self, spec: &'static Spec) {
        if !self.watches.is_empty() && spec.flags.has(Flags::DATABASES) {
            self.watches.note_existing(&self.table.view());
        }
    }
}
