//! Long commands that store a result of other keys, against the real binary: they are worked out beside the writer, and
//! nobody can tell, except by the time that others wait.

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

/// Elements of each source: a result of these is stored in several steps.
const ELEMENTS: usize = 9_000;

/// Sketches that a long `PFMERGE` merges.
const SKETCHES: usize = 60;

/// Fills the sources `a` and `b` of each type: `set:a`, `list:a`, `zset:a`, `text:a` ...
fn fill_sources(client: &mut Client, random: &mut SmallRng) {
    for (name, first) in [("a", 0), ("b", ELEMENTS / 2)] {
        let mut numbers: Vec<usize> = (first..first + ELEMENTS).collect();
        numbers.shuffle(random);
        let members: Vec<String> = numbers.iter().map(|number| format!("element:{number}")).collect();
        fill(client, &["SADD", &format!("set:{name}")], &members);
        fill(client, &["RPUSH", &format!("list:{name}")], &members);
        let scored: Vec<String> = members
            .iter()
            .flat_map(|member| [random.random_range(0..9000).to_string(), member.clone()])
            .collect();
        fill(client, &["ZADD", &format!("zset:{name}")], &scored);
        let texts: Vec<String> = numbers.iter().map(|number| number.to_string()).collect();
        fill(client, &["RPUSH", &format!("numbers:{name}")], &texts);
        let places = members.iter().zip(&numbers).flat_map(|(member, number)| {
            [
                format!("{}", (number % 360) as i64 - 180),
                format!("{}", (number / 360 % 120) as i64 - 60),
                member.clone(),
            ]
        });
        fill(client, &["GEOADD", &format!("geo:{name}")], &places.collect::<Vec<_>>());
        let text: Vec<u8> = (0..1_100_000 + first).map(|_| random.random()).collect();
        client.command(&[b"SET", format!("text:{name}").as_bytes(), &text]);
    }
    for sketch in 0..SKETCHES {
        let elements: Vec<String> = (0..40 * sketch).map(|number| format!("{}", sketch * number)).collect();
        fill(client, &["PFADD", &format!("sketch:{sketch}")], &elements);
    }
}

/// Long commands, with `DEST` for their destination, and `SKETCHES` for all sketches.
const COMMANDS: [&str; 24] = [
    "SUNIONSTORE DEST set:a set:b none",
    "SINTERSTORE DEST set:a set:b",
    "SDIFFSTORE DEST set:a set:b",
    "ZUNIONSTORE DEST 2 zset:a zset:b WEIGHTS 2 3",
    "ZUNIONSTORE DEST 2 zset:a set:b AGGREGATE MAX",
    "ZINTERSTORE DEST 2 zset:a zset:b",
    "ZDIFFSTORE DEST 2 zset:a zset:b",
    "ZRANGESTORE DEST zset:a 100 -100",
    "SORT numbers:a STORE DEST",
    "SORT list:a ALPHA DESC LIMIT 50 9000 STORE DEST",
    "SORT numbers:b BY nosort GET # GET none:* STORE DEST",
    "BITOP AND DEST text:a text:b",
    "BITOP NOT DEST text:a",
    "BITOP DIFF1 DEST text:a text:b",
    "BITOP ONE DEST text:a text:b none",
    "GEOSEARCHSTORE DEST geo:a FROMLONLAT 0 0 BYRADIUS 8000 km",
    "GEOSEARCHSTORE DEST geo:a FROMMEMBER element:7 BYBOX 30000 9000 km ASC COUNT 5000 STOREDIST",
    "GEORADIUS geo:a 10 10 20000 km STORE DEST",
    "GEORADIUSBYMEMBER geo:a element:7 9000 km DESC STOREDIST DEST",
    "GEOSEARCHSTORE DEST geo:a FROMMEMBER missing BYRADIUS 9000 km",
    "GEOSEARCHSTORE DEST geo:a FROMLONLAT 0 85 BYBOX 30000 1 km",
    "PFMERGE DEST SKETCHES",
    "SINTERSTORE DEST set:a none",
    "SORT list:a STORE DEST",
];

/// Commands on a copy `DEST` of a source that are only long with more elements, each with the source.
const LONGER: [[&str; 2]; 9] = [
    ["ZRANGESTORE other DEST 1000 -20", "zset:c"],
    ["COPY DEST other REPLACE", "zset:c"],
    ["COPY DEST other", "zset:c"],
    ["COPY DEST other DB 1 REPLACE", "text:c"],
    ["ZREMRANGEBYRANK DEST 1000 60000", "zset:c"],
    ["ZREMRANGEBYSCORE DEST 200 (6000", "zset:c"],
    ["ZREMRANGEBYLEX DEST [element:2 [element:7", "zset:c"],
    ["ZREMRANGEBYRANK DEST 1 20", "zset:c"],
    ["ZREMRANGEBYRANK DEST 0 -1", "zset:c"],
];

