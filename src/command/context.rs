//! What a running command can reach.

use std::sync::Arc;

use crate::keyspace::{KeyReader, Keyspace};
use crate::state::{ClientState, Next, ServerState};

/// What a command on the connection's thread can reach.
pub struct LocalCtx<'a> {
    /// The client's own state.
    pub client: &'a mut ClientState,
    /// What all connections share.
    pub server: &'a Arc<ServerState>,
    /// What the connection does after the command; the command sets it, [`Next::Continue`] stands before it runs.
    pub next: Next,
}

/// Limits of the configuration that commands on data look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Number of databases, the configuration's `databases`.
    pub databases: usize,
    /// The longest string value in bytes, the configuration's `proto-max-bulk-len`; at most
    /// [`VALUE_BYTES_MAX`](crate::effect::VALUE_BYTES_MAX).
    pub value_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { databases: 16, value_bytes_max: crate::effect::VALUE_BYTES_MAX }
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
    /// The writer's version.
    pub keys: Keyspace<'a>,
    /// The client's database.
    pub db: usize,
    /// The moment that the command runs at, in milliseconds since 1970.
    pub now_ms: u64,
    /// Limits of the configuration.
    pub limits: Limits,
}
