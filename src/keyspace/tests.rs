//! What the keyspace guarantees to the commands.

use std::sync::Arc;

use super::*;
use crate::effect::{Bits, DatabaseChange, Effect, HashChange, KeyChange, SetChange, StringChange};
use crate::table::{MemoryFile, Table, TableOptions, TableWriter};

/// An empty table.
fn table() -> (Arc<Table>, TableWriter) {
    let options = TableOptions { seed: 1, ..TableOptions::default() };
    Table::create(Box::new(MemoryFile::new(1 << 26)), &options).unwrap()
}

/// Ends the group and frees what was dropped.
fn publish(writer: &mut TableWriter) {
    let frozen = writer.freeze();
    writer.publish(frozen);
    while writer.reclaim(1000).unwrap() > 0 {}
}

/// Pages that are in use, or were in an older version.
fn pages_used(table: &Table) -> u64 {
    table.stats().pages - table.stats().pages_free
}

fn set<'a>(key: &'a [u8], value: &'a [u8], expire_at_ms: Option<u64>) -> Effect<'a> {
    Effect::on(0, key, StringChange::Set { value, expire_at_ms, raw: false })
}

#[test]
fn a_change_of_a_long_string_touches_the_pieces_concerned_only() {
    let (table, mut writer) = table();
    let value = vec![b'x'; 8 << 20];
    Keyspace::new(&mut writer, None).apply(&set(b"k", &value, None)).unwrap();
    publish(&mut writer);
    let before = pages_used(&table);
    assert!(before > 2000);
    for offset in [0, 4_000_000, (8 << 20) - 1] {
        let effect = Effect::on(0, b"k", StringChange::SetRange { offset, value: b"abc" });
        Keyspace::new(&mut writer, None).apply(&effect).unwrap();
    }
    Keyspace::new(&mut writer, None)
        .apply(&Effect::on(0, b"k", StringChange::Append { value: b"def" }))
        .unwrap();
    publish(&mut writer);
    let copied = pages_used(&table) - before;
    assert!(copied < 40, "{copied} pages were copied");
}

#[test]
fn what_is_overwritten_or_deleted_is_freed() {
    let (table, mut writer) = table();
    let value = vec![b'x'; 100_000];
    let round = |writer: &mut TableWriter| {
        let mut keys = Keyspace::new(writer, None);
        keys.apply(&set(b"a", &value, Some(5))).unwrap();
        keys.apply(&Effect::on(0, b"a", KeyChange::Copy { to_db: 1, to: b"b" })).unwrap();
        keys.apply(&set(b"a", b"short", None)).unwrap();
        keys.apply(&set(b"a", &value, None)).unwrap();
        keys.apply(&Effect::on(0, b"a", KeyChange::Rename { to: b"c" })).unwrap();
        keys.apply(&Effect::on(0, b"c", KeyChange::Delete { expired: false })).unwrap();
        keys.apply(&Effect::Database(DatabaseChange::Flush { db: 1 })).unwrap();
        publish(writer);
        publish(writer);
    };
    round(&mut writer);
    round(&mut writer);
    let used = pages_used(&table);
    for _ in 0..20 {
        round(&mut writer);
    }
    let now = pages_used(&table);
    assert!(now <= used + 10, "{used} pages became {now}");
}

