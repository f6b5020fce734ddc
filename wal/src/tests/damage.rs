//! Any damage to durable bytes is found and named. The reader never returns a record that was not appended, and
//! never ends where acknowledged records follow.

use std::ops::Range;

use super::{append, options, payload, read_all};
use crate::{
    CorruptReason, GroupInfo, LocalLog, Log, LogOptions, Lsn, MemoryStorage, ReadError, ReadOptions, Reader,
    SECTOR_BYTES, Step, segment_name, used_bytes,
};

/// Blocks of one sector and segments of 8 keep exhaustive tests small.
pub(super) fn tiny() -> LogOptions {
    LogOptions { segment_bytes: 4096, block_bytes: 512, ..options() }
}

/// A log on disk, what is in it, and where.
pub(super) struct Sample {
    pub storage: MemoryStorage,
    pub records: Vec<(Lsn, Vec<u8>)>,
    pub groups: Vec<GroupInfo>,
}

impl Sample {
    /// Three or more segments, seals in between; the last one was recycled, or never used before.
    pub fn new(options: &LogOptions, sealed: bool, recycled: bool) -> Self {
        let storage = MemoryStorage::new();
        let options = LogOptions { keep_bytes: 5 * options.segment_bytes, ..options.clone() };
        let mut log = LocalLog::create(storage.clone(), options).expect("create");
        for number in 0..if recycled { 40 } else { 16u64 } {
            let sizes: &[usize] = match number % 5 {
                0 => &[10, 20],
                1 => &[900],
                2 => &[0],
                3 => &[1500, 3, 700],
                _ => &[390],
            };
            let payloads: Vec<_> = sizes.iter().map(|&bytes| payload(number, bytes)).collect();
            append(&mut log, &payloads.iter().map(Vec::as_slice).collect::<Vec<_>>(), number);
            if number % 4 == 1 {
                log.seal(number).expect("seal");
            }
            if recycled {
                log.recycle_through(log.synced_lsn()).expect("recycle");
            }
        }
        append(&mut log, &[&payload(99, 1200), b"last"], 99);
        if sealed {
            log.seal(99).expect("seal");
        }
        storage.settle();
        let (records, end) = read_all(&storage, ReadOptions::default());
        assert_eq!(end.expect("an end").sealed, sealed);
        let found = crate::segments(&storage).expect("list");
        let last = found.iter().rev().find_map(|info| info.header()).expect("segments");
        assert_eq!(last.recycled, recycled);
        let groups = groups(&storage);
        let segments = groups.iter().map(|group| group.segment).collect::<std::collections::BTreeSet<_>>();
        assert!(segments.len() >= 3 && groups.len() > 10, "{} segments", segments.len());
        Self { storage, records, groups }
    }

    /// The bytes of each segment in use that have a meaning: header sector and used sectors of the groups.
    pub fn meaningful(&self) -> Vec<(String, Range<usize>)> {
        let mut ranges = Vec::new();
        for group in &self.groups {
            let name = segment_name(group.segment);
            let used = used_bytes(group_content_bytes(group, &self.records));
            ranges.push((name.clone(), 0..SECTOR_BYTES));
            ranges.push((name, group.offset as usize..group.offset as usize + used));
        }
        ranges
    }

    /// Reads a damaged image; panics on anything that is silently wrong. Returns the error, if there is one.
    fn read(&self, image: &MemoryStorage, what: &str) -> Option<ReadError> {
        let (records, end) = read_all(image, ReadOptions::default());
        assert!(self.records.starts_with(&records), "{what}: records that were not appended");
        match end {
            Err(error) => Some(error),
            Ok(_) => {
                assert_eq!(records.len(), self.records.len(), "{what}: records lost without a word");
                None
            }
        }
    }
}

pub(super) fn groups(storage: &MemoryStorage) -> Vec<GroupInfo> {
    let mut reader = Reader::open(storage, ReadOptions::default()).expect("open");
    let mut groups: Vec<GroupInfo> = Vec::new();
    loop {
        match reader.next().expect("no damage") {
            Step::Record(record) if groups.last() != Some(record.group) => groups.push(*record.group),
            Step::Record(_) => {}
            Step::CleanEnd(_) | Step::TornTail(_) => return groups,
        }
    }
}

pub(super) fn group_content_bytes(group: &GroupInfo, records: &[(Lsn, Vec<u8>)]) -> usize {
    let own = records.iter().filter(|(lsn, _)| (group.first_lsn..=group.last_lsn).contains(lsn));
    crate::Group::EMPTY_BYTES
        + own.map(|(_, payload)| crate::Group::record_bytes(payload.len())).sum::<usize>()
}

