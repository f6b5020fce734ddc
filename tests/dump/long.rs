//! Long values: stored in several steps beside the writer, whole or not at all; dumped while they are sent.

use std::thread;
use std::time::Duration;

use super::*;
use common::eventually;

/// Elements of each value: its payload is stored in several steps.
const ELEMENTS: usize = 9000;

/// Fills long keys of each type.
fn fill(client: &mut Client) {
    let elements: Vec<String> = (0..ELEMENTS).map(|number| format!("element:{number:06}")).collect();
    for part in elements.chunks(1000) {
        for (name, key, before, after) in [
            ("RPUSH", "list", None, None),
            ("SADD", "set", None, None),
            ("ZADD", "zset", Some("1.5"), None),
            ("HSET", "hash", None, Some("v")),
            ("HSET", "timed", None, Some("v")),
        ] {
            let mut words = vec![name, key];
            for element in part {
                words.extend(before);
                words.push(element);
                words.extend(after);
            }
            client.command(&words.into_iter().map(str::as_bytes).collect::<Vec<_>>());
        }
    }
    for (number, part) in elements.chunks(3).enumerate().take(2000) {
        let expiry = (4_000_000_000_000 + number as u64).to_string();
        let mut words = vec!["HPEXPIREAT", "timed", &expiry, "FIELDS", "3"];
        words.extend(part.iter().map(String::as_str));
        client.command(&words.into_iter().map(str::as_bytes).collect::<Vec<_>>());
    }
    client.command(&[b"SET", b"text", &[b't'; 3_000_000]]);
    fill_stream(client);
}

/// Fills a long stream with groups and many pending entries.
fn fill_stream(client: &mut Client) {
    client.run("MULTI");
    for number in 1..=ELEMENTS {
        client.run(&format!("XADD stream {number}-1 element {number} other value"));
    }
    client.run("EXEC");
    for group in ["one", "two"] {
        client.run(&format!("XGROUP CREATE stream {group} 0"));
        for consumer in ["a", "b", "c"] {
            client.run(&format!("XREADGROUP GROUP {group} {consumer} COUNT 2000 STREAMS stream >"));
        }
        client.run(&format!("XGROUP CREATECONSUMER stream {group} idle"));
    }
    client.run("XACK stream one 1-1 2-1 3000-1");
    client.run("XDEL stream 3-1 5000-1");
    client.run("XCLAIM stream two b 0 1-1 77-1 TIME 1600000000000 RETRYCOUNT 12");
}

/// The long keys.
const KEYS: [&str; 7] = ["list", "set", "zset", "hash", "timed", "text", "stream"];

/// A field of `INFO`.
pub fn info(client: &mut Client, field: &str) -> u64 {
    let info = client.run("INFO everything").text();
    let line = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.expect("INFO shows it").trim().parse().unwrap()
}

/// Content and expiry times of a key.
fn everything(client: &mut Client, key: &str) -> impl PartialEq + use<> {
    let fields = "FIELDS 3 element:000000 element:005000 element:008000";
    let times = match client.run(&format!("TYPE {key}")).text().as_str() {
        "hash" => client.run(&format!("HPEXPIRETIME {key} {fields}")),
        _ => Value::Null,
    };
    (content(client, key), times, client.run(&format!("PEXPIRETIME {key}")))
}

#[test]
fn long_values_are_restored_beside_as_in_a_transaction() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    let mut server = TestServer::start(&dir, &["--loglevel", "warning"]);
    let mut client = server.client();
    fill(&mut client);
    for key in KEYS {
        let before_all = info(&mut client, "worked_out_beside");
        let payload = dump(&mut client, key);
        assert!(payload.len() > 100_000, "{key}");
        for (options, before) in [(&[][..], "DEL copy"), (&["REPLACE"], "SET copy x EX 1000")] {
            for ttl in ["0", "4000000000000"] {
                let options = [&["ABSTTL"], options].concat();
                client.run(before);
                client.run("DEL together");
                assert_eq!(restore(&mut client, "copy", ttl, &payload, &options), ok(), "{key}");
                client.run("MULTI");
                restore(&mut client, "together", ttl, &payload, &options);
                assert_eq!(client.run("EXEC"), Value::Array(vec![ok()]), "{key}");
                let (copy, together) = (everything(&mut client, "copy"), everything(&mut client, "together"));
                assert!(copy == together, "{key} {options:?} {ttl}");
                assert!(dump(&mut client, "copy") == payload, "{key}");
            }
        }
        assert_eq!(info(&mut client, "worked_out_beside") - before_all, 4, "{key}");
        // Long payloads are refused beside the writer, too.
        let broken = payloads::sealed(&payload[..payload.len() - 11], 9);
        let refused = restore(&mut client, "none", "0", &broken, &[]);
        assert_eq!(refused, Value::Error("ERR Bad data format".into()), "{key}");
        let busy = restore(&mut client, "copy", "0", &payload, &[]);
        assert_eq!(busy, Value::Error("BUSYKEY Target key name already exists.".into()));
        assert_eq!(restore(&mut client, "copy", "1", &payload, &["REPLACE", "ABSTTL"]), ok());
        assert_eq!(client.run("EXISTS copy none"), Value::Integer(0));
        assert_eq!(restore(&mut client, &format!("kept:{key}"), "0", &payload, &[]), ok());
    }
    server.kill();
    let server = TestServer::start(&dir, &["--loglevel", "warning"]);
    let mut client = server.client();
    for key in KEYS {
        assert!(everything(&mut client, key) == everything(&mut client, &format!("kept:{key}")), "{key}");
    }
}

