//! Sets and hashes compared with plain maps: small and large and back again, with long values and expiry times of
//! fields.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::effect::{DatabaseChange, Effect, HashChange, ItemsBuffer, KeyChange, SetChange, StringChange};
use crate::table::{MemoryFile, Table, TableOptions, TableWriter, verify};

/// The time of all reads in these tests.
const NOW_MS: u64 = 1000;

/// An empty table, and its file.
pub(super) fn table() -> (Arc<Table>, TableWriter, MemoryFile) {
    let file = MemoryFile::new(1 << 28);
    let options = TableOptions { seed: 1, ..TableOptions::default() };
    let (table, writer) = Table::create(Box::new(file.clone()), &options).unwrap();
    (table, writer, file)
}

/// Ends the group and frees what was dropped.
pub(super) fn publish(writer: &mut TableWriter) {
    let frozen = writer.freeze();
    writer.publish(frozen);
    while writer.reclaim(10_000).unwrap() > 0 {}
}

/// Pages that the newest version reaches.
pub(super) fn pages_used(table: &Table) -> u64 {
    let stats = table.stats();
    stats.pages - stats.pages_free - stats.pages_waiting
}

pub(super) fn items<'a>(items: impl IntoIterator<Item = &'a [u8]>) -> ItemsBuffer {
    items.into_iter().collect()
}

/// A field or member: from a small set, so that they repeat; some are long.
fn name(random: &mut SmallRng) -> Vec<u8> {
    let number: u32 = random.random_range(0..120);
    match number {
        0 => Vec::new(),
        1..4 => vec![number as u8; 3000],
        4 => vec![b'm'; MEMBER_BYTES_MAX],
        _ => format!("name:{number}").into_bytes(),
    }
}

/// A value, sometimes one that needs pieces.
fn value(random: &mut SmallRng) -> Vec<u8> {
    let len = match random.random_range(0..60) {
        0 => random.random_range(1000..1100),
        1 => random.random_range(2000..20_000),
        _ => random.random_range(0..40),
    };
    (0..len).map(|_| random.random()).collect()
}

/// A hash as a plain map.
type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<u64>)>;

/// One random change of a hash, and of its model.
fn change_hash(keys: &mut Keyspace<'_>, model: &mut Model, random: &mut SmallRng, shrink: bool) {
    let (db, key) = (0, b"hash".as_slice());
    let names_max = if shrink { 50 } else { 12 };
    let names: Vec<Vec<u8>> = (0..random.random_range(1..names_max)).map(|_| name(random)).collect();
    let fields = items(names.iter().map(Vec::as_slice));
    let expire_at_ms = (random.random_range(0..3) == 0).then(|| random.random_range(500..2000));
    let kind = random.random_range(0..10);
    if model.is_empty() || kind < if shrink { 1 } else { 6 } {
        let pairs: Vec<_> = names.iter().map(|field| (field.clone(), value(random))).collect();
        let flat = items(pairs.iter().flat_map(|(field, value)| [field.as_slice(), value]));
        keys.apply(&Effect::on(db, key, HashChange::Set { pairs: flat.items(), expire_at_ms })).unwrap();
        model.extend(pairs.into_iter().map(|(field, value)| (field, (value, expire_at_ms))));
    } else if kind < 9 {
        keys.apply_removal(&Effect::on(
            db,
            key,
            HashChange::Delete { fields: fields.items(), expired: false },
        ))
        .unwrap();
        names.iter().for_each(|field| _ = model.remove(field));
    } else {
        keys.apply(&Effect::on(db, key, HashChange::Expire { fields: fields.items(), expire_at_ms }))
            .unwrap();
        for field in &names {
            if let Some((_, expiry)) = model.get_mut(field) {
                *expiry = expire_at_ms;
            }
        }
    }
}

