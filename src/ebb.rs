//! The ebb after a burst: unused memory is returned to the system.
//!
//! Buffers keep their memory for their next use, and so does the allocator, separately for each thread: a thread that
//! sleeps never checks again what it has freed. So while commands arrive, and for two rounds after the last one, the
//! server calls all threads that keep much memory every [`ROUND`]. Each frees its spare buffers and the memory that its
//! allocator keeps. An idle server is not woken.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Time between two calls. The memory of a burst is returned after at most three of them, which is less than a minute.
pub const ROUND: Duration = Duration::from_secs(15);
/// Number of calls after the last command. There is more than one, because memory that a thread frees at the first may
/// belong to another thread.
const QUIET_ROUNDS: u32 = 2;

/// Makes the allocator return what the calling thread has freed.
static COLLECT: OnceLock<fn()> = OnceLock::new();
/// Calls so far.
static CALLS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Calls that this thread has answered.
    static HEARD: Cell<u64> = const { Cell::new(0) };
}

/// Sets the function that makes the calling thread's allocator return memory. Without it, only buffers are freed.
pub fn set_collect(collect: fn()) {
    // Nobody sets it twice.
    let _ = COLLECT.set(collect);
}

/// Calls all threads. The caller must also wake those that sleep.
pub fn call() {
    CALLS.fetch_add(1, Relaxed);
}

/// If there was a call since this thread last checked, frees its spare buffers with `let_go`, and then its memory.
#[inline]
pub fn hear(let_go: impl FnOnce()) {
    let calls = CALLS.load(Relaxed);
    if HEARD.replace(calls) != calls {
        let_go();
        if let Some(collect) = COLLECT.get() {
            collect();
        }
    }
}

/// Decides whether to call, from the number of commands so far.
#[derive(Default)]
pub struct Rounds {
    /// Commands at the last round.
    commands: u64,
    /// Rounds since the last command.
    quiet: u32,
}

impl Rounds {
    /// Whether to call the threads in this round, after `commands` commands so far.
    pub fn is_due(&mut self, commands: u64) -> bool {
        self.quiet = if std::mem::replace(&mut self.commands, commands) == commands {
            self.quiet.saturating_add(1)
        } else {
            0
        };
        self.quiet <= QUIET_ROUNDS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_called_while_commands_come_and_twice_after_them() {
        let mut rounds = Rounds::default();
        let due: Vec<bool> =
            [5, 9, 9, 9, 9, 9, 10, 10, 10, 10].map(|commands| rounds.is_due(commands)).into();
        assert_eq!(due, [true, true, true, true, false, false, true, true, true, false]);
    }

    #[test]
    fn a_thread_hears_each_call_once() {
        let mut heard = 0;
        hear(|| ());
        call();
        // Other tests may call too.
        (0..3).for_each(|_| hear(|| heard += 1));
        assert!(heard >= 1);
    }
}
