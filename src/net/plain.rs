//! Unencrypted bytes over a TCP or Unix socket.
//!
//! System calls are made at once. Only when the kernel says that it would have to wait does the caller wait, until the
//! socket's state changes.

use std::io;
use std::os::fd::AsFd;
use std::task::{Context, Poll};

use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};

use super::readiness::Registration;

/// The result of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// N bytes, appended to the buffer.
    Bytes(usize),
    /// The client sends nothing more.
    End,
    /// Nothing is there yet.
    Nothing,
}

/// The result of a peek.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peeked {
    /// There are bytes to read.
    Bytes,
    /// The client sends nothing more.
    End,
    /// Nothing is there yet.
    Nothing,
}

/// A socket whose bytes are the client's own.
pub struct Plain {
    /// The socket, in non-blocking mode.
    socket: Registration,
}

impl Plain {
    /// Uses `socket`, which is in non-blocking mode.
    pub fn new(socket: Registration) -> Self {
        Self { socket }
    }

    /// See `Transport::receive`.
    pub(super) fn receive(&self, buffer: &mut Vec<u8>) -> io::Result<Received> {
        let room = buffer.capacity() - buffer.len();
        debug_assert!(room > 0);
        self.socket.before_read();
        loop {
            return match recv(self.socket.as_fd(), spare_capacity(buffer), RecvFlags::empty()) {
                Ok((0, _)) => Ok(Received::End),
                Ok((bytes, _)) => {
                    if bytes == room {
                        self.socket.may_hold_more();
                    }
                    Ok(Received::Bytes(bytes))
                }
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => Ok(Received::Nothing),
                Err(error) => Err(error.into()),
            };
        }
    }

    /// See `Transport::send`.
    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<Option<usize>> {
        let mut looked_for_room = false;
        loop {
            match send(self.socket.as_fd(), bytes, SendFlags::NOSIGNAL) {
                Ok(sent) => return Ok(Some(sent)),
                Err(Errno::INTR) => {}
                // Try once more: room may have appeared before the bit was cleared.
                Err(Errno::AGAIN) if !looked_for_room => {
                    looked_for_room = true;
                    self.socket.before_write();
                }
                Err(Errno::AGAIN) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// See `Transport::poll_readable`.
    pub(super) fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        self.socket.poll_readable(context)
    }

    /// See `Transport::poll_writable`.
    pub(super) fn poll_writable(&self, context: &mut Context<'_>) -> Poll<()> {
        self.socket.poll_writable(context)
    }

    /// See `Transport::peek`.
    pub(super) fn peek(&self) -> io::Result<Peeked> {
        self.socket.before_read();
        match recv(self.socket.as_fd(), &mut [0_u8; 1], RecvFlags::PEEK) {
            Ok((0, _)) => Ok(Peeked::End),
            Ok(_) => {
                self.socket.may_hold_more();
                Ok(Peeked::Bytes)
            }
            Err(Errno::INTR | Errno::AGAIN) => Ok(Peeked::Nothing),
            Err(error) => Err(error.into()),
        }
    }

    /// See `Transport::has_hung_up`.
    pub(super) fn has_hung_up(&self) -> bool {
        let ends = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
        let mut polled = [PollFd::new(&self.socket, PollFlags::RDHUP)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut polled, Some(&now)).is_ok_and(|_| polled[0].revents().intersects(ends))
    }

    /// See `Transport::finish`.
    pub(super) fn finish(&self) {
        let _ = shutdown(self.socket.as_fd(), Shutdown::Write);
    }
}
