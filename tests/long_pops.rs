//! Long commands that take elements out of a collection, or a whole string, against the real binary: what they take is worked
//! out beside the writer, and nobody can tell, except by the time that others wait.

mod common;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use common::long_commands::{fill, info, wait_until_freed};
use common::{Client, TestServer, Value, seed};
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

/// Elements of each collection: what is left of these is stored in several steps.
const ELEMENTS: usize = 60_000;
/// In milliseconds since 1970, far away.
const EXPIRY: &str = "9999999999999";

/// Long commands on `KEY`, each with the collection that it gets a copy of. Without randomness.
const COMMANDS: [[&str; 2]; 20] = [
    ["ZPOPMIN KEY 25000", "zset"],
    ["ZPOPMAX KEY 59999", "zset"],
    ["ZPOPMIN KEY 60000", "zset"],
    ["ZPOPMAX KEY 1000000", "zset"],
    ["ZMPOP 3 none:1 none:2 KEY MAX COUNT 30000", "zset"],
    ["ZREMRANGEBYRANK KEY 100 50000", "zset"],
    ["LPOP KEY 25000", "list"],
    ["RPOP KEY 59999", "list"],
    ["LPOP KEY 60000", "list"],
    ["RPOP KEY 1000000", "list"],
    ["LMPOP 3 none:1 none:2 KEY RIGHT COUNT 30000", "list"],
    ["LREM KEY 0 often", "list"],
    ["LREM KEY -25000 often", "list"],
    ["LREM KEY 25000 often", "list"],
    ["LREM KEY 500 rare", "list"],
    ["LREM KEY 0 missing", "list"],
    ["LINSERT KEY BEFORE last value", "list"],
    ["LINSERT KEY AFTER last value", "list"],
    ["LINSERT KEY AFTER missing value", "list"],
    ["GETDEL KEY", "text"],
];

/// Fills `set`, `zset`, `list` and `text`.
fn fill_all(client: &mut Client, random: &mut SmallRng) {
    let mut numbers: Vec<usize> = (0..ELEMENTS).collect();
    numbers.shuffle(random);
    let members: Vec<String> = numbers.iter().map(|number| format!("element:{number}")).collect();
    fill(client, &["SADD", "set"], &members);
    let scored: Vec<String> = members
        .iter()
        .flat_map(|member| [random.random_range(0..9000).to_string(), member.clone()])
        .collect();
    fill(client, &["ZADD", "zset"], &scored);
    let mut elements: Vec<String> = numbers
        .iter()
        .map(|number| match number % 100 {
            0..60 => "often".to_owned(),
            60 => "rare".to_owned(),
            _ => format!("element:{number}"),
        })
        .collect();
    elements[ELEMENTS - 1] = "last".to_owned();
    fill(client, &["RPUSH", "list"], &elements);
    let text: Vec<u8> = (0..12_000_000).map(|_| random.random()).collect();
    client.command(&[b"SET", b"text", &text]);
}

/// Everything about a key.
fn content(client: &mut Client, key: &str) -> [Value; 3] {
    let read = match client.run(&format!("TYPE {key}")).text().as_str() {
        "list" => format!("LRANGE {key} 0 -1"),
        "set" => format!("SMEMBERS {key}"),
        "zset" => format!("ZRANGE {key} 0 -1 WITHSCORES"),
        _ => format!("EXISTS {key}"),
    };
    [
        client.run(&read),
        client.run(&format!("PEXPIRETIME {key}")),
        client.run(&format!("OBJECT ENCODING {key}")),
    ]
}