/// Reads the hash through every kind of read.
fn check_hash(view: &View<'_>, model: &Model) {
    let live: Vec<_> =
        model.iter().filter(|(_, (_, expiry))| expiry.is_none_or(|expiry| expiry > NOW_MS)).collect();
    let value = lookup::lookup(view, 0, b"hash").unwrap();
    assert_eq!(value.is_some(), !model.is_empty());
    let first = model.values().filter_map(|(_, expiry)| *expiry).min();
    assert_eq!(field_expiry::first(view, 0).unwrap(), first);
    let Some(value) = value else { return };
    assert_eq!(value.is_timed(), first.is_some());
    let hash = value.hash(NOW_MS).unwrap();
    assert_eq!(hash.len(view).unwrap(), live.len() as u64);
    assert_eq!(hash.places().unwrap(), model.len() as u64);
    let mut found = Vec::new();
    hash.each_from(view, &[], |field, element| {
        found.push((field.to_vec(), element.text.to_contiguous(view)?.into_owned(), element.expire_at_ms));
        Ok(true)
    })
    .unwrap();
    let expected: Vec<_> =
        live.iter().map(|(field, (value, expiry))| ((*field).clone(), value.clone(), *expiry)).collect();
    assert!(found == expected, "{} fields instead of {}", found.len(), expected.len());
    for (place, (field, (value, expiry))) in model.iter().enumerate() {
        let live = expiry.is_none_or(|expiry| expiry > NOW_MS);
        let element = hash.get(view, field).unwrap();
        assert_eq!(element.is_some(), live);
        if let Some(element) = element {
            assert!(element.text.to_contiguous(view).unwrap() == *value);
        }
        assert_eq!(
            hash.nth(view, place as u64).unwrap().map(|(field, _)| field),
            live.then(|| field.clone())
        );
    }
    let due = hash.due(view, u64::MAX, usize::MAX).unwrap();
    assert_eq!(due.len(), (model.len() - live.len()) as u64);
}

#[test]
fn a_hash_does_what_a_map_does_through_packing_and_unpacking() {
    for seed in 0..6 {
        let mut random = SmallRng::seed_from_u64(seed);
        let (table, mut writer, file) = table();
        let mut model = Model::new();
        let (mut packed, mut in_trees) = (0, 0);
        for step in 0..400 {
            change_hash(&mut Keyspace::new(&mut writer, None), &mut model, &mut random, step / 40 % 2 == 1);
            let view = writer.view();
            check_hash(&view, &model);
            match lookup::lookup(&view, 0, b"hash").unwrap().map(|value| value.in_trees) {
                Some(true) => in_trees += 1,
                Some(false) => packed += 1,
                None => {}
            }
            publish(&mut writer);
        }
        assert!(packed > 20 && in_trees > 100, "seed {seed}: {packed} packed, {in_trees} in trees");
        if seed % 2 == 0 {
            let checkpoint = writer.begin_checkpoint(1, 1);
            writer.end_checkpoint(checkpoint.run().unwrap());
            drop((table, writer));
            let report = verify(&file.image()[..], &mut |_| {}).unwrap();
            assert!(report.findings.is_empty(), "{:?}", report.findings);
            continue;
        }
        if !model.is_empty() {
            let delete = Effect::on(0, b"hash", KeyChange::Delete { expired: false });
            Keyspace::new(&mut writer, None).apply(&delete).unwrap();
        }
        assert_eq!(field_expiry::first(&writer.view(), 0).unwrap(), None);
        publish(&mut writer);
        publish(&mut writer);
        assert!(pages_used(&table) < 40, "seed {seed}: {} pages are left", pages_used(&table));
    }
}

#[test]
fn a_set_does_what_a_set_does_through_packing_and_unpacking() {
    for seed in 0..6 {
        let mut random = SmallRng::seed_from_u64(seed);
        let (_table, mut writer, _file) = table();
        let mut model = BTreeSet::new();
        let (mut packed, mut in_trees) = (0, 0);
        for step in 0..600 {
            let shrink = step / 60 % 2 == 1;
            let names_max = if shrink { 50 } else { 12 };
            let names: Vec<Vec<u8>> =
                (0..random.random_range(1..names_max)).map(|_| name(&mut random)).collect();
            let members = items(names.iter().map(Vec::as_slice));
            let (db, key, members) = (0, b"set".as_slice(), members.items());
            let mut keys = Keyspace::new(&mut writer, None);
            if model.is_empty() || random.random_range(0..10) < if shrink { 1 } else { 7 } {
                keys.apply(&Effect::on(db, key, SetChange::Add { members })).unwrap();
                model.extend(names);
            } else {
                keys.apply_removal(&Effect::on(db, key, SetChange::Remove { members })).unwrap();
                names.iter().for_each(|name| _ = model.remove(name));
            }
            let view = writer.view();
            let value = lookup::lookup(&view, db, key).unwrap();
            assert_eq!(value.is_some(), !model.is_empty());
            if let Some(value) = value {
                if value.in_trees {
                    in_trees += 1
                } else {
                    packed += 1
                }
                let set = value.set().unwrap();
                assert_eq!(set.len().unwrap(), model.len() as u64);
                let mut found = Vec::new();
                let mut members = set.members(&view);
                while let Some(member) = members.next().unwrap() {
                    found.push(member.to_vec());
                }
                assert!(found.iter().eq(&model));
                let wanted = name(&mut random);
                assert_eq!(set.contains(&view, &wanted).unwrap(), model.contains(&wanted));
                let place = random.random_range(0..model.len() + 1);
                assert_eq!(set.nth(&view, place as u64).unwrap().as_ref(), model.iter().nth(place));
                let mut from = Vec::new();
                set.each_from(&view, &wanted, |member| {
                    from.push(member.to_vec());
                    Ok(from.len() < 3)
                })
                .unwrap();
                assert!(from.iter().eq(model.range(wanted..).take(3)));
            }
            publish(&mut writer);
        }
        assert!(packed > 20 && in_trees > 100, "seed {seed}: {packed} packed, {in_trees} in trees");
    }
}

