//! One client's connection, from its first byte to its last.
//!
//! A connection is one task. It reads what is in its socket, runs or collects all whole commands ([`Session`]), has the
//! writer answer what only the writer can, sends all replies with one call, and reads on. While replies wait for the
//! client, or commands for the writer, it runs nothing more, so memory does not grow with the replies that a client
//! leaves unread. Keys that are not in memory are fetched by another thread, so that no other client waits for the
//! disk, and reads that take long run on other threads ([`beside`]).
//!
//! [`Session`]: session::Session

mod ahead;
mod beside;
mod buffers;
mod chores;
mod found;
mod guard;
mod history;
mod long_read;
mod long_write;
mod no_op;
mod pieces;
mod progress;
mod read;
mod replies;
mod session;
mod snapshot;
mod socket;
mod submit;
mod transaction;
mod wait;

pub use chores::ThreadChores;
pub use read::{Ahead, ExpiredKey, Fetch, LongEnd, LongRead, ReadCall, ReadOutcome, Reads};
pub use snapshot::SnapshotReads;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use smol::Timer;
use smol::future::FutureExt;
use smol::future::yield_now;
use smol::lock::Semaphore;

use crate::net::{Received, Transport};
use crate::resp::{INPUT_BYTES_MAX, Reply};
use crate::state::{ClientInfo, ClientOrigin, ClientState, Next, ServerState};
use crate::writer::{Promise, Resolver, WriterQueue};
use buffers::Buffers;
use session::{Session, Step};
use socket::{Ended, Socket, WakeReason};

/// Bytes of messages that are sent with one call, unless one message is longer.
const MESSAGES_BYTES_MAX: usize = 64 * 1024;
/// Rounds after which the task yields to other tasks of the thread.
const ROUNDS_MAX: u32 = 16;
/// The most reads with which a closing connection takes what the client has still sent, so that the last replies
/// arrive.
const LAST_READS_MAX: u32 = 16;

/// The most commands whose keys are fetched at the same time, each by a thread; further ones wait.
const FETCHES_MAX: usize = 32;
static FETCHES: Semaphore = Semaphore::new(FETCHES_MAX);

/// What a connection needs from the server.
#[derive(Clone)]
pub struct Services {
    /// What all connections share.
    pub state: Arc<ServerState>,
    /// The queue of the writer.
    pub writer: WriterQueue,
    /// The data as connections see it.
    pub reads: Arc<dyn Reads>,
    /// Whether records say who caused them.
    pub records_origins: bool,
}

/// Serves a client until either side ends the connection. `info` is in the registry of clients, and is removed from it
/// at the end. Must be polled as a task of its own: the waker of the first poll is kept for `CLIENT KILL`.
pub async fn serve(services: Services, transport: Transport, info: Arc<ClientInfo>) {
    let registered = Registered { state: services.state.clone(), info: info.clone() };
    poll_fn(|context| {
        info.register(context.waker());
        Poll::Ready(())
    })
    .await;
    let client = ClientState::new(info.clone());
    let socket = Socket::new(transport, info.clone(), services.state.clone());
    let session =
        Session::new(services.state.clone(), services.reads.clone(), services.writer.clone(), client);
    let connection = Connection {
        _registered: registered,
        state: services.state,
        writer: services.writer,
        reads: services.reads,
        info,
        socket,
        session,
        work: None,
        promise: None,
        origin: None,
        records_origins: services.records_origins,
        rounds: 0,
    };
    connection.run().await;
}

/// A client's entry in the registry, removed when its connection ends in any way.
struct Registered {
    /// The state with the registry.
    state: Arc<ServerState>,
    /// The client.
    info: Arc<ClientInfo>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.state.clients.remove(self.info.id());
    }
}

/// One client's connection.
struct Connection {
    /// The client's entry in the registry. It is the first field, so that it is dropped before the socket closes.
    _registered: Registered,
    /// What all connections share.
    state: Arc<ServerState>,
    /// The queue of the writer.
    writer: WriterQueue,
    /// The data, as the session borrows it for one round, so that no version stays pinned longer.
    reads: Arc<dyn Reads>,
    /// What others see of the client.
    info: Arc<ClientInfo>,
    /// The client's socket.
    socket: Socket,
    /// The client's commands.
    session: Session,
    /// The buffers in use; `None` while the client is idle.
    work: Option<Box<Buffers>>,
    /// The promise of the completion, and its resolver; created for the first submission.
    promise: Option<(Promise, Resolver)>,
    /// The client's origin as of the last submission; it travels with each submission.
    origin: Option<Arc<ClientOrigin>>,
    /// Whether records say who caused them.
    records_origins: bool,
    /// Rounds since the task last yielded.
    rounds: u32,
}

impl Connection {
    /// Serves until the end.
    async fn run(mut self) {
        if let Ok(()) = self.rounds().await {
            self.finish();
        }
        if let Some(work) = self.work.take() {
            work.give();
        }
    }