pub(super) fn with_bytes(storage: &MemoryStorage, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = storage.contents(name).expect("the file");
    change(&mut bytes);
    storage.set_contents(name, bytes);
}

/// Where an error says that the damage is.
pub(super) fn location(error: &ReadError) -> Option<(&str, u64)> {
    match error {
        ReadError::Corrupt { segment, offset, .. } => Some((segment, *offset)),
        _ => None,
    }
}

#[test]
fn a_flip_of_any_bit_of_the_log_is_named_or_hits_unused_space() {
    for (sealed, recycled) in [(false, true), (true, true), (false, false)] {
        let sample = Sample::new(&tiny(), sealed, recycled);
        let meaningful = sample.meaningful();
        let (mut named, mut unused) = (0, 0);
        for name in sample.storage.names() {
            let bytes = sample.storage.contents(&name).expect("the file");
            for bit in 0..bytes.len() * 8 {
                let used = meaningful.iter().any(|(file, range)| *file == name && range.contains(&(bit / 8)));
                if !used && bit % 11 != 0 {
                    continue;
                }
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                sample.storage.set_contents(&name, flipped);
                let what = format!("{name} byte {} bit {}", bit / 8, bit % 8);
                let error = sample.read(&sample.storage, &what);
                match &error {
                    Some(error) => {
                        let (segment, offset) = location(error).expect(&what);
                        let near = offset as usize <= bit / 8 && segment == name;
                        assert!(near || offset == 0 || segment < name.as_str(), "{what}: {error}");
                        named += 1;
                    }
                    None => {
                        assert!(!used, "{what}: not seen");
                        unused += 1;
                    }
                }
            }
            sample.storage.set_contents(&name, bytes);
        }
        assert!(named > 70_000 && unused > 1000, "{named} named, {unused} in unused space");
    }
}

#[test]
fn a_file_cut_short_at_any_byte_is_named() {
    let sample = Sample::new(&tiny(), true, true);
    let in_use = sample.meaningful();
    for name in sample.storage.names() {
        let bytes = sample.storage.contents(&name).expect("the file");
        for length in 0..bytes.len() {
            sample.storage.set_contents(&name, bytes[..length].to_vec());
            let error = sample.read(&sample.storage, &format!("{name} cut to {length}"));
            let used = in_use.iter().any(|(file, _)| *file == name);
            assert!(error.is_some() || !used, "{name} cut to {length}: not seen");
        }
        sample.storage.set_contents(&name, [&bytes[..], &[0; 512]].concat());
        let error = sample.read(&sample.storage, "longer");
        assert!(error.is_some() || !in_use.iter().any(|(file, _)| *file == name), "{name} longer: not seen");
        sample.storage.set_contents(&name, bytes);
    }
}

#[test]
fn a_sector_zeroed_swapped_or_stale_is_named_unless_it_is_of_the_last_group() {
    let sample = Sample::new(&tiny(), false, false);
    let last = sample.groups.last().expect("groups");
    let names: Vec<_> = sample.groups.iter().map(|group| segment_name(group.segment)).collect();
    let sectors: Vec<(String, usize)> = sample
        .meaningful()
        .into_iter()
        .flat_map(|(name, range)| range.step_by(SECTOR_BYTES).map(move |at| (name.clone(), at)))
        .collect();
    let sector =
        |name: &str, at: usize| sample.storage.contents(name).expect("the file")[at..at + 512].to_vec();
    let check = |name: &str, at: usize, new: &[u8], what: &str| {
        let old = sector(name, at);
        if old == new {
            return;
        }
        with_bytes(&sample.storage, name, |bytes| bytes[at..at + 512].copy_from_slice(new));
        let what = format!("{what} {name} at {at}");
        let (records, end) = read_all(&sample.storage, ReadOptions::default());
        assert!(sample.records.starts_with(&records), "{what}");
        let whole = records.len() == sample.records.len();
        // A power cut may leave the last group without one sector, and nothing proves otherwise.
        let in_last = *name == segment_name(last.segment) && at as u64 >= last.offset;
        assert!(
            end.is_err()
                || (in_last && records.len() as u64 == last.first_lsn - sample.records[0].0)
                || whole,
            "{what}"
        );
        assert!(end.is_err() || in_last, "{what}: not seen");
        with_bytes(&sample.storage, name, |bytes| bytes[at..at + 512].copy_from_slice(&old));
    };
    for (index, (name, at)) in sectors.iter().enumerate() {
        check(name, *at, &[0; 512], "zeroed");
        check(name, *at, &[0xff; 512], "garbage");
        for step in [1, 2, 7, 31] {
            let (other, other_at) = &sectors[(index + step) % sectors.len()];
            check(name, *at, &sector(other, *other_at), "misdirected");
        }
    }
    assert!(names.len() > 10);
}

