//! What long reads reply.

use super::common::{Client, Value, encode, eventually};
use super::data::{RANDOM, READS, fill};
use super::{long_reads, start};

/// What the writer replies to a read: it makes the whole reply, on its own version.
fn on_writer(client: &mut Client, line: &str) -> Value {
    assert_eq!(client.run("MULTI"), Value::Simple("OK".into()));
    client.run("INCR writes");
    client.run(line);
    match client.run("EXEC") {
        Value::Array(mut replies) => replies.pop().expect("two replies"),
        other => panic!("{line}: {other:?}"),
    }
}

/// An `INFO` field.
fn info(client: &mut Client, section: &str, field: &str) -> String {
    let text = client.run(&format!("INFO {section}")).text();
    let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_else(|| panic!("{text}"));
    line.trim_start_matches(':').to_owned()
}

#[test]
fn long_reads_reply_as_the_writer_does() {
    let root = tempfile::tempdir().unwrap();
    let server = start(&root.path().join("data"));
    let mut client = server.client();
    fill(&mut client);
    for version in ["2", "3"] {
        client.run(&format!("HELLO {version}"));
        for line in READS.iter().copied().chain(["KEYS *", "KEYS key:*", "SCAN 0 COUNT 100000"]) {
            let expected = on_writer(&mut client, line);
            assert_eq!(client.run(line), expected, "{line} in RESP{version}");
        }
    }
}

#[test]
fn random_elements_are_as_many_as_were_asked_for() {
    let root = tempfile::tempdir().unwrap();
    let server = start(&root.path().join("data"));
    let mut client = server.client();
    fill(&mut client);
    for (line, expected) in RANDOM {
        match client.run(line) {
            Value::Array(elements) => assert_eq!(elements.len(), *expected, "{line}"),
            other => panic!("{line}: {other:?}"),
        }
    }
}

#[test]
fn replies_stay_in_order_around_a_long_read() {
    let root = tempfile::tempdir().unwrap();
    let server = start(&root.path().join("data"));
    let mut client = server.client();
    fill(&mut client);
    let lines = [
        "SET x 1",
        "GET x",
        "LRANGE list 0 -1",
        "INCR x",
        "GET x",
        "SMEMBERS set",
        "HGETALL hash",
        "GET x",
        "MULTI",
        "INCR x",
        "LLEN list",
        "EXEC",
        "ZRANGE sorted 0 -1",
        "GET x",
    ];
    let expected: Vec<Value> = lines.iter().map(|line| client.run(line)).collect();
    client.run("SET x 1");
    let all: Vec<u8> = lines
        .iter()
        .flat_map(|line| encode(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>()))
        .collect();
    client.send(&all).unwrap();
    for (line, expected) in lines.iter().zip(expected) {
        assert_eq!(client.reply().unwrap(), expected, "{line}");
    }
}

#[test]
fn a_long_read_counts_once_and_is_slow() {
    let root = tempfile::tempdir().unwrap();
    let server = start(&root.path().join("data"));
    let mut client = server.client();
    fill(&mut client);
    client.run("CONFIG RESETSTAT");
    client.run("CONFIG SET slowlog-log-slower-than 0");
    client.run("SLOWLOG RESET");
    client.run("SMEMBERS set");
    let Value::Array(slow) = client.run("SLOWLOG GET -1") else { panic!() };
    let words = |entry: &Value| match entry {
        Value::Array(fields) => format!("{:?}", fields[3]),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        slow.iter().filter(|entry| words(entry).contains(&format!("{:?}", b"SMEMBERS".to_vec()))).count(),
        1
    );
    assert!(info(&mut client, "commandstats", "cmdstat_smembers").starts_with("calls=1,"));
    assert_eq!(info(&mut client, "stats", "keyspace_hits"), "1");
}

#[test]
fn a_client_that_wants_no_reply_gets_none() {
    let root = tempfile::tempdir().unwrap();
    let server = start(&root.path().join("data"));
    let mut client = server.client();
    fill(&mut client);
    client.send(b"CLIENT REPLY SKIP\r\nSMEMBERS set\r\nGET x\r\n").unwrap();
    assert_eq!(client.reply().unwrap(), Value::Null);
    client
        .send(b"CLIENT REPLY OFF\r\nSMEMBERS set\r\nLRANGE list 0 -1\r\nGET x\r\nCLIENT REPLY ON\r\n")
        .unwrap();
    assert_eq!(client.reply().unwrap(), Value::Simple("OK".into()));
    assert_eq!(client.run("PING"), Value::Simple("PONG".into()));
    eventually("the threads end", || long_reads(&server) == 0);
}

#[test]
fn expired_keys_are_deleted_before_a_long_reply_without_them() {
    let root = tempfile::tempdir().unwrap();
    let server = start(&root.path().join("data"));
    let mut client = server.client();
    fill(&mut client);
    client.run("CONFIG SET notify-keyspace-events KEAm");
    let mut listener = server.client();
    listener.run("PSUBSCRIBE __keyevent@0__:*");
    client.run("SET short value PX 1");
    client.run("SET passing value PX 1");
    let mut event = || match listener.reply().unwrap() {
        Value::Array(words) => (words[2].text(), words[3].text()),
        other => panic!("{other:?}"),
    };
    for key in ["short", "passing"] {
        assert_eq!(event(), ("__keyevent@0__:set".into(), key.into()));
        assert_eq!(event(), ("__keyevent@0__:expire".into(), key.into()));
    }
    std::thread::sleep(std::time::Duration::from_millis(5));
    let Value::Array(values) = client.run("MGET string string none short passing string") else { panic!() };
    let is_there: Vec<bool> = values.iter().map(|value| *value != Value::Null).collect();
    assert_eq!(is_there, [true, true, false, false, false, true]);
    let mut events: Vec<_> = (0..5).map(|_| event()).collect();
    let missing = |name: &str| ("__keyevent@0__:keymiss".to_owned(), name.to_owned());
    let expired = |name: &str| ("__keyevent@0__:expired".to_owned(), name.to_owned());
    assert_eq!(events.split_off(2), ["none", "short", "passing"].map(missing));
    events.sort();
    assert_eq!(events, ["passing", "short"].map(expired));
}
