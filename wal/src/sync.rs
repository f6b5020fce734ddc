//! The one write in flight: done when it is asked for, or by a thread of its own.
//!
//! Invariant: a group is started only after the one before it is finished, so a group on disk proves that all
//! before it were durable.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::Lsn;
use crate::direct::AlignedBuffer;
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
    /// The LSN up to which the log is durable when this is.
    pub last_lsn: Lsn,
}

/// A job that was done, well or not.
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

/// Does jobs, one at a time.
pub(crate) enum Syncer<F: StorageFile> {
    /// The caller's thread does the job when it asks for the result.
    Caller(Option<Job<F>>),
    /// A thread does it meanwhile.
    Thread(SyncThread<F>),
}

/// The thread and its two ends.
pub(crate) struct SyncThread<F> {
    /// Takes jobs; `None` once the thread has to end.
    jobs: Option<SyncSender<Job<F>>>,
    done: Receiver<Done>,
    /// Whether a job was handed over and its result not taken.
    busy: bool,
    thread: Option<JoinHandle<()>>,
}

impl<F: StorageFile> Syncer<F> {
    /// A syncer with or without a thread.
    pub fn new(threaded: bool) -> io::Result<Self> {
        if !threaded {
            return Ok(Self::Caller(None));
        }
        let (jobs, waiting) = sync_channel::<Job<F>>(1);
        let (finished, done) = sync_channel(1);
        let run = move || {
            while let Ok(job) = waiting.recv() {
                if finished.send(job.run()).is_err() {
                    break;
                }
            }
        };
        let thread = std::thread::Builder::new().name("wal-sync".into()).spawn(run)?;
        Ok(Self::Thread(SyncThread { jobs: Some(jobs), done, busy: false, thread: Some(thread) }))
    }

    /// Hands over a job. None may be in flight.
    pub fn start(&mut self, job: Job<F>) {
        match self {
            Self::Caller(waiting) => {
                assert!(waiting.is_none(), "a group started before the one before it is durable");
                *waiting = Some(job);
            }
            Self::Thread(thread) => {
                assert!(!thread.busy, "a group started before the one before it is durable");
                let jobs = thread.jobs.as_ref().expect("a thread that was not told to end");
                assert!(jobs.send(job).is_ok(), "the log's sync thread died");
                thread.busy = true;
            }
        }
    }

    /// Waits for the job in flight, if any.
    pub fn finish(&mut self) -> Option<Done> {
        match self {
            Self::Caller(waiting) => waiting.take().map(Job::run),
            Self::Thread(thread) => {
                if !std::mem::take(&mut thread.busy) {
                    return None;
                }
                Some(thread.done.recv().expect("the log's sync thread died"))
            }
        }
    }
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
