//! Damaged files: every flipped bit is found and reported.

use super::{
    sim::{Model, change, read_all},
    *,
};
use crate::table::page::{BODY_BYTES, Body};

/// The image of a small table with long keys and nested trees, after two checkpoints, and the model of each.
fn small_table() -> (Vec<u8>, [Model; 2]) {
    let mut random = random(3);
    let (file, table, mut writer) = memory_table();
    let mut model = Model::new();
    (0..40).for_each(|_| change(&mut writer, &mut model, &mut random).unwrap());
    commit(&mut writer);
    checkpoint(&mut writer, 1);
    let former = model.clone();
    (0..20).for_each(|_| change(&mut writer, &mut model, &mut random).unwrap());
    commit(&mut writer);
    checkpoint(&mut writer, 2);
    drop((table, writer));
    (file.image(), [former, model])
}

/// Opens an image and reads all of it.
fn open_and_read(image: &[u8]) -> Result<(u64, Model), TableError> {
    let file = MemoryFile::from_image(image, image.len() as u64);
    let (table, _writer) = Table::open(Box::new(file), &options())?;
    let model = read_all(&table.snapshot())?;
    Ok((table.applied_lsn(), model))
}

/// The page numbers that the newest checkpoint uses, without the metas.
fn reachable(image: &[u8]) -> Vec<usize> {
    // A flipped bit in an unused page changes nothing, so the used ones are found by verifying.
    let pages = 2..image.len() / PAGE_BYTES;
    let used = |page: &usize| {
        let mut damaged = image.to_vec();
        damaged[page * PAGE_BYTES + 100] ^= 1;
        verify(&damaged[..], &mut |_| {}).unwrap().findings.iter().any(|found| found.page == *page as u64)
    };
    pages.filter(used).collect()
}

