//! The inspector on a damaged data directory, with or without corrected checksums. It must end with one of its exit codes,
//! leave the files unchanged, and print nothing but lines of text.
//!
//! Input: a byte that chooses the command line, a byte of flags, and patches: file, offset (three bytes, little-endian),
//! length, bytes.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use wal::{LocalLog, Log, LogOptions, MemoryStorage};

use crate::replay::Seeds;
use crate::targets::input::Input;
use crate::targets::memory::bounded;
use crate::targets::{base, log_sums, table};

/// Corrects the checksums of the log.
const LOG_SUMS: u8 = 1;
/// Corrects the checksums of the table.
const TABLE_SUMS: u8 = 2;
/// Length of a segment, in bytes.
const SEGMENT_BYTES: u64 = 8 << 10;
/// The largest exit code of the inspector.
const CODE_MAX: u8 = 4;

/// The largest block of memory that a repair may allocate.
const REPAIR_BYTES_MAX: usize = 64 << 20;

/// The command lines; `DIR` stands for the data directory.
const LINES: [&str; 20] = [
    "ls DIR",
    "ls --format jsonl DIR",
    "dump DIR",
    "dump --keep-going DIR",
    "dump --keep-going --format jsonl DIR",
    "dump --keep-going --format csv DIR",
    "dump --keep-going --format resp DIR",
    "dump --keep-going --format hex DIR",
    "dump --keep-going --reverse --limit 20 DIR",
    "dump --keep-going --from-lsn 5 --to-lsn 30 --key key:* DIR",
    "history --keep-going DIR key:001",
    "cat --keep-going DIR 9",
    "tail -n 5 DIR",
    "stats --keep-going DIR",
    "stats --keep-going --format json --top 3 DIR",
    "verify --table --keep-going DIR",
    "verify --table --format jsonl DIR",
    "repair DIR",
    "repair --skip-bad-records DIR",
    "repair --trim-tail --format jsonl DIR",
];

pub fn run(bytes: &[u8]) {
    let mut input = Input(bytes);
    let (line, flags) = (LINES[usize::from(input.byte()) % LINES.len()], input.byte());
    let dir = tempfile::tempdir().expect("a directory");
    let files = damaged(&mut input, flags);
    fs::create_dir(dir.path().join("wal")).expect("the log's directory");
    for (name, bytes) in &files {
        fs::write(dir.path().join(name), bytes).expect("a file");
    }
    let printed = Printed::default();
    let arguments = line.split(' ').map(|word| match word {
        "DIR" => dir.path().into(),
        word => OsString::from(word),
    });
    let arguments = [OsString::from("ackd-wal")].into_iter().chain(arguments);
    let files_bytes = files.iter().map(|(_, bytes)| bytes.len()).sum();
    // A repair allocates a table's usual memory and a log's buffers, whatever the files.
    let files_bytes = if line.starts_with("repair") { REPAIR_BYTES_MAX } else { files_bytes };
    let code = bounded(files_bytes, || ackd_tools::run(arguments, Box::new(printed.clone())));
    assert!(code <= CODE_MAX, "exit code {code}");
    let printed = printed.0.lock().expect("no panic while it was locked");
    if !line.contains("resp") {
        let bad = printed.iter().find(|byte| (**byte < 0x20 && **byte != b'\n') || **byte == 0x7f);
        assert_eq!(bad, None, "{line}: {}", printed.escape_ascii());
    }
    if !line.starts_with("repair") {
        unchanged(dir.path(), &files);
    }
}

/// Asserts that the files are those that were written.
fn unchanged(dir: &Path, files: &[(String, Vec<u8>)]) {
    for (name, bytes) in files {
        assert!(fs::read(dir.join(name)).expect("the file is there") == *bytes, "{name} was changed");
    }
    let names = fs::read_dir(dir.join("wal")).expect("the log's directory").count();
    assert_eq!(names, files.len() - 1, "files were added");
}

