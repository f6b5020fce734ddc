//! Continues the log at the end that a reader found.
//!
//! Steps; after a crash in any of them, recovery starts again from the first:
//! 1. copy the torn tail to `NAME.broken-<lsn>` and sync the copy, before anything is changed; if there is no space for
//!    the copy, a tail that was never acknowledged is dropped without one;
//! 2. write zeros from the end of the last group to the end of the segment, so that parts of the torn group can
//!    never mix with parts of the next one;
//! 3. sync the zeros, and with them the recovered records: after a kill these may be in the page cache only;
//! 4. remove leftovers of interrupted preparations, and keep segments that are ready for use.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use crate::closed::Closed;
use crate::direct::{ALIGNMENT_BYTES, AlignedBuffer};
use crate::error::{LogError, is_full};
use crate::format::{Place, SECTOR_BYTES, SegmentHeader, SegmentHeaderState, TEMPORARY_SUFFIX};
use crate::local::{Active, Chain, LocalLog, Salts, Start};
use crate::options::LogOptions;
use crate::prepare::{Prepared, Preparer, write_zeros};
use crate::reader::LogEnd;
use crate::segments::{self, SegmentInfo, SegmentState};
use crate::storage::{Access, Storage, StorageFile, transfer};

impl<S: Storage> LocalLog<S> {
    /// Continues the log at `end`, which a [`Reader`](crate::Reader) of the same directory found. Everything before `end`
    /// is durable when this returns. Fails with [`LogError::Changed`] if the directory is not what the reader saw, or if
    /// the reader skipped damage; with [`LogError::Full`] if there is no space for a copy of a tail that may have been
    /// acknowledged.
    pub fn resume(storage: S, options: LogOptions, end: LogEnd) -> Result<Self, LogError> {
        options.check()?;
        let mut found = list(&storage)?;
        let active = open_active(&storage, &end)?;
        check_nothing_follows(&storage, &found, &active, &end)?;
        if end.torn_bytes > 0 {
            let mut preserved = preserve_torn_tail(&storage, &active.file, &end);
            if let Err(LogError::Full { .. }) = preserved {
                remove_prepared(&storage, &found)?;
                found = list(&storage)?;
                preserved = preserve_torn_tail(&storage, &active.file, &end);
            }
            match preserved {
                Err(LogError::Full { .. }) if end.accepted_loss.is_none() => {}
                preserved => preserved?,
            }
            clear_torn_tail(&storage, &active, &end)?;
        }
        sync_recovered(&storage, &active, &end)?;
        let ready = tidy(&storage, &options, &found, &end)?;
        let next_sequence = found.iter().map(|info| info.sequence).max().unwrap_or(0) + 1;
        let preparer = Preparer::new(storage.clone(), &options, ready, next_sequence, active.header.sequence);
        let closed = closed_before(&found, &active.header);
        let chain = Chain {
            last_lsn: end.last_lsn,
            last_group: end.last_group,
            last_checksum: end.last_checksum,
            records_checksum: end.records_checksum,
        };
        let salts = Salts::new(options.salt_seed.map(|seed| seed.wrapping_add(end.last_group + 1)));
        let sealed = end.sealed;
        Self::start(Start { storage, options, active, chain, closed, sealed, preparer, salts })
    }
}

fn list<S: Storage>(storage: &S) -> Result<Vec<SegmentInfo>, LogError> {
    segments::list(storage, Access::ReadDevice, 0)
        .map_err(|found| LogError::io("read", storage.path(&found.name))(found.error))
}

fn open_active<S: Storage>(storage: &S, end: &LogEnd) -> Result<Active<S::File>, LogError> {
    let path = || storage.path(&end.segment);
    let file = storage.open(&end.segment, Access::Write).map_err(LogError::io("open", path()))?;
    let (state, bytes) = segments::read_header(&file).map_err(LogError::io("read", path()))?;
    match state {
        SegmentHeaderState::Valid(header)
            if header.sequence == end.sequence
                && header.salt == end.salt
                && header.segment_bytes == bytes
                && end.offset <= bytes
                && end.offset.is_multiple_of(u64::from(header.block_bytes))
                && !end.damaged =>
        {
            Ok(Active { file: Arc::new(file), header, offset: end.offset })
        }
        _ => Err(LogError::Changed { path: path() }),
    }
}

/// Checks that nothing was appended since the end was found.
fn check_nothing_follows<S: Storage>(
    storage: &S,
    found: &[SegmentInfo],
    active: &Active<S::File>,
    end: &LogEnd,
) -> Result<(), LogError> {
    let path = || storage.path(&end.segment);
    let later = found.iter().any(|info| info.sequence > end.sequence && info.header().is_some());
    let mut sector = AlignedBuffer::zeroed(ALIGNMENT_BYTES);
    let aligned = end.offset - end.offset % ALIGNMENT_BYTES as u64;
    let got = transfer::read_full(&*active.file, sector.bytes_mut(), aligned)
        .map_err(LogError::io("read", path()))?;
    let at = (end.offset - aligned) as usize;
    let place = Place { salt: end.salt, offset: end.offset };
    let next_group = end.torn_bytes == 0
        && at + SECTOR_BYTES <= got
        && place.is_stamped(&sector.bytes()[at..], 0, end.last_group + 1);
    if later || next_group { Err(LogError::Changed { path: path() }) } else { Ok(()) }
}

