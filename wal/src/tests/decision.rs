//! The decision at the first position without a valid group, row by row: what is refused, what is dropped, and what is
//! an end.

use super::damage::{Sample, groups, location, tiny, with_bytes};
use super::{append, options, payload, read_all, recover};
use crate::format::{GROUP_HEADER_BYTES, GroupHeader, STAMP_BYTES};
use crate::{
    CorruptReason, GroupInfo, LocalLog, Log, LogEnd, LogError, LogOptions, Lsn, MemoryStorage, ReadError,
    ReadOptions, Reader, SECTOR_BYTES, Step, segment_name,
};

/// The options of a start with a checkpoint that holds all records up to `durable_lsn_hint`.
fn start(durable_lsn_hint: Lsn) -> ReadOptions {
    ReadOptions {
        durable_lsn_hint,
        instance_id: Some(tiny().instance_id),
        device: true,
        ..ReadOptions::default()
    }
}

/// A log of `groups` groups of three sectors each, in one segment.
fn log_of(groups_wanted: u64, segment_bytes: u64) -> (MemoryStorage, LocalLog<MemoryStorage>) {
    let storage = MemoryStorage::new();
    let options = LogOptions { segment_bytes, block_bytes: 512, ..options() };
    let mut log = LocalLog::create(storage.clone(), options).expect("create");
    for number in 0..groups_wanted {
        append(&mut log, &[&payload(number, 1300)], number);
    }
    (storage, log)
}

/// Flips a bit in the middle of a group.
fn rot(storage: &MemoryStorage, group: &GroupInfo) {
    let at = group.offset as usize + SECTOR_BYTES + 77;
    with_bytes(storage, &segment_name(group.segment), |bytes| bytes[at] ^= 0x20);
}

/// Clears one sector of a group, as if it had never been written.
fn clear(storage: &MemoryStorage, group: &GroupInfo, sector: usize) {
    let at = group.offset as usize + sector * SECTOR_BYTES;
    with_bytes(storage, &segment_name(group.segment), |bytes| bytes[at..at + SECTOR_BYTES].fill(0));
}

/// The log is refused at this group, and the files are as they were.
fn assert_refused(storage: &MemoryStorage, options: ReadOptions, group: &GroupInfo) -> CorruptReason {
    let before: Vec<_> = storage.names().iter().map(|name| storage.contents(name)).collect();
    let (records, end) = read_all(storage, options);
    assert_eq!(records.last().map_or(0, |(lsn, _)| *lsn), group.first_lsn - 1, "all before it is read");
    let after: Vec<_> = storage.names().iter().map(|name| storage.contents(name)).collect();
    assert!(before == after, "a reader writes nothing");
    match end {
        Err(ReadError::Corrupt { segment, offset, lsn, reason }) => {
            assert_eq!((segment, offset, lsn), (segment_name(group.segment), group.offset, group.first_lsn));
            reason
        }
        other => panic!("not refused: {other:?}"),
    }
}

/// The group is dropped as a whole, everything before it stays, and the log goes on in its place.
fn assert_dropped(
    storage: &MemoryStorage,
    options: ReadOptions,
    group: &GroupInfo,
    log: &LogOptions,
) -> LogEnd {
    let (records, end) = read_all(storage, options);
    let end = end.expect("a torn tail");
    assert!(end.torn_bytes > 0 && end.offset == group.offset && end.last_lsn == group.first_lsn - 1);
    assert_eq!(records.last().map_or(0, |(lsn, _)| *lsn), end.last_lsn);
    let name = segment_name(group.segment);
    let damaged = storage.contents(&name).expect("the segment");
    let mut resumed = LocalLog::resume(storage.clone(), log.clone(), end.clone()).expect("resume");
    let kept =
        storage.contents(&format!("{name}.broken-{}", group.first_lsn)).expect("the tail is kept aside");
    let tail = end.offset as usize..(end.offset + end.torn_bytes) as usize;
    assert!(kept == damaged[tail], "as it was found");
    let cleared = storage.contents(&name).expect("the segment");
    assert!(cleared[end.offset as usize..].iter().all(|byte| *byte == 0), "zeros to the segment's end");
    append(&mut resumed, &[b"goes on"], 1);
    drop(resumed);
    let (after, end) = read_all(storage, ReadOptions::default());
    assert_eq!(after.len(), records.len() + 1);
    assert_eq!(after.last().expect("a record"), &(group.first_lsn, b"goes on".to_vec()));
    end.expect("an end")
}

