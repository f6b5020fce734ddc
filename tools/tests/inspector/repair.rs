//! Repairs of a damaged directory: the plan says what is lost, nothing is changed without consent, and the result
//! verifies, recovers and has the rest.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use ackd::keyspace::{Keyspace, keys_slot};
use ackd::recovery::{TableSource, recover};
use ackd::table::{MmapFile, Table, TableOptions};
use wal::{DirStorage, LogOptions};

use crate::common::{self, Data, Ran, golden, one, set};
use ackd::effect::{Effect, KeyChange, StringChange};

/// Virtual size of the mapping: small tables need little.
const BYTES_MAX: u64 = 64 << 20;
/// Identity of the tests' log, as a table has it.
const INSTANCE: u64 = u64::from_le_bytes(*b"inspecto");

/// All files below a directory.
fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(contents(&path));
        } else {
            files.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    files
}

/// A directory with `count` keys, each in its own group and with its own value, and a table whose checkpoint has the
/// first `checkpoint` of them.
pub fn keys(count: u64, checkpoint: u64) -> Data {
    let mut data = Data::with_instance(INSTANCE);
    let options =
        TableOptions { file_bytes_max: BYTES_MAX, seed: 7, instance_id: INSTANCE, ..TableOptions::default() };
    let file = MmapFile::create(&data.path().join("table.ackd"), BYTES_MAX).unwrap();
    let (_table, mut writer) = Table::create(Box::new(file), &options).unwrap();
    for number in 1..=count {
        let (key, value) = (format!("key:{number}"), format!("value:{number}"));
        let record = set(key.as_bytes(), value.as_bytes());
        if number <= checkpoint {
            Keyspace::new(&mut writer, None).apply(&record.1[0]).unwrap();
        }
        data.group(&[record]);
    }
    data.seal();
    let frozen = writer.freeze();
    writer.publish(frozen);
    let done = writer.begin_checkpoint(checkpoint, 1_795_329_865_000).run().unwrap();
    writer.end_checkpoint(done);
    data
}

/// Recovers the directory as the server does, and returns its keys in order.
fn recovered(data: &Data) -> Vec<String> {
    let source =
        TableSource::Existing(Box::new(MmapFile::open(&data.path().join("table.ackd"), BYTES_MAX).unwrap()));
    let storage = DirStorage::open(data.path().join("wal")).unwrap();
    let table = TableOptions { file_bytes_max: BYTES_MAX, ..TableOptions::default() };
    let log = LogOptions { segment_bytes: common::SEGMENT_BYTES, background: false, ..LogOptions::default() };
    let recovered = recover(source, storage, &table, log).expect("the server starts");
    let view = recovered.writer.view();
    let mut cursor = view.cursor(recovered.writer.root(keys_slot(0)));
    let mut keys = Vec::new();
    cursor.seek(b"").unwrap();
    while let Some((key, _)) = cursor.current() {
        keys.push(String::from_utf8(key.to_vec()).unwrap());
        cursor.next().unwrap();
    }
    keys
}

/// The keys that should be there, in order.
fn expected(numbers: impl IntoIterator<Item = u64>) -> Vec<String> {
    let mut keys: Vec<String> = numbers.into_iter().map(|number| format!("key:{number}")).collect();
    keys.sort();
    keys
}

/// Damages the groups with these LSNs so that nothing of them can be read.
pub fn ruin(data: &Data, lsns: &[u64]) {
    let places: Vec<_> = lsns.iter().map(|lsn| data.place_of(*lsn)).collect();
    for (segment, offset) in places {
        data.flip(&data.segment(segment), offset + 20, 3);
        data.flip(&data.segment(segment), offset + 110, 3);
    }
}

