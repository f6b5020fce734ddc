//! Errors of the device: final ones end the log and acknowledge nothing; after a full disk the log continues by itself.

use std::io;

use rustix::io::Errno;

use super::{append, fill, options, payload, read_all};
use crate::{
    Fault, LocalLog, Log, LogError, LogOptions, Lsn, MemoryStorage, OperationKind, ReadError, ReadOptions,
};

fn small() -> LogOptions {
    LogOptions { segment_bytes: 20 << 10, ..options() }
}

/// Appends until something fails or enough is written; returns the acknowledged LSN and the failure.
fn write_until_failure(storage: &MemoryStorage, groups: u64) -> (Lsn, Option<LogError>) {
    let mut acknowledged = 0;
    let mut run = || -> Result<(), LogError> {
        let mut log = LocalLog::create(storage.clone(), small())?;
        for number in 0..groups {
            let mut group = log.group();
            fill(&mut group, [&payload(number, 2500)[..]]);
            let failed = log.submit(group, number).and_then(|_| log.durable());
            if let Err(LogError::Io { .. }) = &failed {
                // A repeated call must fail, too, even if the device works again.
                assert!(matches!(log.durable(), Err(LogError::Poisoned)));
                let mut group = log.group();
                fill(&mut group, [&b"later"[..]]);
                assert!(matches!(log.submit(group, 0), Err(LogError::Poisoned)));
                assert!(matches!(log.reserve(100), Err(LogError::Poisoned)));
                assert!(matches!(log.seal(0), Err(LogError::Poisoned)));
                assert!(log.status().poisoned);
            }
            acknowledged = failed?;
        }
        Ok(())
    };
    let failure = run().err();
    (acknowledged, failure)
}

#[test]
fn an_error_at_any_operation_is_final_and_loses_nothing_acknowledged() {
    for buffered in [false, true] {
        let fresh = || if buffered { MemoryStorage::buffered() } else { MemoryStorage::new() };
        let undisturbed = fresh();
        assert!(write_until_failure(&undisturbed, 12).1.is_none());
        for at in 0..undisturbed.operation_count() {
            let storage = fresh();
            storage.inject(at, Fault::Error(Errno::IO.raw_os_error()));
            let (acknowledged, failure) = write_until_failure(&storage, 12);
            assert!(matches!(failure, Some(LogError::Io { .. })), "operation {at}: {failure:?}");
            for seed in 0..6 {
                let image = storage.fork();
                image.crash(seed);
                let (records, end) = read_all(&image, ReadOptions { device: true, ..Default::default() });
                match end {
                    Ok(_) => assert!(records.len() as u64 >= acknowledged, "operation {at} seed {seed}"),
                    Err(ReadError::NoLog { .. }) => assert_eq!(acknowledged, 0),
                    Err(error) => panic!("operation {at} seed {seed}: {error}"),
                }
            }
        }
    }
}

#[test]
fn a_write_that_takes_part_of_the_bytes_is_taken_up_where_it_ended() {
    let undisturbed = MemoryStorage::new();
    write_until_failure(&undisturbed, 12);
    for at in 0..undisturbed.operation_count() {
        for bytes in [0, 512, 1024, 3584] {
            let storage = MemoryStorage::new();
            storage.inject(at, Fault::Short(bytes));
            let (acknowledged, failure) = write_until_failure(&storage, 12);
            assert!(failure.is_none() && acknowledged == 12, "operation {at}: {failure:?}");
            storage.crash(0);
            let (records, _) = read_all(&storage, ReadOptions::default());
            assert_eq!(records.len(), 12);
        }
    }
}

#[test]
fn an_interrupted_write_is_repeated() {
    let storage = MemoryStorage::new();
    let mut log = LocalLog::create(storage.clone(), small()).expect("create");
    storage.inject(storage.operation_count(), Fault::Error(Errno::INTR.raw_os_error()));
    append(&mut log, &[b"one"], 0);
    storage.crash(3);
    assert_eq!(read_all(&storage, ReadOptions::default()).0.len(), 1);
}

#[test]
fn a_device_that_takes_nothing_is_an_error() {
    let storage = MemoryStorage::new();
    let mut log = LocalLog::create(storage.clone(), small()).expect("create");
    let start = storage.operation_count();
    (start..start + 50).for_each(|at| storage.inject(at, Fault::Short(0)));
    let mut group = log.group();
    fill(&mut group, [&b"one"[..]]);
    log.submit(group, 0).expect("submit");
    assert!(matches!(log.durable(), Err(LogError::Io { .. })));
}

