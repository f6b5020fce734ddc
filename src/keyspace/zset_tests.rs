//! Sorted sets compared with a sorted vector: while packed and in trees, and after the file was reopened.

use std::collections::BTreeMap;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::collection_tests::{items, pages_used, publish, table};
use super::*;
use crate::effect::{Effect, KeyChange, Part, Ranks, Score, SortedSetChange};
use crate::table::{Table, TableOptions, verify};

/// Members with their scores.
type Model = BTreeMap<Vec<u8>, Score>;

/// A member: from a small set, so that they repeat; some are long.
fn member(random: &mut SmallRng) -> Vec<u8> {
    let number: u32 = random.random_range(0..150);
    match number {
        0 => Vec::new(),
        1..4 => vec![number as u8; 3000],
        4 => vec![b'm'; MEMBER_BYTES_MAX],
        _ => format!("member:{number}").into_bytes(),
    }
}

/// A score: from a small set, so that some are equal.
fn score(random: &mut SmallRng) -> Score {
    let value = match random.random_range(0..30) {
        0 => f64::INFINITY,
        1 => f64::NEG_INFINITY,
        2 => -0.0,
        3 => f64::from_bits(random.random()),
        _ => f64::from(random.random_range(-20..20)) / 2.0,
    };
    Score::new(value).unwrap_or(Score::ZERO)
}

/// One random change of a sorted set, and of its model.
fn change(keys: &mut Keyspace<'_>, model: &mut Model, random: &mut SmallRng, shrink: bool) {
    let (db, key) = (0, b"zset".as_slice());
    let is_long = shrink || random.random_range(0..6) == 0;
    let members_max = if is_long { 60 } else { 14 };
    let mut members: Vec<Vec<u8>> =
        (0..random.random_range(1..members_max)).map(|_| member(random)).collect();
    if is_long && random.random() {
        // Many elements in order are added together.
        members.sort_unstable();
        members.dedup();
    }
    if model.is_empty() || random.random_range(0..10) < if shrink { 2 } else { 7 } {
        let mut elements = ItemsBuffer::new();
        for member in members {
            let score = score(random);
            elements.push(&member);
            elements.push(&score.to_bytes());
            model.insert(member, score);
        }
        keys.apply(&Effect::on(db, key, SortedSetChange::Add { elements: elements.items() })).unwrap();
    } else {
        let items = items(members.iter().map(Vec::as_slice));
        keys.apply_removal(&Effect::on(db, key, SortedSetChange::Remove { members: items.items() })).unwrap();
        members.iter().for_each(|member| _ = model.remove(member));
    }
}

/// Reads the sorted set through every kind of read; returns whether it is packed.
fn check(view: &View<'_>, model: &Model, random: &mut SmallRng) -> Option<bool> {
    let value = lookup::lookup(view, 0, b"zset").unwrap();
    assert_eq!(value.is_some(), !model.is_empty());
    let set = value?.sorted_set().unwrap();
    let mut sorted: Vec<(Score, &[u8])> =
        model.iter().map(|(member, score)| (*score, member.as_slice())).collect();
    sorted.sort_unstable();
    let len = sorted.len() as u64;
    assert_eq!(set.len().unwrap(), len);
    for reverse in [false, true] {
        let start = random.random_range(0..len);
        let range = start..random.random_range(start..=len);
        let mut found = Vec::new();
        set.each_in(view, range.clone(), reverse, |member, score| {
            found.push((score, member.to_vec()));
            Ok(true)
        })
        .unwrap();
        let expected = &sorted[range.start as usize..range.end as usize];
        let found = found.iter().map(|(score, member)| (*score, member.as_slice()));
        if reverse {
            assert!(found.eq(expected.iter().rev().copied()));
        } else {
            assert!(found.eq(expected.iter().copied()));
        }
    }
    for (rank, (score, member)) in sorted.iter().enumerate() {
        assert_eq!(set.rank(view, member).unwrap(), Some((rank as u64, *score)));
        let below = sorted.partition_point(|(other, _)| other < score) as u64;
        let behind = sorted.partition_point(|(other, _)| other <= score) as u64;
        assert_eq!(set.position(view, Edge::Score(*score)).unwrap(), below);
        assert_eq!(set.position(view, Edge::BehindScore(*score)).unwrap(), behind);
    }
    let wanted = member(random);
    assert_eq!(set.score(view, &wanted).unwrap(), model.get(&wanted).copied());
    let mut from = Vec::new();
    set.each_member_from(view, &wanted, |member, score| {
        from.push((member.to_vec(), score));
        Ok(from.len() < 5)
    })
    .unwrap();
    assert!(from.iter().map(|(member, score)| (member, score)).eq(model.range(wanted..).take(5)));
    let place = random.random_range(0..len + 1);
    let nth = set.nth_member(view, place).unwrap();
    let expected = model.iter().nth(place as usize);
    assert_eq!(nth.as_ref().map(|(member, score)| (member, score)), expected);
    Some(set.is_packed())
}

