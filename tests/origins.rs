//! Records of the log name the client that caused them, if `wal-origin` is on; replay ignores that.

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use ackd::effect::{self, Address};
use common::{Client, TestServer, Value};
use wal::{DirStorage, ReadOptions, Reader, Step};

/// What the log holds: the first key of each record, and the name of the client that caused it, with its library if it
/// told that.
fn names(dir: &Path) -> Vec<(String, Option<String>)> {
    let storage = DirStorage::open(dir.join("wal")).unwrap();
    let mut reader = Reader::open(&storage, ReadOptions::default()).unwrap();
    let (mut found, mut defined, mut group) = (Vec::new(), BTreeMap::new(), 0);
    loop {
        let record = match reader.next().unwrap() {
            Step::Record(record) => record,
            Step::CleanEnd(_) | Step::TornTail(_) => return found,
        };
        if record.group.number != group {
            group = record.group.number;
            defined.clear();
        }
        let decoded = effect::decode(record.payload).unwrap();
        let cause = decoded.cause;
        if let Some(origin) = cause.origin {
            assert!(matches!(origin.address, Address::V4(address) if address.ip().is_loopback()));
            assert!(origin.user.is_empty(), "the default user");
            let mut name = String::from_utf8(origin.name.to_vec()).unwrap();
            if !origin.library.is_empty() {
                name = format!("{name} {}", String::from_utf8_lossy(origin.library));
            }
            assert!(defined.insert(cause.number, name).is_none(), "an origin is defined once in a group");
        }
        let name = (cause.number > 0).then(|| defined[&cause.number].clone());
        let key = decoded.effects().find_map(|effect| effect.key().map(<[u8]>::to_vec)).unwrap_or_default();
        found.push((String::from_utf8(key).unwrap(), name));
    }
}

fn named(server: &TestServer, name: &str) -> Client {
    let mut client = Client::new(Box::new(server.tcp()));
    assert_eq!(client.run(&format!("CLIENT SETNAME {name}")), Value::Simple("OK".into()));
    client
}

#[test]
fn a_record_names_the_client_that_caused_it() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    let mut server = TestServer::start(&dir, &["--loglevel", "warning"]);
    let (mut a, mut b) = (named(&server, "a"), named(&server, "b"));
    let pipeline = |name: &str| -> Vec<u8> {
        (0..100)
            .flat_map(|number| common::encode(&[b"SET", format!("{name}:{number}").as_bytes(), b"v"]))
            .collect()
    };
    a.send(&pipeline("a")).unwrap();
    b.send(&pipeline("b")).unwrap();
    (0..100).for_each(|_| drop((a.reply().unwrap(), b.reply().unwrap())));
    // The name is that at the time of the command. A transaction is its client's, and so is a command that waited.
    a.run("CLIENT SETNAME other");
    a.run("SET other:1 v");
    for line in ["MULTI", "SET other:2 v", "EXEC"] {
        a.run(line);
    }
    b.send(&common::encode(&[b"BLPOP", b"other:list", b"0"])).unwrap();
    common::eventually("a client waits", || a.run("INFO clients").text().contains("blocked_clients:1"));
    a.run("RPUSH other:list x");
    b.reply().unwrap();
    // The server's own writes name no client.
    a.run("SET none:1 v PX 1");
    common::eventually("the key expires", || a.run("DBSIZE") == Value::Integer(202));
    assert!(server.stop().success());
    let found = names(&dir);
    for (key, name) in &found {
        let (prefix, expected) = (key.split(':').next().unwrap(), name.as_deref());
        match prefix {
            "a" | "b" => assert_eq!(expected, Some(prefix), "{key}"),
            "other" => assert!(matches!(expected, Some("other" | "b")), "{key} {name:?}"),
            _ => {}
        }
    }
    let of = |key: &str| -> Vec<Option<String>> {
        found.iter().filter(|(found, _)| found == key).map(|(_, name)| name.clone()).collect()
    };
    assert_eq!(of("other:2"), [Some("other".to_owned())]);
    assert_eq!(of("other:list"), [Some("other".to_owned()), Some("b".to_owned())]);
    assert_eq!(of("none:1"), [Some("other".to_owned()), None]);
}

#[test]
fn a_command_of_a_pipeline_has_the_origin_of_when_it_was_sent() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    let mut server = TestServer::start(&dir, &["--loglevel", "warning"]);
    let mut client = named(&server, "a");
    let lines = [
        "SET a 1",
        "CLIENT SETINFO LIB-NAME lib",
        "SET b 1",
        "CLIENT SETNAME b",
        "SET c 1",
        "MULTI",
        "SET d 1",
        "CLIENT SETINFO LIB-NAME other",
        "SET e 1",
        "EXEC",
        "SET f 1",
        "RESET",
        "SET g 1",
    ];
    client.send(&lines.map(|line| format!("{line}\r\n")).concat().into_bytes()).unwrap();
    lines.iter().for_each(|_| drop(client.reply().unwrap()));
    assert!(server.stop().success());
    let expected =
        [("a", "a"), ("b", "a lib"), ("c", "b lib"), ("d", "b lib"), ("f", "b other"), ("g", " other")];
    let expected = expected.map(|(key, name)| (key.to_owned(), Some(name.to_owned())));
    assert_eq!(names(&dir), expected);
}

#[test]
fn a_log_of_both_formats_replays() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    for (round, flag) in ["no", "yes", "no", "yes"].into_iter().enumerate() {
        let flags = ["--wal-origin", flag, "--checkpoint-interval", "0", "--loglevel", "warning"];
        let mut server = TestServer::start(&dir, &flags);
        let mut client = named(&server, flag);
        for number in 0..50 {
            client.run(&format!("SET key:{round}:{number} v"));
        }
        assert_eq!(client.run("DBSIZE"), Value::Integer(50 * (round as i64 + 1)));
        server.kill();
    }
    let mut server = TestServer::start(&dir, &["--loglevel", "warning"]);
    assert_eq!(server.client().run("DBSIZE"), Value::Integer(200));
    assert!(server.stop().success());
    let expected = |round: usize| (round % 2 == 1).then_some("yes");
    let found = names(&dir);
    assert_eq!(found.len(), 200);
    for (key, name) in found {
        let round = key.split(':').nth(1).unwrap().parse().unwrap();
        assert_eq!(name.as_deref(), expected(round), "{key}");
    }
}
