//! A client's socket. Every wait ends when the client is killed.
//!
//! Many clients send a whole pipeline before they read the first reply. So while replies do not fit into the socket,
//! what the client still sends is read ahead, up to a limit, but not parsed. Otherwise both sides would wait for each
//! other forever. This costs memory for the bytes that were sent, but not for the replies to them.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use smol::Timer;

use super::buffers::READ_BYTES;
use crate::net::{Peeked, Received, Transport};
use crate::state::{ClientInfo, ServerState};

/// What a connection waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WakeReason {
    /// There is something to read.
    Readable,
    /// There are messages in the outbox.
    Messages,
}

/// The connection must end: the peer or the server wants it, or it broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ended;

/// How often a socket with unread bytes is checked for a hang-up.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// How to notice that a client hangs up while nothing is read from it.
pub(super) enum HangUpCheck {
    /// Nothing is unread: the socket becomes readable.
    Readable,
    /// Something is unread: the time of the next check.
    Looks(Timer),
}

/// A client's socket.
pub(super) struct Socket {
    /// The transport.
    transport: Transport,
    /// The client, to notice that it is killed.
    info: Arc<ClientInfo>,
    /// The server's state, to notice that it stops.
    state: Arc<ServerState>,
    /// What was read while replies waited, in pieces of `READ_BYTES`.
    ahead: VecDeque<Vec<u8>>,
}

impl Socket {
    /// The socket of the client `info`.
    pub fn new(transport: Transport, info: Arc<ClientInfo>, state: Arc<ServerState>) -> Self {
        Self { transport, info, state, ahead: VecDeque::new() }
    }

    /// Reads into `buffer`, which must have free room: what was read ahead, or otherwise what is in the socket, as far
    /// as it fits.
    pub fn receive(&mut self, buffer: &mut Vec<u8>) -> Result<Received, Ended> {
        match self.ahead.pop_front() {
            Some(piece) => {
                buffer.extend_from_slice(&piece);
                Ok(Received::Bytes(piece.len()))
            }
            None => self.transport.receive(buffer).map_err(|_| Ended),
        }
    }

    /// Waits until there is something to read, or a message in the outbox. Also ends when the server stops: then
    /// nothing more is read.
    pub async fn readable_or_messages(&self) -> Result<WakeReason, Ended> {
        let mut has_messages = false;
        let poll = |context: &mut Context<'_>| {
            has_messages = self.info.outbox().has_any();
            if has_messages || !self.ahead.is_empty() {
                return Poll::Ready(());
            }
            self.transport.poll_readable(context)
        };
        self.until(poll, true).await?;
        Ok(if has_messages { WakeReason::Messages } else { WakeReason::Readable })
    }

    /// Whether the client has hung up, while nothing is read from it. Its bytes stay in the socket. Once there are
    /// some, a hang-up must be checked for, which is done from time to time.
    pub fn poll_hung_up(&self, context: &mut Context<'_>, check: &mut HangUpCheck) -> Poll<()> {
        loop {
            match check {
                HangUpCheck::Readable => {
                    if !self.ahead.is_empty() {
                        *check = HangUpCheck::Looks(Timer::after(LOOK_INTERVAL));
                        continue;
                    }
                    if self.transport.poll_readable(context).is_pending() {
                        return Poll::Pending;
                    }
                    match self.transport.peek() {
                        Ok(Peeked::Bytes) => *check = HangUpCheck::Looks(Timer::after(LOOK_INTERVAL)),
                        Ok(Peeked::Nothing) => {}
                        Ok(Peeked::End) | Err(_) => return Poll::Ready(()),
                    }
                }
                HangUpCheck::Looks(timer) => {
                    if Pin::new(timer).poll(context).is_pending() {
                        return Poll::Pending;
                    }
                    if self.transport.has_hung_up() {
                        return Poll::Ready(());
                    }
                    *check = HangUpCheck::Looks(Timer::after(LOOK_INTERVAL));
                }
            }
        }
    }

    /// Sends all of `bytes`. While the client does not take them, waits and reads up to `ahead_bytes_max` ahead.
    pub async fn send(&mut self, mut bytes: &[u8], ahead_bytes_max: u64) -> Result<(), Ended> {
        while !bytes.is_empty() {
            match self.transport.send(bytes) {
                Ok(Some(sent)) => bytes = &bytes[sent..],
                Ok(None) => {
                    self.info.hold_replies(bytes.len());
                    self.writable(ahead_bytes_max).await?;
                    self.info.hold_replies(0);
                }
                Err(_) => return Err(Ended),
            }
        }
        Ok(())
    }

    /// Waits until there may be room for replies, and reads ahead meanwhile.
    async fn writable(&mut self, ahead_bytes_max: u64) -> Result<(), Ended> {
        let mut may_read = true;
        loop {
            may_read &= (self.ahead_bytes() as u64) < ahead_bytes_max;
            let mut is_writable = false;
            let poll = |context: &mut Context<'_>| {
                is_writable = self.transport.poll_writable(context).is_ready();
                match is_writable {
                    true => Poll::Ready(()),
                    false if may_read => self.transport.poll_readable(context),
                    false => Poll::Pending,
                }
            };
            self.until(poll, false).await?;
            if is_writable {
                return Ok(());
            }
            may_read = self.read_ahead()?;
            self.info.hold_query(self.ahead_bytes(), 0);
        }
    }

    /// Reads at most one piece ahead. Returns whether the client may send more.
    fn read_ahead(&mut self) -> Result<bool, Ended> {
        let mut piece = match self.ahead.pop_back() {
            Some(piece) if piece.len() < piece.capacity() => piece,
            full => {
                self.ahead.extend(full);
                Vec::with_capacity(READ_BYTES)
            }
        };
        let received = self.transport.receive(&mut piece).map_err(|_| Ended)?;
        if !piece.is_empty() {
            self.ahead.push_back(piece);
        }
        Ok(received != Received::End)
    }

    /// The bytes that were read ahead, rounded up to whole pieces.
    fn ahead_bytes(&self) -> usize {
        self.ahead.len() * READ_BYTES
    }

    /// Waits for `poll`, unless the client is killed or, if `stops`, the server.
    async fn until(
        &self,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<()>,
        stops: bool,
    ) -> Result<(), Ended> {
        poll_fn(|context| {
            if self.info.is_killed() || (stops && self.state.shutdown.is_draining()) {
                return Poll::Ready(Err(Ended));
            }
            poll(context).map(Ok)
        })
        .await
    }

    /// Ends the outgoing stream, so that the client gets all replies before the socket closes.
    pub fn finish(&self) {
        self.transport.finish();
    }
}
