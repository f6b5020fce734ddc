//! Checks, before a piece of a reply is sent, that it may be: what is sent cannot be taken back.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::resp::Sink;
use crate::table::Table;

/// Why a piece was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Keys were found expired, which must be deleted first.
    Stale,
    /// Pages became unreadable, so the piece cannot be trusted.
    Faulted,
    /// Nobody wants it.
    Gone,
}

/// Lets the pieces of a reply through that are read from `table`.
pub(super) struct Guard<'a> {
    /// The table.
    table: &'a Table,
    /// Unreadable pages when the read began.
    faults: u64,
    /// Set when a key was found expired; `None` if that does not matter.
    expired: Option<&'a AtomicBool>,
    /// Where the pieces go.
    sink: &'a mut dyn Sink,
    /// Whether a piece was sent.
    gave: bool,
    /// Why one was not.
    refusal: Option<Refusal>,
}

impl<'a> Guard<'a> {
    /// A guard for a read that begins now.
    pub fn new(table: &'a Table, expired: Option<&'a AtomicBool>, sink: &'a mut dyn Sink) -> Self {
        Self { table, faults: table.faults(), expired, sink, gave: false, refusal: None }
    }

    /// Whether a piece was sent.
    pub fn gave(&self) -> bool {
        self.gave
    }

    /// Ends the read; returns why a piece was not sent, or why the rest may not be.
    pub fn end(&self) -> Option<Refusal> {
        // Keys may still be deleted if nothing was sent.
        let too_late = |refusal: &Refusal| self.gave || *refusal != Refusal::Stale;
        self.refusal.or_else(|| self.check().filter(too_late))
    }

    /// Whether the next piece may not be sent.
    fn check(&self) -> Option<Refusal> {
        if self.table.faults() != self.faults {
            Some(Refusal::Faulted)
        } else if self.expired.is_some_and(|expired| expired.load(Relaxed)) {
            Some(Refusal::Stale)
        } else {
            None
        }
    }
}

impl Sink for Guard<'_> {
    fn take(&mut self, piece: &mut Vec<u8>) -> bool {
        self.refusal = self.refusal.or_else(|| self.check());
        if self.refusal.is_none() {
            self.gave = true;
            if !self.sink.take(piece) {
                self.refusal = Some(Refusal::Gone);
            }
        }
        self.refusal.is_none()
    }
}