/// The texts in an array.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(Value::text).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn results_are_those_of_a_transaction() {
    let mut random = SmallRng::seed_from_u64(seed("--test long_pops"));
    let root = tempfile::tempdir().unwrap();
    let mut server = TestServer::start(&root.path().join("data"), &["--loglevel", "warning"]);
    let mut client = server.client();
    fill_all(&mut client, &mut random);
    let mut left = Vec::new();
    for (number, [command, source]) in COMMANDS.into_iter().enumerate() {
        for expires in [false, true] {
            let keys = ["alone", "along"].map(|name| format!("{name}:{number}:{expires}"));
            let mut results = Vec::new();
            for key in &keys {
                client.run(&format!("COPY {source} {key}"));
                if expires {
                    client.run(&format!("PEXPIREAT {key} {EXPIRY}"));
                }
                let command = command.replace("KEY", key);
                let reply = if key.starts_with("alone") {
                    let before = info(&mut client, "worked_out_beside");
                    let reply = client.run(&command);
                    assert_eq!(info(&mut client, "worked_out_beside") - before, 1, "{command}");
                    reply
                } else {
                    client.run("MULTI");
                    client.run(&command);
                    let Value::Array(mut replies) = client.run("EXEC") else { panic!("{command}") };
                    replies.remove(0)
                };
                let reply = encode_without(&reply, key);
                results.push((reply, content(&mut client, key)));
            }
            let [(one, alone), (other, together)] = [&results[0], &results[1]];
            assert!(one == other, "{command}, expires: {expires}: {one:.99} and {other:.99}");
            assert!(alone[0] == together[0], "{command}, expires: {expires}");
            assert_eq!(alone[1..], together[1..], "{command}, expires: {expires}");
            if expires && client.run(&format!("EXISTS {}", keys[0])) == Value::Integer(1) {
                assert_eq!(results[0].1[1], Value::Integer(EXPIRY.parse().unwrap()), "{command}");
            }
            left.push((keys[0].clone(), results.swap_remove(0).1));
        }
    }
    assert_eq!(info(&mut client, "worked_out_in_vain"), 0);
    server.kill();
    let server = TestServer::start(&root.path().join("data"), &["--loglevel", "warning"]);
    let mut client = server.client();
    for (key, before) in left {
        assert!(content(&mut client, &key) == before, "{key} after a restart");
    }
}

/// A reply, with the name of its key left out. Names have the same length.
fn encode_without(reply: &Value, key: &str) -> String {
    String::from_utf8_lossy(&common::encode_reply(reply)).replace(key, "KEY")
}

#[test]
fn each_member_is_popped_once_or_left() {
    let mut random = SmallRng::seed_from_u64(seed("--test long_pops"));
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &["--loglevel", "warning"]);
    let mut client = server.client();
    fill_all(&mut client, &mut random);
    let all: HashSet<String> = texts(&client.run("SMEMBERS set")).into_iter().collect();
    let before = info(&mut client, "worked_out_beside");
    for count in [9000, 25_000, 40_000, ELEMENTS - 1, ELEMENTS, ELEMENTS + 1] {
        client.run("COPY set pop REPLACE");
        client.run(&format!("PEXPIREAT pop {EXPIRY}"));
        // Replies are in order, and each command sees what the one before it did.
        let line = format!("SCARD pop\r\nSPOP pop {count}\r\nSCARD pop\r\nPEXPIRETIME pop\r\n");
        client.send(line.as_bytes()).unwrap();
        assert_eq!(client.reply().unwrap(), Value::Integer(ELEMENTS as i64));
        let popped = texts(&client.reply().unwrap());
        assert_eq!(client.reply().unwrap(), Value::Integer((ELEMENTS - popped.len()) as i64));
        let expiry = if count < ELEMENTS { EXPIRY.parse().unwrap() } else { -2 };
        assert_eq!(client.reply().unwrap(), Value::Integer(expiry));
        assert_eq!(popped.len(), count.min(ELEMENTS));
        let left = texts(&client.run("SMEMBERS pop"));
        let together: HashSet<String> = popped.into_iter().chain(left).collect();
        assert!(together == all, "SPOP pop {count}");
    }
    assert_eq!(info(&mut client, "worked_out_beside") - before, 6);
    let pops: Vec<Vec<String>> = (0..2)
        .map(|_| {
            client.run("COPY set pop REPLACE");
            let mut popped = texts(&client.run("SPOP pop 25000"));
            popped.sort_unstable();
            popped
        })
        .collect();
    assert!(pops[0] != pops[1], "it pops the same members again");
}

