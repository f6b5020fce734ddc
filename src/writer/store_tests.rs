//! Long results on the writer: stored in slices between other commands, as a whole or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::time::Duration;

use smol::future::{block_on, poll_once};

use super::fenced_tests::{AWAY_AT_SUBMIT, FencedLog, OPEN};
use super::tests::{Run, command, writer_on};
use super::*;
use crate::clock::unix_now;
use crate::command::{self as commands, Call};
use crate::keyspace::{DRAFTS, Events, Lookups, Prepared, keys_slot};
use crate::resp::Reply;
use crate::state::{ClientInfo, Peer};
use crate::table::Table;

/// Members of the source: several slices.
const MEMBERS: usize = 9000;
/// Elements of the sorted set: the writer would not remove most of them in one step.
const SCORED: usize = 22_000;

/// A writer, polled by hand, and a client.
struct Driven {
    run: Run,
    queue: WriterQueue,
    state: Arc<ServerState>,
    table: Arc<Table>,
    client: Arc<ClientInfo>,
    /// What the log does.
    log: Arc<AtomicU8>,
}

impl Driven {
    /// A writer on a table of 8 MiB at most, with a set.
    fn new() -> Self {
        let log = Arc::new(AtomicU8::new(OPEN));
        let does = log.clone();
        let (run, queue, state, table) = writer_on(|log| FencedLog::new(log, does), |_| ());
        let client = state.clients.add(Peer::default(), state.users.default_user(), 0);
        let mut driven = Self { run, queue, state, table, client, log };
        let members: Vec<String> = (0..MEMBERS).map(|number| format!("member:number:{number}")).collect();
        for members in members.chunks(1000) {
            driven.run(&format!("SADD set {}", members.join(" ")));
        }
        driven
    }

    /// Has the writer take a submission; what comes back.
    fn submit(&mut self, fill: impl FnOnce(Resolver) -> Box<Submission>) -> Completion {
        let (promise, resolver) = promise();
        block_on(self.queue.submit(fill(resolver))).unwrap();
        assert!(block_on(poll_once(&mut self.run)).is_none(), "the writer goes on");
        promise.try_take().expect("it came back")
    }

    /// Runs a command; returns its reply.
    fn run(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split(' ').collect();
        let completion = self.submit(|resolver| command(resolver, &words));
        String::from_utf8(completion.submission.out.clone()).unwrap()
    }

    /// Has everything published.
    fn publish(&mut self) {
        block_on(async {
            let published = self.queue.publish();
            smol::future::zip(published, poll_once(&mut self.run)).await.0.unwrap();
        });
    }

    /// Runs a reading command, however long, on what is published; returns its reply.
    fn read(&mut self, line: &str) -> String {
        self.publish();
        let words: Vec<&str> = line.split(' ').collect();
        let submission = command(promise().1, &words);
        let Item::Execute { spec, first_span, spans, .. } = submission.items[0] else { panic!() };
        let args = submission.args(first_span, spans);
        let now_ms = unix_now().as_millis() as u64;
        let call = Call { spec, args, db: 0, now_ms, limits: self.state.command_limits() };
        let mut reply = Vec::new();
        let mut out = Reply::new(&mut reply, Default::default());
        commands::read(&call, &self.table.snapshot(), &[], &mut out, &mut Lookups::default()).unwrap();
        String::from_utf8(reply).unwrap()
    }

    /// Works out a command on what is published.
    fn work_out(&mut self, line: &str) -> Box<Submission> {
        self.publish();
        let words: Vec<&str> = line.split(' ').collect();
        let mut submission = command(promise().1, &words);
        submission.client_id = self.client.id();
        let Item::Execute { spec, db, first_span, spans } = submission.items[0] else { panic!() };
        let mut prepared = Prepared::new(&submission.client_id.to_be_bytes());
        let mut reply = Vec::new();
        let args = submission.args(first_span, spans);
        let call = Call {
            spec,
            args,
            db: 0,
            now_ms: unix_now().as_millis() as u64,
            limits: self.state.command_limits(),
        };
        let (mut lookups, mut events) = (Lookups::default(), Events::default());
        let (view, mut out) = (self.table.snapshot(), Reply::new(&mut reply, Default::default()));
        commands::prepare(&call, &view, &mut out, &mut lookups, &mut events, &mut prepared).unwrap();
        assert!(prepared.changes());
        let result = WorkedOut { prepared, reply, took: Duration::ZERO, is_outdated: false };
        submission.items = vec![Item::Store { spec, db, first_span, spans, result: Box::new(result) }];
        submission
    }

    /// Does one step of a submission.
    fn step(&mut self, mut submission: Box<Submission>) -> Completion {
        self.submit(|resolver| {
            submission.reply_to = resolver;
            submission
        })
    }

    /// Sends the result of a command that was worked out until it is in its place; `each` follows each slice, with its number.
    /// Returns the number of slices and the reply.
    fn store(
        &mut self,
        mut submission: Box<Submission>,
        mut each: impl FnMut(&mut Self, &Submission, usize),
    ) -> (usize, String) {
        for slices in 0.. {
            let completion = self.step(submission);
            submission = completion.submission;
            if completion.executed == 1 {
                return (slices, String::from_utf8(submission.out).unwrap());
            }
            each(self, &submission, slices + 1);
        }
        unreachable!("there is a last slice")
    }

