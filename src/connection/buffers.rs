//! The buffers that a connection works with, shared between all connections of a thread.
//!
//! A connection has buffers only while it works or has an unfinished command; a thread keeps a few for the next
//! connection. So an idle client costs no buffer, and a busy thread works on warm memory without allocating.

use std::cell::RefCell;

use super::found::FoundCommands;
use crate::resp::{Args, Protocol, Span};
use crate::writer::{Item, Resolver, Submission};

/// The least room that an input buffer has for a read, in bytes.
pub(super) const READ_BYTES: usize = 16 * 1024;
/// Room for the next read after one that filled the buffer, in bytes.
pub(super) const LONG_READ_BYTES: usize = 64 * 1024;
/// Replies to a client that has not authenticated: once there are this many bytes, they are sent before the next
/// command runs.
pub(super) const UNAUTHENTICATED_OUT_BYTES_MAX: usize = 16 * 1024;
/// A submission with this many bytes of transactions is submitted.
pub(super) const TRANSACTION_BYTES_MAX: usize = 1 << 20;
/// The most items of one submission.
pub(super) const ITEMS_MAX: usize = 1024;
/// The most bytes that a buffer keeps between uses.
const KEPT_BYTES_MAX: usize = 64 * 1024;
/// The most elements for which a list keeps memory between uses.
const KEPT_LEN_MAX: usize = 4096;
/// The most sets of buffers that a thread keeps.
const KEPT_SETS_MAX: usize = 64;

thread_local! {
    /// Unused buffers. Boxed, because they move in and out of tasks all the time.
    #[allow(clippy::vec_box)]
    static KEPT: RefCell<Vec<Box<Buffers>>> = const { RefCell::new(Vec::new()) };
}

/// What a connection works with. The commands in `items` make up the next submission.
pub(super) struct Buffers {
    /// Bytes received that are still needed.
    pub input: Vec<u8>,
    /// The words of the commands in `items`, and of the current command.
    pub spans: Vec<Span>,
    /// What the writer must answer. While this is not empty, everything that follows waits for it.
    pub items: Vec<Item>,
    /// Replies that are known, but come after something that the writer must answer.
    pub known_replies: Vec<u8>,
    /// Replies to send.
    pub out: Vec<u8>,
    /// How the writer encodes the replies; only meaningful while `items` is not empty.
    pub protocol: Protocol,
    /// Whether the writer's replies are discarded.
    pub discard: bool,
    /// Whether the client tracks what the items read; only meaningful while `items` is not empty.
    pub is_tracked: bool,
    /// Bytes that the transactions among the items are charged.
    pub transaction_bytes: usize,
    /// Bytes of `input` that are no longer needed, or belong to `items`.
    pub taken: usize,
    /// A command that was taken from `input` but has to wait until `items` are answered; then it goes back to the front
    /// of the input. Empty if there is none.
    pub held: Vec<u8>,
    /// Commands of `input` that were found ahead of their turn.
    pub found: FoundCommands,
}

impl Buffers {
    /// Buffers from this thread's store, all empty.
    pub fn take() -> Box<Self> {
        KEPT.with_borrow_mut(Vec::pop).unwrap_or_else(|| {
            Box::new(Self {
                input: Vec::new(),
                spans: Vec::new(),
                items: Vec::new(),
                known_replies: Vec::new(),
                out: Vec::new(),
                protocol: Protocol::Resp2,
                discard: false,
                is_tracked: false,
                transaction_bytes: 0,
                taken: 0,
                held: Vec::new(),
                found: FoundCommands::default(),
            })
        })
    }

    /// Returns the buffers to this thread's store.
    pub fn give(mut self: Box<Self>) {
        self.clear();
        KEPT.with_borrow_mut(|kept| {
            if kept.len() < KEPT_SETS_MAX {
                kept.push(self);
            }
        });
    }

    /// Frees what this thread's store holds.
    pub fn let_go() {
        KEPT.take();
    }

    /// Empties everything; memory beyond the usual is freed.
    pub fn clear(&mut self) {
        reuse(&mut self.input, KEPT_BYTES_MAX);
        reuse(&mut self.out, KEPT_BYTES_MAX);
        reuse(&mut self.known_replies, KEPT_BYTES_MAX);
        reuse(&mut self.spans, KEPT_LEN_MAX);
        reuse(&mut self.items, KEPT_LEN_MAX);
        reuse(&mut self.held, 0);
        self.found.clear();
        reuse(&mut self.found.spans, KEPT_LEN_MAX);
        self.taken = 0;
        self.discard = false;
        self.is_tracked = false;
        self.transaction_bytes = 0;
    }