/// Copies the torn tail. The copy gets its name only when it is complete and synced.
fn preserve_torn_tail<S: Storage>(storage: &S, file: &S::File, end: &LogEnd) -> Result<(), LogError> {
    let name = free_name(storage, end)?;
    let temporary = format!("{name}{TEMPORARY_SUFFIX}");
    let path = storage.path(&name);
    remove_if_there(storage, &temporary)?;
    let copied = storage.create(&temporary).and_then(|copy| {
        copy_range(file, &copy, end.offset, end.torn_bytes)?;
        copy.sync()
    });
    copied.map_err(|error| {
        let path = path.clone();
        if !is_full(&error) {
            return LogError::io("copy the torn tail to", path)(error);
        }
        // A part of a copy is of no use.
        let _ = storage.remove(&temporary);
        LogError::Full { path, needed: end.torn_bytes, source: error }
    })?;
    storage.rename(&temporary, &name).map_err(LogError::io("rename to", path))?;
    storage.sync_dir().map_err(LogError::io("sync directory", storage.path("")))
}

/// Removes prepared segments: their space is needed now.
fn remove_prepared<S: Storage>(storage: &S, found: &[SegmentInfo]) -> Result<(), LogError> {
    remove_temporary(storage)?;
    for info in found.iter().filter(|info| matches!(info.state, SegmentState::Prepared { .. })) {
        remove_if_there(storage, &info.name)?;
    }
    storage.sync_dir().map_err(LogError::io("sync directory", storage.path("")))
}

/// `NAME.broken-<lsn>`, with a number appended if the copy of an earlier torn tail has that name.
fn free_name<S: Storage>(storage: &S, end: &LogEnd) -> Result<String, LogError> {
    let names = storage.list().map_err(LogError::io("list", storage.path("")))?;
    let first = format!("{}.broken-{}", end.segment, end.last_lsn + 1);
    let numbered = |number: usize| if number == 0 { first.clone() } else { format!("{first}.{number}") };
    let free = (0..=names.len()).map(numbered).find(|name| !names.contains(name));
    Ok(free.expect("more candidates than names"))
}

fn copy_range<F: StorageFile>(from: &F, to: &F, start: u64, bytes: u64) -> io::Result<()> {
    let mut buffer = AlignedBuffer::zeroed(bytes.min(transfer::SLICE_BYTES as u64) as usize);
    let mut done = 0;
    while done < bytes {
        let slice = (bytes - done).min(transfer::SLICE_BYTES as u64) as usize;
        let target = &mut buffer.bytes_mut()[..slice];
        if transfer::read_full(from, target, start + done)? < slice {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        transfer::write_all(to, target, done)?;
        done += slice as u64;
    }
    Ok(())
}

/// Writes zeros over the torn tail and all that is after it; they are synced with what was recovered.
fn clear_torn_tail<S: Storage>(storage: &S, active: &Active<S::File>, end: &LogEnd) -> Result<(), LogError> {
    write_zeros(&*active.file, end.offset, active.header.segment_bytes, || ())
        .map_err(LogError::io("clear the torn tail of", storage.path(&end.segment)))
}

fn sync_recovered<S: Storage>(storage: &S, active: &Active<S::File>, end: &LogEnd) -> Result<(), LogError> {
    active.file.sync().map_err(LogError::io("sync", storage.path(&end.segment)))?;
    storage.sync_dir().map_err(LogError::io("sync directory", storage.path("")))
}

/// Removes leftovers and returns the segments that can be used as they are.
fn tidy<S: Storage>(
    storage: &S,
    options: &LogOptions,
    found: &[SegmentInfo],
    end: &LogEnd,
) -> Result<VecDeque<Prepared<S::File>>, LogError> {
    remove_temporary(storage)?;
    let mut ready = VecDeque::new();
    for info in found {
        let SegmentState::Prepared { recycled } = info.state else { continue };
        let SegmentInfo { sequence, bytes, .. } = *info;
        let usable = sequence > end.sequence && bytes == options.segment_bytes;
        if usable && ready.len() < options.spare_segments_max {
            let opened = storage.open(&info.name, Access::Write);
            let file = opened.map_err(LogError::io("open", storage.path(&info.name)))?;
            ready.push_back(Prepared { sequence, bytes, file, recycled });
        } else {
            remove_if_there(storage, &info.name)?;
        }
    }
    storage.sync_dir().map_err(LogError::io("sync directory", storage.path("")))?;
    Ok(ready)
}

/// Removes files whose preparation was interrupted.
fn remove_temporary<S: Storage>(storage: &S) -> Result<(), LogError> {
    let names = storage.list().map_err(LogError::io("list", storage.path("")))?;
    let mut temporary = names.iter().filter(|name| name.ends_with(TEMPORARY_SUFFIX));
    temporary.try_for_each(|name| remove_if_there(storage, name))
}

fn remove_if_there<S: Storage>(storage: &S, name: &str) -> Result<(), LogError> {
    match storage.remove(name) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(LogError::io("remove", storage.path(name))(error))
        }
        _ => Ok(()),
    }
}

/// The segments before `active`, oldest first.
fn closed_before(found: &[SegmentInfo], active: &SegmentHeader) -> VecDeque<Closed> {
    let mut closed = VecDeque::new();
    let mut next_lsn = active.first_lsn;
    for info in found.iter().rev() {
        let Some(header) = info.header().filter(|header| header.sequence < active.sequence) else { continue };
        closed.push_front(Closed {
            sequence: header.sequence,
            bytes: info.bytes,
            first_lsn: header.first_lsn,
            last_lsn: next_lsn - 1,
        });
        next_lsn = header.first_lsn;
    }
    closed
}
