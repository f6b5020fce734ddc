//! Conversations of several clients with ackd and with a real redis-server: each client must receive the same bytes.
//!
//! What clients send to each other (published messages, key-space events, invalidations, monitored commands) depends on
//! all of them, so whole conversations are compared, as [scripts](script). They are played line by line. Conversations
//! without such messages are played once more, with consecutive commands of one client in a pipeline: commands take effect
//! in order then, too. (With messages this does not work: notifications about reads may come before those about earlier
//! writes.)
//!
//! A step starts when the previous one was executed. redis-server does one thing at a time, so it has executed a step once
//! it has answered another client twice. The test then waits until ackd has sent as many lines and blocked the same clients;
//! if a step sends its client nothing, ackd's count of executed commands is used.

#[path = "../common/mod.rs"]
mod common;
mod script;
mod stage;

use std::collections::BTreeMap;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use common::TestServer;
use common::reference::Reference;
use script::{Act, Manner, Step, conversations, steps};
use stage::{Seen, Stage};

/// How long ackd may take for a step. Only something broken takes this long.
const STEP_PATIENCE: Duration = Duration::from_secs(60);
/// Checks of redis-server after which it has executed and sent everything.
const REFERENCE_LOOKS: usize = 3;
/// How long to wait at the end for something that ackd should not send.
const LAST_WAIT: Duration = Duration::from_millis(30);

/// Line by line and in pipelines.
const BOTH: [Manner; 2] = [Manner::LineByLine, Manner::InPipelines];

/// Plays a conversation with redis-server; returns what was seen after each step, and what each client received.
fn play_reference(
    connect: &dyn Fn() -> UnixStream,
    steps: &[Step<'_>],
) -> (Vec<Seen>, BTreeMap<String, Vec<u8>>) {
    let mut stage = Stage::new(connect);
    let seen = steps.iter().map(|step| {
        stage.perform(step);
        (0..REFERENCE_LOOKS).map(|_| stage.look()).last().expect("several looks")
    });
    let seen = seen.collect();
    (seen, stage.end())
}

/// Plays a conversation with ackd; returns what each client received. Ends early when what was `seen` with redis-server
/// does not come.
fn play(connect: &dyn Fn() -> UnixStream, steps: &[Step<'_>], seen: &[Seen]) -> BTreeMap<String, Vec<u8>> {
    let mut stage = Stage::new(connect);
    let mut before = Seen::default();
    for (number, (step, wanted)) in steps.iter().zip(seen).enumerate() {
        stage.perform(step);
        // A wait with a time limit may be over before anyone looks.
        let waits_shortly = steps.get(number + 1).is_some_and(|next| next.frees(step.speaker));
        let start = Instant::now();
        let lines = |seen: &Seen| seen.lines.get(step.speaker).copied().unwrap_or(0);
        let is_silent = matches!(step.act, Act::Send(_))
            && lines(wanted) == lines(&before)
            && !wanted.blocked.contains(step.speaker);
        loop {
            let now = stage.look();
            let has_come = wanted.lines.iter().all(|(name, lines)| now.lines[name] >= *lines);
            let differs = now.blocked.symmetric_difference(&wanted.blocked);
            let is_blocked = differs.filter(|name| !waits_shortly || *name != step.speaker).count() == 0;
            if has_come && is_blocked && (!is_silent || stage.has_executed(step.speaker)) {
                break;
            }
            if start.elapsed() > STEP_PATIENCE {
                eprintln!("ackd, {}: {:?}: {now:?} instead of {wanted:?}", step.speaker, step.act);
                return stage.end();
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        before = wanted.clone();
    }
    std::thread::sleep(LAST_WAIT);
    stage.end()
}

/// What a client received, without what always differs: versions, ids, times and addresses.
fn shown(received: &[u8]) -> String {
    let text = String::from_utf8_lossy(received).into_owned();
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
fn compare(script: &str, manners: &[Manner]) {
    let root = tempfile::tempdir().unwrap();
    let ours = TestServer::start(&root.path().join("data"), &["--loglevel", "warning"]);
    let theirs = Reference::start(root.path());
    let mut compared = 0;
    for manner in manners {
        for lines in conversations(script) {
            let steps = steps(&lines, *manner);
            let (seen, their) = play_reference(&|| theirs.unix(), &steps);
            let our = play(&|| ours.unix(), &steps, &seen);
            for (name, their) in &their {
                let (our, their) = (our.get(name).map_or("".into(), |our| shown(our)), shown(their));
                assert!(
                    our == their,
                    "client {name} received from ackd:\n{our}\nand from redis-server:\n{their}\nin, {manner:?}:\n{}",
                    lines.join("\n")
                );
            }
            compared += lines.len();
        }
    }
    assert!(compared > 20 * manners.len(), "the script is empty");
}

#[test]
fn transactions_are_those_of_redis() {
    compare(include_str!("transactions.txt"), &BOTH);
}

#[test]
fn channels_are_those_of_redis() {
    compare(include_str!("pubsub.txt"), &BOTH);
}

#[test]
fn events_of_keys_are_those_of_redis() {
    compare(include_str!("events.txt"), &[Manner::LineByLine]);
}

#[test]
fn representations_are_those_of_redis() {
    compare(include_str!("encodings.txt"), &BOTH);
}

#[test]
fn waiting_for_members_is_that_of_redis() {
    compare(include_str!("waiting.txt"), &BOTH);
}

#[test]
fn invalidations_are_those_of_redis() {
    compare(include_str!("tracking.txt"), &[Manner::LineByLine]);
}

#[test]
fn monitored_commands_are_those_of_redis() {
    compare(include_str!("monitor.txt"), &[Manner::LineByLine]);
}

#[test]
fn what_administrators_ask_is_answered_as_by_redis() {
    compare(include_str!("server.txt"), &BOTH);
}
