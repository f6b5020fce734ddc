//! `WATCH` and `EXEC`: a transaction's commands run one behind the other on the writer's version, with nothing between
//! them, and their effects are one record: after a crash all of them are there or none is.
//!
//! A touched key, and space that is short already, refuse a transaction before its first command runs. If the space, or
//! the longest record there may be, turns out to be too small for its changes, all of them are taken back.

use std::time::Instant;

use wal::Log;

use super::execute::{Outcome, Refused};
use super::space::Space;
use super::{OpenGroup, Writer, WriterError};
use crate::command::{self, Args, EXEC, Run};
use crate::keyspace::{KeyReader, Lookups};
use crate::resp::{Protocol, Reply};
use crate::state::{Transaction, Watch};

/// Bytes of replies to one transaction beyond which no further reading command of it is run.
const TRANSACTION_REPLY_BYTES_MAX: usize = 512 << 20;

/// What stands in the place of a reply beyond [`TRANSACTION_REPLY_BYTES_MAX`].
const REPLIES_TOO_LONG: &str = "ERR the replies to this transaction are too long: this one was dropped";

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
        for key in args.from(1) {
            self.purge(open, db, key)?;
            self.watches.add(watch, db, key);
        }
        Ok(())
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
                open.aftermath.take_back(mark);
                transaction.places.clear();
                out.truncate(start);
                self.abort(&refusal, asker, out);
            }
        }
        self.show_to_monitors(asker, transaction.db(), &EXEC, &transaction.exec_args());
        if let Some(watch) = transaction.watch.take() {
            self.watches.remove(&watch);
        }
        let failed = out.get(start) == Some(&b'-');
        self.state.stats.ran(EXEC.id, started.elapsed(), failed);
        Ok(())
    }

    /// Answers a transaction that is not done.
    fn abort(&self, reason: &str, asker: Asker, out: &mut Vec<u8>) {
        let text = format!("EXECABORT Transaction discarded because of: {reason}");
        Reply::new(out, asker.protocol).error(text);
        self.state.stats.error(b"EXECABORT");
    }

    /// Runs the commands, and appends the record of all. When there is no space for one of them, what was done since the
    /// last record is the caller's to take back.
    fn run_transaction(
        &mut self,
        open: &mut OpenGroup,
        transaction: &mut Transaction,
        asker: Asker,
        out: &mut Vec<u8>,
    ) -> Result<Result<(), Refused>, WriterError> {
        self.secured.payload_bytes_max = self.options.transaction_log_bytes_max;
        let ran = self.run_queued(open, transaction, asker, out);
        self.secured.payload_bytes_max = u64::MAX;
        if let Ok(Ok(())) = ran {
            self.append(open, EXEC.id);
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
        let mut places = std::mem::take(&mut transaction.places);
        for queued in &transaction.commands {
            let (args, db) = (transaction.args(queued), usize::from(queued.db));
            self.show_to_monitors(asker, queued.db, queued.spec, &args);
            if queued.is_local() {
                places.push(out.len());
                continue;
            }
            let reply_at = out.len();
            let is_long = reply_at - start > TRANSACTION_REPLY_BYTES_MAX;
            let mut reply = Reply::new(out, asker.protocol);
            let mut failed = true;
            if is_long && !queued.is_write() {
                reply.error(REPLIES_TOO_LONG);
                self.state.stats.error(REPLIES_TOO_LONG.as_bytes());
            } else {
                if transaction.is_tracked {
                    open.note_reads(queued.spec, &args, asker.client_id);
                }
                let client_id = asker.client_id;
                let outcome = self.run_command(open, queued.spec, &args, db, client_id, false, &mut reply)?;
                let outcome = match outcome {
                    Ok(outcome) => outcome,
                    Err(refused) => {
                        transaction.places = places;
                        return Ok(Err(refused));
                    }
                };
                failed = matches!(outcome, Outcome::Replied { failed: true });
                if is_long {
                    reply.truncate(reply_at);
                    reply.error(REPLIES_TOO_LONG);
                }
            }
            let now = Instant::now();
            self.state.ran(asker.client_id, queued.spec, &args, now - clock, failed);
            clock = now;
        }
        transaction.places = places;
        Ok(Ok(()))
    }

    /// Shows a command of a transaction to those who watch all commands.
    #[inline]
    fn show_to_monitors(&self, asker: Asker, db: u16, spec: &'static command::Spec, args: &Args<'_>) {
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
        for (db, key) in watch.keys().iter() {
            if reader.peek(usize::from(*db), key).is_err() {
                // It cannot be read, so nobody knows.
                return Ok(true);
            }
        }
        Ok(!lookups.expired.is_empty())
    }

    /// What effects since `mark` of the record that is being formed mean to others: watched keys are touched, and clients
    /// that track are to be told.
    #[inline]
    pub(super) fn note_changes(&mut self, open: &mut OpenGroup, mark: usize, by: Option<u64>) {
        let tracks = open.aftermath.tracks;
        if self.effects.is_empty() || (self.watches.is_empty() && !tracks) {
            return;
        }
        let view = self.table.view();
        for effect in self.effects.since(mark) {
            self.watches.touch(&effect, &view);
            if tracks {
                open.aftermath.changed(&effect, by);
            }
        }
    }

    /// Prepares for a command that may change whole databases.
    #[inline]
    pub(super) fn note_existing(&mut self, spec: &'static command::Spec) {
        if !self.watches.is_empty() && matches!(spec.run, Run::Write(_)) && spec.keys.first == 0 {
            self.watches.note_existing(&self.table.view());
        }
    }
}

impl OpenGroup {
    /// Notes the keys that a command of a client that tracks reads.
    pub(super) fn note_reads(&mut self, spec: &'static command::Spec, args: &Args<'_>, by: u64) {
        if spec.flags.has(command::Flags::READONLY) {
            spec.keys_read(args).for_each(|key| self.aftermath.read(key, by));
        }
    }
}
