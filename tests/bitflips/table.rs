//! Every bit of a table of 1 MiB.
//!
//! For each page a few bits are flipped with a complete start and a comparison of every key: that shows whether the page
//! is read by the start, by some key, or not at all. For each further bit the table is opened and, if a key needs the
//! page, that key is read. If the page's checksum makes one key fail, it makes all keys fail that need the page.

use std::sync::atomic::{AtomicU64, Ordering};

use ackd::keyspace::{KeyReader, Keyspace, KeyspaceError, Lookups};
use ackd::recovery::RecoveryError;
use ackd::table::{META_BYTES, MemoryFile, PAGE_BYTES, Table, TableError, verify};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::common::seed;
use super::data::{DataSet, Outcome, TABLE_BYTES, full_table, start, table_options};
use super::{Tally, in_parallel, is_in_part, takes_all};

/// Bits of a page.
const PAGE_BITS: u64 = PAGE_BYTES as u64 * 8;
/// Bits of a page that are flipped with a comparison of every key.
const WHOLE: usize = 3;
/// Bits of a page that the short form flips besides.
const SAMPLE: usize = 20;

/// Who reads a page.
enum Probe {
    /// The start itself.
    Open,
    /// A lookup of this key.
    Key(usize, Vec<u8>),
    /// A read of the expiration times.
    Expiries,
    /// Nobody: it is not in use.
    Nobody,
}

impl Probe {
    /// Finds out, with the page damaged in `image`.
    fn of(image: &[u8], page: u64, set: &DataSet) -> Result<Probe, String> {
        let file = MemoryFile::from_image(image, TABLE_BYTES);
        let (table, mut writer) = match Table::open(Box::new(file), &table_options()) {
            Ok(opened) => opened,
            Err(TableError::Corrupt { page: named, .. }) if named == page => return Ok(Probe::Open),
            Err(error) => return Err(error.to_string()),
        };
        for (db, keys) in set.contents.iter().enumerate() {
            for key in keys.keys() {
                if is_named(read(&table, db, key), page) {
                    return Ok(Probe::Key(db, key.clone()));
                }
            }
        }
        let due = Keyspace::new(&mut writer, None).due(u64::MAX, usize::MAX);
        if is_named(due.map(drop), page) {
            return Ok(Probe::Expiries);
        }
        Ok(Probe::Nobody)
    }

    /// Whether the damage is reported, or nobody reads the page.
    fn holds(&self, file: &MemoryFile, page: u64) -> bool {
        match (self, Table::open(Box::new(file.clone()), &table_options())) {
            (Probe::Open, Err(TableError::Corrupt { page: named, .. })) => named == page,
            (Probe::Key(db, key), Ok((table, _writer))) => is_named(read(&table, *db, key), page),
            (Probe::Expiries, Ok((_table, mut writer))) => {
                is_named(Keyspace::new(&mut writer, None).due(u64::MAX, usize::MAX).map(drop), page)
            }
            (Probe::Nobody, Ok(_)) => true,
            _ => false,
        }
    }
}

/// Reads the whole value of a key.
fn read(table: &Table, db: usize, key: &[u8]) -> Result<(), KeyspaceError> {
    let snapshot = table.snapshot();
    let mut lookups = Lookups::default();
    if let Some(value) = KeyReader::new(&snapshot, 0, &mut lookups).peek(db, key)?
        && let Some(text) = value.text()?
    {
        text.to_contiguous(&snapshot)?;
    }
    Ok(())
}

/// Whether a page was named as the bad one.
fn is_named(outcome: Result<(), KeyspaceError>, page: u64) -> bool {
    matches!(outcome, Err(KeyspaceError::Table(TableError::Corrupt { page: named, .. })) if named == page)
}

/// Counts the outcome of a start with a comparison of every key.
fn count(tally: &mut Tally, outcome: Outcome, what: impl Fn() -> String) {
    tally.cases += 1;
    match outcome {
        Outcome::Same => tally.same += 1,
        Outcome::Refused(RecoveryError::Log(error)) => panic!("{}: {error}", what()),
        Outcome::Refused(_) | Outcome::Partly(_) => tally.refused += 1,
        Outcome::Silent(wrong) => {
            eprintln!("{}: {wrong}", what());
            tally.silent += 1;
        }
        Outcome::Crashed => tally.crashed += 1,
    }
}

