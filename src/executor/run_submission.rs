//! Executes the items of a submission, one after the other.

use std::time::Instant;

use super::Executor;
use super::log_room::{LogRoom, Round};
use super::outcome::Outcome;
use super::run_command::Asked;
use super::transaction::ExecCaller;
use crate::command::{self, Call, Space, Wait};
use crate::keyspace::keys_slot;
use crate::resp::{Args, Reply};
use crate::spec::Flags;
use crate::state::RunEnd;
use crate::submission::{Completion, Item, Submission};
use crate::table::TableWriter;

/// How the execution of an item ended.
enum ItemEnd {
    /// Its reply is there.
    Answered,
    /// It waits for data.
    Waits(Wait),
    /// It must be submitted again.
    Unfinished,
    /// It takes long, and must not run here.
    TakesLong,
}

/// Number of commands ahead of the running one whose leaves are prefetched.
const PREFETCH_ITEMS: usize = 8;
/// Number of commands ahead of the running one whose cells are prefetched; their leaves are there by then.
const PREFETCH_CELL_ITEMS: usize = 3;

impl Executor {
    /// Executes a submission into the open group; its replies wait for the group's sync.
    pub fn execute<R: LogRoom>(
        &mut self,
        round: &mut Round<'_, R>,
        mut submission: Box<Submission>,
    ) -> Result<(), R::Error> {
        let space = self.secure(round, &submission)?;
        let mut items = std::mem::take(&mut submission.items);
        let out_start = submission.out.len();
        let records = round.room.count();
        submission.long_ahead = false;
        let (mut executed, mut waits, mut is_next_long) = (0, None, false);
        let mut clock = Instant::now();
        for index in 0..items.len() {
            if let Some(ahead) = items.get(index + PREFETCH_ITEMS) {
                prefetch(&mut self.table, &submission, ahead);
            }
            if let Some(ahead) = items.get(index + PREFETCH_CELL_ITEMS) {
                prefetch_cells(&mut self.table, &submission, ahead);
            }
            if submission.out.len() - out_start >= self.options.output_bytes_max {
                break;
            }
            let runs_long = index == 0 && submission.runs_long;
            if !runs_long && self.is_long(round, &submission, &items[index]) {
                submission.long_ahead = true;
                break;
            }
            match self.execute_item(round, &mut submission, &mut items[index], &space, &mut clock)? {
                ItemEnd::Answered => {}
                // The connection submits a blocking command alone.
                ItemEnd::Waits(wait) => waits = Some(wait),
                ItemEnd::Unfinished => submission.long_ahead = true,
                ItemEnd::TakesLong => {
                    is_next_long = true;
                    break;
                }
            }
            executed += usize::from(!submission.long_ahead);
            self.serve_waiting(round)?;
            if submission.long_ahead {
                break;
            }
        }
        self.origins.caused_by(None, &mut self.effects);
        self.count_lookups();
        submission.items = items;
        match waits {
            Some(wait) => self.put_aside(submission, wait),
            None => {
                // While space is short, the next write must come to the writer, too, which refuses it.
                submission.changed = round.room.count() > records || !matches!(space, Space::Ample);
                self.answered.push(Completion { submission, executed, is_next_long, replies_at: out_start });
            }
        }
        Ok(())
    }

    /// Whether an item is a long command that can be worked out on a snapshot.
    fn is_long<R: LogRoom>(&self, round: &Round<'_, R>, submission: &Submission, item: &Item) -> bool {
        let Item::Execute { spec, db, first_span, spans } = item else { return false };
        spec.flags.has(Flags::BESIDE) && {
            let args = submission.args(*first_span, *spans);
            if spec.only_reads(&args) {
                return false;
            }
            let (db, now_ms) = (usize::from(*db), round.now_ms);
            command::is_long(&Call { spec, args, db, now_ms, limits: self.limits }, &self.table.view())
        }
    }