#[test]
fn deleting_a_large_collection_cuts_it_off_at_once() {
    let (table, mut writer, _file) = table();
    let names: Vec<String> = (0..20_000).map(|number| format!("member:{number:08}")).collect();
    let members = items(names.iter().map(|name| name.as_bytes()));
    let (db, key) = (0, b"k".as_slice());
    Keyspace::new(&mut writer, None)
        .apply(&Effect::on(db, key, SetChange::Add { members: members.items() }))
        .unwrap();
    let frozen = writer.freeze();
    writer.publish(frozen);
    let before = pages_used(&table);
    assert!(before > 60, "{before} pages");
    Keyspace::new(&mut writer, None)
        .apply(&Effect::on(db, key, KeyChange::Delete { expired: false }))
        .unwrap();
    let frozen = writer.freeze();
    writer.publish(frozen);
    assert!(pages_used(&table) < before + 8, "a delete touches a few pages only");
    publish(&mut writer);
    publish(&mut writer);
    assert!(pages_used(&table) < 20, "{} pages are left", pages_used(&table));
}

#[test]
fn field_expiries_follow_their_hash() {
    let (_table, mut writer, _file) = table();
    let mut keys = Keyspace::new(&mut writer, None);
    let set = |keys: &mut Keyspace<'_>, db, key: &[u8], field: &[u8], expire_at_ms| {
        let pairs = items([field, b"value"]);
        keys.apply(&Effect::on(db, key, HashChange::Set { pairs: pairs.items(), expire_at_ms })).unwrap();
    };
    let due = |keys: &Keyspace<'_>, now_ms| {
        let due = keys.due_hashes(now_ms, 9).unwrap();
        due.into_iter().map(|due| (due.db, String::from_utf8(due.key.to_vec()).unwrap())).collect::<Vec<_>>()
    };
    let pair = |db: usize, key: &str| (db, key.to_owned());
    set(&mut keys, 0, b"a", b"f", Some(300));
    set(&mut keys, 0, b"a", b"g", Some(200));
    set(&mut keys, 0, b"b", b"f", Some(100));
    set(&mut keys, 1, b"c", b"f", Some(150));
    assert_eq!(due(&keys, 99), []);
    assert_eq!(due(&keys, 200), [pair(0, "b"), pair(0, "a"), pair(1, "c")]);
    keys.apply(&Effect::on(0, b"b", KeyChange::Rename { to: b"d" })).unwrap();
    keys.apply(&Effect::on(0, b"d", KeyChange::Move { to_db: 2 })).unwrap();
    keys.apply(&Effect::on(2, b"d", KeyChange::Copy { to_db: 2, to: b"e" })).unwrap();
    assert_eq!(due(&keys, 100), [pair(2, "d"), pair(2, "e")]);
    keys.apply(&Effect::Database(DatabaseChange::Swap { a: 2, b: 5 })).unwrap();
    assert_eq!(due(&keys, 100), [pair(5, "d"), pair(5, "e")]);
    keys.apply(&Effect::on(5, b"d", StringChange::Set { value: b"v", expire_at_ms: None, raw: false }))
        .unwrap();
    assert_eq!(due(&keys, 100), [pair(5, "e")]);
    keys.apply(&Effect::Database(DatabaseChange::Flush { db: 5 })).unwrap();
    assert_eq!(due(&keys, 100), []);
    assert_eq!(keys.purge(0, b"a", 250).unwrap(), Purged::Fields);
    assert_eq!(due(&keys, 250), [pair(1, "c")]);
    assert_eq!(keys.purge(0, b"a", 300).unwrap(), Purged::Fields);
    assert_eq!(keys.info(0, b"a").unwrap(), None, "the last field took the key along");
    keys.apply(&Effect::Database(DatabaseChange::FlushAll)).unwrap();
    assert_eq!(due(&keys, u64::MAX), []);
}
