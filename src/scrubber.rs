//! The scrub's thread: reads the table's pages slowly, all the time, so that damage is found before somebody needs the
//! page, and while there may still be another copy of it.
//!
//! `scrub-rate` sets the speed; 0 pauses it. After a pass it rests. It works in short slices, each of which pins a
//! version of the table only as long as it takes to read a few pages.

use std::io;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::config::SCRUB_RATE_MAX;
use crate::damage;
use crate::state::{ScrubPass, ServerState};
use crate::table::{Scrub, Table};

/// Time between two slices.
const SLICE: Duration = Duration::from_millis(50);
/// Maximum number of pages of one slice, so that a slow device does not pin a version for long.
const SLICE_PAGES_MAX: u64 = SCRUB_RATE_MAX * SLICE.as_millis() as u64 / 1000;
/// Rest between two passes.
const REST: Duration = Duration::from_secs(60);

/// Starts the thread. It ends by itself once nobody else holds the table.
pub fn start(table: &Arc<Table>, state: &Arc<ServerState>) -> io::Result<()> {
    let (table, state) = (Arc::downgrade(table), Arc::downgrade(state));
    std::thread::Builder::new().name("scrub".into()).spawn(move || run(&table, &state))?;
    Ok(())
}

/// Runs pass after pass.
fn run(table: &Weak<Table>, state: &Weak<ServerState>) {
    let mut rest_until = Instant::now();
    let mut pass = Pass::new();
    // Pages that may be read now, including fractions.
    let mut allowance = 0.0;
    let mut last = Instant::now();
    loop {
        std::thread::sleep(SLICE);
        let (Some(table), Some(state)) = (table.upgrade(), state.upgrade()) else { return };
        let now = Instant::now();
        let rate = state.limits.scrub_rate();
        if rate == 0 || now < rest_until {
            (last, allowance) = (now, 0.0);
            continue;
        }
        allowance += (now - last).as_secs_f64() * f64::from(rate);
        allowance = f64::min(allowance, (SLICE_PAGES_MAX * 2) as f64);
        last = now;
        if allowance < 1.0 {
            continue;
        }
        let budget = (allowance as u64).min(SLICE_PAGES_MAX);
        let (read, ended) = pass.slice(&table, &state, budget);
        allowance -= read.max(1) as f64;
        if ended {
            pass = Pass::new();
            rest_until = Instant::now() + REST;
        }
    }
}

/// One pass over all pages.
struct Pass {
    /// Its progress.
    scrub: Scrub,
    /// When it began.
    began: Instant,
}

impl Pass {
    /// A pass at its start.
    fn new() -> Self {
        Self { scrub: Scrub::new(), began: Instant::now() }
    }

    /// Reads about `pages` pages; returns how many, and whether the pass has ended.
    fn slice(&mut self, table: &Table, state: &ServerState, pages: u64) -> (u64, bool) {
        let step = self.scrub.step(table, pages);
        for finding in &step.findings {
            damage::note(table, finding.clone());
        }
        let (pages, damaged) = self.scrub.counts();
        state.scrub.progress(pages);
        if step.ended {
            table.forget_damage(self.began);
            let seconds = self.began.elapsed().as_secs();
            state.scrub.ended(ScrubPass { pages, damaged, seconds });
            if damaged > 0 {
                tracing::error!(pages, damaged, seconds, "scrub: damaged pages in the table");
            } else {
                tracing::debug!(pages, seconds, "scrub: no damage in the table");
            }
        }
        (step.pages, step.ended)
    }
}
