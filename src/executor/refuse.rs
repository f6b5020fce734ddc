//! Submissions that were executed into a group that the log does not have: each command gets an error reply instead.

use super::Executor;
use super::log_room::Shortage;
use super::transaction::ExecCaller;
use crate::resp::Reply;
use crate::submission::{Completion, Item, Submission};

impl Executor {
    /// Replaces the replies of submissions whose changes were taken back. Reads get the error, too: they may have seen those
    /// changes.
    #[cold]
    pub fn refuse(&self, answered: &mut [Completion], shortage: &Shortage) {
        let refusal = shortage.refusal();
        answered.iter_mut().for_each(|completion| self.refuse_all(completion, &refusal));
    }

    /// Refuses the commands of one submission.
    fn refuse_all(&self, completion: &mut Completion, refusal: &str) {
        let Completion { submission, executed, replies_at, .. } = completion;
        let Submission { client_id, protocol, items, known_replies, out, .. } = &mut **submission;
        out.truncate(*replies_at);
        for item in &mut items[..*executed] {
            match item {
                Item::Execute { .. } | Item::Store { .. } => {
                    Reply::new(out, *protocol).error(refusal);
                    self.state.stats.error(refusal.as_bytes());
                }
                Item::Transaction(transaction) => {
                    transaction.take_back();
                    let caller = ExecCaller { client_id: *client_id, protocol: *protocol };
                    self.abort(refusal, caller, out);
                }
                Item::KnownReply(span) => out.extend_from_slice(span.of(known_replies)),
                // The expired key is deleted later.
                Item::Purge { .. } => {}
                // The keys are still watched.
                Item::Watch { .. } => Reply::new(out, *protocol).ok(),
            }
        }
    }
}
