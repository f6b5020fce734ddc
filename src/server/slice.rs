//! How long a thread may run before it lets another one go first, which also decides how soon it runs when it wakes.
//!
//! Since 6.12, Linux lets a thread ask for a slice (sched(7), `sched_setattr(2)`): a thread that asks for short slices
//! gets the processor sooner when it wakes, but no larger share of it.

#![allow(unsafe_code)]

use std::io;
use std::time::Duration;

/// The slice of the threads that serve connections. They wake for each pipeline and for the replies of each group, and
/// run for tens of microseconds. Otherwise the processor is busy with what they have submitted.
const SHORT: Duration = Duration::from_micros(300);

/// Asks for short slices for the calling thread.
///
/// # Errors
/// The system has no such call, or does not allow it. Older kernels accept and ignore it.
pub fn ask_for_short_slices() -> io::Result<()> {
    let mut attributes = attributes()?;
    if ![libc::SCHED_OTHER, libc::SCHED_BATCH].contains(&(attributes.sched_policy as i32)) {
        // Somebody chose another policy for the process, for which slices mean something else.
        return Ok(());
    }
    attributes.sched_runtime = SHORT.as_nanos() as u64;
    // SAFETY: the call reads one structure, which lives across it, and concerns the calling thread (0) alone.
    let result = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The calling thread's policy, niceness and slice.
fn attributes() -> io::Result<libc::sched_attr> {
    let size = size_of::<libc::sched_attr>() as u32;
    let mut attributes = libc::sched_attr {
        size,
        sched_policy: 0,
        sched_flags: 0,
        sched_nice: 0,
        sched_priority: 0,
        sched_runtime: 0,
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: the call writes at most `size` bytes, which is what the structure has.
    let result = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, size, 0) };
    if result == 0 { Ok(attributes) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_slice_changes() {
        let release = rustix::system::uname().release().to_string_lossy().into_owned();
        let mut numbers = release.split(['.', '-']).map(|number| number.parse::<u32>().unwrap_or(0));
        let version = (numbers.next().unwrap(), numbers.next().unwrap());
        let before = attributes().unwrap();
        ask_for_short_slices().unwrap();
        let after = attributes().unwrap();
        assert_eq!((after.sched_policy, after.sched_nice), (before.sched_policy, before.sched_nice));
        let expected = if version >= (6, 12) { SHORT.as_nanos() as u64 } else { before.sched_runtime };
        assert_eq!(after.sched_runtime, expected, "Linux {release}");
    }
}
