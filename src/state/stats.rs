//! Counters for `INFO` and dashboards.
//!
//! Counters that every command updates are split into shards, usually one per thread, so that counting costs a few
//! nanoseconds and threads do not contend for cache lines. Sums are computed when they are read.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use super::latency::LatencyHistogram;
use crate::spec::COMMAND_IDS_MAX;

/// Number of shards. If there are more threads, they share them.
const SHARDS: usize = 16;
/// The most error codes with a counter. Further ones are counted as `OTHER`, so that clients cannot grow the table.
const ERROR_CODES_MAX: usize = 128;
/// Number of samples over which rates are averaged.
const RATE_SAMPLES: usize = 16;

thread_local! {
    /// The shard of this thread.
    static SHARD: Cell<usize> = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        Cell::new(NEXT.fetch_add(1, Relaxed) % SHARDS)
    };
}

/// Counters of one command in one shard.
#[derive(Default)]
struct CommandCounters {
    /// Nanoseconds spent in runs.
    ns: AtomicU64,
    /// Runs that ended with an error reply.
    failed: AtomicU64,
    /// Requests refused before a run: wrong arity, no authentication, no space.
    rejected: AtomicU64,
    /// How long runs took, failed ones included. This is also the number of runs.
    latency: LatencyHistogram,
}

/// The counters of one shard, on cache lines of their own.
#[repr(align(128))]
struct Shard {
    /// Bytes received.
    net_in_bytes: AtomicU64,
    /// Bytes sent.
    net_out_bytes: AtomicU64,
    /// Reads of a key that exists.
    keyspace_hits: AtomicU64,
    /// Reads of a key that does not exist.
    keyspace_misses: AtomicU64,
    /// Counters by command ID, created at the command's first run.
    by_command: Box<[OnceLock<Box<CommandCounters>>]>,
}

impl Default for Shard {
    fn default() -> Self {
        Self {
            net_in_bytes: AtomicU64::new(0),
            net_out_bytes: AtomicU64::new(0),
            keyspace_hits: AtomicU64::new(0),
            keyspace_misses: AtomicU64::new(0),
            by_command: (0..COMMAND_IDS_MAX).map(|_| OnceLock::new()).collect(),
        }
    }
}

impl Shard {
    /// The counters of a command.
    fn command(&self, id: u16) -> &CommandCounters {
        self.by_command[usize::from(id)].get_or_init(Box::default)
    }
}

/// Sums of all shards, and the other counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Connections accepted.
    pub connections_received: u64,
    /// Connections refused because there were too many.
    pub connections_rejected: u64,
    /// Runs of commands.
    pub commands: u64,
    /// Bytes received.
    pub net_in_bytes: u64,
    /// Bytes sent.
    pub net_out_bytes: u64,
    /// Reads of a key that exists.
    pub keyspace_hits: u64,
    /// Reads of a key that does not exist.
    pub keyspace_misses: u64,
    /// Keys deleted because their expiry had passed.
    pub expired_keys: u64,
    /// Long commands that were worked out on a snapshot.
    pub worked_out: u64,
    /// Of those, the ones whose sources had changed meanwhile.
    pub outdated: u64,
    /// Error replies.
    pub errors: u64,
}

/// The counters of one command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommandTotals {
    /// Runs, failed ones included.
    pub calls: u64,
    /// Microseconds spent in runs.
    pub us: u64,
    /// Requests refused before a run.
    pub rejected: u64,
    /// Runs that ended with an error reply.
    pub failed: u64,
}

/// Rates over the last seconds, kept by [`Stats::sample`].
#[derive(Default)]
struct Rates {
    /// Totals and time of the last sample.
    last: Option<(Totals, Instant)>,
    /// Commands, bytes in and bytes out per second, the newest at `next - 1`.
    samples: [[u64; 3]; RATE_SAMPLES],
    /// Where the next sample goes.
    next: usize,
}

/// Counters for `INFO` and dashboards.
#[derive(Default)]
pub struct Stats {
    /// The counters that every command updates.
    shards: [Shard; SHARDS],
    /// Connections accepted.
    connections_received: AtomicU64,
    /// Connections refused because there were too many.
    connections_rejected: AtomicU64,
    /// Keys deleted because their expiry had passed.
    expired_keys: AtomicU64,
    /// Long commands that were worked out on a snapshot.
    worked_out: AtomicU64,
    /// Of those, the ones whose sources had changed meanwhile.
    outdated: AtomicU64,
    /// Error replies per code.
    errors: Mutex<BTreeMap<String, u64>>,
    /// Rates of the last seconds.
    rates: Mutex<Rates>,
}

