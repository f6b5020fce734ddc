//! Executes the items of a submission on the writer's version, and forms the record of each command's effects.

use std::time::Instant;

use wal::Log;

use super::error::WriterError;
use super::group::OpenGroup;
use super::outcome::{NO_CLIENT, NO_COMMAND, Outcome, Refused};
use super::queue::Message;
use super::submission::{Item, Submission};
use super::task::Writer;
use super::transaction::Asker;
use crate::command::Space;
use crate::command::{self, Call, Wait};
use crate::damage;
use crate::keyspace::{Classes, Lookups, Purged, keys_slot};
use crate::resp::{Args, Reply};
use crate::spec::{Flags, Spec};
use crate::table::TableWriter;

/// Commands of a submission whose leaves are asked for ahead of their execution.
const PREFETCH_ITEMS: usize = 8;

impl<L: Log> Writer<L> {
    /// Executes a submission into the open group; its replies wait for the group's sync.
    pub(super) fn execute(
        &mut self,
        open: &mut OpenGroup,
        mut submission: Box<Submission>,
    ) -> Result<(), WriterError> {
        let space = self.secure(open, &submission)?;
        let mut items = std::mem::take(&mut submission.items);
        let out_start = submission.out.len();
        let records = open.group.count();
        let (mut executed, mut waits) = (0, None);
        let mut clock = Instant::now();
        for index in 0..items.len() {
            if let Some(ahead) = items.get(index + PREFETCH_ITEMS) {
                prefetch(&self.table, &submission, ahead);
            }
            if submission.out.len() - out_start >= self.options.output_bytes_max {
                break;
            }
            executed += 1;
            if let Some(wait) =
                self.execute_item(open, &mut submission, &mut items[index], &space, &mut clock)?
            {
                // Its connection lets no command stand beside it.
                waits = Some(wait);
            }
            self.serve_waiting(open)?;
        }
        self.looked_up(open);
        submission.items = items;
        match waits {
            Some(wait) => self.put_aside(submission, wait),
            None => {
                // Where space is short, the next one is for the writer too, which refuses.
                submission.changed = open.group.count() > records || !matches!(space, Space::Ample);
                self.answered.push((submission, executed));
            }
        }
        Ok(())
    }

    /// Executes one item, and appends its reply to the submission's; returns what it waits for, if it does. `clock` is when
    /// the item before it ended.
    fn execute_item(
        &mut self,
        open: &mut OpenGroup,
        submission: &mut Submission,
        item: &mut Item,
        space: &Space,
        clock: &mut Instant,
    ) -> Result<Option<Wait>, WriterError> {
        let Submission { client_id, protocol, is_tracked, input, spans: all, ready, out, .. } = submission;
        let words =
            |first_span: u32, spans: u32| Args::new(input, &all[first_span as usize..][..spans as usize]);
        match item {
            Item::Ready(span) => out.extend_from_slice(span.of(ready)),
            Item::Purge { .. } if self.lookups.keeps_expired => {}
            Item::Purge { db, key, read_at_ms } => {
                self.purge(open, usize::from(*db), key, open.now_ms.max(*read_at_ms))?;
            }
            Item::Execute { spec, db, first_span, spans } => {
                let args = words(*first_span, *spans);
                if *is_tracked {
                    open.note_reads(spec, &args, *client_id);
                }
                let mut reply = Reply::within(out, *protocol, self.limits.reply_bytes_max);
                let db = usize::from(*db);
                match self.command(open, spec, &args, db, *client_id, space, &mut reply)? {
                    Outcome::Replied { failed } => {
                        let now = Instant::now();
                        self.state.ran(*client_id, spec, &args, now - *clock, failed);
                        *clock = now;
                    }
                    Outcome::Waits(wait) => return Ok(Some(wait)),
                }
            }
            Item::Transaction(transaction) => {
                let asker = Asker { client_id: *client_id, protocol: *protocol };
                self.transaction(open, transaction, asker, space, out)?;
                *clock = Instant::now();
            }
            Item::Watch { watch, db, first_span, spans } => {
                self.watch(open, watch, usize::from(*db), &words(*first_span, *spans))?;
                Reply::new(out, *protocol).ok();
            }
        }
        Ok(None)
    }

    /// Asks for the leaves of the first commands of a message that is to be executed soon.
    pub(super) fn prefetch(&self, message: &Message) {
        if let Message::Submission(submission) = message {
            let first = submission.items.iter().take(PREFETCH_ITEMS);
            first.for_each(|item| prefetch(&self.table, submission, item));
        }
    }

    /// Runs one command, and appends its record if it changed anything.
    #[allow(clippy::too_many_arguments, reason = "each is a part of its own")]
    pub(super) fn command(
        &mut self,
        open: &mut OpenGroup,
        spec: &'static Spec,
        args: &Args<'_>,
        db: usize,
        client_id: u64,
        space: &Space,
        reply: &mut Reply<'_>,
    ) -> Result<Outcome, WriterError> {
        if let Some(refusal) = space.refusal(spec) {
            let start = reply.len_bytes();
            reply.error(refusal);
            return Ok(self.replied(reply, start));
        }
        let start = reply.len_bytes();
        let outcome = match self.run_command(open, spec, args, db, client_id, true, reply)? {
            Ok(outcome) => outcome,
            Err(Refused(refusal)) => {
                reply.error(refusal);
                self.replied(reply, start)
            }
        };
        self.append(open, spec.id);
        Ok(outcome)
    }

