//! What `DUMP` and `RESTORE` reply, and what is in their records.

use crate::command::tests::{Data, START_MS};
use crate::rdb::{Output, Seal};

/// Some keys of each type, small and large.
fn filled() -> Data {
    let mut data = Data::new();
    let many = |each: &dyn Fn(usize) -> String| (0..700).map(each).collect::<Vec<_>>().join(" ");
    for line in [
        "SET text hello".into(),
        "SET empty ''".into(),
        "SET number -70000".into(),
        format!("SET long {}", "v".repeat(200_000)),
        format!("RPUSH list a '' 7 {}", "e".repeat(5000)),
        format!("RPUSH nodes {}", many(&|number| format!("element:{number}"))),
        "SADD set a 5 ''".into(),
        format!("SADD members {}", many(&|number| format!("member:{number}"))),
        "ZADD zset 1.5 a -inf b inf c 0.1 ''".into(),
        format!("ZADD scores {}", many(&|number| format!("{} member:{number}", number as f64 / 8.0))),
        format!("HSET hash f v '' 5 long {}", "v".repeat(3000)),
        format!("HSET fields {}", many(&|number| format!("field:{number} {number}"))),
        "HSET timed a 1 b 2 c 3 d 4".into(),
        "HPEXPIRE timed 5000 FIELDS 2 a c".into(),
        "HPEXPIRE timed 4000 FIELDS 1 b".into(),
        format!("HSET timedfields {}", many(&|number| format!("field:{number} {number}"))),
    ] {
        data.run(&line);
    }
    fill_streams(&mut data);
    for number in 0..300 {
        data.run(&format!("HPEXPIRE timedfields {} FIELDS 1 field:{number}", 1000 + number * 7));
    }
    data.publish();
    data
}

/// Some streams: one that every Redis knows, one of Redis 7.0, one of Redis 7.2, a long one and an empty one.
fn fill_streams(data: &mut Data) {
    for line in [
        "XADD first 1-1 f v",
        "XGROUP CREATE first g 0",
        "XGROUP CREATE first h $ ENTRIESREAD 1",
        "XREADGROUP GROUP g c STREAMS first >",
        "XADD second 1-1 f v g 7",
        "XADD second 2-5 f w",
        "XADD second 9-0 f v g 8",
        "XGROUP CREATE second g 0",
        "XREADGROUP GROUP g c COUNT 2 STREAMS second >",
        "XDEL second 1-1",
        "XADD third 5-5 f v",
        "XGROUP CREATE third g 0 ENTRIESREAD 3",
        "XREADGROUP GROUP g c STREAMS third >",
        "XGROUP CREATECONSUMER third g never",
        "XCLAIM third g other 0 5-5 TIME 1600000000000 RETRYCOUNT 300",
        "XADD gone 1-1 f v",
        "XDEL gone 1-1",
        "XGROUP CREATE gone g $",
    ] {
        assert!(!data.run(line).starts_with('-'), "{line}");
    }
    (1..700).for_each(|number| drop(data.run(&format!("XADD entries {number}-1 f {number} other v"))));
    data.run(&format!("XADD entries 700-1 f {} other v", "v".repeat(5000)));
    for group in ["g", "h"] {
        data.run(&format!("XGROUP CREATE entries {group} 0"));
        for consumer in ["a", "b"] {
            data.now_ms += 10;
            data.run(&format!("XREADGROUP GROUP {group} {consumer} COUNT 200 STREAMS entries >"));
        }
    }
    data.run("XACK entries g 5-1 6-1 300-1");
    data.now_ms = START_MS;
}

const KEYS: [&str; 19] = [
    "first",
    "second",
    "third",
    "gone",
    "entries",
    "text",
    "empty",
    "number",
    "long",
    "list",
    "nodes",
    "set",
    "members",
    "zset",
    "scores",
    "hash",
    "fields",
    "timed",
    "timedfields",
];