/// Runs a repair that must ask to lose exactly this many records, and checks the result.
fn repair(data: &Data, mode: &str, lost: u64) {
    let before = contents(data.path());
    data.run(&["repair", mode, "DIR"]).expect(2);
    data.run(&["repair", mode, "--apply", "--yes-i-lose", &(lost + 1).to_string(), "DIR"]).expect(4);
    data.run(&["repair", mode, "--apply", "DIR"]).expect(4);
    assert!(before == contents(data.path()), "something was changed before it was confirmed");
    let ran = data.run(&["repair", mode, "--apply", "--yes-i-lose", &lost.to_string(), "DIR"]).expect(0);
    let after = contents(data.path());
    for (path, bytes) in &before {
        let stays = after.values().any(|content| content == bytes);
        assert!(stays, "{} is gone: {}", path.display(), ran.text());
    }
    data.run(&["verify", "DIR"]).expect(0);
    data.run(&["repair", "DIR"]).expect(0);
}

#[test]
fn the_plan_is_shown_and_nothing_is_changed() {
    let data = keys(40, 0);
    ruin(&data, &[20]);
    let before = contents(data.path());
    golden("repair.txt", &data.run(&["repair", "DIR"]).expect(2).out);
    golden("repair_trim.txt", &data.run(&["repair", "--trim-tail", "DIR"]).expect(2).out);
    golden("repair_skip.txt", &data.run(&["repair", "--skip-bad-records", "DIR"]).expect(2).out);
    let jsonl = ["repair", "--skip-bad-records", "--format", "jsonl", "DIR"];
    golden("repair_skip.jsonl", &data.run(&jsonl).expect(2).out);
    assert!(before == contents(data.path()), "a dry run changed something");
}

#[test]
fn the_help_says_what_each_way_costs() {
    golden(
        "repair_help.txt",
        &Ran::of(common::command().args(["repair", "--help"]).env("COLUMNS", "100")).expect(0).out,
    );
}

#[test]
fn a_sound_directory_needs_no_repair() {
    let data = keys(40, 10);
    let before = contents(data.path());
    for words in [&["repair", "DIR"][..], &["repair", "--trim-tail", "--apply", "DIR"]] {
        assert!(data.run(words).expect(0).text().contains("nothing to repair, 40 records"));
    }
    assert!(before == contents(data.path()));
    assert_eq!(recovered(&data), expected(1..=40));
}

#[test]
fn trimmed_the_log_ends_before_the_damage() {
    let data = keys(40, 0);
    ruin(&data, &[20]);
    repair(&data, "--trim-tail", 21);
    assert_eq!(recovered(&data), expected(1..=19));
}

#[test]
fn what_the_checkpoint_has_is_never_lost() {
    let data = keys(40, 25);
    ruin(&data, &[20]);
    repair(&data, "--trim-tail", 15);
    assert_eq!(recovered(&data), expected(1..=25));
    let data = keys(40, 25);
    ruin(&data, &[20]);
    repair(&data, "--skip-bad-records", 0);
    assert_eq!(recovered(&data), expected(1..=40));
}

#[test]
fn after_bad_records_the_good_ones_keep_their_numbers() {
    let data = keys(40, 5);
    ruin(&data, &[20, 21, 33]);
    repair(&data, "--skip-bad-records", 3);
    let dump =
        data.run(&["dump", "DIR", "--format", "jsonl", "--from-lsn", "22", "--to-lsn", "22"]).expect(0);
    assert_eq!(dump.objects()[0]["key"], "key:22");
    assert_eq!(recovered(&data), expected((1..=40).filter(|number| ![20, 21, 33].contains(number))));
}

#[test]
fn a_record_that_no_longer_fits_goes_with_the_lost_one() {
    let mut data = keys(10, 0);
    data.group(&[set(b"made", b"1")]);
    data.group(&[one(Effect::on(0, b"made", KeyChange::Delete { expired: false }))]);
    data.group(&[(
        1,
        vec![
            Effect::on(0, b"half", StringChange::Set { value: b"1", expire_at_ms: None, raw: false }),
            Effect::on(0, b"made", KeyChange::Rename { to: b"moved" }),
        ],
    )]);
    data.group(&[set(b"last", b"1")]);
    data.seal();
    ruin(&data, &[11]);
    let ran = data.run(&["repair", "--skip-bad-records", "DIR"]).expect(2);
    assert!(
        ran.text().contains("it changes what a lost record made") && ran.text().contains("key half"),
        "{}",
        ran.text()
    );
    repair(&data, "--skip-bad-records", 3);
    let mut keys = expected(1..=10);
    keys.push("last".into());
    assert_eq!(recovered(&data), keys, "half a transaction was kept");
}

