//! A write-ahead log: groups of opaque records, each group synced as one, in preallocated segments.
//!
//! A writer gathers records in a [`Group`], [`Log::submit`]s it, and learns from [`Log::durable`] that it
//! survives any crash. After a crash a [`Reader`] returns the records and says where the log ends; it
//! distinguishes a torn tail from damage. [`LocalLog::resume`] continues the log from there.
//!
//! ```
//! use wal::{Log, LocalLog, LogOptions, MemoryStorage, ReadOptions, Reader, Step};
//!
//! let storage = MemoryStorage::new();
//! let options = LogOptions { segment_bytes: 1 << 20, ..LogOptions::default() };
//! let mut log = LocalLog::create(storage.clone(), options.clone())?;
//! let mut group = log.group();
//! group.record(|buffer| buffer.extend_from_slice(b"hello"));
//! assert_eq!(log.submit(group, 0)?, (1, 1));
//! assert_eq!(log.durable()?, 1);
//! drop(log);
//!
//! let mut reader = Reader::open(&storage, ReadOptions::default())?;
//! let Step::Record(record) = reader.next()? else { panic!("a record") };
//! assert_eq!((record.lsn, record.payload), (1, &b"hello"[..]));
//! let Step::CleanEnd(end) = reader.next()? else { panic!("the end") };
//! let log = LocalLog::resume(storage, options, end)?;
//! assert_eq!(log.last_lsn(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A user of the log need not know how it is stored: [`LogHome`] is a log that nobody writes to, [`Replay`] reads it, and
//! [`Log`] appends to it.
//!
//! Assumptions: a sector of 512 bytes is written completely or not at all; what a successful sync wrote stays;
//! a failed sync says nothing about what is on disk. Guarantees: after any crash, a record at or below the synced LSN
//! is returned unchanged, or the reader says that the log is corrupt; a group is returned completely or not at all.
//!
//! The bytes are described in `format`, the decision at the log's end in `reader`, the steps after a crash in
//! `resume`, and how segments come and go in `prepare`.

mod closed;
mod create;
mod dir;
mod direct;
mod error;
mod format;
mod group;
mod home;
mod identities;
mod local;
mod log;
mod looks;
mod memory;
mod options;
mod prepare;
mod reader;
mod resume;
mod segments;
mod status;
mod storage;
mod sync;

pub use crate::dir::{DirFile, DirStorage};
pub use crate::direct::{ALIGNMENT_BYTES, AlignedBuffer};
pub use crate::error::{LogError, LogErrorKind};
pub use crate::format::{
    BLOCK_BYTES, BLOCK_BYTES_MAX, BLOCK_BYTES_MIN, GROUP_BYTES_MAX, GROUP_HEADER_BYTES, GroupHeader,
    GroupKind, Known, RECORD_FRAME_BYTES, SECTOR_BYTES, SEGMENT_HEADER_BYTES, SEGMENT_SUFFIX, SegmentHeader,
    SegmentHeaderState, TEMPORARY_SUFFIX, disk_bytes, segment_name, segment_sequence, used_bytes,
};
pub use crate::group::{Group, GroupBuffer};
pub use crate::home::{LogHome, Replay};
pub use crate::local::LocalLog;
pub use crate::log::{Log, Lsn};
pub use crate::memory::{Fault, MemoryFile, MemoryStorage, Operation, OperationKind};
pub use crate::options::{GroupMark, LogOptions, Notify, Remember, SEGMENT_BYTES, SegmentMark};
pub use crate::reader::{
    CorruptReason, GroupInfo, LogEnd, ReadError, ReadOptions, ReadProgress, Reader, RecordRef, Step, segments,
};
pub use crate::segments::{SegmentInfo, SegmentState};
pub use crate::status::{FileStatus, LATENCY_BUCKETS, LogStatus};
pub use crate::storage::{Access, FileIdentity, Method, Storage, StorageFile};

#[cfg(test)]
mod tests;
