//! The bounded queue in front of the writer.
//!
//! Connections submit jobs, the writer takes them. The queue is bounded in jobs and in bytes. A connection that cannot
//! submit waits, and reads nothing from its client meanwhile. A submission larger than the whole byte budget is
//! accepted when no other is queued, so every command within the protocol's limits gets through.
//!
//! Whoever puts a job into the queue wakes the writer, or has its own thread called: see [`place`](super::place).
//!
//! Invariant: `queued_bytes` is the sum of what the submissions in the channel were charged.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Waker};

use super::place::{Place, Steps};
use crate::committer::WriterError;
use crate::spec::{Flags, Spec};
use crate::submission::{Closed, Submission};

/// The most jobs in the queue.
pub const QUEUE_JOBS_MAX: usize = 4096;
/// The most bytes of input in the queue, unless a single submission is larger.
pub const QUEUE_BYTES_MAX: usize = 64 << 20;

/// A job for the writer.
pub enum Job {
    /// Answer commands of a client.
    Submission(Box<Submission>),
    /// Take a checkpoint.
    Checkpoint {
        /// Gets `Ok` when the checkpoint is durable; otherwise the reason.
        done: async_channel::Sender<Result<(), String>>,
    },
    /// Publish everything that was acknowledged before this.
    Publish {
        /// Gets a message when that is done.
        done: async_channel::Sender<()>,
    },
    /// Unblock this client, if it is blocked: see `state::Blocked`.
    Unblock {
        /// The client.
        client_id: u64,
    },
    /// Do the periodic work: expired keys, and the log when it is idle.
    Tick,
    /// Stop when everything before this is answered.
    Shutdown {
        /// Whether to take a last checkpoint.
        checkpoint: bool,
        /// Gets `Ok` when everything is durable, and the checkpoint too if requested; otherwise the reason.
        done: async_channel::Sender<Result<(), String>>,
    },
}

/// The connections' end.
#[derive(Clone)]
pub struct WriterQueue {
    /// Where jobs go.
    jobs: async_channel::Sender<Job>,
    /// Bytes in the channel.
    budget: Arc<Budget>,
    /// Where the writer runs.
    place: Arc<Place>,
}

/// The writer's end.
pub struct WriterInbox {
    /// Where jobs come from.
    jobs: async_channel::Receiver<Job>,
    /// Bytes in the channel.
    budget: Arc<Budget>,
}

/// Creates a queue with the limits above.
pub fn writer_queue() -> (WriterQueue, WriterInbox) {
    writer_queue_with(QUEUE_JOBS_MAX, QUEUE_BYTES_MAX)
}

/// Creates a queue for `jobs_max` jobs with a total of `bytes_max` bytes.
pub fn writer_queue_with(jobs_max: usize, bytes_max: usize) -> (WriterQueue, WriterInbox) {
    let (sender, receiver) = async_channel::bounded(jobs_max);
    let budget = Arc::new(Budget {
        queued_bytes: AtomicUsize::new(0),
        queued_items: AtomicUsize::new(0),
        bytes_max,
        has_waiters: AtomicBool::new(false),
        waiters: Mutex::default(),
    });
    let place = Arc::new(Place::new());
    (WriterQueue { jobs: sender, budget: budget.clone(), place }, WriterInbox { jobs: receiver, budget })
}

impl WriterQueue {
    /// Submits commands; waits while the queue is full.
    ///
    /// # Errors
    /// The writer is gone.
    pub async fn submit(&self, submission: Box<Submission>) -> Result<(), Closed> {
        let bytes = charge(&submission);
        if !self.budget.try_take(bytes) {
            self.budget.take(bytes, || self.jobs.is_closed()).await;
        }
        let items = submission.items.len();
        let charged = Charged { budget: &self.budget, bytes };
        let queued_items = self.budget.queued_items.fetch_add(items, SeqCst) + items;
        let counted = Counted { budget: &self.budget, items };
        self.send(Job::Submission(submission)).await?;
        std::mem::forget((charged, counted));
        self.place.submitted(queued_items);
        Ok(())
    }

    /// Requests a checkpoint. The receiver gets the outcome; a closed receiver means that the writer is gone.
    pub async fn checkpoint(&self) -> Result<async_channel::Receiver<Result<(), String>>, Closed> {
        let (done, outcome) = async_channel::bounded(1);
        self.send(Job::Checkpoint { done }).await?;
        self.place.call();
        Ok(outcome)
    }

    /// Has everything published that was acknowledged before this; returns when a snapshot has it.
    ///
    /// # Errors
    /// The writer is gone.
    pub async fn publish(&self) -> Result<(), Closed> {
        let (done, published) = async_channel::bounded(1);
        self.send(Job::Publish { done }).await?;
        self.place.notify();
        published.recv().await.map_err(|_| Closed)
    }