#[test]
fn a_long_value_is_there_as_a_whole_or_not_at_all() {
    let mut random = SmallRng::seed_from_u64(seed("--test dump a_long_value"));
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    let mut server = TestServer::start(&dir, &["--loglevel", "warning"]);
    let mut client = server.client();
    fill(&mut client);
    let payloads = KEYS.map(|key| dump(&mut client, key));
    let (mut whole, mut missing) = (0, 0);
    for round in 0..4 {
        for (key, payload) in KEYS.iter().zip(&payloads) {
            let (mut gone, name) = (server.client(), format!("copy:{round}:{key}"));
            gone.send(&common::encode(&[b"RESTORE", name.as_bytes(), b"0", payload])).unwrap();
            let pause_ms = [0, 30, 100, 300, 1000][random.random_range(0..5)];
            thread::sleep(Duration::from_millis(random.random_range(0..=pause_ms)));
            if round % 2 == 0 {
                drop(gone);
            } else {
                server.kill();
                server = TestServer::start(&dir, &["--loglevel", "warning"]);
            }
            let mut client = server.client();
            if client.run(&format!("EXISTS {name}")) == Value::Integer(1) {
                whole += 1;
                assert!(dump(&mut client, &name) == *payload, "{name}");
            } else {
                missing += 1;
            }
        }
    }
    eprintln!("{whole} whole, {missing} missing");
}

#[test]
fn others_are_told_of_a_long_value_when_it_is_there() {
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &["--loglevel", "warning"]);
    let mut client = server.client();
    fill(&mut client);
    let payload = dump(&mut client, "list");
    client.run("CONFIG SET notify-keyspace-events AKEn");
    let (mut listener, mut watcher, mut waiting) = (server.client(), server.client(), server.client());
    listener.run("PSUBSCRIBE __keyevent@*__:*");
    watcher.run("WATCH d");
    waiting.send(b"BLPOP d 0\r\n").unwrap();
    eventually("a client waits", || info(&mut client, "blocked_clients") == 1);
    assert_eq!(restore(&mut client, "d", "100000", &payload, &[]), ok());
    let Value::Array(first) = waiting.reply().unwrap() else { panic!() };
    assert_eq!(first.iter().map(Value::text).collect::<Vec<_>>(), ["d", "element:000000"]);
    watcher.run("MULTI");
    watcher.run("PING");
    assert_eq!(watcher.run("EXEC"), Value::Null);
    assert_eq!(restore(&mut client, "d", "0", &payload, &["REPLACE"]), ok());
    assert_eq!(restore(&mut client, "d", "1", &payload, &["REPLACE", "ABSTTL"]), ok());
    client.run("SET end 1");
    let mut told = Vec::new();
    while told.last().is_none_or(|last| last != "set end") {
        let Value::Array(words) = listener.reply().unwrap() else { panic!() };
        told.push(format!("{} {}", words[2].text().rsplit(':').next().unwrap(), words[3].text()));
    }
    let expected = ["new d", "restore d", "lpop d", "new d", "restore d", "del d", "new end", "set end"];
    assert_eq!(told, expected);
}

#[test]
fn fields_that_expire_while_a_value_is_stored_are_deleted_afterwards() {
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &["--loglevel", "warning"]);
    let mut client = server.client();
    let mut value = vec![24];
    value.extend(1000_u64.to_le_bytes());
    value.extend([0x80, 0, 0, 0x40, 0]);
    for number in 0..0x4000 {
        // Every second field has expired long ago.
        value.push(1 - number as u8 % 2);
        let field = format!("field:{number:05}");
        value.push(field.len() as u8);
        value.extend(field.as_bytes());
        value.extend(b"\x01v");
    }
    let payload = payloads::sealed(&value, 12);
    assert_eq!(restore(&mut client, "k", "0", &payload, &[]), ok());
    assert_eq!(info(&mut client, "worked_out_in_vain"), 0);
    assert_eq!(client.run("HLEN k"), Value::Integer(0x2000));
    assert_eq!(client.run("HEXISTS k field:00000"), Value::Integer(0));
    assert_eq!(client.run("HEXISTS k field:00001"), Value::Integer(1));
}

#[test]
fn a_long_dump_is_sent_while_it_is_made() {
    let root = tempfile::tempdir().unwrap();
    let server =
        TestServer::start(&root.path().join("data"), &["--loglevel", "warning", "--reply-bytes-max", "1mb"]);
    let mut client = server.client();
    fill(&mut client);
    let payload = dump(&mut client, "text");
    assert_eq!(payload.len(), 3_000_000 + 1 + 5 + 10);
    for (key, fits) in [("text", false), ("set", true)] {
        client.run("MULTI");
        client.run(&format!("DUMP {key}"));
        match client.run("EXEC") {
            Value::Array(replies) => assert!(fits && matches!(&replies[..], [Value::Bulk(_)]), "{key}"),
            Value::Error(text) => assert!(!fits && text.contains("reply-bytes-max"), "{key}: {text}"),
            other => panic!("{key}: {other:?}"),
        }
    }
}
