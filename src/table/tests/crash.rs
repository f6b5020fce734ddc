//! Power cuts: whatever part of the unsynced writes reached the disk, the table opens at its last durable checkpoint
//! or at the one that was being written, and holds exactly what the model held then.

use std::{collections::BTreeMap, io::ErrorKind};

use super::{
    sim::{Model, assert_sound, change, read_all},
    *,
};

const BYTES_MAX: u64 = 64 << 20;

/// Options with which the file shrinks as soon as its end is free.
fn tight() -> TableOptions {
    TableOptions { slack_pages: 4, ..options() }
}

/// A history that a crash interrupts.
struct History {
    /// The models of all checkpoints that were begun, by LSN.
    models: BTreeMap<u64, Model>,
    /// LSN of the newest checkpoint that is known to be durable.
    durable: u64,
    /// How often the file became shorter.
    cuts: u32,
}

/// Runs groups and checkpoints until an operation of the file fails or `groups` groups are done. The writer goes on
/// between the begin and the run of each checkpoint, while readers hold versions.
fn run(
    file: &MemoryFile,
    history: &mut History,
    random: &mut SmallRng,
    groups: u32,
) -> Result<(), TableError> {
    let (table, mut writer) = Table::open(Box::new(file.clone()), &tight())?;
    let mut model = history.models[&table.applied_lsn()].clone();
    let mut held = Vec::new();
    let mut waiting: Option<Checkpoint> = None;
    for _ in 0..groups {
        for _ in 0..random.random_range(0..12) {
            change(&mut writer, &mut model, random)?;
        }
        commit(&mut writer);
        if random.random_range(0..3) == 0 {
            held.push((table.snapshot(), model.clone()));
        }
        if held.len() > 3 {
            let (snapshot, model) = held.swap_remove(random.random_range(0..3));
            assert!(read_all(&snapshot)? == model, "a snapshot changed");
        }
        if let Some(checkpoint) = waiting.take_if(|_| random.random_range(0..2) == 0) {
            let before = file.bytes().unwrap();
            let durable = checkpoint.run()?;
            history.cuts += u32::from(file.bytes().unwrap() < before);
            history.durable = durable.lsn();
            writer.end_checkpoint(durable);
        } else if waiting.is_none() && random.random_range(0..3) == 0 {
            let lsn = history.models.keys().last().map_or(1, |last| last + 1);
            history.models.insert(lsn, model.clone());
            writer.move_down()?;
            commit(&mut writer);
            waiting = Some(writer.begin_checkpoint(lsn, 0));
        }
    }
    Ok(())
}

/// Opens the image that a crash left and compares it with the model of the checkpoint that it claims to be.
fn assert_survived(image: &[u8], history: &mut History) -> MemoryFile {
    let file = MemoryFile::from_image(image, BYTES_MAX);
    let (table, writer) = Table::open(Box::new(file.clone()), &tight()).unwrap();
    let lsn = table.applied_lsn();
    assert!(lsn >= history.durable, "checkpoint {} was durable, {lsn} came back", history.durable);
    assert!(read_all(&table.snapshot()).unwrap() == history.models[&lsn]);
    drop((table, writer));
    assert_sound(image);
    history.models.retain(|other, _| *other <= lsn);
    history.durable = lsn;
    file
}

/// A new table whose only checkpoint is empty.
fn new_history() -> (MemoryFile, History) {
    let file = MemoryFile::new(BYTES_MAX);
    drop(Table::create(Box::new(file.clone()), &options()).unwrap());
    (file, History { models: BTreeMap::from([(0, Model::new())]), durable: 0, cuts: 0 })
}

#[test]
fn a_crash_anywhere_leaves_the_old_or_the_new_checkpoint() {
    let mut cuts = 0;
    for seed in 0..8 * rounds() {
        let mut random = random(seed);
        let (mut file, mut history) = new_history();
        for crash in 0..6 {
            eprintln!("seed {seed}, crash {crash}");
            let outcome = run(&file, &mut history, &mut random, 30);
            outcome.unwrap();
            let image = file.crash(random.random());
            file = assert_survived(&image, &mut history);
        }
        cuts += history.cuts;
    }
    assert!(cuts > 10, "{cuts}");
}

