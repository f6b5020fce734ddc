//! Pages that the kernel cannot read, on real files.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;

use super::*;

/// Keys of the table.
const KEYS: u32 = 20_000;

/// The value of a key.
fn value(key: u32) -> [u8; 40] {
    std::array::from_fn(|at| (key as usize * 31 + at) as u8)
}

/// A table on a real file, stopped after a checkpoint.
fn stopped_table(path: &std::path::Path) {
    drop(new_table(path));
}

/// A new table on a real file, after a checkpoint.
fn new_table(path: &std::path::Path) -> (Arc<Table>, TableWriter) {
    let file = MmapFile::create(path, 64 << 20).unwrap();
    let (table, mut writer) = Table::create(Box::new(file), &options()).unwrap();
    let mut root = Root::EMPTY;
    for key in 0..KEYS {
        writer.insert(&mut root, &key.to_be_bytes(), &value(key), &[]).unwrap();
    }
    writer.set_root(0, root);
    commit(&mut writer);
    checkpoint(&mut writer, 1);
    (table, writer)
}

fn open(path: &std::path::Path) -> (Arc<Table>, TableWriter) {
    Table::open(Box::new(MmapFile::open(path, 64 << 20).unwrap()), &options()).unwrap()
}

/// Looks up every key and returns how many are right and how many failed. None may be wrong.
fn look_up_all(table: &Table) -> (u32, u32) {
    let (mut right, mut refused) = (0, 0);
    for key in 0..KEYS {
        let faults = table.faults();
        let snapshot = table.snapshot();
        let outcome = snapshot.get(snapshot.root(0), &key.to_be_bytes());
        let outcome = outcome.map(|cell| cell.map(|cell| cell.bytes.to_vec()));
        if table.faults() != faults {
            refused += 1;
            continue;
        }
        match outcome {
            Ok(found) => {
                assert_eq!(found.as_deref(), Some(&value(key)[..]), "key {key}");
                right += 1;
            }
            Err(TableError::Corrupt { reason: CorruptReason::Unreadable, .. }) => refused += 1,
            Err(error) => panic!("key {key}: {error}"),
        }
    }
    (right, refused)
}

#[test]
fn a_file_that_is_cut_while_it_is_mapped_gives_errors_and_nothing_wrong() {
    for warm in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table");
        stopped_table(&path);
        let (table, mut writer) = open(&path);
        if warm {
            assert_eq!(look_up_all(&table), (KEYS, 0));
        }
        assert!(writer.check_file().is_ok());
        // The top page stays, and some of those below it.
        let cut = (table.snapshot().root(0).page + 20) * PAGE_BYTES as u64;
        OpenOptions::new().write(true).open(&path).unwrap().set_len(cut).unwrap();
        assert!(matches!(writer.check_file(), Err(TableError::Cut { bytes, .. }) if bytes == cut));
        let (right, refused) = look_up_all(&table);
        assert!(
            right > 1000 && refused > 1000 && right + refused == KEYS,
            "{right} right, {refused} refused"
        );
        assert!(table.faults() > 0 && unreadable_pages() >= table.faults());
        assert_eq!(look_up_all(&table), (right, refused), "the same the second time");
        // Writes to pages that the file no longer has are never reported as durable.
        let mut root = Root::EMPTY;
        for key in 0..KEYS {
            writer.insert(&mut root, &key.to_be_bytes(), &[1; 30], &[]).unwrap();
        }
        writer.set_root(2, root);
        commit(&mut writer);
        let error = writer.begin_checkpoint(2, 0).run().unwrap_err();
        let unreadable = matches!(error, TableError::Corrupt { reason: CorruptReason::Unreadable, .. });
        assert!(unreadable, "{error}");
    }
}

/// A `SIGBUS` outside of every table ends the process, as it would without the handler.
#[test]
fn another_fault_takes_the_default_action() {
    const CHILD: &str = "TABLE_TEST_FOREIGN_FAULT";
    if std::env::var_os(CHILD).is_some() {
        let folder = tempfile::tempdir().unwrap();
        stopped_table(&folder.path().join("table"));
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::BUS).unwrap();
        unreachable!("the signal is deadly");
    }
    let name = "table::tests::faults::another_fault_takes_the_default_action";
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--test-threads=1"])
        .env(CHILD, "1")
        .output()
        .unwrap()
        .status;
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(libc::SIGBUS), "{status}");
}

/// Runs one whole pass; returns pages read and the findings.
fn scrub_pass(table: &Table, slice: u64) -> (u64, Vec<Finding>) {
    let mut scrub = Scrub::new();
    let mut findings = Vec::new();
    for _ in 0..1_000_000 {
        let step = scrub.step(table, slice);
        findings.extend(step.findings);
        if step.ended {
            return (scrub.counts().0, findings);
        }
    }
    panic!("the pass does not end");
}

