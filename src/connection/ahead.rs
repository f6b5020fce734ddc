//! The keys of several reads that a client has sent are looked up together, ahead of the commands.
//!
//! A read that looks its key up alone waits for memory several times. So when a client has sent several reads, the
//! first one pins a version and has the keys of all of them fetched at the same time; then each runs as usual, on this
//! version. Whether a command may run, and what it replies, is decided when its turn comes.
//!
//! Invariants: a version is pinned for commands that were all received before, so it has all that was acknowledged when
//! the client sent them. It is unpinned before the session does anything but reads.

use std::ops::Range;

use smallvec::SmallVec;

use super::found::{Found, FoundCommands, KEYS_MAX};
use super::read::{Ahead, Reads};
use crate::table::Snapshot;

/// What the commands share that a session takes at once.
pub(super) struct Round<'t> {
    /// The data.
    reads: &'t dyn Reads,
    /// The version that is pinned for the current command and those after it.
    snapshot: Option<Snapshot<'t>>,
    /// The current command's keys among those that are looked up together.
    keys: Range<usize>,
}

impl<'t> Round<'t> {
    /// A round that has done nothing.
    pub fn new(reads: &'t dyn Reads) -> Self {
        Self { reads, snapshot: None, keys: 0..0 }
    }

    /// Notes which command's turn it is.
    pub fn begin(&mut self, found: &Found) {
        self.keys = found.keys.clone();
        if self.keys.is_empty() {
            self.unpin();
        }
    }

    /// Unpins the version, if one is pinned.
    pub fn unpin(&mut self) {
        self.snapshot = None;
    }

    /// Whether there is a version for the current command that has everything that it must see.
    pub fn is_pinned(&self) -> bool {
        self.snapshot.is_some()
    }

    /// If the current command reads, and others after it, pins a version for them and looks their keys up. It must have
    /// been made sure that the newest version has everything that was acknowledged before the commands came.
    pub fn look_ahead(&mut self, found: &mut FoundCommands, input: &[u8], db: u16) {
        if self.keys.is_empty() || found.is_looked_up || found.keys.len() < 2 {
            return;
        }
        found.is_looked_up = true;
        let keys: SmallVec<[&[u8]; KEYS_MAX]> = found.keys.iter().map(|span| span.of(input)).collect();
        self.snapshot = self.reads.look_ahead(db, &keys, &mut found.hints);
    }

    /// What was done ahead for the current command.
    pub fn ahead<'a>(&'a self, found: &'a FoundCommands) -> Ahead<'a> {
        let hints = found.hints.get(self.keys.clone()).unwrap_or_default();
        Ahead { snapshot: self.snapshot.as_ref(), hints }
    }
}
