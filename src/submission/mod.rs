//! What travels between a connection and the writer.
//!
//! A connection submits the commands of one read together, with the buffer that they were received in, so nothing is
//! copied. The completion brings the replies, in order, and returns all buffers.

mod promise;

pub use promise::{Closed, Promise, Resolver, promise};

use std::sync::Arc;
use std::time::Duration;

use crate::keyspace::Prepared;
use crate::resp::{Args, Protocol, Span};
use crate::spec::Spec;
use crate::state::{ClientOrigin, Transaction, Watch};

/// One item to answer. Items are in the order of the client's commands.
pub enum Item {
    /// Run a command.
    Execute {
        /// The command.
        spec: &'static Spec,
        /// The client's database when it sent the command.
        db: u16,
        /// Index of the command's first word in the submission's spans.
        first_span: u32,
        /// Number of its words.
        spans: u32,
    },
    /// Store the result of a command that was worked out on a snapshot. The submission comes back with nothing answered
    /// after each step but the last.
    Store {
        /// The command.
        spec: &'static Spec,
        /// The client's database when it sent the command.
        db: u16,
        /// Index of the command's first word in the submission's spans.
        first_span: u32,
        /// Number of its words.
        spans: u32,
        /// The result.
        result: Box<WorkedOut>,
    },
    /// Execute a transaction as a whole.
    Transaction(Box<Transaction>),
    /// Watch keys from here on.
    Watch {
        /// What is marked when one of them changes.
        watch: Arc<Watch>,
        /// The client's database when it sent the command.
        db: u16,
        /// Index of the command's first word in the submission's spans; the keys follow it.
        first_span: u32,
        /// Number of its words.
        spans: u32,
    },
    /// A reply that is already known: a range of the submission's `known_replies` bytes.
    KnownReply(Span),
    /// A read found this key expired. Its deletion must be durable before the reply to that read is sent.
    Purge {
        /// The key's database.
        db: u16,
        /// The key.
        key: Box<[u8]>,
        /// The time that the read saw, in milliseconds since 1970. It may be later than the time of the open group.
        read_at_ms: u64,
    },
}

/// The result of a command that was worked out on a snapshot.
pub struct WorkedOut {
    /// The change to make.
    pub prepared: Prepared,
    /// The reply for when it was made.
    pub reply: Vec<u8>,
    /// The time that the command has taken.
    pub took: Duration,
    /// Whether what the result came from has changed, so that it cannot be stored.
    pub is_outdated: bool,
}

/// Commands of one client, to be answered together. One box travels to the writer and back.
pub struct Submission {
    /// The client, as in `CLIENT ID`.
    pub client_id: u64,
    /// Their origin; `None`: unknown.
    pub origin: Option<Arc<ClientOrigin>>,
    /// How to encode the replies.
    pub protocol: Protocol,
    /// Whether the client tracks what these commands read.
    pub is_tracked: bool,
    /// Bytes that the transactions among the items are charged.
    pub transaction_bytes: usize,
    /// The bytes that the commands were received in.
    pub input: Vec<u8>,
    /// The words of all commands, as ranges of `input`.
    pub spans: Vec<Span>,
    /// The items to answer, in order.
    pub items: Vec<Item>,
    /// Replies that were known before the submission; see [`Item::KnownReply`].
    pub known_replies: Vec<u8>,
    /// The replies, appended by the writer.
    pub out: Vec<u8>,
    /// Whether the commands may have changed anything. The writer clears it if they did not.
    pub changed: bool,
    /// Whether the first command is executed even if it is long and could be worked out on a snapshot.
    pub runs_long: bool,
    /// Set by the writer if it stopped before a command that is to be worked out, or whose result is not stored yet.
    pub long_ahead: bool,
    /// Resolved with the completion.
    pub reply_to: Resolver,
}

impl Submission {
    /// An empty submission, of client 1 in RESP2.
    pub fn empty(reply_to: Resolver) -> Box<Self> {
        Box::new(Self {
            client_id: 1,
            origin: None,
            protocol: Protocol::default(),
            is_tracked: false,
            transaction_bytes: 0,
            input: Vec::new(),
            spans: Vec::new(),
            items: Vec::new(),
            known_replies: Vec::new(),
            out: Vec::new(),
            changed: true,
            runs_long: true,
            long_ahead: false,
            reply_to,
        })
    }

    /// The words of an [`Item::Execute`].
    pub fn args(&self, first_span: u32, spans: u32) -> Args<'_> {
        Args::new(&self.input, &self.spans[first_span as usize..][..spans as usize])
    }
}

/// A submission that was answered. It is sent back when everything in it is durable.
pub struct Completion {
    /// The submission, its replies in `out`.
    pub submission: Box<Submission>,
    /// Number of items answered. Fewer than all if `out` exceeded its limit, or the next one is
    /// [long](Submission::long_ahead); then the rest must be submitted again.
    pub executed: usize,
    /// Whether the next item is a read that takes long: the connection must run it beside the writer.
    pub is_next_long: bool,
    /// Where the replies to them start in `out`.
    pub replies_at: usize,
}
