//! `verify --table`: every page of a small table, and the table compared with the log.

use std::path::Path;

use ackd::table::{MmapFile, PAGE_BYTES, Table, TableOptions};

use crate::common::{Data, golden};

/// Virtual size of the mapping: small tables need little.
const BYTES_MAX: u64 = 64 << 20;

/// A table with 600 keys, whose checkpoint is at `lsn`.
fn make_table(dir: &Path, lsn: u64) {
    let options =
        TableOptions { file_bytes_max: BYTES_MAX, seed: 7, instance_id: 1, ..TableOptions::default() };
    let file = MmapFile::create(&dir.join("table.ackd"), BYTES_MAX).unwrap();
    let (_table, mut writer) = Table::create(Box::new(file), &options).unwrap();
    let mut root = writer.root(0);
    writer.reserve(200).unwrap();
    for number in 0..600 {
        writer.insert(&mut root, format!("key:{number:04}").as_bytes(), &[b'v'; 40], &[]).unwrap();
    }
    writer.set_root(0, root);
    let frozen = writer.freeze();
    writer.publish(frozen);
    let done = writer.begin_checkpoint(lsn, 1_795_329_865_000).run().unwrap();
    writer.end_checkpoint(done);
}

#[test]
fn a_sound_table_is_sound() {
    let data = Data::with_history();
    make_table(data.path(), 30);
    golden("verify_table.txt", &data.run(&["verify", "DIR", "--table"]).expect(0).out);
    let ls = data.run(&["ls", "DIR", "--format", "jsonl"]).expect(0).objects();
    assert_eq!(ls.last().unwrap()["lsn"], 30);
    let states: Vec<&str> = ls.iter().filter_map(|line| line["state"].as_str()).collect();
    assert_eq!(states.first(), Some(&"recyclable"), "{states:?}");
    assert!(states.contains(&"live"), "{states:?}");
}

#[test]
fn a_flipped_bit_in_a_page_is_found_with_its_page() {
    let data = Data::with_history();
    make_table(data.path(), 30);
    let path = data.path().join("table.ackd");
    let pages = std::fs::metadata(&path).unwrap().len() / PAGE_BYTES as u64;
    let mut found = 0;
    for page in 2..pages {
        data.flip(&path, page * PAGE_BYTES as u64 + 200, 5);
        let ran = data.run(&["verify", "DIR", "--table", "--format", "jsonl"]);
        data.flip(&path, page * PAGE_BYTES as u64 + 200, 5);
        let bad = ran.objects().into_iter().find(|line| line["kind"] == "table");
        match bad {
            None => assert_eq!(ran.code, 0, "{ran:?}"),
            Some(bad) => {
                assert_eq!((ran.code, bad["page"].as_u64()), (2, Some(page)));
                assert_eq!(bad["off"].as_u64(), Some(page * PAGE_BYTES as u64));
                found += 1;
            }
        }
        if found >= 4 {
            return;
        }
    }
    panic!("only {found} pages of the table are checked");
}

#[test]
fn a_log_that_ends_before_the_checkpoint_is_damage() {
    let data = Data::with_history();
    make_table(data.path(), 1000);
    let ran = data.run(&["verify", "DIR"]).expect(2);
    assert!(ran.text().contains("1000"), "{}", ran.text());
}

#[test]
fn a_log_that_begins_after_the_checkpoint_is_damage() {
    let mut data = Data::with_history();
    data.recycle_through(30);
    make_table(data.path(), 3);
    let ran = data.run(&["verify", "DIR"]).expect(2);
    assert!(ran.text().contains("neither in the log"), "{}", ran.text());
}

#[test]
fn two_bad_metas_are_damage() {
    let data = Data::with_history();
    make_table(data.path(), 30);
    let path = data.path().join("table.ackd");
    for page in 0..2 {
        data.flip(&path, page * PAGE_BYTES as u64 + 20, 0);
    }
    for words in [&["verify", "DIR"][..], &["verify", "DIR", "--table"], &["ls", "DIR"]] {
        assert!(data.run(words).expect(2).text().contains("meta page"), "{words:?}");
    }
}

#[test]
fn without_a_table_the_log_stands_alone() {
    let data = Data::with_history();
    data.run(&["verify", "DIR"]).expect(0);
    data.run(&["verify", "DIR", "--table"]).expect(1);
}