#[test]
fn a_sorted_set_does_what_a_sorted_vector_does() {
    for seed in 0..6 {
        let mut random = SmallRng::seed_from_u64(seed);
        let (table, mut writer, file) = table();
        let mut model = Model::new();
        let (mut packed, mut in_trees) = (0, 0);
        for step in 0..400 {
            let shrink = step / 40 % 2 == 1;
            change(&mut Keyspace::new(&mut writer, None), &mut model, &mut random, shrink);
            match check(&writer.view(), &model, &mut random) {
                Some(true) => packed += 1,
                Some(false) => in_trees += 1,
                None => {}
            }
            publish(&mut writer);
        }
        assert!(packed > 10 && in_trees > 100, "seed {seed}: {packed} packed, {in_trees} in trees");
        if seed % 2 == 0 {
            let checkpoint = writer.begin_checkpoint(1, 1);
            writer.end_checkpoint(checkpoint.run().unwrap());
            drop((table, writer));
            let report = verify(&file.image()[..], &mut |_| {}).unwrap();
            assert!(report.findings.is_empty(), "{:?}", report.findings);
            let (_table, writer) = Table::open(Box::new(file), &TableOptions::default()).unwrap();
            check(&writer.view(), &model, &mut random);
            continue;
        }
        if !model.is_empty() {
            let delete = Effect::on(0, b"zset", KeyChange::Delete { expired: false });
            Keyspace::new(&mut writer, None).apply(&delete).unwrap();
        }
        publish(&mut writer);
        publish(&mut writer);
        assert!(pages_used(&table) < 40, "seed {seed}: {} pages are left", pages_used(&table));
    }
}

#[test]
fn members_of_equal_scores_have_positions() {
    for count in [9_u32, 900] {
        let (_table, mut writer, _file) = table();
        let mut elements = ItemsBuffer::new();
        let names: Vec<String> = (0..count).map(|number| format!("{number:04}")).collect();
        for name in &names {
            elements.push(name.as_bytes());
            elements.push(&Score::ZERO.to_bytes());
        }
        let (db, key) = (0, b"zset".as_slice());
        let elements = elements.items();
        Keyspace::new(&mut writer, None)
            .apply(&Effect::on(db, key, SortedSetChange::Add { elements }))
            .unwrap();
        let view = writer.view();
        let set = lookup::lookup(&view, db, key).unwrap().unwrap().sorted_set().unwrap();
        assert_eq!(set.is_packed(), count == 9);
        let longest = vec![0xFF; 100_000];
        let position = |edge| set.position(&view, edge).unwrap();
        assert_eq!((position(Edge::First), position(Edge::Last)), (0, u64::from(count)));
        for (place, name) in names.iter().enumerate() {
            assert_eq!(position(Edge::Member(name.as_bytes())), place as u64);
            assert_eq!(position(Edge::BehindMember(name.as_bytes())), place as u64 + 1);
        }
        assert_eq!(position(Edge::Member(b"0003x")), 4);
        assert_eq!(position(Edge::Member(&longest)), u64::from(count));
        assert_eq!(position(Edge::BehindMember(b"")), 0);
    }
}