/// The command on `key`.
fn with_dest(command: &str, key: &str) -> String {
    let sketches: Vec<String> = (0..SKETCHES).map(|sketch| format!("sketch:{sketch}")).collect();
    command.replace("DEST", key).replace("SKETCHES", &sketches.join(" "))
}

/// Everything about a key.
fn content(client: &mut Client, key: &str) -> Vec<Value> {
    let kind = client.run(&format!("TYPE {key}")).text();
    let read = match kind.as_str() {
        "string" => format!("GET {key}"),
        "list" => format!("LRANGE {key} 0 -1"),
        "set" => format!("SMEMBERS {key}"),
        "zset" => format!("ZRANGE {key} 0 -1 WITHSCORES"),
        _ => return vec![client.run(&format!("EXISTS {key}"))],
    };
    vec![client.run(&read), client.run(&format!("TTL {key}")), client.run(&format!("OBJECT ENCODING {key}"))]
}

#[test]
fn results_are_those_of_a_transaction() {
    let mut random = SmallRng::seed_from_u64(seed("--test long_writes"));
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &["--loglevel", "warning"]);
    let mut client = server.client();
    fill_sources(&mut client, &mut random);
    for command in COMMANDS {
        for before in ["DEL KEY", "SET KEY x EX 1000"] {
            for key in ["alone", "together"] {
                client.run(&before.replace("KEY", key));
            }
            let alone = client.run(&with_dest(command, "alone"));
            client.run("MULTI");
            client.run(&with_dest(command, "together"));
            let Value::Array(replies) = client.run("EXEC") else { panic!("{command}") };
            assert_eq!(replies, [alone], "{command}");
            assert_eq!(content(&mut client, "alone"), content(&mut client, "together"), "{command}");
        }
    }
    // All but those whose smallest source, or member, is missing.
    assert_eq!(info(&mut client, "worked_out_beside"), 2 * (COMMANDS.len() as u64 - 2));
    assert_eq!(info(&mut client, "worked_out_in_vain"), 0);
}

#[test]
fn copies_and_removals_are_those_of_a_transaction() {
    let mut random = SmallRng::seed_from_u64(seed("--test long_writes"));
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    let mut server = TestServer::start(&dir, &["--loglevel", "warning"]);
    let mut client = server.client();
    let scored = (0..120_000)
        .flat_map(|number| [random.random_range(0..9000).to_string(), format!("element:{number}")]);
    fill(&mut client, &["ZADD", "zset:c"], &scored.collect::<Vec<_>>());
    let text: Vec<u8> = (0..12_000_000).map(|_| random.random()).collect();
    client.command(&[b"SET", b"text:c", &text]);
    let before = info(&mut client, "worked_out_beside");
    for [command, source] in LONGER {
        let mut results = Vec::new();
        for (key, other) in [("alone", "one"), ("together", "two")] {
            client.run("MULTI");
            client.run(&format!("COPY {source} {key} REPLACE"));
            client.run(&format!("DEL {other}"));
            client.run("EXEC");
            let command = command.replace("DEST", key).replace("other", other);
            let reply = if key == "alone" {
                client.run(&command)
            } else {
                client.run("MULTI");
                client.run(&command);
                let Value::Array(mut replies) = client.run("EXEC") else { panic!("{command}") };
                replies.remove(0)
            };
            let mut result = vec![vec![reply], content(&mut client, key), content(&mut client, other)];
            client.run("SELECT 1");
            result.push(content(&mut client, other));
            client.run("SELECT 0");
            results.push(result);
        }
        assert!(results[0] == results[1], "{command}");
    }
    // A range, three copies, and two removals that take many. (Members are in their own order only among equal scores.)
    assert_eq!(info(&mut client, "worked_out_beside") - before, 6);
    for command in
        ["COPY zset:c copy", "ZREMRANGEBYRANK copy 2000 81000", "ZRANGESTORE range zset:c 500 90000"]
    {
        client.run(command);
    }
    let contents = |client: &mut Client| ["zset:c", "copy", "range"].map(|key| content(client, key));
    let before = contents(&mut client);
    server.kill();
    server = TestServer::start(&dir, &["--loglevel", "warning"]);
    let mut client = server.client();
    assert!(contents(&mut client) == before, "the replay gives the same");
    // A key keeps its expiry.
    client.run("EXPIRE zset:c 1000");
    assert_eq!(client.run("ZREMRANGEBYRANK zset:c 0 100000"), Value::Integer(100_001));
    assert_eq!(client.run("ZCARD zset:c"), Value::Integer(19_999));
    assert!(matches!(client.run("TTL zset:c"), Value::Integer(1..=1000)));
}

