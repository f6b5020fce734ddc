//! Long reads run beside: each on a thread of its own, on its own version of the data, while the connection's thread
//! serves other clients. The reply is sent while it is made.
//!
//! [`takes_long`](crate::command::takes_long) says which reads are long. Most commands know this from counts before they
//! begin; the others are given up and begin again beside.
//!
//! Invariants: the client's next command waits for the end of the reply. What was sent is never taken back: if the read
//! fails after that, the connection is closed. Keys that the read finds expired are deleted before the first piece is
//! sent.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Poll;
use std::time::Duration;

use smol::Timer;
use smol::future::FutureExt;
use smol::lock::{Semaphore, SemaphoreGuard};

use super::Connection;
use super::buffers::Buffers;
use super::pieces::{Finished, Giver, Part, Taker, queue};
use super::read::{LongEnd, LongRead, Reads};
use super::socket::{Ended, HangUpCheck};
use crate::table::Budget;

/// The most long reads that run at the same time, each on a thread; further ones wait, in the order in which they came.
const LONG_READS_MAX: usize = 32;
/// Room for a reply that may be short.
const FIRST_BYTES: usize = 4096;
/// How often a client is looked after that does not take its reply.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Looks after which a client that has not taken a piece is disconnected, if other reads wait for its thread.
const PATIENT_LOOKS: u32 = 10;
/// How long a read goes on whose client has closed its side, if it has not replied anything.
const HANG_UP_PATIENCE: Duration = Duration::from_secs(1);

/// The threads that are left.
static THREADS: Semaphore = Semaphore::new(LONG_READS_MAX);
/// Number of reads that wait for one.
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// A wait for a thread, as long as it lasts.
struct Waiting;

impl Waiting {
    /// Begins to wait.
    fn begin() -> Self {
        WAITING.fetch_add(1, Relaxed);
        Self
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        WAITING.fetch_sub(1, Relaxed);
    }
}

impl Connection {
    /// Has a long read run beside, and sends its reply.
    pub(super) async fn read_beside(&mut self, mut read: LongRead) -> Result<(), Ended> {
        self.info.set_waiting(true);
        loop {
            let finished = self.run_beside(read).await?;
            if !matches!(finished.end, LongEnd::Stale(_)) {
                self.finish_long(*finished).await?;
                break;
            }
            read = self.purge_for(*finished).await?;
        }
        self.info.set_waiting(false);
        self.info.served(self.state.uptime_ms());
        Ok(())
    }

    /// Has the first item run beside, a long read, and sends its reply. The other items wait. All that came before is
    /// published, and its replies were sent.
    pub(super) async fn read_item_beside(&mut self) -> Result<(), Ended> {
        let Some(mut items) = self.work.take() else { return Ok(()) };
        if let Some(read) = self.session.long_item(&mut items) {
            if !self.state.publication.ask() {
                self.writer.publish().await.map_err(|_| Ended)?;
            }
            Box::pin(self.read_beside(read)).await?;
        }
        if let Some(work) = self.work.replace(items) {
            work.give();
        }
        Ok(())
    }

    /// Runs a read beside, and sends the pieces of its reply.
    async fn run_beside(&mut self, read: LongRead) -> Result<Box<Finished>, Ended> {
        let thread = {
            let _waiting = Waiting::begin();
            self.while_there(THREADS.acquire()).await?
        };
        let taker = start(self.reads.clone(), read, thread)?;
        loop {
            match self.while_there(taker.queue.recv()).await?.map_err(|_| Ended)? {
                Part::Piece(piece) => {
                    self.send_piece(&piece).await?;
                    taker.give_back(piece);
                }
                Part::End(finished) => return Ok(finished),
            }
        }
    }

    /// Waits for something, as long as the client is there.
    async fn while_there<T>(&self, event: impl Future<Output = T>) -> Result<T, Ended> {
        let mut event = pin!(event);
        let (mut check, mut patience) = (HangUpCheck::Readable, None);
        poll_fn(|context| {
            if self.info.is_killed() {
                return Poll::Ready(Err(Ended));
            }
            if let Poll::Ready(event) = event.as_mut().poll(context) {
                return Poll::Ready(Ok(event));
            }
            if patience.is_none() && self.socket.poll_hung_up(context, &mut check).is_ready() {
                patience = Some(Timer::after(HANG_UP_PATIENCE));
            }
            match &mut patience {
                Some(timer) => Pin::new(timer).poll(context).map(|_| Err(Ended)),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Sends a piece of a reply. A client that takes too long is disconnected if others need its thread, or the pages
    /// that its version holds.
    async fn send_piece(&mut self, piece: &[u8]) -> Result<(), Ended> {
        let ahead_bytes_max = self.input_bytes_max();
        let (reads, peer) = (&self.reads, self.info.addr());
        let overdue = async {
            let mut looks = 0;
            loop {
                Timer::after(LOOK_INTERVAL).await;
                looks += 1;
                let is_in_the_way = looks >= PATIENT_LOOKS && WAITING.load(Relaxed) > 0;
                if is_in_the_way || reads.holds_too_much() {
                    tracing::warn!(peer, "client disconnected: it does not take the reply to a long read");
                    return Err(Ended);
                }
            }
        };
        self.socket.send(piece, ahead_bytes_max).or(overdue).await?;
        self.info.sent(piece.len());
        self.state.stats.sent(piece.len());
        Ok(())
    }

    /// Sends the end of the reply, or all of it.
    async fn finish_long(&mut self, finished: Finished) -> Result<(), Ended> {
        if let LongEnd::Broken(reason) = &finished.end
            && !finished.read.is_silent
        {
            let (peer, command) = (self.info.addr(), finished.read.spec.name);
            tracing::error!(peer, command, %reason, "a reply was broken off, and its connection closed");
            return Err(Ended);
        }
        let work = self.work.get_or_insert_with(Buffers::take);
        self.session.finish_long(work, finished);
        self.answer().await
    }

    /// Has keys deleted that a read found expired before it replied anything. Returns the read.
    async fn purge_for(&mut self, finished: Finished) -> Result<LongRead, Ended> {
        let Finished { mut read, end, .. } = finished;
        if let LongEnd::Stale(expired) = end {
            let work = self.work.get_or_insert_with(Buffers::take);
            self.session.purge(work, expired, read.now_ms);
            self.answer().await?;
        }
        read.is_purged = true;
        Ok(read)
    }
}

/// Starts a long read.
fn start(reads: Arc<dyn Reads>, read: LongRead, thread: SemaphoreGuard<'static>) -> Result<Taker, Ended> {
    let budget = Arc::new(Budget::unlimited());
    let (giver, taker) = queue(budget.clone(), read.is_silent);
    let run = move || {
        let _thread = thread;
        run(&*reads, read, &budget, giver);
    };
    match std::thread::Builder::new().name("long-read".into()).spawn(run) {
        Ok(_) => Ok(taker),
        Err(error) => {
            tracing::error!(%error, "cannot start a thread for a long read");
            Err(Ended)
        }
    }
}

/// Runs a long read, on its thread.
fn run(reads: &dyn Reads, read: LongRead, budget: &Budget, mut giver: Giver) {
    let mut rest = Vec::with_capacity(FIRST_BYTES);
    let end = reads.read_long(&read, budget, &mut giver, &mut rest);
    giver.finish(read, rest, end);
}
