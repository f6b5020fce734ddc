//! The guarantee under power cuts: what was acknowledged is there after recovery, whatever part of the rest reached the
//! disk, and recovery needs no help.
//!
//! The shipped log, table, writer, checkpoint and recovery run on disks in memory that record every operation (`record`,
//! `media`). A history is drawn from a seed (`plan`): some lives of the server (`life`), each ended by a power cut, a kill or
//! a clean stop, sometimes with a sync that fails. Then each moment of each life is checked (`explore`): images are built
//! from what was durable on the disks and any part of what was pending (`image`), and recovery runs on them. The state that
//! it finds must be allowed (`oracle`): the state after some prefix of the commands sent, which includes everything that was
//! acknowledged or that a reader saw. The moments of the recoveries are checked in the same way, and those of the
//! recoveries from their images. A history that fails is shrunk (`shrink`) and printed with the command that replays it.
//!
//! A second kind of history (`results_plan`) has long results, which are worked out beside the writer and stored in parts
//! (`beside`). Which effects this brings into the log, and how often they are replayed, is counted (`logged`).
//!
//! The long form, over a million images in some 5 minutes on two cores:
//! `ACKD_POWER_SEEDS=90 cargo test --profile sim --test power_loss -- --nocapture power_cuts`
//! goes through that number of histories, from seed `ACKD_POWER_SEED` (1) on, and prints a table of results;
//! `ACKD_POWER_RESULTS_SEEDS` and `ACKD_POWER_RESULTS_SEED` (0) do the same for those with long results. The tables are kept
//! in `tests/RESULTS.md`; `tests/defects/run` tests that these tests find defects.

mod beside;
#[path = "../common/mod.rs"]
mod common;
mod counts;
mod damage;
mod disk;
mod explore;
mod image;
mod late_log;
mod life;
mod logged;
mod media;
mod oracle;
mod plan;
mod record;
mod results_plan;
mod shrink;
mod stack;
mod variants;

use common::setting;
use counts::Counts;
use oracle::Class;
use shrink::Case;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use variants::Effort;

/// Tables are made and dropped thousands of times a second; the server's own allocator keeps their memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Histories of the short form.
const SEEDS: u64 = 8;
/// Histories of the short form with long results.
const RESULTS_SEEDS: u64 = 8;
/// After this many failures no further history is begun: each failure is shrunk and printed.
const FAILURES_TOLD: usize = 1;
/// Time between two progress lines of a long run.
const PROGRESS: Duration = Duration::from_secs(60);

/// The results of all histories of a run.
#[derive(Default)]
struct Total {
    counts: Counts,
    /// All traces together; the order of the seeds does not matter.
    trace: u64,
    /// Histories that failed, by kind.
    failures: BTreeMap<Class, u64>,
    /// What was printed about them.
    told: Vec<String>,
}

/// Goes through some histories on all processors.
fn histories(first: u64, count: u64, effort: Effort) -> Total {
    shrink::quiet_panics();
    let next = AtomicU64::new(first);
    let total = Mutex::new(Total::default());
    let start = Instant::now();
    let told = Mutex::new(start);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count || total.lock().expect("no panic in here").told.len() >= FAILURES_TOLD {
                return;
            }
            one_history(seed, effort, &total);
            let mut told = told.lock().expect("no panic in here");
            if told.elapsed() > PROGRESS {
                *told = Instant::now();
                let counts = total.lock().expect("no panic in here").counts;
                eprintln!("{:?}: {counts:?}", start.elapsed());
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get());
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    total.into_inner().expect("no panic in here")
}

fn one_history(seed: u64, effort: Effort, total: &Mutex<Total>) {
    let case = Case::new(seed, effort);
    let (counts, trace, failure) = case.run();
    let told = failure.as_ref().map(|failure| tell(&case, failure));
    let mut total = total.lock().expect("no panic in here");
    total.counts.add(&counts);
    total.trace ^= trace.wrapping_mul(seed | 1);
    if let Some(failure) = failure {
        *total.failures.entry(failure.class).or_default() += 1;
    }
    total.told.extend(told);
}

/// Shrinks a failing history, and returns it as text with the command that replays it.
fn tell(case: &Case, failure: &life::Failure) -> String {
    let (small, failure) = case.shrink(failure.clone());
    let text = format!(
        "seed {} fails; {} steps of it are enough\n{}replay with: ACKD_POWER_REPLAY='{}' cargo test --test power_loss \
         replay -- --nocapture",
        case.seed,
        small.len(),
        small.story(&failure),
        small.text()
    );
    eprintln!("{text}");
    text
}

