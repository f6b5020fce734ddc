//! Readers alongside the writer: snapshots do not change, and long ones do not keep the file growing.

use std::sync::atomic::AtomicBool;

use super::*;

const KEYS: u64 = 300;

/// Sets all keys to `value`, in one group.
fn write_all(writer: &mut TableWriter, value: u64) {
    let mut root = writer.root(0);
    for key in 0..KEYS {
        let bytes = [&value.to_le_bytes()[..], &[value as u8; 100][..(value % 100) as usize]].concat();
        writer.insert(&mut root, &key.to_be_bytes(), &bytes, &[]).unwrap();
    }
    writer.set_root(0, root);
    commit(writer);
}

/// The one value that all keys of a version hold.
fn read_one(view: &View<'_>) -> u64 {
    let root = view.root(0);
    let mut cursor = view.cursor(root);
    let mut values = Vec::new();
    while let Some((key, cell)) = cursor.next().unwrap() {
        let value = u64::from_le_bytes(*cell.bytes.first_chunk().unwrap());
        assert!(cell.bytes[8..].iter().all(|byte| *byte == value as u8), "key {key:?}");
        values.push(value);
    }
    assert_eq!(values.len() as u64, KEYS);
    assert!(values.iter().all(|value| *value == values[0]), "a mixture of versions");
    values[0]
}

fn readers_see_whole_versions(file: Box<dyn TableFile>) {
    let (table, mut writer) = Table::create(file, &options()).unwrap();
    write_all(&mut writer, 1);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut last = 0;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let snapshot = table.snapshot();
                    let value = read_one(&snapshot);
                    assert!(value >= last, "versions go backwards");
                    last = value;
                    assert_eq!(read_one(&snapshot), value);
                }
            });
        }
        let mut running: Option<std::thread::ScopedJoinHandle<'_, _>> = None;
        for value in 2.. {
            // On a busy machine a checkpoint may take long: enough of them must run alongside readers and writer.
            if value > 400 && table.stats().checkpoints > 2 {
                break;
            }
            write_all(&mut writer, value);
            if running.as_ref().is_some_and(|thread| thread.is_finished()) {
                let durable: Result<Durable, TableError> = running.take().unwrap().join().unwrap();
                writer.end_checkpoint(durable.unwrap());
            }
            if running.is_none() {
                let checkpoint = writer.begin_checkpoint(value, 0);
                running = Some(scope.spawn(move || checkpoint.run()));
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn readers_see_whole_versions_in_memory() {
    readers_see_whole_versions(Box::new(MemoryFile::new(64 << 20)));
}

#[test]
fn readers_see_whole_versions_in_a_file() {
    let directory = tempfile::tempdir().unwrap();
    readers_see_whole_versions(Box::new(MmapFile::create(&directory.path().join("table"), 1 << 30).unwrap()));
}

#[test]
fn a_long_reader_holds_back_what_it_sees_and_no_more() {
    let (_file, table, mut writer) = memory_table();
    write_all(&mut writer, 1);
    checkpoint(&mut writer, 1);
    let long = table.snapshot();
    (2..20).for_each(|value| write_all(&mut writer, value));
    let settled = table.stats().pages;
    for value in 20..500 {
        write_all(&mut writer, value);
        if value % 50 == 0 {
            checkpoint(&mut writer, value);
        }
    }
    assert_eq!(table.stats().pages, settled, "the file does not grow");
    assert_eq!(read_one(&long), 1);
    assert!(table.stats().pages_parked > 0);
    drop(long);
    checkpoint(&mut writer, 1000);
    (0..3).for_each(|value| write_all(&mut writer, 1000 + value));
    checkpoint(&mut writer, 1001);
    commit(&mut writer);
    assert_eq!(table.stats().pages_parked, 0);
}

#[test]
fn many_snapshots_of_different_versions_stay_what_they_were() {
    let (_file, table, mut writer) = memory_table();
    let mut held = std::collections::VecDeque::new();
    for value in 1..400 {
        write_all(&mut writer, value);
        held.push_back((value, table.snapshot()));
        if held.len() == SNAPSHOTS_MAX {
            let (value, snapshot) = held.pop_front().unwrap();
            assert_eq!(read_one(&snapshot), value);
        }
    }
    held.iter().for_each(|(value, snapshot)| assert_eq!(read_one(snapshot), *value));
}
