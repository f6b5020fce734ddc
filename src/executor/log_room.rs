//! All that the executor knows of the log: the space in the open group.

use super::notifications::Notifications;
use crate::effect::Sink;
use crate::keyspace::{ApplyError, KeyspaceError};
use crate::resp::Args;
use crate::spec::{Flags, Spec};
use crate::table::TableError;

/// The space for records in a group of the log.
pub trait LogRoom {
    /// An error of table or log that ends the work.
    type Error: From<TableError> + From<KeyspaceError> + From<ApplyError>;
    /// What the payload of a record is written into.
    type Buffer: Sink;

    /// LSN of the group's first record.
    fn first_lsn(&self) -> u64;

    /// Number of records in the group.
    fn count(&self) -> u32;

    /// Bytes of the group so far.
    fn len_bytes(&self) -> u64;

    /// The payloads of the group's records, in order.
    fn payloads(&self) -> impl Iterator<Item = &[u8]>;

    /// Bytes that a record takes in a group, with a payload of `payload_bytes`.
    fn record_bytes(payload_bytes: u64) -> u64;

    /// Adds a record, whose payload is what `write` writes.
    fn record(&mut self, write: impl FnOnce(&mut Self::Buffer));

    /// Reserves space so that the group can grow to `group_bytes` bytes, or returns why it cannot.
    ///
    /// # Errors
    /// The log cannot go on.
    fn secure(&mut self, group_bytes: u64) -> Result<Option<Shortage>, Self::Error>;

    /// Notes whether there was too little space for a write, in log or table.
    fn note_space(&mut self, is_short: bool);
}

/// Why a group cannot grow. Holds the log's error text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// There is no space for the log. That may change.
    Full(String),
    /// No group may have that many bytes.
    TooLarge(String),
    /// The log cannot be reached. That may change.
    Unavailable(String),
    /// The log is fenced: another server writes to it now.
    Fenced(String),
}

/// The open group, as commands see it.
pub struct Round<'a, R: LogRoom> {
    /// Where their records go.
    pub(super) room: R,
    /// The time that all of them see, in milliseconds since the Unix epoch.
    pub(super) now_ms: u64,
    /// The notifications about the group.
    pub(super) notifications: &'a mut Notifications,
    /// The error that ends the log, if there is one.
    pub(super) failed: Option<R::Error>,
}

impl<'a, R: LogRoom> Round<'a, R> {
    /// Commands see the time `now_ms`, and their records go to `room`.
    pub fn new(room: R, now_ms: u64, notifications: &'a mut Notifications) -> Self {
        Self { room, now_ms, notifications, failed: None }
    }

    /// Notes the keys that a command of a client that tracks reads.
    pub(super) fn note_reads(&mut self, spec: &'static Spec, args: &Args<'_>, by: u64) {
        if spec.flags.has(Flags::READONLY) {
            spec.keys_in(args).for_each(|key| self.notifications.read(key, by));
        }
    }
}
