//! Attaches `strace` to a running process.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::waiting::eventually;

/// Attaches to all threads of a process; returns once it has. The trace goes to `output`.
pub fn attach(pid: u32, flags: &[&str], output: &Path) -> Child {
    let mut child = Command::new("strace")
        .args(flags)
        .arg("-o")
        .arg(output)
        .args(["-p", &pid.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("strace is installed");
    eventually("strace is attached", || {
        assert!(child.try_wait().unwrap().is_none(), "strace could not attach");
        is_traced(pid)
    });
    child
}

/// Whether all threads of a process are traced.
fn is_traced(pid: u32) -> bool {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    tasks.flatten().all(|task| {
        let status = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
        !status.contains("TracerPid:\t0\n")
    })
}
