//! Space on the writer: nothing stays reserved that is not used; a command that finds no space is undone as a whole;
//! and the cost of finding out does not grow with the data.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use smol::future::{block_on, poll_once};

use super::fenced_tests::FencedLog;
use super::tests::{Run, spacious_writer, writer_on, writer_with};
use super::*;
use crate::resp::{Args, Span};
use crate::spec::{self, Spec};
use crate::state::Transaction;

/// Appends the words of a line to `input`, and returns where each is; `V` is an element of 1,000 bytes.
fn words(line: &str, input: &mut Vec<u8>) -> Vec<Span> {
    let long = "V".repeat(1000);
    let add = |word: &str| {
        let word = if word == "V" { long.as_str() } else { word };
        let span = Span { start: input.len() as u32, len: word.len() as u32 };
        input.extend_from_slice(word.as_bytes());
        span
    };
    line.split(' ').map(add).collect()
}

/// The command of a line.
fn spec(line: &str) -> &'static Spec {
    spec::lookup(line.split(' ').next().unwrap_or_default().as_bytes()).expect("a command of the server")
}

/// Adds a command to a submission.
fn push(submission: &mut Submission, line: &str) {
    let first_span = submission.spans.len() as u32;
    let spans = words(line, &mut submission.input);
    let count = spans.len() as u32;
    submission.spans.extend(spans);
    submission.items.push(Item::Execute { spec: spec(line), db: 0, first_span, spans: count });
}

/// Has the writer answer a submission; returns the replies.
fn answer((run, queue): (&mut Run, &WriterQueue), fill: impl FnOnce(&mut Submission)) -> String {
    let (promise, resolver) = promise();
    let mut submission = Submission::empty(resolver);
    fill(&mut submission);
    block_on(queue.submit(submission)).unwrap();
    assert!(block_on(poll_once(run)).is_none(), "the writer goes on");
    let submission = promise.try_take().expect("it was answered").submission;
    String::from_utf8(submission.out.clone()).expect("text")
}

/// A writer, polled by hand.
struct Driven {
    /// Its task.
    run: Run,
    /// Its queue.
    queue: WriterQueue,
    /// The table.
    table: Arc<crate::table::Table>,
}

impl Driven {
    /// A writer on a table of 8 MiB at most.
    fn new(limit: impl FnOnce(&mut WriterOptions)) -> Self {
        let (run, queue, _, table) = writer_with(limit);
        Self { run, queue, table }
    }

    /// A writer on a table with space for everything.
    fn spacious() -> Self {
        let (run, queue, _, table) = spacious_writer();
        Self { run, queue, table }
    }

    /// Runs commands as one submission; returns their replies.
    fn pipeline(&mut self, lines: &[String]) -> String {
        answer((&mut self.run, &self.queue), |submission| {
            lines.iter().for_each(|line| push(submission, line))
        })
    }

    /// Runs one command; returns its reply.
    fn run(&mut self, line: &str) -> String {
        self.pipeline(&[line.to_owned()])
    }

    /// Runs a transaction; returns its reply.
    fn exec(&mut self, lines: &[&str]) -> String {
        self.pipeline_and_exec(&[], lines)
    }

    /// Runs commands and a transaction as one submission; returns their replies.
    fn pipeline_and_exec(&mut self, lines: &[String], queued: &[&str]) -> String {
        let mut transaction = Transaction::new(0);
        for line in queued {
            let mut input = Vec::new();
            let spans = words(line, &mut input);
            transaction.queue(spec(line), &Args::new(&input, &spans), 16);
        }
        answer((&mut self.run, &self.queue), |submission| {
            lines.iter().for_each(|line| push(submission, line));
            submission.items.push(Item::Transaction(Box::new(transaction)));
        })
    }

    /// Takes a checkpoint.
    fn checkpoint(&mut self) {
        let outcome = block_on(self.queue.checkpoint()).unwrap();
        for _ in 0..100 {
            self.queue.tick();
            assert!(block_on(poll_once(&mut self.run)).is_none(), "the writer goes on");
            if let Ok(outcome) = outcome.try_recv() {
                return outcome.unwrap();
            }
        }
        panic!("no checkpoint ended");
    }