#[test]
fn every_flipped_bit_of_every_used_page_is_found() {
    let (image, [_, model]) = small_table();
    let pages = reachable(&image);
    assert!(pages.len() > 50, "{} pages", pages.len());
    let mut kinds = Vec::new();
    for page in &pages {
        let bytes: &[u8; PAGE_BYTES] = image[page * PAGE_BYTES..].first_chunk().unwrap();
        let (body, stored) = bytes.split_first_chunk::<BODY_BYTES>().unwrap();
        let stored = u32::from_le_bytes(stored.try_into().unwrap());
        let pointer = Root { page: *page as u64, generation: page::generation(body), count: 0 };
        assert_eq!(pages::check(body, stored, pointer), Ok(()));
        let mut damaged: Body = *body;
        // All bits of one page of each kind, and some bits of the others; more rounds check more bits.
        let known = kinds.contains(&page::kind(body));
        kinds.push(page::kind(body));
        let step = if known { (29 / rounds() as usize).max(1) } else { 1 };
        for bit in (0..BODY_BYTES * 8).step_by(step) {
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(pages::check(&damaged, stored, pointer).is_err(), "page {page}, bit {bit}");
            damaged[bit / 8] ^= 1 << (bit % 8);
        }
        for bit in 0..32 {
            assert!(pages::check(body, stored ^ 1 << bit, pointer).is_err());
        }
    }
    assert!(
        [page::LEAF, page::BRANCH, page::CATALOGUE, page::MAP, page::MAP_INDEX]
            .iter()
            .all(|kind| kinds.contains(kind))
    );
    // The same through `Table::open`, for a sample of bits.
    let mut image = image;
    for (number, page) in pages.iter().enumerate() {
        for bit in [number * 37, (number * 211 + 9000) % (PAGE_BYTES * 8), PAGE_BYTES * 8 - 1 - number] {
            image[page * PAGE_BYTES + bit / 8] ^= 1 << (bit % 8);
            let report = verify(&image[..], &mut |_| {}).unwrap();
            assert!(report.findings.iter().any(|found| found.page == *page as u64), "page {page}, bit {bit}");
            match open_and_read(&image) {
                Err(TableError::Corrupt { page: found, .. }) => assert_eq!(found, *page as u64),
                Ok((2, read)) => {
                    assert!(read == model, "page {page} is in use by the queue of dropped trees alone")
                }
                other => panic!("page {page}, bit {bit}: {other:?}"),
            }
            image[page * PAGE_BYTES + bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn a_flipped_bit_in_a_meta_leaves_a_former_checkpoint_or_an_error() {
    let (mut image, [former, newest]) = small_table();
    for slot in 0..2 {
        for bit in (0..META_BYTES * 8).step_by(3) {
            let at = slot * PAGE_BYTES + bit / 8;
            image[at] ^= 1 << (bit % 8);
            match open_and_read(&image) {
                Ok((1, read)) => assert!(read == former),
                Ok((2, read)) => assert!(read == newest),
                Ok((lsn, _)) => panic!("checkpoint {lsn} came back"),
                Err(TableError::Corrupt { .. }) => {}
                Err(error) => panic!("{error}"),
            }
            image[at] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn lost_stale_swapped_and_blank_pages_are_found() {
    let (image, _) = small_table();
    let pages = reachable(&image);
    let page = |image: &[u8], number: usize| image[number * PAGE_BYTES..][..PAGE_BYTES].to_vec();
    for (index, target) in pages.iter().enumerate() {
        let other = pages[(index + 7) % pages.len()];
        for content in [vec![0; PAGE_BYTES], vec![0xff; PAGE_BYTES], page(&image, other)] {
            let mut damaged = image.clone();
            damaged[target * PAGE_BYTES..][..PAGE_BYTES].copy_from_slice(&content);
            let report = verify(&damaged[..], &mut |_| {}).unwrap();
            assert!(report.findings.iter().any(|found| found.page == *target as u64), "page {target}");
        }
    }
}

#[test]
fn a_stale_page_of_a_former_checkpoint_is_found_by_its_generation() {
    let (file, table, mut writer) = memory_table();
    let mut root = Root::EMPTY;
    writer.insert(&mut root, b"k", b"old", &[]).unwrap();
    writer.set_root(0, root);
    let place = root.page as usize * PAGE_BYTES;
    commit(&mut writer);
    checkpoint(&mut writer, 1);
    let mut number = 2;
    // Until the page is used again for the same tree.
    loop {
        let mut root = writer.root(0);
        writer.insert(&mut root, b"k", b"new", &[]).unwrap();
        writer.set_root(0, root);
        commit(&mut writer);
        checkpoint(&mut writer, number);
        number += 1;
        if writer.root(0).page as usize * PAGE_BYTES == place {
            break;
        }
    }
    let stale_generation = root.generation;
    drop((table, writer));
    let mut image = file.image();
    // A valid page of an earlier write, with checksum and number.
    let (bytes, _) = image[place..].split_first_chunk_mut::<PAGE_BYTES>().unwrap();
    let (body, checksum) = bytes.split_first_chunk_mut::<BODY_BYTES>().unwrap();
    page::set_identity(body, (place / PAGE_BYTES) as u64, stale_generation);
    checksum.copy_from_slice(&page::checksum(body).to_le_bytes());
    let error = open_and_read(&image).unwrap_err();
    assert!(matches!(error, TableError::Corrupt { reason: CorruptReason::Generation { .. }, .. }), "{error}");
}

#[test]
fn verification_names_the_keys_of_a_bad_leaf() {
    let (file, table, mut writer) = memory_table();
    let mut root = Root::EMPTY;
    for key in 0..1000_u32 {
        writer.insert(&mut root, format!("key:{key:04}").as_bytes(), &[1; 100], &[]).unwrap();
    }
    writer.set_root(5, root);
    commit(&mut writer);
    checkpoint(&mut writer, 1);
    let top = root.page as usize;
    drop((table, writer));
    let mut image = file.image();
    let body: &Body = image[top * PAGE_BYTES..].first_chunk().unwrap();
    let leaf = branch::pointer(body, 3).page as usize;
    image[leaf * PAGE_BYTES + 2000] ^= 4;
    let mut told = 0;
    let report = verify(&image[..], &mut |progress| told += progress.pages_checked).unwrap();
    let [found] = &report.findings[..] else { panic!("{:?}", report.findings) };
    assert_eq!((found.page, found.slot, found.nested), (leaf as u64, Some(5), false));
    assert!(matches!(found.reason, CorruptReason::Checksum { .. }));
    let (from, to) = (found.from_key.as_deref().unwrap(), found.to_key.as_deref().unwrap());
    assert!(from.starts_with(b"key:0") && to.starts_with(b"key:0") && from < to);
    assert!(told > 0);
}

#[test]
fn a_root_of_a_version_that_is_gone_is_refused() {
    let (_file, _table, mut writer) = memory_table();
    let mut root = Root::EMPTY;
    writer.insert(&mut root, b"k", b"", &[]).unwrap();
    let gone = root;
    writer.set_root(0, root);
    commit(&mut writer);
    checkpoint(&mut writer, 1);
    for number in 2..600_u64 {
        writer.insert(&mut root, &number.to_be_bytes(), &[1; 100], &[]).unwrap();
        writer.set_root(0, root);
        commit(&mut writer);
        checkpoint(&mut writer, number);
    }
    let error = writer.view().get(gone, b"k").unwrap_err();
    assert!(matches!(error, TableError::Corrupt { reason: CorruptReason::Generation { .. }, .. }), "{error}");
}

/// A file that a running server changes after some reads.
struct Moving {
    /// What it holds before and after.
    images: [Vec<u8>; 2],
    /// Reads until it changes.
    reads_left: std::cell::Cell<u32>,
}

impl PageSource for Moving {
    fn pages(&self) -> std::io::Result<u64> {
        self.images[0].pages()
    }

    fn read_page(&self, page: u64, out: &mut [u8; PAGE_BYTES]) -> std::io::Result<()> {
        let left = self.reads_left.get();
        self.reads_left.set(left.saturating_sub(1));
        self.images[usize::from(left == 0)].read_page(page, out)
    }
}

#[test]
fn verification_starts_again_when_a_server_overtakes_it() {
    let (file, table, mut writer) = memory_table();
    let write = |writer: &mut TableWriter, number: u64| {
        let mut root = writer.root(0);
        for key in 0..500_u32 {
            writer.insert(&mut root, &key.to_be_bytes(), &[number as u8; 50], &[]).unwrap();
        }
        writer.set_root(0, root);
        commit(writer);
        checkpoint(writer, number);
    };
    write(&mut writer, 1);
    drop((table, writer));
    let early = file.image();
    let (table, mut writer) = Table::open(Box::new(file.clone()), &options()).unwrap();
    (2..6).for_each(|number| write(&mut writer, number));
    drop((table, writer));
    let late = file.image();
    let mut restarts = 0;
    for reads in 0..20 {
        let images = [early.clone(), late.clone()];
        let moving = Moving { images, reads_left: std::cell::Cell::new(reads) };
        let report = verify(&moving, &mut |_| {}).unwrap();
        assert!(report.findings.is_empty(), "after {reads} reads: {:?}", report.findings);
        restarts += report.restarts;
    }
    assert!(restarts > 5);
}
