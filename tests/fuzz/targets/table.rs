//! Pages of a table: whatever they hold, verification and opening come to an end, and so does whoever reads it then.
//!
//! Input: a byte of flags and patches (page, offset in the page, length, bytes) of a small table; or, by a flag, the bytes
//! of the table themselves. Another flag lets the checksums be put right, so that what stands behind them is met too.

use std::sync::OnceLock;

use ackd::effect::{Effect, EffectBuffer, ItemsBuffer, decode};
use ackd::keyspace::Keyspace;
use ackd::recovery::{TableSource, recover};
use ackd::table::{MemoryFile, PAGE_BYTES, Table, TableOptions, TableWriter, verify};
use wal::{LogOptions, MemoryStorage};

use super::input::Input;
use super::memory::bounded;
use super::table_walk;

/// Puts the checksums of all pages right.
pub const SUMS: u8 = 1;
/// Recovers the table with a log that is not there.
pub const RECOVER: u8 = 2;
/// Changes the table once it is open.
pub const WRITE: u8 = 4;
/// The rest is the table itself.
pub const RAW: u8 = 128;
/// Largest size of the table.
const TABLE_BYTES: u64 = 64 * PAGE_BYTES as u64;

pub fn run(bytes: &[u8]) {
    let mut input = Input(bytes);
    let flags = input.byte();
    let mut image = if flags & RAW != 0 { raw(input.0) } else { patched(input) };
    if flags & SUMS != 0 {
        put_right(&mut image);
    }
    let image_bytes = image.len();
    let _ = bounded(image_bytes, || verify(&*image, &mut |_| {}));
    let file = MemoryFile::from_image(&image, TABLE_BYTES);
    if flags & RECOVER != 0 {
        let source = TableSource::Existing(Box::new(file));
        let log = LogOptions { segment_bytes: 16 << 10, background: false, ..LogOptions::default() };
        let _ = bounded(image_bytes, || recover(source, MemoryStorage::new(), &options(), log));
        return;
    }
    let Ok((table, mut writer)) = bounded(image_bytes, || Table::open(Box::new(file), &options())) else {
        return;
    };
    bounded(image_bytes, || table_walk::read(&table));
    if flags & WRITE != 0 {
        let _ = change(&mut writer);
    }
}

fn options() -> TableOptions {
    TableOptions { file_bytes_max: TABLE_BYTES, headroom_pages: 4, instance_id: 42, seed: 5 }
}

/// The bytes as a table, in whole pages.
fn raw(bytes: &[u8]) -> Vec<u8> {
    let mut image = bytes[..bytes.len().min(TABLE_BYTES as usize)].to_vec();
    image.resize(image.len().next_multiple_of(PAGE_BYTES), 0);
    image
}

/// The small table with the patches of the input.
fn patched(mut input: Input<'_>) -> Vec<u8> {
    let mut image = base().to_vec();
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

/// Puts right the checksums of all pages, in the metas too.
fn put_right(image: &mut [u8]) {
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

/// Changes a table that may be anything: it is refused, or done.
fn change(writer: &mut TableWriter) -> Option<()> {
    let mut keys = Keyspace::new(writer, None);
    for number in [0_u32, 77, 500] {
        let (key, value) = (format!("key:{number:03}"), [b'n'; 300]);
        keys.apply(&Effect::Set {
            db: 0,
            key: key.as_bytes(),
            value: &value,
            expire_at_ms: None,
            raw: false,
        })
        .ok()?;
    }
    keys.apply(&Effect::Append { db: 0, key: b"long", value: b"more" }).ok()?;
    keys.apply(&Effect::Delete { db: 0, key: b"large hash", expired: false }).ok()?;
    writer.reclaim(16).ok()?;
    let frozen = writer.freeze();
    writer.publish(frozen);
    let durable = writer.begin_checkpoint(100, 100).run().ok()?;
    writer.end_checkpoint(durable);
    Some(())
}

/// A small table with everything in it: short and long strings and keys, deadlines, packed and large hashes and sets.
pub fn base() -> &'static [u8] {
    static BASE: OnceLock<Vec<u8>> = OnceLock::new();
    BASE.get_or_init(|| {
        let file = MemoryFile::new(TABLE_BYTES);
        let (table, mut writer) = Table::create(Box::new(file.clone()), &options()).expect("a new table");
        for payload in contents() {
            let mut keys = Keyspace::new(&mut writer, None);
            for effect in decode(&payload).expect("a payload").effects() {
                keys.apply(&effect).expect("it fits");
            }
        }
        let frozen = writer.freeze();
        writer.publish(frozen);
        let durable = writer.begin_checkpoint(7, 7).run().expect("a checkpoint");
        writer.end_checkpoint(durable);
        drop((table, writer));
        file.image()
    })
}

/// What is in the small table, as payloads of records.
pub fn contents() -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    let mut record = |effect: &Effect<'_>| {
        let (mut effects, mut payload) = (EffectBuffer::new(), Vec::new());
        effects.push(effect);
        effects.write(7, &mut payload);
        payloads.push(payload);
    };
    for number in 0..60_u64 {
        let (key, value) = (format!("key:{number:03}"), vec![b'v'; 20 + number as usize * 3]);
        let expire_at_ms = (number % 3 == 0).then_some(4_000_000_000_000 + number);
        record(&Effect::Set {
            db: 0,
            key: key.as_bytes(),
            value: &value,
            expire_at_ms,
            raw: number % 2 == 0,
        });
    }
    record(&Effect::Set { db: 0, key: b"long", value: &[b'l'; 9000], expire_at_ms: None, raw: false });
    record(&Effect::Set {
        db: 1,
        key: &[b'k'; 1500],
        value: b"of a long key",
        expire_at_ms: None,
        raw: false,
    });
    record(&Effect::Set {
        db: 1,
        key: &[b'k'; 1501],
        value: b"of a longer one",
        expire_at_ms: None,
        raw: false,
    });
    for (key, count) in [(&b"small"[..], 3), (&b"large"[..], 90)] {
        let (mut members, mut pairs, mut timed) =
            (ItemsBuffer::new(), ItemsBuffer::new(), ItemsBuffer::new());
        for number in 0..count {
            let name = format!("member:{number:04} with some text to make it long").into_bytes();
            members.push(&name);
            pairs.push(&name);
            pairs.push(&[b'p'; 40]);
            (number % 10 == 0).then(|| timed.push(&name));
        }
        let (set, hash) = ([key, b" set"].concat(), [key, b" hash"].concat());
        record(&Effect::SetAdd { db: 0, key: &set, members: members.items() });
        record(&Effect::HashSet { db: 0, key: &hash, pairs: pairs.items(), expire_at_ms: None });
        let expire_at_ms = Some(4_000_000_000_000);
        record(&Effect::HashExpire { db: 0, key: &hash, fields: timed.items(), expire_at_ms });
    }
    record(&Effect::SetRange { db: 0, key: b"sparse", offset: 20_000, value: b"end" });
    payloads
}
