//! A group of records: open, and in flight.

use std::time::Instant;

use wal::Group;

use crate::executor::Notifications;
use crate::submission::Completion;
use crate::table::Frozen;

/// A group that takes commands.
pub struct OpenGroup {
    /// The records so far.
    pub(super) group: Group,
    /// The time that all commands of the group see, in milliseconds since the Unix epoch.
    pub(super) now_ms: u64,
    /// Whether pages of the table were freed or moved, which changes the table without a record.
    pub(super) tidied: bool,
    /// Whether this is a quiet moment: publishing now costs nothing.
    pub(super) quiet: bool,
    /// The notifications about the group.
    pub(super) notifications: Notifications,
}

impl OpenGroup {
    /// Bytes so far.
    pub fn len_bytes(&self) -> usize {
        self.group.len_bytes()
    }

    /// Records so far.
    pub fn count(&self) -> u32 {
        self.group.count()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.group.is_empty()
    }

    /// The time that all commands of the group see, in milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Notes that this is a quiet moment.
    pub fn be_quiet(&mut self) {
        self.quiet = true;
    }

    /// Notes whether pages of the table were freed or moved.
    pub fn note_tidied(&mut self, tidied: bool) {
        self.tidied |= tidied;
    }
}

/// A closed group, and what happens when it is durable.
pub(super) struct Flight {
    /// LSN of its last record, or of the last one before it.
    pub last_lsn: u64,
    /// Records in it.
    pub records: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Whether it changed the table.
    pub changed: bool,
    /// Whether the log's thread syncs it.
    pub handed: bool,
    /// Its version, if that is to be published.
    pub frozen: Option<Frozen>,
    /// Whether a checkpoint of that version is to be started.
    pub checkpoint: bool,
    /// The notifications about it.
    pub notifications: Notifications,
    /// When it was closed, if latencies are measured.
    pub started: Option<Instant>,
    /// Submissions whose replies wait for it.
    pub answered: Vec<Completion>,
    /// Readers that wait for its publication.
    pub readers: Vec<async_channel::Sender<()>>,
}
