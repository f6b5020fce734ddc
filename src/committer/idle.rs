//! Notices when the writer is idle, so that it seals the log soon after the last group.
//!
//! Only in an unsealed last group can damage look like a torn write, so the log is sealed after a short time. This
//! costs a busy writer two memory accesses per group. A thread checks every few milliseconds whether groups still come,
//! and sleeps without a timeout once none do.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, OnceLock, Weak};
use std::thread::Thread;
use std::time::Duration;

/// The log is sealed when no group has come for this long, and at the latest after twice this time.
const IDLE: Duration = Duration::from_millis(10);

/// Notices when no more groups come.
#[derive(Default)]
pub struct IdleWatch {
    /// Groups so far.
    groups: AtomicU64,
    /// Whether the thread is checking; if not, it must be woken.
    looks: AtomicBool,
    /// The thread.
    thread: OnceLock<Thread>,
}

impl IdleWatch {
    /// Starts the thread, which calls `notify`. It ends by itself once nobody else holds the watch.
    pub fn start(self: &Arc<Self>, notify: impl Fn() + Send + 'static) -> io::Result<()> {
        let watch = Arc::downgrade(self);
        let spawned = std::thread::Builder::new().name("idle".into()).spawn(move || run(&watch, notify))?;
        let _ = self.thread.set(spawned.thread().clone());
        Ok(())
    }

    /// A group was synced.
    pub fn group(&self) {
        self.groups.fetch_add(1, SeqCst);
        if !self.looks.load(SeqCst) {
            self.wake();
        }
    }

    /// Wakes the thread.
    #[cold]
    fn wake(&self) {
        if let Some(thread) = self.thread.get()
            && !self.looks.swap(true, SeqCst)
        {
            thread.unpark();
        }
    }
}

impl Drop for IdleWatch {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }
}

/// Waits until no group has come for a while, calls `notify`, and sleeps until the next one.
fn run(watch: &Weak<IdleWatch>, notify: impl Fn()) {
    let mut seen = 0;
    loop {
        std::thread::sleep(IDLE);
        let Some(held) = watch.upgrade() else { return };
        let groups = held.groups.load(SeqCst);
        if groups != seen {
            seen = groups;
            continue;
        }
        notify();
        held.looks.store(false, SeqCst);
        // A group that came before the store did not wake this thread.
        if held.groups.load(SeqCst) != seen {
            held.looks.store(true, SeqCst);
            continue;
        }
        drop(held);
        std::thread::park();
    }
}