    /// Creates lists of 1 MB until there is no space for another, then frees the space of the last two.
    fn fill(&mut self) {
        let elements = ["V"; 1000].join(" ");
        let list = (0..100).find(|list| self.run(&format!("RPUSH list{list} {elements}")).starts_with('-'));
        let list = list.expect("a file of 8 MiB is full at some time");
        self.run(&format!("DEL list{}", list - 1));
        self.checkpoint();
        self.checkpoint();
    }

    /// All keys, with the lengths of the lists.
    fn contents(&mut self) -> Vec<String> {
        let lists = (0..8).map(|list| format!("LLEN list{list}"));
        let lines = lists.chain(["KEYS *".to_owned(), "LRANGE list1 990 -1".to_owned()]);
        lines.map(|line| self.run(&line)).collect()
    }
}

/// Asserts that a table and a log have taken little more than what is in them.
fn assert_little_is_reserved(driven: &Driven, reserved: &AtomicU64) {
    /// For the words of 500 short commands, the rest of the group, and what is left for commands that free space.
    const LOG_BYTES_MAX: u64 = 500 * 128 + (64 << 10) + LEFT_BYTES;
    let (stats, log_bytes) = (driven.table.stats(), reserved.load(SeqCst));
    assert!(stats.pages <= 768, "{stats:?}");
    assert!(log_bytes <= LOG_BYTES_MAX, "{log_bytes} bytes of the log were reserved at once");
}

/// Bytes of the log that commands leave which may grow the data.
const LEFT_BYTES: u64 = 16 << 10;

/// A writer with a hash of which a field has a deadline far away, and with many keys that are due; and the most bytes of
/// the log that were ever reserved.
fn beside_due_keys() -> (Driven, Arc<AtomicU64>) {
    let reserved = Arc::new(AtomicU64::new(0));
    let (run, queue, _, table) = writer_on(
        |log| FencedLog::measured(log, reserved.clone()),
        |options| options.executor.log_reserve_bytes = LEFT_BYTES,
    );
    let mut driven = Driven { run, queue, table };
    driven.run("HSET timed f v");
    driven.run("HPEXPIRE timed 100000000 FIELDS 1 f");
    let due: Vec<String> = (0..500).map(|key| format!("SET due{key} x PX 1")).collect();
    driven.pipeline(&due);
    let stored = Instant::now();
    while stored.elapsed() < Duration::from_millis(3) {
        std::hint::spin_loop();
    }
    (driven, reserved)
}

#[test]
fn reads_reserve_nothing_for_what_is_not_due() {
    let (mut driven, reserved) = beside_due_keys();
    let reads: Vec<String> = (0..500).map(|key| format!("GET due{key}")).collect();
    assert_eq!(driven.pipeline(&reads), "$-1\r\n".repeat(500));
    assert_little_is_reserved(&driven, &reserved);
}

#[test]
fn writes_beside_due_keys_reserve_what_they_need() {
    let (mut driven, reserved) = beside_due_keys();
    for group in 0..20 {
        let hashes: Vec<String> = (0..500).map(|key| format!("HSET hash{group}:{key} f v")).collect();
        assert_eq!(driven.pipeline(&hashes), ":1\r\n".repeat(500));
        assert_little_is_reserved(&driven, &reserved);
    }
    let due: Vec<String> = (0..500).map(|key| format!("APPEND due{key} y")).collect();
    assert_eq!(driven.pipeline(&due), ":1\r\n".repeat(500));
    assert_little_is_reserved(&driven, &reserved);
    assert_eq!(driven.run("HGET timed f"), "$1\r\nv\r\n");
}

