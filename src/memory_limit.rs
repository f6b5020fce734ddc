//! How much memory this process may use: the machine's memory, or less if a control group limits it.
//!
//! Sources: `/proc/meminfo`, `/proc/self/cgroup` and the group's `memory.max` (version 2) or `memory.limit_in_bytes`
//! (version 1); see cgroups(7) and proc(5).

use std::fs;
use std::path::Path;

/// Bytes of memory that the process may use; `u64::MAX` if it is unknown.
pub fn memory_limit_bytes() -> u64 {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = groups.lines().filter_map(group_limit);
    limits.chain(machine_bytes()).min().unwrap_or(u64::MAX)
}

/// The machine's memory in bytes.
fn machine_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
}

/// The limit of the control group in a line of `/proc/self/cgroup`, if it limits memory.
fn group_limit(line: &str) -> Option<u64> {
    let mut fields = line.splitn(3, ':');
    let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
    let file = match controllers {
        "" => Path::new("/sys/fs/cgroup").join(path.trim_start_matches('/')).join("memory.max"),
        _ if controllers.split(',').any(|controller| controller == "memory") => {
            Path::new("/sys/fs/cgroup/memory")
                .join(path.trim_start_matches('/'))
                .join("memory.limit_in_bytes")
        }
        _ => return None,
    };
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_at_most_the_machines_memory() {
        let machine = machine_bytes().expect("the machine says how much memory it has");
        assert!((1 << 20..=machine).contains(&memory_limit_bytes()));
        assert_eq!(group_limit("12:cpu,cpuacct:/"), None);
    }
}
