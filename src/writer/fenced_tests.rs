//! The writer on a log that is fenced: it accepts nothing any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};

use smol::future::{block_on, poll_once};
use wal::{Group, LocalLog, LogError, LogStatus, Lsn, MemoryStorage, SegmentMark};

use super::tests::{Run, command, writer_on};
use super::*;
use crate::keyspace::Keyspace;
use crate::table::Table;

/// The log accepts groups.
const OPEN: u8 = 0;
/// It accepts groups, but reports that it is fenced when asked whether they are durable.
const LATE: u8 = 1;
/// It is fenced.
const FENCED: u8 = 2;

/// A log that tests can fence.
struct FencedLog {
    log: LocalLog<MemoryStorage>,
    state: Arc<AtomicU8>,
}

impl FencedLog {
    /// Fails if it does not accept groups.
    fn check(&self) -> Result<(), LogError> {
        match self.state.load(SeqCst) {
            FENCED => Err(LogError::Fenced { reason: "another server does".into() }),
            _ => Ok(()),
        }
    }

    /// Fails if it does not report what is durable.
    fn check_durable(&self) -> Result<(), LogError> {
        let _ = self.state.compare_exchange(LATE, FENCED, SeqCst, SeqCst);
        self.check()
    }
}

impl Log for FencedLog {
    fn group(&mut self) -> Group {
        self.log.group()
    }

    fn reserve(&mut self, bytes: u64) -> Result<(), LogError> {
        self.check()?;
        self.log.reserve(bytes)
    }

    fn submit(&mut self, group: Group, wall_micros: u64) -> Result<(Lsn, Lsn), LogError> {
        self.check()?;
        self.log.submit(group, wall_micros)
    }

    fn sync_meanwhile(&mut self) -> bool {
        true
    }

    fn poll_durable(&mut self) -> Result<Lsn, LogError> {
        self.check_durable()?;
        self.log.poll_durable()
    }

    fn durable(&mut self) -> Result<Lsn, LogError> {
        self.check_durable()?;
        self.log.durable()
    }

    fn seal(&mut self, wall_micros: u64) -> Result<(), LogError> {
        self.check()?;
        self.log.seal(wall_micros)
    }

    fn seal_start(&mut self, wall_micros: u64) -> Result<(), LogError> {
        self.check()?;
        self.log.seal_start(wall_micros)
    }

    fn mark(&self) -> Option<SegmentMark> {
        None
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
        Ok(())
    }

    fn look_at_header(&mut self) -> Result<(), LogError> {
        Ok(())
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
}

impl Driven {
    fn new() -> Self {
        Self::with(|_| ())
    }

    fn with(limit: impl FnOnce(&mut WriterOptions)) -> Self {
        let log = Arc::new(AtomicU8::new(OPEN));
        let state = log.clone();
        let (run, queue, server, table) = writer_on(|log| FencedLog { log, state }, limit);
        Self { run, queue, server, table, log }
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

    /// Whether readers see a key.
    fn sees(&self, key: &str) -> bool {
        let view = self.table.snapshot();
        Keyspace::published(*view).info(0, key.as_bytes()).unwrap().is_some()
    }

    /// Checks that nothing is written any more, and that everything durable can be read.
    fn is_read_only(&mut self) {
        for line in ["SET x 1", "DEL a", "RPUSH list y"] {
            let refusal = self.run(line).expect("a refusal");
            assert!(refusal.starts_with("-READONLY Not written, nothing was changed: "), "{refusal}");
            assert!(refusal.contains("another server does"), "{refusal}");
        }
        assert_eq!(self.run("GET a").as_deref(), Some("$1\r\n1\r\n"));
        assert_eq!(self.run("GET b").as_deref(), Some("$-1\r\n"));
        assert!(!self.server.publication.is_behind() && self.sees("a") && !self.sees("b"));
        let saved = block_on(self.queue.checkpoint()).unwrap();
        self.queue.tick();
        self.work();
        let refused = saved.try_recv().expect("an answer").expect_err("no checkpoint");
        assert!(refused.contains("another server does"), "{refused}");
        block_on(async {
            let (ended, told) = smol::future::zip(&mut self.run, self.queue.shutdown(true)).await;
            assert!(ended.is_ok() && told.is_ok(), "{ended:?}, {told:?}");
        });
    }
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
    let last = answers[2].as_mut().expect("it was executed when the log was known to be fenced");
    assert!(last.submission.out.starts_with(b"-READONLY "));
    assert!(answers[..2].iter().all(Result::is_err));
    driven.is_read_only();
    assert!(!driven.sees("c"));
}
