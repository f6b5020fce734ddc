//! The executor: runs commands, one after the other, on the writer's own version of the data.
//!
//! Single commands, transactions and the deletions of expired keys all work the same way: effects are applied to the
//! table one by one and collected, and become one record in the open group. Of the log, only the [`LogRoom`] of that
//! group is known here. Syncing the group, publishing the version and sending notifications are not done here.
//!
//! Invariants:
//! - a record's effects are all in the table, or none is: commands check everything before their first change, and if a
//!   command fails later, its changes are undone, see [`undo`];
//! - an error of table or log ends the work with the reason; a lack of space is not such an error, see [`reservation`].

mod active_expiry;
mod blocking;
mod command_room;
mod drafts;
mod log_room;
mod noted;
mod notifications;
mod options;
mod origins;
mod outcome;
mod purge;
mod redo;
mod refuse;
mod reservation;
mod run_command;
mod run_submission;
mod set_back;
mod store;
mod tidy;
mod transaction;
mod undo;
mod waiting;
mod watch;
mod watched_keys;

pub use log_room::{LogRoom, Round, Shortage};
pub use notifications::{Notifications, notify_events};
pub use options::ExecutorOptions;

use std::sync::Arc;

use crate::clock::Clock;
use crate::effect::EffectBuffer;
use crate::keyspace::{Classes, Events, Given, Lookups};
use crate::state::{CommandLimits, ServerState};
use crate::submission::Completion;
use crate::table::{Frozen, TableWriter};
use command_room::SpaceReport;
use noted::Noted;
use origins::Origins;
use redo::Redo;
use waiting::Waiting;
use watched_keys::WatchedKeys;

/// Milliseconds between two sweeps of keys that are no longer watched.
const SWEEP_INTERVAL_MS: u64 = 1000;

/// Runs commands on the writer's version.
pub struct Executor {
    /// The table.
    table: TableWriter,
    /// What all connections share.
    state: Arc<ServerState>,
    /// The clock; it detects that the system's clock was set back.
    clock: Arc<Clock>,
    /// Limits of the work.
    options: ExecutorOptions,
    /// Effects of the next record.
    effects: EffectBuffer,
    /// Who caused the records of the open group.
    origins: Origins,
    /// The most bytes of the next record's payload.
    payload_bytes_max: u64,
    /// What the commands of a submission looked up.
    lookups: Lookups,
    /// Limits of the configuration for commands, as of the current submission.
    limits: CommandLimits,
    /// Submissions executed in the open group.
    answered: Vec<Completion>,
    /// The records of closed groups from which the version can be rebuilt.
    redo: Redo,
    /// Commands that wait for data.
    waiting: Waiting,
    /// What the server log last said about space.
    space_reported: Option<SpaceReport>,
    /// The keys that clients watch.
    watched_keys: WatchedKeys,
    /// Events of the running command for keys that it touches.
    touched: Events,
    /// When the watched keys were last swept, in milliseconds since 1970.
    swept_ms: u64,
    /// Whether the last group deleted the most expired keys that a group may. Then there are probably more.
    expires_more: bool,
    /// Expiry times that were set before the clock was set back.
    noted: Noted,
    /// Whether there may be drafts of before the start, or of before changes were given up.
    has_old_drafts: bool,
    /// Keys and fields that got an expiry since the last record. Only kept while `noted` is not empty.
    given: Given,
}

impl Executor {
    /// Changes `table`.
    pub fn new(
        table: TableWriter,
        state: Arc<ServerState>,
        clock: Arc<Clock>,
        options: ExecutorOptions,
    ) -> Self {
        let redo = Redo::new(options.redo_bytes_max);
        Self {
            table,
            state,
            clock,
            options,
            effects: EffectBuffer::new(),
            origins: Origins::default(),
            payload_bytes_max: u64::MAX,
            lookups: Lookups::default(),
            limits: CommandLimits::default(),
            answered: Vec::new(),
            redo,
            waiting: Waiting::default(),
            space_reported: None,
            watched_keys: WatchedKeys::default(),
            touched: Events::new(Classes::TOUCHES),
            swept_ms: 0,
            expires_more: false,
            noted: Noted::default(),
            has_old_drafts: true,
            given: Given::default(),
        }
    }

    /// Begins a group. To be called before anything is executed for it.
    pub fn begin_group(&mut self) {
        self.origins.begin_group();
        self.note_expiries();
    }

    /// Reads the current configuration. To be called for each submission: a group stays open while the one before it is
    /// written, and a change of the configuration applies to all later commands.
    pub fn look<R: LogRoom>(&mut self, round: &mut Round<'_, R>) {
        self.limits = self.state.command_limits();
        round.notifications.look(&self.state, round.room.count() > 0 || !self.effects.is_empty());
        self.lookups.keeps_expired = self.state.pauses_writes();
        self.lookups.notes_missing = round.notifications.events.wants(Classes::KEY_MISS);
    }

    /// The table, to be published and made durable.
    pub fn table(&mut self) -> &mut TableWriter {
        &mut self.table
    }

    /// Whether there are probably more expired keys than the last group deleted.
    pub fn expires_more(&self) -> bool {
        self.expires_more
    }

    /// Whether a client waits whose command may take long once it is served, whoever serves it.
    pub fn serves_slowly(&self) -> bool {
        self.waiting.slow > 0
    }

    /// The submissions executed since this was last emptied, to be sent back when the group is durable.
    pub fn answered(&mut self) -> &mut Vec<Completion> {
        &mut self.answered
    }

    /// The group of this round is closed: its records are kept, because a rebuilt version must have them.
    pub fn close<R: LogRoom>(&mut self, round: &Round<'_, R>) {
        self.redo.push(round.room.first_lsn(), round.room.payloads());
    }

    /// Whether the version should be frozen although nobody reads it, because rebuilding it would take too long.
    pub fn should_freeze(&self) -> bool {
        self.redo.is_full(self.table.pages_taken())
    }

    /// Freezes the version, to be published when the last closed group is durable.
    pub fn freeze(&mut self) -> Frozen {
        self.redo.freeze(self.table.pages_taken());
        self.table.freeze()
    }

    /// Publishes the frozen version.
    pub fn publish(&mut self, frozen: Frozen) {
        self.table.publish(frozen);
        self.redo.published();
    }

    /// Work of quiet moments: from time to time removes keys that are no longer watched.
    pub fn sweep(&mut self, now_ms: u64) {
        if !self.watched_keys.is_empty() && now_ms.abs_diff(self.swept_ms) >= SWEEP_INTERVAL_MS {
            self.swept_ms = now_ms;
            self.watched_keys.sweep();
            self.show_watchers();
        }
    }

    /// Frees the memory that is kept for later.
    pub fn let_go(&mut self) {
        self.redo.let_go();
        self.table.let_go();
        self.answered.shrink_to_fit();
        self.lookups.expired.shrink_to_fit();
        self.lookups.missing.shrink_to_fit();
    }
}
