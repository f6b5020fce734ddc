//! A data set in memory, what is in it, and a start from a damaged copy of it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use ackd::effect::{Change, Effect, EffectBuffer, KeyChange, StringChange};
use ackd::keyspace::{DbKey, KeyReader, Keyspace, KeyspaceError, Lookups};
use ackd::recovery::{Recovered, RecoveryError, TableSource, recover};
use ackd::table::{MemoryFile, PAGE_BYTES, Table, TableError, TableOptions, TableWriter};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use wal::{LocalLog, Log, LogOptions, MemoryStorage};

/// Databases in use.
pub const DATABASES: usize = 2;
/// Length of a segment of the log, and of the table's file.
pub const SEGMENT_BYTES: u64 = 64 << 10;
pub const TABLE_BYTES: u64 = 1 << 20;
/// Pages that are left free in a full table.
const FREE_PAGES: u64 = 40;
/// The first expiration time, in milliseconds since 1970: far away.
const EXPIRY_MS: u64 = 4_000_000_000_000;

/// What each database holds: values with their expiration times.
pub type Contents = Vec<BTreeMap<Vec<u8>, (Vec<u8>, Option<u64>)>>;

/// A stopped data set.
#[derive(Clone)]
pub struct DataSet {
    /// The log.
    pub log: MemoryStorage,
    /// The table's file.
    pub table: Vec<u8>,
    /// The table's file as earlier checkpoints left it.
    pub former: Vec<Vec<u8>>,
    /// What is in it.
    pub contents: Contents,
}

/// How the table is opened.
pub fn table_options() -> TableOptions {
    TableOptions {
        file_bytes_max: TABLE_BYTES,
        headroom_pages: 16,
        // The file must stay full.
        slack_pages: TABLE_BYTES / PAGE_BYTES as u64,
        instance_id: 42,
        seed: 5,
    }
}

/// How the log is opened.
pub fn log_options(keep_bytes: u64) -> LogOptions {
    LogOptions {
        segment_bytes: SEGMENT_BYTES,
        block_bytes: 512,
        spare_segments: 1,
        spare_segments_max: 2,
        keep_bytes,
        background: false,
        salt_seed: Some(5),
        ..LogOptions::default()
    }
}

/// A data set that is being made.
struct Builder {
    log: LocalLog<MemoryStorage>,
    writer: TableWriter,
    contents: Contents,
    random: SmallRng,
    groups: u64,
}

impl Builder {
    /// Stores a few values in one group.
    fn group(&mut self, value_bytes_max: usize) {
        self.groups += 1;
        let mut group = self.log.group();
        for _ in 0..self.random.random_range(1..6) {
            let mut effects = EffectBuffer::new();
            self.change(value_bytes_max, &mut effects);
            if !effects.is_empty() {
                group.record(|sink| effects.write(7, sink));
            }
        }
        self.log.submit(group, self.groups * 1000).expect("submit");
        self.log.durable().expect("durable");
        self.writer.reclaim(256).expect("pages to free");
        let frozen = self.writer.freeze();
        self.writer.publish(frozen);
    }

    /// One random effect.
    fn change(&mut self, value_bytes_max: usize, effects: &mut EffectBuffer) {
        let random = &mut self.random;
        let db = random.random_range(0..DATABASES);
        let key = format!("key:{:05}", random.random_range(0..4000)).into_bytes();
        let bytes =
            if random.random_range(0..20) == 0 { value_bytes_max } else { random.random_range(0..200) };
        let value: Vec<u8> = (0..bytes).map(|_| random.random()).collect();
        let expire_at_ms =
            (random.random_range(0..3) == 0).then(|| EXPIRY_MS + random.random_range(0..1 << 30));
        let known = self.contents[db].contains_key(&key);
        let effect = match random.random_range(0..10) {
            0 if known => Effect::on(db, &key, KeyChange::Delete { expired: false }),
            1 if known => Effect::on(db, &key, StringChange::Append { value: &value }),
            _ => Effect::on(db, &key, StringChange::Set { value: &value, expire_at_ms, raw: false }),
        };
        let stored = &mut self.contents[db];
        match &effect {
            Effect::Key { change: Change::Key(_), .. } => drop(stored.remove(&key)),
            Effect::Key { change: Change::String(StringChange::Append { .. }), .. } => {
                stored.get_mut(&key).expect("known").0.extend_from_slice(&value)
            }
            _ => drop(stored.insert(key.clone(), (value.clone(), expire_at_ms))),
        }
        Keyspace::new(&mut self.writer, Some(effects)).apply(&effect).expect("an effect that fits");
    }