    /// Has a checkpoint made.
    fn checkpoint(&mut self) {
        let outcome = block_on(self.queue.checkpoint()).unwrap();
        while outcome.try_recv().is_err() {
            self.has_draft();
        }
    }

    /// Whether a draft is there.
    fn has_draft(&mut self) -> bool {
        self.queue.tick();
        assert!(block_on(poll_once(&mut self.run)).is_none(), "the writer goes on");
        !self.table.snapshot().root(keys_slot(DRAFTS)).is_empty()
    }
}

/// Whether a result that came back is outdated.
fn is_outdated(submission: &Submission) -> bool {
    matches!(&submission.items[..], [Item::Store { result, .. }] if result.is_outdated)
}

#[test]
fn a_long_result_is_stored_between_other_commands() {
    let mut driven = Driven::new();
    driven.run("SET d old EX 1000");
    let submission = driven.work_out("SUNIONSTORE d set none");
    let (slices, reply) = driven.store(submission, |driven, submission, slice| {
        assert!(submission.out.is_empty() && !is_outdated(submission) && driven.has_draft());
        assert_eq!(driven.run(&format!("SET other {slice}")), "+OK\r\n");
        assert_eq!(driven.run("GET d"), "$3\r\nold\r\n");
    });
    assert!(slices > 2, "{slices} slices");
    assert_eq!(reply, format!(":{MEMBERS}\r\n"));
    assert!(!driven.has_draft());
    assert_eq!(driven.run("SCARD d"), format!(":{MEMBERS}\r\n"));
    assert_eq!(driven.read("SDIFF set d"), "*0\r\n");
    assert_eq!(driven.run("TTL d"), ":-1\r\n");
}

#[test]
fn a_short_result_is_one_record() {
    let mut driven = Driven::new();
    driven.run("SADD few member:number:5 x");
    let lsn = || driven.state.gauges().unwrap().storage().last_lsn;
    let before = lsn();
    let submission = driven.work_out("SINTERSTORE d set few");
    let completion = driven.step(submission);
    assert_eq!((completion.executed, &completion.submission.out[..]), (1, b":1\r\n".as_slice()));
    assert_eq!(driven.state.gauges().unwrap().storage().last_lsn, before + 1);
    assert_eq!(driven.run("SMEMBERS d"), "*1\r\n$15\r\nmember:number:5\r\n");
}

#[test]
fn a_result_is_not_stored_when_its_sources_change() {
    // What changes, or only seems to, and whether that counts.
    let changes = [
        ("SADD set new", true),
        ("SREM set member:number:7", true),
        ("DEL set", true),
        ("SADD none x", true),
        ("EXPIRE set 1000", true),
        ("FLUSHALL", true),
        ("SADD set member:number:7", false),
        ("SADD d x", false),
        ("SET other x", false),
        ("DEL d", false),
    ];
    for (change, counts) in changes {
        for slices in [0, 1, 3] {
            let mut driven = Driven::new();
            driven.run("SADD d old");
            let mut submission = driven.work_out("SUNIONSTORE d set none");
            for _ in 0..slices {
                submission = driven.step(submission).submission;
            }
            driven.run(change);
            let mut executed = 0;
            while executed == 0 && !is_outdated(&submission) {
                let completion = driven.step(submission);
                (executed, submission) = (completion.executed, completion.submission);
            }
            assert_eq!(is_outdated(&submission), counts, "{change} behind {slices} slices");
            assert!(!driven.has_draft());
            let left = if change == "FLUSHALL" { 0 } else { 1 };
            let stored = if counts { left } else { MEMBERS };
            assert_eq!(driven.run("SCARD d"), format!(":{stored}\r\n"), "{change} behind {slices} slices");
        }
    }
}

#[test]
fn a_source_that_expires_has_changed() {
    // On a busy machine the time may be over before the first slice is stored; then it is tried with more.
    for ttl_ms in [500, 2000, 8000, 32_000, 128_000] {
        let mut driven = Driven::new();
        let deadline = unix_now() + Duration::from_millis(ttl_ms);
        driven.run(&format!("PEXPIREAT set {}", deadline.as_millis()));
        let submission = driven.work_out("SUNIONSTORE d set none");
        let submission = driven.step(submission).submission;
        if unix_now() + Duration::from_millis(1) >= deadline {
            continue;
        }
        assert!(!is_outdated(&submission));
        while unix_now() <= deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(is_outdated(&driven.step(submission).submission));
        assert_eq!(driven.run("EXISTS d set"), ":0\r\n");
        return;
    }
    panic!("storing one slice takes minutes");
}

