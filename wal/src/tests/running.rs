//! A running log: reading it, rotating, recycling, keeping history, and its status.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{append, fill, options, payload, read_all, recover};
use crate::{
    DirStorage, LocalLog, Log, LogError, LogOptions, MemoryStorage, Notify, ReadError, ReadOptions, Reader,
    SegmentState, Step, Storage, segments,
};

/// One thread appends `groups` groups, and recycles old ones if `recycle`; this one reads at the same time.
fn read_while_appending<S: Storage>(storage: S, options: LogOptions, recycle: bool) {
    const GROUPS: u64 = 600;
    let mut log = LocalLog::create(storage.clone(), options).expect("create");
    let durable = AtomicU64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1..=GROUPS {
                append(&mut log, &[&payload(number, (number * 37 % 3000) as usize)], number);
                durable.store(number, Ordering::Release);
                if recycle && number % 50 == 0 {
                    log.recycle_through(number - 5).expect("recycle");
                }
            }
        });
        let mut next = 0;
        let follow = ReadOptions { follow: true, ..ReadOptions::default() };
        // Only a stuck reader takes this long.
        let deadline = Instant::now() + Duration::from_secs(300);
        while next <= GROUPS {
            assert!(Instant::now() < deadline, "stuck at {next}");
            let known = durable.load(Ordering::Acquire);
            let from_lsn = next;
            let mut reader = match Reader::open(&storage, ReadOptions { from_lsn, ..follow.clone() }) {
                Ok(reader) => reader,
                // The record was recycled: continue with the oldest one.
                Err(ReadError::Missing { .. }) if recycle => {
                    next = 0;
                    continue;
                }
                Err(ReadError::Recycled { .. } | ReadError::NoLog { .. }) if recycle => continue,
                Err(error) => panic!("{error}"),
            };
            loop {
                match reader.next() {
                    Ok(Step::Record(record)) => {
                        assert!(next == 0 || record.lsn == next, "{} after {next}", record.lsn);
                        let number = record.lsn;
                        assert!(record.payload == payload(number, (number * 37 % 3000) as usize));
                        next = record.lsn + 1;
                    }
                    Ok(Step::CleanEnd(end) | Step::TornTail(end)) => {
                        assert!(end.last_lsn >= known, "{} is behind {known}", end.last_lsn);
                        break;
                    }
                    Err(ReadError::Recycled { .. } | ReadError::Missing { .. }) if recycle => {
                        next = 0;
                        break;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        }
    });
}

#[test]
fn a_running_log_can_be_read() {
    read_while_appending(MemoryStorage::new(), options(), false);
    let dir = tempfile::tempdir().expect("a directory");
    let options = LogOptions { background: true, ..options() };
    read_while_appending(DirStorage::open(dir.path()).expect("open"), options.clone(), false);
    let dir = tempfile::tempdir().expect("a directory");
    read_while_appending(DirStorage::open_buffered(dir.path()).expect("open"), options, false);
}

#[test]
fn a_running_log_that_recycles_can_be_read() {
    read_while_appending(MemoryStorage::new(), options(), true);
    let dir = tempfile::tempdir().expect("a directory");
    let options = LogOptions { background: true, sync_thread: true, ..options() };
    read_while_appending(DirStorage::open(dir.path()).expect("open"), options, true);
}

#[test]
fn a_reader_sees_what_is_appended_behind_its_end() {
    let storage = MemoryStorage::new();
    let mut log = LocalLog::create(storage.clone(), options()).expect("create");
    let mut reader =
        Reader::open(&storage, ReadOptions { follow: true, ..Default::default() }).expect("open");
    let mut seals = 0;
    for number in 1..200u64 {
        assert!(matches!(reader.next().expect("no damage"), Step::CleanEnd(_)));
        append(&mut log, &[&payload(number, 1500)], number);
        let Step::Record(record) = reader.next().expect("no damage") else { panic!("record {number}") };
        assert_eq!((record.lsn, record.group.wall_micros), (number, number));
        assert_eq!(record.group.synced_lsn, number - 1);
        assert_eq!(reader.progress().proven_lsn, number - 1);
        if number % 10 == 0 {
            log.seal(number).expect("seal");
            let sealed = log.status().seals > seals;
            seals = log.status().seals;
            assert!(matches!(reader.next().expect("no damage"), Step::CleanEnd(end) if end.sealed == sealed));
            assert!(!sealed || reader.progress().proven_lsn == number);
        }
    }
    assert!(log.status().files.expect("segments").rotations > 5 && seals > 15);
}

