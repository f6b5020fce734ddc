//! Steps of the writer that must not wait: they do not, leave to the own thread what takes time, and keep the order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use smol::future::block_on;
use wal::{Group, LocalLog, LogError, LogStatus, Lsn, MemoryStorage, SegmentMark};

use super::tests::{build, command};
use super::*;
use crate::spec;
use crate::state::{Peer, Transaction};

/// What a test decides about its log.
#[derive(Default)]
struct Control {
    /// Whether the current step may wait.
    may_wait: AtomicBool,
    /// Whether every step may sync.
    may_sync: AtomicBool,
    /// Whether the group in flight becomes durable when the log is asked next.
    synced: AtomicBool,
    /// How long the last sync took, as the log says.
    sync_micros: AtomicU64,
    /// Whether the log says that it would wait.
    would_wait: AtomicBool,
}

/// A log that its thread syncs when the test says so. It panics when it is to wait in a step that must not.
struct ControlledLog {
    log: LocalLog<MemoryStorage>,
    control: Arc<Control>,
}

impl ControlledLog {
    fn waits(&self) {
        assert!(self.control.may_wait.load(SeqCst), "a step waits that must not");
    }
}

impl Log for ControlledLog {
    fn group(&mut self) -> Group {
        self.log.group()
    }

    fn reserve(&mut self, bytes: u64) -> Result<(), LogError> {
        if self.would_wait(bytes) {
            self.waits();
        }
        self.log.reserve(bytes)
    }

    fn would_wait(&self, bytes: u64) -> bool {
        self.control.would_wait.load(SeqCst) || self.log.would_wait(bytes)
    }

    fn submit(&mut self, group: Group, wall_micros: u64) -> Result<(Lsn, Lsn), LogError> {
        if !group.is_empty() && self.would_wait(group.len_bytes() as u64) {
            self.waits();
        }
        self.log.submit(group, wall_micros)
    }

    fn sync_meanwhile(&mut self) -> bool {
        true
    }

    fn poll_durable(&mut self) -> Result<Lsn, LogError> {
        if self.control.synced.swap(false, SeqCst) { self.log.durable() } else { self.log.poll_durable() }
    }

    fn durable(&mut self) -> Result<Lsn, LogError> {
        if !self.control.may_sync.load(SeqCst) {
            self.waits();
        }
        self.log.durable()
    }

    fn seal(&mut self, wall_micros: u64) -> Result<(), LogError> {
        self.waits();
        self.log.seal(wall_micros)
    }

    fn seal_start(&mut self, wall_micros: u64) -> Result<(), LogError> {
        self.waits();
        self.log.seal_start(wall_micros)
    }

    fn mark(&self) -> Option<SegmentMark> {
        self.log.mark()
    }

    fn sync_time(&self) -> Duration {
        Duration::from_micros(self.control.sync_micros.load(SeqCst))
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
        self.waits();
        self.log.recycle_through(lsn)
    }

    fn look_at_files(&mut self) -> Result<(), LogError> {
        self.waits();
        self.log.look_at_files()
    }

    fn look_at_header(&mut self) -> Result<(), LogError> {
        self.waits();
        self.log.look_at_header()
    }

    fn let_go(&mut self) {
        self.log.let_go();
    }

    fn status(&self) -> LogStatus {
        self.log.status()
    }
}

/// A writer whose steps are called one by one.
struct Stepped {
    writer: Writer<ControlledLog>,
    queue: WriterQueue,
    state: Arc<ServerState>,
    control: Arc<Control>,
}

impl Stepped {
    fn new(limit: impl FnOnce(&mut WriterOptions)) -> Self {
        let control = Arc::new(Control::default());
        let log_control = control.clone();
        let limit = |options: &mut WriterOptions| {
            options.executor.log_reserve_bytes = 1024;
            limit(options);
        };
        let (writer, queue, state, _) = build(|log| ControlledLog { log, control: log_control }, None, limit);
        Self { writer, queue, state, control }
    }

    /// Submits a command.
    fn submit(&self, words: &[&str]) -> Promise {
        let (promise, resolver) = promise();
        block_on(self.queue.submit(command(resolver, words))).unwrap();
        promise
    }

