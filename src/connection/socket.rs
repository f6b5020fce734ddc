//! A client's socket, TCP or Unix, without waiting where none is needed.
//!
//! System calls are made at once; only when the kernel says that it would have to wait does the connection, until the
//! socket's state changes. Every wait ends when the client is killed.

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
}

impl Socket {
    /// A socket in non-blocking mode, of the client `info`.
    pub fn new(stream: Watched, info: Arc<ClientInfo>, state: Arc<ServerState>) -> Self {
        Self { stream, info, state }
    }

    /// Reads what is there into the free room of `buffer`, which must have some.
    pub fn receive(&self, buffer: &mut Vec<u8>) -> Result<Received, Ended> {
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
            if has_messages { Poll::Ready(()) } else { self.stream.poll_readable(context) }
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

    /// Sends all of `bytes`; waits while the client does not take them.
    pub async fn send(&self, mut bytes: &[u8]) -> Result<(), Ended> {
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
                    self.until(|context| self.stream.poll_writable(context), false).await?;
                    self.info.hold_replies(0);
                }
                Err(_) => return Err(Ended),
            }
        }
        Ok(())
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
