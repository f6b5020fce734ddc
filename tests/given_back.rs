//! What is no longer used goes back to the system: the end of the table's file, and the memory of a burst.

mod common;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use ackd::table::verify_path;
use common::{Client, PATIENCE, TestServer, Value, encode};

/// Time between two checks.
const LOOK: Duration = Duration::from_millis(200);
/// Bytes of a nearly empty table's file: pages for deletes when the disk is full, and twice the reserve of free pages.
const SMALL_BYTES: u64 = 14 << 20;

fn ok() -> Value {
    Value::Simple("OK".into())
}

/// Sends commands at once and returns the replies.
fn pipeline(client: &mut Client, commands: &[Vec<u8>]) -> Vec<Value> {
    // In parts that fit into the buffers of both sides, since nobody reads while this sends.
    let mut replies = Vec::new();
    for part in commands.chunk_by(|_, next| next.len() < 16 << 10) {
        for part in part.chunks(500) {
            client.send(&part.concat()).unwrap();
            replies.extend(part.iter().map(|_| client.reply().unwrap()));
        }
    }
    replies
}

/// Sets `count` keys to values of `bytes` bytes.
fn fill(client: &mut Client, count: usize, bytes: usize) {
    let value = vec![b'v'; bytes];
    let set = |number| encode(&[b"SET", format!("fill:{number}").as_bytes(), &value]);
    let commands: Vec<_> = (0..count).map(set).collect();
    assert!(pipeline(client, &commands).iter().all(|reply| *reply == ok()));
}

fn table_bytes(data: &Path) -> u64 {
    fs::metadata(data.join("table.ackd")).unwrap().len()
}

/// Asks for checkpoints until the table's file is small; returns how many it took.
fn save_until_small(client: &mut Client, data: &Path) -> u32 {
    let start = Instant::now();
    for saves in 1.. {
        assert_eq!(client.run("SAVE"), ok());
        if table_bytes(data) <= SMALL_BYTES {
            return saves;
        }
        assert!(start.elapsed() < PATIENCE, "{} bytes after {saves} SAVEs", table_bytes(data));
        std::thread::sleep(LOOK);
    }
    unreachable!("there is no end of numbers")
}

/// Keys of three kinds that stay while all others go.
fn put_few(client: &mut Client) {
    for number in 0..20 {
        assert_eq!(client.run(&format!("SET few:{number} {number}")), ok());
        client.run(&format!("RPUSH list {number}"));
        client.run(&format!("ZADD zset {number} member:{number}"));
    }
}

fn assert_few(client: &mut Client) {
    for number in 0..20 {
        assert_eq!(client.run(&format!("GET few:{number}")).text(), number.to_string());
        assert_eq!(client.run(&format!("LINDEX list {number}")).text(), number.to_string());
        assert_eq!(client.run(&format!("ZSCORE zset member:{number}")).text(), number.to_string());
    }
    assert_eq!(client.run("DBSIZE"), Value::Integer(22));
}

#[test]
fn the_disk_has_its_space_back_after_a_flush_and_a_crash_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut server = TestServer::start(&data, &[]);
    let mut client = server.client();
    fill(&mut client, 12_500, 8000);
    assert_eq!(client.run("SAVE"), ok());
    let full = table_bytes(&data);
    assert!(full > 100_000_000, "{full}");
    assert_eq!(client.run("FLUSHALL"), ok());
    put_few(&mut client);
    let saves = save_until_small(&mut client, &data);
    eprintln!("{full} bytes, and {} after {saves} SAVEs", table_bytes(&data));
    assert_few(&mut client);

    server.kill();
    let report = verify_path(&data.join("table.ackd"), &mut |_| {}).unwrap();
    assert_eq!(report.findings, []);
    let mut server = TestServer::start(&data, &[]);
    let mut client = server.client();
    assert_few(&mut client);
    // It grows again, and becomes small again when all but a few keys are deleted one by one.
    fill(&mut client, 5_000, 8000);
    assert_eq!(client.run("SAVE"), ok());
    assert!(table_bytes(&data) > 40_000_000);
    let deletes: Vec<_> =
        (0..5_000).map(|number| encode(&[b"DEL", format!("fill:{number}").as_bytes()])).collect();
    assert!(pipeline(&mut client, &deletes).iter().all(|reply| *reply == Value::Integer(1)));
    save_until_small(&mut client, &data);
    server.kill();
    let mut server = TestServer::start(&data, &[]);
    assert_few(&mut server.client());
    assert!(server.stop().success());
}

/// An idle server cuts off the end of its file, too, when its checkpoint is old.
#[test]
fn an_idle_server_gives_space_back() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = TestServer::start(&data, &["--checkpoint-interval", "1"]);
    let mut client = server.client();
    fill(&mut client, 2_500, 8000);
    assert!(table_bytes(&data) > 20_000_000);
    assert_eq!(client.run("FLUSHALL"), ok());
    let start = Instant::now();
    while table_bytes(&data) > SMALL_BYTES {
        assert!(start.elapsed() < PATIENCE, "{} bytes", table_bytes(&data));
        std::thread::sleep(LOOK);
    }
}

/// One of many clients: large values there and back, a long pipeline, and a transaction.
fn burst(mut client: Client, number: usize) {
    let (key, value) = (format!("large:{number}"), vec![b'x'; 4 << 20]);
    assert_eq!(client.command(&[b"SET", key.as_bytes(), &value]), ok());
    (0..4).for_each(|_| client.send(&encode(&[b"GET", key.as_bytes()])).unwrap());
    for _ in 0..4 {
        assert_eq!(client.reply().unwrap(), Value::Bulk(value.clone()));
    }
    fill(&mut client, 3000, 100);
    let sets: Vec<Vec<u8>> =
        (0..500).map(|set| encode(&[b"SET", format!("{number}:{set}").as_bytes(), &value[..4000]])).collect();
    assert_eq!(client.run("MULTI"), ok());
    assert!(pipeline(&mut client, &sets).iter().all(|reply| *reply == Value::Simple("QUEUED".into())));
    assert!(matches!(client.run("EXEC"), Value::Array(replies) if replies.len() == 500));
}

#[test]
fn memory_that_a_burst_took_goes_back_within_a_minute() {
    const CLIENTS: usize = 24;
    /// By how much the table's bookkeeping and the remaining buffers may have grown, in MiB.
    const MORE_MIB: u64 = 24;
    let dir = tempfile::tempdir().unwrap();
    let server = TestServer::start(&dir.path().join("data"), &[]);
    fill(&mut server.client(), 100, 100);
    let before = server.anonymous_bytes() >> 20;
    let (mut most, mut idle) = (before, Vec::new());
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let client = server.client();
                scope.spawn(move || burst(client, number))
            })
            .collect();
        while clients.iter().any(|client| !client.is_finished()) {
            most = most.max(server.anonymous_bytes() >> 20);
            std::thread::sleep(Duration::from_millis(20));
        }
        // Memory is freed although these clients stay connected.
        idle.extend((0..CLIENTS).map(|_| server.client()));
    });
    let start = Instant::now();
    while (server.anonymous_bytes() >> 20) > before + MORE_MIB {
        let now = server.anonymous_bytes() >> 20;
        assert!(start.elapsed() < PATIENCE, "{before} MiB, {most} in the burst, {now} now");
        std::thread::sleep(LOOK);
    }
    let (now, took) = ((server.anonymous_bytes() >> 20), start.elapsed());
    eprintln!("{before} MiB, {most} in the burst, {now} again after {took:.1?}");
    assert!(most > before + 2 * MORE_MIB, "no burst: {before} MiB, then {most}");
}
