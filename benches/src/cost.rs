//! What a server has used up, by the kernel's count and its own.

use std::time::Duration;

use crate::Outcome;
use crate::servers::{Server, field};

/// What a server has used up since its start.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Time for which its threads, and children that have ended, were computing.
    cpu: Duration,
    /// Bytes that it had the kernel write to devices, now or later.
    written_bytes: u64,
    /// Syncs of its log, where it says so.
    syncs: Option<u64>,
}

/// What one operation cost.
#[derive(Clone, Copy, Debug)]
pub struct CostPerOperation {
    /// Microseconds of computing.
    pub cpu_us: f64,
    /// Bytes for devices.
    pub written_bytes: f64,
    /// Syncs of the log, where they can be known.
    pub syncs: Option<f64>,
}

impl Cost {
    /// What `server` has used up by now.
    pub fn of(server: &mut Server) -> Outcome<Self> {
        let process = |file: &str| std::fs::read_to_string(format!("/proc/{}/{file}", server.pid()));
        let ticks = cpu_ticks(&process("stat")?).ok_or("/proc/PID/stat cannot be read")?;
        let hertz = rustix::param::clock_ticks_per_second();
        let written_bytes = field(&process("io")?.replace(": ", ":"), "write_bytes");
        let syncs = field(&server.info("durability")?, "wal_groups");
        Ok(Self {
            cpu: Duration::from_secs_f64(ticks as f64 / hertz as f64),
            written_bytes: written_bytes.ok_or("/proc/PID/io cannot be read")?,
            syncs,
        })
    }

    /// What each of `operations` has cost since `before`.
    pub fn per_operation(&self, before: &Self, operations: u64) -> CostPerOperation {
        let each = |total: f64| total / operations as f64;
        let syncs = self.syncs.zip(before.syncs).map(|(now, then)| each((now - then) as f64));
        CostPerOperation {
            cpu_us: each((self.cpu - before.cpu).as_secs_f64() * 1e6),
            written_bytes: each((self.written_bytes - before.written_bytes) as f64),
            syncs,
        }
    }
}

/// Ticks in user and system mode, of the process and its children, from `/proc/PID/stat`.
fn cpu_ticks(stat: &str) -> Option<u64> {
    // The name, in parentheses, may hold anything; the state is the third field.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11).take(4).map(str::parse::<u64>);
    ticks.try_fold(0, |sum, ticks| Some(sum + ticks.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ticks_of_a_process_are_found_behind_any_name() {
        let stat = "12 (a) b) S 1 12 12 0 -1 4194560 10 0 0 0 700 30 5 1 20 0 4 0 100 0";
        assert_eq!(cpu_ticks(stat), Some(736));
    }
}