#[test]
fn mid_log_corruption_is_refused_because_a_later_group_follows() {
    let (storage, _log) = log_of(3, 64 << 10);
    let groups = groups(&storage);
    rot(&storage, &groups[1]);
    assert_refused(&storage, start(0), &groups[1]);
    // Even when the damaged group looks as if it had been torn.
    for sector in 0..3 {
        let (storage, _log) = log_of(3, 64 << 10);
        clear(&storage, &groups[1], sector);
        let reason = assert_refused(&storage, start(0), &groups[1]);
        let offset = groups[2].offset;
        assert_eq!(reason, CorruptReason::LaterGroup { group: groups[2].number, offset });
    }
}

#[test]
fn mid_log_corruption_is_refused_because_one_sector_of_a_later_group_is_there() {
    for sector in 0..3 {
        let (storage, _log) = log_of(3, 64 << 10);
        let groups = groups(&storage);
        clear(&storage, &groups[1], 0);
        (0..3).filter(|other| *other != sector).for_each(|other| clear(&storage, &groups[2], other));
        let reason = assert_refused(&storage, start(0), &groups[1]);
        assert!(matches!(reason, CorruptReason::LaterGroup { .. }), "{reason}");
    }
}

#[test]
fn mid_log_corruption_is_refused_because_a_seal_says_that_all_was_synced() {
    let (storage, mut log) = log_of(2, 64 << 10);
    log.seal(9).expect("seal");
    let groups = groups(&storage);
    for sector in 0..3 {
        let image = storage.fork();
        clear(&image, &groups[1], sector);
        let reason = assert_refused(&image, start(0), &groups[1]);
        assert!(matches!(reason, CorruptReason::LaterGroup { .. }), "{reason}");
    }
}

#[test]
fn mid_log_corruption_is_refused_because_a_checkpoint_holds_its_records() {
    let (storage, _log) = log_of(2, 64 << 10);
    let groups = groups(&storage);
    clear(&storage, &groups[1], 1);
    let hint = groups[1].last_lsn;
    let reason = assert_refused(&storage, start(hint), &groups[1]);
    assert_eq!(reason, CorruptReason::BelowDurable { durable_lsn: hint });
}

#[test]
fn mid_log_corruption_is_refused_because_the_next_segment_was_begun_after_it() {
    let (storage, _log) = log_of(5, 4096);
    let groups = groups(&storage);
    let last = groups.windows(2).position(|pair| pair[0].segment != pair[1].segment).expect("two segments");
    for sector in 0..3 {
        let image = storage.fork();
        clear(&image, &groups[last], sector);
        let reason = assert_refused(&image, start(0), &groups[last]);
        assert!(matches!(reason, CorruptReason::BeforeNextSegment { .. }), "{reason}");
    }
    // `accept_tail_loss` does not override proof.
    let wish = ReadOptions { accept_tail_loss: true, ..start(0) };
    rot(&storage, &groups[last]);
    assert_refused(&storage, wish, &groups[last]);
}

#[test]
fn rot_in_the_last_group_is_refused_when_all_its_sectors_are_stamped() {
    let (storage, _log) = log_of(2, 64 << 10);
    let groups = groups(&storage);
    rot(&storage, &groups[1]);
    assert_eq!(assert_refused(&storage, start(0), &groups[1]), CorruptReason::GroupChecksum);
}

#[test]
fn rot_in_the_last_group_is_given_up_only_on_demand_and_kept_aside() {
    let options = LogOptions { block_bytes: 512, ..options() };
    let flips = (0..3 * SECTOR_BYTES).step_by(13);
    for at in flips {
        let (storage, log) = log_of(2, 64 << 10);
        drop(log);
        let groups = groups(&storage);
        let name = segment_name(groups[1].segment);
        with_bytes(&storage, &name, |bytes| bytes[groups[1].offset as usize + at] ^= 1);
        assert_refused(&storage, start(0), &groups[1]);
        let wish = ReadOptions { accept_tail_loss: true, ..start(0) };
        let (_, end) = read_all(&storage, wish.clone());
        assert!(end.expect("an end").accepted_loss.is_some(), "byte {at}");
        assert_dropped(&storage, wish, &groups[1], &options);
    }
}

#[test]
fn accepted_loss_ends_where_anything_proves_that_the_group_was_durable() {
    let wish = |hint| ReadOptions { accept_tail_loss: true, ..start(hint) };
    let (storage, mut log) = log_of(2, 64 << 10);
    let unsealed = storage.fork();
    let groups = groups(&storage);
    log.seal(9).expect("seal");
    rot(&storage, &groups[1]);
    rot(&unsealed, &groups[1]);
    assert!(matches!(assert_refused(&storage, wish(0), &groups[1]), CorruptReason::LaterGroup { .. }));
    let hint = groups[1].last_lsn;
    assert!(matches!(assert_refused(&unsealed, wish(hint), &groups[1]), CorruptReason::BelowDurable { .. }));
    assert!(read_all(&unsealed, wish(hint - 1)).1.is_ok());
}

