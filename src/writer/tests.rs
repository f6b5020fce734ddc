//! The writer on a log and a table in memory, polled by hand.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use smol::future::{block_on, poll_once};
use wal::{LocalLog, LogOptions, MemoryStorage};

use super::*;
use crate::clock::unix_now;
use crate::committer::UNCHANGED_GROUPS;
use crate::data_dir::DataDir;
use crate::recovery::{TableSource, recover};
use crate::resp::Span;
use crate::spec;
use crate::state::{Limits, ServerState};
use crate::table::{MemoryFile, Table, TableOptions};

/// A task that waits for a reply, and counts how often a read at that time would have missed an acknowledged write.
struct Waiting {
    state: Arc<ServerState>,
    woken: AtomicU32,
    woken_early: AtomicU32,
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        self.woken.fetch_add(1, SeqCst);
        // No reader asked before, so the group is not published: a reader must learn that it has to wait.
        if self.state.publication.ask() {
            self.woken_early.fetch_add(1, SeqCst);
        }
    }
}

/// The writer's task, to be polled by hand.
pub(super) type Run = Pin<Box<dyn Future<Output = Result<(), WriterError>>>>;

/// A writer on an empty table, and its queue.
fn writer() -> (Run, WriterQueue, Arc<ServerState>) {
    let (run, queue, state, _) = writer_with(|_| ());
    (run, queue, state)
}

/// Like [`writer`], with other limits, and with the table.
pub(super) fn writer_with(
    limit: impl FnOnce(&mut WriterOptions),
) -> (Run, WriterQueue, Arc<ServerState>, Arc<Table>) {
    writer_on(|log| log, limit)
}

/// Like [`writer_with`], with the log that `wrap` returns.
pub(super) fn writer_on<L: Log + 'static>(
    wrap: impl FnOnce(LocalLog<MemoryStorage>) -> L,
    limit: impl FnOnce(&mut WriterOptions),
) -> (Run, WriterQueue, Arc<ServerState>, Arc<Table>) {
    guarded_writer_on(wrap, None, limit)
}

/// As [`writer_on`], with files that are looked after.
pub(super) fn guarded_writer_on<L: Log + 'static>(
    wrap: impl FnOnce(LocalLog<MemoryStorage>) -> L,
    guard: Option<FileGuard>,
    limit: impl FnOnce(&mut WriterOptions),
) -> (Run, WriterQueue, Arc<ServerState>, Arc<Table>) {
    let (writer, queue, state, table) = build(wrap, guard, limit);
    (running(writer), queue, state, table)
}

/// A writer on a table that has space for whatever a test does.
pub(super) fn spacious_writer() -> (Run, WriterQueue, Arc<ServerState>, Arc<Table>) {
    let (writer, queue, state, table) = build_on(256 << 20, |log| log, None, |_| ());
    (running(writer), queue, state, table)
}

/// The writer itself, to be driven step by step.
pub(super) fn build<L: Log + 'static>(
    wrap: impl FnOnce(LocalLog<MemoryStorage>) -> L,
    guard: Option<FileGuard>,
    limit: impl FnOnce(&mut WriterOptions),
) -> (Writer<L>, WriterQueue, Arc<ServerState>, Arc<Table>) {
    build_on(8 << 20, wrap, guard, limit)
}

/// The same, on a table of `table_bytes_max` bytes at most.
fn build_on<L: Log + 'static>(
    table_bytes_max: u64,
    wrap: impl FnOnce(LocalLog<MemoryStorage>) -> L,
    guard: Option<FileGuard>,
    limit: impl FnOnce(&mut WriterOptions),
) -> (Writer<L>, WriterQueue, Arc<ServerState>, Arc<Table>) {
    let source = TableSource::New(Box::new(MemoryFile::new(table_bytes_max)));
    let log = LogOptions { segment_bytes: 64 << 10, background: false, ..LogOptions::default() };
    let table = TableOptions { headroom_pages: 16, instance_id: 7, ..TableOptions::default() };
    let recovered = recover(source, MemoryStorage::new(), &table, log).expect("an empty directory");
    let state = Arc::new(ServerState::new(Limits::default()));
    let status = recovered.log.status();
    let gauges = Arc::new(WriterGauges::new(recovered.table.clone(), status, RecoveryFigures::default()));
    state.set_gauges(gauges.clone());
    let (queue, inbox) = writer_queue();
    let checkpointer = Checkpointer::on_caller(state.clone(), 1);
    let mut options = WriterOptions::default();
    options.executor.table_reserve_pages = 16;
    limit(&mut options);
    let clock = Arc::new(Clock::new(0));
    let writer = Writer::new(
        wrap(recovered.log),
        recovered.writer,
        inbox,
        state.clone(),
        gauges,
        clock,
        checkpointer,
        options,
    );
    let writer = match guard {
        Some(guard) => writer.guarding(guard),
        None => writer,
    };
    (writer, queue, state, recovered.table)
}

