//! Streams with groups: between both servers, and what a payload must not say.

use ackd::rdb::{Input, StreamType, open, read_stream};

use super::long::info;
use super::*;

/// Makes a stream with entries, deletions and groups.
pub fn create(client: &mut Client, random: &mut SmallRng, key: &str) {
    let (mut ms, same) = (random.random_range(1..1000_u64), random.random::<bool>());
    let mut ids = Vec::new();
    for number in 0..entries(random) {
        ms += random.random_range(0..50);
        let id = format!("{ms}-{number}");
        let value = "v".repeat(random.random_range(0..200));
        let line = match random.random_range(0..4) {
            _ if same => format!("XADD {key} {id} field {number} other {value}x"),
            0 => format!("XADD {key} {id} field -{number}"),
            1 => format!("XADD {key} {id} f {number} g {value}y h 1.5"),
            _ => format!("XADD {key} {id} other {value}x field 1"),
        };
        client.run(&line);
        ids.push(id);
    }
    for group in &["one", "two", "three"][..random.random_range(0..4)] {
        make_group(client, random, key, group, &ids);
    }
    if random.random() {
        change(client, random, key, &ids);
    }
    // Only then, nothing shows of whether an entry was ever deleted.
    if random.random_range(0..4) == 0 {
        client.run(&format!("XTRIM {key} MAXLEN {}", random.random_range(0..3)));
    }
}

/// Number of entries: mostly few.
fn entries(random: &mut SmallRng) -> usize {
    match random.random_range(0..10) {
        0..5 => random.random_range(1..8),
        5..9 => random.random_range(1..120),
        _ => random.random_range(100..700),
    }
}

/// Makes a group, and has it read.
fn make_group(client: &mut Client, random: &mut SmallRng, key: &str, group: &str, ids: &[String]) {
    let start = match random.random_range(0..3) {
        0 => &ids[random.random_range(0..ids.len())],
        1 => "$",
        _ => "0",
    };
    let read = ["", " ENTRIESREAD 3"][random.random_range(0..2)];
    client.run(&format!("XGROUP CREATE {key} {group} {start}{read}"));
    for _ in 0..random.random_range(0..6) {
        let (consumer, count) = (random.random_range(0..4), random.random_range(1..30));
        client.run(&format!("XREADGROUP GROUP {group} consumer:{consumer} COUNT {count} STREAMS {key} >"));
    }
    if random.random_range(0..4) == 0 {
        client.run(&format!("XGROUP CREATECONSUMER {key} {group} new"));
    }
}

/// Deletes entries, and changes what is pending.
fn change(client: &mut Client, random: &mut SmallRng, key: &str, ids: &[String]) {
    for _ in 0..random.random_range(0..20) {
        let id = &ids[random.random_range(0..ids.len())];
        let line = match random.random_range(0..4) {
            0 => format!("XDEL {key} {id}"),
            1 => format!("XACK {key} one {id}"),
            2 => format!("XCLAIM {key} one consumer:1 0 {id} TIME 1600000000000 RETRYCOUNT 300"),
            _ => format!("XCLAIM {key} two consumer:9 0 {id} IDLE {} FORCE", random.random_range(0..900)),
        };
        client.run(&line);
    }
}

/// A value in words, without what is about how a server lays a stream out, or only of Redis 7.2.
fn words(value: Value, all: &mut Vec<Vec<u8>>) {
    const LEFT_OUT: [&[u8]; 3] = [b"radix-tree-keys", b"radix-tree-nodes", b"active-time"];
    let Value::Array(items) = value else {
        return all.push(match value {
            Value::Bulk(bytes) => bytes,
            // It names the key.
            Value::Error(_) => b"(error)".into(),
            other => format!("{other:?}").into(),
        });
    };
    all.push(b"[".into());
    let mut items = items.into_iter();
    while let Some(item) = items.next() {
        match &item {
            Value::Bulk(name) if LEFT_OUT.contains(&&name[..]) => drop(items.next()),
            _ => words(item, all),
        }
    }
    all.push(b"]".into());
}

/// All that a server says of a stream.
pub fn described(client: &mut Client, key: &str) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    words(client.run(&format!("XINFO STREAM {key} FULL COUNT 0")), &mut all);
    words(client.run(&format!("XRANGE {key} - +")), &mut all);
    for group in ["one", "two", "three"] {
        // There are no idle times in the short form.
        words(client.run(&format!("XPENDING {key} {group}")), &mut all);
    }
    all
}

/// The words of two descriptions around the first difference.
pub fn difference(one: &[Vec<u8>], other: &[Vec<u8>]) -> String {
    let at = one.iter().zip(other).position(|(one, other)| one != other).unwrap_or(0);
    let around = |all: &[Vec<u8>]| {
        let part = &all[at.saturating_sub(20).min(all.len())..(at + 10).min(all.len())];
        part.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect::<Vec<_>>().join(" ")
    };
    format!("{}\n{}", around(one), around(other))
}

