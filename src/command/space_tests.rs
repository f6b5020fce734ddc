//! How much space each writing command asks for before it changes anything, and how much it uses: bytes of the log, and
//! pages of the table. Every writing command has cases in `space_cases`, on keys of several shapes.
//!
//! Bytes are asked for exactly. Pages are asked for generously, but at most [`FACTOR_MAX`] times what is used plus
//! [`SLACK_PAGES`]. The commands in [`ASKING_ON_THE_WAY`] use more pages than they ask for; the table finds those page
//! by page, or refuses.
//!
//! The figures: `cargo test --lib what_commands_ask_for -- --nocapture`

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::tests::Data;
use crate::effect;
use crate::spec;

/// A command asks for at most this many times the pages that it uses, apart from [`SLACK_PAGES`].
const FACTOR_MAX: u64 = 4;
/// Pages that one effect may ask for in any case: for the paths to the key, to its expiry, and to a few elements.
const SLACK_PAGES: u64 = 48;
/// Commands that use more pages than they ask for: what they copy within the table is not walked in advance, and the
/// elements that a long range removes may be adjacent in one order and far apart in the other, and how many entries a consumer
/// has is not looked up.
const ASKING_ON_THE_WAY: [&str; 3] = ["copy", "zremrangebyrank", "xgroup|delconsumer"];

/// Elements of the large collections.
const ELEMENTS: usize = 5000;

/// Lines for each family of commands, in a file of `space_cases`. Those after a `+` create keys; the others change
/// something, by shape of their keys. `V` is a value of 50,000 bytes, and `D:` and a key what `DUMP` replies for that.
fn case_lines() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/command/space_cases");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let lines =
        |file: &PathBuf| fs::read_to_string(file).unwrap().lines().map(String::from).collect::<Vec<_>>();
    files.iter().flat_map(lines).collect()
}

/// A large and a small key of each type, expired keys, and many others.
fn shapes(lines: &[String]) -> Data {
    let mut data = Data::new();
    let members: Vec<String> = (0..ELEMENTS).map(|number| format!("m{number}")).collect();
    for (index, part) in members.chunks(500).enumerate() {
        let first = index * 500;
        let words = |each: &dyn Fn(usize, &String) -> String| {
            let numbered = part.iter().enumerate();
            numbered.map(|(at, member)| each(first + at, member)).collect::<Vec<_>>().join(" ")
        };
        data.run(&format!("rpush list {}", words(&|_, member| member.clone())));
        data.run(&format!("sadd set {}", words(&|_, member| member.clone())));
        data.run(&format!("pfadd sketch {}", words(&|_, member| member.clone())));
        data.run(&format!("hset hash {}", words(&|number, member| format!("{member} value{number}"))));
        data.run(&format!("zadd sorted {}", words(&|number, member| format!("{number} {member}"))));
        data.run(&format!("zadd lexed {}", words(&|_, member| format!("0 {member}"))));
        let place = |number: usize, member: &String| format!("{} {} {member}", number / 50, number % 50);
        data.run(&format!("geoadd geo {}", words(&place)));
        data.run(&format!("rpush same {}", ["x"; 50].join(" ")));
        data.run(&format!("mset {}", words(&|number, _| format!("k{number} {number}"))));
    }
    (1..=ELEMENTS).for_each(|ms| drop(data.run(&format!("xadd stream {ms}-1 field value{ms}"))));
    (0..ELEMENTS).step_by(7).for_each(|number| drop(data.run(&format!("expire k{number} 1000"))));
    lines.iter().filter_map(|line| line.strip_prefix("+ ")).for_each(|line| drop(data.run(line)));
    data.run(&format!("set long {}", "v".repeat(100_000)));
    for (key, ttl_ms) in [("timed", 1_000_000), ("due", 1)] {
        let fields = &members[..300];
        let pairs: Vec<String> = fields.iter().map(|field| format!("{field} v")).collect();
        data.run(&format!("hset {key} {}", pairs.join(" ")));
        data.run(&format!("hpexpire {key} {ttl_ms} fields 300 {}", fields.join(" ")));
    }
    data.run("set gone 1 px 1");
    data.now_ms += 1000;
    data.publish();
    data
}

