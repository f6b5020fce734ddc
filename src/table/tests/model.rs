//! Random operations, compared with an ordered map after each group.

use std::collections::BTreeMap;

use super::*;

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// Compares a tree with the model through every kind of read.
fn assert_same(view: &View<'_>, root: Root, model: &Model, random: &mut SmallRng) {
    assert_eq!(root.len(), model.len() as u64);
    let mut cursor = view.cursor(root);
    for (key, value) in model {
        let (found, cell) = cursor.next().unwrap().expect("a key of the model");
        assert_eq!((found, cell.bytes), (&key[..], &value[..]));
        assert_eq!(view.get(root, key).unwrap().unwrap().bytes, value);
    }
    assert!(cursor.next().unwrap().is_none());
    for (key, _) in model.iter().rev() {
        assert_eq!(cursor.prev().unwrap().expect("a key of the model").0, key);
    }
    assert!(cursor.prev().unwrap().is_none());
    for (position, key) in model.keys().enumerate() {
        assert_eq!(view.rank(root, key).unwrap(), position as u64);
        assert_eq!(view.nth(root, position as u64).unwrap().unwrap().0, *key);
    }
    assert!(view.nth(root, model.len() as u64).unwrap().is_none());
    for _ in 0..50 {
        let key = any_key(random);
        assert_eq!(view.rank(root, &key).unwrap(), model.range(..key.clone()).count() as u64);
        let expected = model.range(key.clone()..).next().map(|(key, _)| key.clone());
        assert_eq!(cursor.seek(&key).unwrap().map(|(key, _)| key.to_vec()), expected);
        let before = model.range(..key).next_back().map(|(key, _)| key.clone());
        assert_eq!(cursor.prev().unwrap().map(|(key, _)| key.to_vec()), before);
    }
}

/// One random change to tree and model.
fn change(writer: &mut TableWriter, root: &mut Root, model: &mut Model, random: &mut SmallRng, inserts: u32) {
    let key = any_key(random);
    if random.random_range(0..100) < inserts {
        let value = any_value(random);
        let new = writer.insert(root, &key, &value, &[]).unwrap();
        assert_eq!(new, model.insert(key, value).is_none());
    } else if random.random_range(0..16) == 0 {
        cut(writer, root, model, random);
    } else if random.random_range(0..4) == 0 {
        let there = writer.update(root, &key, |bytes| bytes.fill(9)).unwrap();
        assert_eq!(there, model.contains_key(&key));
        model.entry(key).and_modify(|value| value.fill(9));
    } else {
        let removed = writer.remove(root, &key).unwrap();
        assert_eq!(removed.is_some(), model.remove(&key).is_some());
    }
}

/// Cuts a random range out of tree and model.
fn cut(writer: &mut TableWriter, root: &mut Root, model: &mut Model, random: &mut SmallRng) {
    let bound = |random: &mut SmallRng| {
        let mut key = any_key(random);
        key.truncate(random.random_range(0..700));
        key
    };
    let (one, other) = (bound(random), bound(random));
    let (from, to) = if one <= other { (one, other) } else { (other, one) };
    // A few keys, or up to the end.
    let near = model.range(from.clone()..).nth(random.random_range(0..40)).map(|(key, _)| key.clone());
    let to = match random.random_range(0..40) {
        0 => None,
        1 => Some(to),
        _ => near.filter(|near| near.len() < 700),
    };
    if to.is_none() && random.random_range(0..4) > 0 {
        return;
    }
    writer.cut(root, &from, to.as_deref()).unwrap();
    model.retain(|key, _| *key < from || to.as_ref().is_some_and(|to| key >= to));
}

/// A history of groups that grows, shrinks to nothing and grows again, with snapshots and checkpoints on the way.
fn history(seed: u64, file: Box<dyn TableFile>) {
    eprintln!("seed {seed}");
    let mut random = random(seed);
    let (table, mut writer) = Table::create(file, &options()).unwrap();
    let mut model = Model::new();
    let mut held: Vec<(Snapshot<'_>, Model)> = Vec::new();
    for group in 0..60 {
        let inserts = [80, 50, 20][group / 20];
        let mut root = writer.root(3);
        for _ in 0..random.random_range(0..120) {
            change(&mut writer, &mut root, &mut model, &mut random, inserts);
        }
        writer.set_root(3, root);
        if group % 5 == 0 {
            assert_same(&writer.view(), root, &model, &mut random);
        }
        commit(&mut writer);
        if random.random_range(0..4) == 0 {
            held.push((table.snapshot(), model.clone()));
        }
        if random.random_range(0..6) == 0 {
            checkpoint(&mut writer, group as u64);
        }
        if held.len() > 4 {
            let (snapshot, then) = held.swap_remove(random.random_range(0..4));
            assert_same(&snapshot, snapshot.root(3), &then, &mut random);
        }
    }
    let mut root = writer.root(3);
    for key in std::mem::take(&mut model).keys() {
        assert!(writer.remove(&mut root, key).unwrap().is_some());
    }
    assert_eq!(root, Root::EMPTY);
    for (snapshot, then) in held {
        assert_same(&snapshot, snapshot.root(3), &then, &mut random);
    }
}

#[test]
fn a_tree_is_an_ordered_map() {
    for seed in 0..4 * rounds() {
        history(seed, Box::new(MemoryFile::new(256 << 20)));
    }
}

#[test]
fn a_tree_in_a_real_file_is_an_ordered_map() {
    let directory = tempfile::tempdir().unwrap();
    let file = MmapFile::create(&directory.path().join("table"), 1 << 30).unwrap();
    history(100, Box::new(file));
}
