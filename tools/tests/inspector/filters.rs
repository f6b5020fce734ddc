//! Filters let through what they name, in both directions.

use crate::common::Data;

/// LSNs of the lines that a dump with these arguments prints.
fn lsns(data: &Data, words: &[&str]) -> Vec<u64> {
    let all = [&["dump", "DIR", "--format", "jsonl", "--values", "none"], words].concat();
    data.run(&all).expect(0).objects().iter().map(|object| object["lsn"].as_u64().unwrap()).collect()
}

#[test]
fn each_filter_lets_through_what_it_names() {
    let data = Data::with_history();
    for (words, expected) in [
        (&["--key", "user:?"][..], &[1, 2, 9, 11, 12][..]),
        (&["--prefix", "person:"], &[9, 10]),
        (&["--op", "del,EXPIRED"], &[7, 13]),
        (&["--op", "append"], &[3]),
        (&["--db", "3"], &[3, 3, 3]),
        (&["--db", "2"], &[10]),
        (&["--min-size", "9000"], &[16]),
        (&["--from-lsn", "44"], &[44, 45, 46]),
        (&["--to-lsn", "2"], &[1, 2]),
        (&["--from-lsn", "1", "--to-lsn", "1", "--key", "nobody"], &[]),
        (&["--limit", "2", "--op", "set"], &[1, 2]),
        (&["--limit", "0"], &[]),
        (&["--reverse", "--limit", "3"], &[46, 45, 44]),
        (&["--reverse", "--to-lsn", "4"], &[4, 3, 3, 3, 2, 1]),
        (&["--reverse", "--key", "user:*"], &[12, 11, 9, 2, 1]),
        (&["--reverse", "--from-lsn", "12", "--to-lsn", "13"], &[13, 12]),
    ] {
        assert_eq!(lsns(&data, words), expected, "{words:?}");
    }
}

#[test]
fn times_select_groups() {
    let data = Data::with_history();
    // The first group is at .758123 s, each further one 1.5 ms later.
    assert_eq!(lsns(&data, &["--until", "2026-11-22T06:44:25.759Z"]), [1, 2]);
    assert_eq!(lsns(&data, &["--until", "@1795329865.759623"]), [1, 2, 3, 3, 3]);
    assert_eq!(lsns(&data, &["--since", "@1795329865.809123"]), [46]);
    let none: [u64; 0] = [];
    assert_eq!(lsns(&data, &["--until", "2020-01-01"]), none);
    let both = ["--since", "2026-11-22T06:44:25.7596Z", "--until", "2026-11-22T06:44:25.761Z"];
    assert_eq!(lsns(&data, &both), [3, 3, 3]);
}

#[test]
fn reading_forwards_and_backwards_gives_the_same_records() {
    let data = Data::with_history();
    let mut backwards = lsns(&data, &["--reverse"]);
    backwards.reverse();
    assert_eq!(backwards, lsns(&data, &[]));
}

#[test]
fn records_that_were_recycled_are_mentioned() {
    let mut data = Data::with_history();
    data.recycle_through(30);
    let ran = data.run(&["dump", "DIR", "--from-lsn", "2", "--limit", "1", "--format", "jsonl"]).expect(0);
    assert!(ran.err.contains("recycled"), "{}", ran.err);
    assert!(ran.objects()[0]["lsn"].as_u64().unwrap() > 2);
    assert!(data.run(&["cat", "DIR", "2"]).expect(1).err.contains("recycled"));
    let states = data.run(&["ls", "DIR", "--format", "jsonl"]).expect(0).objects();
    assert!(states.iter().any(|line| line["state"] == "spare"), "{states:?}");
}

#[test]
fn numbers_that_json_readers_would_round_are_strings() {
    let mut data = Data::new();
    data.group(&[crate::common::set_until(b"k", b"v", u64::MAX)]);
    let objects = data.run(&["dump", "DIR", "--format", "jsonl"]).expect(0).objects();
    assert_eq!(objects[0]["expire_at_ms"], u64::MAX.to_string());
}

#[test]
fn a_batch_is_what_was_synced_together() {
    let data = Data::with_history();
    let objects = data.run(&["dump", "DIR", "--format", "jsonl", "--batch", "3"]).expect(0).objects();
    assert!(objects.len() > 1 && objects.iter().all(|line| line["batch"] == 3), "{objects:?}");
}

#[test]
fn a_history_is_all_that_happened_to_one_key() {
    let data = Data::with_history();
    let lines = |key: &str| {
        let objects = data.run(&["history", "DIR", key, "--format", "jsonl"]).expect(0).objects();
        objects.iter().map(|line| line["op"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(lines("user:1"), ["set", "rename", "flushdb", "swapdb"]);
    assert_eq!(lines("person:1"), ["rename", "copy", "flushdb", "swapdb"]);
    // The key is not a pattern.
    assert_eq!(lines("user:*"), ["flushdb", "swapdb"]);
    let last = data.run(&["history", "DIR", "user:1", "--db", "0", "--reverse", "--limit", "1"]).expect(0);
    assert!(last.text().contains("RENAME") || last.text().contains("rename"), "{}", last.text());
}
