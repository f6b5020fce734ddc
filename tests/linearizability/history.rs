//! What clients saw of one key, and what a key does: commands, replies, and the values between them.

use crate::common::Value;
use std::fmt;

/// A command on one key.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// `GET`
    Get,
    /// `SET`
    Set(String),
    /// `SET` with an expiration time that no clock of the test reaches.
    SetLong(String),
    /// `SETNX`
    SetNx(String),
    /// `SET` with `GET`
    SetGet(String),
    /// `GETSET`
    GetSet(String),
    /// `APPEND`
    Append(String),
    /// `INCR`
    Incr,
    /// `DECR`
    Decr,
    /// `DEL`
    Del,
    /// `GETDEL`
    GetDel,
}

/// Seconds until a key of [`Command::SetLong`] expires: ten years.
const LONG_SECONDS: &str = "315360000";

/// What a key may hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Anything: a window of a history starts in the middle.
    Unknown,
    /// There is no such key.
    Absent,
    /// A string.
    Holds(String),
}

/// One command as its client saw it. Times are in nanoseconds of one monotonic clock.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The client, to tell them apart in reports.
    pub client: u32,
    /// What was asked.
    pub command: Command,
    /// What was answered, if the reply came.
    pub reply: Option<Value>,
    /// When it was sent: it took effect after this moment.
    pub invoked: u64,
    /// When the reply arrived, or when it could no longer take effect: it took effect before this moment.
    pub returned: u64,
    /// Whether it may have had no effect at all: a "maybe".
    pub optional: bool,
    /// The operation on the key that the same connection sent just before, in one pipeline: it took effect earlier.
    pub after: Option<usize>,
    /// Whether it has a neighbour in a pipeline.
    pub chained: bool,
}

impl Command {
    /// The command for `key` in RESP words.
    pub fn words<'a>(&'a self, key: &'a str) -> Vec<&'a [u8]> {
        let words: Vec<&str> = match self {
            Command::Get => vec!["GET", key],
            Command::Set(value) => vec!["SET", key, value],
            Command::SetLong(value) => vec!["SET", key, value, "EX", LONG_SECONDS],
            Command::SetNx(value) => vec!["SETNX", key, value],
            Command::SetGet(value) => vec!["SET", key, value, "GET"],
            Command::GetSet(value) => vec!["GETSET", key, value],
            Command::Append(value) => vec!["APPEND", key, value],
            Command::Incr => vec!["INCR", key],
            Command::Decr => vec!["DECR", key],
            Command::Del => vec!["DEL", key],
            Command::GetDel => vec!["GETDEL", key],
        };
        words.into_iter().map(str::as_bytes).collect()
    }

    /// What a key in `state` answers, and what it holds then.
    pub fn run(&self, state: &State) -> (Value, State) {
        let ok = || Value::Simple("OK".into());
        let text = match state {
            State::Holds(text) => Some(text),
            State::Absent | State::Unknown => None,
        };
        let old = || text.map_or(Value::Null, |text| Value::Bulk(text.clone().into_bytes()));
        let was_there = || Value::Integer(i64::from(text.is_some()));
        match self {
            Command::Get => (old(), state.clone()),
            Command::Set(value) | Command::SetLong(value) => (ok(), State::Holds(value.clone())),
            Command::SetNx(_) if text.is_some() => (Value::Integer(0), state.clone()),
            Command::SetNx(value) => (Value::Integer(1), State::Holds(value.clone())),
            Command::SetGet(value) | Command::GetSet(value) => (old(), State::Holds(value.clone())),
            Command::Append(value) => {
                let all = format!("{}{value}", text.map_or("", String::as_str));
                (Value::Integer(all.len() as i64), State::Holds(all))
            }
            Command::Incr => add(text, 1, state),
            Command::Decr => add(text, -1, state),
            Command::Del => (was_there(), State::Absent),
            Command::GetDel => (old(), State::Absent),
        }
    }

    /// What a key may hold after the command, if nobody knows what it held before.
    fn run_unknown(&self, reply: Option<&Value>) -> State {
        match (self, reply) {
            (Command::Get, Some(Value::Null)) | (Command::Del | Command::GetDel, _) => State::Absent,
            (Command::Get, Some(Value::Bulk(bytes))) => State::Holds(String::from_utf8_lossy(bytes).into()),
            (Command::Incr | Command::Decr, Some(Value::Integer(number))) => State::Holds(number.to_string()),
            (
                Command::Set(value)
                | Command::SetLong(value)
                | Command::SetGet(value)
                | Command::GetSet(value),
                _,
            )
            | (Command::SetNx(value), Some(Value::Integer(1))) => State::Holds(value.clone()),
            _ => State::Unknown,
        }
    }
}

fn add(text: Option<&String>, amount: i64, state: &State) -> (Value, State) {
    match text.map_or(Ok(0), |text| text.parse::<i64>()) {
        Ok(number) => (Value::Integer(number + amount), State::Holds((number + amount).to_string())),
        Err(_) => (Value::Error("ERR value is not an integer or out of range".into()), state.clone()),
    }
}

impl Operation {
    /// What a key in `state` holds after the operation; `None` if it would have answered otherwise.
    pub fn run(&self, state: &State) -> Option<State> {
        if *state == State::Unknown {
            return Some(self.command.run_unknown(self.reply.as_ref()));
        }
        let (reply, next) = self.command.run(state);
        self.reply.as_ref().is_none_or(|seen| *seen == reply).then_some(next)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = |ns: u64| ns as f64 / 1000.0;
        write!(f, "client {:>2}  {:>12.1} us .. ", self.client, us(self.invoked))?;
        match self.returned {
            u64::MAX => write!(f, "{:>12}   ", "for ever")?,
            returned => write!(f, "{:>12.1} us", us(returned))?,
        }
        write!(f, "  {:?} -> ", self.command)?;
        match &self.reply {
            None => write!(f, "no reply"),
            Some(Value::Bulk(bytes)) => write!(f, "{:?}", String::from_utf8_lossy(bytes)),
            Some(reply) => write!(f, "{reply:?}"),
        }
    }
}
