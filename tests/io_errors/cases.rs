//! Which call fails, when and how; and what must hold then.

use std::sync::LazyLock;

use super::life::{Place, ended_in_order};
use super::tracer::{Trace, paths};

/// Calls of one kind that are made to fail at most.
const CALLS_MAX: u64 = 200;

/// Seconds within which a fault on a thread other than the writer's must end the server, on a machine that does nothing
/// else.
const NOTICED_MAX_S: f64 = 1.0;
/// On a busy machine, that thread and the writer's may each wait for the processor as often as a command does.
const NOTICED_MAX_COMMANDS: f64 = 10.0;

/// A part of a server's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The first start, in an empty directory.
    Start,
    /// From the moment at which clients are served.
    Running,
    /// A start that has a log to replay and a torn tail to set aside.
    Restart,
}

const PHASES: [(Phase, &str); 3] =
    [(Phase::Start, "start"), (Phase::Running, "running"), (Phase::Restart, "restart")];

/// A kind of call, and how it can fail.
#[derive(Clone, Copy, Debug)]
struct Target {
    /// Which files, see [`paths`].
    file: &'static str,
    /// The system call.
    call: &'static str,
    /// Ways to fail, see [`injection`].
    faults: &'static [&'static str],
    /// Whether the log goes through the page cache.
    buffered: bool,
}

const fn target(file: &'static str, call: &'static str, faults: &'static [&'static str]) -> Target {
    Target { file, call, faults, buffered: false }
}

/// All system calls of a server on its files, as `strace -c` lists them.
const TARGETS: &[Target] = &[
    target("log", "pwritev2", &["EIO", "ENOSPC", "EDQUOT", "short", "nothing", "EINTR"]),
    target("log", "pwrite64", &["EIO", "ENOSPC", "EDQUOT", "short", "nothing", "EINTR"]),
    target("log", "fdatasync", &["EIO", "ENOSPC", "EDQUOT"]),
    target("log", "fallocate", &["EIO", "ENOSPC", "EDQUOT", "EFBIG"]),
    target("log", "pread64", &["EIO"]),
    target("logdir", "openat", &["EIO", "ENOSPC", "EDQUOT", "EMFILE", "ENFILE"]),
    target("logdir", "renameat", &["EIO", "ENOSPC", "EDQUOT"]),
    target("logdir", "unlinkat", &["EIO"]),
    target("logdir", "fsync", &["EIO", "ENOSPC", "EDQUOT"]),
    target("logdir", "getdents64", &["EIO"]),
    target("logdir", "mkdir", &["EIO", "ENOSPC"]),
    target("table", "openat", &["EIO", "ENOSPC", "EMFILE"]),
    target("table", "pwrite64", &["EIO", "ENOSPC", "EDQUOT", "short", "nothing", "EINTR"]),
    target("table", "pread64", &["EIO", "nothing"]),
    target("table", "fallocate", &["EIO", "ENOSPC", "EDQUOT", "EFBIG"]),
    target("table", "sync_file_range", &["EIO", "ENOSPC", "EDQUOT"]),
    target("table", "rename", &["EIO", "ENOSPC"]),
    target("table", "mmap", &["ENOMEM"]),
    target("any", "msync", &["EIO", "ENOSPC", "EDQUOT"]),
    target("dir", "openat", &["EIO", "ENOSPC"]),
    target("dir", "fsync", &["EIO", "ENOSPC"]),
    target("dir", "mkdir", &["EIO", "ENOSPC"]),
    target("dir", "ftruncate", &["EIO"]),
    target("dir", "write", &["EIO", "ENOSPC"]),
    target("dir", "flock", &["EIO"]),
    Target { buffered: true, ..target("log", "fdatasync", &["EIO", "ENOSPC", "EDQUOT"]) },
    Target { buffered: true, ..target("log", "pwrite64", &["EIO", "ENOSPC"]) },
];

