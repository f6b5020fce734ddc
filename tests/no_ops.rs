//! Writes that change nothing, sent again and again, against the real binary: each sees all writes that were acknowledged
//! to any client before it was sent.

mod common;

use common::{Client, TestServer, Value, seed};
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

/// A command that changes nothing and its reply, a change by another client, and the reply to the same command after it.
/// The replies are in the form of `shown`.
const POLLS: [[&str; 4]; 38] = [
    ["LPOP list", "nil", "RPUSH list x", "x"],
    ["RPOP tail", "nil", "RPUSH tail x", "x"],
    ["LPUSHX lx a", "0", "RPUSH lx x", "2"],
    ["RPUSHX rx a", "0", "RPUSH rx x", "2"],
    ["RPOPLPUSH from to", "nil", "RPUSH from x", "x"],
    ["LMOVE left right LEFT RIGHT", "nil", "RPUSH left x", "x"],
    ["SPOP set", "nil", "SADD set x", "x"],
    ["SADD members x", "0", "SREM members x", "1"],
    ["SREM gone x", "0", "SADD gone x", "1"],
    ["SMOVE here there x", "0", "SADD here x", "1"],
    ["ZADD scores 1 x", "0", "ZREM scores x", "1"],
    ["ZREM ranks x", "0", "ZADD ranks 1 x", "1"],
    ["ZPOPMIN lowest", "[]", "ZADD lowest 1 x", "[x 1]"],
    ["ZPOPMAX highest", "[]", "ZADD highest 1 x", "[x 1]"],
    ["HSETNX hash field 1", "0", "HDEL hash field", "1"],
    ["HDEL fields x", "0", "HSET fields x 1", "1"],
    ["SET lock me NX", "nil", "DEL lock", "OK"],
    ["SETNX mutex me", "0", "DEL mutex", "1"],
    ["MSETNX one 1 two 2", "0", "DEL one", "1"],
    ["DEL key", "0", "SET key 1", "1"],
    ["UNLINK link", "0", "SET link 1", "1"],
    ["RENAMENX old new", "0", "DEL new", "1"],
    ["EXPIRE due 1000 NX", "0", "SET due 1", "1"],
    ["PEXPIRE due2 1000000", "0", "SET due2 1", "1"],
    ["EXPIREAT due3 9000000000", "0", "SET due3 1", "1"],
    ["PEXPIREAT due4 9000000000000", "0", "SET due4 1", "1"],
    ["PERSIST lasts", "0", "SET lasts 1 EX 100", "1"],
    ["XDEL xd 1-1", "0", "XADD xd 1-1 f v", "1"],
    ["XDELEX xe IDS 1 1-1", "[-1]", "XADD xe 1-1 f v", "[1]"],
    ["XTRIM xt MAXLEN 0", "0", "XADD xt 1-1 f v", "1"],
    ["XACK xa g 1-1", "0", "XCLAIM xa g c 0 1-1 FORCE", "1"],
    ["XACKDEL xk g IDS 1 1-1", "[-1]", "XCLAIM xk g c 0 1-1 FORCE", "[1]"],
    ["SET cas new IFEQ old", "nil", "SET cas old", "OK"],
    ["DELEX held IFEQ me", "0", "SET held me", "1"],
    ["DELIFEQ token me", "0", "SET token me", "1"],
    ["MSETEX 2 first 1 second 2 NX", "0", "DEL first", "1"],
    ["INCREX limit UBOUND 3", "[3 0]", "DEL limit", "[1 1]"],
    ["LMOVEM many moved LEFT RIGHT", "[]", "RPUSH many x", "[x]"],
];

/// Commands that make the first command of each row change nothing, before the first round and after each.
const BEFORE: [&str; 14] = [
    "SADD members x",
    "ZADD scores 1 x",
    "HSET hash field 1",
    "SET lock me",
    "SET mutex me",
    "SET one 1",
    "MSET old 1 new 1",
    "MSET first 1 limit 3",
    "DEL lx rx two second due2 due3 due4 lasts xd xe xt xa xk",
    "XADD xa 1-1 f v",
    "XGROUP CREATE xa g 0",
    "XADD xk 1-1 f v",
    "XGROUP CREATE xk g 0",
    "SET due 1 EX 100",
];

/// Commands that change nothing before somebody changes something, at most.
const ROW_MAX: u32 = 150;

