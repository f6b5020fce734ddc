//! A client's socket, TCP or Unix, without waiting where none is needed.
//!
//! System calls are made at once; only when the kernel says that it would have to wait does the connection, until the
//! socket's state changes. Every wait ends when the client is killed.
//!
//! Many clients send a whole pipeline before they read the first reply. So while replies do not fit into the socket,
//! what the client goes on to send is read ahead, up to a limit, but not looked at: else each side would wait for the
//! other for ever. That costs the bytes that were sent and never the replies to them.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_io::Timer;
use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};

use super::buffers::READ_BYTES;
use super::readiness::Watched;
use crate::state::{ClientInfo, ServerState};

/// What a read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// So many bytes, appended to the buffer.
    Bytes(usize),
    /// The client sends nothing more.
    End,
    /// Nothing is there yet.
    Nothing,
}

/// What a connection waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ready {
    /// There is something to read.
    Readable,
    /// Others have something for the client.
    Messages,
}

/// The connection has to end: its peer or the server wants it so, or it broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ended;

/// How often a socket with unread bytes is looked at for its end.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// How a client that is not read from is watched.
pub(super) enum Watch {
    /// Nothing is unread: whatever comes shows.
    Readable,
    /// Something is unread: when the next look is due.
    Looks(Timer),
}

/// A client's socket.
pub(super) struct Socket {
    /// The socket, in non-blocking mode.
    stream: Watched,
    /// Who may kill the client.
    info: Arc<ClientInfo>,
    /// Who may stop the server.
    state: Arc<ServerState>,
    /// What was read while replies waited, in pieces of `READ_BYTES`.
    ahead: VecDeque<Vec<u8>>,
}

impl Socket {
    /// A socket in non-blocking mode, of the client `info`.
    pub fn new(stream: Watched, info: Arc<ClientInfo>, state: Arc<ServerState>) -> Self {
        Self { stream, info, state, ahead: VecDeque::new() }
    }

    /// Reads what is there into `buffer`, which must have free room: what was read ahead, or else what the socket
    /// holds, as far as there is room for it.
    pub fn receive(&mut self, buffer: &mut Vec<u8>) -> Result<Received, Ended> {
        match self.ahead.pop_front() {
            Some(piece) => {
                buffer.extend_from_slice(&piece);
                Ok(Received::Bytes(piece.len()))
            }
            None => self.read(buffer),
        }
    }

    /// Reads what the socket holds into the free room of `buffer`.
    fn read(&self, buffer: &mut Vec<u8>) -> Result<Received, Ended> {
        let room = buffer.capacity() - buffer.len();
        debug_assert!(room > 0);
        self.stream.before_read();
        loop {
            return match recv(self.stream.as_fd(), spare_capacity(buffer), RecvFlags::empty()) {
                Ok((0, _)) => Ok(Received::End),
                Ok((bytes, _)) => {
                    if bytes == room {
                        self.stream.may_hold_more();
                    }
                    Ok(Received::Bytes(bytes))
                }
                Err(rustix::io::Errno::INTR) => continue,
                Err(rustix::io::Errno::AGAIN) => Ok(Received::Nothing),
                Err(_) => Err(Ended),
            };
        }
    }