fn print_table(total: &Total, took: Duration) {
    let Counts { histories, moments, exhausted, images, nested, restarts, .. } = total.counts;
    let Counts { torn, ahead, checkpoints, cuts, kills, faults, sent, acknowledged, .. } = total.counts;
    let failed = |class| total.failures.get(&class).copied().unwrap_or(0);
    let refused = failed(Class::Refused);
    let rows = [
        ("histories (seeds)", histories.to_string()),
        ("moments with a power cut", moments.to_string()),
        ("of these with all subsets tried", exhausted.to_string()),
        ("crash images", images.to_string()),
        ("nested: images of a recovery", nested[0].to_string()),
        ("nested: images of a recovery from such an image", nested[1].to_string()),
        ("restarts", restarts.to_string()),
        ("restarts that needed help", refused.to_string()),
        ("acknowledged writes lost", failed(Class::Lost).to_string()),
        ("phantom writes", failed(Class::Phantom).to_string()),
        ("partial commands or groups", failed(Class::Partial).to_string()),
        ("damaged checkpoints", failed(Class::Damaged).to_string()),
        ("other failures", failed(Class::Misbehaved).to_string()),
        ("images with a torn tail", torn.to_string()),
        ("images with unacknowledged writes", ahead.to_string()),
        ("images that start from a checkpoint", checkpoints.to_string()),
        ("cuts of the table's file", cuts.to_string()),
        ("lives ended by a kill", kills.to_string()),
        ("lives with a failing sync", faults.to_string()),
        ("commands sent", sent.to_string()),
        ("commands acknowledged", acknowledged.to_string()),
        ("trace", format!("{:016x}", total.trace)),
        ("seconds", format!("{:.0}", took.as_secs_f64())),
    ];
    rows.iter().for_each(|(name, figure)| eprintln!("| {name} | {figure} |"));
}

#[test]
fn acknowledged_commands_survive_power_cuts() {
    let (first, count) = (setting("ACKD_POWER_SEED", 1), setting("ACKD_POWER_SEEDS", SEEDS));
    let start = Instant::now();
    let total = histories(first, count, Effort::FULL);
    print_table(&total, start.elapsed());
    assert!(total.told.is_empty(), "{}", total.told.join("\n"));
    if count >= SEEDS {
        let counts = total.counts;
        let seen = [
            counts.torn,
            counts.ahead,
            counts.checkpoints,
            counts.nested[1],
            counts.kills,
            counts.faults,
            counts.cuts,
        ];
        assert!(seen.iter().all(|&seen| seen > 0), "something was never seen: {counts:?}");
    }
}

/// How often the effects of results in parts were logged, and replayed after a power cut.
fn print_results(counts: &Counts) {
    let Counts { results, drafts, logged, replayed, .. } = counts;
    eprintln!("| results stored | {} |", results.stored);
    eprintln!("| parts of results before the last one | {} |", results.parts);
    eprintln!("| results that were outdated | {} |", results.outdated);
    eprintln!("| images with a result that is not stored yet | {drafts} |");
    for ((op, name), (logged, replayed)) in logged::IN_PARTS.iter().zip(logged.iter().zip(replayed)) {
        eprintln!("| effects {op:02X} {name}: logged | {logged} |");
        eprintln!("| effects {op:02X} {name}: replayed | {replayed} |");
    }
}

/// Long results, which are worked out beside the writer and stored in parts: strings that are combined, sorted sets that are
/// copied tree by tree, collections that are thinned out.
#[test]
fn long_results_are_stored_as_a_whole_or_not_at_all() {
    let (first, count) =
        (setting("ACKD_POWER_RESULTS_SEED", 0), setting("ACKD_POWER_RESULTS_SEEDS", RESULTS_SEEDS));
    let start = Instant::now();
    let total = histories(results_plan::FIRST_SEED + first, count, Effort::LONG);
    print_table(&total, start.elapsed());
    print_results(&total.counts);
    assert!(total.told.is_empty(), "{}", total.told.join("\n"));
    if count >= RESULTS_SEEDS {
        let Counts { results, drafts, logged, replayed, .. } = total.counts;
        let seen = [results.stored, results.parts, results.outdated, drafts];
        let effects = logged.iter().chain(&replayed);
        assert!(
            seen.iter().chain(effects).all(|&seen| seen > 0),
            "something was never seen: {:?}",
            total.counts
        );
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let effort = Effort { exhaustive_max: 4, log_random: 1, table_random: 1, ..Effort::FULL };
    let run = |seed| {
        let (counts, trace, failure) = Case::new(seed, effort).run();
        assert!(failure.is_none(), "{failure:?}");
        (counts, trace)
    };
    let traces: Vec<_> = (5..9).map(run).collect();
    assert_eq!(traces, (5..9).map(run).collect::<Vec<_>>());
    assert!(traces.windows(2).all(|pair| pair[0].1 != pair[1].1));
}

/// The harness on a disk whose syncs do nothing: it must fail, find a small history that shows the failure, and replay it.
#[test]
fn a_disk_that_lies_is_found_out_in_a_few_steps_and_replayed() {
    shrink::quiet_panics();
    let case = Case { lying: true, ..Case::new(3, Effort::FULL) };
    let failure = case.run().2.expect("lost writes on a disk that lies");
    assert!([Class::Lost, Class::Refused].contains(&failure.class), "{}", failure.text);
    let (small, failure) = case.shrink(failure);
    assert!(small.len() <= 10, "{}", small.story(&failure));
    let replayed = Case::parse(&small.text(), Effort::FULL).expect("a case");
    assert_eq!(replayed.text(), small.text());
    let (counts, _, again) = replayed.run();
    let again = again.expect("the same failure");
    assert_eq!((again.class, &again.text, &again.path), (failure.class, &failure.text, &failure.path));
    assert_eq!(counts.images, 0, "nothing but the one image is looked at");
}

/// Replays the case in `ACKD_POWER_REPLAY`, as a failing history prints it; without it, a history that succeeds.
#[test]
fn replay() {
    let text = std::env::var("ACKD_POWER_REPLAY").unwrap_or_else(|_| "1:0-3".into());
    let case = Case::parse(&text, Effort::FULL).expect("ACKD_POWER_REPLAY as it was printed");
    shrink::quiet_panics();
    if let Some(failure) = case.run().2 {
        panic!("{}", case.story(&failure));
    }
}