#[test]
fn reading_forms_of_writing_commands_need_no_space() {
    let mut driven = Driven::new(|_| ());
    driven.run("GEOADD geo 1 1 place");
    driven.run("SET text a");
    driven.run("RPUSH few 2 1");
    driven.fill();
    // A command for which there is no space, and others that come with it.
    let much = format!("RPUSH much {}", ["V"; 4000].join(" "));
    for (line, expected) in [
        ("SORT few", "*2\r\n$1\r\n1\r\n$1\r\n2\r\n"),
        ("GEORADIUS geo 1 1 1 km", "*1\r\n$5\r\nplace\r\n"),
        ("GEORADIUSBYMEMBER geo place 1 km", "*1\r\n$5\r\nplace\r\n"),
        ("BITFIELD text GET u8 0 OVERFLOW FAIL", "*1\r\n:97\r\n"),
        ("GETEX text", "$1\r\na\r\n"),
    ] {
        let answers = driven.pipeline(&[much.clone(), line.to_owned()]);
        let (refused, answer) = answers.split_once("\r\n").expect("a line");
        assert!(refused.starts_with("-MISCONF No space left"), "{refused}");
        assert_eq!(answer, expected, "{line}");
        let answers = driven.pipeline_and_exec(std::slice::from_ref(&much), &[line, "GET text"]);
        assert!(answers.ends_with(&format!("\r\n*2\r\n{expected}$1\r\na\r\n")), "{line}: {answers}");
    }
    let answers = driven.pipeline(&[much, "SORT few STORE d".to_owned()]);
    assert_eq!(answers.matches("-MISCONF").count(), 2, "{answers}");
}

#[test]
fn a_command_that_finds_no_space_half_way_is_taken_back() {
    let mut driven = Driven::new(|_| ());
    driven.fill();
    let mut copies = 0;
    loop {
        let before = driven.contents();
        let answer = driven.run(&format!("COPY list1 copy{copies}"));
        if answer.starts_with('-') {
            assert!(
                answer.starts_with("-MISCONF No space left for this write, no data was changed: "),
                "{answer}"
            );
            assert_eq!(driven.contents(), before);
            break;
        }
        copies += 1;
    }
    assert!((1..4).contains(&copies), "{copies} copies");
    // What was undone takes no space, and neither the next small write nor a delete is refused.
    assert_eq!(driven.run("RPUSH list1 x"), ":1001\r\n");
    assert_eq!(driven.run("DEL copy0"), ":1\r\n");
    driven.checkpoint();
    driven.checkpoint();
    assert_eq!(driven.run("COPY list1 again"), ":1\r\n");
}

#[test]
fn a_transaction_that_finds_no_space_half_way_is_taken_back_whole() {
    let mut driven = Driven::new(|_| ());
    driven.fill();
    let before = driven.contents();
    let lines = ["SET a 1", "COPY list1 copy", "DEL list2", "COPY list1 other", "COPY list1 third", "INCR a"];
    let answer = driven.exec(&lines);
    assert!(answer.starts_with("-EXECABORT Transaction discarded because of: MISCONF "), "{answer}");
    assert_eq!(driven.contents(), before);
    assert_eq!(driven.exec(&["SET a 1", "INCR a"]), "*2\r\n+OK\r\n:2\r\n");
}

#[test]
fn a_transaction_with_too_long_a_record_is_taken_back_whole() {
    let mut driven = Driven::new(|options| options.executor.transaction_log_bytes_max = 10_000);
    let elements = ["V"; 4].join(" ");
    driven.run(&format!("RPUSH list {elements}"));
    let answer = driven.exec(&["SET a 1", "SORT list ALPHA STORE b", "SORT list ALPHA STORE c"]);
    assert_eq!(answer, "*3\r\n+OK\r\n:4\r\n:4\r\n");
    driven.run("DEL a b c");
    let store = |key| format!("SORT list ALPHA STORE {key}");
    let lines = ["SET a 1".to_owned(), store("b"), store("c"), store("d")];
    let answer = driven.exec(&lines.each_ref().map(String::as_str));
    let reason = "a log record of more than 10000 bytes, which is the most; no data was changed";
    assert!(answer.starts_with("-EXECABORT ") && answer.contains(reason), "{answer}");
    assert_eq!(driven.run("KEYS *"), "*1\r\n$4\r\nlist\r\n");
}

/// Asserts that each line, with the number of the run for `#`, takes a small part of the time of `all`.
fn assert_little(driven: &mut Driven, all: &str, lines: &[&str]) {
    let mut fastest = |line: &str| {
        let runs = (0..20).map(|run| {
            let line = line.replace('#', &(run + 100).to_string());
            let before = thread_time();
            let answer = driven.run(&line);
            let took = thread_time() - before;
            assert!(!answer.starts_with('-'), "{line}: {answer}");
            took
        });
        runs.min().expect("it ran")
    };
    let whole = fastest(all);
    for line in lines {
        let little = fastest(line);
        assert!(20 * little < whole, "{line} took {little:?}, and {all} {whole:?}");
    }
}