#[test]
fn due_keys_come_in_the_order_of_their_expiries() {
    let (_table, mut writer) = table();
    let mut keys = Keyspace::new(&mut writer, None);
    for (key, expiry) in [(b"a", 300), (b"b", 100), (b"c", 200)] {
        keys.apply(&set(key, b"v", Some(expiry))).unwrap();
    }
    keys.apply(&Effect::on(0, b"b", KeyChange::Move { to_db: 3 })).unwrap();
    keys.apply(&Effect::on(0, b"c", KeyChange::Copy { to_db: 0, to: b"d" })).unwrap();
    let due = |keys: &Keyspace<'_>, now_ms, max| {
        let due = keys.due(now_ms, max).unwrap();
        due.into_iter().map(|due| (due.db, due.key.to_vec())).collect::<Vec<_>>()
    };
    assert_eq!(due(&keys, 99, 9), []);
    assert_eq!(due(&keys, 100, 9), [(3, b"b".to_vec())]);
    assert_eq!(due(&keys, 250, 9), [(0, b"c".to_vec()), (0, b"d".to_vec()), (3, b"b".to_vec())]);
    assert_eq!(due(&keys, 250, 2).len(), 2);
    assert_eq!(expiries_len(&keys.view(), 0), 3);
    assert_eq!(average_expiry_ms(&keys.view(), 0), Some((300 + 200 + 200) / 3));
    assert_eq!(average_expiry_ms(&keys.view(), 1), None);
    assert_eq!(keys.purge(0, b"a", 299).unwrap(), Purged::Nothing);
    assert_eq!(keys.purge(0, b"a", 300).unwrap(), Purged::Key);
    assert_eq!(keys.info(0, b"a").unwrap(), None);
}

#[test]
fn an_effect_that_does_not_fit_the_data_is_refused() {
    let (_table, mut writer) = table();
    let mut root = writer.root(0);
    writer.insert(&mut root, b"h", b"\x03", &[]).unwrap();
    writer.insert(&mut root, b"s", b"\x04\x01a", &[]).unwrap();
    writer.insert(&mut root, b"bad", b"\x0f", &[]).unwrap();
    let items: ItemsBuffer = [b"a".as_slice(), b"b"].into_iter().collect();
    let items = items.items();
    writer.set_root(0, root);
    let mut keys = Keyspace::new(&mut writer, None);
    let (db, key, value) = (0, b"missing".as_slice(), b"v".as_slice());
    for effect in [
        Effect::on(db, key, KeyChange::Delete { expired: false }),
        Effect::on(db, key, KeyChange::Expire { expire_at_ms: None }),
        Effect::on(db, key, KeyChange::Rename { to: b"to" }),
        Effect::on(db, key, KeyChange::Move { to_db: 1 }),
        Effect::on(db, key, KeyChange::Copy { to_db: 1, to: b"to" }),
        Effect::on(db, b"h", StringChange::Append { value }),
        Effect::on(db, b"h", StringChange::SetRange { offset: 0, value }),
        Effect::on(db, key, HashChange::Delete { fields: items, expired: false }),
        Effect::on(db, key, HashChange::Expire { fields: items, expire_at_ms: None }),
        Effect::on(db, key, SetChange::Remove { members: items }),
        Effect::on(db, b"h", SetChange::Add { members: items }),
        Effect::on(db, b"h", SetChange::Remove { members: items }),
        Effect::on(db, b"s", HashChange::Set { pairs: items, expire_at_ms: None }),
    ] {
        assert!(matches!(keys.apply(&effect), Err(KeyspaceError::Mismatch { .. })), "{effect:?}");
    }
    let bad = keys.apply(&Effect::on(db, b"bad", StringChange::Append { value }));
    assert!(matches!(bad, Err(KeyspaceError::BadCell(_))));
}

#[test]
fn zeros_between_pieces_are_read_back() {
    let (_table, mut writer) = table();
    let mut keys = Keyspace::new(&mut writer, None);
    let mut expected = vec![0; 3 * PIECE_BYTES + 500];
    for (offset, value) in
        [(3 * PIECE_BYTES, [b'a'; 500]), (PIECE_BYTES - 100, [b'b'; 500]), (10, [b'c'; 500])]
    {
        expected[offset..][..500].copy_from_slice(&value);
        keys.apply(&Effect::on(0, b"k", StringChange::SetRange { offset: offset as u64, value: &value }))
            .unwrap();
    }
    let check = |start: u64, end: u64| {
        keys.with_value::<_, KeyspaceError>(0, b"k", |view, value| {
            let text = value.unwrap().text()?.unwrap();
            assert_eq!(text.len(), expected.len() as u64);
            let mut bytes = Vec::new();
            text.each_part(view, start, end, |part| bytes.extend_from_slice(part))?;
            assert_eq!(bytes, expected[start as usize..end as usize], "{start}..{end}");
            assert!(start > 0 || end < text.len() || text.to_contiguous(view)? == expected);
            Ok(())
        })
    };
    let edges = [0, 9, 10, 510, 1180, 1279, 1280, 1281, 1679, 1680, 2560, 3839, 3840, 4339, 4340];
    for (index, &start) in edges.iter().enumerate() {
        edges[index..].iter().for_each(|&end| check(start, end).unwrap());
    }
}

