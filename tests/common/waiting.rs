//! Waits for something that happens by itself, for as long as a slow and busy machine may take.

#![allow(dead_code)]

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

/// How long anything may take that happens by itself. Only something broken takes this long.
pub const PATIENCE: Duration = Duration::from_secs(180);
/// Time between two checks.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);

/// Waits until `condition` holds.
#[track_caller]
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "never happened: {what}");
        std::thread::sleep(LOOK_INTERVAL);
    }
}

/// Makes a system call again when it was interrupted, as one that waits with a timeout is when the process is stopped and
/// continued.
pub fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