#[test]
fn the_scrub_reads_every_page_once_whatever_the_slices() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table");
    let mut model = sim::Model::new();
    let mut random = random(11);
    {
        let file = MmapFile::create(&path, 256 << 20).unwrap();
        let (_table, mut writer) = Table::create(Box::new(file), &options()).unwrap();
        (0..300).for_each(|_| sim::change(&mut writer, &mut model, &mut random).unwrap());
        while writer.reclaim(1000).unwrap() > 0 {}
        commit(&mut writer);
        checkpoint(&mut writer, 1);
    }
    let report = verify_path(&path, &mut |_| {}).unwrap();
    assert!(report.findings.is_empty() && report.pages_checked > 300, "{}", report.pages_checked);
    let (table, mut writer) = open(&path);
    for slice in [1, 3, 100_000] {
        let (pages, findings) = scrub_pass(&table, slice);
        assert_eq!((pages, &findings[..]), (report.pages_checked, &[][..]), "slices of {slice}");
    }
    // A writer that changes everything between the steps confuses no pass.
    let mut scrub = Scrub::new();
    let mut passes = 0;
    for number in 2..400 {
        let step = scrub.step(&table, 7);
        assert_eq!(step.findings, []);
        if step.ended {
            passes += 1;
            scrub.restart();
        }
        sim::change(&mut writer, &mut model, &mut random).unwrap();
        commit(&mut writer);
        if number % 5 == 0 {
            checkpoint(&mut writer, number);
        }
    }
    assert!(passes >= 1, "{passes} passes");
}

#[test]
fn the_scrub_finds_every_damaged_page_and_has_it_checked_again_before_use() {
    let folder = tempfile::tempdir().unwrap();
    // Pages of an earlier run, and pages that were written since the start.
    let path = folder.path().join("earlier");
    stopped_table(&path);
    let (table, writer) = open(&path);
    assert_damage_is_found(&path, &table);
    drop((table, writer));
    let path = folder.path().join("new");
    let (table, _writer) = new_table(&path);
    assert_damage_is_found(&path, &table);
}

/// Damages a leaf on the device and has the scrub find it.
fn assert_damage_is_found(path: &std::path::Path, table: &Table) {
    assert_eq!(look_up_all(table), (KEYS, 0));
    let leaf = {
        let snapshot = table.snapshot();
        let mut pointer = snapshot.root(0);
        loop {
            let body = table.pages.get(pointer).unwrap();
            if node::is_leaf(body) {
                break pointer.page;
            }
            pointer = branch::pointer(body, 1);
        }
    };
    let at = leaf * PAGE_BYTES as u64 + 3000;
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 8], at).unwrap();
    let (_, findings) = scrub_pass(table, 10);
    let [found] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!((found.page, found.slot, found.nested), (leaf, Some(0), false));
    assert!(found.from_key.is_some() && found.to_key.is_some() && found.from_key < found.to_key);
    assert_eq!(table.damage(), findings);
    let range = |key: u32| {
        let key = Some(key.to_be_bytes().to_vec());
        key >= found.from_key && key < found.to_key
    };
    // The page was good at its first use. From now on nothing is read from it.
    let snapshot = table.snapshot();
    for key in 0..KEYS {
        match snapshot.get(snapshot.root(0), &key.to_be_bytes()) {
            Ok(Some(cell)) => assert!(!range(key) && cell.bytes == value(key)),
            Err(TableError::Corrupt { page, .. }) => assert!(range(key) && page == leaf, "key {key}"),
            other => panic!("key {key}: {:?}", other.is_ok()),
        }
    }
    file.write_all_at(&byte, at).unwrap();
    let began = std::time::Instant::now();
    assert_eq!(scrub_pass(table, 10).1, []);
    table.forget_damage(began);
    assert_eq!(table.damage(), []);
    drop(snapshot);
    assert_eq!(look_up_all(table), (KEYS, 0), "the page is good again");
}

#[test]
fn a_roll_back_leaves_what_was_frozen_last_and_loses_no_page() {
    for seed in 0..10 * rounds() {
        eprintln!("seed {seed}");
        let mut random = random(seed);
        let (file, table, mut writer) = memory_table();
        let mut model = sim::Model::new();
        for group in 0..40 {
            let before = model.clone();
            let changes = random.random_range(1..12);
            (0..changes).for_each(|_| sim::change(&mut writer, &mut model, &mut random).unwrap());
            if random.random_range(0..3) == 0 {
                writer.roll_back();
                model = before;
                assert!(sim::read_all(&writer.view()).unwrap() == model, "group {group}");
                // The same generation goes on.
                (0..3).for_each(|_| sim::change(&mut writer, &mut model, &mut random).unwrap());
            }
            if random.random_range(0..4) == 0 {
                writer.reclaim(20).unwrap();
            }
            commit(&mut writer);
            assert!(sim::read_all(&table.snapshot()).unwrap() == model, "group {group}");
            if random.random_range(0..5) == 0 {
                checkpoint(&mut writer, group);
            }
        }
        checkpoint(&mut writer, 100);
        drop((table, writer));
        let report = verify(&file.image()[..], &mut |_| {}).unwrap();
        assert_eq!(report.findings, [], "seed {seed}");
    }
}
