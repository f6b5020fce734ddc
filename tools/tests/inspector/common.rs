//! A small data directory with a known history, made by the log and the effect codec themselves, and runs of the
//! inspector on it.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ackd::effect::{DatabaseChange, Effect, EffectBuffer, KeyChange, StringChange};
use tempfile::TempDir;
use wal::{DirStorage, LocalLog, Log, LogOptions, ReadOptions, Reader, Step};

/// Time of the first group, in microseconds: 2026-11-22T06:44:25.758123Z.
pub const START_MICROS: u64 = 1_795_329_865_758_123;
/// An expiry in the future of every test run, in milliseconds: the year 2100.
pub const FAR_MS: u64 = 4_102_444_800_000;
/// An expiry in the past of every test run, in milliseconds: shortly after the first group.
pub const PAST_MS: u64 = 1_795_329_900_000;
/// Length of a segment in bytes: room for fifteen groups of up to a block.
pub const SEGMENT_BYTES: u64 = 64 << 10;

/// One record: the command that made it, and its effects.
pub type Record<'a> = (u16, Vec<Effect<'a>>);

/// A data directory with a log that can be added to.
pub struct Data {
    /// The data directory, removed when dropped.
    pub dir: TempDir,
    log: Option<LocalLog<DirStorage>>,
    micros: u64,
}

impl Data {
    /// A directory with an empty log.
    pub fn new() -> Self {
        Self::with_options(options())
    }

    /// A directory with an empty log for the table with this identity.
    pub fn with_instance(id: u64) -> Self {
        let mut instance_id = [0; 16];
        instance_id[..8].copy_from_slice(&id.to_le_bytes());
        Self::with_options(LogOptions { instance_id, ..options() })
    }

    fn with_options(options: LogOptions) -> Self {
        let dir = TempDir::new().unwrap();
        let storage = DirStorage::create(dir.path().join("wal")).unwrap();
        let log = LocalLog::create(storage, options).unwrap();
        Self { dir, log: Some(log), micros: START_MICROS }
    }

    /// The directory whose history is in the golden files.
    pub fn with_history() -> Self {
        let mut data = Self::new();
        for group in history() {
            data.group(&group);
        }
        data.seal();
        data
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The file of the segment with this number.
    pub fn segment(&self, sequence: u64) -> PathBuf {
        self.path().join("wal").join(wal::segment_name(sequence))
    }

    /// Appends a group, durably.
    pub fn group(&mut self, records: &[Record<'_>]) -> u64 {
        let payloads: Vec<Vec<u8>> = records.iter().map(payload).collect();
        self.payloads(&payloads)
    }

    /// Appends a group with these payloads, durably; returns its last LSN.
    pub fn payloads(&mut self, payloads: &[Vec<u8>]) -> u64 {
        let log = self.log.as_mut().unwrap();
        let mut group = log.group();
        for payload in payloads {
            group.record(|buffer| buffer.extend_from_slice(payload));
        }
        log.reserve(group.len_bytes() as u64).unwrap();
        let (_, last) = log.submit(group, self.micros).unwrap();
        log.durable().unwrap();
        self.micros += 1500;
        last
    }

    pub fn seal(&mut self) {
        self.log.as_mut().unwrap().seal(self.micros).unwrap();
    }

    pub fn recycle_through(&mut self, lsn: u64) {
        self.log.as_mut().unwrap().recycle_through(lsn).unwrap();
    }

    /// Stops the log and starts it again.
    pub fn restart(&mut self) {
        self.log = None;
        let storage = DirStorage::open(self.path().join("wal")).unwrap();
        let mut reader = Reader::open(&storage, ReadOptions::default()).unwrap();
        let end = loop {
            match reader.next().unwrap() {
                Step::Record(_) => {}
                Step::CleanEnd(end) | Step::TornTail(end) => break end,
            }
        };
        self.log = Some(LocalLog::resume(storage, options(), end).unwrap());
    }

    /// The position of each group: segment, offset, first LSN, last LSN.
    pub fn places(&self) -> Vec<(u64, u64, u64, u64)> {
        let storage = DirStorage::open(self.path().join("wal")).unwrap();
        let mut reader = Reader::open(&storage, ReadOptions::default()).unwrap();
        let mut places = Vec::new();
        while let Step::Record(record) = reader.next().unwrap() {
            let group = record.group;
            let place = (group.segment, group.offset, group.first_lsn, group.last_lsn);
            if places.last() != Some(&place) {
                places.push(place);
            }
        }
        places
    }

    /// The position of the group with this LSN: segment and offset.
    pub fn place_of(&self, lsn: u64) -> (u64, u64) {
        let places = self.places();
        let found = places.iter().find(|place| (place.2..=place.3).contains(&lsn)).unwrap();
        (found.0, found.1)
    }

    /// Flips one bit of a file.
    pub fn flip(&self, path: &Path, offset: u64, bit: u8) {
        let mut byte = [0];
        let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
        file.read_exact_at(&mut byte, offset).unwrap();
        byte[0] ^= 1 << bit;
        file.write_all_at(&byte, offset).unwrap();
    }

    /// Overwrites part of a file with zeros.
    pub fn zero(&self, path: &Path, offset: u64, bytes: usize) {
        let file = OpenOptions::new().write(true).open(path).unwrap();
        file.write_all_at(&vec![0; bytes], offset).unwrap();
    }

    /// Runs the inspector; `DIR` among the words stands for the data directory.
    pub fn run(&self, words: &[&str]) -> Ran {
        let dir = self.path().to_str().unwrap().to_owned();
        Ran::of(command().args(words.iter().map(|word| if *word == "DIR" { dir.as_str() } else { word })))
    }
}

/// The inspector, without arguments yet.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ackd-wal"));
    command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    command
}

/// The result of a run of the inspector.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: Vec<u8>,
    pub err: String,
}

