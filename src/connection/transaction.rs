//! A session's part in transactions: queues their commands, and completes them after the writer has executed them.

use super::buffers::Buffers;
use super::session::{Session, Step};
use crate::command::{Admission, Caller, LocalCtx, Run, run_of};
use crate::keyspace::KeyspaceError;
use crate::resp::{Args, Reply};
use crate::spec::Spec;
use crate::state::Next;
use crate::writer::Item;

impl Session {
    /// Queues a command for `EXEC`.
    #[cold]
    pub(super) fn queue(&mut self, work: &mut Buffers, first_span: usize, spec: &'static Spec) {
        let args = Args::new(&work.input, &work.spans[first_span..]);
        let databases = self.state.limits.databases();
        self.client.change_transaction(|transaction| transaction.queue(spec, &args, databases));
        self.answer_at_once(work, |reply| reply.simple("QUEUED"));
        work.spans.truncate(first_span);
    }

    /// A command was refused: if it was meant for a transaction, that can no longer be executed.
    pub(super) fn fail_transaction(&mut self) {
        if self.client.transaction().is_some() {
            self.client.change_transaction(|transaction| transaction.is_failed = true);
        }
    }

    /// Submits the client's transaction to the writer.
    pub(super) fn submit_transaction(&mut self, work: &mut Buffers) -> Option<Step> {
        let mut transaction = self.client.take_transaction().expect("EXEC has found a transaction");
        let has_local = transaction.has_local();
        self.begin_items(work);
        let step = self.close_items();
        if has_local {
            self.client.join(&mut transaction, &self.state);
        }
        work.transaction_bytes += transaction.charged_bytes() as usize;
        work.items.push(Item::Transaction(transaction));
        // Nothing may follow until the client's state is back.
        if has_local { Some(Step::Answer) } else { step }
    }

    /// Has the writer watch the keys of the command whose words start at `first_span`.
    pub(super) fn submit_watch(&mut self, work: &mut Buffers, first_span: usize) -> Option<Step> {
        self.begin_items(work);
        work.items.push(Item::Watch {
            watch: self.client.watch().clone(),
            db: self.client.db(),
            first_span: first_span as u32,
            spans: (work.spans.len() - first_span) as u32,
        });
        self.close_items()
    }

    /// Takes the client's state back from a transaction that the writer executed, runs the commands that run
    /// afterwards, and inserts their replies.
    pub(super) fn finish_transactions(&mut self, work: &mut Buffers, executed: usize) {
        // A transaction with local commands is the last item of its submission.
        let Some(Item::Transaction(transaction)) =
            executed.checked_sub(1).and_then(|last| work.items.get_mut(last))
        else {
            return;
        };
        self.client.return_from(transaction);
        self.postponed.extend(transaction.postponed.drain(..));
        if transaction.reply_offsets.is_empty() {
            return;
        }
        let reply_offsets = std::mem::take(&mut transaction.reply_offsets);
        let start = transaction.replies_at;
        let Buffers { items, out, .. } = work;
        let Some(Item::Transaction(transaction)) = items.get(executed - 1) else { return };
        let rest = out.split_off(reply_offsets[0]);
        let mut taken = reply_offsets[0];
        let speaking = transaction.commands.iter().filter(|queued| queued.speaks());
        self.client.is_in_exec = true;
        for (offset, queued) in reply_offsets.iter().zip(speaking) {
            out.extend_from_slice(&rest[taken - reply_offsets[0]..offset - reply_offsets[0]]);
            taken = *offset;
            let bytes_left = rest.len() - (taken - reply_offsets[0]);
            self.run_queued(queued.spec, &transaction.args(queued), out, (start, bytes_left));
        }
        out.extend_from_slice(&rest[taken - reply_offsets[0]..]);
        self.client.is_in_exec = false;
    }

    /// Runs a command of a transaction that sends to others. The replies of the transaction, which start at `start` of
    /// `out`, have one limit together; `bytes_left` bytes of them follow.
    fn run_queued(
        &mut self,
        spec: &'static Spec,
        args: &Args<'_>,
        out: &mut Vec<u8>,
        (start, bytes_left): (usize, usize),
    ) {
        let Admission::Run(spec) = Caller::Transaction.admit_command(&self.state, spec, args) else {
            unreachable!("{} was admitted when it was queued", spec.name)
        };
        let Run::Local(run) = run_of(spec) else { unreachable!("{} is the writer's", spec.name) };
        let (reply_at, protocol) = (out.len(), self.client.protocol());
        let mut context = LocalCtx::new(&mut self.client, &self.state);
        let bytes_max = self.state.limits.reply_bytes_max();
        let mut reply = Reply::part(out, start, protocol, bytes_max.saturating_sub(bytes_left));
        let result = run(&mut context, args, &mut reply).and_then(|()| match reply.is_cut() {
            true => Err(KeyspaceError::ReplyTooLong { bytes_max }.into()),
            false => Ok(()),
        });
        debug_assert_eq!(context.next, Next::Continue, "{} asks for more than a reply", spec.name);
        self.settle(spec, args, result, out, reply_at, protocol);
    }

    /// Shows a command of this client to clients that run `MONITOR`.
    pub(super) fn show_to_monitors(&self, spec: &'static Spec, args: &Args<'_>) {
        self.state.monitors.show(&self.state, self.client.info(), self.client.db(), spec, args);
    }

    /// The next thing that a command of a transaction asked for besides its reply, to be done now that the reply was
    /// sent.
    pub(super) fn take_postponed(&mut self, work: &Buffers) -> Option<Step> {
        match self.postponed.pop_front()? {
            Next::Close => Some(Step::Close),
            next => Some(Step::Wait { next, reply_at: work.out.len() }),
        }
    }
}
