//! The commands of blocked clients. How they are served is in `blocking`.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use crate::command::Wait;
use crate::effect::{Change, Effect, Effects, StreamChange};
use crate::resp::Args;
use crate::spec::Spec;
use crate::state::ClientInfo;
use crate::submission::{Item, Submission};

/// The waiting commands, and their order.
#[derive(Default)]
pub(super) struct Waiting {
    /// By client.
    pub(super) commands: HashMap<u64, WaitingCommand>,
    /// By database and key: the clients that wait for it, in the order of their tickets.
    pub(super) queues: HashMap<usize, HashMap<Box<[u8]>, Queue>>,
    /// The clients whose commands claim pending entries, by when they may get some.
    claims: BTreeSet<(u64, u64)>,
    /// Keys that changed, in order.
    pub(super) changed: VecDeque<(usize, Box<[u8]>)>,
    /// The last ticket.
    pub(super) last_ticket: u64,
    /// Number of commands that may take long when they run again.
    pub(super) slow: usize,
}

/// The clients that wait for a key.
#[derive(Default)]
pub(super) struct Queue {
    /// By ticket.
    clients: BTreeMap<u64, u64>,
    /// How many of them read in a group, and also run again when the key is deleted.
    groups: usize,
}

/// A waiting command.
pub(super) struct WaitingCommand {
    /// The client.
    pub(super) info: Arc<ClientInfo>,
    /// The command alone, in buffers of its own size.
    pub(super) submission: Box<Submission>,
    /// What it waits for.
    pub(super) wait: Wait,
    /// Its position in the order of arrival.
    pub(super) ticket: u64,
}

impl Waiting {
    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// Notes the keys in a record for which commands wait.
    pub(super) fn note(&mut self, effects: Effects<'_>) {
        for effect in effects {
            match effect {
                Effect::Database(change) => change.all().for_each(|db| self.note_database(db)),
                // Nobody waits for what groups do, but for their end, and for entries that may be claimed.
                Effect::Key { change: Change::Stream(change), .. }
                    if change.is_of_groups() && !(is_end(&change) || self.may_be_claimed(&change)) =>
                {
                    continue;
                }
                Effect::Key { .. } => {}
            }
            let own = effect.db().zip(effect.key());
            for (db, key) in own.into_iter().chain(effect.destination()) {
                let awaited = self.queues.get(&db).is_some_and(|keys| keys.contains_key(key));
                if awaited
                    && self.changed.back().is_none_or(|(last_db, last)| (*last_db, &**last) != (db, key))
                {
                    self.changed.push_back((db, key.into()));
                }
            }
        }
    }

    /// Whether somebody may claim the entries of a change earlier than if they were delivered at the time of the change.
    fn may_be_claimed(&self, change: &StreamChange<'_>) -> bool {
        let is_earlier = match change {
            StreamChange::Claim { seen_ms, delivered_ms, .. } => delivered_ms < seen_ms,
            _ => false,
        };
        is_earlier && !self.claims.is_empty()
    }

    /// Notes the keys in which commands may claim entries now, because enough time has passed.
    pub(super) fn note_claims(&mut self, now_ms: u64) {
        for (_, client) in self.claims.range(..=(now_ms, u64::MAX)) {
            let Some(command) = self.commands.get(client) else { continue };
            self.changed.extend(command.keys().map(|(db, key)| (db, key.into())));
        }
    }

    /// Notes all keys for which commands wait.
    pub(super) fn note_all(&mut self) {
        self.changed.clear();
        for (db, keys) in &self.queues {
            self.changed.extend(keys.keys().map(|key| (*db, key.clone())));
        }
    }

    /// Notes all keys of a database for which commands wait.
    fn note_database(&mut self, db: usize) {
        if let Some(keys) = self.queues.get(&db) {
            self.changed.extend(keys.keys().map(|key| (db, key.clone())));
        }
    }

    /// Of the clients that wait for a key, the one with the lowest ticket above `ticket`. Returns its ticket and ID.
    pub(super) fn next(&self, (db, key): (usize, &[u8]), ticket: u64) -> Option<(u64, u64)> {
        let queue = self.queues.get(&db)?.get(key)?;
        queue.clients.range(ticket + 1..).next().map(|(ticket, client)| (*ticket, *client))
    }

    /// Whether anybody who waits for a key reads in a group.
    pub(super) fn has_groups(&self, (db, key): (usize, &[u8])) -> bool {
        self.queues.get(&db).and_then(|keys| keys.get(key)).is_some_and(|queue| queue.groups > 0)
    }

    /// Adds a command.
    pub(super) fn insert(&mut self, command: WaitingCommand) {
        let (client, ticket) = (command.info.id(), command.ticket);
        for (db, key) in command.keys() {
            let queue = self.queues.entry(db).or_default().entry(key.into()).or_default();
            let is_new = queue.clients.insert(ticket, client).is_none();
            queue.groups += usize::from(is_new && command.wait.group.is_some());
        }
        self.claims.extend(command.wait.claims.map(|claims| (claims.from_ms, client)));
        self.slow += usize::from(!command.wait.is_quick());
        let former = self.commands.insert(client, command);
        debug_assert!(former.is_none(), "a client waits twice");
    }

    /// Number of keys that commands wait for.
    pub(super) fn keys(&self) -> usize {
        self.queues.values().map(HashMap::len).sum()
    }

    /// Removes a client's command, if one waits.
    pub(super) fn remove(&mut self, client: u64) -> Option<WaitingCommand> {
        let command = self.commands.remove(&client)?;
        self.slow -= usize::from(!command.wait.is_quick());
        if let Some(claims) = command.wait.claims {
            self.claims.remove(&(claims.from_ms, client));
        }
        for (db, key) in command.keys() {
            let Some(keys) = self.queues.get_mut(&db) else { continue };
            let Some(queue) = keys.get_mut(key) else { continue };
            let was_there = queue.clients.remove(&command.ticket).is_some();
            queue.groups -= usize::from(was_there && command.wait.group.is_some());
            if queue.clients.is_empty() {
                keys.remove(key);
                if keys.is_empty() {
                    self.queues.remove(&db);
                }
            }
        }
        Some(command)
    }
}

/// Whether a group ends with a change.
fn is_end(change: &StreamChange<'_>) -> bool {
    matches!(change, StreamChange::DeleteGroup { .. })
}

impl WaitingCommand {
    /// The command's row, its database and its words.
    pub(super) fn words(&self) -> (&'static Spec, usize, Args<'_>) {
        let Some(Item::Execute { spec, db, first_span, spans }) = self.submission.items.first() else {
            unreachable!("a command waits");
        };
        (spec, usize::from(*db), self.submission.args(*first_span, *spans))
    }

    /// The group that reads, if one does, and how long ago pending entries were delivered that it claims; it may claim none.
    pub(super) fn reader(&self) -> Option<(Box<[u8]>, u64)> {
        let min_idle_ms = self.wait.claims.map_or(u64::MAX, |claims| claims.min_idle_ms);
        Some((self.wait.group.clone()?, min_idle_ms))
    }

    /// The keys that it waits for, with their database.
    pub(super) fn keys(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let (_, db, _) = self.words();
        self.wait.keys.iter().map(move |key| (db, &**key))
    }
}
