//! The shapes that trees take: full pages, joined pages, limits, keys in order.

use super::*;
use crate::table::node::STEM_BYTES;

/// Fills a tree with `count` keys in the given order.
fn filled(writer: &mut TableWriter, keys: impl Iterator<Item = u64>) -> Root {
    let mut root = Root::EMPTY;
    for key in keys {
        writer.insert(&mut root, format!("key:{key:012}").as_bytes(), &[7; 64], &[]).unwrap();
    }
    root
}

/// Pages in use.
fn used(writer: &mut TableWriter) -> u64 {
    commit(writer);
    checkpoint(writer, 0);
    commit(writer);
    let stats = writer.table().stats();
    stats.pages - stats.pages_free - stats.pages_waiting
}

#[test]
fn keys_in_order_leave_full_pages() {
    let orders: [Box<dyn Iterator<Item = u64>>; 2] = [Box::new(0..20_000), Box::new((0..20_000).rev())];
    for keys in orders {
        let (_file, _table, mut writer) = memory_table();
        let before = used(&mut writer);
        let root = filled(&mut writer, keys);
        let pages = used(&mut writer) - before;
        assert_eq!(root.len(), 20_000);
        // A cell of 16 + 64 bytes takes at least 78 bytes of a page after its prefix is cut.
        assert!(pages < 20_000 / 48, "{pages} pages");
    }
}

#[test]
fn keys_are_taken_from_either_end() {
    let (_file, _table, mut writer) = memory_table();
    let before = used(&mut writer);
    let mut root = filled(&mut writer, (0..20_000).map(|key| key * 7919 % 20_000));
    let (mut low, mut high) = (0, 20_000);
    for turn in 0..20_000 {
        let first = turn % 3 == 0;
        let key = if first { low } else { high - 1 };
        let key = format!("key:{key:012}");
        let held = writer.view().get(root, key.as_bytes()).unwrap().unwrap().bytes.to_vec();
        let view = writer.view();
        let (edge, cell) = view.edge(root, first).unwrap().unwrap();
        assert_eq!((edge.as_slice(), cell.bytes), (key.as_bytes(), held.as_slice()), "turn {turn}");
        assert!(writer.remove_edge(&mut root, first).unwrap().is_some());
        assert!(writer.view().get(root, key.as_bytes()).unwrap().is_none(), "{key} after turn {turn}");
        if first {
            low += 1
        } else {
            high -= 1
        }
        assert_eq!(root.len(), high - low);
        if turn % 1000 == 0 {
            writer.set_root(0, root);
            commit(&mut writer);
        }
    }
    assert!(root.is_empty() && writer.remove_edge(&mut root, true).unwrap().is_none());
    assert!(writer.view().edge(root, true).unwrap().is_none());
    writer.set_root(0, root);
    assert_eq!(used(&mut writer), before);
}

#[test]
fn what_is_overwritten_or_taken_out_is_shown() {
    let (_file, _table, mut writer) = memory_table();
    for key in [b"short".to_vec(), vec![b'l'; 2 * STEM_BYTES + 3]] {
        let mut root = filled(&mut writer, 0..500);
        let mut seen = Vec::new();
        let mut see = |cell: Cell<'_>| seen.push(cell.bytes.to_vec());
        assert!(writer.extract(&mut root, &key, &mut see).unwrap().is_none());
        assert!(writer.replace(&mut root, &key, [b"o", b"ne"], &[], &mut see).unwrap(), "it is new");
        assert!(!writer.replace(&mut root, &key, [b"two", b", and longer"], &[], &mut see).unwrap());
        assert!(writer.extract(&mut root, &key, &mut see).unwrap().is_some());
        assert!(writer.extract(&mut root, &key, &mut see).unwrap().is_none());
        assert_eq!(seen, [b"one".as_slice(), b"two, and longer"], "{} bytes", key.len());
        assert_eq!(root.len(), 500);
    }
}

#[test]
fn deleting_nearly_all_keys_frees_nearly_all_pages() {
    let (_file, _table, mut writer) = memory_table();
    let before = used(&mut writer);
    let mut root = filled(&mut writer, (0..20_000).map(|key| key * 7919 % 20_000));
    writer.set_root(0, root);
    let full = used(&mut writer) - before;
    for key in (0..20_000).filter(|key| key % 50 != 0) {
        assert!(writer.remove(&mut root, format!("key:{key:012}").as_bytes()).unwrap().is_some());
        if key % 1000 == 1 {
            writer.set_root(0, root);
            commit(&mut writer);
        }
    }
    writer.set_root(0, root);
    let left = used(&mut writer) - before;
    assert_eq!(root.len(), 400);
    assert!(left * 15 < full, "{left} of {full} pages are left");
}

