//! Results that are worked out beside the writer and then stored step by step, between the commands of others, as connections
//! do it for long commands.
//!
//! Only the last step changes what clients see. Which one that is shows when it is done: so each step is sent as the command
//! itself, and taken back if it was not the last one.

use super::life::{Expected, Failure, Serving, check_replies};
use super::media::Event;
use super::oracle::Class;
use crate::common::Value;
use crate::common::keys::Command;
use ackd::writer::{Completion, Item, Submission};

/// Results that are being stored at the same time, each by a client of its own.
pub const STORING_MAX: usize = 2;

/// A result that is being stored.
pub struct Storing {
    /// The client.
    client: usize,
    /// What the model does at the last step, and the writer if the result is outdated.
    command: Command,
    /// The reply, if that command has another one.
    reply: Option<Vec<u8>>,
    /// The result. It is gone while a step is made.
    submission: Option<Box<Submission>>,
}

/// How many results there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Results {
    /// Those stored.
    pub stored: u64,
    /// Steps of which another one followed.
    pub parts: u64,
    /// Those outdated when they were to be stored.
    pub outdated: u64,
}

impl Results {
    /// Adds what was seen elsewhere.
    pub fn add(&mut self, other: &Results) {
        self.stored += other.stored;
        self.parts += other.parts;
        self.outdated += other.outdated;
    }
}

impl Serving<'_> {
    /// Works out a command. One that changes nothing, or something else than a result, is sent to the writer.
    pub fn work_out(&mut self, command: &Command) -> Result<(), Failure> {
        if self.storing.len() == STORING_MAX {
            self.store_whole()?;
        }
        self.stack.publish();
        self.look()?;
        if self.stack.ended.is_some() {
            return Ok(());
        }
        let client = (0..STORING_MAX).find(|client| self.storing.iter().all(|other| other.client != *client));
        let client = client.expect("fewer results than clients");
        let Some(submission) = self.stack.work_out(command, client) else {
            self.send(std::slice::from_ref(command));
            return Ok(());
        };
        let (command, reply) = with_known_outcome(command, &submission);
        self.storing.push_back(Storing { client, command, reply, submission: Some(submission) });
        Ok(())
    }

    /// Stores the next part of each result.
    pub fn store(&mut self) -> Result<(), Failure> {
        for _ in 0..self.storing.len() {
            if let Some(storing) = self.storing.pop_front()
                && let Some(storing) = self.store_part(storing)?
            {
                self.storing.push_back(storing);
            }
        }
        Ok(())
    }

    /// Stores all of the oldest result.
    fn store_whole(&mut self) -> Result<(), Failure> {
        let mut storing = self.storing.pop_front();
        while let Some(part) = storing {
            storing = self.store_part(part)?;
        }
        Ok(())
    }

    /// Stores the next part of a result; returns it if there are more.
    fn store_part(&mut self, mut storing: Storing) -> Result<Option<Storing>, Failure> {
        let Some(submission) = storing.submission.take().filter(|_| self.stack.ended.is_none()) else {
            return Ok(None);
        };
        let before = self.known().timeline.end_of();
        self.expect(std::slice::from_ref(&storing.command));
        let promise = self.stack.hand(submission);
        self.known().waiting.push_back(promise);
        while self.is_waiting() && self.stack.ended.is_none() {
            self.stack.work();
        }
        let Some((completion, expected)) = self.last_completion()? else { return Ok(None) };
        if completion.executed == 1 {
            self.known().results.stored += 1;
            return check_stored(&completion, &storing, &expected).map(|()| None);
        }
        if is_outdated(&completion.submission) {
            self.known().results.outdated += 1;
            if self.stack.ended.is_none() {
                let promise = self.stack.submit(std::slice::from_ref(&storing.command));
                self.known().waiting.push_back(promise);
                self.expected.push_back(expected);
            }
            return Ok(None);
        }
        self.known().results.parts += 1;
        self.known().timeline.take_back(before);
        self.disks.take_back_sent();
        Ok(Some(Storing { submission: Some(completion.submission), ..storing }))
    }

    /// Whether replies are awaited.
    fn is_waiting(&self) -> bool {
        let mut known = self.known();
        known.look_without_events(self.disks);
        !known.waiting.is_empty()
    }

    /// Checks all replies but the one to what was sent last, which is returned; `None` if the writer ended before it.
    fn last_completion(&mut self) -> Result<Option<(Completion, Expected)>, Failure> {
        let completions = {
            let mut known = self.known();
            known.look_without_events(self.disks);
            std::mem::take(&mut known.completions)
        };
        for completion in completions {
            let expected = self.expected.pop_front().expect("a submission");
            if self.expected.is_empty() {
                return Ok(Some((completion, expected)));
            }
            check_replies(&completion, &expected)?;
        }
        Ok(None)
    }

    /// Says which command is sent, and what it should do.
    pub fn expect(&mut self, commands: &[Command]) {
        let sent = {
            let mut known = self.known();
            let replies: Vec<_> =
                commands.iter().map(|command| (command.clone(), known.timeline.send(command))).collect();
            let sent = known.timeline.sent();
            drop(known);
            self.expected.push_back(replies);
            sent
        };
        self.disks.note(Event::Sent(sent));
    }
}

/// Whether a result came back because its sources have changed.
fn is_outdated(submission: &Submission) -> bool {
    matches!(&submission.items[..], [Item::Store { result, .. }] if result.is_outdated)
}

/// Checks the reply to the last step.
fn check_stored(
    completion: &Completion,
    storing: &Storing,
    expected: &[(Command, Value)],
) -> Result<(), Failure> {
    match &storing.reply {
        None => check_replies(completion, expected),
        Some(reply) if *reply == completion.submission.out => Ok(()),
        Some(_) => Err(Failure::new(
            Class::Misbehaved,
            format!("{}: not the reply that was worked out", storing.command.text()),
        )),
    }
}

/// A command that was worked out as one that always does the same: a random `SPOP` as the `SREM` of what it picked. With its
/// own reply, if that differs.
fn with_known_outcome(command: &Command, submission: &Submission) -> (Command, Option<Vec<u8>>) {
    let [Item::Store { result, .. }] = &submission.items[..] else { panic!("a result") };
    if command.words[0] != b"SPOP" {
        return (command.clone(), None);
    }
    let words = [vec![b"SREM".to_vec(), command.words[1].clone()], members(&result.reply)].concat();
    (Command { db: command.db, words }, Some(result.reply.clone()))
}

/// The bulk strings of an array. They hold no line ends.
fn members(reply: &[u8]) -> Vec<Vec<u8>> {
    let lines = reply.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines.skip(2).step_by(2).map(<[u8]>::to_vec).collect()
}
