//! Memory and processor time of this process, as the system reports them; zero if it does not.

use std::fs;
use std::time::Duration;

/// Memory of this process, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ProcessMemory {
    /// Resident: its own, and pages of mapped files.
    pub resident_bytes: u64,
    /// Its own: heap, stacks, buffers.
    pub own_bytes: u64,
    /// Pages of mapped files, which the system can take back.
    pub file_bytes: u64,
    /// The highest resident size so far.
    pub peak_bytes: u64,
}

/// Memory of this process now.
pub(super) fn memory() -> ProcessMemory {
    parse_memory(&fs::read_to_string("/proc/self/status").unwrap_or_default())
}

/// Reads the lines of `/proc/PID/status`, which count kilobytes.
fn parse_memory(status: &str) -> ProcessMemory {
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kilobytes: Option<u64> = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        kilobytes.unwrap_or(0) * 1024
    };
    ProcessMemory {
        resident_bytes: bytes("VmRSS"),
        own_bytes: bytes("RssAnon"),
        file_bytes: bytes("RssFile") + bytes("RssShmem"),
        peak_bytes: bytes("VmHWM"),
    }
}

/// Memory of the machine, in bytes.
pub(super) fn system_memory_bytes() -> u64 {
    let info = rustix::system::sysinfo();
    info.totalram * u64::from(info.mem_unit)
}

/// Processor time of this process: in the kernel, and in user mode.
pub(super) fn processor_times() -> (Duration, Duration) {
    parse_times(
        &fs::read_to_string("/proc/self/stat").unwrap_or_default(),
        rustix::param::clock_ticks_per_second(),
    )
}

/// Reads `/proc/PID/stat`: fields 14 (user) and 15 (kernel), in ticks.
fn parse_times(stat: &str, ticks_per_second: u64) -> (Duration, Duration) {
    // Field 2 is a name in parentheses that may contain anything, parentheses too. Field 3 follows the last `)`.
    let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11);
    let mut next = || {
        let ticks: u64 = fields.next().and_then(|field| field.parse().ok()).unwrap_or(0);
        Duration::from_millis(ticks.saturating_mul(1000) / ticks_per_second.max(1))
    };
    let user = next();
    let system = next();
    (system, user)
}

/// A number of bytes as Redis shows it in `_human` fields: `1.50K`.
pub(super) fn human(bytes: u64) -> String {
    let value = bytes as f64;
    match bytes {
        0..1024 => format!("{bytes}B"),
        1024..0x10_0000 => format!("{:.2}K", value / 1024.0),
        0x10_0000..0x4000_0000 => format!("{:.2}M", value / (1024.0 * 1024.0)),
        0x4000_0000..0x100_0000_0000 => format!("{:.2}G", value / (1024.0 * 1024.0 * 1024.0)),
        _ => format!("{:.2}T", value / (1024.0 * 1024.0 * 1024.0 * 1024.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_texts_are_read() {
        let status = "Name:\tackd\nVmHWM:\t   20 kB\nVmRSS:\t   12 kB\nRssAnon:\t  8 kB\nRssFile:\t 4 kB\nRssShmem:\t0 kB\n";
        let expected = ProcessMemory {
            resident_bytes: 12 << 10,
            own_bytes: 8 << 10,
            file_bytes: 4 << 10,
            peak_bytes: 20 << 10,
        };
        assert_eq!(parse_memory(status), expected);
        assert_eq!(parse_memory(""), ProcessMemory::default());
        let stat = "1 (a) b) S 1 1 1 0 -1 4194560 100 0 0 0 250 150 0 0";
        assert_eq!(parse_times(stat, 100), (Duration::from_millis(1500), Duration::from_millis(2500)));
        assert_eq!(parse_times("", 100), (Duration::ZERO, Duration::ZERO));
        assert!(memory().resident_bytes > 0);
    }

    #[test]
    fn bytes_are_shown_as_redis_shows_them() {
        assert_eq!(human(0), "0B");
        assert_eq!(human(1536), "1.50K");
        assert_eq!(human(25_276_502_016), "23.54G");
        assert_eq!(human(3 << 40), "3.00T");
    }
}