    /// One step.
    fn step(&mut self, may_wait: bool) -> Progress {
        self.control.may_wait.store(may_wait, SeqCst);
        self.writer.step(may_wait).expect("the writer goes on")
    }

    /// The log's thread has synced the group in flight.
    fn synced(&self) {
        self.control.synced.store(true, SeqCst);
    }

    /// Steps that may wait, until there is nothing to do, and what is in flight has landed.
    fn settle(&mut self) {
        for _ in 0..3 {
            self.synced();
            while self.step(true) == Progress::More {}
        }
    }
}

/// The reply, if it is there.
fn reply(promise: &Promise) -> Option<Vec<u8>> {
    promise.try_take().map(|completion| completion.submission.out)
}

#[test]
fn a_group_is_launched_without_waiting_and_answered_when_it_has_landed() {
    let mut stepped = Stepped::new(|_| ());
    let first = stepped.submit(&["SET", "a", "1"]);
    assert_eq!(stepped.step(false), Progress::Idle);
    // The next group is executed meanwhile, and launched when the first has landed.
    let second = stepped.submit(&["GET", "a"]);
    assert_eq!(stepped.step(false), Progress::Idle);
    assert!(reply(&first).is_none() && reply(&second).is_none(), "nothing is durable yet");
    stepped.synced();
    assert_eq!(stepped.step(false), Progress::Idle);
    assert_eq!(reply(&first).as_deref(), Some(&b"+OK\r\n"[..]));
    assert_eq!(reply(&second).as_deref(), Some(&b"$1\r\n1\r\n"[..]), "it waits for the group before");
    assert_eq!(stepped.step(false), Progress::Idle);
}

#[test]
fn what_takes_time_is_left_to_the_own_thread_with_all_that_comes_after_it() {
    let mut wide = vec!["MSET"];
    wide.extend(["k", "v"].repeat(40));
    let heavy: [&[&str]; 7] = [
        &["SUNIONSTORE", "to", "one", "other"],
        &["SORT", "list", "STORE", "to"],
        &["LPOP", "list", "10"],
        &["FLUSHALL"],
        &["SWAPDB", "1", "2"],
        &["LRANGE", "list", "0", "-1"],
        &wide,
    ];
    for words in heavy {
        let mut stepped = Stepped::new(|_| ());
        let before = stepped.submit(&["APPEND", "x", "1"]);
        let slow = stepped.submit(words);
        let after = stepped.submit(&["APPEND", "x", "2"]);
        assert_eq!(stepped.step(false), Progress::NeedsThread, "{words:?}");
        assert!(stepped.writer.intake.len() == 2, "{words:?} and what follows are not executed");
        stepped.settle();
        assert_eq!(reply(&before).as_deref(), Some(&b":1\r\n"[..]));
        assert!(reply(&slow).is_some());
        let expected: &[u8] = if words[0] == "FLUSHALL" { b":1\r\n" } else { b":2\r\n" };
        assert_eq!(reply(&after).as_deref(), Some(expected), "{words:?}");
    }
}

#[test]
fn writes_are_for_the_own_thread_while_a_client_waits_that_takes_many_elements() {
    let mut wide = vec!["ZADD", "scores"];
    wide.extend(["1", "a", "2", "b"]);
    for (count, expected) in [("64", Progress::Idle), ("65", Progress::NeedsThread)] {
        let mut stepped = Stepped::new(|_| ());
        let info = stepped.state.clients.add(Peer::default(), stepped.state.users.default_user(), 0);
        let (promise, resolver) = promise();
        let words = ["BZMPOP", "0", "1", "scores", "MIN", "COUNT", count];
        let mut blocking = command(resolver, &words);
        blocking.client_id = info.id();
        block_on(stepped.queue.submit(blocking)).unwrap();
        stepped.settle();
        assert!(reply(&promise).is_none(), "it waits");
        let write = stepped.submit(&wide);
        assert_eq!(stepped.step(false), expected, "{count} elements");
        stepped.settle();
        assert!(reply(&promise).is_some() && reply(&write).is_some());
        stepped.submit(&["SET", "a", "1"]);
        assert_eq!(stepped.step(false), Progress::Idle, "nobody waits any more");
    }
}

