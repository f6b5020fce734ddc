//! The executor: runs what clients ask for, one command behind the other, on the writer's own version of the data.
//!
//! Single commands, transactions and what the server deletes by itself take the same way: a command's effects are made to
//! the table one by one and gathered, and become one record in the group that takes records. Of the log nothing is known
//! but the [`LogRoom`] of that group; when the group is durable, who is notified then, and when the version is published, is
//! not decided here.
//!
//! Invariants:
//! - a record's effects are all in the table or none is: commands check everything before their first change, and what
//!   a command that failed all the same has changed is taken back, see [`undo`];
//! - an error of table or log ends the work with the reason; space that is short is no such error, see [`reservation`].

mod active_expiry;
mod blocking;
mod command_room;
mod log_room;
mod noted;
mod notifications;
mod options;
mod origins;
mod outcome;
mod purge;
mod redo;
mod reservation;
mod run_command;
mod run_submission;
mod set_back;
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

/// Milliseconds between two looks for keys that are watched no more.
const SWEEP_INTERVAL_MS: u64 = 1000;

/// What changes data.
pub struct Executor {
    /// What holds the data.
    table: TableWriter,
    /// What all connections share.
    state: Arc<ServerState>,
    /// Tells when it was set back.
    clock: Arc<Clock>,
    /// Limits of the work.
    options: ExecutorOptions,
    /// Effects of the record that is being formed.
    effects: EffectBuffer,
    /// Who caused the records of the open group.
    origins: Origins,
    /// Bytes that its payload may have.
    payload_bytes_max: u64,
    /// What the reading commands of a submission looked up.
    lookups: Lookups,
    /// Limits of the configuration that commands look at, as of the submission.
    limits: CommandLimits,
    /// Submissions executed in the open group.
    answered: Vec<Completion>,
    /// The records that the version can be built from anew, as far as their groups are closed.
    redo: Redo,
    /// Commands that wait for data.
    waiting: Waiting,
    /// What the log of events last said about space.
    space_reported: Option<SpaceReport>,
    /// The keys that clients watch.
    watched_keys: WatchedKeys,
    /// Notifications of the command that is being executed about the keys that it touches.
    touched: Events,
    /// When those that are watched no more were last forgotten, in milliseconds since 1970.
    swept_ms: u64,
    /// Whether the last group deleted as many expired keys as one may: there are probably more.
    expires_more: bool,
    /// Expiry times that stood when the clock was set back.
    noted: Noted,
    /// What was given an expiry since the last record, while there are such.
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
        let origins = Origins::new(options.records_origins);
        Self {
            table,
            state,
            clock,
            options,
            effects: EffectBuffer::new(),
            origins,
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
            given: Given::default(),
        }
    }

    /// Begins a group. To be called before anything is executed for it.
    pub fn begin_group(&mut self) {
        self.origins.begin_group();
        self.note_expiries();
    }

    /// Looks at what the configuration says now. A group stays open while the one before it is written, and whoever
    /// changed something meanwhile finds it changed for all commands that come later.
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

    /// Whether there are more expired keys than the last group deleted.
    pub fn expires_more(&self) -> bool {
        self.expires_more
    }

    /// The submissions executed since this was last empty. They are to be handed back when the group is durable.
    pub fn answered(&mut self) -> &mut Vec<Completion> {
        &mut self.answered
    }

    /// The group of this round is closed: what the version holds of it is not taken back any more, but built anew.
    pub fn close<R: LogRoom>(&mut self, round: &Round<'_, R>) {
        self.redo.push(round.room.first_lsn(), round.room.payloads());
    }

    /// Whether the version should be frozen, though nobody reads it: so much would have to be built anew.
    pub fn should_freeze(&self) -> bool {
        self.redo.is_full(self.table.pages_taken())
    }

    /// Freezes the version, to be published when the group that was closed last is durable.
    pub fn freeze(&mut self) -> Frozen {
        self.redo.freeze(self.table.pages_taken());
        self.table.freeze()
    }

    /// Shows the version that was frozen to readers.
    pub fn publish(&mut self, frozen: Frozen) {
        self.table.publish(frozen);
        self.redo.published();
    }

    /// Work of quiet moments: now and then forgets those who watch keys no more.
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