#[test]
fn segments_are_recycled_with_a_new_salt_and_never_before_they_may() {
    let storage = MemoryStorage::new();
    let mut log = LocalLog::create(storage.clone(), options()).expect("create");
    for number in 1..=100u64 {
        append(&mut log, &[&payload(number, 3000)], number);
    }
    let before = segments(&storage).expect("list");
    let in_use = |info: &&crate::SegmentInfo| matches!(info.state, SegmentState::InUse(_));
    assert!(before.iter().filter(in_use).count() >= 6);
    // A checkpoint in the middle of a segment keeps that segment.
    let third = before[2].header().expect("in use").first_lsn;
    log.recycle_through(third + 1).expect("recycle");
    let (records, _) = read_all(&storage, ReadOptions { from_lsn: third, ..ReadOptions::default() });
    assert_eq!(records.first().map(|record| record.0), Some(third));
    assert_eq!(log.status().oldest_lsn, third);
    assert!(!storage.names().contains(&before[0].name));
    let mut salts = vec![];
    for number in 101..=200u64 {
        append(&mut log, &[&payload(number, 3000)], number);
        log.recycle_through(number).expect("recycle");
    }
    for info in segments(&storage).expect("list") {
        if let Some(header) = info.header() {
            assert!(header.recycled, "after so long nothing needs to be filled with zeros");
            salts.push(header.salt);
        }
    }
    salts.extend(before.iter().filter_map(|info| info.header()).map(|header| header.salt));
    let count = salts.len();
    salts.sort_unstable();
    salts.dedup();
    assert_eq!(salts.len(), count);
    assert!(log.status().files.expect("segments").segments <= 2);
}

#[test]
fn history_is_kept_as_long_as_it_is_small() {
    let storage = MemoryStorage::new();
    let options = LogOptions { keep_bytes: 4 * (64 << 10), ..options() };
    let mut log = LocalLog::create(storage.clone(), options).expect("create");
    for number in 1..=200u64 {
        append(&mut log, &[&payload(number, 3000)], number);
        log.recycle_through(number).expect("recycle");
        let status = log.status();
        let files = status.files.expect("segments");
        assert!(files.segments <= 5, "{}", files.segments);
        assert!(number < 100 || files.segment_bytes >= 4 * (64 << 10));
    }
}

#[test]
fn a_group_of_any_size_gets_a_segment_and_the_log_goes_on_behind_it() {
    for background in [false, true] {
        let storage = MemoryStorage::new();
        let options = LogOptions { background, spare_segments: 2, ..options() };
        let mut log = LocalLog::create(storage.clone(), options.clone()).expect("create");
        let sizes = [100, 70_000, 5_000_000, 60_000, 3_000_000, 10, 65_000, 20];
        for (number, &bytes) in sizes.iter().enumerate() {
            append(&mut log, &[&payload(number as u64, bytes)], 0);
            for seed in 0..if bytes > 1 << 20 { 6 } else { 0 } {
                let image = storage.fork();
                image.crash(seed);
                let (records, _) = read_all(&image, ReadOptions::default());
                assert_eq!(records.len(), number + 1, "{bytes} bytes were acknowledged");
            }
            let largest = storage.operations().iter().map(|operation| operation.bytes).max();
            assert!(background || number == 0 || largest <= Some(64 << 20));
        }
        let writes = storage.operations();
        let write = |kind| matches!(kind, crate::OperationKind::Write | crate::OperationKind::Append);
        assert!(
            writes
                .iter()
                .filter(|operation| write(operation.kind))
                .all(|operation| operation.bytes <= 1 << 20)
        );
        log.recycle_through(log.synced_lsn()).expect("recycle");
        drop(log);
        storage.crash(1);
        let (records, mut log) = recover(&storage, &options);
        let last: Vec<_> = records.iter().map(|(lsn, payload)| (*lsn, payload.len())).collect();
        assert_eq!(last.last(), Some(&(8, 20)));
        append(&mut log, &[b"more"], 0);
    }
}

#[test]
fn one_write_makes_a_small_group_durable() {
    let storage = MemoryStorage::new();
    let mut log = LocalLog::create(storage.clone(), options()).expect("create");
    let before = storage.operation_count();
    append(&mut log, &[b"one", b"two"], 0);
    let operations = &storage.operations()[before as usize..];
    assert_eq!(operations.len(), 1);
    assert_eq!((operations[0].kind, operations[0].bytes), (crate::OperationKind::Append, 4096));
}