#[test]
fn limits_are_refused_and_change_nothing() {
    let (_file, _table, mut writer) = memory_table();
    let mut root = filled(&mut writer, 0..10);
    let long = vec![0; KEY_BYTES_MAX + 1];
    assert!(matches!(writer.insert(&mut root, &long, &[], &[]), Err(TableError::KeyTooLong { .. })));
    let large = vec![0; CELL_BYTES_MAX + 1];
    assert!(matches!(writer.insert(&mut root, b"k", &large, &[]), Err(TableError::CellTooLarge { .. })));
    let roots = [Root::EMPTY; 4];
    assert!(matches!(writer.insert(&mut root, b"k", &[], &roots), Err(TableError::CellTooLarge { .. })));
    assert_eq!(root.len(), 10);
    assert!(writer.insert(&mut root, &long[1..], &large[1..], &[]).unwrap());
    assert_eq!(writer.view().get(root, &long[1..]).unwrap().unwrap().bytes, &large[1..]);
}

#[test]
fn a_full_table_refuses_inserts_but_takes_deletes() {
    let file = MemoryFile::new(2 << 20);
    let (_table, mut writer) = Table::create(Box::new(file), &options()).unwrap();
    let mut root = Root::EMPTY;
    let mut count = 0_u64;
    let error = loop {
        match writer.insert(&mut root, &count.to_be_bytes(), &[1; 1000], &[]) {
            Ok(_) => count += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, TableError::Full { .. }), "{error}");
    assert!(writer.reserve(1000).is_err());
    assert_eq!(root.len(), count);
    writer.set_root(0, root);
    commit(&mut writer);
    checkpoint(&mut writer, 1);
    for key in 0..count {
        assert!(writer.remove(&mut root, &key.to_be_bytes()).unwrap().is_some(), "key {key} of {count}");
        writer.set_root(0, root);
        if key % 20 == 0 {
            commit(&mut writer);
            checkpoint(&mut writer, key + 2);
        }
    }
    commit(&mut writer);
    checkpoint(&mut writer, count + 2);
    assert!(writer.insert(&mut root, b"there is room again", &[1; 1000], &[]).unwrap());
}

#[test]
fn a_full_disk_is_full_and_not_an_error_of_the_device() {
    let (file, _table, mut writer) = memory_table();
    file.set_full(true);
    let error = writer.reserve(1000).unwrap_err();
    assert!(matches!(error, TableError::Full { needed_bytes: 1.., source: Some(_), .. }), "{error}");
    file.set_full(false);
    writer.reserve(1000).unwrap();
}

#[test]
fn frozen_groups_are_seen_when_they_are_published() {
    let (_file, table, mut writer) = memory_table();
    let mut frozen = Vec::new();
    for number in 0..5_u8 {
        let mut root = writer.root(0);
        writer.insert(&mut root, &[number], b"", &[]).unwrap();
        writer.set_root(0, root);
        frozen.push(writer.freeze());
    }
    for (number, frozen) in frozen.into_iter().enumerate() {
        let before = table.snapshot();
        assert_eq!(before.root(0).len(), number as u64);
        writer.publish(frozen);
        assert_eq!(before.root(0).len(), number as u64);
        let after = table.snapshot();
        assert_eq!(after.root(0).len(), number as u64 + 1);
        assert!(after.get(after.root(0), &[number as u8]).unwrap().is_some());
        assert!(after.generation() > before.generation());
    }
}

/// Keys and values of a tree, and of the trees in its cells.
fn content(view: &View<'_>, root: Root) -> Vec<(Vec<u8>, Vec<u8>)> {
    let (mut found, mut cursor) = (Vec::new(), view.cursor(root));
    while let Some((key, cell)) = cursor.next().unwrap() {
        found.push((key.to_vec(), cell.bytes.to_vec()));
        cell.roots.iter().for_each(|root| found.extend(content(view, *root)));
    }
    found
}

