//! Trails: whatever was noted before a change, the change is made where it belongs.

use std::collections::BTreeMap;

use rand::seq::{IndexedRandom, IteratorRandom};

use super::*;

/// Keys that are fetched ahead of their change: often some that are there, so that their trails can be followed.
fn fetched(random: &mut SmallRng, model: &BTreeMap<Vec<u8>, Vec<u8>>) -> Vec<u8> {
    match model.keys().choose(random) {
        Some(key) if random.random_range(0..4) > 0 => key.clone(),
        _ => any_key(random),
    }
}

#[test]
fn changes_between_a_note_and_its_use_change_no_result() {
    let (mut noted, mut followed) = (0, 0);
    for seed in 0..4 * rounds() {
        let mut random = random(seed);
        let (_file, _table, mut writer) = memory_table();
        let (mut root, mut model) = (Root::EMPTY, BTreeMap::new());
        for _ in 0..400 {
            let keys: Vec<Vec<u8>> = (0..12).map(|_| fetched(&mut random, &model)).collect();
            keys.iter().for_each(|key| writer.prefetch(root, key));
            for key in keys.iter().filter(|_| seed % 3 > 0) {
                writer.prefetch_cell(key);
            }
            for _ in 0..random.random_range(1..20) {
                let any = any_key(&mut random);
                let key = keys.choose(&mut random).filter(|_| random.random_range(0..3) > 0).unwrap_or(&any);
                noted += 1;
                let pages = &writer.table().pages;
                followed += usize::from(writer.trails.follow(pages, root, key).is_some());
                let seen = writer.view().get(root, key).unwrap().map(|cell| cell.bytes.to_vec());
                assert_eq!(seen.as_ref(), model.get(key), "seed {seed}, key {key:?}");
                match random.random_range(0..4) {
                    0 => {
                        writer.remove(&mut root, key).unwrap();
                        model.remove(key);
                    }
                    _ => {
                        let value = any_value(&mut random);
                        let is_new = writer.insert(&mut root, key, &value, &[]).unwrap();
                        assert_eq!(
                            is_new,
                            model.insert(key.clone(), value).is_none(),
                            "seed {seed}, key {key:?}"
                        );
                    }
                }
            }
            if random.random_range(0..5) == 0 {
                writer.set_root(0, root);
                commit(&mut writer);
                root = writer.root(0);
            }
        }
        let view = writer.view();
        let mut cursor = view.cursor(root);
        for (key, value) in &model {
            let (found, cell) = cursor.next().unwrap().expect("a key of the model");
            assert_eq!((found, cell.bytes), (&**key, &**value), "seed {seed}");
        }
        assert!(cursor.next().unwrap().is_none(), "seed {seed}");
        assert_eq!(root.len(), model.len() as u64, "seed {seed}");
    }
    assert!(followed * 4 > noted, "{followed} of {noted} changes found a trail that they could follow");
}
