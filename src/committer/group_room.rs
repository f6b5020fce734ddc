//! The space that the open group has in the log.

use wal::{Group, GroupBuffer, Log, LogErrorKind};

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
        if group_bytes <= self.committer.secured_bytes {
            return Ok(None);
        }
        let Err(error) = self.committer.log.reserve(group_bytes) else {
            self.committer.secured_bytes = group_bytes;
            return Ok(None);
        };
        let shortage = match error.kind() {
            LogErrorKind::Full => Shortage::Full,
            LogErrorKind::TooLarge => Shortage::TooLarge,
            LogErrorKind::Unavailable => Shortage::Unavailable,
            LogErrorKind::Fenced => Shortage::Fenced,
            _ => return Err(error.into()),
        };
        Ok(Some(shortage(error.to_string())))
    }

    /// Shows it in `INFO`. While space is short, requests a checkpoint: only that frees the log before it, and the
    /// pages that deletes left.
    fn note_space(&mut self, is_short: bool) {
        self.committer.gauges.set_writable(!is_short);
        if is_short {
            self.committer.checkpointer.short_of_space();
        }
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