#[test]
fn a_transaction_is_for_the_own_thread() {
    let mut stepped = Stepped::new(|_| ());
    let (promise, resolver) = promise();
    let mut submission = Submission::empty(resolver);
    submission.items.push(Item::Transaction(Box::new(Transaction::new(0))));
    block_on(stepped.queue.submit(submission)).unwrap();
    assert_eq!(stepped.step(false), Progress::NeedsThread);
    stepped.settle();
    assert_eq!(reply(&promise).as_deref(), Some(&b"*0\r\n"[..]));
}

#[test]
fn ticks_checkpoints_and_the_end_are_for_the_own_thread() {
    let mut stepped = Stepped::new(|_| ());
    stepped.queue.tick();
    assert_eq!(stepped.step(false), Progress::NeedsThread);
    stepped.settle();
    let outcome = block_on(stepped.queue.checkpoint()).unwrap();
    assert_eq!(stepped.step(false), Progress::NeedsThread);
    for _ in 0..5 {
        stepped.queue.tick();
        stepped.settle();
    }
    assert_eq!(outcome.try_recv(), Ok(Ok(())));
    let queue = stepped.queue.clone();
    let mut shutdown = std::pin::pin!(queue.shutdown(true));
    assert!(block_on(smol::future::poll_once(&mut shutdown)).is_none());
    assert_eq!(stepped.step(false), Progress::NeedsThread);
    assert_eq!(stepped.step(true), Progress::Ended);
    assert_eq!(block_on(shutdown), Ok(()));
}

#[test]
fn a_due_checkpoint_is_started_by_the_own_thread() {
    let mut stepped = Stepped::new(|_| ());
    stepped.state.limits.set_recovery_target_ms(0);
    let answer = stepped.submit(&["SET", "a", "1"]);
    assert_eq!(stepped.step(false), Progress::Idle, "nothing was logged before");
    stepped.synced();
    let next = stepped.submit(&["SET", "a", "2"]);
    assert_eq!(stepped.step(false), Progress::NeedsThread);
    assert!(reply(&answer).is_some() && reply(&next).is_none());
    // It starts when its group lands, which is for the own thread, too.
    assert_eq!(stepped.step(true), Progress::Idle);
    stepped.synced();
    assert_eq!(stepped.step(false), Progress::NeedsThread);
    assert_eq!(stepped.step(true), Progress::Idle);
    assert!(reply(&next).is_some());
}

#[test]
fn a_log_that_would_wait_is_for_the_own_thread() {
    let mut stepped = Stepped::new(|_| ());
    stepped.control.would_wait.store(true, SeqCst);
    let answer = stepped.submit(&["SET", "a", "1"]);
    assert_eq!(stepped.step(false), Progress::NeedsThread);
    stepped.settle();
    assert!(reply(&answer).is_some());
    // Through some segments: whenever one is nearly full, the own thread goes on.
    stepped.control.would_wait.store(false, SeqCst);
    stepped.control.may_sync.store(true, SeqCst);
    let value = "v".repeat(1000);
    let (mut here, mut there) = (0, 0);
    for _ in 0..300 {
        let answer = stepped.submit(&["SET", "a", &value]);
        match stepped.step(false) {
            Progress::Idle => here += 1,
            _ => there += 1,
        }
        stepped.settle();
        assert!(reply(&answer).is_some());
    }
    assert!(here > 100 && there > 20, "{here} and {there}");
}

#[test]
fn on_a_slow_disk_all_is_for_the_own_thread() {
    let mut stepped = Stepped::new(|_| ());
    stepped.control.may_sync.store(true, SeqCst);
    for (sync_micros, groups, expected) in [(9000, 1, Progress::NeedsThread), (0, 6, Progress::Idle)] {
        stepped.control.sync_micros.store(sync_micros, SeqCst);
        for _ in 0..groups {
            stepped.submit(&["SET", "a", "1"]);
            stepped.settle();
        }
        let answer = stepped.submit(&["SET", "a", "1"]);
        assert_eq!(stepped.step(false), expected);
        stepped.settle();
        assert!(reply(&answer).is_some());
    }
}