/// Runs a line for each of 20,000 members, a thousand at a time.
fn fill_with(driven: &mut Driven, command: &str, member: impl Fn(usize) -> String) {
    for part in 0..20 {
        let members: Vec<String> = (part * 1000..(part + 1) * 1000).map(&member).collect();
        let answer = driven.run(&format!("{command} {}", members.join(" ")));
        assert!(answer.starts_with(':'), "{answer}");
    }
}

#[test]
fn what_little_is_stored_of_much_costs_little() {
    let mut driven = Driven::spacious();
    fill_with(&mut driven, "SADD set", |number| format!("m{number}"));
    fill_with(&mut driven, "ZADD sorted", |number| format!("{number} m{number}"));
    fill_with(&mut driven, "GEOADD geo", |number| format!("{} {} m{number}", number / 200, number % 80));
    driven.run("SADD one m5");
    driven.run("ZADD one_sorted 1 m5");
    driven.run("ZADD two_sorted 1 m5 2 m6");
    let lines = [
        "ZRANGESTORE d sorted 0 0",
        "ZRANGESTORE d sorted 0 1 REV",
        "ZRANGESTORE d sorted 5 6 BYSCORE",
        "ZRANGESTORE d sorted -inf +inf BYSCORE LIMIT 0 2",
        "ZRANGESTORE d sorted -inf +inf BYSCORE LIMIT 10000 2",
        "ZRANGESTORE d sorted +inf -inf BYSCORE REV LIMIT 0 2",
        "ZUNIONSTORE d 2 one_sorted two_sorted",
        "ZINTERSTORE d 2 sorted one_sorted",
        "ZDIFFSTORE d 2 one_sorted sorted",
        "GEOSEARCHSTORE d geo FROMLONLAT 0 0 BYRADIUS 1 m",
        "GEORADIUS geo 0 0 1 m STORE d",
        "GEORADIUS geo 0 0 1 m STOREDIST d",
        "GEORADIUSBYMEMBER geo m0 1 m STORE d",
        "SINTERSTORE d one set",
        "SINTERSTORE d set absent",
        "SDIFFSTORE d one set",
    ];
    assert_little(&mut driven, "ZRANGESTORE d sorted 0 -1", &lines);
}

#[test]
fn what_little_is_taken_of_much_costs_little() {
    let mut driven = Driven::spacious();
    fill_with(&mut driven, "RPUSH list", |number| format!("m{number}"));
    fill_with(&mut driven, "SADD set", |number| format!("m{number}"));
    fill_with(&mut driven, "ZADD sorted", |number| format!("{number} m{number:05}"));
    fill_with(&mut driven, "ZADD lexed", |number| format!("0 m{number:05}"));
    let lines = [
        "ZRANGESTORE d lexed - + BYLEX LIMIT 0 2",
        "ZRANGESTORE d lexed + - BYLEX REV LIMIT 0 2",
        "ZRANGESTORE d lexed [m10000 [m10001 BYLEX",
        "ZREMRANGEBYSCORE sorted # #",
        "ZREMRANGEBYRANK sorted 0 1",
        "ZREMRANGEBYLEX lexed [m10# [m10#",
        "ZPOPMIN sorted",
        "ZMPOP 2 absent sorted MAX COUNT 2",
        "SPOP set",
        "SPOP set 2",
        "SMOVE set other m#",
        "LTRIM list 1 -1",
        "LTRIM list 0 -2",
    ];
    // Until then it is whole.
    assert_little(&mut driven, "ZRANGESTORE d sorted 0 -1", &lines);
    // Some of the members to move may be taken before.
    for (line, left) in [
        ("ZCARD sorted", 19_880..=19_880),
        ("ZCARD lexed", 19_980..=19_980),
        ("SCARD set", 19_920..=19_940),
        ("LLEN list", 19_960..=19_960),
    ] {
        let found = driven.run(line);
        let found: usize = found.trim_start_matches(':').trim_end().parse().expect("a number");
        assert!(left.contains(&found), "{line}: {found}, not {left:?}");
    }
}

/// The processor time of this thread, which does not grow while other processes run. The writer of these tests runs on
/// the test's thread.
fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