    /// Runs one command, which waits for data if it `may_wait` and has to; its effects are added to the record that is
    /// being formed. A command that is refused has no reply yet.
    #[allow(clippy::too_many_arguments, reason = "each is a part of its own")]
    pub(super) fn run_command(
        &mut self,
        open: &mut OpenGroup,
        spec: &'static Spec,
        args: &Args<'_>,
        db: usize,
        client_id: u64,
        may_wait: bool,
        reply: &mut Reply<'_>,
    ) -> Result<Result<Outcome, Refused>, WriterError> {
        self.note_existing(spec);
        let (start, mark) = (reply.len_bytes(), self.effects.mark());
        let call = Call { spec, args: *args, db, now_ms: open.now_ms, limits: self.limits };
        let room = (open.group.len_bytes() as u64, spec.flags.has(Flags::DENYOOM));
        let result = self.guarded(open, |writer, aftermath| {
            reply.truncate(start);
            let mut lookups = std::mem::take(&mut writer.lookups);
            lookups.expired.clear();
            let result = writer.within(aftermath, room, |keys| match may_wait {
                true => command::execute_or_wait(&call, keys, reply, &mut lookups),
                false => command::execute(&call, keys, reply, &mut lookups).map(|()| None),
            });
            writer.lookups = lookups;
            result
        })?;
        let waits = match result {
            Ok(waits) => waits,
            Err(error) => {
                reply.truncate(start);
                if let Some(refusal) = self.refused(&error) {
                    return Ok(Err(Refused(refusal)));
                }
                damage::met(self.table.table(), &error, &self.table.view(), db, call.keys());
                reply.error(format!("ERR {error}"));
                None
            }
        };
        if !self.lookups.expired.is_empty() {
            self.purge_passed(open)?;
        }
        self.note_changes(open, mark, Some(client_id));
        if self.effects.mark() == mark && spec.flags.has(Flags::FLUSHES) {
            open.aftermath.flushed_nothing();
        }
        Ok(Ok(match waits {
            Some(wait) => Outcome::Waits(wait),
            None => self.replied(reply, start),
        }))
    }

    /// How a command ended whose reply starts at `start`; an error is counted.
    pub(super) fn replied(&self, reply: &Reply<'_>, start: usize) -> Outcome {
        let error = reply.error_since(start);
        if let Some(text) = error {
            self.state.stats.error(text);
        }
        Outcome::Replied { failed: error.is_some() }
    }

    /// Counts what the commands of a submission looked up, and tells of what was not there if somebody listens.
    fn looked_up(&mut self, open: &mut OpenGroup) {
        let Lookups { hits, misses, missing, .. } = &mut self.lookups;
        self.state.stats.looked_up(*hits, *misses);
        (*hits, *misses) = (0, 0);
        for missed in missing.drain(..) {
            open.aftermath.events.tell(Classes::KEY_MISS, "keymiss", missed.db, &missed.key);
        }
    }

    /// Deletes the keys that a reading command found past their deadline, in the record that is being formed.
    #[cold]
    fn purge_passed(&mut self, open: &mut OpenGroup) -> Result<(), WriterError> {
        let mut lookups = std::mem::take(&mut self.lookups);
        let done = command::purge_passed(&mut lookups, |db, key| self.purge_key(open, db, key, open.now_ms));
        self.lookups = lookups;
        done
    }

    /// Deletes what of a key is past its deadline at `now_ms`, in the record that is being formed. Where there is no space to
    /// log that, it is left to the writer's rounds.
    fn purge_key(
        &mut self,
        open: &mut OpenGroup,
        db: usize,
        key: &[u8],
        now_ms: u64,
    ) -> Result<Purged, WriterError> {
        let group_bytes = open.group.len_bytes() as u64;
        let result = self.guarded(open, |writer, aftermath| {
            writer.within(aftermath, (group_bytes, false), |keys| keys.purge(db, key, now_ms))
        })?;
        Ok(result.unwrap_or_else(|error| {
            damage::met(self.table.table(), &error, &self.table.view(), db, [key]);
            Purged::Nothing
        }))
    }

    /// Deletes what of a key is past its deadline at `now_ms`, as somebody saw it.
    pub(super) fn purge(
        &mut self,
        open: &mut OpenGroup,
        db: usize,
        key: &[u8],
        now_ms: u64,
    ) -> Result<(), WriterError> {
        self.purge_key(open, db, key, now_ms)?;
        self.note_changes(open, 0, NO_CLIENT);
        self.append(open, NO_COMMAND);
        Ok(())
    }

    /// Appends the effects gathered since the last record, if there are any, as one record.
    pub(super) fn append(&mut self, open: &mut OpenGroup, command_id: u16) {
        if !self.given.is_empty() {
            self.forget_given();
        }
        if self.effects.is_empty() {
            return;
        }
        open.changed = true;
        if !self.waiting.is_empty() {
            self.waiting.note(self.effects.effects());
        }
        open.group.record(|buffer| self.effects.write(command_id, buffer));
        self.effects.clear();
    }
}

/// Asks for the leaves of a command's keys to be in the processor's cache when it runs.
fn prefetch(table: &TableWriter, submission: &Submission, item: &Item) {
    let Item::Execute { spec, db, first_span, spans } = item else { return };
    let args = submission.args(*first_span, *spans);
    let root = table.root(keys_slot(usize::from(*db)));
    spec.key_indexes(&args).take(PREFETCH_ITEMS).for_each(|index| table.prefetch(root, &args[index]));
}
