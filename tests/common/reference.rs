//! A real redis-server, to compare with.

use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{Client, PATIENCE, eventually, free_port};

/// A redis-server without persistence.
pub struct Reference {
    child: Child,
    socket: PathBuf,
    /// Its TCP port on loopback.
    pub port: u16,
}

impl Reference {
    /// Starts it in `dir`, and waits until it accepts connections on port and socket.
    pub fn start(dir: &Path) -> Self {
        let (port, socket) = (free_port(), dir.join("redis.sock"));
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--daemonize", "no"])
            .arg("--unixsocket")
            .arg(&socket)
            .current_dir(dir)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        let reference = Self { child, socket, port };
        let listens = || {
            TcpStream::connect(("127.0.0.1", port)).is_ok() && UnixStream::connect(&reference.socket).is_ok()
        };
        eventually("redis-server takes connections", listens);
        reference
    }

    /// A new connection.
    pub fn client(&self) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client::new(Box::new(stream))
    }

    /// A new connection over its Unix socket, as a byte stream.
    pub fn unix(&self) -> UnixStream {
        UnixStream::connect(&self.socket).unwrap()
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
