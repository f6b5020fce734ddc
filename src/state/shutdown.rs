//! The request to stop the server, made by `SHUTDOWN` or a signal, for the main task.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// How to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShutdownMode {
    /// Whether to take a last checkpoint, so that the next start has nothing to replay.
    pub checkpoint: bool,
    /// Whether to close the clients at once, instead of first answering the commands that were received.
    pub now: bool,
}

/// The request to stop, if there is one.
pub struct Shutdown {
    /// The first request.
    requested: Mutex<Option<ShutdownMode>>,
    /// Whether clients are closed as soon as their received commands are answered.
    draining: AtomicBool,
    /// Closed when a request is made, which wakes the main task.
    wake: async_channel::Sender<()>,
    /// The end to wait on.
    wait: async_channel::Receiver<()>,
}

impl Default for Shutdown {
    fn default() -> Self {
        let (wake, wait) = async_channel::bounded(1);
        Self { requested: Mutex::new(None), draining: AtomicBool::new(false), wake, wait }
    }
}

impl Shutdown {
    /// Asks the server to stop. Only the first request counts.
    pub fn request(&self, mode: ShutdownMode) {
        let mut requested = self.requested.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        requested.get_or_insert(mode);
        self.wake.close();
    }

    /// The request, if there is one.
    pub fn requested(&self) -> Option<ShutdownMode> {
        *self.requested.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Waits for a request.
    pub async fn wait(&self) -> ShutdownMode {
        let _ = self.wait.recv().await;
        self.requested().expect("a request closes the channel")
    }

    /// Has clients closed as soon as their received commands are answered. The caller then wakes them: see
    /// `Clients::wake_all`.
    pub fn drain(&self) {
        self.draining.store(true, SeqCst);
    }

    /// Whether [`Shutdown::drain`] was called. Then connections read nothing more.
    pub fn is_draining(&self) -> bool {
        self.draining.load(SeqCst)
    }
}