/// The payload of a key.
fn payload(data: &mut Data, key: &str) -> Vec<u8> {
    let reply = data.run_words(&[b"DUMP", key.as_bytes()]);
    let start = reply.iter().position(|byte| *byte == b'\n').expect("a length") + 1;
    let len: usize = std::str::from_utf8(&reply[1..start - 2]).unwrap().parse().expect("a value");
    assert_eq!(reply.len(), start + len + 2, "{key}");
    reply[start..start + len].to_vec()
}

/// Restores a payload; the reply.
fn restore(data: &mut Data, key: &str, ttl: &str, payload: &[u8], options: &[&str]) -> String {
    let mut words = vec![b"RESTORE".as_slice(), key.as_bytes(), ttl.as_bytes(), payload];
    words.extend(options.iter().map(|option| option.as_bytes()));
    String::from_utf8(data.run_words(&words)).unwrap().trim_end().into()
}

/// A payload with a right footer.
fn sealed(value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut seal = Seal::new(&mut bytes);
    seal.put(value);
    seal.finish(9);
    bytes
}

/// Everything about a key of any type.
fn content(data: &mut Data, key: &str) -> Vec<Vec<u8>> {
    let read: Vec<&str> = match data.run(&format!("TYPE {key}")).as_str() {
        "+string" => vec!["GET KEY"],
        "+list" => vec!["LRANGE KEY 0 -1"],
        "+set" => vec!["SMEMBERS KEY"],
        "+zset" => vec!["ZRANGE KEY 0 -1 WITHSCORES"],
        "+stream" => vec!["XINFO STREAM KEY FULL COUNT 0", "XRANGE KEY - +", "XPENDING KEY g - + 1000"],
        "+hash" => vec!["HGETALL KEY", "HPEXPIRETIME KEY FIELDS 6 a b c d field:5 field:500"],
        _ => vec!["EXISTS KEY"],
    };
    read.into_iter()
        .chain(["OBJECT ENCODING KEY", "PEXPIRETIME KEY"])
        .map(|line| {
            let line = line.replace("KEY", key);
            data.run_words(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>())
        })
        .collect()
}

#[test]
fn what_was_dumped_is_restored() {
    let mut data = filled();
    for key in KEYS {
        let (payload, expected) = (payload(&mut data, key), content(&mut data, key));
        data.run("SET copy before EX 100");
        assert_eq!(restore(&mut data, "copy", "0", &payload, &["REPLACE"]), "+OK", "{key}");
        assert_eq!(content(&mut data, "copy"), expected, "{key}");
        assert!(self::payload(&mut data, "copy") == payload, "{key}");
    }
    assert!(data.replayed().dump() == data.dump());
}

#[test]
fn types_have_their_bytes() {
    let mut data = filled();
    for (key, value) in [
        ("text", &b"\x00\x05hello\x09\0"[..]),
        ("empty", b"\x00\x00\x09\0"),
        ("number", b"\x00\xC2\x90\xEE\xFE\xFF\x09\0"),
        ("set", b"\x02\x03\x00\xC0\x05\x01a\x09\0"),
        (
            "timed",
            b"\x18\xA0\x77\xE5\xCF\x8B\x01\0\0\x04\x43\xE9\x01a\xC0\x01\x01\x01b\xC0\x02\x43\xE9\x01c\xC0\x03\0\x01d\xC0\x04\x0C\0",
        ),
    ] {
        let payload = payload(&mut data, key);
        assert_eq!(&payload[..payload.len() - 8], value, "{key}");
    }
    // The first field has expired: it is left out.
    data.now_ms += 4000;
    let payload = payload(&mut data, "timed");
    assert_eq!(payload[..16], *b"\x18\x88\x7B\xE5\xCF\x8B\x01\0\0\x03\x01\x01a\xC0\x01\x01");
    assert_eq!(data.run("DUMP none"), "$-1");
}