#[test]
fn an_error_while_reading_is_never_an_end() {
    let storage = MemoryStorage::new();
    assert!(write_until_failure(&storage, 12).1.is_none());
    let undisturbed = storage.fork();
    let before = undisturbed.read_count();
    let (records, _) = read_all(&undisturbed, ReadOptions::default());
    assert_eq!(records.len(), 12);
    for at in before..undisturbed.read_count() {
        let image = storage.fork();
        image.inject_read(at, Errno::IO.raw_os_error());
        let (_, end) = read_all(&image, ReadOptions::default());
        assert!(matches!(end, Err(ReadError::Io { .. })), "read {at}: {end:?}");
    }
}

#[test]
fn a_full_disk_refuses_groups_and_takes_them_again_when_there_is_space() {
    for code in [Errno::NOSPC, Errno::DQUOT, Errno::FBIG] {
        let storage = MemoryStorage::new();
        let mut log = LocalLog::create(storage.clone(), small()).expect("create");
        let mut acknowledged = append(&mut log, &[b"first"], 0).1;
        storage.inject(storage.operation_count() + 40, Fault::ErrorsFrom(code.raw_os_error()));
        storage.set_capacity(Some(3 * (20 << 10)));
        let refused = loop {
            match log.reserve(4000) {
                Ok(()) => acknowledged = append(&mut log, &[&payload(acknowledged, 3000)], 0).1,
                Err(error) => break error,
            }
        };
        assert!(matches!(refused, LogError::Full { .. }) && !refused.is_final(), "{refused}");
        assert!(log.status().full);
        let last_lsn = log.last_lsn();
        let mut group = log.group();
        fill(&mut group, [&payload(0, 5000)[..]]);
        assert!(matches!(log.submit(group, 0), Err(LogError::Full { .. })));
        assert_eq!((log.last_lsn(), log.synced_lsn()), (last_lsn, last_lsn));
        storage.set_capacity(None);
        log.reserve(4000).expect("space again");
        append(&mut log, &[&payload(acknowledged, 3000)], 0);
        assert!(!log.status().full);
        storage.crash(1);
        let (records, end) = read_all(&storage, ReadOptions::default());
        assert_eq!(end.expect("an end").last_lsn, acknowledged + 1);
        assert_eq!(records.len() as u64, acknowledged + 1);
        assert!(storage.names().iter().all(|name| name.ends_with(".wal")), "{:?}", storage.names());
    }
}

#[test]
fn a_reserved_group_never_meets_a_full_disk() {
    for bytes in [200u64, 3000, 15_000, 100_000] {
        let storage = MemoryStorage::new();
        let mut log = LocalLog::create(storage.clone(), small()).expect("create");
        for _ in 0..3 {
            append(&mut log, &[&payload(1, 3000)], 0);
        }
        log.reserve(bytes).expect("reserve");
        storage.set_capacity(Some(0));
        log.seal(0).expect("seal");
        let mut group = log.group();
        let content = payload(9, bytes as usize - crate::Group::EMPTY_BYTES - crate::Group::record_bytes(0));
        fill(&mut group, [&content[..]]);
        assert_eq!(group.len_bytes() as u64, bytes);
        let lsns = log.submit(group, 0).expect("space was reserved");
        log.durable().expect("durable");
        storage.crash(5);
        let (records, _) = read_all(&storage, ReadOptions::default());
        assert_eq!(records.last(), Some(&(lsns.1, content)));
    }
}

#[test]
fn a_torn_tail_needs_no_space_to_be_dropped() {
    let storage = MemoryStorage::new();
    let mut log = LocalLog::create(storage.clone(), small()).expect("create");
    append(&mut log, &[b"whole"], 0);
    append(&mut log, &[&payload(1, 3000)], 0);
    drop(log);
    let torn = super::damage::groups(&storage).pop().expect("two groups");
    // The last of its sectors was never written.
    super::damage::with_bytes(&storage, &crate::segment_name(torn.segment), |bytes| {
        let end = (torn.offset + torn.disk_bytes) as usize;
        let last = end - bytes[..end].iter().rev().position(|byte| *byte != 0).expect("a group");
        bytes[last.next_multiple_of(512) - 512..end].fill(0);
    });
    storage.set_capacity(Some(0));
    let (records, end) = read_all(&storage, ReadOptions { device: true, ..ReadOptions::default() });
    let end = end.expect("a torn tail");
    assert!(records.len() == 1 && end.torn_bytes > 0, "{end:?}");
    LocalLog::resume(storage.clone(), small(), end).expect("resumed without a copy");
    assert!(!storage.names().iter().any(|name| name.contains("broken")), "{:?}", storage.names());
}

