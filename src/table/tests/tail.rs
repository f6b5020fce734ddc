//! The file shrinks when its end is free, and only then.

use super::*;

/// Pages that stay free in these tests.
const SLACK_PAGES: u64 = 32;
/// Slots of the keys, and of keys that hold trees.
const KEYS: usize = 0;
const SETS: usize = 3;

fn table() -> (MemoryFile, Arc<Table>, TableWriter) {
    let file = MemoryFile::new(256 << 20);
    let options = TableOptions { slack_pages: SLACK_PAGES, ..options() };
    let (table, writer) = Table::create(Box::new(file.clone()), &options).unwrap();
    (file, table, writer)
}

fn key(number: u32) -> Vec<u8> {
    // Some are long enough to be split into stems.
    let long = if number.is_multiple_of(50) { "x".repeat(800) } else { String::new() };
    format!("{long}key:{number:08}").into_bytes()
}

fn put(writer: &mut TableWriter, slot: usize, key: &[u8], bytes: &[u8], roots: &[Root]) {
    let mut root = writer.root(slot);
    writer.insert(&mut root, key, bytes, roots).unwrap();
    writer.set_root(slot, root);
}

/// Fills the table: plain keys, and sets with trees of their own.
fn fill(writer: &mut TableWriter, keys: u32) {
    for number in 0..keys {
        put(writer, KEYS, &key(number), &[number as u8; 200], &[]);
        if number.is_multiple_of(1000) {
            let mut members = Root::EMPTY;
            for member in 0..300 {
                writer.insert(&mut members, &key(member), b"member", &[]).unwrap();
            }
            put(writer, SETS, &key(number), b"set", &[members]);
        }
        if number.is_multiple_of(100) {
            commit(writer);
        }
    }
    commit(writer);
}

/// Deletes the keys and sets for which `stays` is false.
fn delete(writer: &mut TableWriter, keys: u32, stays: impl Fn(u32) -> bool) {
    for number in (0..keys).filter(|number| !stays(*number)) {
        for slot in [KEYS, SETS] {
            let mut root = writer.root(slot);
            let removed = writer.remove(&mut root, &key(number)).unwrap();
            writer.set_root(slot, root);
            removed
                .iter()
                .flat_map(|roots| roots.as_slice())
                .for_each(|tree| writer.drop_tree(*tree).unwrap());
        }
    }
    while writer.reclaim(1000).unwrap() > 0 {}
    commit(writer);
}

/// A checkpoint as the server takes it.
fn take_checkpoint(writer: &mut TableWriter) {
    if writer.move_down().unwrap() {
        commit(writer);
    }
    checkpoint(writer, 0);
}

/// Asserts that the right keys and sets are there, and no others.
fn assert_holds(view: &View<'_>, keys: u32, stays: impl Fn(u32) -> bool) {
    for number in 0..keys {
        let found = view.get(view.root(KEYS), &key(number)).unwrap();
        let wanted = [number as u8; 200];
        assert_eq!(found.map(|cell| cell.bytes), stays(number).then_some(&wanted[..]), "{number}");
        let set = view.get(view.root(SETS), &key(number)).unwrap();
        assert_eq!(set.is_some(), stays(number) && number.is_multiple_of(1000), "{number}");
        if let Some(set) = set {
            let members = (0..300).filter(|member| view.get(set.roots[0], &key(*member)).unwrap().is_some());
            assert_eq!((set.roots[0].len(), members.count()), (300, 300));
        }
    }
}

/// Takes checkpoints until the file has not become shorter for a while; returns how many checkpoints it took to get
/// there.
fn settle(file: &MemoryFile, writer: &mut TableWriter) -> u32 {
    let (mut taken, mut of_use, mut bytes) = (0, 0, file.bytes().unwrap());
    while taken < of_use + 6 {
        take_checkpoint(writer);
        taken += 1;
        if file.bytes().unwrap() < bytes {
            (of_use, bytes) = (taken, file.bytes().unwrap());
        }
    }
    assert!(!writer.has_tail());
    of_use
}