#[test]
fn a_restored_key_expires_when_it_is_said() {
    let mut data = filled();
    let text = payload(&mut data, "text");
    let set = payload(&mut data, "set");
    for (key, payload) in [("a", &text), ("b", &set)] {
        assert_eq!(restore(&mut data, key, "5000", payload, &[]), "+OK");
        assert_eq!(data.run(&format!("PTTL {key}")), ":5000");
        let absolute = (START_MS + 7000).to_string();
        assert_eq!(restore(&mut data, key, &absolute, payload, &["absttl", "replace"]), "+OK");
        assert_eq!(data.run(&format!("PTTL {key}")), ":7000");
        assert_eq!(restore(&mut data, key, "0", payload, &["REPLACE", "ABSTTL"]), "+OK");
        assert_eq!(data.run(&format!("PTTL {key}")), ":-1");
        // Redis stores nothing either.
        assert_eq!(restore(&mut data, key, "1000", payload, &["REPLACE", "ABSTTL"]), "+OK");
        assert_eq!(data.run(&format!("EXISTS {key}")), ":0");
        assert_eq!(data.last_effects(), ["del"]);
        assert_eq!(restore(&mut data, key, "1000", payload, &["ABSTTL"]), "+OK");
        assert_eq!(data.run(&format!("EXISTS {key}")), ":0");
    }
    restore(&mut data, "a", "5000", &text, &[]);
    assert_eq!(data.last_effects(), ["set"]);
    restore(&mut data, "a", "5000", &set, &["REPLACE"]);
    assert_eq!(data.last_effects(), ["del", "sadd", "expire"]);
    // A key that has expired is not there any more.
    data.now_ms += 5000;
    assert_eq!(restore(&mut data, "a", "0", &text, &[]), "+OK");
    assert_eq!(data.last_effects(), ["expired", "set"]);
}

#[test]
fn fields_that_expire_together_are_in_one_effect() {
    let mut data = filled();
    let timed = payload(&mut data, "timed");
    restore(&mut data, "copy", "0", &timed, &[]);
    assert_eq!(data.last_effects(), ["hset", "hset", "hset"]);
    let nodes = payload(&mut data, "nodes");
    restore(&mut data, "copy", "0", &nodes, &["REPLACE"]);
    assert_eq!(data.last_effects(), ["del", "rpush"]);
}

#[test]
fn mistakes_are_reported_in_the_order_of_redis() {
    let mut data = filled();
    let text = payload(&mut data, "text");
    let mut damaged = text.clone();
    damaged[3] ^= 1;
    let bad = "-ERR Bad data format";
    let wrong = "-ERR DUMP payload version or checksum are wrong";
    let busy = "-BUSYKEY Target key name already exists.";
    let not_an_integer = "-ERR value is not an integer or out of range";
    let cases = [
        ("text", "x", &b""[..], &[][..], busy),
        ("text", "0", &text, &["FREQ", "256"], "-ERR Invalid FREQ value, must be >= 0 and <= 255"),
        ("text", "0", &text, &["IDLETIME", "-1"], "-ERR Invalid IDLETIME value, must be >= 0"),
        ("text", "0", &text, &["IDLETIME", "x"], not_an_integer),
        ("text", "0", &text, &["IDLETIME", "1", "FREQ", "1"], "-ERR syntax error"),
        ("text", "0", &text, &["FREQ"], "-ERR syntax error"),
        ("text", "0", &text, &["KEEPTTL"], "-ERR syntax error"),
        ("new", "x", b"", &[], not_an_integer),
        ("new", "-1", b"", &[], "-ERR Invalid TTL value, must be >= 0"),
        ("new", "9223372036854775807", &text, &[], "-ERR Invalid TTL value, must be >= 0"),
        ("new", "0", b"", &[], wrong),
        ("new", "0", b"123456789", &[], wrong),
        ("new", "0", &damaged, &[], wrong),
        ("new", "0", &sealed(b""), &[], bad),
        ("new", "0", &sealed(b"\xFA\x01a"), &[], bad),
        ("new", "0", &sealed(b"\x00\x05hell"), &[], bad),
        ("new", "0", &sealed(b"\x01\x00"), &[], bad),
        ("new", "0", &sealed(b"\x02\x02\x01a\x01a"), &[], bad),
        ("new", "0", &sealed(b"\x04\x02\x01a\x01b\x01a\x01c"), &[], bad),
        ("new", "0", &sealed(b"\x05\x02\x01a\0\0\0\0\0\0\0\0\x01a\0\0\0\0\0\0\xF0\x3F"), &[], bad),
        ("text", "0", &sealed(b"\x02\x02\x01a\x01a"), &["REPLACE"], bad),
    ];
    let records = data.records.len();
    for (key, ttl, payload, options, expected) in cases {
        assert_eq!(restore(&mut data, key, ttl, payload, options), expected, "{payload:?} {options:?}");
    }
    assert_eq!(data.records.len(), records, "nothing was changed");
    assert_eq!(restore(&mut data, "new", "0", &text, &["IDLETIME", "9", "idletime", "7"]), "+OK");
    assert_eq!(restore(&mut data, "new", "0", &text, &["FREQ", "255", "REPLACE"]), "+OK");
}

