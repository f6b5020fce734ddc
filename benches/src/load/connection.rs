//! One client: it sends a batch of commands, takes their replies, and is then ready for the next batch.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use super::{LoadError, reply::Replies};

/// One client.
pub struct Connection {
    /// The connection, which never blocks.
    pub stream: TcpStream,
    /// The batch, of which `sent` bytes were sent.
    pub batch: Vec<u8>,
    /// Bytes of the batch that were passed to the kernel.
    sent: usize,
    /// Finds the ends of replies.
    replies: Replies,
    /// Replies of the batch that are still to come.
    awaited: usize,
    /// When the batch was sent, or should have been.
    pub started: Instant,
}

impl Connection {
    /// Connects.
    pub fn open(address: SocketAddr) -> Result<Self, LoadError> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let started = Instant::now();
        Ok(Self { stream, batch: Vec::new(), sent: 0, replies: Replies::default(), awaited: 0, started })
    }

    /// Sends the commands in `batch`, to which `replies` replies will come.
    pub fn start(&mut self, replies: usize, started: Instant) -> Result<(), LoadError> {
        assert_eq!(self.awaited, 0, "a batch is sent when the one before was answered");
        (self.sent, self.awaited, self.started) = (0, replies, started);
        self.send()
    }

    /// Whether replies are awaited.
    pub fn is_busy(&self) -> bool {
        self.awaited > 0
    }

    /// Sends as much of the batch as the kernel takes.
    pub fn send(&mut self) -> Result<(), LoadError> {
        while self.sent < self.batch.len() {
            match self.stream.write(&self.batch[self.sent..]) {
                Ok(sent) => self.sent += sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Takes what has come and returns how many replies were complete with it.
    pub fn receive(&mut self, buffer: &mut [u8]) -> Result<usize, LoadError> {
        let mut complete = 0;
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Err(LoadError::Closed),
                Ok(read) => {
                    complete += self.replies.feed(&buffer[..read])?;
                    if read < buffer.len() {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.awaited = self.awaited.checked_sub(complete).ok_or(LoadError::TooManyReplies)?;
        Ok(complete)
    }
}
