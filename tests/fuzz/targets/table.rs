//! Pages of a table: whatever they hold, verification, opening and reading come to an end.
//!
//! Input: a byte of flags and patches (page, offset in the page, length, bytes) of a small table; or, by a flag, the bytes
//! of the table themselves. Another flag corrects the checksums, so that the checks after them are reached, too.

use ackd::effect::{Effect, KeyChange};
use ackd::keyspace::Keyspace;
use ackd::recovery::{TableSource, recover};
use ackd::table::{MemoryFile, PAGE_BYTES, Table, TableWriter, verify};
use wal::{LogOptions, MemoryStorage};

use super::base;
use super::input::Input;
use super::memory::bounded;
use super::table_walk;

/// Corrects the checksums of all pages first.
pub const SUMS: u8 = 1;
/// Recovers the table with a log that is not there.
pub const RECOVER: u8 = 2;
/// Changes the table once it is open.
pub const WRITE: u8 = 4;
/// The rest is the table itself.
pub const RAW: u8 = 128;
pub fn run(bytes: &[u8]) {
    let mut input = Input(bytes);
    let flags = input.byte();
    let mut image = if flags & RAW != 0 { raw(input.0) } else { patched(input) };
    if flags & SUMS != 0 {
        put_right(&mut image);
    }
    let image_bytes = image.len();
    let verified = bounded(image_bytes, || verify(&*image, &mut |_| {}));
    let is_sound = verified.is_ok_and(|report| report.findings.is_empty());
    let file = MemoryFile::from_image(&image, base::TABLE_BYTES);
    if flags & RECOVER != 0 {
        let source = TableSource::Existing(Box::new(file));
        let log = LogOptions { segment_bytes: 16 << 10, background: false, ..LogOptions::default() };
        let _ = bounded(image_bytes, || recover(source, MemoryStorage::new(), &base::options(), log));
        return;
    }
    let Ok((table, mut writer)) = bounded(image_bytes, || Table::open(Box::new(file), &base::options()))
    else {
        assert!(!is_sound, "a table without findings cannot be opened");
        return;
    };
    bounded(image_bytes, || table_walk::read(&table, is_sound));
    // Verification checks everything that the writer relies on, such as counts and the allocation map.
    if flags & WRITE != 0 && is_sound {
        let _ = change(&mut writer);
    }
}

/// The bytes as a table, in whole pages.
fn raw(bytes: &[u8]) -> Vec<u8> {
    let mut image = bytes[..bytes.len().min(base::TABLE_BYTES as usize)].to_vec();
    image.resize(image.len().next_multiple_of(PAGE_BYTES), 0);
    image
}

/// The small table with the patches of the input.
fn patched(mut input: Input<'_>) -> Vec<u8> {
    let mut image = base::table().to_vec();
    let pages = image.len() / PAGE_BYTES;
    while !input.0.is_empty() {
        let (page, offset, len) =
            (usize::from(input.byte()) % pages, usize::from(input.short()), input.byte());
        let patch = input.take(usize::from(len));
        let place = &mut image[page * PAGE_BYTES..][..PAGE_BYTES][offset % PAGE_BYTES..];
        let fits = patch.len().min(place.len());
        place[..fits].copy_from_slice(&patch[..fits]);
    }
    image
}

/// Corrects the checksums of all pages, and of the metas.
pub fn put_right(image: &mut [u8]) {
    let pages = image.as_chunks_mut::<PAGE_BYTES>().0;
    for page in pages.iter_mut().skip(2) {
        let sum = crc32fast::hash(&page[..PAGE_BYTES - 4]);
        page[PAGE_BYTES - 4..].copy_from_slice(&sum.to_le_bytes());
    }
    for slot in 0..pages.len().min(2) {
        for (pointer_at, sum_at) in [(40, 56), (64, 60)] {
            let number = u64::from_le_bytes(pages[slot][pointer_at..][..8].try_into().expect("8 bytes"));
            if let Some(page) = pages.get(number as usize).copied() {
                pages[slot][sum_at..][..4].copy_from_slice(&page[PAGE_BYTES - 4..]);
            }
        }
        let sum = crc32fast::hash(&pages[slot][..508]);
        pages[slot][508..512].copy_from_slice(&sum.to_le_bytes());
    }
}

/// Changes a table whose pages are intact, whatever its cells hold: each change succeeds or is refused.
fn change(writer: &mut TableWriter) -> Option<()> {
    for payload in base::changes() {
        let decoded = ackd::effect::decode(&payload).expect("a payload");
        let mut keys = Keyspace::new(writer, None);
        for effect in decoded.effects() {
            // Another effect may be possible where this one is not.
            let _ = keys.apply(&effect);
        }
    }
    for key in [&b"small hash"[..], b"large list", b"large zset", b"long"] {
        let _ = Keyspace::new(writer, None).apply(&Effect::on(0, key, KeyChange::Delete { expired: false }));
    }
    let _ = writer.reclaim(16);
    let frozen = writer.freeze();
    writer.publish(frozen);
    let durable = writer.begin_checkpoint(100, 100).run().ok()?;
    writer.end_checkpoint(durable);
    Some(())
}
