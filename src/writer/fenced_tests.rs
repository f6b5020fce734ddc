//! The writer on a log that takes nothing: somebody else has the right to write, or the log cannot be reached now.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use smol::future::{block_on, poll_once};
use wal::{Group, LocalLog, LogError, LogStatus, Lsn, MemoryStorage, SegmentMark};

use super::tests::{Run, command, guarded_writer_on};
use super::*;
use crate::data_dir::DataDir;
use crate::keyspace::Keyspace;
use crate::resp::{Args, Span};
use crate::spec;
use crate::state::{ClientState, Listening, Peer, TrackingMode, Transaction};
use crate::table::Table;

/// The log accepts groups.
pub(super) const OPEN: u8 = 0;
/// It accepts groups, but reports that it is fenced when asked whether they are durable.
const LATE: u8 = 1;
/// It is fenced.
const FENCED: u8 = 2;
/// It takes groups until it is asked for a seal, and is fenced from then on.
const FENCED_AT_SEAL: u8 = 3;
/// It reserves space once, and is fenced from then on.
const FENCED_AFTER_RESERVE: u8 = 4;
/// It cannot be reached.
const AWAY: u8 = 5;
/// It reserves space, and cannot be reached when it is given a group.
pub(super) const AWAY_AT_SUBMIT: u8 = 6;
/// It reserves space, and has none when it is given a group.
const FULL_AT_SUBMIT: u8 = 7;
/// It reserves space, and finds the group too large that it is given.
const TOO_LARGE_AT_SUBMIT: u8 = 8;

/// A log that tests can fence, or make fail for a while.
pub(super) struct FencedLog {
    log: LocalLog<MemoryStorage>,
    state: Arc<AtomicU8>,
    /// The most bytes that were ever reserved at once.
    reserved: Arc<AtomicU64>,
}

impl FencedLog {
    /// One on `log`, which does what `state` says.
    pub(super) fn new(log: LocalLog<MemoryStorage>, state: Arc<AtomicU8>) -> Self {
        Self { log, state, reserved: Arc::default() }
    }

    /// One that is open, and the most bytes that were ever reserved of it at once.
    pub(super) fn measured(log: LocalLog<MemoryStorage>, reserved: Arc<AtomicU64>) -> Self {
        Self { log, state: Arc::new(AtomicU8::new(OPEN)), reserved }
    }

    /// Whether it does anything.
    fn check(&self) -> Result<(), LogError> {
        match self.state.load(SeqCst) {
            FENCED => Err(LogError::Fenced { reason: "another server does".into() }),
            AWAY => Err(LogError::Unavailable { reason: "no quorum".into() }),
            _ => Ok(()),
        }
    }

    /// The same. From a log in one state it makes one that is fenced.
    fn check_unless(&self, state: u8) -> Result<(), LogError> {
        let _ = self.state.compare_exchange(state, FENCED, SeqCst, SeqCst);
        self.check()
    }

    /// Whether it takes a group.
    fn check_submit(&self, is_empty: bool) -> Result<(), LogError> {
        match self.state.load(SeqCst) {
            AWAY_AT_SUBMIT if !is_empty => Err(LogError::Unavailable { reason: "no quorum".into() }),
            FULL_AT_SUBMIT if !is_empty => Err(LogError::Full {
                path: "disk".into(),
                needed: 1,
                source: std::io::ErrorKind::StorageFull.into(),
            }),
            TOO_LARGE_AT_SUBMIT if !is_empty => Err(LogError::TooLarge { bytes: 2, max: 1 }),
            _ => self.check(),
        }
    }
}

impl Log for FencedLog {
    fn group(&mut self) -> Group {
        self.log.group()
    }

    fn reserve(&mut self, bytes: u64) -> Result<(), LogError> {
        self.check()?;
        let _ = self.state.compare_exchange(FENCED_AFTER_RESERVE, FENCED, SeqCst, SeqCst);
        self.reserved.fetch_max(bytes, SeqCst);
        self.log.reserve(bytes)
    }

    fn would_wait(&self, bytes: u64) -> bool {
        self.log.would_wait(bytes)
    }

    fn submit(&mut self, group: Group, wall_micros: u64) -> Result<(Lsn, Lsn), LogError> {
        self.check_submit(group.is_empty())?;
        self.log.submit(group, wall_micros)
    }

    fn sync_meanwhile(&mut self) -> bool {
        true
    }