#[test]
fn nothing_is_lost_while_others_change_the_set() {
    let mut random = SmallRng::seed_from_u64(seed("--test long_pops"));
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &["--loglevel", "warning"]);
    let mut client = server.client();
    fill_all(&mut client, &mut random);
    let mut expected: HashSet<String> = texts(&client.run("SMEMBERS set")).into_iter().collect();
    let (stop, mut seen) = (AtomicBool::new(false), Vec::new());
    thread::scope(|scope| {
        let changes = scope.spawn(|| {
            let (mut client, mut added, mut popped) = (server.client(), Vec::new(), Vec::new());
            for number in 0.. {
                if stop.load(SeqCst) {
                    break;
                }
                let member = format!("new:{number}");
                client.run(&format!("SADD set {member}"));
                added.push(member);
                popped.push(client.run("SPOP set").text());
                thread::sleep(Duration::from_millis([0, 20, 300][number % 3]));
            }
            (added, popped)
        });
        let pops: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = server.client();
                    (0..3).flat_map(|_| texts(&client.run("SPOP set 20000"))).collect::<Vec<_>>()
                })
            })
            .collect();
        seen.extend(pops.into_iter().flat_map(|pop| pop.join().unwrap()));
        stop.store(true, SeqCst);
        let (added, popped) = changes.join().unwrap();
        expected.extend(added);
        seen.extend(popped);
    });
    seen.extend(texts(&client.run("SMEMBERS set")));
    let (worked_out, in_vain) =
        (info(&mut client, "worked_out_beside"), info(&mut client, "worked_out_in_vain"));
    eprintln!("{worked_out} worked out, {in_vain} in vain");
    assert!(in_vain > 0, "the set did not change in time");
    assert_eq!(seen.len(), expected.len(), "a member was popped twice, or lost");
    assert!(seen.into_iter().collect::<HashSet<_>>() == expected);
}

#[test]
fn all_of_it_is_seen_at_once() {
    let mut random = SmallRng::seed_from_u64(seed("--test long_pops"));
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &["--loglevel", "warning"]);
    let mut client = server.client();
    fill_all(&mut client, &mut random);
    for (command, source, length, after) in [
        ("SPOP d 25000", "set", "SCARD d", 35_000),
        ("ZPOPMIN d 25000", "zset", "ZCARD d", 35_000),
        ("LREM d 25000 often", "list", "LLEN d", 35_000),
        ("GEOSEARCHSTORE d zset FROMLONLAT 0 0 BYBOX 90000 90000 km", "zset", "ZCARD d", ELEMENTS),
    ] {
        client.run(&format!("COPY {source} d REPLACE"));
        let (stop, started) = (AtomicBool::new(false), AtomicBool::new(false));
        let polls = thread::scope(|scope| {
            let polls = scope.spawn(|| {
                let (mut client, mut polls) = (server.client(), Vec::new());
                while !stop.load(SeqCst) {
                    polls.push(client.run(length));
                    started.store(true, SeqCst);
                }
                polls
            });
            while !started.load(SeqCst) {
                thread::yield_now();
            }
            assert!(!matches!(client.run(command), Value::Error(_)), "{command}");
            stop.store(true, SeqCst);
            polls.join().unwrap()
        });
        let (before, after) = (Value::Integer(ELEMENTS as i64), Value::Integer(after as i64));
        let is_whole = |length: &Value| [&before, &after].contains(&length);
        assert!(polls.iter().all(is_whole), "{command}: {:?}", polls.iter().find(|len| !is_whole(len)));
        eprintln!("{command}: {} reads meanwhile", polls.len());
        assert_eq!(client.run(length), after);
    }
}

#[test]
fn clients_that_go_and_servers_that_stop_leave_all_or_nothing() {
    let mut random = SmallRng::seed_from_u64(seed("--test long_pops"));
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    let mut server = TestServer::start(&dir, &["--loglevel", "warning"]);
    fill_all(&mut server.client(), &mut random);
    let (mut done, mut took) = (0, [Duration::ZERO; 4]);
    for round in 0..20 {
        let (command, source, length) = [
            ("SPOP KEY 25000", "set", "SCARD KEY"),
            ("ZPOPMAX KEY 25000", "zset", "ZCARD KEY"),
            ("LREM KEY 25000 often", "list", "LLEN KEY"),
            ("SPOP KEY 9000", "set", "SCARD KEY"),
        ][round % 4];
        let taken = if command.ends_with(" 9000") { 9000 } else { 25_000 };
        // A key of its own, because a command goes on for a while after its client.
        let key = format!("d:{round}");
        let (command, length) = (command.replace("KEY", &key), length.replace("KEY", &key));
        server.client().run(&format!("COPY {source} {key}"));
        if round < 4 {
            let start = Instant::now();
            server.client().run(&command);
            took[round] = start.elapsed();
            continue;
        }
        let mut gone = server.client();
        gone.send(format!("{command}\r\n").as_bytes()).unwrap();
        // While it is worked out, or while the result is stored.
        thread::sleep(took[round % 4].mul_f64(random.random_range(0.0..1.2)));
        if round % 8 < 4 {
            drop(gone);
        } else {
            server.kill();
            server = TestServer::start(&dir, &["--loglevel", "warning"]);
        }
        let left = server.client().run(&length);
        let (whole, rest) = (ELEMENTS as i64, (ELEMENTS - taken) as i64);
        assert!([whole, rest].map(Value::Integer).contains(&left), "{command}: {left:?}");
        done += usize::from(left == Value::Integer(rest));
    }
    eprintln!("{done} of 16 were done in time");
    let mut client = server.client();
    client.run("SAVE");
    let rest = info(&mut client, "table_used_bytes");
    let keys = texts(&client.run("KEYS *"));
    wait_until_freed(&mut client, rest / 20, &keys);
}

