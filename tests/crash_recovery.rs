//! The central guarantee: an acknowledged write survives SIGKILL, and no command is partly applied.
//!
//! Eight clients write in pipelines without pause; the server is killed at a random moment, started again on the same
//! directory, and everything that was acknowledged is looked up. SIGKILL keeps the page cache, so this does not cover
//! power cuts; `power_loss` does.
//!
//! The long form: `ACKD_CRASH_CYCLES=200 cargo test --release --test crash_recovery -- --nocapture`.

#[path = "crash_recovery/collections.rs"]
mod collections;
mod common;
#[path = "crash_recovery/streams.rs"]
mod streams;

use common::{Client, TestServer, Value, encode, seed, setting, threads};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::thread::JoinHandle;
use std::time::Duration;

const WRITERS: u64 = 8;
const PIPELINE: u64 = 16;
/// Keys that one MSET writes together.
const MSET_KEYS: u64 = 8;
/// Commands per sequence number.
const COMMANDS: u64 = 6;

/// How far one writer got: sequence numbers start at 1 and never repeat.
#[derive(Clone, Copy, Default)]
struct Progress {
    /// All writes up to this one were acknowledged.
    acked: u64,
    /// Writes after this one were never sent.
    sent: u64,
}

/// The commands with which writer `writer` leaves its mark number `sequence`.
fn marks(writer: u64, sequence: u64) -> Vec<u8> {
    let value = sequence.to_string();
    let value = value.as_bytes();
    let mut bytes = encode(&[b"SET", format!("{writer}:key:{sequence}").as_bytes(), value]);
    bytes.extend(encode(&[b"INCR", format!("{writer}:counter").as_bytes()]));
    bytes.extend(encode(&[b"APPEND", format!("{writer}:log").as_bytes(), b"x"]));
    let keys: Vec<String> = (0..MSET_KEYS).map(|index| format!("{writer}:together:{index}")).collect();
    let mut words: Vec<&[u8]> = vec![b"MSET"];
    keys.iter().for_each(|key| words.extend([key.as_bytes(), value]));
    bytes.extend(encode(&words));
    bytes.extend(encode(&[b"SADD", format!("{writer}:set").as_bytes(), value]));
    let hash = format!("{writer}:hash");
    let mut words: Vec<&[u8]> = vec![b"HSET", hash.as_bytes()];
    keys.iter().for_each(|field| words.extend([field.as_bytes(), value]));
    bytes.extend(encode(&words));
    bytes
}

/// Writes until the connection breaks.
fn write_until_killed(mut client: Client, writer: u64, mut progress: Progress) -> Progress {
    loop {
        let first = progress.sent + 1;
        let last = progress.sent + PIPELINE;
        let bytes: Vec<u8> = (first..=last).flat_map(|sequence| marks(writer, sequence)).collect();
        progress.sent = last;
        if client.send(&bytes).is_err() {
            return progress;
        }
        for sequence in first..=last {
            for _ in 0..COMMANDS {
                match client.reply() {
                    Ok(Value::Error(text)) => panic!("a write was refused: {text}"),
                    Ok(_) => {}
                    Err(_) => return progress,
                }
            }
            progress.acked = sequence;
        }
    }
}

fn number(value: Value) -> u64 {
    value.text().parse().expect("a mark is a number")
}

/// Looks up everything that `writer` wrote and returns the last sequence number found.
fn check(client: &mut Client, writer: u64, progress: Progress) -> u64 {
    let there = match client.run(&format!("GET {writer}:counter")) {
        Value::Null => 0,
        value => number(value),
    };
    assert!(
        there >= progress.acked,
        "writer {writer}: INCR {} was acknowledged, {there} is there",
        progress.acked
    );
    assert!(there <= progress.sent, "writer {writer}: {there} is there, only {} were sent", progress.sent);

    let appended = client.run(&format!("STRLEN {writer}:log"));
    let Value::Integer(appended) = appended else { panic!("STRLEN answered {appended:?}") };
    let appended = appended as u64;
    assert!((progress.acked..=progress.sent).contains(&appended), "writer {writer}: APPEND {appended}");

    let together: Vec<u64> = (0..MSET_KEYS)
        .map(|index| match client.run(&format!("GET {writer}:together:{index}")) {
            Value::Null => 0,
            value => number(value),
        })
        .collect();
    assert!(
        together.iter().all(|&value| value == together[0]),
        "writer {writer}: half an MSET: {together:?}"
    );
    assert!((progress.acked..=progress.sent).contains(&together[0]), "writer {writer}: MSET {together:?}");

    let Value::Integer(members) = client.run(&format!("SCARD {writer}:set")) else {
        panic!("SCARD is a number")
    };
    let members = members as u64;
    assert!((progress.acked..=progress.sent).contains(&members), "writer {writer}: SADD {members}");
    let Value::Array(values) = client.run(&format!("HVALS {writer}:hash")) else {
        panic!("HVALS is an array")
    };
    let fields: Vec<u64> = values.into_iter().map(number).collect();
    let set_together = fields.first().copied().unwrap_or(0);
    assert!(fields.iter().all(|value| *value == set_together), "writer {writer}: half an HSET: {fields:?}");
    assert!((progress.acked..=progress.sent).contains(&set_together), "writer {writer}: HSET {set_together}");
    assert!(together[0] >= members && members >= set_together, "writer {writer}: order not kept");

    let last = last_set(client, writer, progress);
    // The commands of one sequence number are sent in this order.
    assert!(last >= there && there >= appended && appended >= together[0], "writer {writer}: order not kept");
    last
}