/// A writer that does all that it can do each time it is polled.
fn running<L: Log + 'static>(mut writer: Writer<L>) -> Run {
    Box::pin(std::future::poll_fn(move |_| {
        loop {
            match writer.step(true) {
                Ok(Progress::Idle) => return Poll::Pending,
                Ok(Progress::More | Progress::NeedsThread) => {}
                Ok(Progress::Ended) => return Poll::Ready(Ok(())),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }))
}

/// A submission of one command.
pub(super) fn command(reply_to: Resolver, words: &[&str]) -> Box<Submission> {
    let mut submission = Submission::empty(reply_to);
    for word in words {
        let span = Span { start: submission.input.len() as u32, len: word.len() as u32 };
        submission.spans.push(span);
        submission.input.extend_from_slice(word.as_bytes());
    }
    let spec = spec::lookup(words[0].as_bytes()).expect("a command of the server");
    submission.items.push(Item::Execute { spec, db: 0, first_span: 0, spans: words.len() as u32 });
    submission
}

#[test]
fn a_file_that_vanishes_ends_the_writer_at_the_first_tick_after_a_second() {
    let dir = tempfile::tempdir().unwrap();
    let data = DataDir::open(dir.path()).unwrap();
    std::fs::write(data.table_path(), "").unwrap();
    let guard = FileGuard::new(&data).unwrap();
    let (mut run, queue, ..) = guarded_writer_on(|log| log, Some(guard), |_| ());
    std::fs::remove_file(data.lock_path()).unwrap();
    std::thread::sleep(Duration::from_millis(1001));
    queue.tick();
    let end = block_on(poll_once(&mut run)).expect("it ends");
    assert!(matches!(end, Err(WriterError::Files(_))), "{end:?}");
}

#[test]
fn who_is_woken_for_a_reply_finds_readers_told_to_wait_for_its_group() {
    let (mut run, queue, state) = writer();
    let waiting = Arc::new(Waiting { state, woken: AtomicU32::new(0), woken_early: AtomicU32::new(0) });
    let (promise, resolver) = promise();
    block_on(queue.submit(command(resolver, &["SET", "k", "v"]))).unwrap();
    let waker = Waker::from(waiting.clone());
    let mut wait = std::pin::pin!(promise.wait());
    assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert!(block_on(poll_once(&mut run)).is_none(), "the writer goes on");
    assert_eq!(waiting.woken.load(SeqCst), 1);
    assert_eq!(waiting.woken_early.load(SeqCst), 0, "a reader would not have waited");
    let Poll::Ready(Ok(answer)) = wait.as_mut().poll(&mut Context::from_waker(&waker)) else {
        panic!("the reply is not there")
    };
    assert_eq!(answer.submission.out, b"+OK\r\n");
}

#[test]
fn expired_keys_are_deleted_without_pause_until_none_is_left() {
    let keys = 3 * WriterOptions::default().executor.expire_keys_max;
    let (mut run, queue, state) = writer();
    let (promise, mut resolver) = promise();
    for key in 0..keys {
        let words = ["SET", &key.to_string(), "v", "PX", "20"];
        block_on(queue.submit(command(resolver, &words))).unwrap();
        assert!(block_on(poll_once(&mut run)).is_none(), "the writer goes on");
        resolver = promise.try_take().expect("it was answered").submission.reply_to;
    }
    std::thread::sleep(std::time::Duration::from_millis(30));
    queue.tick();
    assert!(block_on(poll_once(&mut run)).is_none(), "the writer goes on");
    assert_eq!(state.stats.totals().expired_keys, keys as u64);
}

/// Submits a command and has the writer answer it; returns whether it may have changed anything.
fn answered(run: &mut Run, queue: &WriterQueue, words: &[&str]) -> bool {
    let (promise, resolver) = promise();
    block_on(queue.submit(command(resolver, words))).unwrap();
    assert!(block_on(poll_once(run)).is_none(), "the writer goes on");
    promise.try_take().expect("it was answered").submission.changed
}

#[test]
fn what_a_read_found_expired_is_deleted_though_the_writer_is_behind() {
    let (mut run, queue, _) = writer();
    let words = ["HSET", "h", "gone", "1", "there", "2"];
    assert!(answered(&mut run, &queue, &words));
    assert!(answered(&mut run, &queue, &["HPEXPIRE", "h", "60000", "FIELDS", "1", "gone"]));
    let read_at_ms = unix_now().as_millis() as u64 + 60_001;
    let (promise, resolver) = promise();
    let mut submission = Submission::empty(resolver);
    submission.items.push(Item::Purge { db: 0, key: (*b"h").into(), read_at_ms });
    block_on(queue.submit(submission)).unwrap();
    assert!(block_on(poll_once(&mut run)).is_none(), "the writer goes on");
    assert!(promise.try_take().expect("it was answered").submission.changed);
}

#[test]
fn a_row_of_groups_without_a_change_is_published_unasked() {
    let (mut run, queue, state) = writer();
    assert!(answered(&mut run, &queue, &["SADD", "s", "x"]));
    for _ in 1..UNCHANGED_GROUPS {
        assert!(!answered(&mut run, &queue, &["SADD", "s", "x"]));
        assert!(state.publication.is_behind());
    }
    assert!(!answered(&mut run, &queue, &["SADD", "s", "x"]));
    assert!(!state.publication.is_behind());
}

#[test]
fn a_write_that_is_refused_for_space_does_not_count_as_one_that_changes_nothing() {
    let (mut run, queue, _) = writer();
    assert!(answered(&mut run, &queue, &["SADD", "s", "x"]));
    assert!(!answered(&mut run, &queue, &["SADD", "s", "x"]));
    let value = "v".repeat(1000);
    for key in 0..100_000 {
        let (promise, resolver) = promise();
        block_on(queue.submit(command(resolver, &["SET", &key.to_string(), &value]))).unwrap();
        assert!(block_on(poll_once(&mut run)).is_none(), "the writer goes on");
        let submission = promise.try_take().expect("it was answered").submission;
        if submission.out.starts_with(b"-MISCONF") {
            assert!(answered(&mut run, &queue, &["SADD", "s", "x"]), "the next one is for the writer, too");
            return;
        }
    }
    panic!("a file of 8 MiB never was full");
}
