//! Segments of a log: whatever they hold, the reader returns records in order and comes to an end. After damage, which it
//! reports first, the order may start again.
//!
//! Input: a byte of flags, a byte with the number of segments, and the segments, of equal length. A flag lets the checksums
//! be corrected first, so that the checks after them are reached, too.

use wal::{MemoryStorage, ReadOptions, Reader, SECTOR_BYTES, Step, segment_name, segments};

use super::input::Input;
use super::log_sums::put_right;
use super::memory::bounded;

/// Corrects the checksums first.
pub const SUMS: u8 = 1;
const KEEP_GOING: u8 = 2;
const TAIL_LOSS: u8 = 4;
const FOLLOW: u8 = 8;
const DEVICE: u8 = 16;
const FROM_LSN: u8 = 32;
/// The number of errors after which a reader that keeps going must have ended.
const ERRORS_MAX: usize = 100_000;

pub fn run(bytes: &[u8]) {
    let mut input = Input(bytes);
    let (flags, count) = (input.byte(), 1 + usize::from(input.byte() % 4));
    let storage = MemoryStorage::new();
    let segment_bytes = (input.0.len() / count).next_multiple_of(SECTOR_BYTES);
    for number in 0..count {
        let mut segment = input.take(segment_bytes).to_vec();
        if flags & SUMS != 0 {
            put_right(&mut segment);
        }
        let claimed =
            segment.get(40..48).map_or(0, |field| u64::from_le_bytes(field.try_into().expect("8 bytes")));
        let sequence = if (1..100).contains(&claimed) { claimed } else { number as u64 + 1 };
        storage.set_contents(&segment_name(sequence), segment);
    }
    let _ = bounded(bytes.len(), || segments(&storage));
    read(&storage, flags, bytes.len());
}

fn read(storage: &MemoryStorage, flags: u8, input_bytes: usize) {
    let options = ReadOptions {
        keep_going: flags & KEEP_GOING != 0,
        accept_tail_loss: flags & TAIL_LOSS != 0,
        follow: flags & FOLLOW != 0,
        device: flags & DEVICE != 0,
        from_lsn: if flags & FROM_LSN != 0 { 5 } else { 0 },
        ..ReadOptions::default()
    };
    let goes_on = options.keep_going;
    let Ok(mut reader) = bounded(input_bytes, || Reader::open(storage, options)) else { return };
    let (mut last_lsn, mut payload_bytes, mut errors, mut said) = (0, 0, 0, String::new());
    loop {
        match bounded(input_bytes, || reader.next()) {
            Ok(Step::Record(record)) => {
                assert!(record.lsn > last_lsn, "record {} behind {last_lsn}", record.lsn);
                last_lsn = record.lsn;
                payload_bytes += record.payload.len();
                assert!(payload_bytes <= input_bytes, "more bytes of records than of segments");
            }
            Ok(Step::CleanEnd(end) | Step::TornTail(end)) => {
                assert!(end.last_lsn >= last_lsn);
                return;
            }
            Err(error) => {
                errors += 1;
                let now = error.to_string();
                // At the last damage, a reader returns the same error again.
                if !goes_on || now == said {
                    return;
                }
                (said, last_lsn) = (now, 0);
                assert!(errors < ERRORS_MAX, "the reader does not come to an end: {said}");
            }
        }
    }
}