#[test]
fn a_copy_of_a_tree_shares_nothing_with_it() {
    let (_file, _table, mut writer) = memory_table();
    let mut random = random(3);
    let before = used(&mut writer);
    let mut root = Root::EMPTY;
    for number in 0..3000 {
        let mut trees = Vec::new();
        if number % 7 == 0 {
            trees = vec![filled(&mut writer, 0..number % 200), Root::EMPTY];
        }
        let key = [any_key(&mut random), format!("{number}").into_bytes()].concat();
        let key = &key[..key.len().min(KEY_BYTES_MAX)];
        writer.insert(&mut root, key, &vec![7; number as usize % 90], &trees).unwrap();
    }
    writer.set_root(0, root);
    let once = used(&mut writer) - before;
    let copy = writer.copy_tree(root).unwrap();
    writer.set_root(1, copy);
    let expected = content(&writer.view(), root);
    assert_eq!(content(&writer.view(), copy), expected);
    assert_eq!(copy.len(), root.len());
    assert_eq!(used(&mut writer) - before, 2 * once);
    // The original is changed and dropped; the copy stays.
    let mut root = writer.root(0);
    for (key, _) in expected.iter().step_by(3) {
        writer.update(&mut root, key, |bytes| bytes.fill(9)).unwrap();
    }
    assert_ne!(content(&writer.view(), root), expected);
    writer.drop_tree(root).unwrap();
    writer.set_root(0, Root::EMPTY);
    while writer.reclaim(1000).unwrap() > 0 {}
    commit(&mut writer);
    let copy = writer.root(1);
    assert_eq!(content(&writer.view(), copy), expected);
    writer.drop_tree(copy).unwrap();
    writer.set_root(1, Root::EMPTY);
    while writer.reclaim(1000).unwrap() > 0 {}
    assert_eq!(used(&mut writer), before);
    assert!(writer.copy_tree(Root::EMPTY).unwrap().is_empty());
}

/// Puts these keys into a tree, one after the other and in bulk; both trees are the same, page by page.
fn fill_both(writer: &mut TableWriter, (mut one, bulk): (Root, Root), keys: &[Vec<u8>]) -> (Root, Root) {
    let mut filler = Filler::new(bulk);
    let mut seen: [Vec<Vec<u8>>; 2] = Default::default();
    for (number, key) in keys.iter().enumerate() {
        let value = vec![number as u8; number % 50];
        let see = |cell: Cell<'_>| seen[0].push(cell.bytes.to_vec());
        let new = writer.replace(&mut one, key, [&value, b"."], &[], see).unwrap();
        let see = |cell: Cell<'_>| seen[1].push(cell.bytes.to_vec());
        assert_eq!(filler.replace(writer, key, [&value, b"."], &[], see).unwrap(), new);
    }
    let bulk = filler.finish(writer);
    assert_eq!(seen[0], seen[1]);
    assert_eq!(bulk.len(), one.len());
    assert_eq!(content(&writer.view(), bulk), content(&writer.view(), one));
    (one, bulk)
}

/// Keys of a tree that are the model's, and every count in it.
fn assert_counted(view: &View<'_>, root: Root) {
    let keys = content(view, root);
    assert_eq!(root.len(), keys.len() as u64);
    for (rank, (key, _)) in keys.iter().enumerate() {
        assert_eq!(view.rank(root, key).unwrap(), rank as u64);
        assert_eq!(view.nth(root, rank as u64).unwrap().unwrap().0, *key);
    }
}

#[test]
fn filling_in_bulk_gives_the_same_tree() {
    for seed in 0..6 * rounds() {
        let (_file, _table, mut writer) = memory_table();
        let mut random = random(seed);
        let mut roots = (Root::EMPTY, Root::EMPTY);
        for round in 0..12 {
            let mut keys: Vec<Vec<u8>> =
                (0..random.random_range(1..400)).map(|_| any_key(&mut random)).collect();
            match random.random_range(0..4) {
                0 => keys.sort_unstable(),
                1 => keys.sort_unstable_by(|a, b| b.cmp(a)),
                2 => {
                    let place = |start: u8| [&[start], format!("{round:03}").as_bytes()].concat();
                    let (low, high) = (place(0), place(255));
                    keys = (0..300_u32).map(|number| [&high[..], &number.to_be_bytes()].concat()).collect();
                    keys.extend((0..300_u32).rev().map(|number| [&low[..], &number.to_be_bytes()].concat()));
                }
                _ => {}
            }
            roots = fill_both(&mut writer, roots, &keys);
            if random.random() {
                commit(&mut writer);
            }
        }
        assert_counted(&writer.view(), roots.1);
        for root in [roots.0, roots.1] {
            writer.drop_tree(root).unwrap();
        }
    }
}

