//! The notifications of a group: keyspace notifications, and invalidations for clients that track keys. They are
//! collected while the group's commands are executed, and sent only after the group is durable. If no client wants any,
//! nothing is collected.
//!
//! Changes and reads of tracked keys are kept in the order of execution, so that a client is notified of a change after
//! its read, and not of one before it.

use std::ops::Range;

use crate::effect::{DRAFTS, Effect};
use crate::keyspace::Events;
use crate::state::{PubSub, ServerState};

/// The notifications of one group.
#[derive(Default)]
pub struct Notifications {
    /// Keyspace notifications.
    pub(super) events: Events,
    /// Whether clients track keys, or keys are still remembered from when they did. If not, changes are not noted.
    pub(super) tracks: bool,
    /// Whether something was changed before `tracks` became true.
    has_missed: bool,
    /// The client that began to track within this group's order of execution, so it has read nothing that was missed.
    began: Option<u64>,
    /// Changes and reads, while `tracks`.
    steps: Vec<Step>,
    /// The keys of `steps`, concatenated.
    keys: Vec<u8>,
}

/// How much was collected so far.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    /// Number of events.
    events: usize,
    /// Number of changes and reads.
    steps: usize,
    /// Bytes of their keys.
    keys: usize,
}

/// A change or a read.
enum Step {
    /// A key was changed by a client.
    Changed {
        /// Where the key is in `Notifications::keys`.
        key: Range<usize>,
        /// The client; `None` if the key expired by itself.
        by: Option<u64>,
    },
    /// A key was read by a client that tracks.
    Read {
        /// Where the key is in `Notifications::keys`.
        key: Range<usize>,
        /// The client.
        by: u64,
    },
    /// Whole databases were changed.
    Flushed,
}

impl Notifications {
    /// The notifications of a new group.
    pub fn new(state: &ServerState) -> Self {
        let events = Events::new(state.limits.notified());
        Self { events, tracks: state.tracking.is_in_use(), ..Self::default() }
    }

    /// Checks which notifications are wanted now. `has_changes`: whether the group has changed anything so far.
    pub(super) fn look(&mut self, state: &ServerState, has_changes: bool) {
        let notified = state.limits.notified();
        if notified != self.events.wanted() {
            self.events.want(notified);
        }
        if !self.tracks && state.tracking.is_in_use() {
            self.tracks = true;
            self.has_missed = has_changes;
        }
    }

    /// Notes that a client began to track in the middle of a transaction.
    pub(super) fn began(&mut self, client_id: u64) {
        self.began.get_or_insert(client_id);
    }

    /// How much is collected so far, for [`Notifications::take_back`].
    pub(super) fn mark(&self) -> Mark {
        Mark { events: self.events.len(), steps: self.steps.len(), keys: self.keys.len() }
    }

    /// Forgets what was collected since `mark`, because the changes were undone.
    pub(super) fn take_back(&mut self, mark: Mark) {
        self.events.truncate(mark.events);
        self.steps.truncate(mark.steps);
        self.keys.truncate(mark.keys);
    }

    /// Notes what an effect changed.
    pub(super) fn changed(&mut self, effect: &Effect<'_>, by: Option<u64>) {
        if matches!(effect, Effect::Database(_)) {
            self.steps.push(Step::Flushed);
        }
        let keys = effect.touched().filter(|(db, _)| *db != DRAFTS);
        keys.for_each(|(_, key)| self.touched(key, by));
    }

    /// Notes that a key was touched, unless that was the last thing noted.
    pub(super) fn touched(&mut self, key: &[u8], by: Option<u64>) {
        if let Some(Step::Changed { key: last, by: last_by }) = self.steps.last()
            && *last_by == by
            && self.keys[last.clone()] == *key
        {
            return;
        }
        let key = self.keep(key);
        self.steps.push(Step::Changed { key, by });
    }

    /// Notes that empty databases were flushed: clients that track are notified even then.
    pub(super) fn flushed_nothing(&mut self) {
        if self.tracks {
            self.steps.push(Step::Flushed);
        }
    }

    /// Notes that a client that tracks read a key.
    pub(super) fn read(&mut self, key: &[u8], by: u64) {
        let key = self.keep(key);
        self.steps.push(Step::Read { key, by });
    }

    /// Keeps a key.
    fn keep(&mut self, key: &[u8]) -> Range<usize> {
        let start = self.keys.len();
        self.keys.extend_from_slice(key);
        start..self.keys.len()
    }

    /// Sends all notifications. To be called when the group is durable, and published or known to readers as not
    /// published, but before its replies are sent. `has_records`: whether it changed anything.
    pub fn send(&self, state: &ServerState, has_records: bool) {
        if has_records && state.tracking.any() && (self.has_missed || !self.tracks) {
            // A client began to track meanwhile, and may have read an old value.
            state.tracking.flushed(state, self.began);
        }
        if !self.events.is_empty() {
            notify_events(state, &self.events);
        }
        if !self.steps.is_empty() {
            self.notify_trackers(state);
        }
    }

    /// Notifies the clients that track.
    fn notify_trackers(&self, state: &ServerState) {
        let mut changes: Vec<(&[u8], Option<u64>)> = Vec::new();
        for step in &self.steps {
            match step {
                Step::Changed { key, by } => {
                    let key = &self.keys[key.clone()];
                    state.tracking.changed(state, key, *by);
                    changes.push((key, *by));
                }
                Step::Read { key, by } => {
                    state.tracking.remember(state, *by, std::iter::once(&self.keys[key.clone()]));
                }
                Step::Flushed => state.tracking.flushed(state, None),
            }
        }
        state.tracking.broadcast(state, &changes);
    }
}

/// Publishes events on their channels.
pub fn notify_events(state: &ServerState, events: &Events) {
    use crate::keyspace::Classes;
    let PubSub { channels, .. } = &state.pubsub;
    if channels.is_empty() && state.pubsub.patterns_len() == 0 {
        return;
    }
    for (wanted, name, db, key) in events.iter_wanted() {
        if wanted.has(Classes::KEYSPACE) {
            let channel = [format!("__keyspace@{db}__:").as_bytes(), key].concat();
            state.pubsub.publish(state, &channel, name.as_bytes(), None);
        }
        if wanted.has(Classes::KEYEVENT) {
            let channel = format!("__keyevent@{db}__:{name}");
            state.pubsub.publish(state, channel.as_bytes(), key, None);
        }
    }
}