    /// Waits until there is something to read, or something that others have for the client. Ends when the server
    /// stops, too: nothing new is taken then.
    pub async fn readable_or_messages(&self) -> Result<Ready, Ended> {
        let mut has_messages = false;
        let ready = |context: &mut Context<'_>| {
            has_messages = self.info.outbox().has_any();
            if has_messages || !self.ahead.is_empty() {
                return Poll::Ready(());
            }
            self.stream.poll_readable(context)
        };
        self.until(ready, true).await?;
        Ok(if has_messages { Ready::Messages } else { Ready::Readable })
    }

    /// Whether the client has hung up, while nothing is read from it. Its bytes stay in the socket; once there are some,
    /// its end shows only when it is looked for, which is done from time to time.
    pub fn poll_hung_up(&self, context: &mut Context<'_>, watch: &mut Watch) -> Poll<()> {
        loop {
            match watch {
                Watch::Readable => {
                    if !self.ahead.is_empty() {
                        *watch = Watch::Looks(Timer::after(LOOK_INTERVAL));
                        continue;
                    }
                    if self.stream.poll_readable(context).is_pending() {
                        return Poll::Pending;
                    }
                    self.stream.before_read();
                    match recv(self.stream.as_fd(), &mut [0_u8; 1], RecvFlags::PEEK) {
                        Ok((0, _)) => return Poll::Ready(()),
                        Ok(_) => {
                            self.stream.may_hold_more();
                            *watch = Watch::Looks(Timer::after(LOOK_INTERVAL));
                        }
                        Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
                        Err(_) => return Poll::Ready(()),
                    }
                }
                Watch::Looks(timer) => {
                    if Pin::new(timer).poll(context).is_pending() {
                        return Poll::Pending;
                    }
                    if self.has_hung_up() {
                        return Poll::Ready(());
                    }
                    *watch = Watch::Looks(Timer::after(LOOK_INTERVAL));
                }
            }
        }
    }

    /// Whether the client has hung up, whatever it sent before.
    fn has_hung_up(&self) -> bool {
        let ends = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
        let mut polled = [PollFd::new(&self.stream, PollFlags::RDHUP)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut polled, Some(&now)).is_ok_and(|_| polled[0].revents().intersects(ends))
    }

    /// Sends all of `bytes`; waits while the client does not take them, and reads up to `ahead_bytes_max` ahead then.
    pub async fn send(&mut self, mut bytes: &[u8], ahead_bytes_max: u64) -> Result<(), Ended> {
        let mut waits = false;
        while !bytes.is_empty() {
            match send(self.stream.as_fd(), bytes, SendFlags::NOSIGNAL) {
                Ok(sent) => bytes = &bytes[sent..],
                Err(rustix::io::Errno::INTR) => {}
                // Tried once more, for room that came before the look for it.
                Err(rustix::io::Errno::AGAIN) if !waits => {
                    waits = true;
                    self.stream.before_write();
                }
                Err(rustix::io::Errno::AGAIN) => {
                    waits = false;
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
            let ready = |context: &mut Context<'_>| {
                is_writable = self.stream.poll_writable(context).is_ready();
                match is_writable {
                    true => Poll::Ready(()),
                    false if may_read => self.stream.poll_readable(context),
                    false => Poll::Pending,
                }
            };
            self.until(ready, false).await?;
            if is_writable {
                return Ok(());
            }
            may_read = self.read_ahead()?;
            self.info.hold_query(self.ahead_bytes(), 0);
        }
    }

    /// Reads one piece ahead at most. Whether the client may send more.
    fn read_ahead(&mut self) -> Result<bool, Ended> {
        let mut piece = match self.ahead.pop_back() {
            Some(piece) if piece.len() < piece.capacity() => piece,
            full => {
                self.ahead.extend(full);
                Vec::with_capacity(READ_BYTES)
            }
        };
        let received = self.read(&mut piece)?;
        if !piece.is_empty() {
            self.ahead.push_back(piece);
        }
        Ok(received != Received::End)
    }

    /// The bytes that were read ahead, but for less than a piece.
    fn ahead_bytes(&self) -> usize {
        self.ahead.len() * READ_BYTES
    }

    /// Waits for `ready`, unless the client is killed or, if `stops`, the server.
    async fn until(
        &self,
        mut ready: impl FnMut(&mut Context<'_>) -> Poll<()>,
        stops: bool,
    ) -> Result<(), Ended> {
        poll_fn(|context| {
            if self.info.is_killed() || (stops && self.state.shutdown.is_draining()) {
                return Poll::Ready(Err(Ended));
            }
            ready(context).map(Ok)
        })
        .await
    }

    /// Tells the client that nothing more comes, so that it gets all replies before the socket closes.
    pub fn finish(&self) {
        let _ = shutdown(self.stream.as_fd(), Shutdown::Write);
    }
}
