//! The log as its writer sees it, whatever keeps the records durable.

use crate::error::LogError;
use crate::group::Group;
use crate::options::SegmentMark;
use crate::status::LogStatus;

/// Number of a record: 1, 2, 3 ... without gaps.
pub type Lsn = u64;

/// A sequence of groups of records. Groups are handed over in order; a later call says how far they are durable,
/// so the writer may gather the next group in between. They become durable in the same order.
///
/// How many groups may be on their way at once is the log's business: a log that has no place for one more waits until it
/// has. Whoever loses the right to write is told so by [`LogError::Fenced`], from then on by each call that would write or
/// says what is durable; [`Log::synced_lsn`] stays what it was last.
///
/// Invariant: `synced_lsn() <= last_lsn()`, and a record at or below `synced_lsn()` survives any crash.
pub trait Log: Send {
    /// An empty group, its memory recycled from earlier groups.
    fn group(&mut self) -> Group;

    /// Makes sure that the next group, if its [`Group::len_bytes`] is at most `bytes`, finds space.
    /// [`LogError::Full`] and [`LogError::Unavailable`] leave everything as it was.
    fn reserve(&mut self, bytes: u64) -> Result<(), LogError>;

    /// Hands over one group and returns the LSNs of its first and last record. Not durable yet when this
    /// returns. An empty group writes nothing and returns `(last_lsn() + 1, last_lsn())`. Reserves first when
    /// the group is larger than what was reserved; then, on [`LogError::Full`], the group is dropped and no LSN
    /// is used.
    fn submit(&mut self, group: Group, wall_micros: u64) -> Result<(Lsn, Lsn), LogError>;

    /// Has the submitted groups written while the caller goes on, and says whether there is somebody to do that. Once one
    /// is durable, or failed, [`LogOptions::synced`](crate::LogOptions::synced) is called.
    fn sync_meanwhile(&mut self) -> bool;

    /// Takes notice of how far the log is durable by now, without waiting, and returns the synced LSN.
    fn poll_durable(&mut self) -> Result<Lsn, LogError>;

    /// Waits until all submitted groups are durable and returns the synced LSN. Writes the last one itself if nobody
    /// does so meanwhile.
    fn durable(&mut self) -> Result<Lsn, LogError>;

    /// Says in the log itself how far it is durable, if that is not said already. Until then damage to the last
    /// group may look like a write that a crash interrupted. Does nothing when the segment has no room for it:
    /// the next segment says the same. Has it
    /// [remembered](crate::LogOptions::remember) outside the log as well.
    fn seal(&mut self, wall_micros: u64) -> Result<(), LogError>;

    /// Writes a seal that no other copy of this log has, and makes it durable: what is written behind it, and not behind the
    /// end of another copy, is of this one. Asked for once, before the first group.
    fn seal_start(&mut self, wall_micros: u64) -> Result<(), LogError>;

    /// What is to be remembered outside the log, so that its loss is noticed; `None` if it cannot get lost by itself. Nothing
    /// is in flight.
    fn mark(&self) -> Option<SegmentMark>;

    /// LSN of the last record submitted, 0 before the first.
    fn last_lsn(&self) -> Lsn;

    /// LSN of the last record known to be durable, 0 before the first.
    fn synced_lsn(&self) -> Lsn;

    /// Checksum of the group of records that ends at `synced_lsn()`: it covers the checksums of all groups before it, so
    /// that whoever keeps it with a state can tell later whether a log is the one that the state came from. `None` before
    /// the first, or when the log does not say.
    fn synced_checksum(&self) -> Option<u32>;

    /// Allows the log to reuse the space of records up to `lsn`, which must be durable elsewhere by now.
    fn recycle_through(&mut self, lsn: Lsn) -> Result<(), LogError>;

    /// Makes sure that the log's files, if it has any, are still what their names stand for: nobody removed, replaced or cut
    /// them. [`LogError::Displaced`] is final.
    fn look_at_files(&mut self) -> Result<(), LogError>;

    /// Makes sure that nobody wrote over the segment that takes groups, if there is one: its header is still the one that
    /// was written.
    fn look_at_header(&mut self) -> Result<(), LogError>;

    /// Frees memory that is kept for groups to come.
    fn let_go(&mut self);

    /// Counters and state.
    fn status(&self) -> LogStatus;
}
