//! Lists compared with plain vectors: small and large and back again, with long elements, across checkpoints.

use std::collections::VecDeque;
use std::sync::Arc;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::effect::{Effect, End, ItemsBuffer, KeyChange, ListChange};
use crate::table::{MemoryFile, Table, TableOptions, TableWriter, verify};

/// A list as a plain vector.
type Model = VecDeque<Vec<u8>>;

const OPTIONS: fn() -> TableOptions = || TableOptions { seed: 1, ..TableOptions::default() };

fn table() -> (Arc<Table>, TableWriter, MemoryFile) {
    let file = MemoryFile::new(1 << 28);
    let (table, writer) = Table::create(Box::new(file.clone()), &OPTIONS()).unwrap();
    (table, writer, file)
}

fn publish(writer: &mut TableWriter) {
    let frozen = writer.freeze();
    writer.publish(frozen);
    while writer.reclaim(10_000).unwrap() > 0 {}
}

/// Pages that the newest version reaches.
fn pages_used(table: &Table) -> u64 {
    let stats = table.stats();
    stats.pages - stats.pages_free - stats.pages_waiting
}

fn items<'a>(items: impl IntoIterator<Item = &'a [u8]>) -> ItemsBuffer {
    items.into_iter().collect()
}

/// An element: from a small set, so that they repeat; some are long.
fn element(random: &mut SmallRng) -> Vec<u8> {
    match random.random_range(0..80) {
        0 => vec![b'l'; 1024 + random.random_range(0..3)],
        1 => vec![b'p'; random.random_range(1500..30_000)],
        2 => Vec::new(),
        3..10 => format!("an element of middle length {}", "m".repeat(random.random_range(0..300))).into(),
        number => format!("e{}", number % 7).into_bytes(),
    }
}

/// The kind of the next change.
fn kind_of_change(random: &mut SmallRng, shrink: bool) -> &'static str {
    match random.random_range(if shrink { 35..100 } else { 0..84 }) {
        0..40 => "push",
        40..50 => "set",
        50..62 => "insert",
        62..70 => "remove",
        70..95 => "pop",
        _ => "trim",
    }
}