#[test]
fn what_was_changed_before_the_result_was_there_is_in_it() {
    let mut random = SmallRng::seed_from_u64(seed("--test long_writes"));
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &["--loglevel", "warning"]);
    let mut client = server.client();
    fill_sources(&mut client, &mut random);
    let (mut total, mut busy) = (0, 0);
    for round in 0..12 {
        client.run("DEL d");
        let (stop, pause) =
            (AtomicBool::new(false), Duration::from_micros([0, 4000, 50_000, 200_000][round % 4]));
        let before = thread::scope(|scope| {
            let changes = scope.spawn(|| change_sources(&mut server.client(), round, &stop, pause));
            // So that it goes on while the result is worked out, and while it is stored.
            thread::sleep(Duration::from_millis(random.random_range(0..10)));
            let command =
                ["SUNIONSTORE d set:a set:b", "ZUNIONSTORE d 2 zset:a set:a", "SORT set:a ALPHA STORE d"];
            assert!(matches!(client.run(command[round % 3]), Value::Integer(_)));
            stop.store(true, SeqCst);
            changes.join().unwrap()
        });
        let found: HashSet<String> = match content(&mut client, "d").swap_remove(0) {
            Value::Array(items) => items.iter().map(Value::text).collect(),
            other => panic!("{other:?}"),
        };
        (total, busy) = (total + before.len(), busy.max(before.len()));
        for member in before {
            assert!(found.contains(&member), "round {round}: {member} was added before the result was there");
        }
    }
    let (worked_out, in_vain) =
        (info(&mut client, "worked_out_beside"), info(&mut client, "worked_out_in_vain"));
    eprintln!(
        "{total} changes before the results, {busy} at most; {worked_out} worked out, {in_vain} in vain"
    );
    assert!(in_vain > 0, "no source changed in time");
}

/// Adds members to a source until told to stop. Returns those that were added while the result was not there.
fn change_sources(client: &mut Client, round: usize, stop: &AtomicBool, pause: Duration) -> Vec<String> {
    let mut before = Vec::new();
    for number in 0.. {
        if stop.load(SeqCst) {
            break;
        }
        let member = format!("new:{round}:{number}");
        client.run("MULTI");
        client.run(&format!("SADD set:a {member}"));
        client.run("EXISTS d");
        let Value::Array(replies) = client.run("EXEC") else { panic!() };
        if replies == [Value::Integer(1), Value::Integer(0)] {
            before.push(member);
        }
        thread::sleep(pause);
    }
    before
}

#[test]
fn clients_that_go_and_servers_that_stop_leave_no_half_results() {
    let mut random = SmallRng::seed_from_u64(seed("--test long_writes"));
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    let mut server = TestServer::start(&dir, &["--loglevel", "warning"]);
    fill_sources(&mut server.client(), &mut random);
    let mut client = server.client();
    let whole = [0, 3, 7, 8, 11].map(|command| {
        let start = Instant::now();
        let len = client.run(&COMMANDS[command].replace("DEST", &format!("whole:{command}")));
        (command, len, start.elapsed())
    });
    let rest = info(&mut client, "table_used_bytes");
    for round in 0..6 {
        for (command, len, took) in &whole {
            let mut gone = server.client();
            let key = format!("d:{round}:{command}");
            let line = COMMANDS[*command].replace("DEST", &key);
            gone.send(format!("{line}\r\n").as_bytes()).unwrap();
            // While it is worked out, or while the result is stored.
            thread::sleep(took.mul_f64(random.random_range(0.0..1.2)));
            if round % 2 == 0 {
                drop(gone);
            } else {
                server.kill();
                server = TestServer::start(&dir, &["--loglevel", "warning"]);
            }
            let mut client = server.client();
            let stored = match client.run(&format!("TYPE {key}")).text().as_str() {
                "none" => None,
                "set" => Some(client.run(&format!("SCARD {key}"))),
                "zset" => Some(client.run(&format!("ZCARD {key}"))),
                "list" => Some(client.run(&format!("LLEN {key}"))),
                _ => Some(client.run(&format!("STRLEN {key}"))),
            };
            assert!(stored.is_none_or(|stored| stored == *len), "{}", COMMANDS[*command]);
        }
    }
    let mut client = server.client();
    let keys: Vec<String> = (0..6)
        .flat_map(|round| whole.iter().map(move |(command, ..)| format!("d:{round}:{command}")))
        .collect();
    wait_until_freed(&mut client, rest + (200 << 12), &keys);
}

