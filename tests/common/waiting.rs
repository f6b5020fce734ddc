//! Waits for something that happens by itself, for as long as a slow and busy machine may take.

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