/// The effects that copy elements of `from` to `zset`, in parts of random lengths.
fn copies(from: &'static [u8], len: u64, ranks: Ranks, random: &mut SmallRng) -> Vec<Effect<'static>> {
    let mut parts = |range: std::ops::Range<u64>| {
        let (mut parts, mut index) = (Vec::new(), range.start);
        while index < range.end {
            let count = random.random_range(1..=400).min(range.end - index);
            parts.push(Part { from_db: 3, from, index, count });
            index += count;
        }
        parts
    };
    let kept = match ranks.within {
        true => [ranks.first..ranks.behind, 0..0],
        false => [0..ranks.first, ranks.behind..len],
    };
    let order: Vec<Part<'_>> = kept.into_iter().flat_map(&mut parts).collect();
    let members = parts(0..len);
    let order = order.into_iter().map(|part| SortedSetChange::CopyOrder { part });
    let members = members.into_iter().map(|part| SortedSetChange::CopyMembers { part, ranks });
    order.chain(members).map(|change| Effect::on(0, b"zset", change)).collect()
}

#[test]
fn parts_of_a_sorted_set_are_copied_alike_each_time() {
    for seed in 0..6 {
        let mut random = SmallRng::seed_from_u64(seed);
        let (mut model, mut elements) = (Model::new(), ItemsBuffer::new());
        for number in 0..1500 {
            let member = if number % 3 == 0 { member(&mut random) } else { format!("{number}").into_bytes() };
            model.insert(member, score(&mut random));
        }
        for (member, score) in &model {
            elements.push(member);
            elements.push(&score.to_bytes());
        }
        let len = model.len() as u64;
        let first = random.random_range(0..len / 2);
        let behind = [len, random.random_range(first + 1..len)][seed as usize % 2];
        let first = if behind == len && seed % 3 == 0 { 0 } else { first };
        let ranks = Ranks { first, behind, within: seed % 3 != 1 };
        let mut sorted: Vec<(Score, Vec<u8>)> =
            model.iter().map(|(member, score)| (*score, member.clone())).collect();
        sorted.sort_unstable();
        let place = |rank: u64| (first..behind).contains(&rank) == ranks.within;
        let chosen = (0..).zip(sorted).filter(|(rank, _)| place(*rank));
        let chosen: Model = chosen.map(|(_, (score, member))| (member, score)).collect();
        let add = Effect::on(3, b"from", SortedSetChange::Add { elements: elements.items() });
        let copies = copies(b"from", len, ranks, &mut random);
        let images: Vec<_> = (0..2)
            .map(|_| {
                let (table, mut writer, file) = table();
                let mut keys = Keyspace::new(&mut writer, None);
                std::iter::once(&add).chain(&copies).for_each(|effect| keys.apply(effect).unwrap());
                publish(&mut writer);
                let mut again = SmallRng::seed_from_u64(seed);
                assert_eq!(check(&writer.view(), &chosen, &mut again), Some(false), "seed {seed}");
                // It is a sorted set like any other.
                let mut model = chosen.clone();
                for step in 0..30 {
                    change(&mut Keyspace::new(&mut writer, None), &mut model, &mut again, step % 2 == 1);
                }
                check(&writer.view(), &model, &mut again);
                let checkpoint = writer.begin_checkpoint(1, 1);
                writer.end_checkpoint(checkpoint.run().unwrap());
                drop((table, writer));
                let image = file.image().to_vec();
                let report = verify(&image[..], &mut |_| {}).unwrap();
                assert!(report.findings.is_empty(), "{:?}", report.findings);
                image
            })
            .collect();
        assert!(images[0] == images[1], "seed {seed}: the same effects give the same bytes");
    }
}

#[test]
fn copies_that_do_not_fit_are_refused() {
    let (_table, mut writer, _file) = table();
    let mut keys = Keyspace::new(&mut writer, None);
    let mut elements = ItemsBuffer::new();
    for number in 0..500 {
        elements.push(format!("{number:04}").as_bytes());
        elements.push(&Score::ZERO.to_bytes());
    }
    let elements = elements.items();
    keys.apply(&Effect::on(0, b"from", SortedSetChange::Add { elements })).unwrap();
    let few = items([b"m".as_slice(), &Score::ZERO.to_bytes()]);
    keys.apply(&Effect::on(0, b"few", SortedSetChange::Add { elements: few.items() })).unwrap();
    let part = |from, index, count| Part { from_db: 0, from, index, count };
    let all = Ranks { first: 0, behind: 500, within: true };
    for (key, part) in [
        (b"to".as_slice(), part(b"none".as_slice(), 0, 1)),
        (b"to", part(b"few", 0, 1)),
        (b"few", part(b"from", 0, 1)),
        (b"from", part(b"from", 0, 1)),
        (b"to", part(b"from", 0, 501)),
        (b"to", part(b"from", 501, 0)),
        (b"to", part(b"from", u64::MAX, 2)),
    ] {
        let changes =
            [SortedSetChange::CopyOrder { part }, SortedSetChange::CopyMembers { part, ranks: all }];
        for change in changes {
            let refused = keys.apply(&Effect::on(0, key, change)).unwrap_err();
            assert!(matches!(refused, KeyspaceError::Mismatch { .. }), "{change:?}: {refused}");
        }
    }
    let twice = Effect::on(0, b"to", SortedSetChange::CopyOrder { part: part(b"from", 0, 300) });
    keys.apply(&twice).unwrap();
    assert!(keys.apply(&twice).is_err(), "what is added is above what is there");
}