#[test]
fn a_seal_is_written_once_and_says_how_far_the_log_is_durable() {
    let storage = MemoryStorage::new();
    let mut log = LocalLog::create(storage.clone(), options()).expect("create");
    log.seal(0).expect("seal");
    assert_eq!(log.status().seals, 0, "there is nothing to seal");
    append(&mut log, &[b"one"], 0);
    log.seal(1).expect("seal");
    log.seal(2).expect("seal");
    assert_eq!((log.status().seals, log.last_lsn()), (1, 1));
    drop(log);
    let (_, mut log) = recover(&storage, &options());
    log.seal(3).expect("seal");
    assert_eq!(log.status().seals, 0, "it is sealed already");
    append(&mut log, &[b"two"], 0);
    drop(log);
    let (_, mut log) = recover(&storage, &options());
    log.seal(4).expect("seal");
    assert_eq!(log.status().seals, 1, "what was recovered is durable, and says so from now on");
}

#[test]
fn copies_of_a_log_differ_from_their_next_start_on() {
    let storage = MemoryStorage::new();
    let mut log = LocalLog::create(storage.clone(), options()).expect("create");
    append(&mut log, &[b"one"], 0);
    log.seal(1).expect("seal");
    drop(log);
    storage.settle();
    let [one, other] = [1, 2].map(|seed| {
        let copy = storage.fork();
        let (_, mut log) = recover(&copy, &LogOptions { salt_seed: Some(seed), ..options() });
        log.seal_start(1).expect("seal");
        (copy, log.mark().expect("a mark").group.expect("a group"))
    });
    assert_eq!(one.1.number, other.1.number);
    let found = |storage: &MemoryStorage| {
        let options = ReadOptions { marked_group: Some(one.1.number), ..ReadOptions::default() };
        read_all(storage, options).1.expect("read").marked_checksum
    };
    assert_eq!(found(&one.0), Some(one.1.checksum));
    assert_eq!(found(&other.0), Some(other.1.checksum));
    assert_ne!(one.1.checksum, other.1.checksum);
    assert_eq!(found(&storage), None, "the copy from before lacks it");
}

#[test]
fn a_log_that_stops_anywhere_in_a_segment_is_sealed() {
    for groups in 0..40 {
        let storage = MemoryStorage::new();
        let mut log = LocalLog::create(storage.clone(), options()).expect("create");
        for number in 0..groups {
            append(&mut log, &[&payload(number, 3000)], 0);
        }
        log.seal(1).expect("seal");
        drop(log);
        let end = read_all(&storage, ReadOptions::default()).1.expect("read");
        assert!(end.sealed && end.last_lsn == groups, "behind {groups} groups");
    }
}

#[test]
fn groups_are_submitted_ahead_and_become_durable_in_order() {
    for sync_thread in [false, true] {
        let storage = MemoryStorage::new();
        let options = LogOptions { sync_thread, ..options() };
        let mut log = LocalLog::create(storage.clone(), options).expect("create");
        for number in 1..=50u64 {
            let mut group = log.group();
            fill(&mut group, [&payload(number, 2000)[..]]);
            assert_eq!(log.submit(group, 0).expect("submit"), (number, number));
            assert!(log.synced_lsn() >= number - 1, "the group before is durable by now");
            assert!(log.poll_durable().expect("poll") < log.last_lsn(), "nobody has begun to write it");
            assert_eq!(log.sync_meanwhile(), sync_thread);
        }
        assert_eq!(log.durable().expect("durable"), 50);
        assert_eq!(read_all(&storage, ReadOptions::default()).0.len(), 50);
    }
}

#[test]
fn the_sync_thread_says_when_a_group_is_durable() {
    let (told, synced) = std::sync::mpsc::channel();
    let options = LogOptions {
        sync_thread: true,
        synced: Some(Notify::new(move || told.send(()).expect("the test listens"))),
        ..options()
    };
    let mut log = LocalLog::create(MemoryStorage::new(), options).expect("create");
    for number in 1..=20u64 {
        let mut group = log.group();
        fill(&mut group, [&payload(number, 100)[..]]);
        log.submit(group, 0).expect("submit");
        assert!(log.sync_meanwhile());
        synced.recv().expect("the thread tells");
        assert_eq!(log.poll_durable().expect("poll"), log.last_lsn());
        assert_eq!(log.synced_lsn(), number);
    }
    assert!(!log.sync_meanwhile(), "nothing is left to be done");
}