#[test]
fn members_that_are_too_long_are_refused_as_by_other_commands() {
    let mut data = Data::new();
    let long = [b'm'; 65_537];
    let value = |head: &[u8], tail: &[u8]| sealed(&[head, b"\x80\0\x01\0\x01", &long, tail].concat());
    for (payload, expected) in [
        (value(b"\x02\x01", b""), "-ERR member is too long: 65536 bytes at most"),
        (value(b"\x05\x01", b"\0\0\0\0\0\0\0\0"), "-ERR member is too long: 65536 bytes at most"),
        (value(b"\x04\x01", b"\x01v"), "-ERR field is too long: 65536 bytes at most"),
        (value(b"\x04\x01\x01f", b""), "+OK"),
    ] {
        assert_eq!(restore(&mut data, "k", "0", &payload, &[]), expected);
    }
}

/// The payload of a key without the checksum.
fn value(data: &mut Data, key: &str) -> Vec<u8> {
    let mut payload = payload(data, key);
    payload.truncate(payload.len() - 8);
    payload
}

/// Bytes of a stream up to its entries: one node.
const NODE: &[u8] = b"\x01\x10\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01";

#[test]
fn streams_have_their_oldest_form() {
    let mut data = Data::new();
    data.run("XADD s 1-1 f v");
    let entries = [
        NODE,
        b"\x1D\x1D\0\0\0\x0A\0\x01\x01\0\x01\x01\x01\x81f\x02\0\x01\x02\x01\0\x01\0\x01\x81v\x02\x04\x01\xFF",
    ]
    .concat();
    let of = |number: u8, end: &[u8]| [&[number], &entries[..], end].concat();
    let time = (START_MS).to_le_bytes();
    // Of Redis 5.0: one entry, the last ID, no groups.
    assert_eq!(value(&mut data, "s"), of(15, b"\x01\x01\x01\0\x09\0"));
    data.run("XGROUP CREATE s g 0 ENTRIESREAD 0");
    data.run("XREADGROUP GROUP g c STREAMS s >");
    let pending = [&b"\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01"[..], &time, b"\x01"].concat();
    let consumer = [&b"\x01c"[..], &time].concat();
    let owned = b"\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01";
    let end =
        [b"\x01\x01\x01\x01\x01g\x01\x01\x01", &pending[..], b"\x01", &consumer, owned, b"\x09\0"].concat();
    assert_eq!(value(&mut data, "s"), of(15, &end));
    // Of Redis 7.0: with the first ID, the highest deleted one, the number of entries added, and that of entries read.
    data.run("XSETID s 1-1 ENTRIESADDED 7 MAXDELETEDID 1-1");
    let end = [
        b"\x01\x01\x01\x01\x01\x01\x01\x07\x01\x01g\x01\x01\x01\x01",
        &pending[..],
        b"\x01",
        &consumer,
        owned,
        b"\x0A\0",
    ]
    .concat();
    assert_eq!(value(&mut data, "s"), of(19, &end));
    data.run("XADD t 1-1 f v");
    data.run("XGROUP CREATE t g 1-1");
    assert_eq!(value(&mut data, "t")[0], 19, "how many entries were read is not known");
    // Of Redis 7.2: with the time at which the consumer got an entry.
    data.now_ms += 1000;
    data.run("XREADGROUP GROUP g c COUNT 1 STREAMS s 1-1");
    data.run("XCLAIM s g c 5000 1-1");
    let value = value(&mut data, "s");
    let seen = [b"\x01c", &(START_MS + 1000).to_le_bytes()[..], &time].concat();
    assert_eq!((value[0], &value[value.len() - 2..]), (21, &b"\x0B\0"[..]));
    assert!(value.windows(seen.len()).any(|part| part == seen));
}

