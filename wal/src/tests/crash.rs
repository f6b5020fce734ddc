//! A power cut at every operation, which keeps any part of what was not synced: nothing acknowledged is lost, no
//! group appears in part, and the log always recovers by itself, also if the power is cut again during recovery.

use std::collections::BTreeMap;

use super::{options, payload, read_all};
use crate::{Fault, LocalLog, Log, LogEnd, LogError, LogOptions, Lsn, MemoryStorage, ReadError, ReadOptions};

/// What the writer knows after its last call.
#[derive(Clone, Default)]
pub(super) struct Oracle {
    /// LSN up to which durability was acknowledged.
    acknowledged: Lsn,
    /// LSN up to which space was recycled.
    recycled: Lsn,
    /// Last LSN of each group submitted, with the payloads' number and length.
    groups: BTreeMap<Lsn, (u64, usize)>,
}

fn crash_options() -> LogOptions {
    LogOptions { segment_bytes: 20 << 10, ..options() }
}

impl Oracle {
    /// Submits one group of `count` records of `bytes` bytes and waits for it.
    fn append<L: Log>(&mut self, log: &mut L, count: u64, bytes: usize) -> Result<(), LogError> {
        let mut group = log.group();
        let first = log.last_lsn() + 1;
        for lsn in first..first + count {
            group.record(|buffer| buffer.extend_from_slice(&payload(lsn, bytes)));
        }
        log.reserve(group.len_bytes() as u64)?;
        let (submitted, last) = log.submit(group, first)?;
        assert_eq!((submitted, last), (first, first + count - 1));
        self.groups.insert(last, (count, bytes));
        self.acknowledged = log.durable()?;
        assert_eq!(self.acknowledged, last);
        Ok(())
    }

    /// Rotation, recycling, seals, groups of one sector, of many blocks, and of more than a segment.
    fn run(&mut self, storage: &MemoryStorage) -> Result<(), LogError> {
        let mut log = LocalLog::create(storage.clone(), crash_options())?;
        for round in 0..9 {
            self.append(&mut log, 1 + round % 3, 30)?;
            self.append(&mut log, 2, 3000)?;
            if round == 4 {
                self.append(&mut log, 3, 9000)?;
            }
            if round % 3 == 1 {
                log.seal(round)?;
            }
            if round % 4 == 3 {
                self.recycled = self.acknowledged - 2;
                log.recycle_through(self.recycled)?;
            }
        }
        Ok(())
    }

    /// Checks what a recovery found; returns where the log ends.
    fn check(&self, storage: &MemoryStorage) -> Option<LogEnd> {
        let options = ReadOptions {
            from_lsn: self.recycled + 1,
            durable_lsn_hint: self.recycled,
            device: true,
            ..ReadOptions::default()
        };
        let (records, end) = read_all(storage, options);
        if let Err(ReadError::NoLog { .. }) = end {
            assert_eq!(self.acknowledged, 0, "the log is gone");
            return None;
        }
        let end = end.expect("a log that comes back");
        assert!(end.last_lsn >= self.acknowledged, "lost {}..={}", end.last_lsn + 1, self.acknowledged);
        assert!(
            end.last_lsn == 0 || self.groups.contains_key(&end.last_lsn),
            "half a group: {}",
            end.last_lsn
        );
        assert_eq!(records.len() as u64, end.last_lsn - self.recycled);
        for (lsn, found) in records {
            let (_, &(_, bytes)) = self.groups.range(lsn..).next().expect("a group that was submitted");
            assert!(found == payload(lsn, bytes), "LSN {lsn} has another payload");
        }
        // The history has no gaps, either: segments were recycled oldest first.
        let (history, whole) = read_all(storage, ReadOptions::default());
        assert_eq!(whole.expect("no gap"), end);
        assert_eq!(history.last().map_or(0, |record| record.0), end.last_lsn);
        Some(end)
    }

    /// Recovers, appends, and recovers again.
    fn come_back(&mut self, storage: &MemoryStorage) -> Result<(), LogError> {
        let mut log = match self.check(storage) {
            Some(end) => LocalLog::resume(storage.clone(), crash_options(), end)?,
            None => LocalLog::create(storage.clone(), crash_options())?,
        };
        self.groups.retain(|&last, _| last <= log.last_lsn());
        self.acknowledged = log.synced_lsn();
        for bytes in [100, 5000, 40] {
            self.append(&mut log, 2, bytes)?;
        }
        log.seal(1)
    }
}

/// The operations of an undisturbed run.
fn operations(storage: &MemoryStorage) -> u64 {
    Oracle::default().run(storage).expect("no fault");
    storage.operation_count()
}

fn power_cut_everywhere(fresh: fn() -> MemoryStorage) {
    let total = operations(&fresh());
    assert!(total > 60, "{total} operations");
    for at in 0..=total {
        let storage = fresh();
        storage.inject(at, Fault::PowerCut);
        let mut oracle = Oracle::default();
        let stopped = oracle.run(&storage);
        assert_eq!(stopped.is_err(), at < total);
        for seed in 0..12 {
            eprintln!("power cut at operation {at} of {total}, seed {seed}");
            let (image, mut oracle) = (storage.fork(), oracle.clone());
            image.crash(at << 16 | seed);
            oracle.come_back(&image).expect("no fault");
            image.crash(seed);
            oracle.check(&image);
        }
    }
}

