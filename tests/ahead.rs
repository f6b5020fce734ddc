//! Reads that a client sends at once are looked up ahead, on one version of the data. Their replies are those that they
//! would get one by one, and they see all that was acknowledged before.

mod common;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use common::{Client, TestServer, Value, encode, seed, setting};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

/// Keys of each type: enough for a tree with branches.
const KEYS: u32 = 1500;

/// Reads of keys of any type: `K` stands for any key, `L` for a key that is longer than a page keeps in one piece.
const READS: [&str; 24] = [
    "GET K",
    "GET K",
    "GET K",
    "GET L",
    "MGET K K K K",
    "MGET K L K L",
    "EXISTS K K",
    "EXISTS K",
    "TOUCH K K",
    "TTL K",
    "PTTL none",
    "TYPE K",
    "STRLEN K",
    "GETRANGE K 1 3",
    "HGET K field",
    "HMGET K field none",
    "HEXISTS K field",
    "HGETALL K",
    "SISMEMBER K member",
    "ZSCORE K member",
    "LRANGE K 0 -1",
    "OBJECT ENCODING K",
    "SINTERCARD 2 K K LIMIT 1",
    "GET none",
];

/// What comes between reads.
const OTHERS: [&str; 13] = [
    "SET K new",
    "SET L long",
    "DEL K",
    "APPEND K x",
    "HSET K field 2",
    "SELECT 1",
    "SELECT 0",
    "MULTI",
    "EXEC",
    "PING",
    "GET",
    "NONSENSE K",
    "DBSIZE",
];

/// A server with some keys of each type in database 0, in a directory of its own.
fn start() -> (tempfile::TempDir, TestServer) {
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &["--loglevel", "warning"]);
    let mut client = server.client();
    let lines: Vec<String> = (0..KEYS)
        .flat_map(|number| {
            [
                format!("SET {} {}", key(0, number), "v".repeat(number as usize % 90)),
                format!("HSET {} field {number}", key(1, number)),
                format!("SADD {} member {number}", key(2, number)),
                format!("ZADD {} {number} member", key(3, number)),
            ]
        })
        .collect();
    pipeline(&mut client, &lines, lines.len());
    (root, server)
}

/// A key: in turn those of strings, hashes, sets and sorted sets.
fn key(kind: u32, number: u32) -> String {
    format!("key:{:06}", 4 * number + kind)
}