    /// Reads and answers. `Ok` if the connection is to be closed in an orderly way.
    async fn rounds(&mut self) -> Result<(), Ended> {
        let mut more_is_likely = false;
        loop {
            let Some(filled) = self.fill(more_is_likely).await? else { return Ok(()) };
            more_is_likely = filled;
            loop {
                let work = self.work.as_deref_mut().expect("fill leaves buffers");
                let step = self.session.take(&*self.reads, work);
                match step {
                    Step::Abort => return Err(Ended),
                    Step::Wait { next, reply_at } => self.wait(next, reply_at).await?,
                    _ => self.answer().await?,
                }
                match step {
                    Step::Read => break,
                    Step::Close | Step::Wait { next: Next::Shutdown(_), .. } => return Ok(()),
                    Step::Publish => {
                        self.writer.publish().await.map_err(|_| Ended)?;
                        self.session.published();
                    }
                    Step::Fetch => self.fetch().await,
                    Step::Beside => {
                        if let Some(read) = self.session.take_long() {
                            self.read_beside(read).await?;
                        }
                    }
                    Step::Pause { is_write } => {
                        self.info.set_paused(true);
                        self.pause(is_write).await?;
                        self.info.set_paused(false);
                    }
                    _ => {}
                }
            }
        }
    }

    /// Reads once, and waits if there is nothing to read. `None` at the end of the stream; otherwise whether the read
    /// filled all the room.
    async fn fill(&mut self, try_first: bool) -> Result<Option<bool>, Ended> {
        let mut try_now = try_first && self.rounds < ROUNDS_MAX;
        loop {
            if !try_now {
                if self.rounds >= ROUNDS_MAX {
                    self.rounds = 0;
                    yield_now().await;
                }
                self.pause_reading()?;
                if self.socket.readable_or_messages().await? == WakeReason::Messages {
                    // Then other tasks have their turn, and after them what the client sent.
                    self.send_messages().await?;
                    yield_now().await;
                }
            }
            try_now = false;
            let work = self.work.get_or_insert_with(Buffers::take);
            work.make_room(self.session.missing_bytes(work.input.len()));
            match self.socket.receive(&mut work.input)? {
                Received::End => return Ok(None),
                Received::Nothing => {}
                Received::Bytes(bytes) => return Ok(Some(self.received(bytes))),
            }
        }
    }

    /// Notes bytes received; returns whether they filled all the room.
    fn received(&mut self, bytes: usize) -> bool {
        self.rounds += 1;
        self.info.received(bytes, self.state.uptime_ms());
        self.state.stats.received(bytes);
        let work = self.work.as_deref_mut().expect("a read has buffers");
        let filled = work.input.len() == work.input.capacity();
        if filled {
            work.make_long_room();
        }
        self.info.hold_query(work.input.len(), work.input.capacity() - work.input.len());
        filled
    }

    /// Returns the buffers before a wait, unless they have an unfinished command. One that is too long ends the
    /// connection.
    fn pause_reading(&mut self) -> Result<(), Ended> {
        let held_bytes = self.work.as_ref().map_or(0, |work| work.input.len());
        if held_bytes as u64 >= self.input_bytes_max() {
            let peer = self.info.addr();
            tracing::warn!(peer, held_bytes, "query buffer limit reached; connection closed");
            return Err(Ended);
        }
        if held_bytes == 0
            && let Some(work) = self.work.take()
        {
            work.give();
            self.info.hold_query(0, 0);
        }
        Ok(())
    }

    /// The most bytes that are kept of an unfinished command.
    fn input_bytes_max(&self) -> u64 {
        if self.session.is_authenticated() {
            self.state.limits.query_buffer_bytes_max().min(INPUT_BYTES_MAX)
        } else {
            self.state.limits.unauthenticated_bytes_max()
        }
    }

    /// Has the items answered, and sends all replies. Afterwards the input starts with what was not taken yet.
    async fn answer(&mut self) -> Result<(), Ended> {
        let work = self.work.as_deref_mut().expect("a round has buffers");
        if work.is_pending() {
            let rest = work.split_rest();
            self.session.rewind(work);
            self.submit().await?;
            let mut work = self.work.take().expect("submitting leaves buffers");
            self.work = Some(match rest {
                Some(rest) => {
                    work.give();
                    rest
                }
                None => {
                    work.clear();
                    work
                }
            });
        } else {
            self.send().await?;
            let work = self.work.as_deref_mut().expect("sending leaves buffers");
            if work.taken > 0 || !work.held.is_empty() {
                self.session.rewind(work);
                work.forget_taken();
            }
        }
        Ok(())
    }

    /// Sends the replies, unless the client was killed meanwhile.
    async fn send(&mut self) -> Result<(), Ended> {
        if self.info.is_killed() {
            return Err(Ended);
        }
        let ahead_bytes_max = self.input_bytes_max();
        let work = self.work.as_deref_mut().expect("a round has buffers");
        if !work.out.is_empty() {
            self.socket.send(&work.out, ahead_bytes_max).await?;
            self.info.sent(work.out.len());
            self.state.stats.sent(work.out.len());
            work.sent();
        }
        if self.info.outbox().has_any() {
            self.send_messages().await?;
        }
        Ok(())
    }

