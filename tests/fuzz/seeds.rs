//! Makes the seeds: for each target a few valid inputs, so that mutations of them reach deep into the code.

use wal::{LocalLog, Log, LogOptions, MemoryStorage};

use crate::replay::Seeds;
use crate::targets::{base, log, table};

/// The seeds of a target.
pub fn make(target: &str) -> Seeds {
    match target {
        "resp" => resp(),
        "payload" => payload(),
        "rdb" => rdb(),
        "glob" => glob(),
        "log" => log(),
        "table" => table(),
        other => panic!("no target {other}"),
    }
}

/// Numbered names for seeds without one.
fn numbered(seeds: impl IntoIterator<Item = Vec<u8>>) -> Seeds {
    seeds.into_iter().enumerate().map(|(number, bytes)| (format!("{number:02}"), bytes)).collect()
}

fn resp() -> Seeds {
    let sent: [&[u8]; 9] = [
        b"*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n",
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n*0\r\n*-1\r\nPING\r\n",
        b"*5\r\n$3\r\nSET\r\n$4\r\na\r\nb\r\n$12\r\n\0\x01\xfe\xff\r\n*1$2'\"\r\n$2\r\nPX\r\n$4\r\n1000\r\n",
        b"*11\r\n$4\r\nMGET\r\n$1\r\n0\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n$1\r\n5\r\n$1\r\n6\r\n",
        b"PING\r\nset key \"a \\x41\\n\\\"b\" 'c\\'d'\n  get\tkey \r\n\r\n",
        b"*2\r\n$4\r\nAUTH\r\n$536870912\r\nsecret",
        b"*1048576\r\n$1\r\na\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nSET a 1\r\n",
        b"*2\r\n$16384\r\n",
    ];
    numbered(sent.into_iter().enumerate().map(|(number, sent)| {
        let flags = [number as u8 % 4, 7 * number as u8];
        [&flags, sent].concat()
    }))
}

/// Offset in a payload of the low byte of its command's number.
const COMMAND_ID_AT: usize = 1;

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    find(bytes, part).is_some()
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

/// Causes of records, one of each kind.
fn causes() -> [ackd::effect::Cause<'static>; 4] {
    use ackd::effect::{Address, Cause, Origin, Routine};
    let (name, library, version) = (&b"worker"[..], &b"redis-py"[..], &b"5.0"[..]);
    let v4 = Origin { user: b"", address: Address::parse("127.0.0.1:4000"), name, library, version };
    let v6 = Origin { address: Address::parse("[::1]:4000"), name: b"", ..v4 };
    let unix = Origin { user: b"alice", address: Address::Text(b"/run/ackd.sock:0"), ..v4 };
    [
        Cause { number: 300, ..Cause::default() },
        Cause { number: 1, origin: Some(v4), routine: None },
        Cause { number: 2, origin: Some(v6), routine: Some(Routine::Script(b"01234567890123456789")) },
        Cause { number: 3, origin: Some(unix), routine: Some(Routine::Function(b"library.function")) },
    ]
}

/// Payloads of redis-server, without their footers.
fn rdb() -> Seeds {
    let files = [include_str!("../../src/rdb/payloads.txt"), include_str!("../../src/rdb/streams.txt")];
    let lines = files.into_iter().flat_map(str::lines).filter(|line| !line.starts_with('#'));
    let seeds = lines.map(|line| {
        let mut words = line.split(' ');
        let (name, hex) = (words.next().expect("a name"), words.next().expect("bytes"));
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("two digits");
        let mut bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        bytes.truncate(bytes.len() - ackd::rdb::FOOTER_BYTES);
        let stream = if ackd::rdb::StreamType::of(bytes[0]).is_some() { "stream-" } else { "" };
        (format!("{stream}{name}"), bytes)
    });
    seeds.collect()
}