/// The line with its keys filled in.
fn filled(random: &mut SmallRng, line: &str) -> String {
    let words = line.split(' ').map(|word| match word {
        "K" => key(random.random_range(0..4), random.random_range(0..KEYS)),
        "L" => "long".repeat(180) + &random.random_range(0..3).to_string(),
        other => other.to_string(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Sends lines at once; returns the replies.
fn pipeline<S: AsRef<str>>(client: &mut Client, lines: &[S], replies: usize) -> Vec<Value> {
    let mut bytes = Vec::new();
    for line in lines {
        bytes.extend(encode(&line.as_ref().split(' ').map(str::as_bytes).collect::<Vec<_>>()));
    }
    client.send(&bytes).unwrap();
    (0..replies).map(|_| client.reply().unwrap()).collect()
}

#[test]
fn replies_are_those_of_reads_sent_one_by_one() {
    let mut random = SmallRng::seed_from_u64(seed("--test ahead"));
    let [(_one, at_once), (_two, one_by_one)] = [start(), start()];
    let (mut at_once, mut one_by_one) = (at_once.client(), one_by_one.client());
    for round in 0..setting("ACKD_AHEAD_ROUNDS", 150) {
        let others = [0, 5, 30].choose(&mut random).copied().unwrap();
        let lines: Vec<String> = (0..random.random_range(1..150))
            .map(|_| {
                let is_other = random.random_range(0..100) < others;
                let line = if is_other { OTHERS.choose(&mut random) } else { READS.choose(&mut random) };
                filled(&mut random, line.unwrap())
            })
            .collect();
        let replies = pipeline(&mut at_once, &lines, lines.len());
        for (number, (reply, line)) in replies.iter().zip(&lines).enumerate() {
            let wanted = pipeline(&mut one_by_one, &[line], 1);
            assert_eq!([reply], [&wanted[0]], "round {round}, reply {number} of {lines:#?}");
        }
    }
}

#[test]
fn modes_change_between_reads() {
    let (_root, server) = start();
    let mut client = server.client();
    let [first, second] = [key(0, 1), key(0, 2)];
    let get = |key: &str| format!("GET {key}");
    let lines = [
        &get(&first),
        &get(&second),
        "CLIENT REPLY SKIP",
        &get(&first),
        &get(&second),
        "CLIENT REPLY OFF",
        &get(&first),
        &get(&first),
        "CLIENT REPLY ON",
        &get(&first),
        "SELECT 1",
        &get(&first),
        &get(&second),
        "SELECT 0",
        "CLIENT TRACKING ON",
        &get(&first),
        &get(&second),
    ];
    let (v, vv) = (Value::Bulk(b"v".into()), Value::Bulk(b"vv".into()));
    let ok = || Value::Simple("OK".into());
    let wanted = [
        [v.clone(), vv.clone(), vv.clone(), ok()],
        [v.clone(), ok(), Value::Null, Value::Null],
        [ok(), ok(), v, vv],
    ];
    assert_eq!(pipeline(&mut client, &lines, 12), wanted.concat());
}

#[test]
fn expired_keys_are_missing_and_deleted() {
    let (_root, server) = start();
    let mut client = server.client();
    let changes: Vec<String> =
        (0..KEYS).step_by(3).map(|number| format!("PEXPIRE {} 1", key(0, number))).collect();
    pipeline(&mut client, &changes, changes.len());
    std::thread::sleep(Duration::from_millis(20));
    let reads: Vec<String> = (0..KEYS).map(|number| format!("STRLEN {}", key(0, number))).collect();
    for lines in [&reads[..64], &reads[..]] {
        let replies = pipeline(&mut client, lines, lines.len());
        for (number, reply) in replies.iter().enumerate() {
            let wanted = if number % 3 == 0 { 0 } else { number as i64 % 90 };
            assert_eq!(*reply, Value::Integer(wanted), "key {number}");
        }
    }
    assert_eq!(client.run("DBSIZE"), Value::Integer(i64::from(4 * KEYS - KEYS / 3)));
}

#[test]
fn reads_see_all_that_was_acknowledged_before() {
    let (_root, server) = start();
    let (acknowledged, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let keys: Vec<String> = (0..40).map(|number| key(0, number * 37)).collect();
    let write_all = |number: u64| keys.iter().map(|key| format!("SET {key} {number}")).collect::<Vec<_>>();
    pipeline(&mut server.client(), &write_all(0), keys.len());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = server.client();
            for number in 1.. {
                let lines = write_all(number);
                pipeline(&mut client, &lines, lines.len());
                acknowledged.store(number, SeqCst);
                if stop.load(SeqCst) {
                    break;
                }
            }
        });
        let mut client = server.client();
        for round in 0..setting("ACKD_AHEAD_READS", 600) {
            // Its own write comes first in every third round.
            let own = format!("SET own {round}");
            let mut lines: Vec<String> = keys.iter().map(|key| format!("GET {key}")).collect();
            lines.push("GET own".into());
            if round % 3 == 0 {
                lines.insert(0, own);
            } else {
                client.run(&own);
            }
            let before = acknowledged.load(SeqCst);
            let mut replies = pipeline(&mut client, &lines, lines.len());
            assert_eq!(replies.pop(), Some(Value::Bulk(round.to_string().into())));
            for reply in &replies[usize::from(round % 3 == 0)..] {
                let number: u64 = reply.text().parse().unwrap();
                assert!(number >= before, "{number} was read, {before} was acknowledged before");
            }
        }
        stop.store(true, SeqCst);
    });
}