/// The files of the sound directory with the patches of the input.
fn damaged(input: &mut Input<'_>, flags: u8) -> Vec<(String, Vec<u8>)> {
    let mut files = sound().to_vec();
    while !input.0.is_empty() {
        let count = files.len();
        let file = &mut files[usize::from(input.byte()) % count].1;
        let offset = usize::from(input.short()) | usize::from(input.byte()) << 16;
        let len = usize::from(input.byte());
        let patch = input.take(len);
        let offset = offset % file.len();
        let place = &mut file[offset..];
        let fits = patch.len().min(place.len());
        place[..fits].copy_from_slice(&patch[..fits]);
    }
    for (name, bytes) in &mut files {
        match name.starts_with("wal") {
            true if flags & LOG_SUMS != 0 => log_sums::put_right(bytes),
            false if flags & TABLE_SUMS != 0 => table::put_right(bytes),
            _ => {}
        }
    }
    files
}

/// The files of a data directory whose log goes on after the table's checkpoint: the table, then the segments.
fn sound() -> &'static [(String, Vec<u8>)] {
    static FILES: OnceLock<Vec<(String, Vec<u8>)>> = OnceLock::new();
    FILES.get_or_init(|| {
        let mut instance_id = [0; 16];
        instance_id[..8].copy_from_slice(&base::options().instance_id.to_le_bytes());
        let options = LogOptions {
            segment_bytes: SEGMENT_BYTES,
            block_bytes: 512,
            spare_segments: 1,
            spare_segments_max: 1,
            instance_id,
            background: false,
            salt_seed: Some(5),
            ..LogOptions::default()
        };
        let storage = MemoryStorage::new();
        let mut log = LocalLog::create(storage.clone(), options).expect("a new log");
        for (number, payloads) in base::contents().chunks(4).enumerate() {
            let mut group = log.group();
            for payload in payloads.iter().filter(|payload| payload.len() < 2000) {
                group.record(|sink| sink.extend_from_slice(payload));
            }
            log.reserve(group.len_bytes() as u64).expect("room");
            log.submit(group, 1_795_329_865_758_123 + number as u64 * 1000).expect("submit");
            log.durable().expect("durable");
        }
        log.seal(1_795_329_866_000_000).expect("seal");
        drop(log);
        let segments = storage.names().into_iter().filter(|name| name.ends_with(".wal"));
        let segments =
            segments.map(|name| (format!("wal/{name}"), storage.contents(&name).expect("a segment")));
        [("table.ackd".into(), base::table().to_vec())].into_iter().chain(segments).collect()
    })
}

/// What the inspector printed.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic while it was locked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A seed for each command line, on a sound directory and on one with damage of each kind.
pub fn seeds() -> Seeds {
    let patch = |file: u8, offset: u32, bytes: &[u8]| {
        [&[file][..], &offset.to_le_bytes()[..3], &[bytes.len() as u8], bytes].concat()
    };
    let damages: [(&str, u8, Vec<u8>); 6] = [
        ("sound", 0, vec![]),
        ("header", 0, patch(1, 40, b"\xff")),
        ("group", 0, patch(1, 512 + 120, b"\xff\xff")),
        ("payload", LOG_SUMS, patch(1, 512 + 110, b"\xff\xff")),
        ("times", LOG_SUMS, patch(1, 512 + 48, &[0xff; 8])),
        ("meta", TABLE_SUMS, [patch(0, 88, &[0xff; 8]), patch(0, 4096 + 88, &[0xff; 8])].concat()),
    ];
    let mut seeds = Seeds::new();
    for (number, line) in LINES.iter().enumerate() {
        let word = line.split(' ').next().unwrap_or_default();
        let (name, flags, patches) = &damages[number % damages.len()];
        let seed = [&[number as u8, *flags], &patches[..]].concat();
        seeds.push((format!("{number:02}-{word}-{name}"), seed));
    }
    seeds
}
