//! Where long reads leave the session, and where they come back: see [`beside`](super::beside).

use std::time::Instant;

use super::buffers::Buffers;
use super::pieces::Finished;
use super::read::{ExpiredKey, LongEnd, LongRead, ReadCall};
use super::session::Session;
use crate::command::CommandError;
use crate::resp::Args;
use crate::spec::Flags;
use crate::state::RunEnd;
use crate::writer::Item;

impl Session {
    /// The read that must run beside.
    pub(super) fn take_long(&mut self) -> Option<LongRead> {
        self.long.take()
    }

    /// The first item, which is a read that must run beside. It is taken out.
    pub(super) fn long_item(&mut self, work: &mut Buffers) -> Option<LongRead> {
        let Some(&Item::Execute { spec, db, first_span, spans }) = work.items.first() else { return None };
        work.items.remove(0);
        let args = Args::new(&work.input, &work.spans[first_span as usize..][..spans as usize]);
        if work.is_tracked && spec.flags.has(Flags::READONLY) {
            self.state.tracking.remember(&self.state, self.client.id(), spec.keys_in(&args));
        }
        let call = ReadCall { spec, db, args: &args, now_ms: self.reads.now_ms() };
        Some(LongRead::new(&call, work.protocol, work.discard))
    }

    /// Counts a long read that has ended, and adds the end of its reply.
    pub(super) fn finish_long(&mut self, work: &mut Buffers, finished: Finished) {
        let Finished { read, mut rest, end, busy, given_bytes } = finished;
        let (result, expired) = match end {
            LongEnd::Replied(result, expired) => (result, expired),
            LongEnd::Stale(expired) => (Ok(()), expired),
            LongEnd::Broken(reason) => (Err(CommandError::from(format!("ERR {reason}"))), Vec::new()),
        };
        let reply_at = work.out.len();
        let reply_bytes = given_bytes + rest.len() as u64;
        work.out.append(&mut rest);
        let now = Instant::now();
        self.clock = now.checked_sub(busy).unwrap_or(now);
        if given_bytes == 0 || result.is_err() {
            self.settle(read.spec, &read.args(), result, &mut work.out, reply_at, read.protocol);
        } else {
            let run = RunEnd { took: busy, reply_bytes, failed: false };
            self.state.ran(self.client.id(), read.spec, &read.args(), run);
        }
        if read.is_silent {
            // Its turn in `CLIENT REPLY` may be over.
            work.out.truncate(reply_at);
        }
        if expired.is_empty() || self.state.pauses_writes() {
            self.enter_reply(work, reply_at);
            return;
        }
        self.expired = expired;
        self.purge_before(work, reply_at, read.now_ms);
        self.close_items();
    }

    /// Has keys deleted that a read found expired.
    pub(super) fn purge(&mut self, work: &mut Buffers, expired: Vec<ExpiredKey>, read_at_ms: u64) {
        self.begin_items(work);
        work.items.extend(expired.into_iter().map(|(db, key)| Item::Purge { db, key, read_at_ms }));
    }
}