    fn poll_durable(&mut self) -> Result<Lsn, LogError> {
        self.check_unless(LATE)?;
        self.log.poll_durable()
    }

    fn durable(&mut self) -> Result<Lsn, LogError> {
        self.check_unless(LATE)?;
        self.log.durable()
    }

    fn seal(&mut self, wall_micros: u64) -> Result<(), LogError> {
        self.check_unless(FENCED_AT_SEAL)?;
        self.log.seal(wall_micros)
    }

    fn seal_start(&mut self, wall_micros: u64) -> Result<(), LogError> {
        self.check()?;
        self.log.seal_start(wall_micros)
    }

    fn mark(&self) -> Option<SegmentMark> {
        None
    }

    fn sync_time(&self) -> Duration {
        Duration::ZERO
    }

    fn last_lsn(&self) -> Lsn {
        self.log.last_lsn()
    }

    fn synced_lsn(&self) -> Lsn {
        self.log.synced_lsn()
    }

    fn synced_checksum(&self) -> Option<u32> {
        self.log.synced_checksum()
    }

    fn recycle_through(&mut self, lsn: Lsn) -> Result<(), LogError> {
        self.check()?;
        self.log.recycle_through(lsn)
    }

    fn look_at_files(&mut self) -> Result<(), LogError> {
        self.check()
    }

    fn look_at_header(&mut self) -> Result<(), LogError> {
        self.check()
    }

    fn let_go(&mut self) {
        self.log.let_go();
    }

    fn status(&self) -> LogStatus {
        LogStatus { files: None, ..self.log.status() }
    }
}

/// A writer on such a log, polled by hand.
struct Driven {
    run: Run,
    queue: WriterQueue,
    server: Arc<ServerState>,
    table: Arc<Table>,
    log: Arc<AtomicU8>,
    /// The files that are looked after.
    _dir: tempfile::TempDir,
}

impl Driven {
    fn new() -> Self {
        Self::with(|_| ())
    }

    fn with(limit: impl FnOnce(&mut WriterOptions)) -> Self {
        let log = Arc::new(AtomicU8::new(OPEN));
        let state = log.clone();
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(dir.path()).unwrap();
        std::fs::write(data.table_path(), "").unwrap();
        let guard = FileGuard::new(&data).unwrap();
        let (run, queue, server, table) =
            guarded_writer_on(|log| FencedLog::new(log, state), Some(guard), limit);
        Self { run, queue, server, table, log, _dir: dir }
    }

    /// Polls the writer.
    fn work(&mut self) {
        assert!(block_on(poll_once(&mut self.run)).is_none(), "the writer goes on");
    }

    /// Submits a command.
    fn submit(&mut self, line: &str) -> Promise {
        let (promise, resolver) = promise();
        let words: Vec<&str> = line.split(' ').collect();
        block_on(self.queue.submit(command(resolver, &words))).unwrap();
        promise
    }

    /// Runs a command; returns its reply, or `None` if there will be none.
    fn run(&mut self, line: &str) -> Option<String> {
        let promise = self.submit(line);
        self.work();
        let answer = block_on(poll_once(promise.wait())).expect("it was dealt with");
        answer.ok().map(|done| String::from_utf8(done.submission.out.clone()).expect("text"))
    }

    /// Runs commands and transactions as one submission, behind a reply that is known; all replies.
    fn pipeline(&mut self, items: Vec<Item>, input: &str) -> Result<Completion, Closed> {
        let (promise, resolver) = promise();
        let mut submission = Submission::empty(resolver);
        submission.out.extend_from_slice(b"+PONG\r\n");
        submission.known_replies.extend_from_slice(b"+KNOWN\r\n");
        (submission.input, submission.spans) = words(&input.split(' ').collect::<Vec<_>>());
        submission.items = items;
        block_on(self.queue.submit(submission)).unwrap();
        self.work();
        block_on(poll_once(promise.wait())).expect("it was dealt with")
    }

    /// A client that listens, tracks and monitors.
    fn client(&self) -> ClientState {
        let info = self.server.clients.add(Peer::default(), self.server.users.default_user(), 0);
        let mut client = ClientState::new(info);
        client.set_tracking(&self.server, Some(TrackingMode::default()));
        client.set_monitors(&self.server, true);
        let channels = &self.server.pubsub.channels;
        channels.subscribe(b"news", client.info());
        client.listen(|listening: &mut Listening| listening.channels.insert((*b"news").into()));
        client
    }

