//! Who caused a record is shown wherever the reader begins, and kept by a repair.

use ackd::effect::{Address, Cause, EffectBuffer, Origin, Routine};
use wal::{DirStorage, ReadOptions, Reader, Step};

use crate::common::{Data, payload, set};
use crate::repair::{keys, ruin};

fn caused(number: u64, cause: &Cause<'_>) -> Vec<u8> {
    let (key, value) = (format!("key:{number}"), format!("value:{number}"));
    let (command_id, effects) = set(key.as_bytes(), value.as_bytes());
    let (mut buffer, mut bytes) = (EffectBuffer::new(), Vec::new());
    buffer.set_cause(cause);
    effects.iter().for_each(|effect| buffer.push(effect));
    buffer.write(command_id, &mut bytes);
    bytes
}

fn worker() -> Origin<'static> {
    let address = Address::parse("127.0.0.1:4000");
    Origin { user: b"", address, name: b"worker", library: b"redis-py", version: b"5.0" }
}

fn unix() -> Origin<'static> {
    Origin { user: b"alice", address: Address::Text(b"/run/a:0"), name: b"", library: b"", version: b"" }
}

/// A group with records of two clients, of nobody, and of an origin that is not defined.
fn group() -> Vec<Vec<u8>> {
    let by = |number, origin| Cause { number, origin, routine: None };
    vec![
        caused(11, &by(1, Some(worker()))),
        caused(12, &by(2, Some(unix()))),
        caused(13, &by(1, None)),
        payload(&set(b"key:14", b"value:14")),
        caused(15, &Cause { routine: Some(Routine::Function(b"mine.f")), ..by(2, None) }),
        caused(16, &by(7, None)),
    ]
}

fn data() -> Data {
    let mut data = Data::new();
    data.group(&[set(b"old", b"v")]);
    data.payloads(&group());
    data.group(&[set(b"new", b"v")]);
    data.seal();
    data
}

#[test]
fn the_client_is_printed_wherever_the_reader_begins() {
    let data = data();
    let shown = |words: &[&str]| -> Vec<String> {
        let lines = data.run(words).expect(0).text().to_owned();
        lines.lines().map(|line| line.split_once("  by ").map_or("", |(_, by)| by).to_owned()).collect()
    };
    let expected = [
        "",
        "127.0.0.1:4000 worker lib redis-py 5.0 as default",
        "/run/a:0 as alice",
        "127.0.0.1:4000 worker lib redis-py 5.0 as default",
        "",
        "/run/a:0 as alice in \"function mine.f\"",
        "an unknown client",
        "",
    ];
    assert_eq!(shown(&["dump", "DIR"]), expected);
    for from in 1..=8 {
        let text = from.to_string();
        assert_eq!(shown(&["dump", "DIR", "--from-lsn", &text]), expected[from - 1..], "from {from}");
    }
    let mut backwards = expected;
    backwards.reverse();
    assert_eq!(shown(&["dump", "DIR", "--reverse"]), backwards);
    assert_eq!(shown(&["dump", "DIR", "--key", "key:15"]), expected[5..6]);
    assert_eq!(shown(&["tail", "DIR", "-n", "4"]), expected[4..]);
    let cat = data.run(&["cat", "DIR", "4"]).expect(0);
    assert!(cat.text().contains("\norigin     127.0.0.1:4000 worker lib redis-py 5.0 as default\n"));
}

#[test]
fn other_forms_have_the_client_in_fields_of_their_own() {
    let data = data();
    let objects = data.run(&["dump", "DIR", "--from-lsn", "4", "--format", "jsonl"]).expect(0).objects();
    let worker = serde_json::json!({
        "user": "default", "addr": "127.0.0.1:4000", "name": "worker", "lib": "redis-py", "lib_ver": "5.0"
    });
    assert_eq!(objects[0]["origin"], worker);
    assert!(objects[1].get("origin").is_none());
    assert_eq!(objects[2]["origin"], serde_json::json!({"user": "alice", "addr": "/run/a:0"}));
    assert_eq!(objects[2]["routine"], "function mine.f");
    assert!(objects[3].get("origin").is_none());
    let csv = data.run(&["dump", "DIR", "--from-lsn", "3", "--limit", "2", "--format", "csv"]).expect(0);
    assert!(csv.text().lines().nth(1).unwrap().ends_with(",alice,/run/a:0,,,,"), "{}", csv.text());
    assert!(csv.text().lines().nth(2).unwrap().ends_with(",default,127.0.0.1:4000,worker,redis-py,5.0,"));
    let resp = data.run(&["dump", "DIR", "--format", "resp"]).expect(0);
    assert_eq!(resp.text().matches("\r\nSET\r\n").count(), 8);
    assert!(!resp.text().contains("worker"));
}

/// Number of each record's origin, and whether the record defines it.
fn causes(data: &Data) -> Vec<(u32, bool)> {
    let storage = DirStorage::open(data.path().join("wal")).unwrap();
    let mut reader = Reader::open(&storage, ReadOptions::default()).unwrap();
    let mut found = Vec::new();
    while let Step::Record(record) = reader.next().unwrap() {
        let cause = ackd::effect::cause(record.payload).unwrap();
        found.push((cause.number, cause.origin.is_some()));
    }
    found
}

#[test]
fn a_repair_that_gives_up_the_defining_record_lets_the_next_one_define() {
    let mut data = keys(2, 2);
    let missing = caused_by_missing_key(&Cause { number: 1, origin: Some(worker()), routine: None });
    let by = Cause { number: 1, ..Cause::default() };
    data.group(&[set(b"key:3", b"value:3")]);
    data.payloads(&[missing, caused(5, &by), caused(6, &by)]);
    data.seal();
    ruin(&data, &[3]);
    data.run(&["repair", "--skip-bad-records", "--apply", "--yes-i-lose", "2", "DIR"]).expect(0);
    let (found, shown) =
        (causes(&data), data.run(&["dump", "DIR", "--key", "key:*"]).expect(0).text().to_owned());
    assert_eq!(&found[found.len() - 3..], [(0, false), (1, true), (1, false)], "{shown}");
    assert_eq!(shown.matches("by 127.0.0.1:4000 worker").count(), 2, "{shown}");
}

/// A record that no longer fits once the record that made its key is lost.
fn caused_by_missing_key(cause: &Cause<'_>) -> Vec<u8> {
    use ackd::effect::{Effect, KeyChange};
    let (mut buffer, mut bytes) = (EffectBuffer::new(), Vec::new());
    buffer.set_cause(cause);
    buffer.push(&Effect::on(0, b"key:3", KeyChange::Expire { expire_at_ms: None }));
    buffer.write(7, &mut bytes);
    bytes
}