#[test]
fn a_torn_group_is_dropped_even_when_what_was_there_before_is_what_its_sector_should_hold() {
    let options = LogOptions { segment_bytes: 64 << 10, block_bytes: 512, ..options() };
    for before in [0, 0xA5] {
        let storage = MemoryStorage::new();
        let mut log = LocalLog::create(storage.clone(), options.clone()).expect("create");
        append(&mut log, &[b"first"], 0);
        append(&mut log, &[&[0; 2000]], 1);
        drop(log);
        let group = groups(&storage).pop().expect("two groups");
        let place = group.offset as usize + 2 * SECTOR_BYTES;
        with_bytes(&storage, &segment_name(group.segment), |bytes| {
            assert!(bytes[place..place + SECTOR_BYTES - STAMP_BYTES].iter().all(|byte| *byte == 0));
            bytes[place + SECTOR_BYTES - STAMP_BYTES..place + SECTOR_BYTES].fill(before);
        });
        if before == 0 {
            assert_dropped(&storage, start(0), &group, &options);
        } else {
            // In a segment that was never used before.
            assert_eq!(assert_refused(&storage, start(0), &group), CorruptReason::Garbage);
        }
    }
}

#[test]
fn a_torn_group_is_dropped_whatever_sectors_of_it_are_missing() {
    for recycled in [false, true] {
        let options = tiny();
        let sample = Sample::new(&options, false, recycled);
        let last = *sample.groups.last().expect("groups");
        let name = segment_name(last.segment);
        let before = sample.storage.contents(&name).expect("the segment");
        let sectors = (last.disk_bytes as usize) / SECTOR_BYTES;
        assert!((3..8).contains(&sectors), "{sectors} sectors");
        for missing in 1..1_u32 << sectors {
            let image = sample.storage.fork();
            for sector in (0..sectors).filter(|sector| missing >> sector & 1 == 1) {
                // A sector that was not written shows what was there: zeros, or any earlier group of this log.
                let at = last.offset as usize + sector * SECTOR_BYTES;
                let stale = &before[SECTOR_BYTES..2 * SECTOR_BYTES];
                let content = if recycled && missing % 3 == 0 { stale } else { &[0; SECTOR_BYTES][..] };
                with_bytes(&image, &name, |bytes| bytes[at..at + SECTOR_BYTES].copy_from_slice(content));
            }
            if missing == (1 << sectors) - 1 {
                let (records, end) = read_all(&image, start(0));
                assert_eq!(end.expect("an end").last_lsn, last.first_lsn - 1);
                assert!(sample.records.starts_with(&records));
            } else {
                assert_dropped(&image, start(0), &last, &options);
            }
        }
    }
}

#[test]
fn an_absurd_header_under_the_right_stamp_is_refused() {
    // Every bit of the header: magic, kind, numbers, lengths, checksums.
    for bit in 0..crate::GROUP_HEADER_BYTES * 8 {
        let (storage, _log) = log_of(2, 64 << 10);
        let groups = groups(&storage);
        let at = groups[1].offset as usize + bit / 8;
        with_bytes(&storage, &segment_name(groups[1].segment), |bytes| bytes[at] ^= 1 << (bit % 8));
        let reason = assert_refused(&storage, start(0), &groups[1]);
        assert_eq!(reason, CorruptReason::GroupHeader, "bit {bit}");
    }
}

#[test]
fn zeros_or_an_earlier_use_behind_the_last_group_are_a_clean_end() {
    for recycled in [false, true] {
        let sample = Sample::new(&tiny(), false, recycled);
        let (records, end) = read_all(&sample.storage, start(0));
        let end = end.expect("an end");
        assert!(records == sample.records && end.torn_bytes == 0);
        let rest = &sample.storage.contents(&end.segment).expect("the segment")[end.offset as usize..];
        assert_eq!(rest.iter().any(|byte| *byte != 0), recycled, "what this is about");
    }
}