#[test]
fn a_damaged_stream_is_refused_and_changes_nothing() {
    let mut data = filled();
    let bad = "-ERR Bad data format";
    let third = value(&mut data, "third");
    let third = &third[..third.len() - 2];
    data.run("SET text before");
    let records = data.records.len();
    for len in 0..third.len() {
        assert_eq!(restore(&mut data, "text", "0", &sealed(&third[..len]), &["REPLACE"]), bad, "{len}");
    }
    let id = b"\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\x05";
    let last = third.windows(16).rposition(|part| part == id).expect("the pending entry of a consumer");
    // A consumer with another entry than the one that is pending; one without the entry that is pending.
    let mut other = third.to_vec();
    other[last + 15] = 6;
    assert_eq!(restore(&mut data, "text", "0", &sealed(&other), &["REPLACE"]), bad);
    let mut nobody = third.to_vec();
    nobody.splice(last - 1..last + 16, [0]);
    assert_eq!(restore(&mut data, "text", "0", &sealed(&nobody), &["REPLACE"]), bad);
    // The last ID is below that of the entry.
    let mut low = value(&mut data, "first");
    low.truncate(low.len() - 2);
    let last = low
        .windows(5)
        .position(|part| part == b"\xFF\x01\x01\x01\x02")
        .expect("the end of the node, and two groups");
    low[last + 3] = 0;
    assert_eq!(restore(&mut data, "text", "0", &sealed(&low), &["REPLACE"]), bad);
    assert_eq!(data.records.len(), records, "nothing was changed");
    assert_eq!(data.run("GET text"), "$6|before");
}

#[test]
fn a_restored_stream_is_created_by_few_effects() {
    let mut data = filled();
    let (first, gone) = (payload(&mut data, "first"), payload(&mut data, "gone"));
    restore(&mut data, "copy", "5000", &first, &[]);
    let groups = ["xgroup-create", "xclaim", "xgroup-create"];
    assert_eq!(data.last_effects(), [&["xadd", "xsetid"], &groups[..], &["expire"]].concat());
    restore(&mut data, "copy", "0", &gone, &["REPLACE"]);
    assert_eq!(data.last_effects(), ["del", "xcreate", "xsetid", "xgroup-create"]);
}

#[test]
fn a_stream_that_repeats_long_names_is_refused() {
    let mut data = Data::new();
    let (name, count) = ("n".repeat(10_000), 2_000);
    let mut node = crate::rdb::NodeWriter::default();
    for number in 1..=count {
        let id = crate::rdb::StreamId { ms: number, sequence: 0 };
        node.add(id, [(name.as_bytes(), &b"v"[..])].into_iter());
    }
    let mut value = vec![15, 1];
    node.finish(&mut value);
    let mut end = Vec::new();
    crate::rdb::put_length(count, &mut end);
    crate::rdb::put_length(count, &mut end);
    value.extend([&end[..], b"\0\0"].concat());
    let refused = "-ERR the stream is too large for its payload: its entries repeat long names";
    assert_eq!(restore(&mut data, "k", "0", &sealed(&value), &[]), refused);
    assert_eq!(data.run("EXISTS k"), ":0");
}