/// The option of strace for a way to fail.
fn injection(fault: &str) -> String {
    match fault {
        // Less than a block: with direct I/O the whole block is written again, so nothing is missing at the end.
        "short" => "retval=512".into(),
        "nothing" => "retval=0".into(),
        error => format!("error={error}"),
    }
}

/// The server's message for an error.
fn text(fault: &str) -> &'static str {
    match fault {
        "EIO" => "Input/output error",
        "ENOSPC" => "No space left on device",
        "EDQUOT" => "quota exceeded",
        "EFBIG" => "File too large",
        "EMFILE" | "ENFILE" => "Too many open files",
        "ENOMEM" => "Cannot allocate memory",
        _ => "",
    }
}

/// One fault.
#[derive(Clone, Debug)]
pub struct Case {
    file: String,
    call: String,
    fault: String,
    /// The call of its kind that fails, counted from 1.
    index: u64,
    phase: Phase,
    buffered: bool,
}

/// The outcome of a case.
pub struct Outcome {
    /// Whether the call was made at all.
    pub injected: bool,
    /// The server's exit code.
    pub code: i32,
    /// Writes acknowledged.
    pub acked: u64,
    /// Writes refused for lack of space.
    pub refused: u64,
    /// Seconds from the fault to the end of the server, if that ended it.
    pub ended_after_s: Option<f64>,
}

/// How often each target is called in each phase, as a life without faults shows.
static COUNTS: LazyLock<Vec<(usize, Phase, u64)>> = LazyLock::new(|| {
    let mut counts = Vec::new();
    for (phase, _) in PHASES {
        for buffered in [false, true] {
            let targets = || TARGETS.iter().enumerate().filter(|(_, target)| target.buffered == buffered);
            // strace does not count calls by file, so each target has a life of its own.
            for (number, target) in targets() {
                let place = Place::new(buffered);
                let trace = Trace {
                    call: target.call.into(),
                    paths: paths(&place.dir(), target.file),
                    inject: None,
                    output: place.trace(),
                };
                let life = place.live(phase, &trace);
                assert_eq!(life.status.code(), Some(0), "a life without faults: {}", life.log);
                counts.push((number, phase, trace.calls_max()));
            }
        }
    }
    counts
});

/// Every call, failing in every way that it can.
pub fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for &(number, phase, count) in &*COUNTS {
        let target = TARGETS[number];
        for index in 1..=count.min(CALLS_MAX) {
            cases.extend(target.faults.iter().map(|fault| Case {
                file: target.file.into(),
                call: target.call.into(),
                fault: (*fault).into(),
                index,
                phase,
                buffered: target.buffered,
            }));
        }
    }
    cases
}

/// Prints which case failed, and how to run it alone.
struct Replay<'c>(&'c Case);

impl Drop for Replay<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("replay with: ACKD_IO_ERRORS=\"{}\" cargo test --test io_errors every", self.0.name());
        }
    }
}

impl Case {
    /// A case by its name.
    pub fn parse(name: &str) -> Self {
        let words: Vec<&str> = name.split_whitespace().collect();
        let [file, call, fault, index, phase, ..] = words[..] else { panic!("a case has five words or six") };
        let phase = PHASES.iter().find(|(_, name)| *name == phase).expect("start, running or restart").0;
        Self {
            file: file.into(),
            call: call.into(),
            fault: fault.into(),
            index: index.parse().expect("a number"),
            phase,
            buffered: words.get(5) == Some(&"buffered"),
        }
    }

