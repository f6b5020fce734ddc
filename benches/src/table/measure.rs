//! The steps of a measurement, each on every engine in turn.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::Options;
use super::data::{Distribution, Key, VALUE_BYTES, key};
use super::engine::{Engine, Reader};
use crate::Outcome;

/// Keys that a range reads.
const RANGE_KEYS: usize = 100;
/// Keys that a count covers.
const COUNT_KEYS: u32 = 10_000;
/// Keys of a group where the size of groups is not what is measured.
const GROUP_KEYS: usize = 50;
/// Keys that a reader gets from one snapshot while the writer runs.
const SNAPSHOT_KEYS: usize = 50;
/// Threads that read while the writer runs.
const READERS: usize = 2;

/// Something that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// All keys put for the first time, in groups of 800.
    Load,
    /// Keys got from one snapshot.
    Get,
    /// Keys got from a snapshot each.
    GetEach,
    /// Keys put again, in groups of this size.
    Put(usize),
    /// Ranges of 100 keys.
    Range,
    /// Counts of 10,000 keys.
    Count,
    /// A checkpoint of what was put since the last one.
    Checkpoint,
    /// Two readers and a writer at the same time: gets of the readers.
    ReadBeside,
    /// Two readers and a writer at the same time: puts of the writer, in groups of 50.
    WriteBeside,
    /// Keys deleted, in groups of 50.
    Delete,
}

impl Step {
    /// All steps, in an order in which each finds what it needs.
    pub const ALL: [Self; 12] = [
        Self::Load,
        Self::Get,
        Self::GetEach,
        Self::Put(1),
        Self::Put(50),
        Self::Put(800),
        Self::Range,
        Self::Count,
        Self::Checkpoint,
        Self::ReadBeside,
        Self::WriteBeside,
        Self::Delete,
    ];

    /// The name in tables.
    pub fn name(self) -> String {
        match self {
            Self::Load => "put new keys, groups of 800".into(),
            Self::Get => "get, one snapshot".into(),
            Self::GetEach => "get, a snapshot each".into(),
            Self::Put(1) => "put, groups of 1".into(),
            Self::Put(group) => format!("put, groups of {group}"),
            Self::Range => format!("range of {RANGE_KEYS}"),
            Self::Count => format!("count of {COUNT_KEYS}"),
            Self::Checkpoint => "checkpoint, per key put before".into(),
            Self::ReadBeside => format!("get by {READERS} readers beside the writer"),
            Self::WriteBeside => format!("put beside {READERS} readers"),
            Self::Delete => format!("delete, groups of {GROUP_KEYS}"),
        }
    }
}

/// The keys that a round uses, the same for every engine.
pub struct Keys {
    /// All keys, in the order in which they are put first.
    load: Vec<Key>,
    /// Keys that are got and put.
    picks: Vec<Key>,
    /// Numbers from which ranges and counts start.
    starts: Vec<u32>,
}

impl Keys {
    /// The keys of a round.
    pub fn new(options: &Options, distribution: Distribution, seed: u64) -> Self {
        let keys = |numbers: Vec<u32>| numbers.into_iter().map(key).collect();
        let count = options.operations.clamp(1, options.keys as usize);
        let starts = distribution.picks(options.keys, count.div_ceil(RANGE_KEYS), seed + 2);
        Self {
            load: keys(distribution.load_order(options.keys, seed)),
            picks: keys(distribution.picks(options.keys, count, seed + 1)),
            starts,
        }
    }
}

/// How time is taken.
#[derive(Clone, Copy)]
enum Clock {
    /// By the clock on the wall.
    Wall,
    /// Time that this thread computes.
    Cpu,
}

impl Clock {
    /// Nanoseconds that `run` takes for each of `operations`.
    fn per_operation(self, operations: usize, run: impl FnOnce() -> Outcome) -> Outcome<f64> {
        let start = self.now();
        run()?;
        Ok((self.now() - start).as_nanos() as f64 / operations as f64)
    }

    fn now(self) -> Duration {
        use rustix::time::{ClockId, clock_gettime};
        let now = clock_gettime(match self {
            Self::Wall => ClockId::Monotonic,
            Self::Cpu => ClockId::ThreadCPUTime,
        });
        Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
    }
}