#[test]
fn others_are_told_once() {
    let mut random = SmallRng::seed_from_u64(seed("--test long_pops"));
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &["--loglevel", "warning"]);
    let mut client = server.client();
    fill_all(&mut client, &mut random);
    for (key, source) in [("s", "set"), ("z", "zset"), ("l", "list"), ("t", "text")] {
        client.run(&format!("COPY {source} {key}"));
    }
    let sketches: Vec<String> = (0..60).map(|sketch| format!("sketch:{sketch}")).collect();
    sketches.iter().for_each(|sketch| drop(client.run(&format!("PFADD {sketch} {sketch}"))));
    client.run("PFADD p x");
    client.run(&format!("PEXPIREAT p {EXPIRY}"));
    client.run("CONFIG SET notify-keyspace-events AKEmn");
    let (mut listener, mut watcher) = (server.client(), server.client());
    listener.run("PSUBSCRIBE __keyevent@*__:*");
    let before = info(&mut client, "worked_out_beside");
    let expected = [
        ("SPOP s 9000", vec!["spop s"]),
        ("SPOP s 25000", vec!["spop s"]),
        ("SPOP s 100000", vec!["spop s", "del s"]),
        ("ZPOPMAX z 25000", vec!["zpopmax z"]),
        ("ZPOPMIN z 100000", vec!["zpopmin z", "del z"]),
        ("LREM l 20000 often", vec!["lrem l"]),
        ("LPOP l 20000", vec!["lpop l"]),
        ("RPOP l 100000", vec!["rpop l", "del l"]),
        ("GETDEL t", vec!["del t"]),
        ("GEOSEARCHSTORE g zset FROMLONLAT 0 0 BYBOX 90000 90000 km", vec!["new g", "geosearchstore g"]),
        ("PFMERGE p SKETCHES missing", vec!["keymiss missing", "pfadd p"]),
        ("PFMERGE q SKETCHES", vec!["keymiss q", "new q", "pfadd q"]),
    ];
    for (command, events) in &expected {
        let key = events.last().unwrap().split(' ').nth(1).unwrap();
        watcher.run(&format!("WATCH {key}"));
        let reply = client.run(&command.replace("SKETCHES", &sketches.join(" ")));
        assert!(!matches!(reply, Value::Error(_)), "{command}: {reply:?}");
        watcher.run("MULTI");
        watcher.run("PING");
        assert_eq!(watcher.run("EXEC"), Value::Null, "{command}");
        client.run("SET end 1");
        client.run("DEL end");
        let mut told = Vec::new();
        while told.last().is_none_or(|last| last != "del end") {
            let Value::Array(words) = listener.reply().unwrap() else { panic!() };
            told.push(format!("{} {}", words[2].text().rsplit(':').next().unwrap(), words[3].text()));
        }
        let others = ["new end", "set end", "del end"];
        told.retain(|event| !others.contains(&event.as_str()));
        assert_eq!(told, *events, "{command}");
    }
    assert_eq!(info(&mut client, "worked_out_beside") - before, expected.len() as u64);
    assert_eq!(client.run("PEXPIRETIME p"), Value::Integer(EXPIRY.parse().unwrap()));
    assert_eq!(client.run("PFCOUNT p"), Value::Integer(61));
}
