//! A server's life on a log and a table in memory, without its clients.

use std::collections::BTreeMap;

use ackd::effect::{Effect, EffectBuffer, StringChange};
use ackd::keyspace::{KeyReader, Keyspace, Lookups};
use ackd::recovery::{Recovered, RecoveryError, TableSource, recover};
use ackd::table::{META_BYTES, MemoryFile, TableOptions, slot_place};
use rand::Rng;
use rand::rngs::SmallRng;
use wal::{Log, LogOptions, MemoryStorage, SEGMENT_HEADER_BYTES};

/// Length of a segment in bytes: a few groups.
const SEGMENT_BYTES: u64 = 16 << 10;
/// Length of the table's file in bytes, at most.
const TABLE_BYTES: u64 = 1 << 21;

/// What a data set holds.
pub type State = BTreeMap<Vec<u8>, Vec<u8>>;

/// What a life leaves when it ends as by a kill.
pub struct Copy {
    /// The log's files.
    pub log: MemoryStorage,
    /// The table's file.
    pub table: Vec<u8>,
    /// What is in it.
    pub state: State,
}

/// A server that runs.
pub struct Life {
    storage: MemoryStorage,
    file: MemoryFile,
    parts: Recovered<MemoryStorage>,
    state: State,
    wall_micros: u64,
}

impl Life {
    /// A new directory.
    pub fn begin(random: &mut SmallRng) -> Self {
        let (storage, file) = (MemoryStorage::new(), MemoryFile::new(TABLE_BYTES));
        let source = TableSource::New(Box::new(file.clone()));
        let parts = recover(source, storage.clone(), &table_options(42), log_options(random.random()))
            .expect("a new directory");
        Self { storage, file, parts, state: State::new(), wall_micros: random.random::<u32>().into() }
    }

    /// The next start on a copy of a directory.
    pub fn go_on(from: &Copy, random: &mut SmallRng) -> Self {
        let (storage, file) = (from.log.fork(), MemoryFile::from_image(&from.table, TABLE_BYTES));
        let source = TableSource::Existing(Box::new(file.clone()));
        let parts = recover(source, storage.clone(), &table_options(42), log_options(random.random()))
            .expect("a directory that is whole");
        let (state, wall_micros) = (from.state.clone(), random.random::<u32>().into());
        Self { storage, file, parts, state, wall_micros }
    }

    /// Groups of writes, and checkpoints between them.
    pub fn live(&mut self, random: &mut SmallRng) {
        for _ in 0..random.random_range(1..25) {
            self.group(random);
            if random.random_range(0..12) == 0 {
                self.checkpoint();
            }
            if random.random_range(0..3) == 0 {
                self.rest();
            }
        }
    }

    /// One group.
    fn group(&mut self, random: &mut SmallRng) {
        let Recovered { log, writer, .. } = &mut self.parts;
        let mut group = log.group();
        for _ in 0..random.random_range(1..4) {
            let key = format!("key:{}", random.random_range(0..300)).into_bytes();
            let value: Vec<u8> = (0..random.random_range(0..900)).map(|_| random.random()).collect();
            let mut effects = EffectBuffer::new();
            let effect =
                Effect::on(0, &key, StringChange::Set { value: &value, expire_at_ms: None, raw: false });
            Keyspace::new(writer, Some(&mut effects)).apply(&effect).expect("an effect that fits");
            group.record(|sink| effects.write(1, sink));
            self.state.insert(key, value);
        }
        self.wall_micros += 1000;
        log.submit(group, self.wall_micros).expect("submit");
        log.durable().expect("durable");
        let frozen = writer.freeze();
        writer.publish(frozen);
    }

    /// A quiet moment.
    fn rest(&mut self) {
        self.parts.log.seal(self.wall_micros).expect("seal");
    }

    /// Makes the table durable, as the writer does.
    fn checkpoint(&mut self) {
        let Recovered { log, writer, .. } = &mut self.parts;
        let lsn = log.synced_lsn();
        writer.set_log_checksum(log.synced_checksum());
        let durable = writer.begin_checkpoint(lsn, 0).run().expect("a checkpoint");
        writer.end_checkpoint(durable);
        log.recycle_through(lsn).expect("recycle");
    }

    /// Ends it.
    pub fn end(self) -> Copy {
        let Self { storage, file, parts, state, .. } = self;
        drop(parts);
        storage.settle();
        Copy { log: storage, table: file.image(), state }
    }
}

/// How a table is opened.
fn table_options(instance_id: u64) -> TableOptions {
    TableOptions {
        file_bytes_max: TABLE_BYTES,
        headroom_pages: 16,
        instance_id,
        seed: 5,
        ..TableOptions::default()
    }
}

/// How a log is opened.
fn log_options(salt_seed: u64) -> LogOptions {
    LogOptions {
        segment_bytes: SEGMENT_BYTES,
        block_bytes: 512,
        spare_segments: 1,
        background: false,
        salt_seed: Some(salt_seed),
        ..LogOptions::default()
    }
}

/// Starts on these files and reads all keys.
pub fn start(log: &MemoryStorage, table: &[u8]) -> Result<State, RecoveryError> {
    let file = MemoryFile::from_image(table, TABLE_BYTES);
    let source = TableSource::Existing(Box::new(file));
    let recovered = recover(source, log.fork(), &table_options(42), log_options(1))?;
    let view = recovered.table.snapshot();
    let mut lookups = Lookups::default();
    let mut state = State::new();
    let read = KeyReader::new(&view, 0, &mut lookups).each_from(0, b"", |key, value| {
        let text = value.expect("no key has a deadline").text()?.expect("a string");
        state.insert(key.to_vec(), text.to_contiguous(&view)?.into_owned());
        Ok(true)
    });
    read.expect("the keys can be read");
    Ok(state)
}

/// The first segment of another server's log.
pub fn foreign(seed: u64) -> Vec<u8> {
    let storage = MemoryStorage::new();
    let source = TableSource::New(Box::new(MemoryFile::new(TABLE_BYTES)));
    let parts =
        recover(source, storage.clone(), &table_options(43), log_options(seed)).expect("a new directory");
    drop(parts);
    let name = storage.names().into_iter().min().expect("a segment");
    storage.contents(&name).expect("a segment")
}

/// The files as an earlier version wrote them: meta pages and segment headers lack what links table and log.
pub fn without_marks(copy: &Copy) -> (MemoryStorage, Vec<u8>) {
    let mut table = copy.table.clone();
    for slot in 0..4 {
        let (page, at) = slot_place(slot);
        let sector = &mut table[page * 4096 + at..][..META_BYTES];
        if slot < 2 {
            sector[120..128].fill(0);
            seal(sector);
        } else {
            sector.fill(0);
        }
    }
    let log = copy.log.fork();
    for name in log.names() {
        let mut bytes = log.contents(&name).expect("a file of the log");
        let header = &mut bytes[..SEGMENT_HEADER_BYTES];
        if header[..8] != *b"ackd-wal" {
            continue;
        }
        header[100] &= 1;
        header[112..144].fill(0);
        seal(header);
        log.set_contents(&name, bytes);
    }
    (log, table)
}

/// Corrects the checksum of a sector, unless the sector is empty.
fn seal(sector: &mut [u8]) {
    if sector.iter().any(|byte| *byte != 0) {
        let checksum = crc32(&sector[..508]);
        sector[508..].copy_from_slice(&checksum.to_le_bytes());
    }
}

/// CRC-32 as the files use it, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    !crc
}
