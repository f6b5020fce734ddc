//! What the tests of long commands share: collections to work on, what `INFO` counts, and drafts that are deleted.

#![allow(dead_code)]

use std::thread;
use std::time::{Duration, Instant};

use super::{Client, Value};

/// Words of a command that fills a collection. It divides into whole elements of one, two or three words.
const WORDS_AT_ONCE: usize = 1500;
/// The pages of drafts are free after two checkpoints, which take seconds if others keep the disk busy.
const FREED_WITHIN: Duration = Duration::from_secs(120);

/// Runs a command with many words in parts, each with the same first words.
pub fn fill(client: &mut Client, first: &[&str], words: &[String]) {
    for part in words.chunks(WORDS_AT_ONCE) {
        let words: Vec<&[u8]> =
            first.iter().copied().chain(part.iter().map(String::as_str)).map(str::as_bytes).collect();
        assert!(matches!(client.command(&words), Value::Integer(_)));
    }
}

/// Waits until the table uses at most `bytes_max`: until then the pages of the last checkpoint are in use. Deletes what
/// `keys` names before each checkpoint.
pub fn wait_until_freed(client: &mut Client, bytes_max: u64, keys: &[String]) {
    let (start, mut saves) = (Instant::now(), 0);
    loop {
        keys.iter().for_each(|key| drop(client.run(&format!("DEL {key}"))));
        let used = info(client, "table_used_bytes");
        if used <= bytes_max {
            break;
        }
        assert!(
            start.elapsed() < FREED_WITHIN,
            "drafts are left: {used} bytes after {saves} checkpoints, {bytes_max} at most before"
        );
        client.run("SAVE");
        saves += 1;
        thread::sleep(Duration::from_millis(100));
    }
    eprintln!("freed after {saves} checkpoints, in {:.1?}", start.elapsed());
}

/// A number of `INFO`.
pub fn info(client: &mut Client, field: &str) -> u64 {
    let text = client.run("INFO everything").text();
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.expect("INFO shows it").trim().parse().unwrap()
}
