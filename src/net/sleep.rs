//! Whether a thread sleeps, and who interrupts its sleep.
//!
//! Invariant: a thread that was rung after its last `wake_up` does not fall asleep.

use crate::sync::AtomicU8;
use crate::sync::Ordering::SeqCst;

/// The thread is working, and will look for more before it sleeps.
const AWAKE: u8 = 0;
/// It was rung, and has not looked since.
const RUNG: u8 = 1;
/// It sleeps, or is about to.
const ASLEEP: u8 = 2;

/// The sleep of one thread.
pub(super) struct Sleep(AtomicU8);

impl Sleep {
    /// The thread is awake.
    pub fn new() -> Self {
        Self(AtomicU8::new(AWAKE))
    }

    /// The thread is about to sleep, which everybody sees from now on. `false` if it was rung.
    pub fn fall_asleep(&self) -> bool {
        self.0.compare_exchange(AWAKE, ASLEEP, SeqCst, SeqCst).is_ok()
    }

    /// The thread has woken, but not looked yet: nobody has to interrupt it any more.
    pub fn stir(&self) {
        self.0.swap(RUNG, SeqCst);
    }

    /// The thread is about to look for everything that it can be rung for.
    pub fn wake_up(&self) {
        self.0.swap(AWAKE, SeqCst);
    }

    /// Rings. Returns whether the sleep must be interrupted.
    pub fn ring(&self) -> bool {
        self.0.swap(RUNG, SeqCst) == ASLEEP
    }

    /// Rings if the thread sleeps; one that is awake looks for itself. Returns whether the sleep must be interrupted.
    pub fn ring_if_asleep(&self) -> bool {
        self.0.compare_exchange(ASLEEP, RUNG, SeqCst, SeqCst).is_ok()
    }
}
