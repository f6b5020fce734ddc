//! A small table with everything in it: short and long strings and keys, expiration times, and packed and large collections
//! of each type.

use std::sync::OnceLock;

use ackd::effect::{
    Bits, Effect, EffectBuffer, End, HashChange, ItemsBuffer, KeyChange, ListChange, Part, Ranks, Score,
    SetChange, SortedSetChange, StringChange, decode,
};
use ackd::keyspace::Keyspace;
use ackd::table::{MemoryFile, PAGE_BYTES, Table, TableOptions};

/// Largest size of the table.
pub const TABLE_BYTES: u64 = 96 * PAGE_BYTES as u64;
/// An expiration time that is never reached, in milliseconds since 1970.
const FAR_MS: u64 = 4_000_000_000_000;
/// An element or a value that is kept in pieces.
const LONG: [u8; 3000] = [b'l'; 3000];

/// How the table is opened.
pub fn options() -> TableOptions {
    TableOptions { file_bytes_max: TABLE_BYTES, headroom_pages: 4, slack_pages: 64, instance_id: 42, seed: 5 }
}

/// The pages of the table.
pub fn table() -> &'static [u8] {
    static TABLE: OnceLock<Vec<u8>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let file = MemoryFile::new(TABLE_BYTES);
        let (table, mut writer) = Table::create(Box::new(file.clone()), &options()).expect("a new table");
        for payload in contents() {
            let mut keys = Keyspace::new(&mut writer, None);
            for effect in decode(&payload).expect("a payload").effects() {
                keys.apply(&effect).expect("it fits");
            }
        }
        let frozen = writer.freeze();
        writer.publish(frozen);
        let durable = writer.begin_checkpoint(7, 7).run().expect("a checkpoint");
        writer.end_checkpoint(durable);
        drop((table, writer));
        file.image()
    })
}

/// The payload of a record with one effect.
pub fn payload(effect: &Effect<'_>) -> Vec<u8> {
    record(&[*effect])
}

/// The payload of a record.
fn record(all: &[Effect<'_>]) -> Vec<u8> {
    let (mut effects, mut payload) = (EffectBuffer::new(), Vec::new());
    all.iter().for_each(|effect| effects.push(effect));
    effects.write(7, &mut payload);
    payload
}

fn set<'a>(db: usize, key: &'a [u8], value: &'a [u8], expire_at_ms: Option<u64>) -> Effect<'a> {
    Effect::on(db, key, StringChange::Set { value, expire_at_ms, raw: value.len() % 2 == 1 })
}

/// What is in the table, as payloads of records.
pub fn contents() -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    for number in 0..60_u64 {
        let (key, value) = (format!("key:{number:03}"), vec![b'v'; 20 + number as usize * 3]);
        let expire_at_ms = (number % 3 == 0).then_some(FAR_MS + number);
        payloads.push(payload(&set(0, key.as_bytes(), &value, expire_at_ms)));
    }
    payloads.push(payload(&set(0, b"long", &[b'l'; 9000], None)));
    for bytes in [1500, 1501] {
        payloads.push(payload(&set(1, &vec![b'k'; bytes], b"of a long key", None)));
    }
    for (name, count) in [("small", 3), ("large", 60)] {
        payloads.extend(collections(name, count));
    }
    payloads.push(payload(&Effect::on(
        0,
        b"sparse",
        StringChange::SetRange { offset: 20_000, value: b"end" },
    )));
    payloads
}

/// A hash, a set, a list and a sorted set of `count` elements each.
fn collections(name: &str, count: u64) -> Vec<Vec<u8>> {
    let (mut members, mut pairs, mut scored) = (ItemsBuffer::new(), ItemsBuffer::new(), ItemsBuffer::new());
    let (mut timed, mut elements) = (ItemsBuffer::new(), ItemsBuffer::new());
    for number in 0..count {
        let member = format!("member:{number:04} with some text").into_bytes();
        members.push(&member);
        pairs.push(&member);
        pairs.push(if number == 40 { &LONG } else { b"value of a field" });
        scored.push(&member);
        scored.push(&Score::new(1.5 * number as f64).expect("a number").to_bytes());
        elements.push(if number == 30 { &LONG } else { &member[..7 + number as usize % 9] });
        (number % 10 == 0).then(|| timed.push(&member));
    }
    let key = |kind: &str| format!("{name} {kind}").into_bytes();
    vec![
        payload(&Effect::on(0, &key("set"), SetChange::Add { members: members.items() })),
        payload(&Effect::on(0, &key("hash"), HashChange::Set { pairs: pairs.items(), expire_at_ms: None })),
        payload(&Effect::on(
            0,
            &key("hash"),
            HashChange::Expire { fields: timed.items(), expire_at_ms: Some(FAR_MS) },
        )),
        payload(&Effect::on(
            0,
            &key("list"),
            ListChange::Push { end: End::Tail, elements: elements.items() },
        )),
        payload(&Effect::on(0, &key("zset"), SortedSetChange::Add { elements: scored.items() })),
        payload(&Effect::on(0, &key("zset"), KeyChange::Expire { expire_at_ms: Some(FAR_MS) })),
    ]
}