#[test]
fn others_are_told_when_the_result_is_there() {
    let mut random = SmallRng::seed_from_u64(seed("--test long_writes"));
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &["--loglevel", "warning"]);
    let mut client = server.client();
    fill_sources(&mut client, &mut random);
    client.run("CONFIG SET notify-keyspace-events AKEmn");
    let (mut listener, mut watcher, mut waiting) = (server.client(), server.client(), server.client());
    listener.run("PSUBSCRIBE __keyevent@*__:*");
    watcher.run("WATCH d");
    waiting.send(b"BLPOP d 0\r\n").unwrap();
    thread::sleep(Duration::from_millis(50));
    let stored = client.run("SORT numbers:a STORE d");
    assert_eq!(stored, Value::Integer(ELEMENTS as i64));
    let Value::Array(first) = waiting.reply().unwrap() else { panic!() };
    assert_eq!(first.iter().map(Value::text).collect::<Vec<_>>(), ["d", "0"]);
    watcher.run("MULTI");
    watcher.run("PING");
    assert_eq!(watcher.run("EXEC"), Value::Null);
    client.run("SUNIONSTORE d set:a set:b missing");
    client.run("SET end 1");
    let mut told = Vec::new();
    while told.last().is_none_or(|last| last != "set end") {
        let Value::Array(words) = listener.reply().unwrap() else { panic!() };
        told.push(format!("{} {}", words[2].text().rsplit(':').next().unwrap(), words[3].text()));
    }
    let expected =
        ["new d", "sortstore d", "lpop d", "keymiss missing", "sunionstore d", "new end", "set end"];
    assert_eq!(told, expected);
}

/// Clients that do not read, and the long commands of each, one after the other.
const SILENT: usize = 8;
const UNREAD: usize = 40;

#[test]
fn clients_that_read_nothing_hold_up_no_long_command() {
    let mut random = SmallRng::seed_from_u64(seed("--test long_writes"));
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &["--loglevel", "warning"]);
    let mut client = server.client();
    fill_sources(&mut client, &mut random);
    client.command(&[b"CONFIG", b"SET", b"client-output-buffer-limit", b"pubsub 0 0 0"]);
    let silent: Vec<Client> = (0..SILENT)
        .map(|number| {
            let mut silent = server.client();
            silent.run("HELLO 3");
            silent.run("SUBSCRIBE news");
            let lines: String = (0..UNREAD)
                .map(|command| format!("ZUNIONSTORE unread:{number}:{command} 2 zset:a zset:b\r\n"))
                .collect();
            silent.send(lines.as_bytes()).unwrap();
            silent
        })
        .collect();
    // By then the others wait for their turn.
    while info(&mut client, "worked_out_beside") < 2 {
        thread::sleep(Duration::from_millis(1));
    }
    // More than sockets keep.
    let message = vec![b'x'; 1 << 20];
    for _ in 0..24 {
        assert_eq!(client.command(&[b"PUBLISH", b"news", &message]), Value::Integer(SILENT as i64));
    }
    let worked_out = info(&mut client, "worked_out_beside");
    for command in [3, 7, 0] {
        let len = client.run(&with_dest(COMMANDS[command], &format!("read:{command}")));
        assert!(matches!(len, Value::Integer(1..)), "{len:?}");
    }
    assert!(worked_out < (SILENT * UNREAD) as u64, "the silent clients were done before: {worked_out}");
    drop(silent);
}

#[test]
fn a_checkpoint_comes_when_short_records_take_long_to_replay() {
    let mut random = SmallRng::seed_from_u64(seed("--test long_writes"));
    let root = tempfile::tempdir().unwrap();
    let flags = ["--loglevel", "warning", "--recovery-target-ms", "100"];
    let server = TestServer::start(&root.path().join("data"), &flags);
    let mut client = server.client();
    for key in ["a", "b"] {
        let text: Vec<u8> = (0..4_000_000).map(|_| random.random()).collect();
        client.command(&[b"SET", key.as_bytes(), &text]);
    }
    client.run("SAVE");
    let (saved, logged) = (info(&mut client, "checkpoint_lsn"), info(&mut client, "wal_last_lsn"));
    let begun = Instant::now();
    while info(&mut client, "checkpoint_lsn") == saved {
        assert_eq!(client.run("BITOP XOR d a b"), Value::Integer(4_000_000));
        let records = info(&mut client, "wal_last_lsn") - logged;
        assert!(records < 2_000, "{records} records in {:.1?}, and no checkpoint", begun.elapsed());
    }
}