/// One random change of an existing list and of its model. Returns the kind of change.
fn change(keys: &mut Keyspace<'_>, model: &mut Model, random: &mut SmallRng, shrink: bool) -> &'static str {
    let (db, key) = (0, b"list".as_slice());
    let end = if random.random() { End::Head } else { End::Tail };
    let len = model.len() as u64;
    let name = if model.is_empty() { "push" } else { kind_of_change(random, shrink) };
    match name {
        "push" => {
            let pushed: Vec<Vec<u8>> = (0..random.random_range(1..30)).map(|_| element(random)).collect();
            let elements = items(pushed.iter().map(Vec::as_slice));
            keys.apply(&Effect::on(db, key, ListChange::Push { end, elements: elements.items() })).unwrap();
            for element in pushed {
                if end == End::Head { model.push_front(element) } else { model.push_back(element) }
            }
        }
        "set" => {
            let (index, value) = (random.random_range(0..len), element(random));
            keys.apply(&Effect::on(db, key, ListChange::Set { index, value: &value })).unwrap();
            model[index as usize] = value;
        }
        "insert" => {
            let (index, value) = (random.random_range(0..=len), element(random));
            let words = items([b"pivot".as_slice(), &value]);
            let pivot_and_element = words.items();
            keys.apply(&Effect::on(db, key, ListChange::Insert { index, before: true, pivot_and_element }))
                .unwrap();
            model.insert(index as usize, value);
        }
        "remove" => {
            let element = model[random.random_range(0..model.len())].clone();
            let there = model.iter().filter(|other| **other == element).count() as u64;
            let count = random.random_range(1..=there);
            let word = items([element.as_slice()]);
            let effect = Effect::on(db, key, ListChange::Remove { end, count, element: word.items() });
            keys.apply_removal(&effect).unwrap();
            for _ in 0..count {
                let mut places = (0..model.len()).filter(|place| model[*place] == element);
                let place = if end == End::Head { places.next() } else { places.next_back() };
                model.remove(place.unwrap());
            }
        }
        "pop" => {
            let most = if shrink { len } else { len.min(40) };
            let count = random.random_range(1..=most);
            keys.apply_removal(&Effect::on(db, key, ListChange::Pop { end, count })).unwrap();
            for _ in 0..count {
                if end == End::Head {
                    model.pop_front()
                } else {
                    model.pop_back()
                };
            }
        }
        _ => {
            let index = random.random_range(0..len);
            let count = random.random_range(0..=len - index);
            keys.apply_removal(&Effect::on(db, key, ListChange::Trim { index, count })).unwrap();
            model.truncate((index + count) as usize);
            model.drain(..index as usize);
        }
    }
    name
}

/// Reads the list through every kind of read.
fn check(view: &View<'_>, model: &Model, random: &mut SmallRng) {
    let value = lookup::lookup(view, 0, b"list").unwrap();
    assert_eq!(value.is_some(), !model.is_empty());
    let Some(value) = value else { return };
    let list = value.list().unwrap();
    assert_eq!((list.len().unwrap(), list.is_empty()), (model.len() as u64, false));
    for end in [End::Head, End::Tail] {
        let start = random.random_range(0..model.len());
        let mut found = Vec::new();
        list.each(view, end, start as u64, |index, text| {
            found.push((index as usize, text.to_contiguous(view)?.into_owned()));
            Ok(found.len() < 50)
        })
        .unwrap();
        let indexes: Vec<usize> = match end {
            End::Head => (start..model.len()).take(50).collect(),
            End::Tail => (0..=start).rev().take(50).collect(),
        };
        assert!(found.iter().map(|(index, _)| index).eq(&indexes));
        assert!(found.iter().all(|(index, element)| model[*index] == *element));
    }
    let index = random.random_range(0..model.len() + 2);
    let got = list.get(view, index as u64).unwrap();
    assert_eq!(got.is_some(), index < model.len());
    if let Some(text) = got {
        assert!(text.equals(view, &model[index]).unwrap());
        assert!(!text.equals(view, b"something else").unwrap());
    }
    let wanted = element(random);
    let place = model.iter().position(|element| *element == wanted);
    assert_eq!(list.find(view, &wanted).unwrap(), place.map(|place| place as u64));
}

#[test]
fn a_list_does_what_a_vector_does_through_packing_and_reopening() {
    for seed in 0..8 {
        eprintln!("seed {seed}");
        let mut random = SmallRng::seed_from_u64(seed);
        let (mut shared, mut writer, mut file) = table();
        let mut model = Model::new();
        let (mut packed, mut in_trees) = (0, 0);
        for step in 0..600 {
            change(&mut Keyspace::new(&mut writer, None), &mut model, &mut random, step / 50 % 2 == 1);
            check(&writer.view(), &model, &mut random);
            match lookup::lookup(&writer.view(), 0, b"list").unwrap().map(|value| value.in_trees) {
                Some(true) => in_trees += 1,
                Some(false) => packed += 1,
                None => {}
            }
            publish(&mut writer);
            if step % 150 == 149 {
                let checkpoint = writer.begin_checkpoint(1, 1);
                writer.end_checkpoint(checkpoint.run().unwrap());
                drop((shared, writer));
                let image = file.image();
                let report = verify(&image[..], &mut |_| {}).unwrap();
                assert!(report.findings.is_empty(), "{:?}", report.findings);
                file = MemoryFile::from_image(&image, 1 << 28);
                (shared, writer) = Table::open(Box::new(file.clone()), &OPTIONS()).unwrap();
                check(&writer.view(), &model, &mut random);
            }
        }
        assert!(packed > 20 && in_trees > 100, "{packed} packed, {in_trees} in trees");
        if !model.is_empty() {
            let delete = Effect::on(0, b"list", KeyChange::Delete { expired: false });
            Keyspace::new(&mut writer, None).apply(&delete).unwrap();
        }
        publish(&mut writer);
        publish(&mut writer);
        let checkpoint = writer.begin_checkpoint(2, 2);
        writer.end_checkpoint(checkpoint.run().unwrap());
        publish(&mut writer);
        assert!(pages_used(&shared) < 60, "{} pages are left", pages_used(&shared));
    }
}

#[test]
fn what_is_left_of_a_long_list_moves_and_the_rest_is_cut_off() {
    let (table, mut writer, _file) = table();
    let (db, key) = (0, b"list".as_slice());
    let long = vec![b'x'; 5000];
    let mut elements: Vec<Vec<u8>> = (0..30_000).map(|number| format!("element:{number}").into()).collect();
    elements[20_010].clone_from(&long);
    elements[3].clone_from(&long);
    let mut keys = Keyspace::new(&mut writer, None);
    let pushed = items(elements.iter().map(Vec::as_slice));
    keys.apply(&Effect::on(db, key, ListChange::Push { end: End::Tail, elements: pushed.items() })).unwrap();
    publish(&mut writer);
    let before = pages_used(&table);
    let trim = Effect::on(db, key, ListChange::Trim { index: 20_000, count: 100 });
    Keyspace::new(&mut writer, None).apply(&trim).unwrap();
    let model: Model = elements[20_000..20_100].iter().cloned().collect();
    check(&writer.view(), &model, &mut SmallRng::seed_from_u64(1));
    let frozen = writer.freeze();
    writer.publish(frozen);
    assert!(pages_used(&table) < before + 20, "few pages are written");
    publish(&mut writer);
    publish(&mut writer);
    check(&writer.view(), &model, &mut SmallRng::seed_from_u64(2));
    assert!(pages_used(&table) < 40, "{} pages are left of {before}", pages_used(&table));
}

#[test]
fn long_lists_are_pushed_to_and_cut_off_at_both_ends() {
    let (table, mut writer, _file) = table();
    let before = pages_used(&table);
    let (db, key) = (0, b"list".as_slice());
    let mut model = Model::new();
    let mut random = SmallRng::seed_from_u64(4);
    for round in 0..6 {
        for end in [End::Tail, End::Head] {
            let pushed: Vec<Vec<u8>> = (0..4000)
                .map(|number| match number % 900 {
                    7 => vec![round; 4000],
                    _ => format!("{round} {end:?} {number}").into_bytes(),
                })
                .collect();
            let elements = items(pushed.iter().map(Vec::as_slice));
            let push = Effect::on(db, key, ListChange::Push { end, elements: elements.items() });
            Keyspace::new(&mut writer, None).apply(&push).unwrap();
            for element in pushed {
                if end == End::Head { model.push_front(element) } else { model.push_back(element) }
            }
        }
        check(&writer.view(), &model, &mut random);
        publish(&mut writer);
        let index = random.random_range(0..model.len() / 3);
        let count = random.random_range(model.len() / 2..model.len() - index);
        let trim = Effect::on(db, key, ListChange::Trim { index: index as u64, count: count as u64 });
        Keyspace::new(&mut writer, None).apply(&trim).unwrap();
        model.truncate(index + count);
        model.drain(..index);
        check(&writer.view(), &model, &mut random);
        publish(&mut writer);
    }
    let count = model.len() as u64;
    let pop = Effect::on(db, key, ListChange::Pop { end: End::Tail, count });
    assert!(Keyspace::new(&mut writer, None).apply_removal(&pop).unwrap());
    publish(&mut writer);
    publish(&mut writer);
    assert!(pages_used(&table) < before + 40, "{} pages are left of {before}", pages_used(&table));
}

#[test]
fn a_queue_stays_in_order_while_it_moves_on() {
    let (_table, mut writer, _file) = table();
    let (db, key) = (0, b"list".as_slice());
    let mut next = 0_u64;
    for number in 0..5000_u64 {
        let bytes = number.to_be_bytes();
        let element = items([bytes.as_slice()]);
        let mut keys = Keyspace::new(&mut writer, None);
        keys.apply(&Effect::on(db, key, ListChange::Push { end: End::Tail, elements: element.items() }))
            .unwrap();
        if number >= 300 {
            let view = writer.view();
            let list = lookup::lookup(&view, db, key).unwrap().unwrap().list().unwrap();
            assert!(list.get(&view, 0).unwrap().unwrap().equals(&view, &next.to_be_bytes()).unwrap());
            next += 1;
            let pop = Effect::on(db, key, ListChange::Pop { end: End::Head, count: 1 });
            Keyspace::new(&mut writer, None).apply_removal(&pop).unwrap();
        }
        if number % 100 == 0 {
            publish(&mut writer);
        }
    }
    let view = writer.view();
    assert_eq!(lookup::lookup(&view, db, key).unwrap().unwrap().list().unwrap().len().unwrap(), 300);
}

#[test]
fn redis_would_keep_so_many_in_a_listpack() {
    let (_table, mut writer, _file) = table();
    let is_listpack = |writer: &mut TableWriter, elements: &[&[u8]]| {
        let (db, key) = (0, b"list".as_slice());
        let pushed = items(elements.iter().copied());
        let mut keys = Keyspace::new(writer, None);
        keys.apply(&Effect::on(db, key, ListChange::Push { end: End::Tail, elements: pushed.items() }))
            .unwrap();
        let view = writer.view();
        let found = lookup::lookup(&view, db, key).unwrap().unwrap().list().unwrap().is_listpack(&view);
        Keyspace::new(writer, None)
            .apply(&Effect::on(db, key, KeyChange::Delete { expired: false }))
            .unwrap();
        found.unwrap()
    };
    // Ten bytes of text take twelve, a small number two.
    assert!(is_listpack(&mut writer, &[b"ten bytes!".as_slice(); 682]));
    assert!(!is_listpack(&mut writer, &[b"ten bytes!".as_slice(); 683]));
    assert!(is_listpack(&mut writer, &[b"7".as_slice(); 4092]));
    assert!(!is_listpack(&mut writer, &[b"7".as_slice(); 4093]));
    assert!(!is_listpack(&mut writer, &[&[b'x'; 9000]]));
}