fn payload() -> Seeds {
    use ackd::effect::{DatabaseChange, Effect, HashChange, ItemsBuffer, KeyChange, SetChange, StringChange};
    let (db, key, value, at) = (1, &b"key"[..], &b"value"[..], Some(4_000_000_000_000));
    let (mut items, mut pairs) = (ItemsBuffer::new(), ItemsBuffer::new());
    for item in ["one", "two", ""] {
        items.push(item.as_bytes());
        pairs.push(item.as_bytes());
        pairs.push(b"of a value");
    }
    let (items, pairs) = (items.items(), pairs.items());
    let set = Effect::on(db, key, StringChange::Set { value, expire_at_ms: None, raw: false });
    let pieces = vec![b'p'; 6000];
    let hash = Effect::on(db, key, HashChange::Set { pairs, expire_at_ms: None });
    let add = Effect::on(db, key, SetChange::Add { members: items });
    let records: Vec<Vec<Effect<'_>>> = vec![
        vec![set],
        vec![
            Effect::on(db, key, StringChange::Set { value, expire_at_ms: at, raw: true }),
            Effect::on(db, key, KeyChange::Expire { expire_at_ms: None }),
        ],
        vec![
            Effect::on(db, key, StringChange::Append { value }),
            Effect::on(db, key, StringChange::SetRange { offset: 5000, value }),
        ],
        vec![
            set,
            Effect::on(db, key, KeyChange::Rename { to: b"to" }),
            Effect::on(db, b"to", KeyChange::Copy { to_db: 2, to: b"copy" }),
        ],
        vec![
            set,
            Effect::on(db, key, KeyChange::Move { to_db: 55 }),
            Effect::Database(DatabaseChange::Swap { a: 1, b: 55 }),
            Effect::Database(DatabaseChange::Flush { db }),
        ],
        vec![
            Effect::on(db, key, StringChange::Set { value: &pieces, expire_at_ms: None, raw: false }),
            Effect::Database(DatabaseChange::FlushAll),
        ],
        vec![hash, Effect::on(db, key, HashChange::Expire { fields: items, expire_at_ms: at })],
        vec![
            hash,
            Effect::on(db, key, HashChange::Delete { fields: items, expired: true }),
            Effect::on(db, key, KeyChange::Delete { expired: false }),
        ],
        vec![
            add,
            Effect::on(db, key, SetChange::Remove { members: items }),
            Effect::on(db, key, KeyChange::Delete { expired: false }),
        ],
        vec![],
    ];
    let mut seeds: Vec<Vec<u8>> = records.iter().map(|effects| encoded(None, effects)).collect();
    seeds.extend(on_collections());
    seeds.push(on_streams());
    seeds.extend(causes().iter().map(|cause| encoded(Some(cause), &[set])));
    numbered(seeds)
}

/// A payload with each change of a stream.
fn on_streams() -> Vec<u8> {
    use ackd::effect::StreamChange::*;
    use ackd::effect::{Effect, EntryId, ItemsBuffer, StreamChange, count_bytes};
    let (db, key, group, consumer) = (1, &b"key"[..], &b"group"[..], &b"consumer"[..]);
    let [one, two, three] = [1, 2, 3].map(|ms| EntryId { ms, seq: 1 });
    let items = |items: &[&[u8]]| items.iter().copied().collect::<ItemsBuffer>();
    let fields = items(&[b"field", b"value"]);
    let (ids, last_ids) = (items(&[&one.to_bytes(), &two.to_bytes()]), items(&[&two.to_bytes()]));
    let counted = items(&[&one.to_bytes(), &count_bytes(2)]);
    let now_ms = 4_000_000_000_000;
    let changes: Vec<StreamChange<'_>> = vec![
        Create,
        Add { id: one, fields: fields.items() },
        Add { id: two, fields: fields.items() },
        Add { id: three, fields: fields.items() },
        CreateGroup { group, last: EntryId::MIN, read: None },
        SetConsumer { group, consumer, seen_ms: now_ms, active_ms: None },
        Deliver { group, consumer, now_ms, last: two, read: Some(2), ids: ids.items() },
        Claim {
            group,
            consumer: b"other",
            seen_ms: now_ms,
            active_ms: Some(now_ms),
            delivered_ms: now_ms,
            entries: counted.items(),
        },
        Acknowledge { group, ids: last_ids.items() },
        DeleteConsumer { group, consumer: b"other" },
        SetGroup { group, last: one, read: Some(1) },
        Delete { ids: last_ids.items() },
        Trim { up_to: one, count: 1 },
        SetLast { last: three, added: 9, max_deleted: two },
        DeleteGroup { group },
        Remember { producer: b"producer", digest: &[7; 32], now_ms, id: three },
        SetProducers { forgets: false, duration_s: 100, size_max: 1, added: 1, duplicates: 1 },
        Remember { producer: b"producer", digest: &[8; 32], now_ms, id: three },
        SetProducers { forgets: true, duration_s: 1, size_max: 1, added: 2, duplicates: 1 },
    ];
    encoded(None, &changes.into_iter().map(|change| Effect::on(db, key, change)).collect::<Vec<_>>())
}

/// The payload of a record.
fn encoded(cause: Option<&ackd::effect::Cause<'_>>, effects: &[ackd::effect::Effect<'_>]) -> Vec<u8> {
    let (mut buffer, mut bytes) = (ackd::effect::EffectBuffer::new(), Vec::new());
    if let Some(cause) = cause {
        buffer.set_cause(cause);
    }
    effects.iter().for_each(|effect| buffer.push(effect));
    buffer.write(7, &mut bytes);
    bytes
}

/// Payloads with lists and sorted sets for an empty table, and with changes of all collections for one that has them.
fn on_collections() -> Vec<Vec<u8>> {
    let names = [&b"small list"[..], b"small zset"];
    let is_small = |payload: &Vec<u8>| names.iter().any(|name| contains(payload, name));
    let changes = base::changes().into_iter().map(|mut payload| {
        payload[COMMAND_ID_AT] = 8;
        payload
    });
    base::contents().into_iter().filter(is_small).chain(changes).collect()
}