#[test]
fn a_missing_segment_is_named() {
    let sample = Sample::new(&tiny(), true, true);
    let mut used: Vec<_> = sample.groups.iter().map(|group| group.segment).collect();
    used.dedup();
    for &sequence in &used {
        let image = sample.storage.fork();
        image.lose(&segment_name(sequence));
        let wanted = ReadOptions {
            from_lsn: sample.records[0].0,
            durable_lsn_hint: sample.records.last().expect("records").0,
            ..ReadOptions::default()
        };
        let (records, end) = read_all(&image, wanted);
        assert!(sample.records.starts_with(&records));
        let error = end.expect_err("a missing segment");
        let first = sequence == used[0];
        let last = Some(&sequence) == used.last();
        match error {
            ReadError::Missing { .. } => assert!(!last),
            ReadError::Corrupt { reason: CorruptReason::BelowDurable { .. }, .. } => assert!(last && !first),
            other => panic!("{other}"),
        }
    }
    let empty = MemoryStorage::new();
    assert!(matches!(read_all(&empty, ReadOptions::default()).1, Err(ReadError::NoLog { .. })));
}

#[test]
fn a_segment_that_does_not_belong_is_named_or_left_alone() {
    let sample = Sample::new(&tiny(), true, true);
    let names = sample.storage.names();
    let mut used: Vec<_> = sample.groups.iter().map(|group| group.segment).collect();
    used.dedup();
    for &sequence in &used {
        let bytes = sample.storage.contents(&segment_name(sequence)).expect("the file");
        for other in 0..used.last().expect("segments") + 4 {
            if names.contains(&segment_name(other)) {
                continue;
            }
            let image = sample.storage.fork();
            image.set_contents(&segment_name(other), bytes.clone());
            let error = sample.read(&image, &format!("{sequence} copied to {other}"));
            assert!(error.is_none() || other < sequence, "{sequence} copied to {other}: {error:?}");
        }
        // Another log's segment instead of this one's.
        let foreign = Sample::new(&LogOptions { instance_id: [9; 16], ..tiny() }, true, true);
        let image = sample.storage.fork();
        image.set_contents(
            &segment_name(sequence),
            foreign.storage.contents(&segment_name(sequence)).expect("the same history"),
        );
        assert!(sample.read(&image, "foreign").is_some() || sequence == used[0]);
        let options = ReadOptions { instance_id: Some(tiny().instance_id), ..ReadOptions::default() };
        let (_, end) = read_all(&image, options);
        let reason = CorruptReason::ForeignInstance;
        assert!(matches!(end, Err(ReadError::Corrupt { reason: found, .. }) if found == reason));
    }
}

#[test]
fn a_lost_segment_header_is_named() {
    let sample = Sample::new(&tiny(), true, true);
    let last = segment_name(sample.groups.last().expect("groups").segment);
    let image = sample.storage.fork();
    with_bytes(&image, &last, |bytes| bytes[..512].fill(0));
    let error = sample.read(&image, "header zeroed").expect("an error");
    assert_eq!(location(&error), Some((last.as_str(), 0)));
    assert!(matches!(error, ReadError::Corrupt { reason: CorruptReason::SegmentHeaderLost, .. }), "{error}");
}

