//! The one write in flight: on the caller's thread when it asks for the result, or on a thread of its own.
//!
//! Invariant: a group is started only after the previous one is finished, so a group on disk proves that all
//! before it were durable.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::Lsn;
use crate::direct::AlignedBuffer;
use crate::options::{LogOptions, Notify};
use crate::storage::{StorageFile, transfer};

/// A completed group on its way to the device.
pub(crate) struct Job<F> {
    /// The active segment's file.
    pub file: Arc<F>,
    /// The group, header first.
    pub buffer: AlignedBuffer,
    /// Bytes of `buffer` to write.
    pub bytes: usize,
    /// Where they go in the file.
    pub offset: u64,
    /// The LSN up to which the log is durable once this job is done.
    pub last_lsn: Lsn,
}

/// A job that succeeded or failed.
pub(crate) struct Done {
    /// The job's buffer, to be used again.
    pub buffer: AlignedBuffer,
    /// The job's last LSN.
    pub last_lsn: Lsn,
    /// Syncs issued, or why the group may not be durable.
    pub result: io::Result<u64>,
    /// Time from the start of the write to durability.
    pub elapsed: Duration,
}

/// Does jobs, one at a time: on a thread of its own, or on the caller's thread when it asks for the result.
pub(crate) struct Syncer<F: StorageFile> {
    /// A job that has not been started.
    waiting: Option<Job<F>>,
    /// The thread, if there is one.
    thread: Option<SyncThread<F>>,
}

/// The thread and its two ends.
struct SyncThread<F> {
    /// Takes jobs; `None` once the thread has to end.
    jobs: Option<SyncSender<Job<F>>>,
    done: Receiver<Done>,
    /// Whether the thread has a job whose result was not taken yet.
    busy: bool,
    thread: Option<JoinHandle<()>>,
}

impl<F: StorageFile> Syncer<F> {
    /// A syncer with or without a thread. The thread makes the calls of the options.
    pub fn new(options: &LogOptions) -> io::Result<Self> {
        let thread = if options.sync_thread { Some(SyncThread::start(options)?) } else { None };
        Ok(Self { waiting: None, thread })
    }

    /// Takes a job. None may be in flight.
    pub fn start(&mut self, job: Job<F>) {
        assert!(!self.is_in_flight(), "a group started before the one before it is durable");
        self.waiting = Some(job);
    }

    /// Passes a waiting job to the thread. Returns whether the thread has a job now.
    pub fn do_meanwhile(&mut self) -> bool {
        let Some(thread) = &mut self.thread else { return false };
        if let Some(job) = self.waiting.take() {
            let jobs = thread.jobs.as_ref().expect("a thread that was not told to end");
            assert!(jobs.send(job).is_ok(), "the log's sync thread died");
            thread.busy = true;
        }
        thread.busy
    }

    /// Whether a job was started and its result not taken yet.
    pub fn is_in_flight(&self) -> bool {
        self.waiting.is_some() || self.thread.as_ref().is_some_and(|thread| thread.busy)
    }

    /// The result of the thread's job, if it is there.
    pub fn poll(&mut self) -> Option<Done> {
        let thread = self.thread.as_mut().filter(|thread| thread.busy)?;
        match thread.done.try_recv() {
            Ok(done) => {
                thread.busy = false;
                Some(done)
            }
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => panic!("the log's sync thread died"),
        }
    }

    /// Does the job in flight, or waits for the thread that does it.
    pub fn finish(&mut self) -> Option<Done> {
        if let Some(job) = self.waiting.take() {
            return Some(job.run());
        }
        let thread = self.thread.as_mut().filter(|thread| thread.busy)?;
        thread.busy = false;
        Some(thread.done.recv().expect("the log's sync thread died"))
    }
}

impl<F: StorageFile> SyncThread<F> {
    fn start(options: &LogOptions) -> io::Result<Self> {
        let (jobs, waiting) = sync_channel::<Job<F>>(1);
        let (finished, done) = sync_channel(1);
        let (synced, unnoticed) = (options.synced.clone(), options.unnoticed.clone());
        let run = move || {
            let mut next = waiting.recv().ok();
            while let Some(job) = next {
                if finished.send(job.run()).is_err() {
                    break;
                }
                synced.iter().for_each(Notify::notify);
                next = await_next(&waiting, unnoticed.as_ref());
            }
        };
        let thread = std::thread::Builder::new().name("wal-sync".into()).spawn(run)?;
        Ok(Self { jobs: Some(jobs), done, busy: false, thread: Some(thread) })
    }
}

/// The next job; `None` if there will be none. Calls `unnoticed` if none comes for a while.
fn await_next<F>(waiting: &Receiver<Job<F>>, unnoticed: Option<&(Duration, Notify)>) -> Option<Job<F>> {
    if let Some((time, call)) = unnoticed {
        match waiting.recv_timeout(*time) {
            Err(RecvTimeoutError::Timeout) => call.notify(),
            received => return received.ok(),
        }
    }
    waiting.recv().ok()
}

impl<F: StorageFile> Job<F> {
    fn run(self) -> Done {
        let start = Instant::now();
        let result = transfer::append_all(&*self.file, &self.buffer.bytes()[..self.bytes], self.offset);
        Done { buffer: self.buffer, last_lsn: self.last_lsn, result, elapsed: start.elapsed() }
    }
}

impl<F> Drop for SyncThread<F> {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was printed when it happened; there is nobody left to tell.
            let _ = thread.join();
        }
    }
}
