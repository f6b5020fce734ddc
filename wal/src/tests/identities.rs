//! Files that somebody removes or replaces under a running log, in a real directory.

use std::fs;
use std::path::{Path, PathBuf};

use super::{append, options, payload, recover};
use crate::looks::LOOKS_FOR_ALL;
use crate::{DirStorage, LocalLog, Log, LogError, LogOptions, Storage, segment_name};

/// A log of several segments with spares, and its directory.
fn log(folder: &Path) -> (LocalLog<DirStorage>, Vec<PathBuf>) {
    let storage = DirStorage::create(folder.join("wal")).unwrap();
    let options = LogOptions { spare_segments: 2, background: false, ..options() };
    let mut log = LocalLog::create(storage.clone(), options).unwrap();
    let mut number = 0;
    while log.status().files.expect("segments").segments < 4 {
        number += 1;
        append(&mut log, &[&payload(number, 2000)], number);
    }
    log.look_at_files().unwrap();
    let active = log.status().files.expect("segments").active_segment;
    let mut names = storage.list().unwrap();
    names.sort();
    let position = names.iter().position(|name| *name == active).unwrap();
    assert!(position >= 3 && position + 1 < names.len(), "{names:?}");
    (log, names.iter().map(|name| folder.join("wal").join(name)).collect())
}

/// What the next check reports after `change` to file number `place` of all files.
fn told(place: impl Fn(usize) -> usize, change: impl Fn(&Path)) -> (String, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, paths) = log(folder.path());
    let path = paths[place(paths.len())].clone();
    change(&path);
    let error = log.look_at_files().expect_err("the change is seen");
    assert!(matches!(error, LogError::Displaced { .. }) && error.is_final(), "{error}");
    assert!(matches!(log.reserve(1), Err(LogError::Poisoned)), "nothing is taken any more");
    (error.to_string(), path)
}

#[test]
fn whatever_is_taken_away_is_named() {
    // The oldest segment, a closed one, the active one, a spare.
    let places: [fn(usize) -> usize; 4] = [|_| 0, |_| 1, |_| 3, |all| all - 1];
    for place in places {
        let (said, path) = told(place, |path| fs::remove_file(path).unwrap());
        assert!(said.contains(&format!("{} was removed", path.display())), "{said}");
        let (said, _) = told(place, |path| fs::rename(path, path.with_extension("old")).unwrap());
        assert!(said.contains("renamed"), "{said}");
        let (said, path) = told(place, |path| {
            let copy = path.with_extension("copy");
            fs::copy(path, &copy).unwrap();
            fs::rename(copy, path).unwrap();
        });
        assert!(said.contains(&format!("{} was replaced", path.display())), "{said}");
    }
    for place in &places[..3] {
        let cut = |path: &Path| fs::File::options().write(true).open(path).unwrap().set_len(8192).unwrap();
        let (said, path) = told(place, cut);
        assert!(said.contains(&format!("{} was cut", path.display())), "{said}");
    }
}

#[test]
fn a_segment_that_a_replay_needs_is_missed_however_many_follow_it() {
    let folder = tempfile::tempdir().unwrap();
    let storage = DirStorage::create(folder.path().join("wal")).unwrap();
    let options = LogOptions { background: false, keep_bytes: 1 << 30, ..options() };
    let mut log = LocalLog::create(storage.clone(), options.clone()).unwrap();
    let (mut number, mut middle) = (0, 0);
    while log.status().files.expect("segments").segments < 200 {
        number += 1;
        middle = append(&mut log, &[&payload(number, 2000)], number).1 / 2;
    }
    let look_for_all =
        |log: &mut LocalLog<DirStorage>| (0..LOOKS_FOR_ALL).try_for_each(|_| log.look_at_files());
    look_for_all(&mut log).unwrap();
    let segment = |sequence| folder.path().join("wal").join(segment_name(sequence));
    fs::rename(segment(7), folder.path().join("elsewhere")).unwrap();
    let error = look_for_all(&mut log).expect_err("the change is seen");
    assert!(error.to_string().contains(&format!("{} was removed", segment(7).display())), "{error}");
    // What is behind a checkpoint is only history.
    drop(log);
    fs::rename(folder.path().join("elsewhere"), segment(7)).unwrap();
    let (_, mut log) = recover(&storage, &options);
    log.recycle_through(middle).unwrap();
    fs::remove_file(segment(7)).unwrap();
    look_for_all(&mut log).unwrap();
}

#[test]
fn a_segment_that_is_written_over_in_place_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, paths) = log(folder.path());
    log.look_at_header().unwrap();
    // As `cp` does: the same file with the bytes of another.
    fs::write(&paths[3], fs::read(&paths[0]).unwrap()).unwrap();
    log.look_at_files().expect("it is the same file");
    let said = log.look_at_header().unwrap_err().to_string();
    assert!(said.contains("was overwritten"), "{said}");
}

#[test]
fn what_the_log_does_to_its_own_files_is_no_change() {
    let folder = tempfile::tempdir().unwrap();
    let storage = DirStorage::create(folder.path().join("wal")).unwrap();
    let options = LogOptions { spare_segments: 2, ..options() };
    let mut log = LocalLog::create(storage, options).unwrap();
    for number in 1..=2000 {
        let (_, last) = append(&mut log, &[&payload(number, (number * 37 % 3000) as usize)], number);
        if number % 20 == 0 {
            log.recycle_through(last - 5).unwrap();
        }
        log.look_at_files().unwrap();
    }
    assert!(log.status().files.expect("segments").rotations > 20);
    let first = folder.path().join("wal").join(segment_name(1));
    assert!(!first.exists(), "segments were recycled");
}