    /// Whether nothing of any client is left in what they share.
    fn knows_no_client(&self) -> bool {
        self.server.tracking.sizes().clients == 0
            && !self.server.monitors.any()
            && self.server.pubsub.channels.is_empty()
    }

    /// Takes a checkpoint; how it ended.
    fn checkpoint(&mut self) -> Result<(), String> {
        let outcome = block_on(self.queue.checkpoint()).unwrap();
        for _ in 0..10 {
            self.queue.tick();
            self.work();
            if let Ok(outcome) = outcome.try_recv() {
                return outcome;
            }
        }
        panic!("no checkpoint ended");
    }

    /// What `INFO` says of writes.
    fn writable(&self) -> bool {
        self.server.gauges().expect("they were set").storage().writable
    }

    /// Stops the writer.
    fn stop(&mut self) {
        block_on(async {
            // The writer is not woken: it finds the job when it is polled.
            let (told, ended) = smol::future::zip(self.queue.shutdown(true), &mut self.run).await;
            assert!(ended.is_ok() && told.is_ok(), "{ended:?}, {told:?}");
        });
    }

    /// Whether readers see a key.
    fn sees(&self, key: &str) -> bool {
        let view = self.table.snapshot();
        Keyspace::published(*view).info(0, key.as_bytes()).unwrap().is_some()
    }

    /// Checks that nothing is written any more, and that everything durable can be read.
    fn is_read_only(&mut self) {
        for line in ["SET x 1", "DEL a", "RPUSH list y"] {
            let refusal = self.run(line).expect("a refusal");
            assert!(refusal.starts_with("-READONLY Not written, no data was changed: "), "{refusal}");
            assert!(refusal.contains("another server does"), "{refusal}");
        }
        assert_eq!(self.run("GET a").as_deref(), Some("$1\r\n1\r\n"));
        assert_eq!(self.run("GET b").as_deref(), Some("$-1\r\n"));
        assert!(!self.server.publication.is_behind() && self.sees("a") && !self.sees("b"));
        let refused = self.checkpoint().expect_err("no checkpoint");
        assert!(refused.contains("another server does"), "{refused}");
        assert!(!self.writable());
        self.stop();
    }
}

/// Words one behind the other, and where each is.
fn words(words: &[&str]) -> (Vec<u8>, Vec<Span>) {
    let mut input = Vec::new();
    let add = |word: &&str| {
        let span = Span { start: input.len() as u32, len: word.len() as u32 };
        input.extend_from_slice(word.as_bytes());
        span
    };
    let spans = words.iter().map(add).collect();
    (input, spans)
}

/// A transaction that sets `b` and goes to another database.
fn transaction(client: &mut ClientState) -> Box<Transaction> {
    client.begin_transaction();
    for line in [["SET", "b", "1"].as_slice(), &["SELECT", "1"]] {
        let (input, spans) = words(line);
        let spec = spec::lookup(line[0].as_bytes()).unwrap();
        client.change_transaction(|transaction| transaction.queue(spec, &Args::new(&input, &spans), 16));
    }
    client.take_transaction().unwrap()
}

/// An item that runs a command of three words.
fn item(name: &str, first_span: u32) -> Item {
    Item::Execute { spec: spec::lookup(name.as_bytes()).unwrap(), db: 0, first_span, spans: 3 }
}

#[test]
fn a_log_that_is_fenced_refuses_writes_and_lets_all_be_read() {
    let mut driven = Driven::new();
    assert_eq!(driven.run("SET a 1").as_deref(), Some("+OK\r\n"));
    driven.log.store(FENCED, SeqCst);
    driven.is_read_only();
}

#[test]
fn what_did_not_become_durable_before_the_log_was_fenced_is_neither_acknowledged_nor_seen() {
    for is_read in [false, true] {
        let mut driven = Driven::new();
        assert_eq!(driven.run("SET a 1").as_deref(), Some("+OK\r\n"));
        assert!(driven.server.publication.is_behind(), "nobody has read");
        if is_read {
            // Have the group published, so that its version is frozen when the log turns out to be fenced.
            driven.server.publication.ask();
        }
        driven.log.store(LATE, SeqCst);
        assert_eq!(driven.run("SET b 2"), None);
        driven.is_read_only();
    }
}

