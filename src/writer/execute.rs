//! Executes the items of a submission on the writer's version, and forms the record of each command's effects.

use std::time::Instant;

use wal::Log;

use super::space::Space;
use super::{Item, Message, OpenGroup, Submission, Writer, WriterError};
use crate::command::{self, Args, Call, Spec};
use crate::damage;
use crate::keyspace::{Keyspace, Lookups, keys_slot};
use crate::resp::Reply;
use crate::table::TableWriter;

/// Id under which the log shows effects that no command of a client caused.
pub(super) const NO_COMMAND: u16 = 0;

/// Commands of a submission whose leaves are asked for ahead of their execution.
const PREFETCH_ITEMS: usize = 8;

impl<L: Log> Writer<L> {
    /// Executes a submission into the open group; its replies wait for the group's sync.
    pub(super) fn execute(
        &mut self,
        open: &mut OpenGroup,
        mut submission: Submission,
    ) -> Result<(), WriterError> {
        let space = self.secure(open, &submission)?;
        let items = std::mem::take(&mut submission.items);
        let out_start = submission.out.len();
        let mut executed = 0;
        let mut clock = Instant::now();
        for (index, item) in items.iter().enumerate() {
            if let Some(ahead) = items.get(index + PREFETCH_ITEMS) {
                prefetch(&self.table, &submission, ahead);
            }
            if submission.out.len() - out_start >= self.options.output_bytes_max {
                break;
            }
            executed += 1;
            match item {
                Item::Ready(span) => {
                    let Submission { ready, out, .. } = &mut submission;
                    out.extend_from_slice(span.of(ready));
                }
                Item::Purge { db, key } => self.purge(open, usize::from(*db), key)?,
                Item::Execute { spec, db, first_span, spans } => {
                    let Submission { input, spans: all, out, protocol, client_id, .. } = &mut submission;
                    let args = Args::new(input, &all[*first_span as usize..][..*spans as usize]);
                    let mut reply = Reply::new(out, *protocol);
                    let failed = self.command(open, spec, &args, usize::from(*db), &space, &mut reply)?;
                    let now = Instant::now();
                    self.state.ran(*client_id, spec, &args, now - clock, failed);
                    clock = now;
                }
            }
        }
        self.state.stats.looked_up(self.lookups.hits, self.lookups.misses);
        self.lookups = Lookups::default();
        submission.items = items;
        self.answered.push((submission, executed));
        Ok(())
    }

    /// Asks for the leaves of the first commands of a message that is to be executed soon.
    pub(super) fn prefetch(&self, message: &Message) {
        if let Message::Submission(submission) = message {
            let first = submission.items.iter().take(PREFETCH_ITEMS);
            first.for_each(|item| prefetch(&self.table, submission, item));
        }
    }

    /// Runs one command, and appends its record if it changed anything. Says whether it replied with an error.
    fn command(
        &mut self,
        open: &mut OpenGroup,
        spec: &'static Spec,
        args: &Args<'_>,
        db: usize,
        space: &Space,
        reply: &mut Reply<'_>,
    ) -> Result<bool, WriterError> {
        if let Some(refusal) = space.refusal(spec) {
            reply.error(refusal);
            return Ok(true);
        }
        let start = reply.len_bytes();
        let call = Call { spec, args: *args, db, now_ms: open.now_ms, limits: self.limits };
        let result = self.guarded(open, |writer| {
            reply.truncate(start);
            let mut keys = Keyspace::new(&mut writer.table, Some(&mut writer.effects));
            command::execute(&call, &mut keys, reply, &mut writer.lookups)
        })?;
        if let Err(error) = result {
            damage::met(self.table.table(), &error, &self.table.view(), db, call.keys());
            reply.truncate(start);
            reply.error(format!("ERR {error}"));
        }
        self.append(open, spec.id);
        Ok(reply.is_error_since(start))
    }

    /// Deletes a key that a reader saw past its deadline.
    fn purge(&mut self, open: &mut OpenGroup, db: usize, key: &[u8]) -> Result<(), WriterError> {
        let now_ms = open.now_ms;
        let result = self.guarded(open, |writer| {
            Keyspace::new(&mut writer.table, Some(&mut writer.effects)).purge(db, key, now_ms)
        })?;
        if let Err(error) = result {
            damage::met(self.table.table(), &error, &self.table.view(), db, [key]);
        }
        self.append(open, NO_COMMAND);
        Ok(())
    }

    /// Appends the effects gathered since the last record, if there are any, as one record.
    pub(super) fn append(&mut self, open: &mut OpenGroup, command_id: u16) {
        if self.effects.is_empty() {
            return;
        }
        open.changed = true;
        open.group.record(|buffer| self.effects.write(command_id, buffer));
        self.effects.clear();
    }
}

/// Asks for the leaves of a command's keys to be in the processor's cache when it runs.
fn prefetch(table: &TableWriter, submission: &Submission, item: &Item) {
    let Item::Execute { spec, db, first_span, spans } = item else { return };
    let args = submission.args(*first_span, *spans);
    let root = table.root(keys_slot(usize::from(*db)));
    spec.keys.indexes(args.len()).take(PREFETCH_ITEMS).for_each(|index| table.prefetch(root, &args[index]));
}
