//! Waits for the answer to a blocking command, until the client is served, times out, is unblocked, or is gone.
//!
//! The writer has the command, and sets in the [`ClientInfo`](crate::state::ClientInfo) that the client is blocked.
//! From then on the connection watches for a hang-up, the timeout, `CLIENT UNBLOCK` and `CLIENT KILL`. It reads
//! nothing. Only the writer decides how the wait ends: the connection requests its end, and takes the answer.
//!
//! A command that only waits for a time (`WAIT`) does not involve the writer, and is waited for in the same way.

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

/// Time until the end of a wait is requested again, if the writer was just running the command.
const RETRY: Duration = Duration::from_millis(5);

/// What the connection noticed.
enum Event {
    /// The writer answered, or is gone.
    Answered(Result<Completion, Closed>),
    /// The wait must end without data.
    GivesUp,
    /// The client hung up, or was killed, or the server stops.
    Stopped,
}

/// What the connection watches while its command waits.
struct WaitState {
    /// The timeout, if it was already looked up.
    timer: Option<Timer>,
    /// How to notice that the client hangs up.
    client: HangUpCheck,
    /// Whether the end was requested from the writer.
    notified: bool,
}

impl Connection {
    /// Waits for the answer to a blocking command.
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

    /// Waits until a time in milliseconds of uptime, or without a timeout. If somebody ends the wait with an error, the
    /// error replaces `reply`.
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

    /// Ends the connection, but sends the answer before: its data was popped for this client, and would be lost.
    async fn last_words(&mut self, completion: &Completion) -> Result<Completion, Ended> {
        self.socket.send(&completion.submission.out, 0).await?;
        Err(Ended)
    }

    /// Requests the end of the wait from the writer.
    async fn unblock(&self) -> Result<(), Ended> {
        self.writer.unblock(self.info.id()).await.map_err(|_| Ended)
    }

    /// Checks for events that end a wait.
    fn watch(&self, context: &mut Context<'_>, wait: &mut WaitState) -> Poll<Event> {
        if self.info.is_killed() || self.state.shutdown.is_draining() {
            return Poll::Ready(Event::Stopped);
        }
        let blocked = self.info.blocked();
        if !blocked.is_set() || wait.notified {
            // The writer is about to answer.
            return Poll::Pending;
        }
        if blocked.requested().is_some() || self.timed_out(context, wait) {
            return Poll::Ready(Event::GivesUp);
        }
        self.socket.poll_hung_up(context, &mut wait.client).map(|()| Event::Stopped)
    }

    /// Whether the client has timed out.
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
