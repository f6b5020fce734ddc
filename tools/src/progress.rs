//! Standard error: notes, and a progress bar for long work on a terminal.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use wal::SegmentInfo;

/// Work of fewer bytes gets no bar: it is done too soon.
const SHORT_BYTES: u64 = 256 << 20;
/// Records between two updates of the bar.
const STRIDE: u32 = 1024;

/// Writes a line to standard error. Failing to write it does not stop the run.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// How far a walk over the log has come.
pub struct Progress {
    /// The bar, if there is one.
    bar: Option<ProgressBar>,
    /// Bytes of all segments before the one with this number.
    before: BTreeMap<u64, u64>,
    /// Records until the next update of the bar.
    countdown: Cell<u32>,
}

impl Progress {
    pub fn none() -> Self {
        Self { bar: None, before: BTreeMap::new(), countdown: Cell::new(0) }
    }

    /// A bar for a walk over these segments, if it is long enough.
    pub fn over(segments: &[SegmentInfo]) -> Self {
        let mut before = BTreeMap::new();
        let mut total: u64 = 0;
        for info in segments.iter().filter(|info| info.header().is_some()) {
            before.insert(info.sequence, total);
            total = total.saturating_add(info.bytes);
        }
        if total < SHORT_BYTES || !std::io::stderr().is_terminal() {
            return Self::none();
        }
        let bar = ProgressBar::new(total);
        let shape = "{bar:40} {binary_bytes}/{binary_total_bytes}  {binary_bytes_per_sec}  {eta} left";
        if let Ok(style) = ProgressStyle::with_template(shape) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar: Some(bar), before, countdown: Cell::new(0) }
    }

    /// The walk has reached this place.
    pub fn at(&self, segment: u64, offset: u64) {
        let Some(bar) = &self.bar else { return };
        if let Some(left) = self.countdown.get().checked_sub(1) {
            self.countdown.set(left);
            return;
        }
        self.countdown.set(STRIDE);
        let before = self.before.get(&segment).copied().unwrap_or(bar.position());
        bar.set_position(before.saturating_add(offset));
    }

    /// Writes a line to standard error without disturbing the bar.
    pub fn note(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| say(line)),
            None => say(line),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
