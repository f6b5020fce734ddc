//! The notifications about a group once it is durable and published: key-space events, and who may no longer hold which
//! key. Gathered while the group's commands are executed; empty, and free, while nobody listens.
//!
//! Changes and reads of tracked keys stand in the order of execution, so that a client is notified of a change behind its
//! read and not of one before it.

use std::ops::Range;

use crate::effect::Effect;
use crate::keyspace::Events;
use crate::state::{PubSub, ServerState};

/// The notifications of one group.
#[derive(Default)]
pub struct Notifications {
    /// Key-space events.
    pub(super) events: Events,
    /// Whether clients track keys, or did and their keys are still remembered: if not, changes are not noted.
    pub(super) tracks: bool,
    /// Whether something was changed before that was so.
    has_missed: bool,
    /// The client that began to track in the order of execution, and so read nothing that was missed.
    began: Option<u64>,
    /// Changes and reads, as far as clients track keys.
    steps: Vec<Step>,
    /// The keys of `steps`, one behind the other.
    keys: Vec<u8>,
}

/// How much was gathered at a moment.
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
        /// Where the key is in `Aftermath::keys`.
        key: Range<usize>,
        /// The client; `None` if the key expired by itself.
        by: Option<u64>,
    },
    /// A key was read by a client that tracks.
    Read {
        /// Where the key is in `Aftermath::keys`.
        key: Range<usize>,
        /// The client.
        by: u64,
    },
    /// Whole databases were changed.
    Flushed,
}

impl Notifications {
    /// Of a group that is opened now.
    pub fn new(state: &ServerState) -> Self {
        let events = Events::new(state.limits.notified());
        Self { events, tracks: state.tracking.is_in_use(), ..Self::default() }
    }

    /// Looks at who wants to be notified of what now; `has_changes` if the group has changed anything so far.
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

    /// How much is gathered, for [`Aftermath::take_back`].
    pub(super) fn mark(&self) -> Mark {
        Mark { events: self.events.len(), steps: self.steps.len(), keys: self.keys.len() }
    }

    /// Forgets what was gathered since `mark`: it was taken back.
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
        effect.touched().for_each(|(_, key)| self.touched(key, by));
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

    /// Notes that databases were emptied that held nothing: clients that track are notified all the same.
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

    /// Notifies everybody. To be called when the group is durable and published, before its replies leave; `has_records` if
    /// it changed anything.
    pub fn send(&self, state: &ServerState, has_records: bool) {
        if has_records && state.tracking.any() && (self.has_missed || !self.tracks) {
            // Somebody began to track meanwhile, and may have read what was there before.
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

/// Publishes events on the channels that are for them.
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
