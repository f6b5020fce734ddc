//! The space that the open group has in the log.

use wal::{Group, GroupBuffer, Log};

use super::Committer;
use super::error::WriterError;
use super::group::OpenGroup;
use crate::effect::Sink;
use crate::executor::{LogRoom, Round, Shortage};

/// The space that the open group has in the log.
pub struct GroupRoom<'a, L> {
    /// The committer, which has the log.
    committer: &'a mut Committer<L>,
    /// The open group.
    group: &'a mut Group,
}

impl<L: Log> Committer<L> {
    /// The open group, for the executor.
    pub fn round<'a>(&'a mut self, open: &'a mut OpenGroup) -> Round<'a, GroupRoom<'a, L>> {
        let room = GroupRoom { committer: self, group: &mut open.group };
        Round::new(room, open.now_ms, &mut open.notifications)
    }

    /// Shows in `INFO` whether space is too short for writes. While it is, requests a checkpoint: only that frees the log
    /// before it, and the pages that deletes left.
    pub(super) fn note_space(&mut self, is_short: bool) {
        if self.log.note_space(is_short) {
            self.checkpointer.short_of_space();
        }
    }
}

impl<L: Log> LogRoom for GroupRoom<'_, L> {
    type Error = WriterError;
    type Buffer = GroupBuffer;

    fn first_lsn(&self) -> u64 {
        self.committer.log.last_lsn() + 1
    }

    fn count(&self) -> u32 {
        self.group.count()
    }

    fn len_bytes(&self) -> u64 {
        self.group.len_bytes() as u64
    }

    fn payloads(&self) -> impl Iterator<Item = &[u8]> {
        self.group.payloads()
    }

    fn record_bytes(payload_bytes: u64) -> u64 {
        Group::record_bytes(payload_bytes as usize) as u64
    }

    fn record(&mut self, write: impl FnOnce(&mut GroupBuffer)) {
        self.group.record(write);
    }

    fn secure(&mut self, group_bytes: u64) -> Result<Option<Shortage>, WriterError> {
        self.committer.log.secure(group_bytes)
    }

    fn note_space(&mut self, is_short: bool) {
        self.committer.note_space(is_short);
    }
}

impl Sink for GroupBuffer {
    fn push(&mut self, byte: u8) {
        GroupBuffer::push(self, byte);
    }

    fn extend_from_slice(&mut self, bytes: &[u8]) {
        GroupBuffer::extend_from_slice(self, bytes);
    }
}