impl Stats {
    /// Counts a run of a command.
    pub fn ran(&self, id: u16, took: Duration, failed: bool) {
        let command = self.shard().command(id);
        command.ns.fetch_add(took.as_nanos() as u64, Relaxed);
        command.latency.record(took);
        if failed {
            command.failed.fetch_add(1, Relaxed);
        }
    }

    /// Counts a request for a known command that was refused before it ran.
    pub fn rejected(&self, id: u16) {
        self.shard().command(id).rejected.fetch_add(1, Relaxed);
    }

    /// Counts an error reply by the code that its text starts with.
    #[cold]
    pub fn error(&self, text: &[u8]) {
        let code = text.split(|&byte| byte == b' ').next().unwrap_or_default();
        let code = String::from_utf8_lossy(&code[..code.len().min(32)]);
        let mut errors = self.errors.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(count) = errors.get_mut(&*code) {
            *count += 1;
        } else {
            let code = if errors.len() < ERROR_CODES_MAX { code.into_owned() } else { "OTHER".to_owned() };
            *errors.entry(code).or_default() += 1;
        }
    }

    /// Counts bytes received.
    pub fn received(&self, bytes: usize) {
        self.shard().net_in_bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// Counts bytes sent.
    pub fn sent(&self, bytes: usize) {
        self.shard().net_out_bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// Counts reads of keys that exist and of keys that do not.
    pub fn looked_up(&self, hits: u64, misses: u64) {
        let shard = self.shard();
        if hits > 0 {
            shard.keyspace_hits.fetch_add(hits, Relaxed);
        }
        if misses > 0 {
            shard.keyspace_misses.fetch_add(misses, Relaxed);
        }
    }

    /// Counts keys deleted because their expiry had passed.
    pub fn expired(&self, keys: u64) {
        self.expired_keys.fetch_add(keys, Relaxed);
    }

    /// Counts a long command that was worked out on a snapshot.
    pub fn worked_out(&self) {
        self.worked_out.fetch_add(1, Relaxed);
    }

    /// Counts one whose sources had changed meanwhile.
    pub fn outdated(&self) {
        self.outdated.fetch_add(1, Relaxed);
    }

    /// Counts an accepted connection.
    pub fn connected(&self) {
        self.connections_received.fetch_add(1, Relaxed);
    }

    /// Counts a connection that was refused because there are too many.
    pub fn refused(&self) {
        self.connections_rejected.fetch_add(1, Relaxed);
    }

    /// Sums of everything.
    pub fn totals(&self) -> Totals {
        let sum = |counter: fn(&Shard) -> &AtomicU64| {
            self.shards.iter().map(|shard| counter(shard).load(Relaxed)).sum::<u64>()
        };
        Totals {
            connections_received: self.connections_received.load(Relaxed),
            connections_rejected: self.connections_rejected.load(Relaxed),
            commands: (0..COMMAND_IDS_MAX)
                .flat_map(|id| self.counters(id as u16))
                .map(|counters| counters.latency.count())
                .sum(),
            net_in_bytes: sum(|shard| &shard.net_in_bytes),
            net_out_bytes: sum(|shard| &shard.net_out_bytes),
            keyspace_hits: sum(|shard| &shard.keyspace_hits),
            keyspace_misses: sum(|shard| &shard.keyspace_misses),
            expired_keys: self.expired_keys.load(Relaxed),
            worked_out: self.worked_out.load(Relaxed),
            outdated: self.outdated.load(Relaxed),
            errors: self.errors().iter().map(|(_, count)| count).sum(),
        }
    }

    /// The counters of a command, or `None` if nobody ever sent it.
    pub fn command(&self, id: u16) -> Option<CommandTotals> {
        let mut totals = CommandTotals::default();
        let mut ns = 0;
        for counters in self.counters(id) {
            totals.calls += counters.latency.count();
            totals.rejected += counters.rejected.load(Relaxed);
            totals.failed += counters.failed.load(Relaxed);
            ns += counters.ns.load(Relaxed);
        }
        totals.us = ns / 1000;
        (totals.calls + totals.rejected > 0).then_some(totals)
    }

    /// How long runs of a command took.
    pub fn latency(&self, id: u16) -> LatencyHistogram {
        let sum = LatencyHistogram::default();
        self.counters(id).for_each(|counters| sum.add(&counters.latency));
        sum
    }

    /// Error replies per code, in the order of the codes.
    pub fn errors(&self) -> Vec<(String, u64)> {
        let errors = self.errors.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        errors.iter().map(|(code, count)| (code.clone(), *count)).collect()
    }

    /// Takes a sample for the rates; to be called about ten times a second.
    pub fn sample(&self) {
        let (totals, now) = (self.totals(), Instant::now());
        let mut rates = self.rates.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some((last, then)) = rates.last.replace((totals, now)) {
            let ms = (now.duration_since(then).as_millis() as u64).max(1);
            let per_s = |now: u64, then: u64| now.saturating_sub(then).saturating_mul(1000) / ms;
            let next = rates.next;
            rates.samples[next] = [
                per_s(totals.commands, last.commands),
                per_s(totals.net_in_bytes, last.net_in_bytes),
                per_s(totals.net_out_bytes, last.net_out_bytes),
            ];
            rates.next = (next + 1) % RATE_SAMPLES;
        }
    }

    /// Commands, bytes received and bytes sent per second, averaged over the last samples.
    pub fn rates(&self) -> [u64; 3] {
        let rates = self.rates.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mean = |index: usize| {
            rates.samples.iter().map(|sample| sample[index]).sum::<u64>() / RATE_SAMPLES as u64
        };
        [mean(0), mean(1), mean(2)]
    }

    /// Resets all counters, as `CONFIG RESETSTAT` does.
    pub fn reset(&self) {
        for shard in &self.shards {
            for counter in
                [&shard.net_in_bytes, &shard.net_out_bytes, &shard.keyspace_hits, &shard.keyspace_misses]
            {
                counter.store(0, Relaxed);
            }
        }
        (0..COMMAND_IDS_MAX).flat_map(|id| self.counters(id as u16)).for_each(CommandCounters::reset);
        let Self { connections_received, connections_rejected, expired_keys, worked_out, outdated, .. } =
            self;
        for counter in [connections_received, connections_rejected, expired_keys, worked_out, outdated] {
            counter.store(0, Relaxed);
        }
        self.errors.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clear();
        *self.rates.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Rates::default();
    }

    /// This thread's shard.
    fn shard(&self) -> &Shard {
        &self.shards[SHARD.get()]
    }

    /// A command's counters in all shards that have them.
    fn counters(&self, id: u16) -> impl Iterator<Item = &CommandCounters> {
        self.shards
            .iter()
            .filter_map(move |shard| shard.by_command[usize::from(id)].get())
            .map(|counters| &**counters)
    }
}

impl CommandCounters {
    /// Resets all counters.
    fn reset(&self) {
        for counter in [&self.ns, &self.failed, &self.rejected] {
            counter.store(0, Relaxed);
        }
        self.latency.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_taken_over_all_threads() {
        let stats = Stats::default();
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| {
                    stats.ran(3, Duration::from_micros(2), false);
                    stats.ran(3, Duration::from_micros(2), true);
                    stats.rejected(4);
                    stats.received(10);
                    stats.looked_up(1, 2);
                });
            }
        });
        let totals = stats.totals();
        assert_eq!((totals.commands, totals.net_in_bytes), (40, 200));
        assert_eq!((totals.keyspace_hits, totals.keyspace_misses), (20, 40));
        assert_eq!(stats.command(3), Some(CommandTotals { calls: 40, us: 80, rejected: 0, failed: 20 }));
        assert_eq!(stats.command(4).map(|totals| totals.rejected), Some(20));
        assert_eq!(stats.command(5), None);
        assert_eq!(stats.latency(3).count(), 40);
        stats.reset();
        assert_eq!((stats.totals(), stats.command(3)), (Totals::default(), None));
    }

    #[test]
    fn errors_are_counted_by_code_and_the_table_is_bounded() {
        let stats = Stats::default();
        stats.error(b"ERR syntax error");
        stats.error(b"ERR other");
        stats.error(b"WRONGTYPE x");
        assert_eq!(stats.errors(), [("ERR".to_owned(), 2), ("WRONGTYPE".to_owned(), 1)]);
        for code in 0..1000 {
            stats.error(format!("C{code} x").as_bytes());
        }
        assert!(stats.errors().len() <= ERROR_CODES_MAX + 1);
        assert_eq!(stats.totals().errors, 1003);
    }
}