#[test]
fn what_was_executed_behind_a_group_that_was_given_up_is_given_up_too() {
    // Each command is a group of its own.
    let mut driven = Driven::with(|options| options.group_bytes_max = 1);
    assert_eq!(driven.run("SET a 1").as_deref(), Some("+OK\r\n"));
    driven.log.store(LATE, SeqCst);
    let promises = ["SET b 2", "APPEND b 3", "SET c 4"].map(|line| driven.submit(line));
    driven.work();
    let mut answers = promises.map(|promise| block_on(poll_once(promise.wait())).expect("it was dealt with"));
    assert!(answers[0].is_err(), "nobody knows whether it is in the log");
    for answer in &mut answers[1..] {
        let never_written = answer.as_mut().expect("the log was not given it");
        assert!(never_written.submission.out.starts_with(b"-READONLY Not written, no data was changed: "));
    }
    driven.is_read_only();
    assert!(!driven.sees("c"));
}

#[test]
fn writes_behind_a_fence_that_another_call_met_are_refused() {
    let mut driven = Driven::new();
    assert_eq!(driven.run("SET a 1").as_deref(), Some("+OK\r\n"));
    driven.log.store(FENCED_AT_SEAL, SeqCst);
    // Reserves a lot, and writes nothing.
    let absent = driven.submit(&format!("DEL {}", "n".repeat(3000)));
    driven.queue.tick();
    let behind = driven.submit("SET x 1");
    driven.work();
    assert_eq!(absent.try_take().expect("it changed nothing").submission.out, b":0\r\n");
    let refused = behind.try_take().expect("an answer, not an end of the connection");
    assert!(refused.submission.out.starts_with(b"-READONLY Not written, no data was changed: "));
    assert!(!driven.writable());
    driven.is_read_only();
}

#[test]
fn what_was_executed_when_the_log_turned_out_to_be_fenced_is_refused() {
    let mut driven = Driven::new();
    assert_eq!(driven.run("SET a 1").as_deref(), Some("+OK\r\n"));
    driven.log.store(FENCED_AFTER_RESERVE, SeqCst);
    let long = format!("SET c {}", "n".repeat(3000));
    let promises = ["SET b 2", &long].map(|line| driven.submit(line));
    driven.work();
    for promise in promises {
        let refused = promise.try_take().expect("an answer, not an end of the connection");
        assert!(refused.submission.out.starts_with(b"-READONLY Not written, no data was changed: "));
    }
    driven.is_read_only();
}

#[test]
fn a_log_that_cannot_be_reached_for_a_while_ends_nothing() {
    let mut driven = Driven::new();
    assert_eq!(driven.run("SET a 1").as_deref(), Some("+OK\r\n"));
    assert!(driven.writable());
    driven.log.store(AWAY, SeqCst);
    driven.queue.tick();
    driven.work();
    assert!(!driven.writable());
    let refusal = driven.run("SET b 2").expect("a refusal");
    assert!(refusal.starts_with("-MISCONF Not written, no data was changed: "), "{refusal}");
    assert!(refusal.contains("cannot be reached: no quorum"), "{refusal}");
    assert_eq!(driven.run("GET a").as_deref(), Some("$1\r\n1\r\n"));
    assert_eq!(driven.run("GET b").as_deref(), Some("$-1\r\n"));
    assert_eq!(driven.checkpoint(), Ok(()), "the table can be made durable");
    driven.log.store(OPEN, SeqCst);
    assert_eq!(driven.run("SET b 2").as_deref(), Some("+OK\r\n"));
    assert!(driven.writable());
    assert_eq!(driven.checkpoint(), Ok(()));
    driven.log.store(AWAY, SeqCst);
    driven.stop();
}

