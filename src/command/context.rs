//! What a running command has access to.

use std::sync::Arc;

use super::Wait;
use crate::keyspace::{Classes, KeyReader, Keyspace, Kind, Lookups};
use crate::state::{ClientState, CommandLimits, DatabaseGauges, Next, ServerState};
use crate::table::View;

/// What a local command has access to.
pub struct LocalCtx<'a> {
    /// The client's own state.
    pub client: &'a mut ClientState,
    /// What all connections share.
    pub server: &'a Arc<ServerState>,
    /// In a transaction, the writer's version, which holds the changes of the commands before; otherwise `None`, and
    /// the command sees the published version.
    pub view: Option<View<'a>>,
    /// What the connection does after the command. [`Next::Continue`] unless the command sets it.
    pub next: Next,
}

impl<'a> LocalCtx<'a> {
    /// The context of a command that runs on the thread of `client`'s connection.
    pub fn new(client: &'a mut ClientState, server: &'a Arc<ServerState>) -> Self {
        Self { client, server, view: None, next: Next::Continue }
    }

    /// The figures of a database; `None` before there is a table.
    pub fn database(&self, db: usize) -> Option<DatabaseGauges> {
        match &self.view {
            Some(view) => Some(DatabaseGauges::of(view, db)),
            None => self.server.gauges().map(|gauges| gauges.database(db)),
        }
    }
}

/// What a reading command has access to.
pub struct ReadCtx<'a> {
    /// The version that it reads.
    pub keys: KeyReader<'a>,
    /// The client's database.
    pub db: usize,
    /// Limits of the configuration.
    pub limits: CommandLimits,
    /// Whether the command may block instead of replying.
    pub may_wait: bool,
    /// What it waits for; set by a command that blocks.
    pub wait: Option<Wait>,
}

/// What a writing command has access to.
pub struct WriteCtx<'a> {
    /// The writer's version, or a published one that it must not change.
    pub keys: Keyspace<'a>,
    /// The client's database.
    pub db: usize,
    /// The time that the command sees, in milliseconds since 1970.
    pub now_ms: u64,
    /// Limits of the configuration.
    pub limits: CommandLimits,
    /// Whether the command may block instead of replying.
    pub may_wait: bool,
    /// What it waits for; set by a command that blocks.
    pub wait: Option<Wait>,
    /// Counts the lookups of keys that it reads.
    pub lookups: &'a mut Lookups,
}

impl WriteCtx<'_> {
    /// Counts a lookup of a key that is read, and notifies of the key if it is missing.
    pub(super) fn looked_up(&mut self, db: usize, key: &[u8], is_there: bool) {
        self.lookups.count(is_there);
        if !is_there {
            self.keys.event(Classes::KEY_MISS, "keymiss", db, key);
        }
    }

    /// Blocks the command, which takes `takes` elements at most, until one of the keys holds a value of the type. If this returns `true`, the command must
    /// return without a reply. If `false`, it may not block, and must reply that there is no data.
    pub(super) fn wait_for<'k>(
        &mut self,
        kind: Kind,
        keys: impl Iterator<Item = &'k [u8]>,
        timeout_ms: Option<u64>,
        takes: u64,
    ) -> bool {
        if self.may_wait {
            self.wait = Some(Wait::new(kind, keys, timeout_ms, takes));
        }
        self.may_wait
    }
}