    /// Sends the messages in the outbox, or many of them. All replies so far have been sent.
    async fn send_messages(&mut self) -> Result<(), Ended> {
        let info = self.info.clone();
        let ahead_bytes_max = self.input_bytes_max();
        let mut work = Buffers::take();
        let mut sent = Ok(());
        for _ in 0..ROUNDS_MAX {
            if !info.outbox().has_any() || sent.is_err() {
                break;
            }
            let long = info.outbox().take(&mut work.out, MESSAGES_BYTES_MAX);
            for bytes in [&work.out[..], long.as_deref().unwrap_or_default()] {
                if sent.is_ok() {
                    sent = self.socket.send(bytes, ahead_bytes_max).await;
                    info.sent(bytes.len());
                    self.state.stats.sent(bytes.len());
                }
            }
            work.sent();
        }
        work.give();
        sent
    }

    /// Does what a command asked for besides its reply, which starts at `reply_at` of the replies.
    async fn wait(&mut self, next: Next, reply_at: usize) -> Result<(), Ended> {
        let work = self.work.as_deref_mut().expect("a round has buffers");
        let mut reply = work.out.split_off(reply_at.min(work.out.len()));
        self.answer().await?;
        match next {
            Next::Continue | Next::Close | Next::Exec | Next::Watch => {}
            Next::Sleep(duration) => self.sleep(duration).await?,
            Next::Block { until_ms } => self.block(until_ms, &mut reply).await?,
            Next::Checkpoint { wait } => self.checkpoint(wait, &mut reply).await?,
            Next::Shutdown(mode) => {
                self.state.shutdown.request(mode);
                return self.stopped().await;
            }
        }
        self.work.get_or_insert_with(Buffers::take).out.append(&mut reply);
        self.send().await
    }

    /// Requests a checkpoint, and with `wait` waits for it; if it fails, an error replaces `reply`.
    async fn checkpoint(&mut self, wait: bool, reply: &mut Vec<u8>) -> Result<(), Ended> {
        let outcome = self.writer.checkpoint().await.map_err(|_| Ended)?;
        if wait && let Err(reason) = outcome.recv().await.map_err(|_| Ended)? {
            if !reply.is_empty() {
                reply.clear();
                Reply::new(reply, Default::default()).error(format!("ERR checkpoint failed: {reason}"));
            }
            self.state.stats.error(b"ERR");
        }
        Ok(())
    }

    /// Waits for `duration`. Ends early if the client is killed or the server stops.
    async fn sleep(&self, duration: Duration) -> Result<(), Ended> {
        let deadline = Instant::now() + duration;
        let timer = async {
            Timer::at(deadline).await;
            Ok(())
        };
        let end = async {
            self.stopped().await?;
            Err(Ended)
        };
        timer.or(end).await
    }

    /// Waits until the server closes its clients.
    async fn stopped(&self) -> Result<(), Ended> {
        poll_fn(|_| {
            if self.info.is_killed() {
                Poll::Ready(Err(Ended))
            } else if self.state.shutdown.is_draining() {
                Poll::Ready(Ok(()))
            } else {
                Poll::Pending
            }
        })
        .await
    }

    /// Has another thread fetch the next command's keys into memory.
    async fn fetch(&mut self) {
        if let Some(fetch) = self.session.fetch() {
            let _permit = FETCHES.acquire().await;
            smol::unblock(fetch).await;
        }
    }

    /// Waits while a pause holds commands back.
    async fn pause(&self, is_write: bool) -> Result<(), Ended> {
        loop {
            let now_ms = self.state.uptime_ms();
            let Some(until_ms) = self.state.pause.wait_until(is_write, now_ms) else { return Ok(()) };
            let mut timer = Timer::after(Duration::from_millis(until_ms - now_ms));
            poll_fn(|context| {
                if self.info.is_killed() || self.state.shutdown.is_draining() {
                    return Poll::Ready(Err(Ended));
                }
                if self.state.pause.wait_until(is_write, now_ms) != Some(until_ms) {
                    return Poll::Ready(Ok(()));
                }
                timer.poll(context).map(|_| Ok(()))
            })
            .await?;
        }
    }

    /// Ends the connection so that the client gets the last replies: closing a socket with unread bytes resets the
    /// connection, and what was sent may be lost.
    fn finish(&mut self) {
        self.socket.finish();
        let work = self.work.get_or_insert_with(Buffers::take);
        for _ in 0..LAST_READS_MAX {
            work.clear();
            work.make_room(0);
            match self.socket.receive(&mut work.input) {
                Ok(Received::Bytes(_)) => {}
                _ => break,
            }
        }
    }
}
