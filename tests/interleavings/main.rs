//! Every interleaving of readers and writer where they share memory without a lock.
//!
//! The shipped files are compiled against loom's replacements for atomics, locks and cells ([`sync`]). loom runs a small
//! piece of work of two or three threads again and again. Each time it switches threads at other points and lets loads see
//! other values that the memory model allows, and it checks every cell for unordered accesses.
//!
//! - [`table::model`]: snapshots against publication, and against the reuse of pages and of slots in the ring.
//! - [`state::model`]: the publication of groups only when somebody reads.
//! - [`net::model`]: the bits of a socket, and the task that waits for one of them.
//! - [`writer::model`]: who runs the writer, and who is woken for it.
//!
//! `LOOM_MAX_PREEMPTIONS` (2) is the largest number of preemptions; the long form is
//! `LOOM_MAX_PREEMPTIONS=4 cargo test --profile sim --test interleavings -- --nocapture`.
//! That these tests find what they should is tested by `tests/defects/run`.

mod net;
mod state;
mod sync;
mod table;
mod writer;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use sync::{FENCES, Fences};

/// Runs `work` in all interleavings, and returns how many there were.
///
/// A failure ends the process: dropping what its threads still hold could deadlock.
fn explore(name: &str, work: impl Fn() + Send + Sync + 'static) -> u64 {
    let work = Arc::new(work);
    std::panic::set_hook(Box::new(|panic| {
        // The threads of a finished interleaving unwind, too, without a message.
        let says = panic.payload();
        if !says.is::<&str>() && !says.is::<String>() {
            return;
        }
        // Not through the test's captured output, which is lost when the process ends.
        let test = std::thread::current();
        let test = test.name().unwrap_or("of no name");
        let _ = writeln!(std::io::stderr(), "{panic}\ntest {test} ... FAILED");
        std::process::exit(101);
    }));
    let runs = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    for fences in [Fences::BehindStores, Fences::BeforeLoads] {
        FENCES.set(fences);
        let (work, counted) = (work.clone(), runs.clone());
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = builder.preemption_bound.or(Some(2));
        builder.max_branches = 10_000;
        builder.check(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            work();
        });
    }
    let runs = runs.load(Ordering::Relaxed);
    eprintln!("{name}: {runs} interleavings in {:.1} s", start.elapsed().as_secs_f64());
    runs
}
