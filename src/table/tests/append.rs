//! Appending ranges of one tree to another.

use super::*;

/// A tree with many shapes of keys, some of them with trees of their own, and its keys in order.
fn original(writer: &mut TableWriter, random: &mut SmallRng, count: usize) -> (Root, Vec<Vec<u8>>) {
    let (mut root, mut keys) = (Root::EMPTY, std::collections::BTreeSet::new());
    for _ in 0..count {
        let key = match random.random_range(0..3) {
            0 => any_key(random),
            _ => random.random_range(0..1_000_000_u32).to_be_bytes().to_vec(),
        };
        let mut nested = Root::EMPTY;
        if random.random_range(0..50) == 0 {
            writer.insert(&mut nested, &key[..key.len().min(100)], b"nested", &[]).unwrap();
        }
        let nested = if nested.is_empty() { vec![] } else { vec![nested] };
        if keys.insert(key.clone()) {
            writer.insert(&mut root, &key, &key[..key.len().min(40)], &nested).unwrap();
        }
    }
    (root, keys.into_iter().collect())
}

/// Checks that a tree holds these keys in order, with their cells, and that every count is right.
fn assert_holds(writer: &TableWriter, root: Root, keys: &[Vec<u8>]) {
    let view = writer.view();
    assert_eq!(root.len(), keys.len() as u64);
    let mut cursor = view.cursor(root);
    for (rank, key) in keys.iter().enumerate() {
        let (found, cell) = cursor.next().unwrap().unwrap();
        assert!(found == key.as_slice() && cell.bytes == &key[..key.len().min(40)]);
        for nested in cell.roots.iter() {
            assert_eq!(view.get(*nested, &key[..key.len().min(100)]).unwrap().unwrap().bytes, b"nested");
        }
        assert_eq!(view.rank(root, key).unwrap(), rank as u64);
    }
    assert!(cursor.next().unwrap().is_none());
}

#[test]
fn ranges_are_appended_with_their_trees() {
    for seed in 0..8 * rounds() {
        let mut random = random(seed);
        let (_file, table, mut writer) = memory_table();
        let count = [3, 200, 3000, 9000][seed as usize % 4];
        let (from, keys) = original(&mut writer, &mut random, count);
        writer.set_root(0, from);
        commit(&mut writer);
        let (mut to, mut copied, mut at) = (Root::EMPTY, Vec::new(), 0);
        while at < keys.len() {
            let end = keys.len().min(at + random.random_range(1..=keys.len().min(700)));
            if random.random_range(0..4) > 0 {
                writer.append_range(&mut to, from, at as u64..end as u64).unwrap();
                copied.extend_from_slice(&keys[at..end]);
                writer.set_root(1, to);
                if random.random() {
                    commit(&mut writer);
                }
            }
            at = end;
        }
        assert_holds(&writer, to, &copied);
        assert_holds(&writer, from, &keys);
        // It is a tree like any other.
        for key in &copied {
            assert!(
                writer.remove(&mut to, key).unwrap().is_some_and(|roots| {
                    roots.iter().try_for_each(|root| writer.drop_tree(*root)).is_ok()
                })
            );
        }
        assert!(to.is_empty());
        writer.set_root(1, to);
        commit(&mut writer);
        assert_holds(&writer, from, &keys);
        drop(table);
    }
}

#[test]
fn keys_that_are_not_above_the_others_are_refused() {
    let (_file, _table, mut writer) = memory_table();
    let (mut from, mut to) = (Root::EMPTY, Root::EMPTY);
    for number in 0..2000_u32 {
        writer.insert(&mut from, &number.to_be_bytes(), &[1; 20], &[]).unwrap();
    }
    writer.append_range(&mut to, from, 0..1500).unwrap();
    for positions in [0..2000, 1000..2000, 1499..1500] {
        let error = writer.append_range(&mut to, from, positions).unwrap_err();
        assert!(matches!(error, TableError::Corrupt { .. }), "{error}");
    }
    writer.append_range(&mut to, from, 1500..2000).unwrap();
    assert_eq!(to.len(), 2000);
}