/// What the server says of when consumers got entries last.
fn activity(client: &mut Client, key: &str) -> Vec<String> {
    let full = format!("{:?}", client.run(&format!("XINFO STREAM {key} FULL COUNT 0")));
    full.split("active-time").skip(1).map(|rest| rest.chars().take(40).collect()).collect()
}

#[test]
fn streams_made_here_move_there() {
    let mut random = SmallRng::seed_from_u64(seed("--test dump streams_made_here"));
    let mut pair = Pair::start();
    let (ours, theirs) = (&mut pair.ours, &mut pair.theirs);
    theirs.run("CONFIG SET sanitize-dump-payload yes");
    let mut versions = [0; 3];
    for number in 0..setting("ACKD_DUMP_VALUES", 300) / 5 {
        create(ours, &mut random, "s");
        let payload = dump(ours, "s");
        let expected = described(ours, "s");
        assert_eq!(restore(ours, "copy", "0", &payload, &[]), ok(), "{number}");
        let copy = described(ours, "copy");
        assert!(copy == expected, "{number}: {}", difference(&copy, &expected));
        assert_eq!(activity(ours, "copy"), activity(ours, "s"), "{number}");
        assert!(dump(ours, "copy") == payload, "{number}");
        let reply = restore(theirs, "s", "0", &payload, &["REPLACE"]);
        let of = StreamType::of(payload[0]).unwrap();
        versions[[StreamType::First, StreamType::Second, StreamType::Third].binary_search(&of).unwrap()] += 1;
        if of == StreamType::Third {
            // It is of Redis 7.2.
            assert!(matches!(reply, Value::Error(_)), "{number}");
            let mut input: Input<'_> = open(&payload).unwrap();
            input.byte().unwrap();
            read_stream(of, &mut input, &mut |_, _| Ok(())).unwrap();
            assert!(input.rest().is_empty(), "{number}");
        } else {
            assert_eq!(reply, ok(), "{number}");
            let there = described(theirs, "s");
            assert!(there == expected, "{number}: {}", difference(&there, &expected));
        }
        ours.run("DEL s copy");
    }
    eprintln!("of versions 1, 2, 3: {versions:?}");
    assert!(versions.iter().all(|count| *count > 0), "{versions:?}");
}

#[test]
fn readers_that_wait_get_the_entries_of_a_restored_stream() {
    let mut pair = Pair::start();
    let theirs = &mut pair.theirs;
    let add = |client: &mut Client, count: usize| {
        client.run("MULTI");
        (1..=count).for_each(|ms| drop(client.run(&format!("XADD s {ms}-1 f v"))));
        client.run("EXEC");
        client.run("XGROUP CREATE s g 0");
        let payload = dump(client, "s");
        client.run("DEL s");
        payload
    };
    // The second one is stored in steps.
    let payloads = [3, 20_000].map(|count| add(theirs, count));
    for payload in &payloads {
        let clients = [(pair.server.client(), &mut pair.ours), (pair.reference.client(), &mut pair.theirs)];
        let replies = clients.map(|(mut reader, client)| {
            reader
                .send(&common::encode(&[b"XREAD", b"COUNT", b"2", b"BLOCK", b"0", b"STREAMS", b"s", b"1-1"]))
                .unwrap();
            common::eventually("it waits", || info(client, "blocked_clients") == 1);
            assert_eq!(restore(client, "s", "0", payload, &[]), ok());
            let reply = reader.reply().unwrap();
            client.run("DEL s");
            reply
        });
        assert_eq!(replies[0], replies[1]);
    }
    // A group that is replaced by one that has something to deliver.
    for payload in &payloads {
        pair.ours.run("XGROUP CREATE s g $ MKSTREAM");
        let mut reader = pair.server.client();
        let words: [&[u8]; 10] =
            [b"XREADGROUP", b"GROUP", b"g", b"c", b"COUNT", b"1", b"BLOCK", b"0", b"STREAMS", b"s"];
        reader.send(&common::encode(&[&words[..], &[b">"]].concat())).unwrap();
        common::eventually("it waits", || info(&mut pair.ours, "blocked_clients") == 1);
        assert_eq!(restore(&mut pair.ours, "s", "0", payload, &["REPLACE"]), ok());
        let delivered = format!("{:?}", reader.reply().unwrap());
        let mut again = pair.server.client();
        let pending = again.run("XPENDING s g");
        assert!(
            matches!(&pending, Value::Array(items) if items[0] == Value::Integer(1)),
            "{delivered} {pending:?}"
        );
        pair.ours.run("DEL s");
    }
}
