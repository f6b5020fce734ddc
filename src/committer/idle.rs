//! Says that the writer has been idle for a moment, so that it seals the log soon after the last group.
//!
//! An unsealed last group is the only one in which damage can look like a torn write, so the moment is short. A writer
//! under load pays two accesses to memory a group; a thread looks every few milliseconds whether groups still come, and
//! sleeps for good once the log is sealed.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, OnceLock, Weak};
use std::thread::Thread;
use std::time::Duration;

/// How long no group came when the log is sealed: at least once this, at most twice.
const IDLE: Duration = Duration::from_millis(10);

/// Watches for the end of a row of groups.
#[derive(Default)]
pub struct IdleWatch {
    /// Groups so far.
    groups: AtomicU64,
    /// Whether the thread looks; if not, it has to be woken.
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

/// Looks until no group came for a while, says so, and sleeps until one comes.
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
        // A group that came before the store woke nobody.
        if held.groups.load(SeqCst) != seen {
            held.looks.store(true, SeqCst);
            continue;
        }
        drop(held);
        std::thread::park();
    }
}
