//! Tries some writes on the published version first: if a write changes nothing there, it need not go to the writer.
//!
//! Clients that poll an empty queue, try to get a lock that is taken, or add what already exists, do so again and
//! again. So the next write is tried only after several writes in a row that changed nothing, and clients whose writes
//! change something have no cost.

use std::time::Instant;

use super::buffers::Buffers;
use super::read::ReadCall;
use super::session::Session;
use crate::keyspace::Classes;
use crate::resp::{Args, Reply};
use crate::spec::Spec;

impl Session {
    /// Whether the next command, if it writes, is tried on the published version.
    pub(super) fn tries(&self, work: &Buffers, spec: &Spec, words: usize) -> bool {
        self.no_ops.are_likely()
            && words <= spec.tried_words
            && !work.is_pending()
            // Only the writer sends keyspace notifications, and some commands cause one although they change nothing.
            && self.state.limits.notified() == Classes::NONE
            && !self.state.publication.is_behind()
    }

    /// Runs a writing command on the published version. `false` if it would change something; then nothing was done.
    pub(super) fn run_no_op(&mut self, work: &mut Buffers, first_span: usize, spec: &'static Spec) -> bool {
        let args = Args::new(&work.input, &work.spans[first_span..]);
        let (reply_at, protocol) = (work.out.len(), self.client.protocol());
        self.writer.hand_over_before(spec);
        let call = ReadCall { spec, db: self.client.db(), args: &args, now_ms: self.now_ms() };
        let mut reply = Reply::within(&mut work.out, protocol, self.state.limits.reply_bytes_max());
        let result = match self.reads.run_no_op(call, &mut reply) {
            Ok(false) => {
                self.no_ops.missed();
                self.clock = Instant::now();
                return false;
            }
            Ok(true) => Ok(()),
            Err(error) => Err(error),
        };
        self.settle(spec, &args, result, &mut work.out, reply_at, protocol);
        work.spans.truncate(first_span);
        self.enter_reply(work, reply_at);
        true
    }
}
