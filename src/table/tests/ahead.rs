//! Keys looked up ahead: hints, right or wrong, change no result.

use std::collections::BTreeMap;

use rand::seq::{IndexedRandom, IteratorRandom, SliceRandom};

use super::*;
use crate::table::page::LEAF;

/// What a lookup gives, in a form that can be compared.
fn shown(cell: Result<Option<Cell<'_>>, TableError>) -> Result<Option<Vec<u8>>, String> {
    cell.map(|cell| cell.map(|cell| cell.bytes.to_vec())).map_err(|error| error.to_string())
}

/// Keys for lookups: some of those that are there, some others, and some twice.
fn any_keys(random: &mut SmallRng, model: &BTreeMap<Vec<u8>, Vec<u8>>) -> Vec<Vec<u8>> {
    let mut keys: Vec<Vec<u8>> = model.keys().cloned().choose_multiple(random, 60);
    keys.extend((0..20).map(|_| any_key(random)));
    keys.extend_from_within(..keys.len().min(5));
    keys.shuffle(random);
    keys.truncate(random.random_range(0..=keys.len()));
    keys
}

#[test]
fn hints_of_any_version_change_no_result() {
    let (mut looked_up, mut hinted) = (0, 0);
    for seed in 0..6 * rounds() {
        let mut random = random(seed);
        let (_file, table, mut writer) = memory_table();
        let (mut root, mut model, mut old) = (Root::EMPTY, BTreeMap::new(), Vec::new());
        for _ in 0..60 {
            for _ in 0..random.random_range(0..40) {
                let (key, value) = (any_key(&mut random), any_value(&mut random));
                if random.random_range(0..4) == 0 {
                    writer.remove(&mut root, &key).unwrap();
                    model.remove(&key);
                } else {
                    writer.insert(&mut root, &key, &value, &[]).unwrap();
                    model.insert(key, value);
                }
            }
            writer.set_root(0, root);
            commit(&mut writer);
            root = writer.root(0);
            let snapshot = table.snapshot();
            let keys = any_keys(&mut random, &model);
            let slices: Vec<&[u8]> = keys.iter().map(|key| &**key).collect();
            let mut hints = vec![Hint::NONE; random.random_range(0..3)];
            let before = hints.len();
            snapshot.look_ahead(snapshot.root(0), &slices, &mut hints);
            hints.drain(..before);
            assert_eq!(hints.len(), keys.len());
            looked_up += keys.len();
            hinted += hints.iter().filter(|hint| hint.is_some()).count();
            old.extend(hints.choose_multiple(&mut random, 3).copied());
            for (key, own) in keys.iter().zip(&hints) {
                let wrong = [hints.choose(&mut random), old.choose(&mut random), Some(&Hint::NONE)];
                for hint in wrong.into_iter().flatten().chain([own]) {
                    let found = shown(snapshot.get_at(snapshot.root(0), key, hint));
                    assert_eq!(found.as_ref(), Ok(&model.get(key).cloned()), "seed {seed}");
                }
            }
        }
    }
    assert!(hinted > looked_up / 4, "{hinted} hints for {looked_up} keys");
}

#[test]
fn a_hint_for_a_tree_that_did_not_change_is_good_in_later_versions() {
    let (_file, table, mut writer) = memory_table();
    let mut root = Root::EMPTY;
    for key in 0..2000_u32 {
        writer.insert(&mut root, &key.to_be_bytes(), &[key as u8; 50], &[]).unwrap();
    }
    writer.set_root(0, root);
    commit(&mut writer);
    let mut hints = Vec::new();
    let key = 700_u32.to_be_bytes();
    table.snapshot().look_ahead(root, &[&key], &mut hints);
    assert!(hints[0].is_some());
    let mut other = Root::EMPTY;
    writer.insert(&mut other, b"key", b"value", &[]).unwrap();
    writer.set_root(2, other);
    commit(&mut writer);
    assert!(hints[0].fits(table.snapshot().root(0)));
    writer.insert(&mut root, &key, b"changed", &[]).unwrap();
    writer.set_root(0, root);
    commit(&mut writer);
    let snapshot = table.snapshot();
    assert!(!hints[0].fits(snapshot.root(0)));
    assert_eq!(shown(snapshot.get_at(snapshot.root(0), &key, &hints[0])), Ok(Some(b"changed".to_vec())));
}

#[test]
fn damage_is_met_when_the_key_is_used_and_not_before() {
    let (file, table, mut writer) = memory_table();
    let mut root = Root::EMPTY;
    let keys: Vec<[u8; 4]> = (0..2000_u32).map(u32::to_be_bytes).collect();
    for key in &keys {
        writer.insert(&mut root, key, &[key[3]; 50], &[]).unwrap();
    }
    writer.set_root(0, root);
    commit(&mut writer);
    checkpoint(&mut writer, 1);
    drop((table, writer));
    let mut image = file.image();
    let leaves = (2..image.len() / PAGE_BYTES).filter(|page| image[page * PAGE_BYTES] == LEAF);
    for page in leaves.step_by(3).collect::<Vec<_>>() {
        image[page * PAGE_BYTES + 2000] ^= 1;
    }
    let file = MemoryFile::from_image(&image, image.len() as u64);
    let (table, _writer) = Table::open(Box::new(file), &options()).unwrap();
    let snapshot = table.snapshot();
    let slices: Vec<&[u8]> = keys.iter().map(|key| &key[..]).collect();
    let mut hints = Vec::new();
    snapshot.look_ahead(snapshot.root(0), &slices, &mut hints);
    let mut refused = 0;
    for (key, hint) in keys.iter().zip(&hints) {
        let found = shown(snapshot.get_at(snapshot.root(0), key, hint));
        assert_eq!(found, shown(snapshot.get(snapshot.root(0), key)));
        match found {
            Ok(found) => assert_eq!(found, Some(vec![key[3]; 50])),
            Err(_) => refused += 1,
        }
    }
    assert!((100..1900).contains(&refused), "{refused} keys on damaged pages");
}