#[test]
fn a_full_group_behind_one_in_flight_is_for_the_own_thread() {
    let mut stepped = Stepped::new(|options| options.group_bytes_max = 4000);
    let value = "v".repeat(1000);
    let _first = stepped.submit(&["SET", "a", &value]);
    assert_eq!(stepped.step(false), Progress::Idle);
    let answers: Vec<Promise> = (0..30).map(|_| stepped.submit(&["SET", "a", &value])).collect();
    assert_eq!(stepped.step(false), Progress::NeedsThread);
    assert!(!stepped.writer.intake.is_empty(), "the rest stays in the queue");
    stepped.settle();
    for _ in 0..10 {
        stepped.settle();
    }
    assert!(answers.iter().all(|answer| reply(answer).is_some()));
}

/// Submits a write of each of these clients, with so many commands, and makes a step that must not wait. Returns whether
/// they were answered at once.
fn answered_at_once(stepped: &mut Stepped, clients: u64, commands: usize) -> bool {
    let submit = |client_id| {
        let (promise, resolver) = promise();
        let mut submission = command(resolver, &["SET", "a", "1"]);
        submission.client_id = client_id;
        let again = |_| Item::Execute { spec: &spec::SET, db: 0, first_span: 0, spans: 3 };
        submission.items.extend((1..commands).map(again));
        block_on(stepped.queue.submit(submission)).unwrap();
        promise
    };
    let promises: Vec<Promise> = (1..=clients).map(submit).collect();
    if stepped.step(false) == Progress::NeedsThread {
        // A segment is full.
        stepped.settle();
        return answered_at_once(stepped, clients, commands);
    }
    let at_once = promises.iter().filter(|promise| reply(promise).is_some()).count();
    stepped.synced();
    assert_eq!(stepped.step(false), Progress::Idle);
    assert!(at_once == 0 || at_once == promises.len());
    at_once > 0
}

#[test]
fn a_quick_sync_is_waited_for_unless_others_would_wait_or_clients_send_pipelines() {
    const CLIENTS: u64 = 12;
    let mut stepped = Stepped::new(|_| ());
    stepped.control.may_sync.store(true, SeqCst);
    let state = stepped.state.clone();
    let client = || state.clients.add(Peer::default(), state.users.default_user(), 0);
    let _two = [client(), client()];
    let after = |stepped: &mut Stepped, clients, commands| {
        let at_once: Vec<bool> = (0..5).map(|_| answered_at_once(stepped, clients, commands)).collect();
        at_once[4]
    };
    assert!(!answered_at_once(&mut stepped, CLIENTS, 1), "one group decides nothing");
    assert!(after(&mut stepped, CLIENTS, 1));
    assert!(!answered_at_once(&mut stepped, CLIENTS, 16), "a pipeline");
    assert!(!answered_at_once(&mut stepped, CLIENTS, 1), "one group decides nothing");
    assert!(after(&mut stepped, CLIENTS, 1));
    state.publication.ask();
    assert!(!answered_at_once(&mut stepped, CLIENTS, 1), "a reader would wait");
    assert!(!after(&mut stepped, CLIENTS, 1), "it may come back");
    let last = (0..4).map(|_| after(&mut stepped, CLIENTS, 1)).last();
    assert_eq!(last, Some(true), "nobody has read for a while");
    stepped.control.sync_micros.store(400, SeqCst);
    assert!(!(0..4).map(|_| after(&mut stepped, CLIENTS, 1)).last().unwrap(), "much could be done meanwhile");
    assert!(after(&mut stepped, 2, 1), "little could be done meanwhile");
}

#[test]
fn the_only_client_is_waited_for_whatever_it_sends() {
    let mut stepped = Stepped::new(|_| ());
    stepped.control.may_sync.store(true, SeqCst);
    let state = stepped.state.clone();
    let client = || state.clients.add(Peer::default(), state.users.default_user(), 0);
    let _one = client();
    for _ in 0..6 {
        state.publication.ask();
        answered_at_once(&mut stepped, 1, 16);
    }
    assert!(answered_at_once(&mut stepped, 1, 16));
    let _other = client();
    state.publication.ask();
    assert!(!answered_at_once(&mut stepped, 1, 1), "another one may read or write");
}
