//! The end of the log under a real server: when it is sealed, and what a start does with a damaged last group.

mod common;

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ackd::cli::exit;
use ackd::table::{META_BYTES, PAGE_BYTES, slot_place};
use common::{Client, TestServer, Value, eventually, free_port};
use wal::{DirStorage, GroupInfo, LogEnd, ReadOptions, Reader, Step};

/// How long after the last group the log is sealed.
const IDLE: Duration = Duration::from_millis(10);
/// How often the server seals a log that has nothing to write at that moment.
const TICK: Duration = Duration::from_millis(100);

/// The last group with records, and the end.
fn read(wal: &Path) -> (Option<GroupInfo>, LogEnd) {
    let mut reader = Reader::open(&DirStorage::open(wal).unwrap(), ReadOptions::default()).unwrap();
    let mut last = None;
    loop {
        match reader.next().unwrap() {
            Step::Record(record) => last = Some(*record.group),
            Step::CleanEnd(end) | Step::TornTail(end) => return (last, end),
        }
    }
}

/// Waits until the log proves that its last record is durable.
fn wait_sealed(wal: &Path) -> Duration {
    let start = Instant::now();
    eventually("the log is sealed", || read(wal).1.sealed);
    start.elapsed()
}

#[test]
fn an_idle_log_is_sealed_within_moments_and_a_busy_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    let mut server = TestServer::start(&dir, &["--wal-segment-size", "1mb"]);
    let mut client = server.client();
    let mut waits = Vec::new();
    for number in 0..20 {
        assert_eq!(client.run(&format!("SET key {number}")), Value::Simple("OK".into()));
        waits.push(wait_sealed(&dir.join("wal")));
    }
    waits.sort();
    eprintln!("sealed after {:?}, at most {:?}", waits[waits.len() / 2], waits[waits.len() - 1]);
    // Under load a seal is written only between groups that are far apart. The time between two consecutive groups is at
    // most the time from sending the first command to the reply to the second.
    let before = seals(&mut client);
    let (busy, mut sent_before, mut gaps) = (Instant::now(), Instant::now(), 0);
    for _ in 0..2000 {
        let sent = Instant::now();
        client.run("INCR counter");
        gaps += u64::from(sent_before.elapsed() >= IDLE);
        sent_before = sent;
    }
    let ticks = busy.elapsed().div_duration_f64(TICK) as u64;
    let written = seals(&mut client) - before;
    eprintln!("{written} seals among 2000 groups, with {gaps} long gaps, in {ticks} ticks");
    assert!(written <= gaps + ticks + 3, "{written} seals, {gaps} long gaps, {ticks} ticks");
    server.kill();
    assert_eq!(server_code_of_a_clean_stop(&dir), Some(i32::from(exit::OK)));
    assert!(read(&dir.join("wal")).1.sealed, "a stop seals the log");
}

/// Seals that were written so far: groups without a record, where each record has a group of its own.
fn seals(client: &mut Client) -> u64 {
    let info = client.run("INFO durability").text();
    let figure = |name: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
        line.unwrap().parse::<u64>().unwrap()
    };
    figure("wal_groups") - figure("wal_records")
}

/// Starts the server and stops it.
fn server_code_of_a_clean_stop(dir: &Path) -> Option<i32> {
    TestServer::start(dir, &[]).stop().code()
}

/// Starts a server that must exit by itself; returns its exit code and its output.
fn refusal(dir: &Path) -> (Option<i32>, String) {
    refusal_with(dir, &[])
}

/// The same, with these flags.
fn refusal_with(dir: &Path, flags: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ackd"))
        .args(flags)
        .args(["--bind", "127.0.0.1", "--port", &free_port().to_string(), "--dir"])
        .arg(dir)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// What the table remembers of the log, next to its two metas.
fn marks(dir: &Path) -> [Vec<u8>; 2] {
    let table = fs::read(dir.join("table.ackd")).unwrap();
    [2, 3].map(|slot| {
        let (page, at) = slot_place(slot);
        table[page * PAGE_BYTES + at..][..META_BYTES].to_vec()
    })
}

/// Puts back what the table remembered.
fn put_marks(dir: &Path, marks: &[Vec<u8>; 2]) {
    let table = fs::File::options().write(true).open(dir.join("table.ackd")).unwrap();
    for (slot, mark) in (2..).zip(marks) {
        let (page, at) = slot_place(slot);
        table.write_all_at(mark, (page * PAGE_BYTES + at) as u64).unwrap();
    }
}

#[test]
fn a_damaged_last_group_is_refused_and_given_up_only_when_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    let mut server = TestServer::start(&dir, &[]);
    let marks = marks(&dir);
    let mut client = server.client();
    for number in 0..10 {
        assert_eq!(client.run(&format!("SET key:{number} value")), Value::Simple("OK".into()));
    }
    wait_sealed(&dir.join("wal"));
    server.kill();
    let (last, end) = read(&dir.join("wal"));
    let last = last.unwrap();
    let segment: PathBuf = dir.join("wal").join(&end.segment);
    let sealed = fs::read(&segment).unwrap();
    let mut bytes = sealed.clone();
    bytes[last.offset as usize + 120] ^= 2;
    // A seal after it proves that it was durable: such a loss cannot be accepted.
    fs::write(&segment, &bytes).unwrap();
    let (code, said) = refusal(&dir);
    assert_eq!(code, Some(i32::from(exit::DAMAGED)), "{said}");
    assert!(said.contains(&end.segment) && said.contains(&format!("from LSN {}", last.first_lsn)), "{said}");
    let (code, said) = refusal_with(&dir, &["--accept-tail-loss"]);
    assert_eq!(code, Some(i32::from(exit::DAMAGED)), "{said}");
    // The mark in the table says what was durable at the last quiet moment, even if the seal is lost.
    bytes[(last.offset + last.disk_bytes) as usize..].fill(0);
    fs::write(&segment, &bytes).unwrap();
    let (code, said) = refusal_with(&dir, &["--accept-tail-loss"]);
    assert_eq!(code, Some(i32::from(exit::DAMAGED)), "{said}");
    assert!(said.contains("LSN 10 was durable"), "{said}");
    // If the server was killed before that moment, the group may be a torn one, or an acknowledged one.
    put_marks(&dir, &marks);
    let (code, said) = refusal(&dir);
    assert_eq!(code, Some(i32::from(exit::DAMAGED)), "{said}");
    assert!(said.contains("--accept-tail-loss"), "{said}");
    assert!(fs::read(&segment).unwrap() == bytes, "nothing was changed");
    let log = folder.path().join("log").display().to_string();
    let mut server = TestServer::start(&dir, &["--accept-tail-loss", "--logfile", &log]);
    let mut client = server.client();
    assert_eq!(client.run("EXISTS key:8 key:9"), Value::Integer(1), "the last one is lost");
    assert_eq!(client.run("DBSIZE"), Value::Integer(9));
    let kept = dir.join("wal").join(format!("{}.broken-{}", end.segment, last.first_lsn));
    let tail = last.offset as usize..(last.offset + last.disk_bytes) as usize;
    assert!(fs::read(kept).unwrap() == bytes[tail], "its bytes are kept aside");
    assert!(fs::read_to_string(&log).unwrap().contains("accepted tail loss"));
    assert_eq!(client.run("SET key:9 again"), Value::Simple("OK".into()));
    server.kill();
    let mut server = TestServer::start(&dir, &[]);
    assert_eq!(server.client().run("GET key:9"), Value::Bulk(b"again".into()));
    assert_eq!(server.stop().code(), Some(i32::from(exit::OK)));
}