/// Flips bits of one page.
fn sweep_page(set: &DataSet, page: u64, random: &mut SmallRng) -> Tally {
    let mut tally = Tally::default();
    let first = page * PAGE_BITS;
    let mut image = set.table.clone();
    let flip = |image: &mut Vec<u8>, bit: u64| image[(bit / 8) as usize] ^= 1 << (bit % 8);
    let mut probe = None;
    for _ in 0..WHOLE {
        let bit = first + random.random_range(0..PAGE_BITS);
        flip(&mut image, bit);
        let outcome = start(&set.log, &image, &set.contents);
        if let Outcome::Partly(pages) = &outcome {
            assert_eq!(pages, &[page], "one page is bad");
        }
        let found = probe.get_or_insert_with(|| Probe::of(&image, page, set).expect("a bad page or none"));
        let report = verify(&image[..], &mut |_| {});
        let named = report.is_ok_and(|report| report.findings.iter().any(|found| found.page == page));
        // Verification reads more: dropped trees whose pages are not freed yet.
        assert!(named || matches!(found, Probe::Nobody), "page {page}: verification names what is in use");
        count(&mut tally, outcome, || format!("bit {bit}"));
        flip(&mut image, bit);
    }
    let probe = probe.expect("a bit was flipped");
    let file = MemoryFile::from_image(&image, TABLE_BYTES);
    let bits = if takes_all() { PAGE_BITS as usize } else { SAMPLE };
    for number in 0..bits {
        let bit = first + if takes_all() { number as u64 } else { random.random_range(0..PAGE_BITS) };
        file.flip(bit);
        tally.cases += 1;
        if !probe.holds(&file, page) {
            eprintln!("bit {bit} of page {page}");
            tally.silent += 1;
        } else if matches!(probe, Probe::Nobody) {
            tally.same += 1;
        } else {
            tally.refused += 1;
        }
        file.flip(bit);
    }
    tally
}

/// Flips bits of the two meta pages: recovery falls back to the former checkpoint, if the log still reaches it.
fn sweep_metas(set: &DataSet, random: &mut SmallRng) -> Tally {
    let mut tally = Tally::default();
    let step = if takes_all() { 1 } else { 61 };
    let mut image = set.table.clone();
    for slot in 0..2 {
        for bit in (random.random_range(0..step)..PAGE_BITS).step_by(step as usize) {
            // The bytes after the meta are never read: a sample is enough.
            if bit >= META_BYTES as u64 * 8 && bit % 97 != 0 {
                continue;
            }
            let bit = slot * PAGE_BITS + bit;
            image[(bit / 8) as usize] ^= 1 << (bit % 8);
            count(&mut tally, start(&set.log, &image, &set.contents), || format!("bit {bit}"));
            image[(bit / 8) as usize] ^= 1 << (bit % 8);
        }
    }
    tally
}

#[test]
fn a_flipped_bit_of_the_table_is_named_or_in_a_page_not_in_use() {
    let seed = seed("--test bitflips a_flipped_bit_of_the_table");
    let set = full_table(0);
    {
        let file = MemoryFile::from_image(&set.table, TABLE_BYTES);
        assert!(Table::open(Box::new(file), &table_options()).is_ok());
        assert!(matches!(start(&set.log, &set.table, &set.contents), Outcome::Same));
    }
    let next = AtomicU64::new(2);
    let pages = TABLE_BYTES / PAGE_BYTES as u64;
    let tally = in_parallel(|_, _| {
        let mut tally = Tally::default();
        loop {
            let page = next.fetch_add(1, Ordering::Relaxed);
            if page >= pages {
                return tally;
            }
            if !is_in_part(page) {
                continue;
            }
            tally.add(sweep_page(&set, page, &mut SmallRng::seed_from_u64(seed.wrapping_add(page))));
        }
    });
    tally.check("bits of a table of 1 MiB");
    assert!(tally.refused > tally.same, "most pages are in use");
}

#[test]
fn a_flipped_bit_of_a_meta_page_leads_to_the_same_keys_or_a_refusal() {
    let seed = seed("--test bitflips a_flipped_bit_of_a_meta_page");
    for keep_bytes in [0, 1 << 30] {
        let set = full_table(keep_bytes);
        let tally = sweep_metas(&set, &mut SmallRng::seed_from_u64(seed));
        tally.check(if keep_bytes == 0 {
            "bits of the meta pages"
        } else {
            "bits of the meta pages, log kept"
        });
    }
    // The comparison itself must notice one wrong byte.
    let mut set = full_table(0);
    set.contents[0].values_mut().next().expect("a key").0.push(0);
    assert!(matches!(start(&set.log, &set.table, &set.contents), Outcome::Silent(_)));
}