    /// Makes the table durable.
    fn checkpoint(&mut self) {
        let lsn = self.log.synced_lsn();
        let durable = self.writer.begin_checkpoint(lsn, self.groups).run().expect("a checkpoint");
        self.writer.end_checkpoint(durable);
        self.log.recycle_through(lsn).expect("recycle");
    }
}

/// A new data set in `file` and `log`.
fn builder(file: &MemoryFile, log: &MemoryStorage, keep_bytes: u64) -> Builder {
    let source = TableSource::New(Box::new(file.clone()));
    let new =
        recover(source, log.clone(), &table_options(), log_options(keep_bytes)).expect("a new data set");
    let contents = vec![BTreeMap::new(); DATABASES];
    Builder { log: new.log, writer: new.writer, contents, random: SmallRng::seed_from_u64(3), groups: 0 }
}

/// A data set whose log fills one segment, none of it checkpointed.
pub fn full_segment(sealed: bool) -> DataSet {
    let (file, log) = (MemoryFile::new(TABLE_BYTES), MemoryStorage::new());
    let mut builder = builder(&file, &log, 0);
    while builder.log.status().files.expect("segments").active_bytes < SEGMENT_BYTES - 5000 {
        builder.group(1500);
    }
    assert_eq!(builder.log.status().files.expect("segments").rotations, 0);
    if sealed {
        builder.log.seal(1).expect("seal");
    }
    let contents = builder.contents;
    drop((builder.log, builder.writer));
    log.settle();
    DataSet { log, table: file.image(), former: Vec::new(), contents }
}

/// A data set whose log goes over several segments, none of it checkpointed, sealed.
pub fn long_log() -> DataSet {
    let (file, log) = (MemoryFile::new(TABLE_BYTES), MemoryStorage::new());
    let mut builder = builder(&file, &log, 0);
    while builder.log.status().files.expect("segments").rotations < 5 {
        builder.group(1500);
    }
    (0..5).for_each(|_| builder.group(700));
    builder.log.seal(1).expect("seal");
    let contents = builder.contents;
    drop((builder.log, builder.writer));
    log.settle();
    DataSet { log, table: file.image(), former: Vec::new(), contents }
}

/// A data set whose table fills its file, in several checkpoints, with some groups after the last one, sealed.
pub fn full_table(keep_bytes: u64) -> DataSet {
    let (file, log) = (MemoryFile::new(TABLE_BYTES), MemoryStorage::new());
    let mut builder = builder(&file, &log, keep_bytes);
    let mut former = Vec::new();
    for share in [3, 2, 1] {
        while builder.writer.table().stats().pages_free > FREE_PAGES * share {
            builder.group(6000);
            if builder.groups.is_multiple_of(25) {
                builder.checkpoint();
            }
        }
        builder.checkpoint();
        former.push(file.durable());
    }
    (0..8).for_each(|_| builder.group(300));
    builder.log.seal(1).expect("seal");
    let contents = builder.contents;
    drop((builder.log, builder.writer));
    log.settle();
    let table = file.image();
    assert_eq!(table.len() as u64, TABLE_BYTES);
    DataSet { log, table, former, contents }
}

/// The outcome of a start from damaged files.
#[derive(Debug)]
pub enum Outcome {
    /// Every key was right.
    Same,
    /// The start was refused.
    Refused(RecoveryError),
    /// Some keys were refused because of these damaged pages; all others were right.
    Partly(Vec<u64>),
    /// Something was wrong, without an error.
    Silent(String),
    /// A panic.
    Crashed,
}

