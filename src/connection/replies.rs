//! Replies that are known at once, and where they go: to the socket, or after what the writer must answer. Also `CLIENT
//! REPLY`.

use std::time::Instant;

use super::buffers::Buffers;
use super::session::{Session, Step, span};
use crate::command::{CommandError, Malformed};
use crate::resp::{Args, Protocol, Reply};
use crate::spec::{Flags, Spec};
use crate::state::{ReplyMode, RunEnd};
use crate::writer::Item;

impl Session {
    /// Counts a run and its error. If the command returned an error, it replaces the reply.
    pub(super) fn settle(
        &mut self,
        spec: &'static Spec,
        args: &Args<'_>,
        result: Result<(), CommandError>,
        replies: &mut Vec<u8>,
        reply_at: usize,
        protocol: Protocol,
    ) {
        let mut reply = Reply::new(replies, protocol);
        if let Err(error) = result {
            reply.truncate(reply_at);
            reply.error(error.to_string());
        }
        // Commands on data write their error themselves.
        let error = reply.error_since(reply_at);
        if let Some(text) = error {
            self.state.stats.error(text);
        }
        let failed = error.is_some();
        let reply_bytes = (reply.len_bytes() - reply_at) as u64;
        let now = Instant::now();
        let run = RunEnd { took: now.duration_since(self.clock), reply_bytes, failed };
        self.state.ran(self.client.id(), spec, args, run);
        self.clock = now;
    }

    /// Refuses a request that names no command.
    pub(super) fn malformed(
        &mut self,
        work: &mut Buffers,
        first_span: usize,
        malformed: Malformed,
    ) -> Option<Step> {
        match malformed {
            Malformed::CrossProtocol => {
                tracing::warn!(
                    peer = self.client.info().addr(),
                    "possible cross-protocol attack: the peer sends HTTP; connection closed"
                );
                return Some(Step::Abort);
            }
            Malformed::Reply(text, Some(spec)) => self.reject(work, spec, &text),
            Malformed::Reply(text, None) => self.refuse(work, &text),
        }
        work.spans.truncate(first_span);
        None
    }

    /// Refuses a known command before it runs.
    pub(super) fn reject(&mut self, work: &mut Buffers, spec: &Spec, text: &[u8]) {
        self.state.stats.rejected(spec.id);
        if spec.flags.has(Flags::EXECUTES) {
            self.client.discard();
            let reason = text.strip_prefix(b"ERR ").unwrap_or(text);
            let text = [b"EXECABORT Transaction discarded because of: ", reason].concat();
            return self.refuse(work, &text);
        }
        self.refuse(work, text);
    }

    /// Replies with an error.
    pub(super) fn refuse(&mut self, work: &mut Buffers, text: &[u8]) {
        self.state.stats.error(text);
        self.fail_transaction();
        self.answer_at_once(work, |reply| reply.error(text));
    }

    /// Replies at once.
    pub(super) fn answer_at_once(&mut self, work: &mut Buffers, write: impl FnOnce(&mut Reply<'_>)) {
        let pending = work.is_pending();
        let replies = if pending { &mut work.known_replies } else { &mut work.out };
        let reply_at = replies.len();
        write(&mut Reply::new(replies, self.client.protocol()));
        self.enter_reply(work, reply_at);
    }

    /// Makes the reply that starts at `reply_at` an item if others are waiting, or removes it if it must not be sent.
    /// It is in `known_replies` if items are waiting, otherwise in `out`.
    pub(super) fn enter_reply(&mut self, work: &mut Buffers, reply_at: usize) {
        if self.is_silent() {
            let replies = if work.is_pending() { &mut work.known_replies } else { &mut work.out };
            replies.truncate(reply_at);
        }
        self.enter_push(work, reply_at);
    }

    /// The same for pushes, which are sent even to a client that wants no replies.
    pub(super) fn enter_push(&mut self, work: &mut Buffers, reply_at: usize) {
        if work.is_pending() && work.known_replies.len() > reply_at {
            work.items.push(Item::KnownReply(span(reply_at, work.known_replies.len())));
        }
        self.advance_reply_mode();
    }

    /// Whether the reply of the command being run is not sent.
    pub(super) fn is_silent(&self) -> bool {
        matches!(self.client.reply_mode(), ReplyMode::Off | ReplyMode::Skip)
    }

    /// Notes that a command has ended, for `CLIENT REPLY SKIP`, which applies to the next command.
    pub(super) fn advance_reply_mode(&mut self) {
        match self.client.reply_mode() {
            ReplyMode::SkipNext => self.client.set_reply_mode(ReplyMode::Skip),
            ReplyMode::Skip => self.client.set_reply_mode(ReplyMode::On),
            ReplyMode::On | ReplyMode::Off => {}
        }
    }
}
