//! Every bit of a log of 64 KiB.

use std::ops::Range;

use ackd::recovery::RecoveryError;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use wal::{
    GroupInfo, MemoryStorage, ReadError, ReadOptions, Reader, SECTOR_BYTES, Step, segment_name, used_bytes,
};

use super::common::seed;
use super::data::{DataSet, Outcome, SEGMENT_BYTES, full_segment, start};
use super::{Tally, in_parallel, is_in_part, takes_all};

/// Bits that the short form flips.
const SAMPLE: usize = 3000;

/// The groups of a log, with the range of bytes of the file that each one uses.
fn groups(log: &MemoryStorage) -> Vec<(GroupInfo, Range<u64>)> {
    let mut reader = Reader::open(log, ReadOptions::default()).expect("open");
    let mut content = wal::Group::EMPTY_BYTES;
    let mut groups: Vec<(GroupInfo, Range<u64>)> = Vec::new();
    loop {
        match reader.next().expect("no damage") {
            Step::Record(record) => {
                if groups.last().is_none_or(|(group, _)| group != record.group) {
                    groups.push((*record.group, 0..0));
                    content = wal::Group::EMPTY_BYTES;
                }
                content += wal::Group::record_bytes(record.payload.len());
                let (group, range) = groups.last_mut().expect("a group");
                *range = group.offset..group.offset + used_bytes(content) as u64;
            }
            Step::CleanEnd(_) | Step::TornTail(_) => {
                let seal = *reader.group();
                if seal.count == 0 {
                    groups.push((seal, seal.offset..seal.offset + SECTOR_BYTES as u64));
                }
                return groups;
            }
        }
    }
}

/// Flips some bits, one at a time, and checks the outcome of each.
fn sweep(set: &DataSet, bits: impl Iterator<Item = u64>) -> Tally {
    let name = segment_name(1);
    let groups = groups(&set.log);
    let image = set.log.fork();
    let bytes = image.contents(&name).expect("the segment");
    let mut tally = Tally::default();
    for bit in bits {
        let at = bit / 8;
        let mut flipped = bytes.clone();
        flipped[at as usize] ^= 1 << (bit % 8);
        image.set_contents(&name, flipped);
        tally.cases += 1;
        let group = groups.iter().find(|(_, range)| range.contains(&at));
        let in_use = at < SECTOR_BYTES as u64 || group.is_some();
        match start(&image, &set.table, &set.contents) {
            Outcome::Refused(RecoveryError::Read(error)) => {
                tally.refused += 1;
                assert_named(&error, &name, at, group.map(|(group, _)| group));
            }
            Outcome::Same if !in_use => tally.same += 1,
            Outcome::Crashed => tally.crashed += 1,
            other => {
                eprintln!("byte {at} bit {}: {other:?}", bit % 8);
                tally.silent += 1;
            }
        }
    }
    tally
}

/// The error names the file, an offset at or before the flipped byte in the same group, and the first LSN that is lost.
fn assert_named(error: &ReadError, name: &str, at: u64, group: Option<&GroupInfo>) {
    match error {
        ReadError::Corrupt { segment, offset, lsn, .. } => {
            assert!(segment == name && *offset <= at, "{error} for byte {at}");
            if let Some(group) = group {
                assert_eq!((*offset, *lsn), (group.offset, group.first_lsn), "{error} for byte {at}");
            }
        }
        // Only the header says which version the file has.
        ReadError::Unsupported { segment, .. } => assert!(segment == name && at < SECTOR_BYTES as u64),
        other => panic!("{other} for byte {at}"),
    }
}

/// The bits to flip: all, or a sample. One worker's share of them.
fn bits(random: u64, worker: usize, workers: usize) -> Box<dyn Iterator<Item = u64>> {
    let all = SEGMENT_BYTES * 8;
    if takes_all() {
        return Box::new((0..all).skip(worker).step_by(workers).filter(|bit| is_in_part(bit / 8 / 512)));
    }
    let mut random = SmallRng::seed_from_u64(random.wrapping_add(worker as u64));
    Box::new((0..SAMPLE / workers).map(move |_| random.random_range(0..all)))
}

#[test]
fn a_flipped_bit_of_the_log_is_named_or_in_space_not_in_use() {
    let random = seed("--test bitflips a_flipped_bit_of_the_log");
    for sealed in [true, false] {
        let set = full_segment(sealed);
        assert!(matches!(start(&set.log, &set.table, &set.contents), Outcome::Same));
        let tally = in_parallel(|worker, workers| {
            sweep(&DataSet { log: set.log.fork(), ..set.clone() }, bits(random, worker, workers))
        });
        let what =
            if sealed { "bits of a sealed log of 64 KiB" } else { "bits of an unsealed log of 64 KiB" };
        tally.check(what);
    }
}