/// What the end of a log means depends on the evidence.
#[test]
fn the_last_group_is_torn_only_when_nothing_says_that_it_was_durable() {
    for (sealed, hint, expected_torn) in [(false, 0, true), (true, 0, false), (false, u64::MAX, false)] {
        let sample = Sample::new(&tiny(), sealed, true);
        let last = *sample.groups.last().expect("groups");
        let durable_lsn_hint = hint.min(last.last_lsn);
        with_bytes(&sample.storage, &segment_name(last.segment), |bytes| {
            let at = last.offset as usize + SECTOR_BYTES;
            bytes[at..at + SECTOR_BYTES].fill(0);
        });
        let options = ReadOptions { durable_lsn_hint, ..ReadOptions::default() };
        let (records, end) = read_all(&sample.storage, options);
        assert_eq!(records.len() as u64, last.first_lsn - sample.records[0].0);
        match end {
            Ok(end) => assert!(expected_torn && end.torn_bytes > 0 && end.last_lsn == last.first_lsn - 1),
            Err(ReadError::Corrupt { offset, lsn, reason, .. }) => {
                assert!(!expected_torn, "{reason}");
                assert_eq!((offset, lsn), (last.offset, last.first_lsn));
                assert_eq!(matches!(reason, CorruptReason::LaterGroup { .. }), sealed, "{reason}");
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn groups_inside_a_value_are_never_replayed() {
    let storage = MemoryStorage::new();
    let mut log = LocalLog::create(storage.clone(), options()).expect("create");
    append(&mut log, &[b"first"], 0);
    let segment = storage.names()[0].clone();
    // A value that contains a real group with the next number, made in a copy of the log, on a block of its own.
    let copy = storage.fork();
    let (_, end) = read_all(&copy, ReadOptions::default());
    let end = end.expect("an end");
    let mut other = LocalLog::resume(copy.clone(), options(), end.clone()).expect("resume");
    append(&mut other, &[b"forged"], 0);
    let at = end.offset as usize;
    let forged = copy.contents(&segment).expect("the segment")[at..at + 4096].to_vec();
    let mut value = vec![0; 4096 - crate::Group::EMPTY_BYTES - crate::Group::record_bytes(0)];
    for _ in 0..4 {
        value.extend_from_slice(&forged);
    }
    append(&mut log, &[&value], 0);
    // Torn so that all forged groups are there, but not the real header.
    with_bytes(&storage, &segment, |bytes| bytes[at..at + 512].fill(0));
    let (records, end) = read_all(&storage, ReadOptions::default());
    assert_eq!(records, [(1, b"first".to_vec())]);
    assert!(end.expect("a torn tail").torn_bytes > 0);
    let (records, _) = read_all(&storage, ReadOptions { keep_going: true, ..ReadOptions::default() });
    assert_eq!(records, [(1, b"first".to_vec())]);
}

#[test]
fn an_earlier_use_of_a_segment_is_never_replayed() {
    let storage = MemoryStorage::new();
    let mut log = LocalLog::create(storage.clone(), tiny()).expect("create");
    let mut images = Vec::new();
    for number in 0..60u64 {
        append(&mut log, &[&payload(number, 700)], number);
        log.recycle_through(log.synced_lsn()).expect("recycle");
        let (records, end) = read_all(&storage, ReadOptions::default());
        assert_eq!(end.expect("an end").last_lsn, number + 1);
        let Some((lsn, last)) = records.last() else { continue };
        assert_eq!((*lsn, last), (number + 1, &payload(number, 700)));
        images.push(storage.fork());
    }
    assert!(log.status().files.expect("segments").rotations > 5);
    // Sectors of the current use replaced by their earlier content: a write that the device lost.
    let last = images.last().expect("images");
    let name = log.status().files.expect("segments").active_segment;
    let now = last.contents(&name).expect("the segment");
    let (all, _) = read_all(last, ReadOptions::default());
    for image in &images {
        for before in image.names().iter().map(|name| image.contents(name).expect("a file")) {
            for at in (512..now.len()).step_by(512) {
                let damaged = last.fork();
                with_bytes(&damaged, &name, |bytes| {
                    bytes[at..at + 512].copy_from_slice(&before[at..at + 512])
                });
                let (records, _) = read_all(&damaged, ReadOptions::default());
                assert!(all.starts_with(&records));
            }
        }
    }
}

/// A device that lost a write may still hold another group with the same number in the same place, complete and
/// with a right checksum: the next group shows that it is not the right one.
#[test]
fn a_group_of_another_history_is_named() {
    const GROUPS: u64 = 12;
    // The same appends except for one payload.
    let history = |strange: Option<u64>| {
        let storage = MemoryStorage::new();
        let mut log = LocalLog::create(storage.clone(), tiny()).expect("create");
        for number in 0..GROUPS {
            let seed = if strange == Some(number) { number + 1000 } else { number };
            append(&mut log, &[&payload(seed, 700)], number);
        }
        storage
    };
    let ours = history(None);
    let groups = groups(&ours);
    assert!(groups.last().expect("groups").segment >= 3);
    let mut at_segment_ends = 0;
    for group in &groups[..groups.len() - 1] {
        let name = segment_name(group.segment);
        let range = group.offset as usize..(group.offset + group.disk_bytes) as usize;
        let other = history(Some(group.number - 1));
        let strange = other.contents(&name).expect("the same shape")[range.clone()].to_vec();
        let image = ours.fork();
        with_bytes(&image, &name, |bytes| bytes[range].copy_from_slice(&strange));
        let (records, end) = read_all(&image, ReadOptions::default());
        assert_eq!(records.len() as u64, group.number, "the strange group itself cannot be told");
        match end {
            Err(ReadError::Corrupt { reason: CorruptReason::GroupBefore { group: next }, .. }) => {
                assert_eq!(next, group.number + 1);
            }
            Err(ReadError::Corrupt { reason: CorruptReason::SegmentChain, offset, .. }) => {
                assert_eq!(offset, 0);
                at_segment_ends += 1;
            }
            other => panic!("group {}: {other:?}", group.number),
        }
    }
    assert!(at_segment_ends >= 2);
}

#[test]
fn garbage_behind_the_last_group_is_named_where_nothing_was_ever_written() {
    for recycled in [false, true] {
        let sample = Sample::new(&tiny(), true, recycled);
        let (_, end) = read_all(&sample.storage, ReadOptions::default());
        let end = end.expect("an end");
        with_bytes(&sample.storage, &end.segment, |bytes| bytes[end.offset as usize + 100] ^= 4);
        let (records, seen) = read_all(&sample.storage, ReadOptions::default());
        assert!(records == sample.records);
        let named = matches!(seen, Err(ReadError::Corrupt { reason: CorruptReason::Garbage, offset, .. }) if offset == end.offset);
        assert_eq!(named, !recycled, "an earlier use may hold anything");
    }
}

#[test]
fn a_reader_that_keeps_going_hands_out_all_that_is_left_and_ends() {
    let sample = Sample::new(&tiny(), true, true);
    for (index, group) in sample.groups.iter().enumerate() {
        for at in [0, 200, SECTOR_BYTES + 40] {
            if at as u64 >= group.disk_bytes {
                continue;
            }
            let image = sample.storage.fork();
            let at_byte = group.offset as usize + at;
            with_bytes(&image, &segment_name(group.segment), |bytes| bytes[at_byte] ^= 0x10);
            let mut reader = Reader::open(&image, ReadOptions { keep_going: true, ..ReadOptions::default() })
                .expect("open");
            let (mut seen, mut errors) = (Vec::new(), 0);
            let end = loop {
                match reader.next() {
                    Ok(Step::Record(record)) => seen.push((record.lsn, record.payload.to_vec())),
                    Ok(Step::CleanEnd(end) | Step::TornTail(end)) => break end,
                    Err(_) => errors += 1,
                }
                assert!(errors < 5, "group {index} byte {at}");
            };
            let lost = |lsn: &Lsn| (group.first_lsn..=group.last_lsn).contains(lsn);
            let expected: Vec<_> = sample.records.iter().filter(|(lsn, _)| !lost(lsn)).cloned().collect();
            let others: Vec<_> = seen.iter().filter(|(lsn, _)| !lost(lsn)).cloned().collect();
            assert!(others == expected, "group {index} byte {at}");
            assert!(seen.iter().all(|record| sample.records.contains(record)));
            if errors > 0 {
                assert!(end.damaged);
                assert!(LocalLog::resume(image, tiny(), end).is_err(), "a damaged log takes no groups");
            }
        }
    }
}

mod hostile {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn any_change_of_the_files_gives_a_prefix_or_a_named_error(
            changes in proptest::collection::vec((any::<u16>(), any::<u16>(), any::<u8>(), 1usize..600), 1..12),
            keep_going: bool, follow: bool,
        ) {
            thread_local!(static SAMPLE: Sample = Sample::new(&tiny(), true, true));
            SAMPLE.with(|sample| {
                let image = sample.storage.fork();
                let names = image.names();
                for &(file, at, byte, length) in &changes {
                    let name = &names[file as usize % names.len()];
                    with_bytes(&image, name, |bytes| {
                        let at = at as usize % bytes.len();
                        let end = (at + length).min(bytes.len());
                        match byte % 3 {
                            0 => bytes.truncate(at.max(1)),
                            1 => bytes[at..end].fill(byte),
                            _ => bytes.copy_within(0..end - at, at),
                        }
                    });
                }
                let options = ReadOptions { keep_going, follow: follow && keep_going, ..ReadOptions::default() };
                let Ok(mut reader) = Reader::open(&image, options) else { return };
                for errors in 0.. {
                    match reader.next() {
                        Ok(Step::Record(record)) => {
                            let known = (record.lsn, record.payload.to_vec());
                            assert!(sample.records.contains(&known));
                        }
                        Ok(_) => break,
                        Err(_) if keep_going => assert!(errors < 500, "it does not end"),
                        Err(_) => break,
                    }
                }
            });
        }
    }
}