#[test]
fn a_value_of_an_earlier_use_that_looks_like_the_next_group_is_a_clean_end() {
    let sample = Sample::new(&tiny(), false, true);
    let end = read_all(&sample.storage, start(0)).1.expect("an end");
    let number = end.last_group + 1;
    with_bytes(&sample.storage, &end.segment, |bytes| {
        let (before, behind) = bytes.split_at_mut(end.offset as usize);
        // A client could have written this as a value: the beginning of a group with the next number.
        let last = groups(&sample.storage).pop().expect("groups").offset as usize;
        behind[..GROUP_HEADER_BYTES].copy_from_slice(&before[last..last + GROUP_HEADER_BYTES]);
        let at = (0..GROUP_HEADER_BYTES - 8).find(|at| {
            behind[*at..at + 8].copy_from_slice(&number.to_le_bytes());
            let found = GroupHeader::unchecked_number(behind) == Some(number);
            if !found {
                behind[*at..at + 8].copy_from_slice(&before[last + at..last + at + 8]);
            }
            found
        });
        assert!(at.is_some(), "the number has a place in the header");
    });
    let (records, end) = read_all(&sample.storage, start(0));
    assert!(records == sample.records && end.expect("an end").torn_bytes == 0);
}

#[test]
fn a_read_that_fails_is_an_error_and_never_an_end() {
    let sample = Sample::new(&tiny(), true, true);
    let undisturbed = sample.storage.fork();
    let before = undisturbed.read_count();
    assert!(read_all(&undisturbed, start(0)).1.is_ok());
    let reads = undisturbed.read_count() - before;
    assert!(reads > 5);
    for number in 0..reads {
        let image = sample.storage.fork();
        image.inject_read(before + number, 5);
        let (records, end) = read_all(&image, start(0));
        assert!(sample.records.starts_with(&records));
        match end {
            Err(ReadError::Io { source, .. }) => assert_eq!(source.raw_os_error(), Some(5)),
            other => panic!("read {number}: {other:?}"),
        }
    }
}

#[test]
fn a_lost_first_segment_a_gap_and_a_broken_chain_are_refused() {
    let sample = Sample::new(&tiny(), true, true);
    let mut used: Vec<u64> = sample.groups.iter().map(|group| group.segment).collect();
    used.dedup();
    // The first one that the checkpoint needs, and one in the middle.
    let needed = sample.groups[0].first_lsn;
    for lost in [used[0], used[1]] {
        let image = sample.storage.fork();
        image.lose(&segment_name(lost));
        let (_, end) = read_all(&image, ReadOptions { from_lsn: needed, ..start(needed - 1) });
        assert!(matches!(end, Err(ReadError::Missing { .. })), "{lost}: {end:?}");
    }
    // A segment whose predecessor ended elsewhere: that of a log with another history.
    let other = Sample::new(&LogOptions { salt_seed: Some(99), ..tiny() }, true, true);
    let image = sample.storage.fork();
    let name = segment_name(used[1]);
    image.set_contents(&name, other.storage.contents(&name).expect("the same history"));
    let (records, end) = read_all(&image, start(0));
    assert!(sample.records.starts_with(&records));
    match end {
        Err(ReadError::Corrupt {
            reason: CorruptReason::SegmentChain | CorruptReason::GroupChain { .. },
            ..
        }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_log_that_ends_below_the_checkpoint_is_refused() {
    let sample = Sample::new(&tiny(), true, false);
    let last = sample.records.last().expect("records").0;
    assert!(read_all(&sample.storage, start(last)).1.is_ok());
    match read_all(&sample.storage, start(last + 1)).1 {
        Err(ReadError::Corrupt { reason: CorruptReason::BelowDurable { durable_lsn }, lsn, .. }) => {
            assert_eq!((durable_lsn, lsn), (last + 1, last + 1));
        }
        other => panic!("{other:?}"),
    }
}

/// Resume checks again what a reader found.
#[test]
fn a_log_that_was_damaged_after_its_end_was_found_is_not_resumed() {
    let (storage, log) = log_of(2, 64 << 10);
    drop(log);
    let (_, end) = read_all(&storage, start(0));
    let end = end.expect("an end");
    with_bytes(&storage, &end.segment, |bytes| bytes[40] ^= 1);
    let resumed = LocalLog::resume(storage, LogOptions { block_bytes: 512, ..options() }, end);
    assert!(matches!(resumed.err(), Some(LogError::Changed { .. })));
}

#[test]
fn damage_is_named_again_by_every_further_call() {
    let (storage, _log) = log_of(3, 64 << 10);
    let groups = groups(&storage);
    rot(&storage, &groups[1]);
    let mut reader = Reader::open(&storage, start(0)).expect("open");
    assert!(matches!(reader.next(), Ok(Step::Record(_))));
    for _ in 0..3 {
        let error = reader.next().expect_err("damage");
        assert_eq!(location(&error), Some((segment_name(1).as_str(), groups[1].offset)));
    }
    assert!(std::panic::catch_unwind(|| recover(&storage, &options())).is_err(), "no log without an end");
}
