//! Properties of the whole log, on real files and on a disk in memory that loses what was not synced.

mod crash;
mod damage;
mod decision;
mod faults;
mod identities;
mod round_trip;
mod running;

use crate::{Group, LocalLog, Log, LogEnd, LogOptions, Lsn, ReadError, ReadOptions, Reader, Step, Storage};

/// Small segments, no threads, fixed salts: the same calls give the same operations.
pub(crate) fn options() -> LogOptions {
    LogOptions {
        segment_bytes: 64 << 10,
        spare_segments: 1,
        spare_segments_max: 2,
        instance_id: *b"0123456789abcdef",
        background: false,
        salt_seed: Some(7),
        ..LogOptions::default()
    }
}

/// Fills a group with the given payloads.
pub(crate) fn fill<'p>(group: &mut Group, payloads: impl IntoIterator<Item = &'p [u8]>) {
    for payload in payloads {
        group.record(|buffer| buffer.extend_from_slice(payload));
    }
}

/// Appends one durable group.
pub(crate) fn append<L: Log>(log: &mut L, payloads: &[&[u8]], wall_micros: u64) -> (Lsn, Lsn) {
    let mut group = log.group();
    fill(&mut group, payloads.iter().copied());
    let lsns = log.submit(group, wall_micros).expect("submit");
    assert_eq!(log.durable().expect("durable"), lsns.1);
    lsns
}

/// A payload that is different for each number and length.
pub(crate) fn payload(number: u64, bytes: usize) -> Vec<u8> {
    let mut word = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..bytes)
        .map(|_| {
            word ^= word << 13;
            word ^= word >> 7;
            word ^= word << 17;
            word as u8
        })
        .collect()
}

/// Everything that a reader returns, and how it ends.
pub(crate) type Read = (Vec<(Lsn, Vec<u8>)>, Result<LogEnd, ReadError>);

/// Reads the log to its end or its first error.
pub(crate) fn read_all<S: Storage>(storage: &S, options: ReadOptions) -> Read {
    let mut records = Vec::new();
    let mut reader = match Reader::open(storage, options) {
        Ok(reader) => reader,
        Err(error) => return (records, Err(error)),
    };
    loop {
        match reader.next() {
            Ok(Step::Record(record)) => records.push((record.lsn, record.payload.to_vec())),
            Ok(Step::CleanEnd(end) | Step::TornTail(end)) => return (records, Ok(end)),
            Err(error) => return (records, Err(error)),
        }
    }
}

/// Reads the log and resumes it at its end, as a start after a crash does.
pub(crate) fn recover<S: Storage>(storage: &S, options: &LogOptions) -> (Vec<(Lsn, Vec<u8>)>, LocalLog<S>) {
    let (records, end) = read_all(storage, ReadOptions { device: true, ..ReadOptions::default() });
    let log = LocalLog::resume(storage.clone(), options.clone(), end.expect("an end")).expect("resume");
    (records, log)
}