#[test]
fn a_lost_segment_is_bridged_or_cut_off() {
    let bridged = keys(60, 0);
    let (segment, _) = bridged.place_of(30);
    let inside: Vec<u64> = bridged
        .places()
        .iter()
        .filter(|place| place.0 == segment)
        .flat_map(|place| place.2..=place.3)
        .collect();
    fs::remove_file(bridged.segment(segment)).unwrap();
    repair(&bridged, "--skip-bad-records", inside.len() as u64);
    assert_eq!(recovered(&bridged), expected((1..=60).filter(|number| !inside.contains(number))));

    let cut = keys(60, 0);
    fs::remove_file(cut.segment(segment)).unwrap();
    repair(&cut, "--trim-tail", 60 - inside[0] + 1);
    assert_eq!(recovered(&cut), expected(1..inside[0]));
}

#[test]
fn a_lost_log_starts_again_after_the_checkpoint() {
    let data = keys(20, 20);
    for entry in fs::read_dir(data.path().join("wal")).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    // Nobody knows what was in it.
    let ran = data.run(&["repair", "--trim-tail", "--apply", "--yes-i-lose", "1", "DIR"]).expect(0);
    assert!(ran.text().contains("1 record or more"), "{}", ran.text());
    data.run(&["verify", "DIR"]).expect(0);
    assert_eq!(recovered(&data), expected(1..=20));
}

#[test]
fn a_log_directory_that_is_gone_is_made_again() {
    let data = keys(20, 20);
    fs::remove_dir_all(data.path().join("wal")).unwrap();
    data.run(&["repair", "--trim-tail", "--apply", "--yes-i-lose", "1", "DIR"]).expect(0);
    assert_eq!(recovered(&data), expected(1..=20));
}

#[test]
fn a_damaged_last_group_is_dropped() {
    let data = keys(20, 0);
    let (segment, offset) = data.place_of(20);
    data.flip(&data.segment(segment), offset + 110, 1);
    let ran = data.run(&["repair", "--trim-tail", "DIR"]).expect(2);
    assert!(ran.text().contains("loses"), "{}", ran.text());
    repair(&data, "--trim-tail", 1);
    assert_eq!(recovered(&data), expected(1..=19));
}

#[test]
fn records_at_the_end_of_a_damaged_last_group_are_counted_as_lost() {
    let group = |data: &mut Data| {
        let keys: Vec<String> = (11..=20).map(|number| format!("key:{number}")).collect();
        let records: Vec<_> = keys.iter().map(|key| set(key.as_bytes(), &[7; 100])).collect();
        data.group(&records);
        data.seal();
        let (segment, offset) = data.place_of(20);
        let bytes = fs::read(data.segment(segment)).unwrap();
        let in_group = &bytes[offset as usize..];
        let last =
            in_group.windows(6).position(|window| window == b"key:20").expect("the last of its records");
        data.flip(&data.segment(segment), offset + last as u64, 2);
    };
    let mut data = keys(10, 0);
    group(&mut data);
    repair(&data, "--skip-bad-records", 1);
    assert_eq!(recovered(&data), expected(1..=19));
    let mut data = keys(10, 0);
    group(&mut data);
    repair(&data, "--trim-tail", 10);
    assert_eq!(recovered(&data), expected(1..=10));
}

