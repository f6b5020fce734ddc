//! `DUMP` and `RESTORE` between ackd and a real redis-server: values of all types and encodings move both ways and stay the
//! same, and both servers take and refuse the same payloads.
//!
//! The long form: `ACKD_DUMP_VALUES=10000 ACKD_DUMP_MUTANTS=100000 cargo test --test dump -- --nocapture`

mod common;
#[path = "dump/long.rs"]
mod long;
#[path = "dump/mutants.rs"]
mod mutants;
#[path = "dump/payloads.rs"]
mod payloads;
#[path = "dump/streams.rs"]
mod streams;
#[path = "dump/values.rs"]
mod values;

use common::reference::Reference;
use common::{Client, TestServer, Value, seed, setting};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use values::Values;

/// Two servers, and a client of each.
struct Pair {
    server: TestServer,
    reference: Reference,
    _root: tempfile::TempDir,
    ours: Client,
    theirs: Client,
}

impl Pair {
    fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        let server = TestServer::start(&root.path().join("data"), &["--loglevel", "warning"]);
        let reference = Reference::start(root.path());
        let (ours, theirs) = (server.client(), reference.client());
        Self { server, reference, _root: root, ours, theirs }
    }
}

/// What a key holds, in an order that does not depend on how it was made; scores as numbers.
fn content(client: &mut Client, key: &str) -> (String, Vec<Vec<u8>>) {
    let kind = client.run(&format!("TYPE {key}")).text();
    if kind == "stream" {
        return (kind, streams::described(client, key));
    }
    let (read, width) = match kind.as_str() {
        "string" => ("GET KEY", 0),
        "list" => ("LRANGE KEY 0 -1", 0),
        "set" => ("SMEMBERS KEY", 1),
        "zset" => ("ZRANGE KEY 0 -1 WITHSCORES", 2),
        "hash" => ("HGETALL KEY", 2),
        _ => ("TYPE KEY", 0),
    };
    let bytes = |value: Value| match value {
        Value::Bulk(bytes) => bytes,
        other => other.text().into_bytes(),
    };
    let mut items: Vec<Vec<u8>> = match client.run(&read.replace("KEY", key)) {
        Value::Array(items) => items.into_iter().map(bytes).collect(),
        item => vec![bytes(item)],
    };
    if kind == "zset" {
        for score in items.iter_mut().skip(1).step_by(2) {
            let number: f64 = std::str::from_utf8(score).unwrap().parse().unwrap();
            *score = number.to_bits().to_be_bytes().into();
        }
    }
    if width > 0 {
        let mut groups: Vec<_> = items.chunks(width).map(<[_]>::to_vec).collect();
        groups.sort();
        items = groups.concat();
    }
    (kind, items)
}

/// The payload of a key.
fn dump(client: &mut Client, key: &str) -> Vec<u8> {
    match client.run(&format!("DUMP {key}")) {
        Value::Bulk(payload) => payload,
        other => panic!("{key}: {other:?}"),
    }
}

/// Restores a payload.
fn restore(client: &mut Client, key: &str, ttl: &str, payload: &[u8], options: &[&str]) -> Value {
    let mut words = vec![b"RESTORE".as_slice(), key.as_bytes(), ttl.as_bytes(), payload];
    words.extend(options.iter().map(|option| option.as_bytes()));
    client.command(&words)
}

/// `+OK`
fn ok() -> Value {
    Value::Simple("OK".into())
}

#[test]
fn random_values_move_both_ways() {
    let mut random = SmallRng::seed_from_u64(seed("--test dump random_values"));
    let mut pair = Pair::start();
    let (ours, theirs) = (&mut pair.ours, &mut pair.theirs);
    let (mut bytes, mut encodings) = (0, std::collections::BTreeMap::<String, u32>::new());
    for number in 0..setting("ACKD_DUMP_VALUES", 300) {
        values::configure(theirs, &mut random);
        let mut values = Values::new(&mut random);
        let description = values.create(theirs, "theirs");
        let expected = content(theirs, "theirs");
        let their_payload = dump(theirs, "theirs");
        bytes += their_payload.len();
        let encoding = theirs.run("OBJECT ENCODING theirs");
        *encodings.entry(format!("{} {}", expected.0, encoding.text())).or_default() += 1;
        let what = format!("value {number}: {description}");
        assert_eq!(restore(ours, "ours", "0", &their_payload, &[]), ok(), "{what}");
        let ours_now = content(ours, "ours");
        assert!(ours_now == expected, "{what}: {}", streams::difference(&ours_now.1, &expected.1));
        let our_payload = dump(ours, "ours");
        assert_eq!(restore(theirs, "back", "0", &our_payload, &[]), ok(), "{what}");
        assert!(content(theirs, "back") == expected, "{what}");
        // A hash stays a table in the place of a long value that was overwritten, but not when it is restored.
        assert_eq!(restore(theirs, "again", "0", &their_payload, &[]), ok(), "{what}");
        let again = theirs.run("OBJECT ENCODING again");
        assert_eq!(theirs.run("OBJECT ENCODING back"), again, "{what}");
        assert_eq!(restore(ours, "ours", "100000", &our_payload, &["REPLACE"]), ok(), "{what}");
        assert!(content(ours, "ours") == expected, "{what}");
        assert!(matches!(ours.run("PTTL ours"), Value::Integer(1..=100_000)), "{what}");
        theirs.run("DEL theirs back again");
        ours.run("DEL ours");
    }
    eprintln!("{bytes} bytes of payloads: {encodings:?}");
}