/// A reply in short.
fn shown(reply: &Value) -> String {
    match reply {
        Value::Null => "nil".into(),
        Value::Integer(number) => number.to_string(),
        Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(" ")),
        other => other.text(),
    }
}

/// Runs each kind of poll with a client of its own, in random order; if `writes`, while another client changes other keys
/// all the time.
fn poll(writes: bool) {
    let mut random = SmallRng::seed_from_u64(seed("--test no_ops"));
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &["--loglevel", "warning"]);
    let mut changer = server.client();
    let mut busy = server.client();
    for line in BEFORE {
        changer.run(line);
    }
    let mut polls: Vec<(Client, [&str; 4])> = POLLS.iter().map(|poll| (server.client(), *poll)).collect();
    polls.shuffle(&mut random);
    for (client, [poll, nothing, change, something]) in &mut polls {
        for round in 0..20 {
            for _ in 0..random.random_range(0..ROW_MAX) {
                if writes {
                    busy.run("INCR busy");
                }
                assert_eq!(shown(&client.run(poll)), *nothing, "{poll} in round {round}");
            }
            let changed = changer.run(change);
            assert!(!matches!(changed, Value::Error(_)), "{change}: {changed:?}");
            assert_eq!(shown(&client.run(poll)), *something, "{poll} after {change} in round {round}");
            for line in BEFORE {
                changer.run(line);
            }
        }
    }
}

#[test]
fn each_command_that_is_tried_stands_in_the_table() {
    let polled = |name: &str, words_max: usize| {
        POLLS.iter().any(|[poll, ..]| {
            let words: Vec<&str> = poll.split(' ').collect();
            words[0].eq_ignore_ascii_case(name) && words.len() <= words_max
        })
    };
    for spec in ackd::spec::all().filter(|spec| spec.tried_words > 0) {
        assert!(polled(spec.name, spec.tried_words), "{} is not polled", spec.name);
    }
}

/// Runs a command; returns the number of events that a listener got.
fn events(client: &mut Client, listener: &mut Client, line: &str) -> usize {
    client.run(line);
    listener.send(&common::encode(&[b"PING"])).unwrap();
    let mut count = 0;
    loop {
        match listener.reply().unwrap() {
            Value::Array(items) if items.first() == Some(&Value::Bulk(b"pong".to_vec())) => return count,
            _ => count += 1,
        }
    }
}

#[test]
fn events_are_told_of_what_changes_nothing_too() {
    let root = tempfile::tempdir().unwrap();
    let flags = ["--loglevel", "warning", "--notify-keyspace-events", "EA"];
    let server = TestServer::start(&root.path().join("data"), &flags);
    let (mut client, mut listener) = (server.client(), server.client());
    listener.run("PSUBSCRIBE __keyevent@*");
    for _ in 0..20 {
        // A key that is set and expires immediately: it does not exist before or afterwards.
        assert_eq!(events(&mut client, &mut listener, "SET short x EXAT 1"), 3);
    }
}

#[test]
fn what_was_acknowledged_before_is_seen() {
    poll(false);
}

#[test]
fn what_was_acknowledged_before_is_seen_beside_a_writer() {
    poll(true);
}

#[test]
fn what_changes_nothing_and_is_told_all_the_same_touches_whoever_watches_or_tracks() {
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &["--loglevel", "warning"]);
    let (mut client, mut watcher, mut tracker) = (server.client(), server.client(), server.client());
    client.run("RPUSH l x");
    tracker.run("HELLO 3");
    for _ in 0..20 {
        // No client watches: the next one may be tried on a snapshot.
        assert_eq!(client.run("RPOPLPUSH l l").text(), "x");
    }
    for _ in 0..5 {
        for line in ["WATCH l", "MULTI", "PING"] {
            watcher.run(line);
        }
        client.run("RPOPLPUSH l l");
        assert_eq!(watcher.run("EXEC"), Value::Null, "the element was moved");
        for _ in 0..5 {
            client.run("RPOPLPUSH l l");
        }
    }
    for _ in 0..5 {
        tracker.run("CLIENT TRACKING ON");
        tracker.run("LLEN l");
        client.run("RPOPLPUSH l l");
        let told = tracker.reply().unwrap();
        assert!(matches!(&told, Value::Array(parts) if parts[0].text() == "invalidate"), "{told:?}");
        tracker.run("CLIENT TRACKING OFF");
        for _ in 0..5 {
            client.run("RPOPLPUSH l l");
        }
    }
}