    /// Executes one item, and appends its reply to the submission's. `clock` is when the item before it ended.
    fn execute_item<R: LogRoom>(
        &mut self,
        round: &mut Round<'_, R>,
        submission: &mut Submission,
        item: &mut Item,
        space: &Space,
        clock: &mut Instant,
    ) -> Result<ItemEnd, R::Error> {
        let Submission {
            client_id, origin, protocol, is_tracked, input, spans: all, known_replies, out, ..
        } = submission;
        let origin = origin.as_ref().filter(|_| !matches!(item, Item::Purge { .. }));
        self.origins.caused_by(origin, &mut self.effects);
        let words =
            |first_span: u32, spans: u32| Args::new(input, &all[first_span as usize..][..spans as usize]);
        match item {
            Item::KnownReply(span) => out.extend_from_slice(span.of(known_replies)),
            Item::Purge { .. } if self.lookups.keeps_expired => {}
            Item::Purge { db, key, read_at_ms } => {
                self.purge(round, usize::from(*db), key, round.now_ms.max(*read_at_ms))?;
            }
            Item::Execute { spec, db, first_span, spans } => {
                let (args, client_id) = (words(*first_span, *spans), *client_id);
                if *is_tracked {
                    round.note_reads(spec, &args, client_id);
                }
                let bytes_max = command::short_reply_bytes_max(spec, &args, self.limits.reply_bytes_max);
                let start = out.len();
                let mut reply = Reply::within(out, *protocol, bytes_max);
                let asked = Asked { spec, args, db: usize::from(*db), client_id };
                match self.command(round, &asked, space, &mut reply)? {
                    Outcome::Replied { failed } => {
                        let now = Instant::now();
                        let reply_bytes = (reply.len_bytes() - start) as u64;
                        let run = RunEnd { took: now - *clock, reply_bytes, failed };
                        self.state.ran(client_id, spec, &args, run);
                        *clock = now;
                    }
                    Outcome::Waits(wait) => return Ok(ItemEnd::Waits(wait)),
                    Outcome::TakesLong => return Ok(ItemEnd::TakesLong),
                }
            }
            Item::Store { spec, db, first_span, spans, result } => {
                let (args, client_id) = (words(*first_span, *spans), *client_id);
                let start = out.len();
                let mut reply = Reply::within(out, *protocol, self.limits.reply_bytes_max);
                let asked = Asked { spec, args, db: usize::from(*db), client_id };
                let stored = self.store(round, &asked, result, space, &mut reply)?;
                let now = Instant::now();
                result.took += now - *clock;
                *clock = now;
                let Some(failed) = stored else { return Ok(ItemEnd::Unfinished) };
                let reply_bytes = (reply.len_bytes() - start) as u64;
                let run = RunEnd { took: result.took, reply_bytes, failed };
                self.state.ran(client_id, spec, &args, run);
            }
            Item::Transaction(transaction) => {
                let caller = ExecCaller { client_id: *client_id, protocol: *protocol };
                self.transaction(round, transaction, caller, space, out)?;
                *clock = Instant::now();
            }
            Item::Watch { watch, db, first_span, spans } => {
                self.watch(round, watch, usize::from(*db), &words(*first_span, *spans))?;
                Reply::new(out, *protocol).ok();
            }
        }
        Ok(ItemEnd::Answered)
    }

    /// Prefetches the leaves of the first commands of a submission that will be executed soon.
    pub fn prefetch(&mut self, submission: &Submission) {
        let first = submission.items.iter().take(PREFETCH_ITEMS);
        first.for_each(|item| prefetch(&mut self.table, submission, item));
    }

    /// Prefetches the cells of the first commands of a submission, which is the next one to be executed.
    pub fn prefetch_cells(&mut self, submission: &Submission) {
        let first = submission.items.iter().take(PREFETCH_CELL_ITEMS);
        first.for_each(|item| prefetch_cells(&mut self.table, submission, item));
    }
}

/// Prefetches the leaves of a command's keys into the processor's cache.
fn prefetch(table: &mut TableWriter, submission: &Submission, item: &Item) {
    let Item::Execute { spec, db, first_span, spans } = item else { return };
    let args = submission.args(*first_span, *spans);
    let root = table.root(keys_slot(usize::from(*db)));
    spec.key_indexes(&args).take(PREFETCH_ITEMS).for_each(|index| table.prefetch(root, &args[index]));
}

/// Prefetches the cells of a command's keys, whose leaves were prefetched.
fn prefetch_cells(table: &mut TableWriter, submission: &Submission, item: &Item) {
    let Item::Execute { spec, first_span, spans, .. } = item else { return };
    let args = submission.args(*first_span, *spans);
    spec.key_indexes(&args).take(PREFETCH_ITEMS).for_each(|index| table.prefetch_cell(&args[index]));
}