#[test]
fn a_result_is_not_stored_when_a_part_of_it_was_taken_back() {
    for slices in 0..4 {
        let mut driven = Driven::new();
        let mut submission = driven.work_out("SUNIONSTORE d set none");
        for _ in 0..slices {
            submission = driven.step(submission).submission;
        }
        driven.log.store(AWAY_AT_SUBMIT, SeqCst);
        let completion = driven.step(submission);
        driven.log.store(OPEN, SeqCst);
        if slices == 3 {
            let reply = String::from_utf8(completion.submission.out.clone()).unwrap();
            assert!(completion.executed == 1 && reply.starts_with("-MISCONF Not written"), "{reply}");
        } else {
            assert_eq!((completion.executed, completion.submission.out.len()), (0, 0));
            let submission = driven.step(completion.submission).submission;
            assert!(is_outdated(&submission), "behind {slices} slices");
        }
        assert!(!driven.has_draft());
        assert_eq!(driven.run("EXISTS d"), ":0\r\n");
    }
}

/// Adds the sorted set `z`.
fn add_scored(driven: &mut Driven) {
    for start in (0..SCORED).step_by(100) {
        // A hundred next to each other, so that few pages are copied; in it, scores and members in different orders.
        let elements =
            (0..100).map(|number| format!("{} m:{:05}", start + number * 37 % 100, start + number));
        let added = driven.run(&format!("ZADD z {}", elements.collect::<Vec<_>>().join(" ")));
        assert_eq!(added, ":100\r\n");
        if start % 2000 == 0 {
            // So that the pages of older versions are free.
            driven.checkpoint();
        }
    }
}

#[test]
fn elements_are_copied_in_few_steps() {
    for (line, count) in [
        ("COPY z d", SCORED),
        ("ZRANGESTORE d z 10 -11", SCORED - 20),
        ("ZREMRANGEBYRANK z 100 20099", 20_000),
    ] {
        let mut driven = Driven::new();
        add_scored(&mut driven);
        let submission = driven.work_out(line);
        let (slices, reply) = driven.store(submission, |driven, submission, _| {
            assert!(!is_outdated(submission) && driven.has_draft());
        });
        let expected = if line.starts_with("COPY") { 1 } else { count };
        assert_eq!(reply, format!(":{expected}\r\n"), "{line}");
        assert!((2..=3).contains(&slices), "{line}: {slices} slices");
        let (key, left) = if line.starts_with("ZREM") { ("z", SCORED - 20_000) } else { ("d", count) };
        assert_eq!(driven.run(&format!("ZCARD {key}")), format!(":{left}\r\n"), "{line}");
        assert_eq!(driven.read(&format!("ZCOUNT {key} -inf +inf")), format!(":{left}\r\n"), "{line}");
        assert!(!driven.has_draft());
    }
}

#[test]
fn elements_are_not_copied_when_a_part_was_taken_back_or_the_source_changed() {
    for (step, changes) in [(1, false), (2, false), (0, true), (1, true), (2, true)] {
        let mut driven = Driven::new();
        add_scored(&mut driven);
        let mut submission = driven.work_out("ZREMRANGEBYRANK z 100 20099");
        for _ in 1..step {
            submission = driven.step(submission).submission;
        }
        if changes {
            driven.run("ZADD z 4 m:00005");
            driven.run("ZADD z 6 m:00005");
        } else {
            driven.log.store(AWAY_AT_SUBMIT, SeqCst);
            submission = driven.step(submission).submission;
            driven.log.store(OPEN, SeqCst);
        }
        let completion = driven.step(submission);
        assert!(completion.executed == 0 && is_outdated(&completion.submission), "at step {step}");
        assert!(!driven.has_draft());
        assert_eq!(driven.run("ZCARD z"), format!(":{SCORED}\r\n"));
    }
}

#[test]
fn the_draft_of_a_client_that_is_gone_is_deleted() {
    let mut driven = Driven::new();
    let submission = driven.work_out("SUNIONSTORE d set none");
    let submission = driven.step(submission).submission;
    assert!(driven.has_draft());
    drop(submission);
    driven.state.clients.remove(driven.client.id());
    driven.has_draft();
    assert!(!driven.has_draft());
    assert_eq!(driven.run("EXISTS d"), ":0\r\n");
}

#[test]
fn a_result_for_which_there_is_no_space_is_not_stored() {
    let mut driven = Driven::new();
    driven.run(&format!("SET text {}", "x".repeat(2 << 20)));
    driven.run(&format!("SET filler {}", "x".repeat(3 << 20)));
    driven.run("SET d old");
    let submission = driven.work_out("BITOP NOT d text");
    let (slices, reply) = driven.store(submission, |_, _, _| ());
    assert!(
        slices > 1 && reply.starts_with("-MISCONF No space left for this write, no data was changed"),
        "{reply}"
    );
    assert!(!driven.has_draft());
    assert_eq!(driven.run("GET d"), "$3\r\nold\r\n");
    driven.run("DEL filler");
    driven.checkpoint();
    driven.checkpoint();
    let submission = driven.work_out("BITOP NOT d text");
    let (_, reply) = driven.store(submission, |_, _, _| ());
    assert_eq!(reply, format!(":{}\r\n", 2 << 20));
}