/// Looks up the keys that `writer` set, each with a `SET` of its own, and returns the last one that is there.
fn last_set(client: &mut Client, writer: u64, progress: Progress) -> u64 {
    let mut last = 0;
    for start in (1..=progress.sent).step_by(1000) {
        let keys: Vec<String> = (start..=progress.sent.min(start + 999))
            .map(|sequence| format!("{writer}:key:{sequence}"))
            .collect();
        let mut words: Vec<&[u8]> = vec![b"MGET"];
        words.extend(keys.iter().map(|key| key.as_bytes()));
        let Value::Array(values) = client.command(&words) else { panic!("MGET answers an array") };
        for (sequence, value) in (start..).zip(values) {
            match value {
                Value::Null => {
                    assert!(sequence > progress.acked, "writer {writer}: acknowledged SET {sequence} lost")
                }
                value => {
                    assert_eq!(number(value), sequence, "writer {writer}: wrong value");
                    assert_eq!(
                        last + 1,
                        sequence,
                        "writer {writer}: SET {sequence} is there, an earlier one is not"
                    );
                    last = sequence;
                }
            }
        }
    }
    last
}

#[test]
fn acknowledged_writes_survive_sigkill() {
    let mut random = SmallRng::seed_from_u64(seed("--test crash_recovery"));
    let cycles = setting("ACKD_CRASH_CYCLES", 12);
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    // Small limits, so that checkpoints, rotation and recycling happen within the test.
    let flags = ["--wal-segment-size", "4mb", "--recovery-target-ms", "20", "--loglevel", "warning"];
    let (mut acked, mut unacked_but_there) = (0, 0);
    let mut cycle = 0;
    // On a slow machine it may take more cycles until something is acknowledged.
    while cycle < cycles || (acked == 0 && cycle < 10 * cycles) {
        cycle += 1;
        let flags = [&flags[..], &threads(cycle)].concat();
        let mut server = TestServer::start(&dir, &flags);
        let mut checker = server.client();
        checker.run("FLUSHALL");
        let writers: Vec<JoinHandle<Progress>> = (0..WRITERS)
            .map(|writer| {
                let client = server.client();
                std::thread::spawn(move || write_until_killed(client, writer, Progress::default()))
            })
            .collect();
        std::thread::sleep(Duration::from_millis(random.random_range(5..250)));
        server.kill();
        let progress: Vec<Progress> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();

        let server = TestServer::start(&dir, &flags);
        let mut checker = server.client();
        for (writer, progress) in (0..).zip(&progress) {
            let last = check(&mut checker, writer, *progress);
            acked += progress.acked * COMMANDS;
            unacked_but_there += last - progress.acked;
        }
        drop(server);
    }
    assert!(acked > 0, "nothing was acknowledged in {cycle} cycles");
    eprintln!("{cycle} SIGKILLs, {acked} acknowledged commands, 0 lost, 0 half-applied;");
    eprintln!("{unacked_but_there} sequence numbers were in flight and are there whole");
}

/// Keys that one transaction changes together.
const TRANSACTION_KEYS: usize = 6;

/// A transaction that leaves mark number `sequence` in several keys, in several ways and in two databases.
fn transaction(writer: u64, sequence: u64) -> Vec<u8> {
    let value = sequence.to_string();
    let key = |index: usize| format!("{writer}:tx:{index}");
    let mut bytes = encode(&[b"MULTI"]);
    bytes.extend(encode(&[b"SET", key(0).as_bytes(), value.as_bytes()]));
    bytes.extend(encode(&[b"INCR", key(1).as_bytes()]));
    bytes.extend(encode(&[b"SELECT", b"1"]));
    bytes.extend(encode(&[b"SET", key(2).as_bytes(), value.as_bytes()]));
    bytes.extend(encode(&[b"SELECT", b"0"]));
    bytes.extend(encode(&[b"COPY", key(0).as_bytes(), key(3).as_bytes(), b"REPLACE"]));
    bytes.extend(encode(&[b"SET", key(4).as_bytes(), &[value.as_bytes(), &[b'.'; 3000]].concat()]));
    bytes.extend(encode(&[b"RENAME", key(3).as_bytes(), key(5).as_bytes()]));
    bytes.extend(encode(&[b"EXEC"]));
    bytes
}

