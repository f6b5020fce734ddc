//! A real redis-server, to which what the inspector prints is sent.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::waiting::eventually;

/// A redis-server without persistence.
pub struct Redis {
    _process: Process,
    stream: UnixStream,
}

/// A process that ends with this.
struct Process(Child);

impl Redis {
    /// Starts it in `dir`, and connects to it.
    pub fn start(dir: &Path) -> Self {
        let socket = dir.join("redis.sock");
        let process = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--daemonize", "no", "--unixsocket"])
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn()
            .map(Process)
            .expect("redis-server is installed");
        let mut connected = None;
        eventually("redis-server takes connections", || {
            connected = UnixStream::connect(&socket).ok();
            connected.is_some()
        });
        Self { _process: process, stream: connected.expect("it was connected") }
    }

    /// Sends commands. Returns the replies, up to an echoed end mark.
    pub fn run(&mut self, commands: &[u8]) -> String {
        self.stream.write_all(commands).unwrap();
        self.stream.write_all(b"ECHO the-end\r\n").unwrap();
        let mut replies = Vec::new();
        while !replies.ends_with(b"the-end\r\n") {
            let mut part = [0; 65536];
            let read = self.stream.read(&mut part).unwrap();
            assert!(read > 0, "redis-server closed the connection");
            replies.extend_from_slice(&part[..read]);
        }
        String::from_utf8(replies).unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Pseudo-random numbers, the same in each run.
pub struct Random(pub u64);

impl Random {
    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}
