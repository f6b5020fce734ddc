//! A server with its clients, and one more client that observes when a line was executed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::common::{Client, PATIENCE, Value, encode, eventually, uninterrupted};
use super::script::{Act, Step, words};

/// One client: its connection, its id, and all that it received.
pub struct Speaker {
    /// A Unix socket: what one side has sent, the other can read immediately.
    stream: UnixStream,
    id: String,
    /// Commands sent so far, `CLIENT ID` included.
    sent: u64,
    received: Vec<u8>,
}

/// What is known of all clients after a step, without the exact bytes that they received.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// Lines that each received so far; the end counts as one.
    pub lines: BTreeMap<String, usize>,
    /// The blocked clients.
    pub blocked: BTreeSet<String>,
}

/// What the server says of one client.
struct Status {
    is_blocked: bool,
    /// Commands that it has executed, as far as it counts them.
    commands: Option<u64>,
}

/// A conversation on one server.
pub struct Stage<'a> {
    connect: &'a dyn Fn() -> UnixStream,
    watcher: Client,
    /// Keys that had expired before the conversation.
    expired: u64,
    speakers: BTreeMap<String, Speaker>,
    /// What clients received that disconnected.
    gone: BTreeMap<String, Vec<u8>>,
}

impl Speaker {
    fn connect(stream: UnixStream) -> Self {
        let mut speaker = Self { stream, id: String::new(), sent: 0, received: Vec::new() };
        speaker.send(&["client id".to_owned()]);
        let mut buffer = [0; 64];
        let bytes = uninterrupted(|| speaker.stream.read(&mut buffer)).unwrap();
        speaker.id = String::from_utf8_lossy(&buffer[1..bytes]).trim().to_owned();
        speaker.stream.set_nonblocking(true).unwrap();
        speaker
    }

    /// Sends lines at once.
    fn send(&mut self, lines: &[String]) {
        let encoded = |line: &String| encode(&words(line).iter().map(Vec::as_slice).collect::<Vec<_>>());
        let bytes: Vec<u8> = lines.iter().flat_map(encoded).collect();
        self.sent += lines.len() as u64;
        // If the server closed the connection, the received bytes show it.
        let _ = self.stream.write_all(&bytes);
    }

    /// Reads what has arrived.
    fn drain(&mut self) {
        let mut buffer = [0; 65536];
        while !self.has_ended() {
            match uninterrupted(|| self.stream.read(&mut buffer)) {
                Ok(0) => self.received.extend_from_slice(b"<end>"),
                Ok(bytes) => self.received.extend_from_slice(&buffer[..bytes]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => self.received.extend_from_slice(b"<end>"),
            }
        }
    }

    fn has_ended(&self) -> bool {
        self.received.ends_with(b"<end>")
    }

    fn lines(&self) -> usize {
        self.received.windows(2).filter(|pair| pair == b"\r\n").count() + usize::from(self.has_ended())
    }
}

impl<'a> Stage<'a> {
    /// An empty server without clients.
    pub fn new(connect: &'a dyn Fn() -> UnixStream) -> Self {
        let stream = connect();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut watcher = Client::new(Box::new(stream));
        watcher.run("FLUSHALL");
        watcher.command(&[b"CONFIG", b"SET", b"notify-keyspace-events", b""]);
        let mut stage =
            Self { connect, watcher, expired: 0, speakers: BTreeMap::new(), gone: BTreeMap::new() };
        stage.expired = stage.expired_keys();
        stage
    }

    /// Does what a step says; it may not be executed yet when this returns.
    pub fn perform(&mut self, step: &Step<'_>) {
        if !self.speakers.contains_key(step.speaker) {
            self.speakers.insert(step.speaker.to_owned(), Speaker::connect((self.connect)()));
        }
        let id = self.speakers[step.speaker].id.clone();
        match &step.act {
            Act::Send(lines) => {
                let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
                for (other, speaker) in &self.speakers {
                    lines.iter_mut().for_each(|line| *line = line.replace(&format!("@{other}"), &speaker.id));
                }
                self.speakers.get_mut(step.speaker).expect("it was connected").send(&lines);
            }
            Act::Close => {
                let speaker = self.speakers.remove(step.speaker).expect("only who is there hangs up");
                self.gone.insert(format!("{} before it hung up", step.speaker), speaker.received);
                drop(speaker.stream);
                eventually("a client that hung up is gone", || !self.statuses().contains_key(&id));
            }
            Act::Sleep(seconds) => std::thread::sleep(Duration::from_secs_f64(*seconds)),
            Act::Free => eventually("a client waits no more", || {
                self.statuses().get(&id).is_none_or(|status| !status.is_blocked)
            }),
            Act::Expired(keys) => {
                eventually("keys expire", || self.expired_keys() >= self.expired + *keys);
            }
            Act::Empty => eventually("all keys are gone", || self.watcher.run("DBSIZE") == Value::Integer(0)),
        }
    }

    /// What is known of all clients now.
    pub fn look(&mut self) -> Seen {
        let statuses = self.statuses();
        self.speakers.values_mut().for_each(Speaker::drain);
        let is_blocked = |id: &String| statuses.get(id).is_some_and(|status| status.is_blocked);
        let blocked = self.speakers.iter().filter(|(_, speaker)| is_blocked(&speaker.id));
        Seen {
            lines: self.speakers.iter().map(|(name, speaker)| (name.clone(), speaker.lines())).collect(),
            blocked: blocked.map(|(name, _)| name.clone()).collect(),
        }
    }

    /// Whether the server has executed all that a client sent, as far as it says so.
    pub fn has_executed(&mut self, name: &str) -> bool {
        let Some(Speaker { id, sent, .. }) = self.speakers.get(name) else { return true };
        let (id, sent) = (id.clone(), *sent);
        let statuses = self.statuses();
        statuses.get(&id).and_then(|status| status.commands).is_none_or(|commands| commands >= sent)
    }

    /// What each client received, by its name.
    pub fn end(mut self) -> BTreeMap<String, Vec<u8>> {
        self.speakers.values_mut().for_each(Speaker::drain);
        self.gone.extend(self.speakers.into_iter().map(|(name, speaker)| (name, speaker.received)));
        self.gone
    }

    /// All clients, by their ids. Uses a command that MONITOR does not show.
    fn statuses(&mut self) -> BTreeMap<String, Status> {
        let list = self.watcher.run("CLIENT LIST").text();
        let field = |line: &str, name: &str| {
            line.split(' ').find_map(|field| Some(field.strip_prefix(name)?.strip_prefix('=')?.to_owned()))
        };
        let status = |line: &str| Status {
            is_blocked: field(line, "flags").is_some_and(|flags| flags.contains('b')),
            commands: field(line, "tot-cmds").and_then(|commands| commands.parse().ok()),
        };
        list.lines().filter_map(|line| Some((field(line, "id")?, status(line)))).collect()
    }

    /// Keys that have expired since the server's start.
    fn expired_keys(&mut self) -> u64 {
        let stats = self.watcher.run("INFO stats").text();
        let keys = stats.lines().find_map(|line| line.strip_prefix("expired_keys:"));
        keys.expect("INFO says so").trim().parse().expect("a number")
    }
}
