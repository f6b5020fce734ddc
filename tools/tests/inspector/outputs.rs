//! Each subcommand and each format on a known history, compared with golden files.

use crate::common::{Data, golden};

#[test]
fn ls_shows_segments_and_checkpoint() {
    let data = Data::with_history();
    golden("ls.txt", &data.run(&["ls", "DIR"]).expect(0).out);
    golden("ls.jsonl", &data.run(&["ls", "DIR", "--format", "jsonl"]).expect(0).out);
}

#[test]
fn dump_shows_records_in_all_forms() {
    let data = Data::with_history();
    for (form, name) in
        [("text", "dump.txt"), ("jsonl", "dump.jsonl"), ("csv", "dump.csv"), ("resp", "dump.resp")]
    {
        let ran =
            data.run(&["dump", "DIR", "--format", form, "--to-lsn", "20", "--values", "head:64"]).expect(0);
        assert_eq!(ran.err, "");
        golden(name, &ran.out);
    }
    golden("dump.hex", &data.run(&["dump", "DIR", "--format", "hex", "--to-lsn", "4"]).expect(0).out);
}

#[test]
fn base64_spells_everything() {
    let data = Data::with_history();
    let words = ["dump", "DIR", "--format", "jsonl", "--to-lsn", "12", "--escape", "base64"];
    golden("dump_base64.jsonl", &data.run(&words).expect(0).out);
}

#[test]
fn cat_shows_a_record_in_full() {
    let data = Data::with_history();
    golden("cat.txt", &data.run(&["cat", "DIR", "3"]).expect(0).out);
}

#[test]
fn tail_shows_the_last_durable_records() {
    let data = Data::with_history();
    golden("tail.txt", &data.run(&["tail", "DIR", "-n", "3"]).expect(0).out);
}

#[test]
fn stats_count_what_was_written() {
    let data = Data::with_history();
    golden("stats.txt", &data.run(&["stats", "DIR", "--top", "4"]).expect(0).out);
    golden("stats.json", &data.run(&["stats", "DIR", "--top", "2", "--format", "json"]).expect(0).out);
}

#[test]
fn verify_sums_up() {
    let data = Data::with_history();
    golden("verify.txt", &data.run(&["verify", "DIR"]).expect(0).out);
    golden("verify.jsonl", &data.run(&["verify", "DIR", "--format", "jsonl"]).expect(0).out);
}