    fn phase_name(&self) -> &'static str {
        PHASES.iter().find(|(phase, _)| *phase == self.phase).expect("all are listed").1
    }

    fn name(&self) -> String {
        let Self { file, call, fault, index, buffered, .. } = self;
        let buffered = if *buffered { " buffered" } else { "" };
        format!("{file} {call} {fault} {index} {}{buffered}", self.phase_name())
    }

    /// The row of the table that it belongs to.
    pub fn row(&self) -> String {
        let Self { file, call, fault, buffered, .. } = self;
        let buffered = if *buffered { " (buffered)" } else { "" };
        format!("{:<8} {file:<7} {call}{buffered} {fault}", self.phase_name())
    }

    /// Runs it and checks the outcome.
    pub fn run(&self) -> Outcome {
        let _replay = Replay(self);
        let place = Place::new(self.buffered);
        let trace = Trace {
            call: self.call.clone(),
            paths: paths(&place.dir(), &self.file),
            inject: Some(format!("{}:when={}", injection(&self.fault), self.index)),
            output: place.trace(),
        };
        let life = place.live(self.phase, &trace);
        let injected = trace.injected();
        let name = self.name();
        let is_limit = self.is_limit() && life.status.code() == Some(2);
        assert!(is_limit || ended_in_order(life.status), "{name}: {}\n{}", life.status, life.log);
        let code = life.status.code().expect("it ended in order");
        match &injected {
            None => assert_eq!(code, 0, "{name}: no fault, yet\n{}", life.log),
            Some(injected) if code != 0 => {
                self.check_report(&life.log);
                if let Some((sent, acked)) = life.told.last_ack {
                    let at = injected.at;
                    // There is one command at a time: the one that waits for this group. The writer notices an error of
                    // another thread a moment later; what it acknowledges until then is on disk.
                    let waits = self.is_log_write() && injected.is_group;
                    assert!(
                        !waits || acked < at,
                        "{name}: acknowledged after the fault at {at}\n{}",
                        life.log
                    );
                    let noticed_max_s = NOTICED_MAX_S + NOTICED_MAX_COMMANDS * life.told.slowest_s;
                    assert!(sent < at + noticed_max_s, "{name}: goes on long after the fault\n{}", life.log);
                }
            }
            Some(_) => assert!(!self.must_end(), "{name}: the server went on\n{}", life.log),
        }
        if let Err(problem) = place.check_restart(&life.told) {
            panic!("{name}: {problem}\n{}", life.log);
        }
        let ended_after_s = injected
            .as_ref()
            .filter(|_| code != 0)
            .and_then(|injected| trace.ended_at().map(|ended| ended - injected.at));
        Outcome {
            injected: injected.is_some(),
            code,
            acked: life.told.writes,
            refused: life.told.refused,
            ended_after_s,
        }
    }

    /// Whether the call writes or syncs groups.
    fn is_log_write(&self) -> bool {
        self.file == "log" && (self.call == "pwritev2" || self.buffered && self.call == "fdatasync")
    }

    /// Whether the error names a limit of the configuration: no address space for the largest size of the table.
    fn is_limit(&self) -> bool {
        self.call == "mmap" && self.fault == "ENOMEM"
    }

    /// Whether no server may go on after this.
    fn must_end(&self) -> bool {
        let syncs = ["fdatasync", "fsync", "msync", "sync_file_range"].contains(&self.call.as_str());
        let writes = ["pwrite64", "pwritev2"].contains(&self.call.as_str());
        (self.fault == "EIO" && (syncs || writes)) || (self.file != "log" && syncs)
    }

    /// The server logs in one line what failed: the file, and the system's message or the directive that sets the limit. The
    /// scrub may have logged it before.
    fn check_report(&self, log: &str) {
        let is_error = |line: &&str| line.contains("level=error") && !line.contains("msg=\"scrub: ");
        let errors: Vec<&str> = log.lines().filter(is_error).collect();
        let [line] = errors[..] else { panic!("{}: one line is expected:\n{log}", self.name()) };
        assert!(line.contains("/data"), "{}: no file is named: {line}", self.name());
        let reason = if self.is_limit() { "table-max-size" } else { text(&self.fault) };
        assert!(line.contains(reason), "{}: no reason is given: {line}", self.name());
    }
}
