//! Options for opening a log.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::Lsn;
use crate::direct::ALIGNMENT_BYTES;
use crate::error::LogError;
use crate::format::{self, BLOCK_BYTES, GROUP_HEADER_BYTES, Known};

/// Default length of a segment in bytes.
pub const SEGMENT_BYTES: u64 = 64 << 20;

/// A callback for an event.
#[derive(Clone)]
pub struct Notify(Arc<dyn Fn() + Send + Sync>);

impl Notify {
    /// Calls `tell` at the event. `tell` must not block.
    pub fn new(tell: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Calls the callback.
    pub(crate) fn notify(&self) {
        (self.0)();
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Notify")
    }
}

/// The newest segment in use, to be stored outside the log: a log without this segment has lost its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentMark {
    /// Number of the segment.
    pub sequence: u64,
    /// Salt of this use of it.
    pub salt: u64,
    /// LSN of the last record known to be durable.
    pub last_lsn: Lsn,
    /// The last group known to be durable, which may be a seal; `None` if it is not known.
    pub group: Option<GroupMark>,
}

/// A group, as a [`SegmentMark`] names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupMark {
    /// Number of the group.
    pub number: u64,
    /// Its checksum, which covers all groups before.
    pub checksum: u32,
}

/// A callback that stores the mark of the newest segment outside the log.
#[derive(Clone)]
pub struct Remember(Arc<dyn Fn(SegmentMark) -> io::Result<()> + Send + Sync>);

impl Remember {
    /// Calls `remember` with each mark; it must make the mark durable before it returns. An error of it is final for the
    /// log.
    pub fn new(remember: impl Fn(SegmentMark) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self(Arc::new(remember))
    }

    /// Calls the callback.
    pub(crate) fn remember(&self, mark: SegmentMark) -> io::Result<()> {
        (self.0)(mark)
    }
}

impl fmt::Debug for Remember {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Remember")
    }
}

/// How a log lays out its segments, and which threads do its work.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// Length of a segment in bytes, a multiple of 4096 and of the block, at least 4 blocks.
    pub segment_bytes: u64,
    /// Block on which a group starts, in bytes: a power of two, 512 to 65536. Should be the device's physical
    /// block; applies to segments taken into use from now on.
    pub block_bytes: u32,
    /// Segments kept prepared ahead of need, at least 1.
    pub spare_segments: usize,
    /// Segments that may wait for reuse: beyond this number an old one is removed, not recycled. If this is more than
    /// is written between two checkpoints, no segment has to be filled with zeros in the long run.
    pub spare_segments_max: usize,
    /// Bytes of segments to keep as history although a checkpoint covers them.
    pub keep_bytes: u64,
    /// Identifies the log; a segment of another log is refused.
    pub instance_id: [u8; 16],
    /// Wall clock in microseconds since 1970, stored in the first segment of a new log.
    pub wall_micros: u64,
    /// Epoch of this writer, stored in segments and groups.
    pub epoch: u64,
    /// Whether a thread of the log prepares and recycles segments. Without it, `reserve` and `recycle_through`
    /// do that work themselves, in an order that depends only on the calls.
    pub background: bool,
    /// Whether the log has a thread that can write and sync a group while the next one is gathered. Without it only
    /// `durable` writes, on the caller's thread.
    pub sync_thread: bool,
    /// Called on that thread each time that a group is synced, or failed.
    pub synced: Option<Notify>,
    /// Called on that thread if it gets no other group for this long after one: perhaps nobody has noticed that.
    pub unnoticed: Option<(Duration, Notify)>,
    /// Called for each segment that is taken into use, after its header is durable and before its first group is written;
    /// and at each [`Log::seal`](crate::Log::seal), with the LSN that is durable then.
    pub remember: Option<Remember>,
    /// The state that a repair writes this log for; stored in the headers of its segments.
    pub adopted: Option<Known>,
    /// Salt of the newest segment of the log that a repair replaces by this one; 0 for any other log.
    pub replaces_salt: u64,
    /// Whether a start may drop a damaged last group, see
    /// [`ReadOptions::accept_tail_loss`](crate::ReadOptions::accept_tail_loss).
    pub accept_tail_loss: bool,
    /// Seed of the segments' salts; `None` takes them from the operating system. A fixed seed is for tests only:
    /// a client that knows a salt can make values that look like groups.
    pub salt_seed: Option<u64>,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            segment_bytes: SEGMENT_BYTES,
            block_bytes: BLOCK_BYTES,
            spare_segments: 2,
            spare_segments_max: 8,
            keep_bytes: 0,
            instance_id: [0; 16],
            wall_micros: 0,
            epoch: 0,
            background: true,
            sync_thread: false,
            synced: None,
            unnoticed: None,
            remember: None,
            adopted: None,
            replaces_salt: 0,
            accept_tail_loss: false,
            salt_seed: None,
        }
    }
}

impl LogOptions {
    /// Says what is wrong with the options, if anything.
    pub(crate) fn check(&self) -> Result<(), LogError> {
        if !format::block_bytes_valid(self.block_bytes) {
            return Err(LogError::Options("block_bytes is not a power of two from 512 to 65536"));
        }
        if !self.segment_bytes.is_multiple_of(self.unit_bytes()) {
            return Err(LogError::Options("segment_bytes is not a multiple of 4096 and of block_bytes"));
        }
        if self.segment_bytes < 4 * u64::from(self.block_bytes) || self.segment_bytes > i64::MAX as u64 / 2 {
            return Err(LogError::Options("segment_bytes is below four blocks or beyond any file"));
        }
        if self.spare_segments == 0 {
            return Err(LogError::Options("spare_segments is zero"));
        }
        Ok(())
    }

    /// Bytes of which a segment's length is a multiple.
    fn unit_bytes(&self) -> u64 {
        u64::from(self.block_bytes).max(ALIGNMENT_BYTES as u64)
    }

    /// Length in bytes of a segment for a group with `content_bytes` and a seal: the usual length, or more if it is too short.
    pub(crate) fn segment_bytes_for(&self, content_bytes: usize) -> u64 {
        let group_bytes = format::disk_bytes(content_bytes, self.block_bytes);
        let seal_bytes = format::disk_bytes(GROUP_HEADER_BYTES, self.block_bytes);
        let needed = u64::from(self.block_bytes) + group_bytes + seal_bytes;
        self.segment_bytes.max(needed.next_multiple_of(self.unit_bytes()))
    }
}