    /// Unblocks a client, if it is blocked: it timed out, `CLIENT UNBLOCK` named it, or it is gone.
    ///
    /// # Errors
    /// The writer is gone.
    pub async fn unblock(&self, client_id: u64) -> Result<(), Closed> {
        self.send(Job::Unblock { client_id }).await?;
        self.place.notify();
        Ok(())
    }

    /// Has the writer do its periodic work. Does nothing if the queue is full: the writer is busy then.
    pub fn tick(&self) {
        let _ = self.jobs.try_send(Job::Tick);
        self.place.call();
    }

    /// The group in flight is durable, or failed.
    pub fn synced(&self) {
        self.place.notify();
    }

    /// Stops the writer after everything submitted so far; returns when it has stopped.
    ///
    /// # Errors
    /// Why the last checkpoint failed, or that the writer was gone before.
    pub async fn shutdown(&self, checkpoint: bool) -> Result<(), String> {
        let (done, outcome) = async_channel::bounded(1);
        let sent = self.send(Job::Shutdown { checkpoint, done }).await;
        self.place.call();
        match sent {
            Ok(()) => outcome.recv().await.unwrap_or_else(|_| Err(Closed.to_string())),
            Err(closed) => Err(closed.to_string()),
        }
    }

    /// Runs the writer, on this thread and wherever it costs less, until it ends.
    ///
    /// # Errors
    /// What ended it.
    pub fn serve(&self, writer: Box<dyn Steps>) -> Result<(), WriterError> {
        self.place.serve(writer)
    }

    /// So many threads serve connections from now on. If it is only one, it runs the writer itself; `ring` interrupts its
    /// sleep.
    pub fn begin_hosting(&self, threads: usize, ring: impl Fn() + Send + Sync + 'static) {
        self.place.begin_hosting(threads, ring);
    }

    /// No thread serves connections any more.
    pub fn end_hosting(&self) {
        self.place.end_hosting();
    }

    /// To be called by a thread that serves connections before it sleeps: runs the writer if it was woken, or has its own
    /// thread do so. Returns whether it ran here.
    pub fn run_or_call(&self) -> bool {
        self.place.run_or_call()
    }

    /// Whether the writer was woken, and nobody has begun to run it.
    pub fn is_waiting(&self) -> bool {
        self.place.is_waiting()
    }

    /// To be called by such a thread before it does anything that takes time: what was submitted does not wait for that.
    pub fn hand_over(&self) {
        self.place.hand_over();
    }

    /// The same, before it runs a command. If it has to run the writer itself, that waits for a command that is fast.
    pub fn hand_over_before(&self, spec: &Spec) {
        if !(self.place.is_hosted() && spec.flags.has(Flags::FAST)) {
            self.hand_over();
        }
    }

    /// Sends a job; waits while the queue is full.
    async fn send(&self, job: Job) -> Result<(), Closed> {
        match self.jobs.try_send(job) {
            Ok(()) => Ok(()),
            Err(async_channel::TrySendError::Full(job)) => self.jobs.send(job).await.map_err(|_| Closed),
            Err(async_channel::TrySendError::Closed(_)) => Err(Closed),
        }
    }
}

impl WriterInbox {
    /// Waits for the next job. `None` if all connections' ends are gone.
    pub async fn recv(&self) -> Option<Job> {
        self.jobs.recv().await.ok().inspect(|job| self.release(job))
    }

    /// The next job, if one is there.
    pub fn try_recv(&self) -> Option<Job> {
        self.jobs.try_recv().ok().inspect(|job| self.release(job))
    }

    /// Number of jobs in the queue.
    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Whether the queue is empty.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Returns the bytes of a job to the budget.
    fn release(&self, job: &Job) {
        if let Job::Submission(submission) = job {
            self.budget.queued_items.fetch_sub(submission.items.len(), SeqCst);
            self.budget.give(charge(submission));
        }
    }
}

impl Drop for WriterInbox {
    fn drop(&mut self) {
        self.jobs.close();
        self.budget.wake();
    }
}

/// Bytes that a submission is charged with.
fn charge(submission: &Submission) -> usize {
    submission.input.len() + submission.known_replies.len() + submission.transaction_bytes
}

/// Bytes taken from the budget for a submission that is not in the channel yet. Returned if it never gets there.
struct Charged<'a> {
    /// Where they were taken from.
    budget: &'a Budget,
    /// Number of bytes.
    bytes: usize,
}

impl Drop for Charged<'_> {
    fn drop(&mut self) {
        self.budget.give(self.bytes);
    }
}

/// Commands counted for a submission that is not in the channel yet. Uncounted if it never gets there.
struct Counted<'a> {
    /// Where they were counted.
    budget: &'a Budget,
    /// Number of commands.
    items: usize,
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.budget.queued_items.fetch_sub(self.items, SeqCst);
    }
}

