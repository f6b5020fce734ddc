//! Replay where space is short.

use wal::{LocalLog, Log, LogOptions, MemoryStorage, Reader, SegmentInfo};

use super::*;
use crate::effect::{Effect, EffectBuffer, KeyChange, StringChange};
use crate::keyspace::{ApplyError, Keyspace, KeyspaceError};
use crate::table::MemoryFile;

/// Maximum size of the table's file.
const FILE_BYTES: u64 = 8 << 20;
/// Size of the value that is written again and again.
const VALUE_BYTES: usize = 1 << 20;
/// Values in the log: more than the file can hold.
const VALUES: u8 = 20;

/// An empty table with its log.
fn fresh(storage: MemoryStorage) -> Recovered<MemoryStorage> {
    let source = TableSource::New(Box::new(MemoryFile::new(FILE_BYTES)));
    let table = TableOptions { headroom_pages: 16, instance_id: 7, ..TableOptions::default() };
    let log = LogOptions { segment_bytes: 4 << 20, background: false, ..LogOptions::default() };
    recover(source, storage, &table, log).expect("a log that fits an empty table")
}

/// Logs a string of `bytes` bytes under `key`.
fn log_set(log: &mut impl Log, key: &[u8], bytes: usize, fill: u8) {
    let mut effects = EffectBuffer::new();
    let value = vec![fill; bytes];
    effects.push(&Effect::on(0, key, StringChange::Set { value: &value, expire_at_ms: None, raw: false }));
    let mut group = log.group();
    group.record(|buffer| effects.write(0, buffer));
    log.submit(group, 0).unwrap();
    log.durable().unwrap();
}

/// A log that does not say where it is.
struct NoFiles(MemoryStorage);

impl LogHome for NoFiles {
    type Log = LocalLog<MemoryStorage>;
    type Replay = Reader<MemoryStorage>;

    fn replay(&self, options: ReadOptions) -> Result<Self::Replay, ReadError> {
        self.0.replay(options)
    }

    fn segments(&self) -> Result<Option<Vec<SegmentInfo>>, ReadError> {
        Ok(None)
    }

    fn create(self, options: LogOptions) -> Result<Self::Log, LogError> {
        self.0.create(options)
    }

    fn resume(self, options: LogOptions, end: LogEnd) -> Result<Self::Log, LogError> {
        self.0.resume(options, end)
    }
}

#[test]
fn a_log_without_segments_need_not_show_the_one_that_was_marked() {
    let (storage, file) = (MemoryStorage::new(), MemoryFile::new(FILE_BYTES));
    let options = TableOptions { headroom_pages: 16, instance_id: 7, ..TableOptions::default() };
    let source = TableSource::New(Box::new(file.clone()));
    let recovered = recover(source, storage.clone(), &options, LogOptions::default()).unwrap();
    assert!(mark_of(&recovered.table).is_some());
    drop(recovered);
    let source = TableSource::Existing(Box::new(file));
    recover(source, NoFiles(storage), &options, LogOptions::default()).expect("nothing to compare");
}

#[test]
fn values_that_were_overwritten_take_no_space_in_a_replay() {
    let storage = MemoryStorage::new();
    let mut log = fresh(storage.clone()).log;
    for fill in 0..VALUES {
        log_set(&mut log, b"k", VALUE_BYTES, fill);
    }
    drop(log);
    let mut recovered = fresh(storage);
    assert_eq!(recovered.report.records, u64::from(VALUES));
    let keys = Keyspace::new(&mut recovered.writer, None);
    let last = keys.with_value(0, b"k", |_, value| Ok::<_, KeyspaceError>(value.is_some()));
    assert!(last.unwrap(), "the last value is there");
}

#[test]
fn a_log_that_does_not_fit_the_table_is_not_damaged() {
    let storage = MemoryStorage::new();
    let mut log = fresh(storage.clone()).log;
    for key in 0..VALUES {
        log_set(&mut log, &[key], VALUE_BYTES, 1);
    }
    drop(log);
    let source = TableSource::New(Box::new(MemoryFile::new(FILE_BYTES)));
    let options = TableOptions { headroom_pages: 16, instance_id: 7, ..TableOptions::default() };
    let error = recover(source, storage, &options, LogOptions::default()).err().expect("no space");
    assert!(!error.is_damage(), "{error}");
    let RecoveryError::Replaying(error) = error else { panic!("{error}") };
    assert!(matches!(*error, RecoveryError::Apply(ApplyError::Effect { .. })), "{error}");
}

#[test]
fn a_record_that_does_not_fit_its_table_is_damage_found_while_pages_are_written() {
    let storage = MemoryStorage::new();
    let mut log = fresh(storage.clone()).log;
    let mut effects = EffectBuffer::new();
    let rename = Effect::on(0, b"missing", KeyChange::Rename { to: b"k" });
    effects.push(&rename);
    let mut group = log.group();
    group.record(|buffer| effects.write(0, buffer));
    log.submit(group, 0).unwrap();
    log.durable().unwrap();
    drop(log);
    let source = TableSource::New(Box::new(MemoryFile::new(FILE_BYTES)));
    let options = TableOptions { instance_id: 7, ..TableOptions::default() };
    let error = recover(source, storage, &options, LogOptions::default()).err().expect("it does not fit");
    assert!(matches!(error, RecoveryError::Replaying(_)) && error.is_damage(), "{error}");
}