#[test]
fn a_full_disk_ends_by_itself_while_a_thread_prepares() {
    let storage = MemoryStorage::new();
    let options = LogOptions { background: true, ..small() };
    let mut log = LocalLog::create(storage.clone(), options).expect("create");
    storage.set_capacity(Some(2 * (20 << 10)));
    let mut refused = 0;
    let mut number = 0;
    while number < 40 {
        match log.reserve(4000) {
            Ok(()) => {
                append(&mut log, &[&payload(number, 3000)], 0);
                number += 1;
            }
            Err(LogError::Full { source, .. }) => {
                assert_eq!(source.kind(), io::ErrorKind::StorageFull);
                refused += 1;
                if refused == 3 {
                    storage.set_capacity(None);
                }
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(refused >= 3);
}

#[test]
fn a_group_too_large_for_any_log_is_refused_and_nothing_changes() {
    let storage = MemoryStorage::new();
    let mut log = LocalLog::create(storage.clone(), small()).expect("create");
    let before = storage.operation_count();
    assert!(matches!(log.reserve(2 << 30), Err(LogError::TooLarge { .. })));
    assert_eq!(storage.operation_count(), before);
    append(&mut log, &[b"still"], 0);
}

#[test]
fn nothing_is_written_after_a_failed_sync() {
    let storage = MemoryStorage::buffered();
    let mut log = LocalLog::create(storage.clone(), small()).expect("create");
    append(&mut log, &[b"one"], 0);
    storage.inject(storage.operation_count() + 1, Fault::Error(Errno::IO.raw_os_error()));
    let mut group = log.group();
    fill(&mut group, [&b"two"[..]]);
    log.submit(group, 0).expect("submit");
    assert!(matches!(log.durable(), Err(LogError::Io { .. })));
    let count = storage.operation_count();
    assert_eq!(storage.operations().last().map(|operation| operation.kind), Some(OperationKind::Sync));
    drop(log);
    assert_eq!(storage.operation_count(), count);
    // The cache still shows the group; the device does not.
    assert_eq!(read_all(&storage, ReadOptions::default()).0.len(), 2);
    let device = ReadOptions { device: true, ..ReadOptions::default() };
    assert_eq!(read_all(&storage, device).0.len(), 1);
}

#[test]
fn an_error_at_any_operation_of_recovery_is_said() {
    let storage = MemoryStorage::new();
    let mut log = LocalLog::create(storage.clone(), small()).expect("create");
    append(&mut log, &[b"one"], 0);
    let mut group = log.group();
    fill(&mut group, [&payload(12, 5000)[..]]);
    storage.inject(storage.operation_count(), Fault::PowerCut);
    let torn = log.submit(group, 0).and_then(|_| log.durable());
    assert!(torn.is_err());
    drop(log);
    let mut images = (0..50).map(|seed| {
        let image = storage.fork();
        image.crash(seed);
        let (_, end) = read_all(&image, ReadOptions::default());
        (image, end.expect("an end"))
    });
    let (image, end) = images.find(|(_, end)| end.torn_bytes > 0).expect("a torn tail");
    let undisturbed = image.fork();
    let start = undisturbed.operation_count();
    LocalLog::resume(undisturbed.clone(), small(), end.clone()).expect("no fault");
    assert!(undisturbed.operation_count() > start + 5);
    for at in start..undisturbed.operation_count() {
        let disturbed = image.fork();
        disturbed.inject(at, Fault::Error(Errno::IO.raw_os_error()));
        let resumed = LocalLog::resume(disturbed.clone(), small(), end.clone());
        let kind = undisturbed.operations()[at as usize].kind;
        let Err(error) = resumed else { panic!("{kind:?} failed and nothing was said") };
        let error = error.to_string();
        assert!(error.contains("os error 5"), "operation {at}: {error}");
    }
}
