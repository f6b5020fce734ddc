//! Files that do not belong together, and lost files: the inspector finds whatever the server refuses, and after a repair
//! the server starts.
//!
//! The cases are those of the server's own test. `ACKD_MIXTURES` sets the number of histories, `ACKD_MIXTURES_SEED` the
//! first seed.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use wal::MemoryStorage;

use crate::cases::{Case, History};
use crate::common::{Ran, command};
use crate::life::start;

/// Histories without `ACKD_MIXTURES`.
const HISTORIES: u64 = 2;

/// A number from the environment.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// The files of a case in a data directory.
fn place(case: &Case) -> TempDir {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("wal")).unwrap();
    for name in case.log.names() {
        fs::write(dir.path().join("wal").join(&name), case.log.contents(&name).unwrap()).unwrap();
    }
    fs::write(dir.path().join("table.ackd"), &case.table).unwrap();
    dir
}

/// Whether a server starts on a data directory.
fn starts(dir: &Path) -> Result<(), String> {
    let log = MemoryStorage::new();
    for entry in fs::read_dir(dir.join("wal")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        log.set_contents(&name, fs::read(&path).unwrap());
    }
    start(&log, &fs::read(dir.join("table.ackd")).unwrap()).map(|_| ()).map_err(|error| error.to_string())
}

/// Runs the inspector on a data directory.
fn run(dir: &Path, words: &[&str]) -> Ran {
    Ran::of(command().args(words).arg(dir))
}

/// Repairs a data directory as the server advises, and checks that the server starts.
fn trim(dir: &Path, name: &str) {
    let mode = "--trim-tail";
    let plan = run(dir, &["repair", mode, "--format", "jsonl"]);
    assert_eq!(plan.code, 2, "{name}: {}{}", plan.text(), plan.err);
    let objects = plan.objects();
    let lost = objects.iter().find(|line| line["kind"] == "plan").expect("a plan")["lost"].to_string();
    let lost = lost.trim_matches('"');
    let repaired = run(dir, &["repair", mode, "--apply", "--yes-i-lose", lost]);
    assert_eq!(repaired.code, 0, "{name}: {mode}: {}{}", repaired.text(), repaired.err);
    let after = run(dir, &["verify", "--table"]);
    assert_eq!(after.code, 0, "{name}: after the repair: {}{}", after.text(), after.err);
    if let Err(error) = starts(dir) {
        panic!("{name}: no start after the repair: {error}");
    }
}

/// Checks one case as a user would whose server does not start. Returns whether the server refused it.
fn case(case: &Case) -> bool {
    let dir = place(case);
    let Err(said) = starts(dir.path()) else { return false };
    let name = format!("{}: {said}", case.name);
    let verified = run(dir.path(), &["verify", "--table"]);
    assert_eq!(verified.code, 2, "{name}: verify: {}{}", verified.text(), verified.err);
    let diagnosed = run(dir.path(), &["repair"]);
    assert_eq!(diagnosed.code, 2, "{name}: repair: {}{}", diagnosed.text(), diagnosed.err);
    trim(dir.path(), &name);
    true
}

#[test]
fn what_a_start_refuses_is_explained_and_can_be_repaired() {
    let (first, count) = (setting("ACKD_MIXTURES_SEED", 1), setting("ACKD_MIXTURES", HISTORIES));
    let (mut refused, mut cases) = (0, 0);
    for seed in first..first + count {
        let history = History::new(seed);
        let all = [history.mixtures(), history.losses(), vec![history.without_log()]];
        for one in all.iter().flatten() {
            cases += 1;
            refused += u64::from(case(one));
        }
    }
    eprintln!("explained: {refused} refusals of {cases} cases from seed {first} on");
    assert!(refused > cases / 2);
}

#[test]
fn a_log_directory_that_is_not_there_is_a_finding() {
    let case = History::new(1).without_log();
    let dir = place(&case);
    fs::remove_dir(dir.path().join("wal")).unwrap();
    let verified = run(dir.path(), &["verify"]);
    assert_eq!(verified.code, 2, "{}{}", verified.text(), verified.err);
    assert!(verified.text().contains("the log is missing"), "{}", verified.text());
    assert!(!dir.path().join("wal").exists());
    // What the server advises if its directory was removed and it saved the table.
    trim(dir.path(), "a table alone");
}
