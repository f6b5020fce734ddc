//! Latency events: what took at least `latency-monitor-threshold`, and when.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::unix_now;

/// The most samples kept of one event.
pub const SAMPLES_MAX: usize = 160;

/// What can take long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LatencyEvent {
    /// The run of a command.
    Command,
    /// The run of a command that takes constant or logarithmic time.
    FastCommand,
    /// One sync of the log.
    LogSync,
    /// A checkpoint, from its start until it is durable.
    Checkpoint,
    /// One round of deleting expired keys.
    ExpireCycle,
}

impl LatencyEvent {
    /// All events.
    pub const ALL: [LatencyEvent; 5] =
        [Self::Checkpoint, Self::Command, Self::ExpireCycle, Self::FastCommand, Self::LogSync];

    /// Its name in `LATENCY` commands.
    pub fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::FastCommand => "fast-command",
            Self::LogSync => "log-sync",
            Self::Checkpoint => "checkpoint",
            Self::ExpireCycle => "expire-cycle",
        }
    }

    /// The event called `name`, in any case.
    pub fn find(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name().as_bytes().eq_ignore_ascii_case(name))
    }
}

/// One sample: the slowest occurrence of one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatencySample {
    /// When, in seconds since the Unix epoch.
    pub unix_s: u64,
    /// Milliseconds that it took.
    pub took_ms: u64,
}

/// The samples of one event.
#[derive(Clone, Debug, Default)]
pub struct LatencySeries {
    /// The newest samples, oldest first.
    pub samples: VecDeque<LatencySample>,
    /// The longest time so far, in milliseconds.
    pub worst_ms: u64,
}

/// The samples of all events.
#[derive(Default)]
pub struct LatencyEvents {
    /// By event; no entry for an event that was never slow.
    series: Mutex<BTreeMap<LatencyEvent, LatencySeries>>,
}

impl LatencyEvents {
    /// Notes that something was slow.
    #[cold]
    pub fn note(&self, event: LatencyEvent, took: Duration) {
        self.note_at(event, took.as_millis() as u64, unix_now().as_secs());
    }

    fn note_at(&self, event: LatencyEvent, took_ms: u64, unix_s: u64) {
        let mut series = self.lock();
        let series = series.entry(event).or_default();
        series.worst_ms = series.worst_ms.max(took_ms);
        match series.samples.back_mut() {
            Some(last) if last.unix_s == unix_s => last.took_ms = last.took_ms.max(took_ms),
            _ => {
                if series.samples.len() == SAMPLES_MAX {
                    series.samples.pop_front();
                }
                series.samples.push_back(LatencySample { unix_s, took_ms });
            }
        }
    }

    /// All events that have samples, and the samples.
    pub fn all(&self) -> Vec<(LatencyEvent, LatencySeries)> {
        self.lock().iter().map(|(event, series)| (*event, series.clone())).collect()
    }

    /// The samples of one event, if it has any.
    pub fn of(&self, event: LatencyEvent) -> Option<LatencySeries> {
        self.lock().get(&event).cloned()
    }

    /// Forgets an event; returns whether it had samples.
    pub fn reset(&self, event: LatencyEvent) -> bool {
        self.lock().remove(&event).is_some()
    }

    /// The samples, locked.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<LatencyEvent, LatencySeries>> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_keeps_its_slowest_sample_and_old_seconds_are_forgotten() {
        let events = LatencyEvents::default();
        events.note_at(LatencyEvent::LogSync, 5, 1);
        events.note_at(LatencyEvent::LogSync, 9, 1);
        events.note_at(LatencyEvent::LogSync, 7, 1);
        for second in 2..=SAMPLES_MAX as u64 {
            events.note_at(LatencyEvent::LogSync, 1, second);
        }
        let series = events.of(LatencyEvent::LogSync).unwrap();
        assert_eq!(series.samples[0], LatencySample { unix_s: 1, took_ms: 9 });
        events.note_at(LatencyEvent::LogSync, 2, 1000);
        let series = events.of(LatencyEvent::LogSync).unwrap();
        assert_eq!((series.samples.len(), series.samples[0].unix_s, series.worst_ms), (SAMPLES_MAX, 2, 9));
        assert!(events.reset(LatencyEvent::LogSync) && !events.reset(LatencyEvent::LogSync));
        assert_eq!(LatencyEvent::find(b"FAST-command"), Some(LatencyEvent::FastCommand));
    }
}