#[test]
fn older_encodings_are_taken_by_both() {
    let mut pair = Pair::start();
    let mut compared = 0;
    for (name, payload) in payloads::all() {
        assert_eq!(restore(&mut pair.ours, "k", "0", &payload, &["REPLACE"]), ok(), "{name}");
        if payloads::is_known(&payload) {
            assert_eq!(restore(&mut pair.theirs, "k", "0", &payload, &["REPLACE"]), ok(), "{name}");
            assert!(content(&mut pair.ours, "k") == content(&mut pair.theirs, "k"), "{name}");
            compared += 1;
        }
    }
    assert!(compared > 30, "only {compared}");
}

#[test]
fn mistakes_get_the_same_replies() {
    let mut pair = Pair::start();
    let mut replies = Vec::new();
    let payload = {
        pair.theirs.run("SET text hello");
        dump(&mut pair.theirs, "text")
    };
    for client in [&mut pair.ours, &mut pair.theirs] {
        client.run("SET busy 1");
        let mut all = Vec::new();
        let mut changed = payload.clone();
        changed[2] ^= 1;
        for (key, ttl, payload, options) in [
            ("busy", "x", &b""[..], &[][..]),
            ("busy", "0", &payload, &["FREQ", "256"]),
            ("busy", "0", &payload, &["IDLETIME", "-1"]),
            ("busy", "0", &payload, &["IDLETIME", "1", "FREQ", "1"]),
            ("busy", "0", &payload, &["REPLACE", "FREQ"]),
            ("busy", "0", &payload, &["XX"]),
            ("new", "x", &payload, &[]),
            ("new", "-1", &payload, &[]),
            ("new", "0", b"", &[]),
            ("new", "0", b"0123456789", &[]),
            ("new", "0", &changed, &[]),
            ("new", "0", &payloads::sealed(b"", 10), &[]),
            ("new", "0", &payloads::sealed(b"\x00\x3Fhell", 10), &[]),
            ("new", "0", &payloads::sealed(b"\x00\x05hello", 5), &["IDLETIME", "10"]),
            ("new", "0", &payloads::sealed(b"\x00\x05hello and more", 5), &["REPLACE", "FREQ", "7"]),
            ("new", "0", &payloads::sealed(b"\x02\x00", 10), &["REPLACE"]),
            ("busy", "1000", &payload, &["REPLACE", "ABSTTL"]),
            ("busy", "1000", &payload, &["ABSTTL"]),
        ] {
            all.push(restore(client, key, ttl, payload, options));
            all.push(client.run("GET new"));
            all.push(client.run("EXISTS busy"));
        }
        all.push(client.run("RESTORE a 0"));
        all.push(client.run("DUMP"));
        all.push(client.run("DUMP none"));
        replies.push(all);
    }
    assert_eq!(replies[0], replies[1]);
}

#[test]
fn restoring_sends_the_same_events() {
    let mut pair = Pair::start();
    pair.theirs.run("SET text hello");
    pair.theirs.run("RPUSH list a b c");
    pair.theirs.run("XADD stream 1-1 f v");
    pair.theirs.run("XGROUP CREATE stream g 0");
    pair.theirs.run("XREADGROUP GROUP g c STREAMS stream >");
    let [text, list, stream] = ["text", "list", "stream"].map(|key| dump(&mut pair.theirs, key));
    pair.theirs.run("DEL text list stream");
    let mut told = Vec::new();
    let clients = [(pair.server.client(), &mut pair.ours), (pair.reference.client(), &mut pair.theirs)];
    for (mut listener, client) in clients {
        client.run("CONFIG SET notify-keyspace-events KEAn");
        listener.run("PSUBSCRIBE __key*");
        restore(client, "a", "0", &text, &[]);
        restore(client, "a", "0", &list, &[]);
        restore(client, "a", "100000", &list, &["REPLACE"]);
        restore(client, "a", "1", &list, &["REPLACE", "ABSTTL"]);
        restore(client, "a", "1", &list, &["REPLACE", "ABSTTL"]);
        restore(client, "b", "100000", &text, &[]);
        restore(client, "c", "0", &stream, &[]);
        restore(client, "a", "100000", &stream, &["REPLACE"]);
        restore(client, "a", "0", &stream, &[]);
        restore(client, "a", "1", &stream, &["REPLACE", "ABSTTL"]);
        client.run("SET end 1");
        let mut events: Vec<String> = Vec::new();
        while events.last().is_none_or(|last| last != "__keyevent@0__:set end") {
            let Value::Array(words) = listener.reply().unwrap() else { panic!() };
            if words.len() == 4 {
                events.push(format!("{} {}", words[2].text(), words[3].text()));
            }
        }
        told.push(events);
    }
    assert_eq!(told[0], told[1]);
    assert!(told[0].len() > 16, "{told:?}");
}
