//! What a running command can reach.

use std::sync::Arc;

use super::Wait;
use crate::keyspace::{KeyReader, Keyspace};
use crate::state::{ClientState, DatabaseGauges, Next, ServerState};
use crate::table::View;

/// What a command of the connection can reach.
pub struct LocalCtx<'a> {
    /// The client's own state.
    pub client: &'a mut ClientState,
    /// What all connections share.
    pub server: &'a Arc<ServerState>,
    /// The version that it sees, where that is not the published one: in a transaction, with what came before.
    pub view: Option<View<'a>>,
    /// What the connection does after the command; the command sets it, [`Next::Continue`] stands before it runs.
    pub next: Next,
}

impl<'a> LocalCtx<'a> {
    /// What a command of `client` can reach that runs on the client's own thread.
    pub fn new(client: &'a mut ClientState, server: &'a Arc<ServerState>) -> Self {
        Self { client, server, view: None, next: Next::Continue }
    }

    /// A database at a glance; `None` before there is a table.
    pub fn database(&self, db: usize) -> Option<DatabaseGauges> {
        match &self.view {
            Some(view) => Some(DatabaseGauges::of(view, db)),
            None => self.server.gauges().map(|gauges| gauges.database(db)),
        }
    }
}

/// Limits of the configuration that commands on data look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Number of databases, the configuration's `databases`.
    pub databases: usize,
    /// The longest string value in bytes, the configuration's `proto-max-bulk-len`; at most
    /// [`VALUE_BYTES_MAX`](crate::effect::VALUE_BYTES_MAX).
    pub value_bytes_max: u64,
    /// Bytes of the reply to one command, the configuration's `reply-bytes-max`.
    pub reply_bytes_max: usize,
    /// Up to where Redis would keep collections in its compact representations.
    pub encodings: EncodingLimits,
}

/// Limits up to which Redis keeps a collection in a compact representation; `OBJECT ENCODING` tells by them. A count of
/// elements, or bytes of one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodingLimits {
    /// Fields of a hash: `hash-max-listpack-entries`.
    pub hash_entries: u64,
    /// Bytes of its fields and values: `hash-max-listpack-value`.
    pub hash_value: u64,
    /// Members of a set of integers: `set-max-intset-entries`.
    pub set_integers: u64,
    /// Members of a set: `set-max-listpack-entries`.
    pub set_entries: u64,
    /// Bytes of its members: `set-max-listpack-value`.
    pub set_value: u64,
    /// Members of a sorted set: `zset-max-listpack-entries`.
    pub zset_entries: u64,
    /// Bytes of its members: `zset-max-listpack-value`.
    pub zset_value: u64,
    /// Elements of a list, or with a negative number a class of bytes: `list-max-listpack-size`.
    pub list_size: i64,
}

impl EncodingLimits {
    /// All limits, in the order of the fields.
    pub fn to_array(self) -> [i64; 8] {
        let counts = [
            self.hash_entries,
            self.hash_value,
            self.set_integers,
            self.set_entries,
            self.set_value,
            self.zset_entries,
            self.zset_value,
        ];
        let [a, b, c, d, e, f, g] = counts.map(|count| i64::try_from(count).unwrap_or(i64::MAX));
        [a, b, c, d, e, f, g, self.list_size]
    }

    /// The limits that [`EncodingLimits::to_array`] made an array of; a negative count is none.
    pub fn from_array([a, b, c, d, e, f, g, list_size]: [i64; 8]) -> Self {
        let [hash_entries, hash_value, set_integers, set_entries, set_value, zset_entries, zset_value] =
            [a, b, c, d, e, f, g].map(|count| count.max(0) as u64);
        Self {
            hash_entries,
            hash_value,
            set_integers,
            set_entries,
            set_value,
            zset_entries,
            zset_value,
            list_size,
        }
    }
}

impl Default for EncodingLimits {
    fn default() -> Self {
        Self {
            hash_entries: 512,
            hash_value: 64,
            set_integers: 512,
            set_entries: 128,
            set_value: 64,
            zset_entries: 128,
            zset_value: 64,
            list_size: -2,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            databases: 16,
            value_bytes_max: crate::effect::VALUE_BYTES_MAX,
            reply_bytes_max: 1 << 30,
            encodings: EncodingLimits::default(),
        }
    }
}

/// What a reading command can reach.
pub struct ReadCtx<'a> {
    /// The version read.
    pub keys: KeyReader<'a>,
    /// The client's database.
    pub db: usize,
    /// Limits of the configuration.
    pub limits: Limits,
}

/// What a writing command can reach.
pub struct WriteCtx<'a> {
    /// The writer's version, or a published one that is not changed.
    pub keys: Keyspace<'a>,
    /// The client's database.
    pub db: usize,
    /// The moment that the command runs at, in milliseconds since 1970.
    pub now_ms: u64,
    /// Limits of the configuration.
    pub limits: Limits,
    /// Whether the command may wait for data instead of replying.
    pub may_wait: bool,
    /// What it waits for; set by a command that did not reply.
    pub wait: Option<Wait>,
}