fn glob() -> Seeds {
    let pairs: [(&[u8], &[u8]); 9] = [
        (b"user:*", b"user:1000"),
        (b"h[a-e^]llo?", b"hello!"),
        (b"h[^e\\]]*[z-a]", b"hallo, b"),
        (b"a*a*a*a*a*a*a*b", b"aaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        (b"\\*\\[a\\", b"*[a\\"),
        (b"[", b"["),
        (b"[^]", b"x"),
        (b"**?**", b"ab"),
        (b"", b""),
    ];
    numbered(pairs.map(|(pattern, text)| [&[pattern.len() as u8], pattern, text].concat()))
}

fn log() -> Seeds {
    const SEGMENT_BYTES: u64 = 8 << 10;
    let options = LogOptions {
        segment_bytes: SEGMENT_BYTES,
        block_bytes: 512,
        spare_segments: 1,
        spare_segments_max: 1,
        background: false,
        salt_seed: Some(5),
        ..LogOptions::default()
    };
    let storage = MemoryStorage::new();
    let mut log = LocalLog::create(storage.clone(), options).expect("a new log");
    let mut payloads = base::contents().into_iter().cycle();
    for number in 0..30 {
        let mut group = log.group();
        for payload in payloads.by_ref().take(1 + number % 4) {
            group.record(|sink| sink.extend_from_slice(&payload[..payload.len().min(700)]));
        }
        log.reserve(group.len_bytes() as u64).expect("room");
        log.submit(group, number as u64 * 1000).expect("submit");
        log.durable().expect("durable");
    }
    drop(log);
    let names = storage.names().into_iter().filter(|name| name.ends_with(".wal"));
    let mut segments: Vec<Vec<u8>> = names.filter_map(|name| storage.contents(&name)).collect();
    assert!(segments.len() > 2, "{} segments", segments.len());
    segments.truncate(2);
    let input = |flags: u8, segments: &[Vec<u8>]| {
        let mut bytes = vec![flags, segments.len() as u8 - 1];
        segments.iter().for_each(|segment| bytes.extend_from_slice(segment));
        bytes
    };
    let named = |name: &str, bytes| (name.to_owned(), bytes);
    vec![
        named("one", input(0, &segments[..1])),
        named("all", input(0, &segments)),
        named("all-sums", input(log::SUMS, &segments)),
        named("first-missing", input(log::SUMS | 2, &segments[1..])),
        named("go-on-sums", input(log::SUMS | 2, &segments)),
        named("go-on-device", input(2 | 16, &segments)),
        named("give-up-tail", input(log::SUMS | 4 | 32, &segments)),
        named("follow", input(log::SUMS | 8, &segments)),
    ]
}

fn table() -> Seeds {
    use ackd::table::PAGE_BYTES;
    let pages = base::table().len() / PAGE_BYTES;
    let patch = |page: usize, offset: u16, bytes: &[u8]| {
        [&[page as u8], &offset.to_le_bytes()[..], &[bytes.len() as u8], bytes].concat()
    };
    let named = |name: String, flags: u8, patches: Vec<u8>| (name, [&[flags], &*patches].concat());
    let mut seeds = vec![
        named("sound".into(), table::SUMS | table::WRITE, vec![]),
        named("recovered".into(), table::RECOVER, vec![]),
        named(
            "meta-lsn".into(),
            table::SUMS | table::RECOVER,
            [patch(0, 88, &[0xff; 8]), patch(1, 88, &[0xff; 8])].concat(),
        ),
        named(
            "meta-pages".into(),
            table::SUMS,
            [patch(0, 80, &[0xff; 4]), patch(1, 80, &[0xff; 4])].concat(),
        ),
        named("checksum".into(), 0, patch(5, 100, b"\x01")),
        named("raw".into(), table::RAW | table::SUMS, base::table()[..3 * PAGE_BYTES].to_vec()),
    ];
    for page in (2..pages).filter(|page| base::table()[page * PAGE_BYTES] != 0) {
        let bytes = &base::table()[page * PAGE_BYTES..][..PAGE_BYTES];
        // The page's header and the start of its body, unchanged: mutations reach these first.
        let flags = table::SUMS | if page % 2 == 0 { table::WRITE } else { 0 };
        seeds.push(named(format!("page-{page:02}"), flags, patch(page, 0, &bytes[..64])));
        // The cells of small collections, which are packed, from before the key on, unchanged.
        for name in ["small hash", "small list", "small set", "small zset"] {
            if let Some(at) = find(bytes, &name.as_bytes()[6..]).filter(|_| bytes[0] == 1) {
                let (from, to) = (at.saturating_sub(16), (at + 200).min(PAGE_BYTES - 4));
                let cell = patch(page, from as u16, &bytes[from..to]);
                seeds.push(named(format!("cell-{}-{page:02}", &name[6..]), table::SUMS | table::WRITE, cell));
            }
        }
    }
    seeds
}