#[test]
fn a_record_of_an_earlier_use_is_not_salvaged() {
    // Two groups of the same shape at the same position of a segment: the last sectors of the second were not written.
    let mut data = Data::with_instance(INSTANCE);
    let value = |byte: u8| vec![byte; 300];
    let group = |data: &mut Data, byte: u8| {
        let (keys, value): (Vec<String>, _) = ((0..8).map(|n| format!("k{n}")).collect(), value(byte));
        let records: Vec<_> = keys.iter().map(|key| set(key.as_bytes(), &value)).collect();
        data.group(&records)
    };
    let mut stale = None;
    for round in 0..60 {
        let last = group(&mut data, b'a' + (round % 26));
        let (segment, offset) = data.place_of(last);
        if round == 0 {
            let bytes = fs::read(data.segment(segment)).unwrap();
            stale = Some(bytes[offset as usize..offset as usize + 4096].to_vec());
        }
    }
    data.seal();
    let (segment, offset) = data.place_of(20);
    let mut bytes = fs::read(data.segment(segment)).unwrap();
    // All sectors but the first are those of the other group.
    bytes[offset as usize + 512..offset as usize + 4096].copy_from_slice(&stale.unwrap()[512..]);
    fs::write(data.segment(segment), bytes).unwrap();
    let objects = data.run(&["dump", "DIR", "--keep-going", "--format", "jsonl"]).expect(2).objects();
    for line in objects.iter().filter(|line| (17..=24).contains(&line["lsn"].as_u64().unwrap())) {
        assert!(line["val"].as_str().unwrap().starts_with('c'), "a value of another group: {line}");
    }
}

#[test]
fn a_damaged_table_is_rebuilt_from_a_whole_log() {
    let data = keys(30, 30);
    let path = data.path().join("table.ackd");
    data.flip(&path, 100, 0);
    data.flip(&path, 4096 + 100, 0);
    data.run(&["verify", "DIR"]).expect(2);
    data.run(&["repair", "--trim-tail", "DIR"]).expect(4);
    golden("repair_table.txt", &data.run(&["repair", "DIR"]).expect(2).out);
    repair(&data, "--rebuild-table", 0);
    assert_eq!(recovered(&data), expected(1..=30));
    data.run(&["verify", "--table", "DIR"]).expect(0);
}

#[test]
fn a_table_cannot_be_made_from_a_part_of_the_log() {
    let mut data = keys(60, 40);
    data.recycle_through(40);
    let path = data.path().join("table.ackd");
    data.flip(&path, 100, 0);
    data.flip(&path, 4096 + 100, 0);
    let before = contents(data.path());
    let ran = data.run(&["repair", "--rebuild-table", "--apply", "--yes-i-lose", "0", "DIR"]).expect(4);
    assert!(
        ran.err.contains("the log begins with LSN") && ran.err.contains("Restore a backup"),
        "{}",
        ran.err
    );
    assert!(before == contents(data.path()));
}

#[test]
fn a_table_is_not_made_from_a_log_that_was_mended() {
    let data = keys(40, 30);
    ruin(&data, &[20]);
    repair(&data, "--trim-tail", 10);
    let path = data.path().join("table.ackd");
    data.flip(&path, 100, 0);
    data.flip(&path, 4096 + 100, 0);
    let before = contents(data.path());
    let ran = data.run(&["repair", "--rebuild-table", "--apply", "--yes-i-lose", "0", "DIR"]).expect(4);
    assert!(ran.err.contains("11 records of the log have no effects"), "{}", ran.err);
    assert!(before == contents(data.path()));
}

#[test]
fn a_directory_in_use_is_left_alone() {
    let data = keys(20, 0);
    ruin(&data, &[10]);
    let _held = ackd::data_dir::DataDir::open(data.path()).unwrap();
    for words in [&["repair", "DIR"][..], &["repair", "--trim-tail", "--apply", "--yes-i-lose", "11", "DIR"]]
    {
        let ran = data.run(words).expect(4);
        assert!(ran.err.contains(&format!("process {}", std::process::id())), "{}", ran.err);
    }
}

#[test]
fn consent_can_be_typed() {
    let data = keys(20, 0);
    ruin(&data, &[10]);
    let mut command = common::command();
    command.args(["repair", "--trim-tail", "--apply", data.path().to_str().unwrap()]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"lose 11 records\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(recovered(&data), expected(1..=9));
}
