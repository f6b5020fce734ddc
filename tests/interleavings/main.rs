//! Every interleaving of readers and writer, as far as they share memory without a lock.
//!
//! The shipped files are compiled here against loom's stand-ins for atomics, locks and cells ([`sync`]). loom runs a small
//! piece of work of two or three threads again and again, each time with other turns of the threads and with other values
//! that the memory model lets a load see, and watches every cell for an access that nothing orders.
//!
//! - [`table::model`]: snapshots against publication, and against the reuse of pages and of places in the ring.
//! - [`state::model`]: the publication of groups only when somebody reads.
//! - [`net::model`]: the bits of a socket, and the task that waits for one of them.
//!
//! `LOOM_MAX_PREEMPTIONS` (2) says how often threads are interrupted at most; the long form is
//! `LOOM_MAX_PREEMPTIONS=4 cargo test --profile sim --test interleavings -- --nocapture`.
//! That these tests find what they should is tested by `tests/defects/run`.

mod net;
mod state;
mod sync;
mod table;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use sync::{FENCES, Fences};

/// Runs `work` in all interleavings, and returns how many there were.
///
/// One that fails ends the process: what its threads still hold may wait for each other when it is dropped.
fn explore(name: &str, work: impl Fn() + Send + Sync + 'static) -> u64 {
    let work = Arc::new(work);
    std::panic::set_hook(Box::new(|panic| {
        // The threads of an interleaving that is over unwind, too, but say nothing.
        let says = panic.payload();
        if !says.is::<&str>() && !says.is::<String>() {
            return;
        }
        // Written past what keeps the output of tests, for that ends with the process.
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
