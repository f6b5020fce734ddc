//! A new log: from an empty directory to a first segment in use.
//!
//! A crash before the end leaves no segment with a header, so the next attempt starts over.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::direct::AlignedBuffer;
use crate::error::LogError;
use crate::format::{self, SegmentHeader, segment_name};
use crate::local::{Active, Chain, LocalLog, Salts, Start};
use crate::log::Lsn;
use crate::options::LogOptions;
use crate::prepare::{Prepared, Preparer};
use crate::segments::{self, SegmentState};
use crate::storage::{Access, Storage, transfer};

impl<S: Storage> LocalLog<S> {
    /// Makes a new log; its first segment is durable when this returns. Fails with [`LogError::Exists`] if the
    /// directory has a segment in use. Removes what a crash left of an earlier attempt.
    pub fn create(storage: S, options: LogOptions) -> Result<Self, LogError> {
        Self::create_from(storage, options, 1)
    }

    /// As [`LocalLog::create`], for a log whose first record gets the LSN `first_lsn`: earlier records are not in the log.
    pub fn create_from(storage: S, options: LogOptions, first_lsn: Lsn) -> Result<Self, LogError> {
        options.check()?;
        if !(1..u64::MAX / 2).contains(&first_lsn) {
            return Err(LogError::Options("first_lsn is out of range"));
        }
        let next_sequence = clear_for_new_log(&storage)?;
        let preparer = Preparer::new(storage.clone(), &options, VecDeque::new(), next_sequence, 0);
        let prepared = preparer.make(options.segment_bytes)?;
        let mut salts = Salts::new(options.salt_seed);
        let chain =
            Chain { last_lsn: first_lsn - 1, last_group: 0, last_checksum: 0, records_checksum: None };
        let header = first_header(&options, &prepared, salts.next(), first_lsn);
        write_header(&storage, &prepared.file, &header)?;
        let active = Active { file: Arc::new(prepared.file), header, offset: u64::from(header.block_bytes) };
        Self::start(Start {
            storage,
            options,
            active,
            chain,
            closed: VecDeque::new(),
            sealed: true,
            preparer,
            salts,
        })
    }
}

/// Writes a segment's header block and makes it durable.
pub(crate) fn write_header<S: Storage>(
    storage: &S,
    file: &S::File,
    header: &SegmentHeader,
) -> Result<(), LogError> {
    let mut block = AlignedBuffer::zeroed(header.block_bytes as usize);
    let encoded = header.encode();
    block.bytes_mut()[..encoded.len()].copy_from_slice(&encoded);
    let path = storage.path(&segment_name(header.sequence));
    let written = transfer::append_all(file, &block.bytes()[..header.block_bytes as usize], 0);
    written.map(|_| ()).map_err(LogError::io("write", path))
}

/// The header of the first segment of a new log.
fn first_header<F>(options: &LogOptions, prepared: &Prepared<F>, salt: u64, first_lsn: Lsn) -> SegmentHeader {
    SegmentHeader {
        block_bytes: options.block_bytes,
        instance_id: options.instance_id,
        salt,
        sequence: prepared.sequence,
        segment_bytes: prepared.bytes,
        epoch: options.epoch,
        first_lsn,
        first_group: 1,
        previous_sequence: 0,
        previous_end: 0,
        previous_checksum: 0,
        recycled: false,
        wall_micros: options.wall_micros,
        records_checksum: None,
        adopted: options.adopted,
        replaces_salt: options.replaces_salt,
    }
}

/// Refuses a directory with a log; removes what an interrupted creation left. Returns the first segment's number.
fn clear_for_new_log<S: Storage>(storage: &S) -> Result<u64, LogError> {
    let found = segments::list(storage, Access::ReadDevice, 0)
        .map_err(|found| LogError::io("read", storage.path(&found.name))(found.error))?;
    for info in &found {
        if info.state != (SegmentState::Prepared { recycled: false }) {
            return Err(LogError::Exists { path: storage.path(&info.name) });
        }
    }
    let names = storage.list().map_err(LogError::io("list", storage.path("")))?;
    let leftover =
        |name: &String| name.ends_with(format::TEMPORARY_SUFFIX) || format::segment_sequence(name).is_some();
    for name in names.iter().filter(|name| leftover(name)) {
        storage.remove(name).map_err(LogError::io("remove", storage.path(name)))?;
    }
    storage.sync_dir().map_err(LogError::io("sync directory", storage.path("")))?;
    Ok(1)
}