#[test]
fn acknowledged_groups_survive_a_power_cut_at_every_operation() {
    power_cut_everywhere(MemoryStorage::new);
}

#[test]
fn acknowledged_groups_survive_a_power_cut_at_every_operation_through_the_page_cache() {
    power_cut_everywhere(MemoryStorage::buffered);
}

#[test]
fn a_power_cut_inside_recovery_changes_nothing() {
    let total = operations(&MemoryStorage::new());
    for at in (0..total).step_by(3) {
        let storage = MemoryStorage::new();
        storage.inject(at, Fault::PowerCut);
        let mut oracle = Oracle::default();
        assert!(oracle.run(&storage).is_err());
        for seed in 0..3 {
            let image = storage.fork();
            image.crash(at << 16 | seed);
            let first = oracle.check(&image).map(|end| end.last_lsn);
            let undisturbed = image.fork();
            let start = undisturbed.operation_count();
            oracle.clone().come_back(&undisturbed).expect("no fault");
            for inner in start..undisturbed.operation_count() {
                eprintln!("power cut at {at} seed {seed}, again at {inner}");
                let nested = image.fork();
                nested.inject(inner, Fault::PowerCut);
                let mut inner_oracle = oracle.clone();
                assert!(inner_oracle.come_back(&nested).is_err());
                nested.crash(inner);
                let second = inner_oracle.check(&nested).map(|end| end.last_lsn);
                assert!(second >= first, "{second:?} after {first:?}");
                inner_oracle.come_back(&nested).expect("no fault");
            }
        }
    }
}

/// A kill leaves everything in the page cache. What the reader returns after it must survive a power cut, too.
#[test]
fn what_was_recovered_after_a_kill_survives_a_power_cut() {
    for fresh in [MemoryStorage::new, MemoryStorage::buffered] {
        let total = operations(&fresh());
        for at in 0..total {
            let storage = fresh();
            storage.inject(at, Fault::PowerCut);
            let mut oracle = Oracle::default();
            assert!(oracle.run(&storage).is_err());
            storage.restart();
            let log = match oracle.check(&storage) {
                Some(end) => LocalLog::resume(storage.clone(), crash_options(), end),
                None => LocalLog::create(storage.clone(), crash_options()),
            };
            oracle.acknowledged = log.expect("no fault").synced_lsn();
            for seed in 0..5 {
                eprintln!("killed at operation {at} of {total}, power cut seed {seed}");
                let image = storage.fork();
                image.crash(seed);
                oracle.check(&image);
            }
        }
    }
}

#[test]
fn a_torn_tail_is_kept_aside_and_the_space_behind_it_is_zero() {
    let mut torn_tails = 0;
    for seed in 0..40 {
        let storage = MemoryStorage::new();
        let mut log = LocalLog::create(storage.clone(), options()).expect("create");
        let mut oracle = Oracle::default();
        oracle.append(&mut log, 1, 10).expect("append");
        storage.inject(storage.operation_count(), Fault::PowerCut);
        assert!(oracle.append(&mut log, 4, 4000).is_err());
        drop(log);
        storage.crash(seed);
        let (_, end) = read_all(&storage, ReadOptions::default());
        let end = end.expect("an end");
        if end.torn_bytes == 0 {
            continue;
        }
        torn_tails += 1;
        let before = storage.contents(&end.segment).expect("the segment");
        let name = format!("{}.broken-2", end.segment);
        let range = end.offset as usize..(end.offset + end.torn_bytes) as usize;
        let offset = range.start;
        LocalLog::resume(storage.clone(), options(), end.clone()).expect("resume");
        assert!(storage.contents(&name).expect("the copy") == before[range.clone()], "seed {seed}");
        storage.crash(seed);
        assert!(storage.contents(&name).expect("the copy") == before[range], "seed {seed}: lost");
        let after = storage.contents(&end.segment).expect("the segment");
        assert!(after[..offset] == before[..offset] && after[offset..].iter().all(|&byte| byte == 0));
        let (_, again) = read_all(&storage, ReadOptions::default());
        assert_eq!(again.expect("an end"), LogEnd { torn_bytes: 0, ..end });
    }
    assert!(torn_tails > 10, "{torn_tails} torn tails in 40 power cuts");
}

#[test]
fn a_torn_tail_is_kept_aside_on_a_full_disk_too() {
    for seed in 0..40 {
        let storage = MemoryStorage::new();
        let mut log = LocalLog::create(storage.clone(), options()).expect("create");
        let mut oracle = Oracle::default();
        oracle.append(&mut log, 20, 4000).expect("append");
        storage.inject(storage.operation_count(), Fault::PowerCut);
        assert!(oracle.append(&mut log, 4, 4000).is_err());
        drop(log);
        storage.crash(seed);
        let (_, end) = read_all(&storage, ReadOptions::default());
        let end = end.expect("an end");
        let total: usize =
            storage.names().iter().filter_map(|name| storage.contents(name)).map(|file| file.len()).sum();
        storage.set_capacity(Some(total as u64));
        let torn = end.torn_bytes > 0;
        LocalLog::resume(storage.clone(), options(), end).expect("prepared segments make room");
        assert_eq!(storage.names().iter().any(|name| name.contains(".broken-")), torn);
        assert!(oracle.check(&storage).is_some());
    }
}
