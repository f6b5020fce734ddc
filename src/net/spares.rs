//! Spare file descriptors for when there are none left.
//!
//! A spare one is closed for a moment to take a connection off the queue and close it, so that the peer learns of it
//! and the accept loop does not spin. In that moment another thread that opens a file may get the descriptor, and keep
//! it: the log does, for its next segment. So there are several.

use std::fs::File;
use std::os::fd::AsFd;
use std::sync::{Mutex, MutexGuard};

use rustix::io::Errno;
use rustix::net::{SocketFlags, accept_with};

use super::listen::Listener;
use super::peer::refuse;

/// Number of spare file descriptors: more than the log takes for all the segments that it may keep for reuse.
const SPARES: usize = 12;

/// Spare file descriptors for when there are none left; shared by all accept loops.
pub struct Spares {
    /// The open spare files.
    files: Mutex<Vec<File>>,
    /// The number of files that there should be.
    wanted: usize,
}

impl Spares {
    /// Opens the spare descriptors: if few are left, no more than half of them.
    pub fn open() -> Self {
        let mut files = Vec::new();
        if !fill(&mut files, SPARES) {
            files.truncate(files.len().div_ceil(2));
        }
        Self { wanted: files.len(), files: Mutex::new(files) }
    }

    /// Opens those that are missing, if possible; returns whether all are open.
    pub fn refill(&self) -> bool {
        fill(&mut self.files(), self.wanted)
    }

    /// Takes up to `connections_max` connections off the queue of `listener` with spare descriptors, one by one, tells
    /// them why, and closes them. Returns their number.
    pub fn turn_away(&self, listener: &Listener, connections_max: u32, why: &str) -> u32 {
        let mut files = self.files();
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let mut turned_away = 0;
        while turned_away < connections_max {
            match accept_with(listener.as_fd(), flags) {
                Ok(stream) => {
                    refuse(&stream, why);
                    turned_away += 1;
                }
                // The first time, a spare one is closed here; later, if somebody else has taken the one that was
                // closed.
                Err(Errno::MFILE | Errno::NFILE) if files.pop().is_some() => {}
                Err(_) => break,
            }
        }
        fill(&mut files, self.wanted);
        turned_away
    }

    /// The open spare files, locked.
    fn files(&self) -> MutexGuard<'_, Vec<File>> {
        self.files.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Opens files until there are `wanted`; returns whether that worked.
fn fill(files: &mut Vec<File>, wanted: usize) -> bool {
    while files.len() < wanted {
        let Ok(file) = File::open("/dev/null") else { return false };
        files.push(file);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_cannot_take_all_spare_descriptors() {
        // The segments that wait for reuse, the one in use and the one that is being created.
        assert!(SPARES > wal::LogOptions::default().spare_segments_max + 2);
    }
}