    /// Forgets the replies that were sent.
    pub fn sent(&mut self) {
        reuse(&mut self.out, KEPT_BYTES_MAX);
    }

    /// Makes room for a read. `missing_bytes` is how much of the current word is missing, 0 if unknown. The room for a
    /// long word grows with what has arrived of it, not with its announced length.
    pub fn make_room(&mut self, missing_bytes: usize) {
        let (len, room) = (self.input.len(), self.input.capacity() - self.input.len());
        if room >= LONG_READ_BYTES || (room >= READ_BYTES / 4 && room >= missing_bytes) {
            return;
        }
        if missing_bytes > READ_BYTES {
            self.input.reserve_exact(missing_bytes.min(len.max(LONG_READ_BYTES)));
        } else {
            self.input.reserve(READ_BYTES);
        }
    }

    /// Makes room for longer reads from now on, because the last one filled all the room.
    pub fn make_long_room(&mut self) {
        if self.input.capacity() < LONG_READ_BYTES {
            self.input.reserve_exact(LONG_READ_BYTES - self.input.len());
        }
    }

    /// Whether there are items for the writer.
    pub fn is_pending(&self) -> bool {
        !self.items.is_empty()
    }

    /// Whether the only item is a command that may wait.
    pub fn may_wait(&self) -> bool {
        let Some(Item::Execute { spec, first_span, spans, .. }) = self.items.last() else { return false };
        let (first, spans) = (*first_span as usize, *spans as usize);
        let waits = spec.may_wait(&Args::new(&self.input, &self.spans[first..first + spans]));
        debug_assert!(!waits || self.items.len() == 1, "a command that may wait is not alone");
        waits
    }

    /// Moves the items and what belongs to them into a submission, until [`Buffers::restore`].
    pub fn submission(&mut self, client_id: u64, reply_to: Resolver) -> Box<Submission> {
        debug_assert!(self.is_pending());
        Box::new(Submission {
            client_id,
            origin: None,
            protocol: self.protocol,
            is_tracked: self.is_tracked,
            transaction_bytes: self.transaction_bytes,
            input: std::mem::take(&mut self.input),
            spans: std::mem::take(&mut self.spans),
            items: std::mem::take(&mut self.items),
            known_replies: std::mem::take(&mut self.known_replies),
            out: std::mem::take(&mut self.out),
            changed: true,
            runs_long: false,
            long_ahead: false,
            reply_to,
        })
    }

    /// Moves everything back from a submission; returns the resolver for the next one.
    pub fn restore(&mut self, submission: Submission) -> Resolver {
        let Submission { input, spans, items, known_replies, out, reply_to, .. } = submission;
        self.input = input;
        self.spans = spans;
        self.items = items;
        self.known_replies = known_replies;
        self.out = out;
        reply_to
    }

    /// Moves the input that is left (a command held back, and the bytes after those taken) into buffers of its own, so
    /// that the rest can go to the writer. `None` if nothing is left.
    pub fn split_rest(&mut self) -> Option<Box<Self>> {
        if self.held.is_empty() && self.taken == self.input.len() {
            return None;
        }
        let mut rest = Self::take();
        rest.input.extend_from_slice(&self.held);
        rest.input.extend_from_slice(&self.input[self.taken..]);
        Some(rest)
    }

    /// Removes the input that is no longer needed. A command held back comes first in what is left.
    pub fn forget_taken(&mut self) {
        if self.held.is_empty() {
            self.input.drain(..self.taken);
        } else {
            self.input.splice(..self.taken, self.held.drain(..));
            reuse(&mut self.held, 0);
        }
        self.taken = 0;
        if self.input.is_empty() {
            reuse(&mut self.input, KEPT_BYTES_MAX);
        }
    }
}

/// Empties a vector for its next use.
fn reuse<T>(vector: &mut Vec<T>, kept_max: usize) {
    vector.clear();
    if vector.capacity() > kept_max {
        *vector = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_empty_and_large_ones_are_freed() {
        let mut buffers = Buffers::take();
        buffers.input.extend_from_slice(b"abc");
        buffers.out.reserve(KEPT_BYTES_MAX * 2);
        let kept = buffers.input.as_ptr();
        buffers.give();
        let buffers = Buffers::take();
        assert!(buffers.input.is_empty() && buffers.input.as_ptr() == kept);
        assert_eq!(buffers.out.capacity(), 0);
    }
}