/// Changes of what is in the table, as payloads of records: each type's own, on packed and large collections.
pub fn changes() -> Vec<Vec<u8>> {
    let items = |items: &[&[u8]]| items.iter().copied().collect::<ItemsBuffer>();
    let member = &b"member:0001 with some text"[..];
    let (one, new) = (items(&[member]), items(&[b"new"]));
    let (pair, scored) = (items(&[member, b"other"]), items(&[member, &Score::ZERO.to_bytes()]));
    let pivot = items(&[b"member:", b"inserted"]);
    let mut payloads = vec![
        payload(&set(0, b"key:000", &[b'n'; 300], None)),
        payload(&set(0, b"key:077", b"new", Some(FAR_MS))),
        payload(&Effect::on(0, b"long", StringChange::Append { value: b"more" })),
        payload(&Effect::on(0, b"sparse", StringChange::SetRange { offset: 10, value: b"early" })),
        payload(&Effect::on(0, b"key:003", KeyChange::Expire { expire_at_ms: None })),
    ];
    for name in ["small", "large"] {
        let key = |kind: &str| format!("{name} {kind}").into_bytes();
        let (hash, sets, list, zset) = (key("hash"), key("set"), key("list"), key("zset"));
        let (db, expire_at_ms) = (0, Some(FAR_MS - 1));
        for effect in [
            Effect::on(db, &hash, HashChange::Set { pairs: pair.items(), expire_at_ms }),
            Effect::on(db, &hash, HashChange::Expire { fields: one.items(), expire_at_ms: None }),
            Effect::on(db, &hash, HashChange::Delete { fields: one.items(), expired: false }),
            Effect::on(db, &sets, SetChange::Add { members: new.items() }),
            Effect::on(db, &sets, SetChange::Remove { members: one.items() }),
            Effect::on(db, &list, ListChange::Push { end: End::Head, elements: new.items() }),
            Effect::on(
                db,
                &list,
                ListChange::Insert { index: 1, before: true, pivot_and_element: pivot.items() },
            ),
            Effect::on(db, &list, ListChange::Set { index: 1, value: &LONG }),
            Effect::on(db, &list, ListChange::Remove { end: End::Tail, count: 1, element: new.items() }),
            Effect::on(db, &list, ListChange::Pop { end: End::Tail, count: 1 }),
            Effect::on(db, &list, ListChange::Trim { index: 1, count: 1 }),
            Effect::on(db, &zset, SortedSetChange::Add { elements: scored.items() }),
            Effect::on(db, &zset, SortedSetChange::Remove { members: one.items() }),
            Effect::on(db, &hash, KeyChange::Copy { to_db: 2, to: b"copy" }),
            Effect::on(db, &list, KeyChange::Rename { to: &key("list renamed") }),
            Effect::on(db, &sets, KeyChange::Move { to_db: 3 }),
        ] {
            payloads.push(payload(&effect));
        }
    }
    payloads.extend(copies());
    payloads
}

/// Copies of parts of what is in the table, as payloads of records.
fn copies() -> Vec<Vec<u8>> {
    let several: ItemsBuffer = [&b"long"[..], b"sparse", b"none"].into_iter().collect();
    let one: ItemsBuffer = std::iter::once(&b"long"[..]).collect();
    let kinds =
        [Bits::All, Bits::Any, Bits::Odd, Bits::OnlyFirst, Bits::NotFirst, Bits::FirstAndAnother, Bits::One];
    let combined = kinds.map(|bits| (bits, &several)).into_iter().chain([(Bits::None, &one)]);
    let combined = combined.map(|(bits, sources)| {
        let sources = sources.items();
        let change = StringChange::Combine { bits, from_db: 0, sources, offset: 2000, count: 9000 };
        payload(&Effect::on(1, b"combined", change))
    });
    let part = |index, count| Part { from_db: 0, from: b"large zset", index, count };
    let order = |index, count| SortedSetChange::CopyOrder { part: part(index, count) };
    let members = |within| {
        let ranks = Ranks { first: 10, behind: 40, within };
        SortedSetChange::CopyMembers { part: part(0, 60), ranks }
    };
    let copied = [vec![order(10, 30), members(true)], vec![order(0, 10), order(40, 20), members(false)]];
    let copied = copied.map(|changes| {
        let effects: Vec<_> = changes.into_iter().map(|change| Effect::on(1, b"copied", change)).collect();
        record(&effects)
    });
    combined.into_iter().chain(copied).collect()
}
