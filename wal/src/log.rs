//! The log as its writer sees it, however the records are stored.

use std::time::Duration;

use crate::error::LogError;
use crate::group::Group;
use crate::options::SegmentMark;
use crate::status::LogStatus;

/// Number of a record: 1, 2, 3 ... without gaps.
pub type Lsn = u64;

/// A sequence of groups of records. Groups are submitted in order; a later call says how far they are durable,
/// so the writer may gather the next group in between. They become durable in the same order.
///
/// The log decides how many groups may be in flight at once; if that many are, a submit waits. A writer that has lost the
/// right to write gets [`LogError::Fenced`] from each call that writes or says what is durable; [`Log::synced_lsn`] no
/// longer changes.
///
/// Invariant: `synced_lsn() <= last_lsn()`, and a record at or below `synced_lsn()` survives any crash.
pub trait Log: Send {
    /// An empty group, in memory reused from earlier groups.
    fn group(&mut self) -> Group;

    /// Secures space for the next group, if its [`Group::len_bytes`] is at most `bytes`.
    /// After [`LogError::Full`] and [`LogError::Unavailable`] nothing has changed.
    fn reserve(&mut self, bytes: u64) -> Result<(), LogError>;

    /// Whether reserving space for a group whose [`Group::len_bytes`] is `bytes`, or submitting it, may wait for the disk.
    fn would_wait(&self, bytes: u64) -> bool;

    /// Submits one group and returns the LSNs of its first and last record. The group is not durable yet when this
    /// returns. An empty group writes nothing and returns `(last_lsn() + 1, last_lsn())`. If the group is larger than
    /// what was reserved, this reserves first. With [`LogError::Full`], [`LogError::TooLarge`] and
    /// [`LogError::Unavailable`] the group is dropped, no LSN is used, and the group never becomes durable.
    fn submit(&mut self, group: Group, wall_micros: u64) -> Result<(Lsn, Lsn), LogError>;

    /// Starts writing the submitted groups on another thread; false if the log has no such thread. When a group is durable,
    /// or failed, [`LogOptions::synced`](crate::LogOptions::synced) is called.
    fn sync_meanwhile(&mut self) -> bool;

    /// Updates the synced LSN without waiting, and returns it.
    fn poll_durable(&mut self) -> Result<Lsn, LogError>;

    /// Waits until all submitted groups are durable, and returns the synced LSN. Writes the last group itself if no
    /// other thread does.
    fn durable(&mut self) -> Result<Lsn, LogError>;

    /// Writes a seal, which says in the log how far it is durable, unless there is one already. Until then damage to the
    /// last group may look like a torn tail. Does nothing if the segment has no space for it: the next segment's header
    /// says the same. Also [stores a mark](crate::LogOptions::remember) outside the log.
    fn seal(&mut self, wall_micros: u64) -> Result<(), LogError>;

    /// Writes a seal that no other copy of this log has, and makes it durable: it shows that the groups after it belong to
    /// this copy. Called once, before the first group.
    fn seal_start(&mut self, wall_micros: u64) -> Result<(), LogError>;

    /// The mark to store outside the log, by which a loss of the log's end is noticed; `None` if the log cannot lose its
    /// end. Nothing may be in flight.
    fn mark(&self) -> Option<SegmentMark>;

    /// How long the last write took until it was durable; zero before the first, and if nobody measures it.
    fn sync_time(&self) -> Duration;

    /// LSN of the last record submitted, 0 before the first.
    fn last_lsn(&self) -> Lsn;

    /// LSN of the last record known to be durable, 0 before the first.
    fn synced_lsn(&self) -> Lsn;

    /// Checksum of the group of records that ends at `synced_lsn()`. It covers the checksums of all earlier groups: stored
    /// with a state, it tells later whether a log is the one that the state came from. `None` before the first group, or if
    /// it is not known.
    fn synced_checksum(&self) -> Option<u32>;

    /// Allows the log to recycle the space of records up to `lsn`, which must be durable elsewhere.
    fn recycle_through(&mut self, lsn: Lsn) -> Result<(), LogError>;

    /// Checks that nobody removed, renamed, replaced or truncated the log's files, if it has any. [`LogError::Displaced`]
    /// is final.
    fn look_at_files(&mut self) -> Result<(), LogError>;

    /// Checks that nobody overwrote the active segment, if there is one: its header must be the one that was written.
    fn look_at_header(&mut self) -> Result<(), LogError>;

    /// Frees the memory that is kept for later groups.
    fn let_go(&mut self);

    /// Counters and state.
    fn status(&self) -> LogStatus;
}