#[test]
fn the_sync_thread_says_when_no_group_comes_after_one() {
    let (told, unnoticed) = std::sync::mpsc::channel();
    let wait = |time| {
        (
            time,
            Notify::new({
                let told = told.clone();
                move || told.send(()).expect("the test listens")
            }),
        )
    };
    let mut logs = [Duration::from_millis(1), Duration::from_secs(3600)].map(|time| {
        let options = LogOptions { sync_thread: true, unnoticed: Some(wait(time)), ..options() };
        LocalLog::create(MemoryStorage::new(), options).expect("create")
    });
    for log in &mut logs {
        for number in 1..=3u64 {
            let mut group = log.group();
            fill(&mut group, [&payload(number, 100)[..]]);
            log.submit(group, 0).expect("submit");
            assert!(log.sync_meanwhile());
            assert_eq!(log.durable().expect("durable"), number);
        }
    }
    let [impatient, patient] = logs;
    unnoticed.recv().expect("the thread tells");
    while unnoticed.recv_timeout(Duration::from_millis(50)).is_ok() {}
    drop(patient);
    drop(impatient);
    assert!(unnoticed.try_recv().is_err(), "it was not to be told again, and the end is none to wait for");
}

#[test]
fn a_group_waits_for_nothing_until_its_segment_is_nearly_full() {
    let storage = MemoryStorage::new();
    let mut log = LocalLog::create(storage.clone(), options()).expect("create");
    let (mut easy, mut waits) = (0, 0);
    for number in 1..=200u64 {
        let mut group = log.group();
        fill(&mut group, [&payload(number, 3000)[..]]);
        let bytes = group.len_bytes() as u64;
        let (would_wait, before) = (log.would_wait(bytes), storage.operation_count());
        log.reserve(bytes).expect("reserve");
        log.submit(group, 0).expect("submit");
        assert_eq!(would_wait, storage.operation_count() > before, "group {number}");
        *if would_wait { &mut waits } else { &mut easy } += 1;
        log.durable().expect("durable");
    }
    assert!(easy > waits && waits > 1, "{easy} and {waits}");
}

#[test]
fn an_empty_group_writes_nothing() {
    let storage = MemoryStorage::new();
    let mut log = LocalLog::create(storage.clone(), options()).expect("create");
    let before = storage.operation_count();
    let group = log.group();
    assert!(group.is_empty());
    assert_eq!(log.submit(group, 0).expect("submit"), (1, 0));
    log.durable().expect("durable");
    assert_eq!(storage.operation_count(), before);
}

#[test]
fn a_log_is_not_made_over_another_one() {
    let storage = MemoryStorage::new();
    let mut log = LocalLog::create(storage.clone(), options()).expect("create");
    append(&mut log, &[b"one"], 0);
    drop(log);
    let again = LocalLog::create(storage.clone(), options());
    assert!(matches!(again, Err(LogError::Exists { .. })));
    assert_eq!(read_all(&storage, ReadOptions::default()).0.len(), 1);
}

#[test]
fn resume_refuses_a_log_that_changed_since_it_was_read() {
    let storage = MemoryStorage::new();
    let mut log = LocalLog::create(storage.clone(), options()).expect("create");
    append(&mut log, &[b"one"], 0);
    let (_, end) = read_all(&storage, ReadOptions::default());
    let end = end.expect("an end");
    let mut wrong = end.clone();
    wrong.salt ^= 1;
    assert!(matches!(LocalLog::resume(storage.clone(), options(), wrong), Err(LogError::Changed { .. })));
    for number in 0..40 {
        append(&mut log, &[&payload(number, 3000)], 0);
    }
    drop(log);
    let resumed = LocalLog::resume(storage, options(), end);
    assert!(matches!(resumed, Err(LogError::Changed { .. })));
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    let broken = [
        LogOptions { block_bytes: 4095, ..options() },
        LogOptions { block_bytes: 256, ..options() },
        LogOptions { segment_bytes: 64 * 1024 + 512, ..options() },
        LogOptions { segment_bytes: 8192, ..options() },
        LogOptions { spare_segments: 0, ..options() },
    ];
    for options in broken {
        let made = LocalLog::create(MemoryStorage::new(), options.clone());
        assert!(matches!(made, Err(LogError::Options(_))), "{options:?}");
    }
}

#[test]
fn the_status_counts_what_was_done() {
    let storage = MemoryStorage::new();
    let mut log = LocalLog::create(storage, options()).expect("create");
    for number in 0..30 {
        append(&mut log, &[&payload(number, 3000), b"two"], 0);
    }
    let status = log.status();
    assert_eq!((status.groups, status.records, status.seals), (30, 60, 0));
    let files = status.files.as_ref().expect("segments");
    assert_eq!((status.written_bytes, files.rotations), (30 * 4096, 2));
    assert_eq!(status.syncs, 32);
    assert_eq!(status.sync_micros_log2.iter().sum::<u64>(), 30);
    assert!(status.sync_micros_quantile(0.5) <= status.sync_micros_quantile(0.99));
    assert!(status.sync_micros_quantile(0.99) > 0);
    assert_eq!((files.segments, files.segment_bytes), (3, 192 << 10));
}
