//! Sending and receiving a client's bytes over its socket.

use std::io;
use std::task::{Context, Poll};

use super::plain::{Peeked, Plain, Received};

/// A client's connection. It never blocks: the one task that uses it polls.
pub enum Transport {
    /// Unencrypted.
    Plain(Plain),
}

impl Transport {
    /// Reads the available bytes into the free room of `buffer`, as far as they fit. There must be some room.
    ///
    /// # Errors
    /// The connection broke.
    #[inline]
    pub fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<Received> {
        match self {
            Transport::Plain(plain) => plain.receive(buffer),
        }
    }

    /// Sends some of `bytes`, which must not be empty, and returns how many; `None` if there is no room for any.
    ///
    /// # Errors
    /// The connection broke.
    #[inline]
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<Option<usize>> {
        match self {
            Transport::Plain(plain) => plain.send(bytes),
        }
    }

    /// Waits until there may be something to read: bytes, or the end.
    #[inline]
    pub fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        match self {
            Transport::Plain(plain) => plain.poll_readable(context),
        }
    }

    /// Waits until there may be room to write.
    #[inline]
    pub fn poll_writable(&self, context: &mut Context<'_>) -> Poll<()> {
        match self {
            Transport::Plain(plain) => plain.poll_writable(context),
        }
    }

    /// What a read would find, without consuming it.
    ///
    /// # Errors
    /// The connection broke.
    pub fn peek(&self) -> io::Result<Peeked> {
        match self {
            Transport::Plain(plain) => plain.peek(),
        }
    }

    /// Whether the client has hung up, whatever it sent before.
    pub fn has_hung_up(&self) -> bool {
        match self {
            Transport::Plain(plain) => plain.has_hung_up(),
        }
    }

    /// Tells the client that nothing more comes, so that it gets all replies before the socket closes.
    pub fn finish(&self) {
        match self {
            Transport::Plain(plain) => plain.finish(),
        }
    }
}