#[test]
fn filling_in_order_takes_no_more_pages_than_inserting() {
    for descending in [false, true] {
        let (_file, _table, mut writer) = memory_table();
        let mut keys: Vec<u64> = (0..20_000).collect();
        if descending {
            keys.reverse();
        }
        let before = used(&mut writer);
        let root = filled(&mut writer, keys.iter().copied());
        writer.set_root(0, root);
        let inserted = used(&mut writer) - before;
        let mut filler = Filler::new(Root::EMPTY);
        for key in keys {
            filler
                .replace(&mut writer, format!("key:{key:012}").as_bytes(), [&[7; 64], &[]], &[], |_| ())
                .unwrap();
        }
        let root = filler.finish(&mut writer);
        writer.set_root(1, root);
        assert_eq!(used(&mut writer) - before, 2 * inserted);
        assert_counted(&writer.view(), root);
    }
}

#[test]
fn removing_in_bulk_leaves_the_same_keys() {
    for seed in 0..6 * rounds() {
        let (_file, _table, mut writer) = memory_table();
        let before = used(&mut writer);
        let mut random = random(seed);
        let mut keys: Vec<Vec<u8>> =
            (0..3000_u32).map(|number| format!("key{number}").into_bytes()).collect();
        keys.extend((0..600).map(|_| any_key(&mut random)));
        let mut root = Root::EMPTY;
        let mut model = std::collections::BTreeMap::new();
        for key in &keys {
            writer.insert(&mut root, key, key.get(..3).unwrap_or(key), &[]).unwrap();
            model.insert(key.clone(), key.get(..3).unwrap_or(key).to_vec());
        }
        while !model.is_empty() {
            if random.random() {
                writer.set_root(0, root);
                commit(&mut writer);
            }
            let share = random.random_range(1..=model.len());
            let start = random.random_range(0..model.len());
            let mut gone: Vec<Vec<u8>> = match random.random_range(0..3) {
                0 => model.keys().skip(start).take(share).cloned().collect(),
                1 => model.keys().filter(|_| random.random_range(0..4) > 0).cloned().collect(),
                _ => (0..share.min(200)).map(|_| keys[random.random_range(0..keys.len())].clone()).collect(),
            };
            if random.random() {
                gone.sort_unstable();
            }
            let mut remover = Remover::new(root);
            for key in gone {
                let mut seen = None;
                let there =
                    remover.extract(&mut writer, &key, |cell| seen = Some(cell.bytes.to_vec())).unwrap();
                let expected = model.remove(&key);
                assert_eq!((there.is_some(), seen), (expected.is_some(), expected));
            }
            root = remover.finish(&mut writer);
            assert!(content(&writer.view(), root).into_iter().eq(model.clone()));
            assert_counted(&writer.view(), root);
        }
        writer.set_root(0, root);
        assert_eq!((root, used(&mut writer)), (Root::EMPTY, before));
    }
}

#[test]
fn keys_are_cut_off_at_either_end_with_their_trees() {
    let (_file, _table, mut writer) = memory_table();
    let before = used(&mut writer);
    let mut root = Root::EMPTY;
    for number in 0..9000_u32 {
        let nested = if number % 11 == 0 { vec![filled(&mut writer, 0..300)] } else { Vec::new() };
        writer.insert(&mut root, &number.to_be_bytes(), &[3; 30], &nested).unwrap();
    }
    let (mut low, mut high) = (0_u32, 9000);
    for (first, count) in
        [(true, 1), (false, 1), (true, 700), (false, 2500), (true, 0), (true, 3000), (false, 2790)]
    {
        writer.remove_edges(&mut root, first, count).unwrap();
        if first {
            low += count as u32
        } else {
            high -= count as u32
        }
        assert_counted_keys(&writer.view(), root, low..high);
        writer.set_root(0, root);
        commit(&mut writer);
    }
    writer.remove_edges(&mut root, true, 100).unwrap();
    writer.set_root(0, root);
    while writer.reclaim(1000).unwrap() > 0 {}
    assert_eq!((root, used(&mut writer)), (Root::EMPTY, before));
}

/// Checks that a tree holds these numbers as keys, and every count in it.
fn assert_counted_keys(view: &View<'_>, root: Root, keys: std::ops::Range<u32>) {
    assert_eq!(root.len(), u64::from(keys.end - keys.start));
    let mut cursor = view.cursor(root);
    for (rank, key) in keys.enumerate() {
        assert_eq!(cursor.next().unwrap().unwrap().0, key.to_be_bytes());
        if rank % 50 == 0 {
            assert_eq!(view.rank(root, &key.to_be_bytes()).unwrap(), rank as u64);
        }
    }
    assert!(cursor.next().unwrap().is_none());
}