#[test]
fn a_failure_of_any_operation_of_the_file_leaves_the_old_or_the_new_checkpoint() {
    let mut failures = 0;
    for operation in 0..60 {
        for seed in 0..rounds() {
            eprintln!("operation {operation}, seed {seed}");
            let mut random = random(1000 + seed);
            let (file, mut history) = new_history();
            file.fail_at(file.operations() + operation, ErrorKind::Other);
            match run(&file, &mut history, &mut random, 40) {
                Ok(()) => {}
                Err(TableError::Io { .. } | TableError::NoMeta { .. }) => failures += 1,
                Err(error) => panic!("{error}"),
            }
            for crash in 0..3 {
                let image = file.crash(seed * 100 + crash);
                let mut history = History { models: history.models.clone(), ..history };
                assert_survived(&image, &mut history);
            }
        }
    }
    assert!(failures > 30, "{failures}");
}

/// A process that is killed leaves a meta in the page cache. Once the next one has opened the table with it, and reuses
/// pages of the checkpoint before, a power cut must not bring that one back.
#[test]
fn a_meta_that_a_killed_process_left_is_durable_once_the_table_is_open() {
    let mut found = 0;
    for operation in 0..60 {
        eprintln!("operation {operation}");
        let mut random = random(2000 + operation);
        let (file, mut history) = new_history();
        file.fail_at(file.operations() + operation, ErrorKind::Other);
        if run(&file, &mut history, &mut random, 40).is_ok() {
            continue;
        }
        file.fail_at(u64::MAX, ErrorKind::Other);
        let lsn = Table::open(Box::new(file.clone()), &tight()).unwrap().0.applied_lsn();
        found += u32::from(lsn > history.durable);
        history.models.retain(|other, _| *other <= lsn);
        history.durable = lsn;
        run(&file, &mut history, &mut random, 6).unwrap();
        for crash in 0..6 {
            let image = file.crash(operation * 100 + crash);
            let mut history = History { models: history.models.clone(), ..history };
            assert_survived(&image, &mut history);
        }
    }
    assert!(found > 5, "{found} metas were left in memory only");
}

#[test]
fn a_table_that_was_never_finished_is_refused() {
    for operation in 0..5 {
        let file = MemoryFile::new(BYTES_MAX);
        file.fail_at(operation, ErrorKind::Other);
        assert!(Table::create(Box::new(file.clone()), &options()).is_err());
        for seed in 0..20 {
            let file = MemoryFile::from_image(&file.crash(seed), BYTES_MAX);
            let opened = Table::open(Box::new(file), &options());
            assert!(opened.is_err() || operation > 2);
        }
    }
}

#[test]
fn a_reopened_file_on_a_disk_holds_its_checkpoint() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("table");
    let mut model = Model::new();
    let mut random = random(5);
    let create = |path| MmapFile::create(path, 1 << 32).unwrap();
    let (table, mut writer) = Table::create(Box::new(create(&path)), &options()).unwrap();
    assert!(MmapFile::open(&path, 1 << 32).is_err(), "the file is locked");
    writer.checkpoints.epoch = 3;
    (0..300).for_each(|_| change(&mut writer, &mut model, &mut random).unwrap());
    commit(&mut writer);
    let durable = writer.begin_checkpoint(77, 1234).run().unwrap();
    writer.end_checkpoint(durable);
    let mut lost = model.clone();
    (0..100).for_each(|_| change(&mut writer, &mut lost, &mut random).unwrap());
    commit(&mut writer);
    assert!(verify_path(&path, &mut |_| {}).unwrap().findings.is_empty());
    drop((table, writer));

    let (table, writer) = Table::open(Box::new(MmapFile::open(&path, 1 << 32).unwrap()), &options()).unwrap();
    assert_eq!((table.applied_lsn(), table.wall_ms(), table.epoch(), table.instance_id()), (77, 1234, 3, 42));
    assert!(read_all(&table.snapshot()).unwrap() == model);
    assert!(read_all(&writer.view()).unwrap() == model);
    let report = verify_path(&path, &mut |_| {}).unwrap();
    assert_eq!((report.findings.len(), report.keys[0]), (0, model.len() as u64));
}
