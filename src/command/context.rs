//! What a running command can reach.

use std::sync::Arc;

use super::Wait;
use crate::keyspace::{KeyReader, Keyspace, Kind};
use crate::state::{ClientState, CommandLimits, DatabaseGauges, Next, ServerState};
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

/// What a reading command can reach.
pub struct ReadCtx<'a> {
    /// The version read.
    pub keys: KeyReader<'a>,
    /// The client's database.
    pub db: usize,
    /// Limits of the configuration.
    pub limits: CommandLimits,
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
    pub limits: CommandLimits,
    /// Whether the command may wait for data instead of replying.
    pub may_wait: bool,
    /// What it waits for; set by a command that did not reply.
    pub wait: Option<Wait>,
}

impl WriteCtx<'_> {
    /// Asks to wait until one of the keys holds something of a type; says whether the command is to end without a reply.
    /// Otherwise it must not wait, and replies that there is nothing.
    pub(super) fn wait_for<'k>(
        &mut self,
        kind: Kind,
        keys: impl Iterator<Item = &'k [u8]>,
        timeout_ms: Option<u64>,
    ) -> bool {
        if self.may_wait {
            self.wait = Some(Wait { kind, keys: keys.map(Into::into).collect(), timeout_ms });
        }
        self.may_wait
    }
}