/// The budget of queued bytes.
struct Budget {
    /// Bytes in the channel.
    queued_bytes: AtomicUsize,
    /// Commands in the channel, or about to be.
    queued_items: AtomicUsize,
    /// The most bytes, unless one submission has more.
    bytes_max: usize,
    /// Whether there may be waiters. Checked when bytes are returned.
    has_waiters: AtomicBool,
    /// Tasks that wait for room.
    waiters: Mutex<Vec<Waker>>,
}

impl Budget {
    /// Takes `bytes` if there is room for them, or if nothing is queued.
    fn try_take(&self, bytes: usize) -> bool {
        let room =
            |queued: usize| (queued == 0 || queued + bytes <= self.bytes_max).then_some(queued + bytes);
        self.queued_bytes.fetch_update(SeqCst, SeqCst, room).is_ok()
    }

    /// Waits until there is room for `bytes`, and takes them. Does not wait if the queue `is_closed`.
    async fn take(&self, bytes: usize, is_closed: impl Fn() -> bool) {
        std::future::poll_fn(|context| {
            // Registered before the budget is checked, so that room that is made in between is not missed.
            self.lock_waiters().push(context.waker().clone());
            self.has_waiters.store(true, SeqCst);
            if self.try_take(bytes) {
                return Poll::Ready(());
            }
            if is_closed() {
                self.queued_bytes.fetch_add(bytes, SeqCst);
                return Poll::Ready(());
            }
            Poll::Pending
        })
        .await;
    }

    /// Returns bytes.
    fn give(&self, bytes: usize) {
        let before = self.queued_bytes.fetch_sub(bytes, SeqCst);
        debug_assert!(before >= bytes, "more bytes given back than taken");
        if self.has_waiters.load(SeqCst) {
            self.wake();
        }
    }

    /// Wakes all waiters, which then try again.
    fn wake(&self) {
        let waiters = {
            let mut waiters = self.lock_waiters();
            self.has_waiters.store(false, SeqCst);
            std::mem::take(&mut *waiters)
        };
        waiters.into_iter().for_each(Waker::wake);
    }

    /// The tasks that wait, locked.
    fn lock_waiters(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.waiters.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smol::future::{block_on, poll_once};

    fn submission(bytes: usize) -> Box<Submission> {
        let mut submission = Submission::empty(crate::submission::promise().1);
        submission.input = vec![0; bytes];
        submission
    }

    #[test]
    fn a_submission_waits_until_there_is_room_for_its_bytes() {
        let (queue, inbox) = writer_queue_with(10, 100);
        block_on(async {
            queue.submit(submission(60)).await.unwrap();
            let mut second = std::pin::pin!(queue.submit(submission(60)));
            assert!(poll_once(&mut second).await.is_none());
            assert!(inbox.try_recv().is_some());
            assert_eq!(poll_once(&mut second).await, Some(Ok(())));
            assert_eq!(inbox.len(), 1);
        });
    }

    #[test]
    fn one_submission_larger_than_the_budget_passes_alone() {
        let (queue, inbox) = writer_queue_with(10, 100);
        block_on(async {
            queue.submit(submission(1000)).await.unwrap();
            let mut second = std::pin::pin!(queue.submit(submission(1)));
            assert!(poll_once(&mut second).await.is_none());
            assert!(inbox.try_recv().is_some());
            assert_eq!(poll_once(&mut second).await, Some(Ok(())));
        });
    }

    #[test]
    fn messages_are_bounded_and_ticks_are_dropped_when_full() {
        let (queue, inbox) = writer_queue_with(1, 100);
        block_on(async {
            queue.submit(submission(1)).await.unwrap();
            queue.tick();
            assert!(poll_once(std::pin::pin!(queue.submit(submission(1)))).await.is_none());
        });
        assert_eq!(inbox.len(), 1);
    }

    #[test]
    fn everybody_learns_that_the_writer_is_gone() {
        let (queue, inbox) = writer_queue_with(10, 100);
        block_on(async {
            queue.submit(submission(100)).await.unwrap();
            let mut waiting = std::pin::pin!(queue.submit(submission(100)));
            assert!(poll_once(&mut waiting).await.is_none());
            drop(inbox);
            assert_eq!(waiting.await, Err(Closed));
            assert_eq!(queue.submit(submission(0)).await, Err(Closed));
            assert!(queue.checkpoint().await.is_err() && queue.shutdown(true).await.is_err());
        });
    }

    #[test]
    fn bytes_are_given_back_when_a_waiting_task_gives_up() {
        let (queue, inbox) = writer_queue_with(1, 100);
        block_on(async {
            queue.submit(submission(10)).await.unwrap();
            // The channel is full, the byte budget is not: the waiting task has taken its bytes already.
            assert!(poll_once(queue.submit(submission(90))).await.is_none());
        });
        assert!(inbox.try_recv().is_some());
        block_on(async { queue.submit(submission(100)).await.unwrap() });
    }
}
