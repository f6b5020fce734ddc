//! Damage is found and named by segment, offset and LSN. A torn tail is not damage.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::common::{self, Data, Ran, SEGMENT_BYTES, set};

/// Bytes of a block: groups start at multiples of it.
const BLOCK: u64 = 4096;

#[test]
fn a_flipped_bit_is_found_wherever_it_is() {
    let data = Data::with_history();
    let path = |segment| data.segment(segment);
    for (segment, offset, first_lsn, _) in data.places() {
        // In the header, in the first record, in a stamp.
        for at in [17, 100, 506] {
            data.flip(&path(segment), offset + at, 3);
            let ran = data.run(&["verify", "DIR", "--format", "jsonl"]).expect(2);
            let damage = &ran.objects()[0];
            assert_eq!(damage["kind"], "damage");
            assert_eq!(damage["seg"], wal::segment_name(segment));
            assert_eq!(
                (damage["off"].as_u64(), damage["lsn"].as_u64()),
                (Some(offset), Some(first_lsn)),
                "{at}"
            );
            data.flip(&path(segment), offset + at, 3);
        }
    }
    data.run(&["verify", "DIR"]).expect(0);
}

#[test]
fn a_damaged_segment_header_is_found() {
    let data = Data::with_history();
    let (segment, _) = data.place_of(30);
    data.flip(&data.segment(segment), 40, 0);
    let ran = data.run(&["verify", "DIR"]).expect(2);
    assert!(ran.text().contains(&format!("{} offset 0", wal::segment_name(segment))), "{}", ran.text());
}

#[test]
fn after_damage_records_are_salvaged_when_asked() {
    let data = Data::with_history();
    let (segment, offset) = data.place_of(3);
    data.flip(&data.segment(segment), offset + 100, 0);
    let stopped = data.run(&["dump", "DIR", "--format", "jsonl", "--values", "none"]).expect(2);
    assert_eq!(stopped.objects().len(), 2, "the records before the damage");
    assert!(stopped.err.contains("--keep-going"), "{}", stopped.err);
    let words = ["dump", "DIR", "--format", "jsonl", "--values", "none", "--keep-going"];
    let salvaged = data.run(&words).expect(2);
    let objects = salvaged.objects();
    assert_eq!(objects[2]["lsn"], 4);
    assert_eq!(objects[2]["crc"], "salvaged");
    assert_eq!(objects.last().unwrap()["lsn"], 46);
    let verify = data.run(&["verify", "DIR", "--keep-going"]).expect(2);
    assert!(verify.text().contains("damage in 1 place"), "{}", verify.text());
    data.run(&["cat", "DIR", "4", "--keep-going"]).expect(2);
    assert!(data.run(&["cat", "DIR", "3"]).expect(2).err.contains("LSN 3"));
}

#[test]
fn a_torn_tail_is_not_damage() {
    let mut data = Data::with_history();
    data.restart();
    let value = vec![b'y'; 6000];
    let last = data.group(&[set(b"torn", &value)]);
    let (segment, offset) = data.place_of(last);
    // As if a crash had interrupted the write of the group's second block.
    data.zero(&data.segment(segment), offset + BLOCK, BLOCK as usize);
    let ran = data.run(&["verify", "DIR"]).expect(3);
    assert!(ran.text().contains("torn tail: 4096 bytes after 46"), "{}", ran.text());
    let ran = data.run(&["dump", "DIR", "--values", "none"]).expect(3);
    assert_eq!(ran.text().lines().last().unwrap().split("  ").next(), Some("LSN 46"));
    assert!(data.run(&["ls", "DIR"]).expect(3).text().contains("torn"));
}

#[test]
fn a_missing_segment_is_found() {
    let data = Data::with_history();
    let (segment, _) = data.place_of(30);
    fs::remove_file(data.segment(segment)).unwrap();
    let ran = data.run(&["verify", "DIR"]).expect(2);
    assert!(ran.text().contains("segments are missing") || ran.text().contains("continue"), "{}", ran.text());
}

#[test]
fn a_truncated_segment_is_found() {
    let data = Data::with_history();
    let (segment, offset) = data.place_of(10);
    let file = OpenOptions::new().write(true).open(data.segment(segment)).unwrap();
    file.set_len(offset + 100).unwrap();
    data.run(&["verify", "DIR"]).expect(2);
    file.set_len(SEGMENT_BYTES).unwrap();
    data.run(&["verify", "DIR"]).expect(2);
}

