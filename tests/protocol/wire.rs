//! A client that sends bytes and expects bytes.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use crate::waiting::{PATIENCE, uninterrupted};

/// How long nothing must arrive to count as silence.
const SILENCE: Duration = Duration::from_millis(80);

pub struct Wire {
    stream: TcpStream,
}

impl Wire {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { stream }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stream.write_all(bytes.as_ref()).expect("the server reads");
        self
    }

    /// Sends as much as the server reads while nobody reads replies; returns the bytes sent.
    pub fn send_until_stuck(&mut self, piece: &[u8], bytes_max: usize) -> usize {
        self.stream.set_nonblocking(true).unwrap();
        let (mut sent, mut stuck) = (0, 0);
        while sent < bytes_max && stuck < 20 {
            match self.stream.write(&piece[sent % piece.len()..]) {
                Ok(bytes) => (sent, stuck) = (sent + bytes, 0),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    stuck += 1;
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(error) => panic!("cannot send: {error}"),
            }
        }
        self.stream.set_nonblocking(false).unwrap();
        sent
    }

    pub fn expect(&mut self, expected: impl AsRef<[u8]>) -> &mut Self {
        let expected = expected.as_ref();
        let mut got = vec![0; expected.len()];
        let mut len = 0;
        while len < got.len() {
            match uninterrupted(|| self.stream.read(&mut got[len..])) {
                Ok(0) | Err(_) => break,
                Ok(bytes) => len += bytes,
            }
            if got[..len] != expected[..len] {
                break;
            }
        }
        assert!(got[..len] == *expected, "expected {}\n     got {}", shown(expected), shown(&got[..len]));
        self
    }

    /// Sends a line and expects one.
    pub fn ask(&mut self, line: &str, expected: &str) -> &mut Self {
        self.send(format!("{line}\r\n")).expect(format!("{expected}\r\n"))
    }

    /// A second handle to the same connection, to send from another thread.
    pub fn split(&self) -> Self {
        Self { stream: self.stream.try_clone().unwrap() }
    }

    /// Ends a chain of calls.
    pub fn done(&mut self) {}

    pub fn half_close(&mut self) -> &mut Self {
        self.stream.shutdown(Shutdown::Write).unwrap();
        self
    }

    pub fn expect_silence(&mut self) -> &mut Self {
        self.stream.set_read_timeout(Some(SILENCE)).unwrap();
        let mut byte = [0];
        match self.stream.peek(&mut byte) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            other => panic!("expected silence, got {other:?} {byte:?}"),
        }
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        self
    }

    pub fn expect_closed(&mut self) {
        let mut rest = [0; 64];
        match uninterrupted(|| self.stream.read(&mut rest)) {
            Ok(0) => {}
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {}
            other => panic!("expected the end, got {other:?}: {}", shown(&rest)),
        }
    }
}

/// A command as an array of bulk strings.
pub fn command(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

fn shown(bytes: &[u8]) -> String {
    let end = bytes.len().min(300);
    format!("{} ({} bytes)", bytes[..end].escape_ascii(), bytes.len())
}
