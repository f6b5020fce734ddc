//! A group of records: as long as it takes commands, and on its way to the disk.

use std::time::Instant;

use wal::Group;

use super::aftermath::Aftermath;
use super::submission::Submission;
use crate::resp::Args;
use crate::spec::{Flags, Spec};
use crate::table::Frozen;

/// A group that takes commands.
pub(super) struct OpenGroup {
    /// The records so far.
    pub(super) group: Group,
    /// The time that all commands of the group see, in milliseconds since the Unix epoch.
    pub(super) now_ms: u64,
    /// Whether the table may have been changed in this group.
    pub(super) changed: bool,
    /// Whether this is a quiet moment: publishing now costs no writer anything.
    pub(super) quiet: bool,
    /// What others are told of the group.
    pub(super) aftermath: Aftermath,
}

impl OpenGroup {
    /// Notes the keys that a command of a client that tracks reads.
    pub(super) fn note_reads(&mut self, spec: &'static Spec, args: &Args<'_>, by: u64) {
        if spec.flags.has(Flags::READONLY) {
            spec.keys_in(args).for_each(|key| self.aftermath.read(key, by));
        }
    }
}

/// A group that was closed: what happens when it is durable.
pub(super) struct Flight {
    /// Records in it.
    pub(super) records: u64,
    /// Bytes of it.
    pub(super) bytes: u64,
    /// Whether it changed the table.
    pub(super) changed: bool,
    /// Its version, if that is to be published.
    pub(super) frozen: Option<Frozen>,
    /// Whether a checkpoint of that version is to be started.
    pub(super) checkpoint: bool,
    /// What others are told of it.
    pub(super) aftermath: Aftermath,
    /// When it was closed, if anybody wants to know how long things take.
    pub(super) started: Option<Instant>,
    /// Submissions whose replies wait for it.
    pub(super) answered: Vec<(Box<Submission>, usize)>,
    /// Readers that wait for its publication.
    pub(super) readers: Vec<async_channel::Sender<()>>,
}
