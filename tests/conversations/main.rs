//! Conversations of several clients with ackd and with a real redis-server: each client must receive the same bytes.
//!
//! What clients send to each other (published messages, key-space events, invalidations, monitored commands) depends on
//! all of them, so whole conversations are compared, as scripts: a letter for the client, then its command. A blank line
//! begins a new conversation on an empty server; `!sleep` waits for some seconds, `!close` hangs up, `@r` is the id of
//! client `r`.

#[path = "../common/mod.rs"]
mod common;

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use common::reference::Reference;
use common::{TestServer, encode};

/// How long a client that just sent a command is waited for, if nothing comes.
const REPLY_WAIT: Duration = Duration::from_millis(60);
/// How long all clients are listened to after each command.
const SETTLE: Duration = Duration::from_millis(12);
/// How long they are listened to at the end.
const LAST_WAIT: Duration = Duration::from_millis(150);

/// One client: its connection, its id, and all that it received.
struct Speaker {
    stream: TcpStream,
    id: String,
    received: Vec<u8>,
}

impl Speaker {
    fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut speaker = Self { stream, id: String::new(), received: Vec::new() };
        speaker.send("client id");
        speaker.listen(Duration::from_secs(10), true);
        speaker.id = String::from_utf8_lossy(&speaker.received[1..]).trim().to_owned();
        speaker.received.clear();
        speaker
    }

    fn send(&mut self, line: &str) {
        let words: Vec<Vec<u8>> = words(line);
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        // A server that closed the connection shows in what is received.
        let _ = self.stream.write_all(&encode(&words));
    }

    /// Receives for so long, or until something came.
    fn listen(&mut self, wait: Duration, until_first: bool) {
        let end = Instant::now() + wait;
        let mut buffer = [0; 65536];
        while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            self.stream.set_read_timeout(Some(left)).unwrap();
            match self.stream.read(&mut buffer) {
                Ok(0) => return self.ended(),
                Ok(bytes) => self.received.extend_from_slice(&buffer[..bytes]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return,
                Err(_) => return self.ended(),
            }
            if until_first {
                return;
            }
        }
    }

    fn ended(&mut self) {
        if !self.received.ends_with(b"<end>") {
            self.received.extend_from_slice(b"<end>");
        }
    }
}

/// The words of a line; `"..."` holds spaces, `\r` and `\n` in it stand for themselves.
fn words(line: &str) -> Vec<Vec<u8>> {
    let (mut words, mut rest) = (Vec::new(), line.trim());
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').expect("quotes are closed"),
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        words.push(word.replace("\\r", "\r").replace("\\n", "\n").into_bytes());
        rest = after.trim_start();
    }
    words
}

/// Plays one conversation; returns what each client received.
fn play(port: u16, lines: &[&str]) -> BTreeMap<String, String> {
    let mut before = Speaker::connect(port);
    for line in ["flushall", "config set notify-keyspace-events \"\""] {
        before.send(line);
        before.listen(Duration::from_secs(10), true);
    }
    let mut speakers: BTreeMap<String, Speaker> = BTreeMap::new();
    let mut gone: BTreeMap<String, String> = BTreeMap::new();
    for line in lines {
        let (name, command) = line.split_once(": ").expect("a line names its client");
        if command == "!close" {
            let speaker = speakers.remove(name).expect("only who is there hangs up");
            gone.insert(format!("{name} before it hung up"), shown(&speaker));
            drop(speaker);
            std::thread::sleep(SETTLE);
            continue;
        }
        speakers.entry(name.to_owned()).or_insert_with(|| Speaker::connect(port));
        if let Some(seconds) = command.strip_prefix("!sleep ") {
            std::thread::sleep(Duration::from_secs_f64(seconds.parse().unwrap()));
        } else {
            let mut command = command.to_owned();
            for (other, speaker) in &speakers {
                command = command.replace(&format!("@{other}"), &speaker.id);
            }
            let speaker = speakers.get_mut(name).expect("it was connected");
            speaker.send(&command);
            speaker.listen(REPLY_WAIT, true);
        }
        speakers.values_mut().for_each(|speaker| speaker.listen(SETTLE / 2, false));
    }
    speakers.values_mut().for_each(|speaker| speaker.listen(LAST_WAIT, false));
    gone.extend(speakers.iter().map(|(name, speaker)| (name.clone(), shown(speaker))));
    gone
}

/// What a client received, without what differs by nature: versions, ids, times and addresses.
fn shown(speaker: &Speaker) -> String {
    let text = String::from_utf8_lossy(&speaker.received).into_owned();
    let mut shown = String::new();
    let mut skip_id = false;
    let mut lines = text.split("\r\n").peekable();
    while let Some(line) = lines.next() {
        let next = *lines.peek().unwrap_or(&"");
        let line = match line {
            _ if skip_id && line.starts_with(':') && line != ":-1" && line != ":0" => ":id".to_owned(),
            _ if line.starts_with('$') && next.starts_with("7.") => "$version".to_owned(),
            _ if line.starts_with("7.") => "version".to_owned(),
            _ if line.starts_with('+') && line.contains(" [") => {
                let (_, rest) = line.split_once(" [").expect("it is there");
                let (address, command) = rest.split_once("] ").expect("the bracket is closed");
                format!("+time [{}] {command}", address.split(' ').next().unwrap_or_default())
            }
            _ => line.to_owned(),
        };
        skip_id = ["id", "redirect", "tracking-redir-broken"].contains(&line.as_str());
        shown.push_str(&line);
        shown.push('\n');
    }
    shown
}

/// Plays all conversations of a script with both servers.
fn compare(script: &str) {
    let root = tempfile::tempdir().unwrap();
    let ours = TestServer::start(&root.path().join("data"), &["--loglevel", "warning"]);
    let theirs = Reference::start(root.path());
    let mut compared = 0;
    for conversation in script.split("\n\n") {
        let lines: Vec<&str> =
            conversation.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        let (our, their) = std::thread::scope(|scope| {
            let our = scope.spawn(|| play(ours.port, &lines));
            (our.join().unwrap(), play(theirs.port, &lines))
        });
        for (name, their) in &their {
            let our = &our[name];
            assert!(
                our == their,
                "client {name} received from ackd:\n{our}\nand from redis-server:\n{their}\nin:\n{}",
                lines.join("\n")
            );
        }
        compared += lines.len();
    }
    assert!(compared > 20, "the script is empty");
}

#[test]
fn transactions_are_those_of_redis() {
    compare(include_str!("transactions.txt"));
}

#[test]
fn channels_are_those_of_redis() {
    compare(include_str!("pubsub.txt"));
}

#[test]
fn events_of_keys_are_those_of_redis() {
    compare(include_str!("events.txt"));
}

#[test]
fn representations_are_those_of_redis() {
    compare(include_str!("encodings.txt"));
}

#[test]
fn waiting_for_members_is_that_of_redis() {
    compare(include_str!("waiting.txt"));
}

#[test]
fn invalidations_are_those_of_redis() {
    compare(include_str!("tracking.txt"));
}

#[test]
fn monitored_commands_are_those_of_redis() {
    compare(include_str!("monitor.txt"));
}

#[test]
fn what_administrators_ask_is_answered_as_by_redis() {
    compare(include_str!("server.txt"));
}
