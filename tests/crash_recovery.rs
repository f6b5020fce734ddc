//! The promise itself: a write that was acknowledged survives SIGKILL, and no command is there by half.
//!
//! Eight clients write in pipelines without pause; the server is killed at a random moment, started again on the same
//! directory, and everything that was acknowledged is looked up. SIGKILL keeps the page cache, so this says nothing of
//! power loss; `power_loss` does.
//!
//! The long form: `ACKD_CRASH_CYCLES=200 cargo test --release --test crash_recovery -- --nocapture`.

mod common;

use common::{Client, TestServer, Value, encode, seed, setting};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::thread::JoinHandle;
use std::time::Duration;

const WRITERS: u64 = 8;
const PIPELINE: u64 = 16;
/// Keys that one MSET writes together.
const MSET_KEYS: u64 = 8;
/// Commands per sequence number.
const COMMANDS: u64 = 4;

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

/// Looks up everything that `writer` wrote and returns the last sequence number that is there.
fn check(client: &mut Client, writer: u64, progress: Progress) -> u64 {
    let number = |value: Value| value.text().parse::<u64>().expect("a mark is a number");
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
    // The commands of one sequence number stand in this order in the pipeline.
    assert!(last >= there && there >= appended && appended >= together[0], "writer {writer}: order not kept");
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
    for _ in 0..cycles {
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
    assert!(acked > 0, "nothing was acknowledged in {cycles} cycles");
    eprintln!("{cycles} SIGKILLs, {acked} acknowledged commands, 0 lost, 0 half-applied;");
    eprintln!("{unacked_but_there} sequence numbers were in flight and are there whole");
}
