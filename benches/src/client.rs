//! A client that sends one command at a time and throws replies away as they come.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::load::{LoadError, Replies};

/// How long a command may go without a byte of its reply.
const SILENCE_MAX: Duration = Duration::from_secs(600);
/// Memory for what is received at once.
const RECEIVE_BYTES: usize = 256 << 10;

/// A client.
pub struct Client {
    /// The connection.
    stream: TcpStream,
    /// Finds the ends of replies.
    replies: Replies,
    /// Memory for what is received.
    buffer: Vec<u8>,
}

impl Client {
    /// Connects.
    pub fn connect(address: SocketAddr) -> Result<Self, LoadError> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        Ok(Self { stream, replies: Replies::default(), buffer: vec![0; RECEIVE_BYTES] })
    }

    /// Sends a command and waits for the end of its reply. The server's errors are errors.
    pub fn run<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Result<(), LoadError> {
        self.exchange(&encoded(words), 1)
    }

    /// Sends commands and waits for the end of the last of their replies. Together they must fit into the buffers of the
    /// connection, or be one command.
    pub fn exchange(&mut self, commands: &[u8], replies: usize) -> Result<(), LoadError> {
        self.stream.write_all(commands)?;
        let mut complete = 0;
        while complete < replies {
            match self.stream.read(&mut self.buffer)? {
                0 => return Err(LoadError::Closed),
                read => complete += self.replies.feed(&self.buffer[..read])?,
            }
        }
        if complete == replies { Ok(()) } else { Err(LoadError::TooManyReplies) }
    }
}

/// A command in the protocol's form.
pub fn encoded<W: AsRef<[u8]>>(words: &[W]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words.iter().map(AsRef::as_ref) {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_sent_with_their_lengths() {
        assert_eq!(encoded(&["SET", "k", ""]), b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n");
    }
}