/// Starts from these files as the server does and compares every key.
pub fn start(log: &MemoryStorage, table: &[u8], contents: &Contents) -> Outcome {
    let table = &table[..table.len() / PAGE_BYTES * PAGE_BYTES];
    quiet_panics();
    EXPECTS_PANICS.set(true);
    let attempt = catch_unwind(AssertUnwindSafe(|| {
        let file = MemoryFile::from_image(table, TABLE_BYTES);
        let recovered =
            recover(TableSource::Existing(Box::new(file)), log.fork(), &table_options(), log_options(0));
        match recovered {
            Err(error) => Outcome::Refused(error),
            Ok(mut recovered) => compare(&mut recovered, contents),
        }
    }));
    EXPECTS_PANICS.set(false);
    attempt.unwrap_or(Outcome::Crashed)
}

thread_local! {
    /// Whether a panic of this thread is an outcome, not a failure of the test.
    static EXPECTS_PANICS: Cell<bool> = const { Cell::new(false) };
}

/// Panics that are an outcome print nothing.
fn quiet_panics() {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let print = take_hook();
        set_hook(Box::new(move |panic| {
            if !EXPECTS_PANICS.get() {
                print(panic);
            }
        }));
    });
}

/// Compares what was recovered, key by key.
fn compare(recovered: &mut Recovered<MemoryStorage>, contents: &Contents) -> Outcome {
    match compare_table(&recovered.table, &mut recovered.writer, contents) {
        Ok(bad) if bad.is_empty() => Outcome::Same,
        Ok(bad) => Outcome::Partly(bad),
        Err(wrong) => Outcome::Silent(wrong),
    }
}

/// Compares every key and every expiration time. Returns the damaged pages that were reported; an error is something wrong
/// that was not reported.
fn compare_table(table: &Table, writer: &mut TableWriter, contents: &Contents) -> Result<Vec<u64>, String> {
    let mut bad = Vec::new();
    let snapshot = table.snapshot();
    let mut lookups = Lookups::default();
    for (db, expected) in contents.iter().enumerate() {
        let mut reader = KeyReader::new(&snapshot, 0, &mut lookups);
        for (key, (value, expiry)) in expected {
            let found = reader.peek(db, key).and_then(|found| {
                let Some(found) = found else { return Ok(None) };
                let text = found.text()?.expect("a string").to_contiguous(&snapshot)?.into_owned();
                Ok(Some((text, found.expire_at_ms)))
            });
            match named(found, &mut bad)? {
                Some(Some((text, at))) if text == *value && at == *expiry => {}
                Some(other) => {
                    return Err(format!("db {db} key {}: {:?}", key.escape_ascii(), other.is_some()));
                }
                None => {}
            }
        }
        let mut keys = 0;
        let walked = reader.each_from(db, b"", |key, _| {
            keys += usize::from(expected.contains_key(key));
            if expected.contains_key(key) {
                Ok(true)
            } else {
                Err(KeyspaceError::BadCell("a key that was never stored"))
            }
        });
        if named(walked, &mut bad)?.is_some() && keys != expected.len() {
            return Err(format!("db {db} has {keys} keys"));
        }
    }
    let due = Keyspace::new(writer, None).due(u64::MAX, usize::MAX);
    if let Some(due) = named(due, &mut bad)? {
        let known = |found: &&DbKey| contents[found.db].get(&*found.key).is_some_and(|(_, at)| at.is_some());
        let expected = contents.iter().flatten().filter(|(_, (_, at))| at.is_some()).count();
        if due.iter().filter(known).count() != expected || due.len() != expected {
            return Err(format!("{} deadlines instead of {expected}", due.len()));
        }
    }
    bad.sort_unstable();
    bad.dedup();
    Ok(bad)
}

/// What was read, or `None` if a damaged page was reported. Damage may cause no other error.
fn named<T>(outcome: Result<T, KeyspaceError>, bad: &mut Vec<u64>) -> Result<Option<T>, String> {
    match outcome {
        Ok(read) => Ok(Some(read)),
        Err(KeyspaceError::Table(TableError::Corrupt { page, .. })) => {
            bad.push(page);
            Ok(None)
        }
        Err(error) => Err(error.to_string()),
    }
}
