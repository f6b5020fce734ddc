//! How many clients the file descriptors of the process allow.
//!
//! Some descriptors are reserved for the server itself: log, table and listeners need them while clients have all
//! others. The rest is the maximum for `maxclients`: one number, which the start, `CONFIG SET`, `CONFIG GET` and `INFO`
//! share.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use wal::LogOptions;

/// Descriptors that the server always needs: the standard ones, the table, the directory's lock, the event log,
/// signals, the reactor's, the spare ones, the log's segment in use and the next, and some that are open for a moment.
const OWN_FILES: u64 = 31;
/// Descriptors of each thread that serves connections: its epoll instance, its bell, and one that is open for a moment.
const FILES_PER_THREAD: u64 = 3;

/// The descriptors that are reserved.
#[derive(Clone, Copy, Debug)]
pub struct Descriptors {
    /// The number of reserved descriptors.
    reserved: u64,
}

impl Descriptors {
    /// The need of a server with these numbers of threads for connections, spare segments of the log, and listeners.
    pub fn new(threads: usize, spare_segments: u32, listeners: usize) -> Self {
        let segments = u64::from(spare_segments).max(LogOptions::default().spare_segments_max as u64);
        Self { reserved: OWN_FILES + FILES_PER_THREAD * threads as u64 + segments + listeners as u64 }
    }

    /// Number of descriptors that the server needs for itself.
    pub fn reserved(self) -> u64 {
        self.reserved
    }

    /// How many of `clients_max` clients the process may have. Raises the limit of the process as far as necessary and
    /// possible.
    pub fn fit(self, clients_max: u32) -> u32 {
        let wanted = u64::from(clients_max) + self.reserved;
        let granted = raise(wanted);
        u32::try_from(granted.min(wanted).saturating_sub(self.reserved)).unwrap_or(u32::MAX)
    }
}

/// Raises the number of files that the process may open to `wanted`, as far as its hard limit allows; returns the new
/// number.
fn raise(wanted: u64) -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let current = current.unwrap_or(u64::MAX);
    let possible = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let raised = Rlimit { current: Some(possible), maximum };
    if possible > current && setrlimit(Resource::Nofile, raised).is_ok() { possible } else { current }
}
