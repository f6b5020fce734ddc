//! The expected data: the states after each command sent, and which of them are allowed.
//!
//! At each moment the disk must hold the state after some prefix of the commands sent, which includes all promised ones:
//! those acknowledged, or seen by a reader. States are compared by digest; the keys of a state that is not allowed show what
//! is wrong with it.

use super::stack::digest;
use crate::common::Value;
use crate::common::keys::{Command, Model};
use std::ops::RangeInclusive;

/// What is wrong with an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Something acknowledged is lost.
    Lost,
    /// Something is there that was never sent, or something acknowledged before it is missing.
    Phantom,
    /// A command or a group is partly applied.
    Partial,
    /// The server did not start.
    Refused,
    /// The table's checkpoint is damaged.
    Damaged,
    /// The server did something wrong while it ran.
    Misbehaved,
}

/// A sequence of states.
#[derive(Clone, Default)]
pub struct Timeline {
    /// What it starts with.
    start: Model,
    /// The state after all commands.
    end: Model,
    /// The commands.
    commands: Vec<Command>,
    /// The state before all commands, and after each.
    digests: Vec<u64>,
}

/// States that are allowed: those of a timeline at these positions.
#[derive(Clone)]
pub struct Allowed<'t> {
    pub timeline: &'t Timeline,
    pub positions: RangeInclusive<usize>,
}

impl Timeline {
    /// Starts with this state.
    pub fn new(start: Model) -> Self {
        let digests = vec![digest(&start)];
        Self { end: start.clone(), start, commands: Vec::new(), digests }
    }

    /// Sends a command; returns the reply that it should get.
    pub fn send(&mut self, command: &Command) -> Value {
        let reply = self.end.apply(command);
        self.commands.push(command.clone());
        self.digests.push(digest(&self.end));
        reply
    }

    /// The state after all commands so far.
    pub fn end_of(&self) -> Model {
        self.end.clone()
    }

    /// Takes back the last command, before which the state was `before`.
    pub fn take_back(&mut self, before: Model) {
        self.end = before;
        self.commands.pop();
        self.digests.pop();
    }

    /// Number of commands sent.
    pub fn sent(&self) -> usize {
        self.commands.len()
    }

    /// The state at a position.
    pub fn at(&self, position: usize) -> Model {
        let mut model = self.start.clone();
        self.commands[..position].iter().for_each(|command| drop(model.apply(command)));
        model
    }

    /// The first position from `from` on that has this state.
    pub fn find(&self, digest: u64, from: usize) -> Option<usize> {
        let found = self.digests.get(from..)?.iter().position(|known| *known == digest);
        found.map(|position| from + position)
    }
}

impl Allowed<'_> {
    /// The first allowed position that has this state.
    pub fn position(&self, digest: u64) -> Option<usize> {
        let (first, last) = (*self.positions.start(), *self.positions.end());
        let known = &self.timeline.digests[first..=last];
        known.iter().position(|known| *known == digest).map(|position| first + position)
    }

    /// What is wrong with a state that is not allowed.
    pub fn judge(&self, state: &Model) -> (Class, String) {
        let (first, last) = (*self.positions.start(), *self.positions.end());
        let found = digest(state);
        let promised = self.timeline.at(first);
        let difference = promised.difference(state).unwrap_or_default();
        let commands: Vec<String> = self.timeline.commands[first..last].iter().map(Command::text).collect();
        let text = format!(
            "compared with what was promised: {difference}; of the {last} commands sent, {first} were promised; in \
             flight: {commands:?}"
        );
        if let Some(position) = self.timeline.digests[..first].iter().rposition(|known| *known == found) {
            return (Class::Lost, format!("the state is that after {position} commands; {text}"));
        }
        (self.judge_keys(state, first, last), text)
    }

    /// Checks each key: whether it had its value in an allowed state, before, or never.
    fn judge_keys(&self, state: &Model, first: usize, last: usize) -> Class {
        let mut model = self.timeline.start.clone();
        let mut allowed = Vec::new();
        let mut earlier = Vec::new();
        for position in 0..=last {
            let known = if position < first { &mut earlier } else { &mut allowed };
            known.push(model.clone());
            if position < last {
                model.apply(&self.timeline.commands[position]);
            }
        }
        let mut class = Class::Partial;
        for db in 0..state.dbs.len() {
            let names = allowed.iter().chain([state]).flat_map(|model| model.dbs[db].keys());
            for name in names {
                let here = state.dbs[db].get(name).map(|entry| (entry.kind, &entry.value, entry.expiry));
                let among = |models: &[Model]| {
                    let had = |model: &Model| {
                        model.dbs[db].get(name).map(|entry| (entry.kind, &entry.value, entry.expiry)) == here
                    };
                    models.iter().any(had)
                };
                if !among(&allowed) {
                    class = if among(&earlier) { Class::Lost } else { Class::Phantom };
                }
                if class == Class::Lost {
                    return class;
                }
            }
        }
        class
    }
}