#[test]
fn a_payload_that_cannot_be_read_is_damage_and_stops_nothing() {
    let mut data = Data::new();
    data.payloads(&[
        common::payload(&set(b"a", b"1")),
        b"\x09nonsense".to_vec(),
        common::payload(&set(b"b", b"2")),
    ]);
    data.seal();
    let objects = data.run(&["dump", "DIR", "--format", "jsonl"]).expect(2).objects();
    assert_eq!(objects.len(), 3);
    assert!(objects[1]["error"].as_str().unwrap().contains("format"), "{}", objects[1]);
    assert!(data.run(&["verify", "DIR"]).expect(2).text().contains("from LSN 2 on"));
    assert!(data.run(&["cat", "DIR", "2"]).expect(2).text().contains("unreadable"));
}

#[test]
fn hostile_files_are_refused_without_harm() {
    let data = Data::with_history();
    let (segment, _) = data.place_of(30);
    let path = data.segment(segment);
    let moved = data.path().join("moved");
    fs::rename(&path, &moved).unwrap();
    symlink(&moved, &path).unwrap();
    let ran = data.run(&["verify", "DIR"]).expect(4);
    assert!(ran.err.contains("symbolic link"), "{}", ran.err);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let ran = data.run(&["verify", "DIR"]);
    assert!(ran.code == 1 && ran.err.contains(&wal::segment_name(segment)), "{ran:?}");
    fs::remove_dir(&path).unwrap();
    let pipe = |path: &Path| mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    pipe(&path);
    data.run(&["verify", "DIR"]).expect(1);
    fs::remove_file(&path).unwrap();
    fs::rename(&moved, &path).unwrap();
    let table = data.path().join("table.ackd");
    pipe(&table);
    data.run(&["verify", "DIR", "--table"]).expect(1);
    fs::remove_file(&table).unwrap();
    symlink(&path, &table).unwrap();
    data.run(&["verify", "DIR", "--table"]).expect(4);
}

#[test]
fn garbage_of_any_length_makes_nobody_panic() {
    let mut state = 12_345_u64;
    for length in [0_usize, 1, 511, 512, 4096, 10_000, 70_000] {
        let data = Data::with_history();
        let garbage: Vec<u8> = (0..length)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as u8
            })
            .collect();
        fs::write(data.segment(1), &garbage).unwrap();
        fs::write(data.path().join("table.ackd"), &garbage).unwrap();
        for words in [
            &["verify", "DIR", "--table", "--keep-going"][..],
            &["ls", "DIR"],
            &["dump", "DIR", "--keep-going"],
            &["dump", "DIR", "--reverse"],
            &["stats", "DIR"],
            &["tail", "DIR"],
            &["cat", "DIR", "30"],
        ] {
            let ran = data.run(words);
            assert!(
                (0..=4).contains(&ran.code) && !ran.err.contains("panicked"),
                "{words:?} {length} {ran:?}"
            );
        }
    }
}

#[test]
fn usage_and_absent_things_have_their_own_codes() {
    let data = Data::with_history();
    data.run(&["frobnicate"]).expect(1);
    data.run(&["dump"]).expect(1);
    data.run(&["dump", "DIR", "--since", "whenever"]).expect(1);
    data.run(&["dump", "DIR", "--op", "sett"]).expect(1);
    data.run(&["dump", "DIR", "--reverse", "--format", "resp"]).expect(1);
    data.run(&["cat", "DIR", "1000"]).expect(1);
    data.run(&["cat", "DIR", "0"]).expect(1);
    let ran = Ran::of(common::command().args(["ls", "/nowhere/at/all"])).expect(1);
    assert!(ran.err.contains("/nowhere/at/all"), "{}", ran.err);
    for words in [&["--help"][..], &["dump", "--help"], &["--version"]] {
        assert!(!data.run(words).expect(0).out.is_empty());
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_run_quietly() {
    let mut data = Data::new();
    let value = vec![b'z'; 2000];
    for _ in 0..200 {
        data.group(&[set(b"k", &value)]);
    }
    let mut command: Command = common::command();
    command.args(["dump", data.path().to_str().unwrap(), "--values", "full"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn nobody_reading_the_remarks_changes_nothing() {
    let data = Data::with_history();
    let (segment, offset) = data.place_of(3);
    data.flip(&data.segment(segment), offset + 100, 0);
    let mut command: Command = common::command();
    command.args(["dump", data.path().to_str().unwrap(), "--keep-going"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.ends_with(b"\n"));
}

#[test]
fn colour_is_for_those_who_ask() {
    let data = Data::with_history();
    let escape = |ran: &Ran| ran.out.contains(&0x1b);
    assert!(!escape(&data.run(&["dump", "DIR"])));
    assert!(escape(&data.run(&["dump", "DIR", "--color", "always"])));
    assert!(!escape(&data.run(&["dump", "DIR", "--color", "never"])));
}
