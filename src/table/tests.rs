//! Tests of the table as a whole: against a model, under readers, through crashes, with flipped bits.

mod ahead;
mod append;
mod crash;
mod damage;
mod faults;
mod model;
mod readers;
mod sim;
mod tail;
mod trails;
mod tree;

use rand::{Rng, SeedableRng, rngs::SmallRng};

use std::sync::Arc;

use super::*;

/// A table in memory that can grow to 256 MiB, always built the same way.
pub(super) fn memory_table() -> (MemoryFile, Arc<Table>, TableWriter) {
    let file = MemoryFile::new(256 << 20);
    let (table, writer) = Table::create(Box::new(file.clone()), &options()).unwrap();
    (file, table, writer)
}

/// Options without randomness.
pub(super) fn options() -> TableOptions {
    TableOptions { seed: 7, instance_id: 42, headroom_pages: 16, ..TableOptions::default() }
}

/// Freezes and publishes the generation.
pub(super) fn commit(writer: &mut TableWriter) {
    let frozen = writer.freeze();
    writer.publish(frozen);
}

/// Makes the published version durable.
pub(super) fn checkpoint(writer: &mut TableWriter, lsn: u64) {
    let durable = writer.begin_checkpoint(lsn, 0).run().unwrap();
    writer.end_checkpoint(durable);
}

/// Factor for the number of seeds of the random tests: `TABLE_TEST_ROUNDS`, 1 if it is not set.
pub(super) fn rounds() -> u64 {
    std::env::var("TABLE_TEST_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1)
}

/// Random numbers that depend on the seed alone.
pub(super) fn random(seed: u64) -> SmallRng {
    SmallRng::seed_from_u64(seed)
}

/// Keys of many shapes, from a space small enough for repeats: short ones, ones with long common prefixes, ones around
/// the length of a stem, and a few of the maximum length.
pub(super) fn any_key(random: &mut SmallRng) -> Vec<u8> {
    let number: u32 = random.random_range(0..400);
    match random.random_range(0..20) {
        0..4 => number.to_be_bytes()[2..].to_vec(),
        4 => vec![0; random.random_range(0..20)],
        5..11 => format!("user:{number:08}").into_bytes(),
        11..14 => [vec![b'p'; 300], number.to_be_bytes().to_vec()].concat(),
        14..16 => vec![random.random_range(b'a'..b'd'); random.random_range(690..711)],
        16..18 => {
            let mut key = vec![b'x'; 701 * random.random_range(1..4) + number as usize % 3];
            let place = random.random_range(0..key.len());
            key[place] = random.random_range(b'w'..b'z');
            key
        }
        18 if random.random_range(0..12) == 0 => vec![b'z'; KEY_BYTES_MAX - random.random_range(0..2)],
        18 => vec![b'z'; 1400 - random.random_range(0..2)],
        _ => (0..random.random_range(0..12)).map(|_| random.random_range(0..3)).collect(),
    }
}

/// Values of many lengths up to the limit.
pub(super) fn any_value(random: &mut SmallRng) -> Vec<u8> {
    let bytes = match random.random_range(0..10) {
        0 => 0,
        1..7 => random.random_range(0..100),
        7..9 => random.random_range(0..CELL_BYTES_MAX),
        _ => CELL_BYTES_MAX,
    };
    vec![random.random(); bytes]
}
