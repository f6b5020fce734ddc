//! What goes in comes out, on every storage, across segments, restarts and sizes.

use super::{append, options, payload, read_all, recover};
use crate::{
    Access, DirStorage, LocalLog, Log, LogOptions, MemoryStorage, Method, ReadOptions, Reader, Step, Storage,
    StorageFile,
};

/// Appends groups of many sizes, a jumbo one among them, restarting in between, and reads all back.
fn round_trip<S: Storage>(storage: S, options: &LogOptions) {
    let mut expected = Vec::new();
    let mut log = LocalLog::create(storage.clone(), options.clone()).expect("create");
    for number in 0..60u64 {
        let bytes = match number % 7 {
            0 => 0,
            1 => 504 - 96 - 8,
            2 => 505 - 96 - 8,
            3 => 5000,
            4 => 20_000,
            5 if number == 33 => 300_000,
            _ => 40 + number as usize,
        };
        let payloads: Vec<_> = (0..1 + number % 4).map(|index| payload(number * 10 + index, bytes)).collect();
        let refs: Vec<_> = payloads.iter().map(Vec::as_slice).collect();
        let (first, last) = append(&mut log, &refs, number);
        assert_eq!(last - first + 1, payloads.len() as u64);
        expected.extend((first..).zip(payloads));
        if number % 9 == 8 {
            log.seal(number).expect("seal");
        }
        if number % 20 == 19 {
            drop(log);
            let (records, resumed) = recover(&storage, options);
            assert!(records == expected, "after {number}");
            log = resumed;
        }
    }
    let status = log.status();
    assert_eq!(
        (status.last_lsn, status.synced_lsn, status.oldest_lsn),
        (expected.len() as u64, expected.len() as u64, 1)
    );
    let middle = expected.len() as u64 / 2;
    let (records, end) = read_all(&storage, ReadOptions { from_lsn: middle, ..ReadOptions::default() });
    assert_eq!(end.expect("an end").last_lsn, expected.len() as u64);
    assert!(records == expected[middle as usize - 1..]);
}

#[test]
fn a_record_knows_those_before_it_in_its_group_wherever_the_reader_begins() {
    let (storage, options) = (MemoryStorage::new(), options());
    let mut log = LocalLog::create(storage.clone(), options).expect("create");
    let payloads: Vec<_> = (0..6).map(|number| payload(number, 300 * number as usize)).collect();
    let refs: Vec<_> = payloads.iter().map(Vec::as_slice).collect();
    append(&mut log, &refs[..2], 1);
    append(&mut log, &refs[2..], 2);
    for from_lsn in 1..=6 {
        let options = ReadOptions { from_lsn, ..ReadOptions::default() };
        let mut reader = Reader::open(&storage, options).expect("a log");
        while let Step::Record(record) = reader.next().expect("a sound log") {
            let first = if record.lsn <= 2 { 0 } else { 2 };
            let earlier: Vec<_> = record.earlier().collect();
            assert_eq!(earlier, refs[first..record.lsn as usize - 1], "from {from_lsn}, at {}", record.lsn);
        }
    }
}

#[test]
fn records_come_back_from_memory() {
    round_trip(MemoryStorage::new(), &options());
    round_trip(MemoryStorage::buffered(), &options());
}

#[test]
fn records_come_back_from_a_disk_past_the_page_cache() {
    let dir = tempfile::tempdir().expect("a directory");
    round_trip(DirStorage::open(dir.path()).expect("open"), &options());
}

#[test]
fn records_come_back_through_the_page_cache() {
    let dir = tempfile::tempdir().expect("a directory");
    let storage = DirStorage::open_buffered(dir.path()).expect("open");
    round_trip(storage.clone(), &options());
    let (_, log) = recover(&storage, &options());
    assert_eq!(log.status().files.expect("segments").method, Method::Buffered);
}

#[test]
fn records_come_back_with_threads_and_other_blocks() {
    for block_bytes in [512, 1024, 8192] {
        let dir = tempfile::tempdir().expect("a directory");
        let options = LogOptions { block_bytes, background: true, sync_thread: true, ..options() };
        round_trip(DirStorage::open(dir.path()).expect("open"), &options);
        round_trip(MemoryStorage::new(), &options);
    }
}

#[test]
fn a_file_that_refuses_direct_transfers_falls_back_to_the_page_cache() {
    let dir = tempfile::tempdir().expect("a directory");
    let storage = DirStorage::open(dir.path()).expect("open");
    let file = storage.create("file").expect("create");
    if file.method() == Method::Buffered {
        return;
    }
    // Neither this address nor this length can be transferred directly.
    let bytes = payload(1, 10_001);
    assert_eq!(file.append_at(&bytes[1..], 0).expect("append"), 10_000);
    assert_eq!((file.method(), file.alignment_bytes()), (Method::Buffered, 1));
    file.sync().expect("sync");
    let mut read = vec![0; 10_000];
    let again = storage.open("file", Access::ReadDevice).expect("open");
    assert_eq!(again.read_at(&mut read, 0).expect("read"), 10_000);
    assert!(read == bytes[1..]);
    assert_eq!(storage.create("other").expect("create").method(), Method::Buffered, "it is not tried again");
}

#[test]
fn files_are_opened_by_plain_names_and_never_through_a_link() {
    let dir = tempfile::tempdir().expect("a directory");
    let storage = DirStorage::create(dir.path().join("wal")).expect("create");
    std::fs::write(dir.path().join("outside"), b"outside").expect("write");
    std::os::unix::fs::symlink("../outside", dir.path().join("wal/link")).expect("link");
    for name in ["link", "../outside", "..", ".", "", "a/b", "a\0b"] {
        assert!(storage.open(name, Access::Read).is_err(), "{name:?}");
        assert!(storage.create(name).is_err(), "{name:?}");
    }
    let made = storage.create("made").expect("create");
    assert!(made.is_empty().expect("length"));
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(dir.path().join("wal/made")).expect("made").permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
}