#[test]
fn a_group_that_the_log_did_not_take_is_taken_back_and_its_commands_are_refused() {
    for (state, reason) in [
        (AWAY_AT_SUBMIT, "MISCONF Not written, no data was changed: the log cannot be reached: no quorum"),
        (FULL_AT_SUBMIT, "MISCONF No space left for this write, no data was changed: "),
        (TOO_LARGE_AT_SUBMIT, "ERR These commands may change too much at once, no data was changed: "),
    ] {
        let mut driven = Driven::new();
        assert_eq!(driven.run("SET a 1").as_deref(), Some("+OK\r\n"));
        let mut client = driven.client();
        for is_read in [false, true] {
            driven.log.store(state, SeqCst);
            if is_read {
                driven.server.publication.ask();
            }
            let mut with_client = transaction(&mut client);
            client.join(&mut with_client, &driven.server);
            let known = Item::KnownReply(Span { start: 0, len: 8 });
            let items = vec![item("SET", 0), known, item("APPEND", 3), Item::Transaction(with_client)];
            let mut done = driven.pipeline(items, "SET b 2 APPEND a 9").expect("an answer");
            assert_eq!(done.executed, 4);
            let out = String::from_utf8(done.submission.out.clone()).unwrap();
            let replies: Vec<&str> = out.lines().collect();
            assert_eq!((replies.len(), replies[0], replies[2]), (5, "+PONG", "+KNOWN"), "{out}");
            assert!([1, 3].iter().all(|at| replies[*at].starts_with(&format!("-{reason}"))), "{out}");
            let reason = reason.strip_prefix("ERR ").unwrap_or(reason);
            assert!(
                replies[4].starts_with(&format!("-EXECABORT Transaction discarded because of: {reason}")),
                "{out}"
            );
            let Some(Item::Transaction(back)) = done.submission.items.get_mut(3) else { panic!() };
            client.return_from(back);
            assert_eq!(client.db(), 0, "the SELECT was discarded, too");
            assert!(client.tracking().is_some() && client.monitors());
            assert_eq!(driven.run("GET a").as_deref(), Some("$1\r\n1\r\n"));
            assert_eq!(driven.run("EXISTS b").as_deref(), Some(":0\r\n"));
            assert!(!driven.server.publication.is_behind() && driven.sees("a") && !driven.sees("b"));
        }
        driven.log.store(OPEN, SeqCst);
        assert_eq!(driven.run("SET b 3").as_deref(), Some("+OK\r\n"));
        assert_eq!(driven.run("GET b").as_deref(), Some("$1\r\n3\r\n"));
        driven.stop();
    }
}

#[test]
fn who_waits_for_what_was_taken_back_is_served() {
    let mut driven = Driven::new();
    assert_eq!(driven.run("RPUSH list x").as_deref(), Some(":1\r\n"));
    let client = driven.client();
    driven.log.store(AWAY_AT_SUBMIT, SeqCst);
    let taken = driven.submit("LPOP list");
    let (waiting, resolver) = promise();
    let mut blocking = command(resolver, &["BLPOP", "list", "0"]);
    blocking.client_id = client.id();
    block_on(driven.queue.submit(blocking)).unwrap();
    driven.work();
    assert!(taken.try_take().expect("an answer").submission.out.starts_with(b"-MISCONF "));
    assert!(waiting.try_take().is_none(), "it found nothing");
    driven.log.store(OPEN, SeqCst);
    driven.run("GET a");
    let served = waiting.try_take().expect("what it waits for is there again");
    assert_eq!(served.submission.out, b"*2\r\n$4\r\nlist\r\n$1\r\nx\r\n");
}

#[test]
fn groups_that_the_log_did_not_take_cost_no_pages() {
    let mut driven = Driven::new();
    assert_eq!(driven.run("SET a 1").as_deref(), Some("+OK\r\n"));
    let elements = "n ".repeat(5000);
    let mut free = Vec::new();
    for _ in 0..40 {
        driven.log.store(AWAY_AT_SUBMIT, SeqCst);
        driven.server.publication.ask();
        let refused = driven.run(&format!("RPUSH list {}", elements.trim_end())).expect("a refusal");
        assert!(refused.starts_with("-MISCONF "), "{refused}");
        driven.log.store(OPEN, SeqCst);
        assert_eq!(driven.run("SET a 1").as_deref(), Some("+OK\r\n"));
        let stats = driven.table.stats();
        free.push(stats.pages - stats.pages_free);
    }
    assert!(free[39] <= free[3] + 8, "{free:?}");
}

#[test]
fn of_a_client_in_a_transaction_that_is_given_up_nothing_is_left() {
    let mut driven = Driven::new();
    assert_eq!(driven.run("SET a 1").as_deref(), Some("+OK\r\n"));
    let mut client = driven.client();
    let mut with_client = transaction(&mut client);
    client.join(&mut with_client, &driven.server);
    driven.log.store(LATE, SeqCst);
    assert!(driven.pipeline(vec![Item::Transaction(with_client)], "").is_err());
    // What the end of the connection does.
    client.leave(&driven.server);
    assert!(driven.knows_no_client());
}
