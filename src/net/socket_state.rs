//! The state of one socket, and the task that waits for it.
//!
//! Invariant: if the state of a socket changed after it was last read or written until nothing was left, its bit is
//! set, or its event is still to be taken. So a bit is cleared before a call that may find nothing, and set again when
//! the call may have left something.
//!
//! No wake-up is missed: whoever sets a bit looks for a waker afterwards, and whoever waits checks the bits after
//! storing the waker. One of them comes second.

use std::task::{Context, Poll, Waker};

use crate::sync::Ordering::SeqCst;
use crate::sync::{AtomicU8, Mutex, MutexGuard};

/// There may be something to read.
pub(super) const READ: u8 = 1;
/// There may be room to write.
pub(super) const WRITE: u8 = 2;
/// The peer has stopped sending, or the socket broke. Each call reports this once the bytes before it are read. This
/// bit is never cleared: a read that found less than it had room for shows that all bytes are taken, but not whether an
/// end follows them.
pub(super) const ENDED: u8 = 4;

/// The state of one socket.
#[derive(Default)]
pub(super) struct SocketState {
    /// `READ` and `WRITE`, set until a call finds the opposite, and `ENDED`.
    bits: AtomicU8,
    /// The task that waits for any of them.
    waiting: Mutex<Option<Waker>>,
}

impl SocketState {
    /// Sets bits. Called by the task that uses the socket.
    pub(super) fn set(&self, bits: u8) {
        self.bits.fetch_or(bits, SeqCst);
    }

    /// Clears bits: a later wait is for what happens from now on. Called by the task that uses the socket.
    pub(super) fn clear(&self, bits: u8) {
        self.bits.fetch_and(!bits, SeqCst);
    }

    /// Sets the bits of an event, and wakes the task if it waits. Called by whoever takes events.
    pub(super) fn happened(&self, bits: u8) {
        self.bits.fetch_or(bits, SeqCst);
        let waiting = self.waiting().take();
        if let Some(waker) = waiting {
            waker.wake();
        }
    }

    /// Waits for one of some bits. Called by the task that uses the socket.
    pub(super) fn poll(&self, bits: u8, context: &mut Context<'_>) -> Poll<()> {
        let is_set = || self.bits.load(SeqCst) & bits != 0;
        if is_set() {
            return Poll::Ready(());
        }
        let mut waiting = self.waiting();
        match &mut *waiting {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        drop(waiting);
        // It may have been set before the waker was stored.
        if is_set() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// The task that waits, locked.
    fn waiting(&self) -> MutexGuard<'_, Option<Waker>> {
        self.waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
