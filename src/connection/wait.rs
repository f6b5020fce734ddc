//! Waiting for the answer to a command that waits for data: for long, perhaps, and not at any price.
//!
//! The writer has the command, and says through the [`ClientInfo`](crate::state::ClientInfo) that it put it aside. From
//! then on the connection watches its client, which may hang up, its timeout, and whoever wants to end the wait or the
//! client. It reads nothing. The writer alone decides how the wait ended: the connection only asks for the end, and takes
//! the answer.
//!
//! A command that only lets time pass (`WAIT`) is the connection's alone, and is waited for in the same way.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use smol::Timer;

use super::Connection;
use super::socket::{Ended, HangUpCheck};
use crate::resp::{Protocol, Reply};
use crate::state::{UNBLOCKED, Unblock};
use crate::writer::{Closed, Completion, Promise};

/// Time until the end of a wait is asked for again, when the command was just being tried.
const RETRY: Duration = Duration::from_millis(5);

/// What the connection noticed.
enum Event {
    /// The writer answered, or is gone.
    Answered(Result<Completion, Closed>),
    /// The wait is to end without data.
    GivesUp,
    /// The client hung up, or was killed, or the server stops.
    Stopped,
}

/// What the connection watches while its command waits.
struct WaitState {
    /// When the wait ends by itself, if that was looked up already.
    timer: Option<Timer>,
    /// How the client is watched.
    client: HangUpCheck,
    /// Whether the writer was notified that the wait is to end.
    notified: bool,
}

impl Connection {
    /// Waits for the answer to a command that may wait for data.
    pub(super) async fn served(&mut self, promise: &Promise) -> Result<Completion, Ended> {
        let mut answer = pin!(promise.wait());
        let mut wait = WaitState { timer: None, client: HangUpCheck::Readable, notified: false };
        loop {
            let event = poll_fn(|context| match answer.as_mut().poll(context) {
                Poll::Ready(answer) => Poll::Ready(Event::Answered(answer)),
                Poll::Pending => self.watch(context, &mut wait),
            })
            .await;
            match event {
                Event::Answered(Ok(completion)) if self.info.is_killed() => {
                    return self.last_words(&completion).await;
                }
                Event::Answered(answer) => {
                    self.info.served(self.state.uptime_ms());
                    return answer.map_err(|_| Ended);
                }
                Event::GivesUp => {
                    wait.notified = true;
                    self.unblock().await?;
                }
                Event::Stopped => {
                    self.unblock().await?;
                    let completion = answer.await.map_err(|_| Ended)?;
                    return self.last_words(&completion).await;
                }
            }
        }
    }

    /// Waits until a time in milliseconds of uptime, or without end; if somebody ends the wait with an error, that takes the
    /// place of `reply`.
    pub(super) async fn block(&mut self, until_ms: Option<u64>, reply: &mut Vec<u8>) -> Result<(), Ended> {
        let info = self.info.clone();
        info.blocked().start(until_ms);
        let mut wait = WaitState { timer: None, client: HangUpCheck::Readable, notified: false };
        let event = poll_fn(|context| self.watch(context, &mut wait)).await;
        let requested = info.blocked().requested();
        info.blocked().end();
        if matches!(event, Event::Stopped) {
            return Err(Ended);
        }
        info.served(self.state.uptime_ms());
        if requested == Some(Unblock::Error) && !reply.is_empty() {
            reply.clear();
            Reply::new(reply, Protocol::default()).error(UNBLOCKED);
            self.state.stats.error(UNBLOCKED.as_bytes());
        }
        Ok(())
    }

    /// Ends the connection, but not before an answer that holds data: it was taken for this client, and would be lost.
    async fn last_words(&mut self, completion: &Completion) -> Result<Completion, Ended> {
        self.socket.send(&completion.submission.out, 0).await?;
        Err(Ended)
    }

    /// Asks the writer to end the wait.
    async fn unblock(&self) -> Result<(), Ended> {
        self.writer.unblock(self.info.id()).await.map_err(|_| Ended)
    }

    /// Looks for what ends a wait.
    fn watch(&self, context: &mut Context<'_>, wait: &mut WaitState) -> Poll<Event> {
        if self.info.is_killed() || self.state.shutdown.is_draining() {
            return Poll::Ready(Event::Stopped);
        }
        let blocked = self.info.blocked();
        if !blocked.is_set() || wait.notified {
            // The writer is at it.
            return Poll::Pending;
        }
        if blocked.requested().is_some() || self.timed_out(context, wait) {
            return Poll::Ready(Event::GivesUp);
        }
        self.socket.poll_hung_up(context, &mut wait.client).map(|()| Event::Stopped)
    }

    /// Whether the client's own timeout ends the wait now.
    fn timed_out(&self, context: &mut Context<'_>, wait: &mut WaitState) -> bool {
        let blocked = self.info.blocked();
        let Some(until_ms) = blocked.until_ms() else { return false };
        let timer = wait.timer.get_or_insert_with(|| {
            let end = self.state.started().checked_add(Duration::from_millis(until_ms));
            end.map_or_else(Timer::never, Timer::at)
        });
        while Pin::new(&mut *timer).poll(context).is_ready() {
            if blocked.request(Unblock::Timeout) {
                return true;
            }
            *timer = Timer::at(Instant::now() + RETRY);
        }
        false
    }
}
