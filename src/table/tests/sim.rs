//! A small key space on the table, and a model of it: plain values and collections in nested trees.

use std::collections::BTreeMap;

use super::*;

/// The value of a key: bytes and the fields of a collection.
type Value = (Vec<u8>, BTreeMap<Vec<u8>, Vec<u8>>);
/// All keys.
pub(super) type Model = BTreeMap<Vec<u8>, Value>;

/// Slot of the keys.
const KEYS: usize = 0;
/// Slot of the expiry times: a second tree, so that versions hold more than one.
const EXPIRIES: usize = 1;

/// Reads everything that a version holds.
pub(super) fn read_all(view: &View<'_>) -> Result<Model, TableError> {
    let mut model = Model::new();
    let mut cursor = view.cursor(view.root(KEYS));
    while let Some((key, cell)) = cursor.next()? {
        let mut fields = BTreeMap::new();
        if let [root] = *cell.roots {
            let mut inner = view.cursor(root);
            while let Some((field, cell)) = inner.next()? {
                fields.insert(field.to_vec(), cell.bytes.to_vec());
            }
            assert_eq!(root.len(), fields.len() as u64);
        }
        model.insert(key.to_vec(), (cell.bytes.to_vec(), fields));
    }
    assert_eq!(view.root(KEYS).len(), model.len() as u64);
    let mut expiries = view.cursor(view.root(EXPIRIES));
    for (key, value) in model.iter().filter(|(_, value)| value.0.len() % 2 == 1) {
        let expiry = [&value.0[..1], key].concat();
        assert!(expiries.seek(&expiry[..expiry.len().min(KEY_BYTES_MAX)])?.is_some());
    }
    Ok(model)
}

/// Sets a key to bytes and a collection, in the table only.
fn store(writer: &mut TableWriter, key: &[u8], bytes: &[u8], root: Root) -> Result<(), TableError> {
    let roots = [root];
    let roots = if root.is_empty() { &[][..] } else { &roots };
    let mut keys = writer.root(KEYS);
    let outcome = writer.insert(&mut keys, key, bytes, roots);
    writer.set_root(KEYS, keys);
    outcome?;
    if bytes.len() % 2 == 1 {
        let mut expiries = writer.root(EXPIRIES);
        let expiry = [&bytes[..1], key].concat();
        let outcome = writer.insert(&mut expiries, &expiry[..expiry.len().min(KEY_BYTES_MAX)], &[], &[]);
        writer.set_root(EXPIRIES, expiries);
        outcome?;
    }
    Ok(())
}

/// The bytes and the collection that a key holds now.
fn load(writer: &TableWriter, key: &[u8]) -> Result<(Vec<u8>, Root), TableError> {
    let view = writer.view();
    let cell = view.get(writer.root(KEYS), key)?;
    Ok(cell.map_or((Vec::new(), Root::EMPTY), |cell| {
        (cell.bytes.to_vec(), cell.roots.first().copied().unwrap_or(Root::EMPTY))
    }))
}

/// One random change to table and model.
pub(super) fn change(
    writer: &mut TableWriter,
    model: &mut Model,
    random: &mut SmallRng,
) -> Result<(), TableError> {
    let key = any_key(random);
    let (bytes, mut fields) = load(writer, &key)?;
    match random.random_range(0..100) {
        0..40 => {
            let bytes = any_value(random);
            let bytes = &bytes[..bytes.len().min(CELL_BYTES_MAX - ROOT_BYTES)];
            store(writer, &key, bytes, Root::EMPTY)?;
            writer.drop_tree(fields)?;
            model.insert(key, (bytes.to_vec(), BTreeMap::new()));
        }
        40..65 => {
            let bytes = bytes[..bytes.len().min(CELL_BYTES_MAX - ROOT_BYTES)].to_vec();
            let value = model.entry(key.clone()).or_default();
            value.0.clone_from(&bytes);
            for _ in 0..random.random_range(1..40) {
                let (field, content) = (any_key(random), any_value(random));
                writer.insert(&mut fields, &field, &content, &[])?;
                value.1.insert(field, content);
            }
            store(writer, &key, &bytes, fields)?;
        }
        65..75 => {
            let Some(value) = model.get_mut(&key) else { return Ok(()) };
            let gone: Vec<_> = value.1.keys().filter(|_| random.random_range(0..3) > 0).cloned().collect();
            for field in gone {
                assert!(writer.remove(&mut fields, &field)?.is_some());
                value.1.remove(&field);
            }
            store(writer, &key, &bytes, fields)?;
        }
        75..95 => {
            let mut keys = writer.root(KEYS);
            let removed = writer.remove(&mut keys, &key)?;
            writer.set_root(KEYS, keys);
            assert_eq!(removed.is_some(), model.remove(&key).is_some());
            for root in removed.iter().flat_map(|roots| roots.as_slice()) {
                writer.drop_tree(*root)?;
            }
        }
        95 if random.random_range(0..6) == 0 => {
            for slot in [KEYS, EXPIRIES] {
                writer.drop_tree(writer.root(slot))?;
                writer.set_root(slot, Root::EMPTY);
            }
            model.clear();
        }
        _ => {
            writer.reclaim(random.random_range(0..30))?;
        }
    }
    Ok(())
}

/// Verifies an image and panics if there are findings.
pub(super) fn assert_sound(image: &[u8]) {
    let report = verify(image, &mut |_| {}).unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

/// Frees everything that was dropped, and checks that exactly that was freed.
#[test]
fn dropped_trees_are_freed_to_the_last_page() {
    for seed in 0..3 * rounds() {
        eprintln!("seed {seed}");
        let mut random = random(seed);
        let (file, table, mut writer) = memory_table();
        let mut model = Model::new();
        for group in 0..15 {
            (0..40).for_each(|_| change(&mut writer, &mut model, &mut random).unwrap());
            assert!(read_all(&writer.view()).unwrap() == model);
            commit(&mut writer);
            checkpoint(&mut writer, group);
        }
        while writer.reclaim(10).unwrap() > 0 {
            commit(&mut writer);
        }
        assert!(read_all(&writer.view()).unwrap() == model);
        for slot in [KEYS, EXPIRIES] {
            writer.drop_tree(writer.root(slot)).unwrap();
            writer.set_root(slot, Root::EMPTY);
        }
        while writer.reclaim(100).unwrap() > 0 {
            commit(&mut writer);
            checkpoint(&mut writer, 100);
        }
        assert_eq!(writer.root(root::DROPPED_SLOT), Root::EMPTY);
        (0..2).for_each(|_| {
            commit(&mut writer);
            checkpoint(&mut writer, 101);
        });
        commit(&mut writer);
        let stats = table.stats();
        // The two metas, the catalogue, and the allocation map with its index.
        assert_eq!(stats.pages - stats.pages_free - stats.pages_waiting, 5, "{stats:?}");
        drop((table, writer));
        assert_sound(&file.image());
    }
}