impl Ran {
    pub fn of(command: &mut Command) -> Self {
        let Output { status, stdout, stderr } = command.output().unwrap();
        let code = status.code().expect("the inspector ends by itself");
        Self { code, out: stdout, err: String::from_utf8(stderr).unwrap() }
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.out).unwrap()
    }

    /// The lines as JSON objects, without the header.
    pub fn objects(&self) -> Vec<serde_json::Value> {
        let mut lines = self.text().lines().map(|line| serde_json::from_str(line).expect(line));
        let header: serde_json::Value = lines.next().expect("a header");
        assert_eq!(header["v"], 1);
        lines.collect()
    }

    /// Asserts the exit code. Shows all output if it is another.
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", String::from_utf8_lossy(&self.out), self.err);
        self
    }
}

/// Compares with a golden file, or writes it if ACKD_GOLDEN is `write`.
pub fn golden(name: &str, found: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("ACKD_GOLDEN").is_some_and(|value| value == "write") {
        fs::write(&path, found).unwrap();
        return;
    }
    let expected = fs::read(&path).unwrap_or_default();
    if expected != found {
        panic!(
            "{name} differs; ACKD_GOLDEN=write updates it\n--- expected\n{}\n--- found\n{}",
            String::from_utf8_lossy(&expected),
            String::from_utf8_lossy(found)
        );
    }
}

/// A record's payload.
pub fn payload((command_id, effects): &Record<'_>) -> Vec<u8> {
    let (mut buffer, mut payload) = (EffectBuffer::new(), Vec::new());
    effects.iter().for_each(|effect| buffer.push(effect));
    buffer.write(*command_id, &mut payload);
    payload
}

pub fn set<'a>(key: &'a [u8], value: &'a [u8]) -> Record<'a> {
    one(Effect::on(0, key, StringChange::Set { value, expire_at_ms: None, raw: false }))
}

pub fn set_until<'a>(key: &'a [u8], value: &'a [u8], expiry_ms: u64) -> Record<'a> {
    one(Effect::on(0, key, StringChange::Set { value, expire_at_ms: Some(expiry_ms), raw: false }))
}

pub fn one(effect: Effect<'_>) -> Record<'_> {
    (command_id(effect.name()), vec![effect])
}

/// The number of the command with this name, or one that no command has.
fn command_id(name: &str) -> u16 {
    ackd::spec::lookup(name.as_bytes()).map_or(60_000, |spec| spec.id)
}

fn options() -> LogOptions {
    LogOptions {
        segment_bytes: SEGMENT_BYTES,
        spare_segments: 1,
        background: false,
        salt_seed: Some(42),
        instance_id: *b"inspector-tests!",
        ..LogOptions::default()
    }
}

static BIG: [u8; 9000] = [b'x'; 9000];

/// Effects of many kinds, over three segments.
fn history() -> Vec<Vec<Record<'static>>> {
    let mut groups = vec![
        vec![set(b"user:1", b"alice"), set_until(b"user:2", b"bob", FAR_MS)],
        vec![(
            command_id("exec"),
            vec![
                Effect::on(
                    3,
                    b"bin\xff\x00",
                    StringChange::Set { value: b"\x00\x01\xfe\xff", expire_at_ms: None, raw: true },
                ),
                Effect::on(3, b"bin\xff\x00", StringChange::Append { value: b"caf\xc3\xa9\n" }),
                Effect::on(3, b"bin\xff\x00", StringChange::SetRange { offset: 2, value: b"\"two\"" }),
            ],
        )],
        vec![
            set_until(b"session:1", b"{\"a\":1}", PAST_MS),
            one(Effect::on(0, b"session:1", KeyChange::Expire { expire_at_ms: Some(FAR_MS) })),
            set_until(b"session:2", b"gone", PAST_MS),
            one(Effect::on(0, b"session:2", KeyChange::Delete { expired: true })),
            set_until(b"session:3", b"soon gone", PAST_MS),
        ],
        vec![
            one(Effect::on(0, b"user:1", KeyChange::Rename { to: b"person:1" })),
            one(Effect::on(0, b"person:1", KeyChange::Copy { to_db: 2, to: b"copy of 1" })),
            one(Effect::on(0, b"user:2", KeyChange::Move { to_db: 4 })),
            one(Effect::on(4, b"user:2", KeyChange::Expire { expire_at_ms: None })),
            one(Effect::on(0, b"nothing", KeyChange::Delete { expired: false })),
            one(Effect::Database(DatabaseChange::Flush { db: 5 })),
            one(Effect::Database(DatabaseChange::Swap { a: 6, b: 7 })),
        ],
        vec![set(b"big", &BIG)],
    ];
    for number in 0..30_u8 {
        let key: &'static [u8] = if number % 3 == 0 { b"counter:a" } else { b"counter:b" };
        let value = &b"0123456789abcdefghijklmnopqrstuvwxyz"[..usize::from(number) + 1];
        groups.push(vec![one(Effect::on(
            1,
            key,
            StringChange::Set { value, expire_at_ms: None, raw: false },
        ))]);
    }
    groups
}