/// All ways to combine strings.
const ALL_BITS: [Bits; 8] = [
    Bits::All,
    Bits::Any,
    Bits::Odd,
    Bits::None,
    Bits::OnlyFirst,
    Bits::NotFirst,
    Bits::FirstAndAnother,
    Bits::One,
];

#[test]
fn strings_are_combined_alike_in_parts_and_as_a_whole() {
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    for seed in 0..16 {
        let mut random = SmallRng::seed_from_u64(seed);
        let ((_table, mut writer), db) = (table(), 2);
        let texts: Vec<Vec<u8>> =
            (0..3).map(|_| (0..random.random_range(0..200_000)).map(|_| random.random()).collect()).collect();
        let bits = ALL_BITS[seed as usize % ALL_BITS.len()];
        let texts = &texts[..if bits == Bits::None { 1 } else { 3 }];
        let names: Vec<String> = (0..texts.len()).map(|number| format!("text:{number}")).collect();
        let mut keys = Keyspace::new(&mut writer, None);
        for (name, value) in names.iter().zip(texts) {
            let set = StringChange::Set { value, expire_at_ms: None, raw: false };
            keys.apply(&Effect::on(db, name.as_bytes(), set)).unwrap();
        }
        let sources: ItemsBuffer = names
            .iter()
            .map(String::as_bytes)
            .chain((texts.len() > 1).then_some(b"missing".as_slice()))
            .collect();
        let len = texts.iter().map(Vec::len).max().unwrap() as u64;
        let at = |text: &Vec<u8>, index: u64| text.get(index as usize).copied().unwrap_or(0);
        let expected: Vec<u8> = (0..len)
            .map(|index| {
                let bytes = texts.iter().map(|text| at(text, index)).chain((texts.len() > 1).then_some(0));
                match bits {
                    Bits::All => bytes.fold(0xFF, |all, byte| all & byte),
                    Bits::Any => bytes.fold(0, |any, byte| any | byte),
                    Bits::Odd => bytes.fold(0, |odd, byte| odd ^ byte),
                    Bits::None => !at(&texts[0], index),
                    Bits::OnlyFirst => bytes.reduce(|first, byte| first & !byte).unwrap(),
                    Bits::NotFirst => bytes.fold(0, |any, byte| any | byte) & !at(&texts[0], index),
                    Bits::FirstAndAnother => {
                        bytes.skip(1).fold(0, |any, byte| any | byte) & at(&texts[0], index)
                    }
                    Bits::One => {
                        let bytes: Vec<u8> = bytes.collect();
                        let is_in_one =
                            |bit: u8| bytes.iter().filter(|byte| **byte & (1 << bit) != 0).count() == 1;
                        (0..8).filter(|bit| is_in_one(*bit)).fold(0, |set, bit| set | 1 << bit)
                    }
                }
            })
            .collect();
        let mut offset = 0;
        while offset < len {
            let count = random.random_range(1..150_000).min(len - offset);
            let change = StringChange::Combine { bits, from_db: db, sources: sources.items(), offset, count };
            keys.apply(&Effect::on(0, b"to", change)).unwrap();
            offset += count;
        }
        if len > 0 {
            keys.with_value(0, b"to", |view, value| {
                let text = value.unwrap().text()?.unwrap();
                assert!(text.len() == len && text.equals(view, &expected)?, "seed {seed}");
                Ok::<_, KeyspaceError>(())
            })
            .unwrap();
        }
        let (sources, from_db) = (sources.items(), db);
        let onto_itself = StringChange::Combine { bits, from_db, sources, offset: 0, count: 1 };
        assert!(keys.apply(&Effect::on(db, b"text:0", onto_itself)).is_err());
    }
}