/// Measures a step; the figure is nanoseconds for an operation. One value differs from another by `mark`.
pub fn step(options: &Options, engine: &mut dyn Engine, keys: &Keys, step: Step, mark: u8) -> Outcome<f64> {
    let clock = if options.cpu { Clock::Cpu } else { Clock::Wall };
    let picks = &keys.picks;
    match step {
        Step::Load => clock.per_operation(keys.load.len(), || put(engine, &keys.load, 800, mark)),
        Step::Put(group) => clock.per_operation(picks.len(), || put(engine, picks, group, mark)),
        Step::Get => {
            let reader = engine.reader();
            clock.per_operation(picks.len(), || expect(reader.get(picks)?, picks.len()))
        }
        Step::GetEach => {
            let reader = engine.reader();
            clock.per_operation(picks.len(), || {
                picks.iter().try_for_each(|key| expect(reader.get(std::slice::from_ref(key))?, 1))
            })
        }
        Step::Range => {
            scan(clock, options, &*engine.reader(), keys, RANGE_KEYS as u32, |reader, from, to| {
                reader.range(&key(from), (to - from) as usize)
            })
        }
        Step::Count => scan(clock, options, &*engine.reader(), keys, COUNT_KEYS, |reader, from, to| {
            reader.count(&key(from), &key(to))
        }),
        Step::Checkpoint => {
            engine.checkpoint()?;
            put(engine, picks, 800, mark)?;
            Clock::Wall.per_operation(picks.len(), || engine.checkpoint())
        }
        Step::ReadBeside => Ok(beside(options, engine, keys, mark)?.0),
        Step::WriteBeside => Ok(beside(options, engine, keys, mark)?.1),
        Step::Delete => {
            let doomed = &keys.load[..picks.len()];
            clock.per_operation(doomed.len(), || {
                doomed.chunks(GROUP_KEYS).try_for_each(|group| expect(engine.delete(group)?, group.len()))
            })
        }
    }
}

/// Puts keys in groups.
fn put(engine: &mut dyn Engine, keys: &[Key], group: usize, mark: u8) -> Outcome {
    keys.chunks(group).try_for_each(|group| engine.put(group, &[mark; VALUE_BYTES]))
}

/// Measures something that covers `width` keys from each start on.
fn scan(
    clock: Clock,
    options: &Options,
    reader: &dyn Reader,
    keys: &Keys,
    width: u32,
    cover: impl Fn(&dyn Reader, u32, u32) -> Outcome<usize>,
) -> Outcome<f64> {
    let width = width.min(options.keys);
    // As many keys in all, whatever the width.
    let starts = &keys.starts[..keys.starts.len().div_ceil(width as usize / RANGE_KEYS.min(width as usize))];
    clock.per_operation(starts.len(), || {
        starts.iter().try_for_each(|start| {
            let from = (*start).min(options.keys - width);
            expect(cover(reader, from, from + width)?, width as usize)
        })
    })
}

/// Lets readers and the writer work at the same time; returns nanoseconds for a get and for a put.
fn beside(options: &Options, engine: &mut dyn Engine, keys: &Keys, mark: u8) -> Outcome<(f64, f64)> {
    let (over, start) = (AtomicBool::new(false), Instant::now());
    let readers: Vec<_> = (0..READERS).map(|_| engine.reader()).collect();
    let (gets, puts) = std::thread::scope(|scope| -> Outcome<(usize, usize)> {
        let over = &over;
        let reading: Vec<_> = readers
            .into_iter()
            .enumerate()
            .map(|(index, reader)| scope.spawn(move || read_until(over, &*reader, &keys.picks, index)))
            .collect();
        let (mut puts, mut written) = (0, Ok(()));
        for group in keys.picks.chunks(GROUP_KEYS).cycle() {
            if start.elapsed().as_secs_f64() >= options.seconds || written.is_err() {
                break;
            }
            written = engine.put(group, &[mark; VALUE_BYTES]);
            puts += group.len();
        }
        over.store(true, Ordering::Relaxed);
        let mut gets = 0;
        for reader in reading {
            gets += reader.join().map_err(|_| "a reader panicked")??;
        }
        written.map(|()| (gets, puts))
    })?;
    let ns = start.elapsed().as_nanos() as f64;
    Ok((ns / gets as f64, ns / puts as f64))
}

/// Gets keys until it is over and returns how many.
fn read_until(over: &AtomicBool, reader: &dyn Reader, keys: &[Key], index: usize) -> Result<usize, String> {
    let mut gets = 0;
    // Each reader starts elsewhere.
    let skipped = keys.len() / SNAPSHOT_KEYS * index / READERS;
    for group in keys.chunks(SNAPSHOT_KEYS).cycle().skip(skipped) {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let found = reader.get(group).and_then(|found| expect(found, group.len()));
        found.map_err(|error| error.to_string())?;
        gets += group.len();
    }
    Ok(gets)
}

/// Fails if an engine does not find what it holds.
fn expect(found: usize, expected: usize) -> Outcome {
    if found == expected { Ok(()) } else { Err(format!("{found} keys instead of {expected}").into()) }
}
