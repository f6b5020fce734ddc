//! `strace` as the one who makes calls fail, or slow.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long strace may take to attach to all threads, in steps of 2 ms.
const ATTACH_LOOKS: u32 = 5000;

/// What a strace does: which calls on which files, and what happens to them.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Names of the calls.
    pub calls: String,
    /// The files concerned; all when empty.
    pub paths: Vec<PathBuf>,
    /// What happens to the calls, as strace says it, or nothing.
    pub inject: Option<String>,
    /// Where the trace goes.
    pub output: PathBuf,
}

impl Trace {
    fn flags(&self) -> Vec<String> {
        let mut flags: Vec<String> = ["-f", "-q", "-y", "-ttt", "-s", "0", "-e", "signal=none", "-o"].map(String::from).into();
        flags.push(self.output.display().to_string());
        for path in &self.paths {
            flags.extend(["-P".into(), path.display().to_string()]);
        }
        flags.extend(["-e".into(), format!("trace={}", self.calls)]);
        if let Some(inject) = &self.inject {
            flags.extend(["-e".into(), format!("inject={}:{inject}", self.calls)]);
        }
        flags
    }

    /// A command that runs `binary` under this strace and becomes its process; arguments are to follow.
    pub fn wrap(&self, binary: &str) -> Command {
        let mut command = Command::new("strace");
        // As a grandchild, so that the child's number and exit code are the server's.
        command.arg("-D").args(self.flags()).arg(binary);
        command
    }

    /// Attaches to all threads of a process.
    pub fn attach(&self, pid: u32) -> Child {
        let mut child = Command::new("strace")
            .args(self.flags())
            .args(["-p", &pid.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("strace is installed");
        for _ in 0..ATTACH_LOOKS {
            assert!(child.try_wait().unwrap().is_none(), "strace could not attach");
            if is_traced(pid) {
                return child;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        panic!("strace did not attach");
    }

    /// The calls that were traced, one a line.
    pub fn lines(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.output).unwrap_or_default();
        let calls = text.lines().filter(|line| !line.contains(" resumed>") && !line.contains(" +++ "));
        calls.map(str::to_owned).collect()
    }

    /// Whether the trace goes to the end of the process: strace writes it a moment after that.
    pub fn is_complete(&self, pid: u32) -> bool {
        let text = std::fs::read_to_string(&self.output).unwrap_or_default();
        text.lines().any(|line| line.starts_with(&format!("{pid} ")) && line.contains(" +++ "))
    }

    /// When the first call was made to fail, in seconds since 1970.
    pub fn injected_at(&self) -> Option<f64> {
        let text = std::fs::read_to_string(&self.output).unwrap_or_default();
        let line = text.lines().find(|line| line.contains("(INJECTED)"))?;
        line.split_whitespace().nth(1).and_then(|time| time.parse().ok())
    }

    /// The largest number of calls that one thread made: strace counts thread by thread.
    pub fn calls_max(&self) -> u64 {
        let mut counts = std::collections::BTreeMap::<String, u64>::new();
        for line in self.lines() {
            let thread = line.split_whitespace().next().unwrap_or_default().to_owned();
            *counts.entry(thread).or_default() += 1;
        }
        counts.into_values().max().unwrap_or(0)
    }
}

/// Whether all threads of a process are traced.
fn is_traced(pid: u32) -> bool {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    tasks.flatten().all(|task| {
        let status = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
        !status.contains("TracerPid:\t0\n")
    })
}

/// Seconds since 1970, as strace tells them.
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// The files of a data directory, by what they are for.
pub fn paths(dir: &Path, file: &str) -> Vec<PathBuf> {
    /// More segments than a test uses.
    const SEGMENTS: u64 = 48;
    let wal = dir.join("wal");
    match file {
        "log" => (1..=SEGMENTS)
            .flat_map(|number| {
                ["wal", "tmp", "wal.broken"].map(|suffix| wal.join(format!("{number:016x}.{suffix}")))
            })
            .collect(),
        "logdir" => vec![wal],
        "table" => vec![dir.join("table.ackd"), dir.join("table.new")],
        "dir" => vec![dir.to_owned(), dir.join("LOCK"), dir.parent().expect("a parent").to_owned()],
        "any" => Vec::new(),
        other => panic!("{other} is no file"),
    }
}