#[test]
fn a_file_becomes_short_when_few_keys_are_left() {
    const KEY_COUNT: u32 = 20_000;
    // First case: only the last keys stay. Second case: one key in sixteen stays, at random.
    let kept: [fn(u32) -> bool; 2] =
        [|number| number >= KEY_COUNT - 5, |number| number.wrapping_mul(0x9e37_79b9) >> 28 == 3];
    for (case, stays) in kept.into_iter().enumerate() {
        let (file, table, mut writer) = table();
        fill(&mut writer, KEY_COUNT);
        checkpoint(&mut writer, 0);
        let full = file.bytes().unwrap();
        delete(&mut writer, KEY_COUNT, stays);
        let checkpoints = settle(&file, &mut writer);
        assert!(checkpoints < [8, 16][case], "{checkpoints} checkpoints");
        let stats = table.stats();
        let (used, pages) = (stats.pages - stats.pages_free, file.bytes().unwrap() / PAGE_BYTES as u64);
        eprintln!("{full} bytes, then {pages} pages, {used} of them used, after {checkpoints} checkpoints");
        assert_eq!(pages, stats.pages);
        assert!(pages <= used + used / 4 + 3 * SLACK_PAGES + 64, "{pages} pages, {used} used");
        assert_holds(&table.snapshot(), KEY_COUNT, stays);
        drop((table, writer));
        let image = file.image();
        let report = verify(&image[..], &mut |_| {}).unwrap();
        assert_eq!(report.findings, []);
        // It grows again as if for the first time.
        let (table, mut writer) = Table::open(Box::new(file.clone()), &options()).unwrap();
        fill(&mut writer, KEY_COUNT);
        checkpoint(&mut writer, 1);
        assert_holds(&table.snapshot(), KEY_COUNT, |_| true);
    }
}

#[test]
fn a_reader_holds_the_end_of_the_file_that_it_sees() {
    const KEY_COUNT: u32 = 5000;
    let (file, table, mut writer) = table();
    fill(&mut writer, KEY_COUNT);
    checkpoint(&mut writer, 0);
    let (full, reader) = (file.bytes().unwrap(), table.snapshot());
    delete(&mut writer, KEY_COUNT, |_| false);
    settle(&file, &mut writer);
    assert_holds(&reader, KEY_COUNT, |_| true);
    drop(reader);
    commit(&mut writer);
    settle(&file, &mut writer);
    assert!(file.bytes().unwrap() < full / 4);
}

#[test]
fn no_page_is_cut_off_before_both_metas_are_without_it_nor_one_taken_since() {
    let (file, table, mut writer) = table();
    fill(&mut writer, 5000);
    checkpoint(&mut writer, 0);
    delete(&mut writer, 5000, |_| false);
    loop {
        writer.move_down().unwrap();
        commit(&mut writer);
        let before = table.stats().pages;
        let running = writer.begin_checkpoint(0, 0);
        commit(&mut writer);
        if table.stats().pages < before {
            // The previous meta still includes them.
            writer.end_checkpoint(running.run().unwrap());
            assert_eq!(file.bytes().unwrap(), before * PAGE_BYTES as u64);
            break;
        }
        writer.end_checkpoint(running.run().unwrap());
    }
    let short = table.stats().pages;
    let running = writer.begin_checkpoint(0, 0);
    writer.reserve(short).unwrap();
    commit(&mut writer);
    let grown = table.stats().pages;
    assert!(grown > short);
    writer.end_checkpoint(running.run().unwrap());
    assert_eq!(file.bytes().unwrap(), grown * PAGE_BYTES as u64);
}

#[test]
fn reserved_space_that_was_not_used_goes_back() {
    let (file, table, mut writer) = table();
    fill(&mut writer, 1000);
    let used = file.bytes().unwrap();
    writer.reserve(20_000).unwrap();
    assert!(file.bytes().unwrap() > 20_000 * PAGE_BYTES as u64);
    settle(&file, &mut writer);
    assert!(file.bytes().unwrap() <= used, "{} bytes", file.bytes().unwrap());
    assert_holds(&table.snapshot(), 1000, |_| true);
}

/// Groups that change one key in twenty and need some room for more, with a checkpoint after every few of them.
#[test]
fn a_steady_load_makes_the_file_neither_grow_nor_shrink() {
    const KEY_COUNT: u32 = 10_000;
    let (file, _table, mut writer) = table();
    let mut random = random(1);
    fill(&mut writer, KEY_COUNT);
    let (mut lengths, mut bytes) = (Vec::new(), 0);
    for round in 0..60 {
        for _ in 0..4 {
            writer.reserve(random.random_range(10..300)).unwrap();
            for _ in 0..KEY_COUNT / 20 {
                put(&mut writer, KEYS, &key(random.random_range(0..KEY_COUNT)), &[7; 200], &[]);
            }
            commit(&mut writer);
            if round >= 10 && file.bytes().unwrap() != bytes {
                bytes = file.bytes().unwrap();
                lengths.push(bytes);
            }
        }
        take_checkpoint(&mut writer);
    }
    assert!(lengths.len() <= 2, "{lengths:?}");
}
