//! Makes system calls fail, or slow, with `strace`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{SystemTime, UNIX_EPOCH};

use super::common::strace::attach;

/// Options of a strace: which calls on which files, and what happens to them.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The call concerned.
    pub call: String,
    /// The files concerned; all when empty.
    pub paths: Vec<PathBuf>,
    /// What happens to the calls, in strace's syntax, or `None`.
    pub inject: Option<String>,
    /// Where the trace goes.
    pub output: PathBuf,
}

impl Trace {
    fn flags(&self) -> Vec<String> {
        let mut flags: Vec<String> =
            ["-f", "-q", "-y", "-ttt", "-s", "8", "-e", "signal=none"].map(String::from).into();
        for path in &self.paths {
            flags.extend(["-P".into(), path.display().to_string()]);
        }
        // Also writes: their first bytes say what is being written.
        flags.extend(["-e".into(), format!("trace={},pwrite64", self.call)]);
        if let Some(inject) = &self.inject {
            flags.extend(["-e".into(), format!("inject={}:{inject}", self.call)]);
        }
        flags
    }

    /// A command that runs `binary` under this strace and becomes its process; arguments are to follow.
    pub fn wrap(&self, binary: &str) -> Command {
        let mut command = Command::new("strace");
        // As a grandchild, so that the child's number and exit code are the server's.
        command.arg("-D").args(self.flags()).arg("-o").arg(&self.output).arg(binary);
        command
    }

    /// Attaches to all threads of a process.
    pub fn attach(&self, pid: u32) -> Child {
        let flags = self.flags();
        attach(pid, &flags.iter().map(String::as_str).collect::<Vec<_>>(), &self.output)
    }

    /// The trace, line by line.
    fn lines(&self) -> Vec<String> {
        let text = std::fs::read(&self.output).unwrap_or_default();
        String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
    }

    /// Whether the trace includes the end of the process; strace writes that a moment later.
    pub fn is_complete(&self, pid: u32) -> bool {
        let ended = |line: &String| line.starts_with(&format!("{pid} ")) && line.contains(" +++ ");
        self.lines().iter().any(ended)
    }

    /// When the process ended, in seconds since 1970.
    pub fn ended_at(&self) -> Option<f64> {
        self.lines().iter().rev().find(|line| line.contains(" +++ exited")).map(|line| words(line).1)
    }

    /// The last call that was made to fail.
    pub fn injected(&self) -> Option<Injected> {
        let lines = self.lines();
        let at = lines.iter().rposition(|line| line.contains("(INJECTED)"))?;
        let thread = words(&lines[at]).0;
        let writes = lines[..=at].iter().rev().filter(|line| words(line).0 == thread);
        let last_write =
            writes.filter(|line| line.contains("pwrite")).map(String::as_str).next().unwrap_or_default();
        Some(Injected { at: words(&lines[at]).1, is_group: last_write.contains("\"grp\\1\\1") })
    }

    /// The largest number of calls of one thread: strace counts by thread.
    pub fn calls_max(&self) -> u64 {
        let mut counts = BTreeMap::<String, u64>::new();
        let call = format!(" {}(", self.call);
        for line in self.lines().iter().filter(|line| line.contains(&call)) {
            *counts.entry(words(line).0.to_owned()).or_default() += 1;
        }
        counts.into_values().max().unwrap_or(0)
    }
}

/// A call that was made to fail.
pub struct Injected {
    /// When, in seconds since 1970.
    pub at: f64,
    /// Whether it wrote a group of records, or came after such a write.
    pub is_group: bool,
}

/// Thread and time of a line.
fn words(line: &str) -> (&str, f64) {
    let mut words = line.split_whitespace();
    (words.next().unwrap_or_default(), words.next().and_then(|time| time.parse().ok()).unwrap_or_default())
}

/// Seconds since 1970, as strace prints them.
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