/// One line: what was asked for and what was used.
struct Row<'a> {
    /// The command's line.
    line: &'a str,
    /// Bytes of the log.
    log_bytes: u64,
    /// Pages that were asked for.
    asked_pages: u64,
    /// Pages that were used.
    taken_pages: u64,
    /// Effects, each of which asks for space.
    effects: u64,
}

/// The name of a line's command, or of its subcommand.
fn name_of(line: &str) -> String {
    let mut words = line.split(' ');
    let name = words.next().expect("a word");
    match spec::lookup(name.as_bytes()).filter(|spec| spec.is_container()).and(words.next()) {
        Some(subcommand) => format!("{name}|{subcommand}"),
        None => name.into(),
    }
}

/// What a word of a line stands for.
fn meant(data: &mut Data, word: &str) -> Vec<u8> {
    match word.strip_prefix("D:") {
        _ if word == "V" => vec![b'V'; 50_000],
        None => word.into(),
        Some(key) => {
            let reply = data.run_words(&[b"dump", key.as_bytes()]);
            let header = reply.iter().position(|byte| *byte == b'\n').expect("a length") + 1;
            reply[header..reply.len() - 2].to_vec()
        }
    }
}

/// Runs a line and undoes it.
fn measured<'a>(data: &mut Data, line: &'a str) -> Row<'a> {
    let (records, dirty) = (data.records.len(), data.writer.dirty_pages());
    let words: Vec<Vec<u8>> = line.split(' ').map(|word| meant(data, word)).collect();
    let reply = data.run_words(&words.iter().map(Vec::as_slice).collect::<Vec<_>>());
    assert_ne!(reply[0], b'-', "{line}: {}", String::from_utf8_lossy(&reply));
    let taken_pages = data.writer.dirty_pages() - dirty;
    assert_eq!(data.records.len(), records + 1, "{line} changes nothing");
    let record = data.records.pop().expect("it was just looked for");
    data.writer.roll_back();
    Row {
        line,
        log_bytes: data.asked.log_bytes,
        asked_pages: data.asked.pages,
        taken_pages,
        effects: effect::decode(&record).expect("a record").effects().count() as u64,
    }
}

#[test]
fn what_commands_ask_for_is_what_they_take() {
    let lines = case_lines();
    let mut cases: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for line in lines.iter().filter(|line| !line.starts_with('+')) {
        cases.entry(name_of(line)).or_default().push(line);
    }
    let writing = spec::all().filter(|spec| spec.is_write());
    let missing: Vec<&str> =
        writing.map(|spec| spec.name).filter(|name| !cases.contains_key(*name)).collect();
    assert!(missing.is_empty(), "commands without a case: {missing:?}");
    let mut data = shapes(&lines);
    eprintln!("{:60} {:>10} {:>8} {:>8} {:>7}", "", "log bytes", "asked", "taken", "factor");
    let mut wrong = Vec::new();
    for (name, lines) in cases {
        for row in lines.into_iter().map(|line| measured(&mut data, line)) {
            let Row { line, log_bytes, asked_pages, taken_pages, effects } = row;
            let factor = asked_pages as f64 / taken_pages.max(1) as f64;
            eprintln!("{line:60} {log_bytes:>10} {asked_pages:>8} {taken_pages:>8} {factor:>7.1}");
            let too_many = asked_pages > FACTOR_MAX * taken_pages + SLACK_PAGES * effects;
            let too_few = taken_pages > asked_pages && !ASKING_ON_THE_WAY.contains(&name.as_str());
            if too_many || too_few {
                wrong.push(line);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