/// Replies to one transaction: its beginning, what is queued, its end.
const TRANSACTION_REPLIES: usize = 10;

/// Executes transactions until the connection breaks; returns the last acknowledged and the last sent number.
fn execute_until_killed(mut client: Client, writer: u64) -> Progress {
    let mut progress = Progress::default();
    loop {
        let (first, last) = (progress.sent + 1, progress.sent + 4);
        let bytes: Vec<u8> = (first..=last).flat_map(|sequence| transaction(writer, sequence)).collect();
        progress.sent = last;
        if client.send(&bytes).is_err() {
            return progress;
        }
        for sequence in first..=last {
            for reply in 1..=TRANSACTION_REPLIES {
                match client.reply() {
                    Ok(Value::Error(text)) => panic!("a transaction was refused: {text}"),
                    Ok(Value::Array(replies)) => {
                        assert_eq!((reply, replies.len()), (TRANSACTION_REPLIES, 8));
                        assert!(!replies.iter().any(|reply| matches!(reply, Value::Error(_))), "{replies:?}");
                    }
                    Ok(_) => assert!(reply < TRANSACTION_REPLIES, "EXEC answers with an array"),
                    Err(_) => return progress,
                }
            }
            progress.acked = sequence;
        }
    }
}

/// The mark in each key of a writer's transactions; all must be the same.
fn transaction_marks(client: &mut Client, writer: u64) -> Vec<u64> {
    let mut marks = Vec::new();
    for index in [0, 1, 2, 4, 5] {
        client.run(if index == 2 { "SELECT 1" } else { "SELECT 0" });
        marks.push(match client.run(&format!("GET {writer}:tx:{index}")) {
            Value::Null => 0,
            value => value.text().trim_end_matches('.').parse().expect("a mark is a number"),
        });
    }
    client.run("SELECT 0");
    assert_eq!(marks.len(), TRANSACTION_KEYS - 1);
    assert_eq!(client.run(&format!("EXISTS {writer}:tx:3")), Value::Integer(0));
    marks
}

#[test]
fn transactions_survive_sigkill_whole_or_not_at_all() {
    let mut random = SmallRng::seed_from_u64(seed("--test crash_recovery"));
    let cycles = setting("ACKD_CRASH_CYCLES", 8);
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    let flags = ["--wal-segment-size", "4mb", "--recovery-target-ms", "20", "--loglevel", "warning"];
    let (mut acked, mut unacked_but_there) = (0, 0);
    let mut cycle = 0;
    // On a slow machine it may take more cycles until something is acknowledged.
    while cycle < cycles || (acked == 0 && cycle < 10 * cycles) {
        cycle += 1;
        let flags = [&flags[..], &threads(cycle)].concat();
        let mut server = TestServer::start(&dir, &flags);
        server.client().run("FLUSHALL");
        let writers: Vec<JoinHandle<Progress>> = (0..WRITERS)
            .map(|writer| {
                let client = server.client();
                std::thread::spawn(move || execute_until_killed(client, writer))
            })
            .collect();
        std::thread::sleep(Duration::from_millis(random.random_range(5..250)));
        server.kill();
        let progress: Vec<Progress> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
        let server = TestServer::start(&dir, &flags);
        let mut checker = server.client();
        for (writer, progress) in (0..).zip(&progress) {
            let marks = transaction_marks(&mut checker, writer);
            assert!(
                marks.iter().all(|mark| *mark == marks[0]),
                "writer {writer}: half a transaction: {marks:?}"
            );
            assert!(
                (progress.acked..=progress.sent).contains(&marks[0]),
                "writer {writer}: transaction {} was acknowledged, {} is there",
                progress.acked,
                marks[0]
            );
            acked += progress.acked;
            unacked_but_there += marks[0] - progress.acked;
        }
    }
    assert!(acked > 0, "no transaction was acknowledged in {cycle} cycles");
    eprintln!("{cycle} SIGKILLs, {acked} acknowledged transactions, 0 lost, 0 by half;");
    eprintln!("{unacked_but_there} were in flight and are there whole");
}
