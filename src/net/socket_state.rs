//! What is known of one socket, and the task that waits for it.
//!
//! Invariant: a socket whose state changed since it was last used to the end has its bit set, or its event is still to be
//! taken. So a bit is cleared before a call that may find nothing, and set again when the call may have left something.
//!
//! No wake-up is missed: the one who sets a bit looks for a waker afterwards, and the one who waits looks at the bits after
//! the waker is there to be found; one of them comes second.

use std::task::{Context, Poll, Waker};

use crate::sync::Ordering::SeqCst;
use crate::sync::{AtomicU8, Mutex, MutexGuard};

/// There may be something to read.
pub(super) const READ: u8 = 1;
/// There may be room to write.
pub(super) const WRITE: u8 = 2;
/// The other side has ended, or the socket broke: each call says so, once what came before is read. This bit stays: a
/// read that found less than it had room for tells that the bytes are all taken, and nothing of an end behind them.
pub(super) const ENDED: u8 = 4;

/// What is known of one socket.
#[derive(Default)]
pub(super) struct SocketState {
    /// `READ` and `WRITE`, set until a call found the contrary, and `ENDED`.
    bits: AtomicU8,
    /// The task that waits for any of them.
    waiting: Mutex<Option<Waker>>,
}

impl SocketState {
    /// Sets bits. For the task that uses the socket.
    pub(super) fn set(&self, bits: u8) {
        self.bits.fetch_or(bits, SeqCst);
    }

    /// Clears bits: a later wait is for what happens from now on. For the task that uses the socket.
    pub(super) fn clear(&self, bits: u8) {
        self.bits.fetch_and(!bits, SeqCst);
    }

    /// Sets the bits of an event, and wakes the task if it waits. For the one who takes events.
    pub(super) fn happened(&self, bits: u8) {
        self.bits.fetch_or(bits, SeqCst);
        let waiting = self.waiting().take();
        if let Some(waker) = waiting {
            waker.wake();
        }
    }

    /// Waits for one of some bits. For the task that uses the socket.
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
        // It may have been set before the waker was there to be found.
        if is_set() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// The task that waits, locked.
    fn waiting(&self) -> MutexGuard<'_, Option<Waker>> {
        self.waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
