//! What the black-box tests share: the real server binary as a child process, and a small client that sees raw replies.

#![allow(dead_code)]

pub mod collections;
pub mod fake_clock;
pub mod keys;
pub mod long_commands;
pub mod power_cut;
pub mod reference;
pub mod results;
pub mod strace;
pub mod waiting;

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;

use socket2::{Domain, Socket, Type};

pub use waiting::{PATIENCE, eventually, uninterrupted};

/// A running server on a data directory of the test's.
pub struct TestServer {
    child: Child,
    dir: PathBuf,
    socket: PathBuf,
    /// The TCP port on loopback.
    pub port: u16,
}

/// A flag for run number `run` of a test: in turn, one thread serves all connections and runs the writer itself, and several
/// do, for which the writer has a thread of its own.
pub fn threads(run: u64) -> [&'static str; 2] {
    ["--threads", if run.is_multiple_of(2) { "1" } else { "3" }]
}

impl TestServer {
    /// Starts the server on `dir` with further flags, and waits until it answers.
    pub fn start(dir: &Path, flags: &[&str]) -> Self {
        let mut server = Self::spawn(dir, flags);
        server.wait_ready();
        server
    }

    /// Starts the server without waiting for it.
    pub fn spawn(dir: &Path, flags: &[&str]) -> Self {
        Self::spawn_by(Command::new(env!("CARGO_BIN_EXE_ackd")), free_port(), dir, flags)
    }

    /// As [`TestServer::start`], on a given port.
    pub fn start_on(port: u16, dir: &Path, flags: &[&str]) -> Self {
        let mut server = Self::spawn_by(Command::new(env!("CARGO_BIN_EXE_ackd")), port, dir, flags);
        server.wait_ready();
        server
    }

    /// Starts the server by `command`, which passes further arguments to the server and becomes its process.
    pub fn spawn_by(mut command: Command, port: u16, dir: &Path, flags: &[&str]) -> Self {
        let socket = dir.parent().expect("the data directory has a parent").join(format!("{port}.sock"));
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
        command.arg("--dir").arg(dir).arg("--unixsocket").arg(&socket);
        command.args(flags).stdin(Stdio::null()).stdout(Stdio::null());
        without_settings(&mut command);
        if std::env::var_os("ACKD_TEST_LOG").is_none() {
            command.stderr(Stdio::null());
        }
        let child = command.spawn().expect("the server binary starts");
        Self { child, dir: dir.to_owned(), socket, port }
    }

    /// Waits until the server answers a PING.
    pub fn wait_ready(&mut self) {
        eventually("the server answers", || {
            if let Some(status) = self.child.try_wait().expect("the child can be waited for") {
                panic!("the server on {} ended at start: {status}", self.dir.display());
            }
            let ping = |mut client: Client| client.try_command(&[b"PING"]);
            self.try_client().and_then(ping).is_ok_and(|reply| is_ready(&reply))
        });
    }

    /// A new connection over the Unix socket.
    pub fn client(&self) -> Client {
        self.try_client().expect("the server accepts a connection")
    }

    /// As [`TestServer::client`], as a byte stream.
    pub fn unix(&self) -> UnixStream {
        UnixStream::connect(&self.socket).expect("the server accepts a connection")
    }

    /// As [`TestServer::client`], if the server accepts it.
    pub fn try_client(&self) -> io::Result<Client> {
        let stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Client::new(Box::new(stream)))
    }

    /// A new connection over TCP.
    pub fn tcp(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the server accepts a connection");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// The server's process ID.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Bytes of anonymous memory of the server's process: without the table's pages.
    pub fn anonymous_bytes(&self) -> u64 {
        self.memory_bytes("RssAnon:")
    }

    /// The most memory that the server's process ever had, files included, in bytes.
    pub fn peak_bytes(&self) -> u64 {
        self.memory_bytes("VmHWM:")
    }

    /// A field of the process's memory statistics, in bytes.
    fn memory_bytes(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let value = status.lines().find_map(|line| line.strip_prefix(field)).expect("Linux says so");
        value.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    /// Kills the server with SIGKILL: no handler runs.
    pub fn kill(&mut self) {
        self.child.kill().expect("the server can be killed");
        let status = self.child.wait().expect("the killed server can be waited for");
        assert_eq!(status.signal(), Some(9), "the server ended by itself before it was killed: {status}");
    }

    /// Asks the server to stop and returns how it ended.
    pub fn stop(&mut self) -> ExitStatus {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)
            .expect("the server can be signalled");
        self.child.wait().expect("the stopped server can be waited for")
    }

    /// Limits the size of the files that the server may write; `None` lifts the limit again.
    pub fn limit_file_bytes(&self, bytes: Option<u64>) {
        let limit = rustix::process::Rlimit { current: bytes, maximum: None };
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::prlimit(Some(pid), rustix::process::Resource::Fsize, limit)
            .expect("the child can be limited");
    }

    /// Limits the number of files that the server may have open.
    pub fn limit_files(&self, files: u64) {
        let pid = rustix::process::Pid::from_child(&self.child);
        let resource = rustix::process::Resource::Nofile;
        let maximum = rustix::process::getrlimit(resource).maximum;
        rustix::process::prlimit(
            Some(pid),
            resource,
            rustix::process::Rlimit { current: Some(files), maximum },
        )
        .expect("the child can be limited");
    }

    /// Whether the server has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("the child can be waited for").is_some()
    }

    /// Waits for the server to end by itself.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("the server can be waited for")
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// Whether this reply to PING comes from a server that is ready. A server with a password asks for it.
fn is_ready(reply: &Value) -> bool {
    match reply {
        Value::Simple(text) => text == "PONG",
        Value::Error(text) => text.starts_with("NOAUTH"),
        _ => false,
    }
}

/// A TCP port on loopback for a server of this test process. It stays bound, so that the system gives it to nobody else
/// before the server listens on it, or while the server is down; the server may listen since both reuse the address.
pub fn free_port() -> u16 {
    static HELD: Mutex<Vec<Socket>> = Mutex::new(Vec::new());
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    HELD.lock().unwrap().push(socket);
    port
}

/// One reply, of either protocol.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `+text`
    Simple(String),
    /// `-text`
    Error(String),
    /// `:number`
    Integer(i64),
    /// `$bytes`, `=bytes`
    Bulk(Vec<u8>),
    /// `$-1`, `*-1`, `_`
    Null,
    /// `*`, `>`
    Array(Vec<Value>),
    /// `~`
    Set(Vec<Value>),
    /// `%`
    Map(Vec<(Value, Value)>),
    /// `,text`
    Double(String),
    /// `#t`, `#f`
    Boolean(bool),
}

impl Value {
    /// A bulk string's bytes as text.
    pub fn text(&self) -> String {
        match self {
            Value::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Value::Simple(text) | Value::Error(text) | Value::Double(text) => text.clone(),
            other => panic!("{other:?} is no text"),
        }
    }
}

/// Any byte stream to the server.
pub trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// A connection that sends commands and reads replies one by one.
pub struct Client {
    stream: Box<dyn Stream>,
    received: Vec<u8>,
    consumed: usize,
}

impl Client {
    /// A client on an open stream.
    pub fn new(stream: Box<dyn Stream>) -> Self {
        Self { stream, received: Vec::new(), consumed: 0 }
    }

    /// Sends one command and waits for its reply.
    pub fn command(&mut self, words: &[&[u8]]) -> Value {
        self.try_command(words).expect("the server answers")
    }

    /// As [`Client::command`], with words as text separated by spaces.
    pub fn run(&mut self, line: &str) -> Value {
        self.command(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>())
    }

    /// Sends one command and waits for its reply. Fails if the connection breaks.
    pub fn try_command(&mut self, words: &[&[u8]]) -> io::Result<Value> {
        self.send(&encode(words))?;
        self.reply()
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Reads one reply.
    pub fn reply(&mut self) -> io::Result<Value> {
        if self.consumed > 1 << 20 {
            self.received.drain(..self.consumed);
            self.consumed = 0;
        }
        let line = self.line()?;
        let (kind, rest) = (line.as_bytes()[0], &line[1..]);
        let number = || rest.parse::<i64>().expect("a reply header holds a number");
        Ok(match kind {
            b'+' => Value::Simple(rest.into()),
            b'-' => Value::Error(rest.into()),
            b':' => Value::Integer(number()),
            b',' => Value::Double(rest.into()),
            b'#' => Value::Boolean(rest == "t"),
            b'_' => Value::Null,
            b'$' | b'=' => match number() {
                -1 => Value::Null,
                len => Value::Bulk(self.bulk(len as usize)?),
            },
            b'~' => Value::Set((0..number()).map(|_| self.reply()).collect::<io::Result<_>>()?),
            b'*' | b'>' => match number() {
                -1 => Value::Null,
                len => Value::Array((0..len).map(|_| self.reply()).collect::<io::Result<_>>()?),
            },
            b'%' => Value::Map(
                (0..number()).map(|_| Ok((self.reply()?, self.reply()?))).collect::<io::Result<_>>()?,
            ),
            other => panic!("unknown reply type {:?} in {line:?}", other as char),
        })
    }

    fn line(&mut self) -> io::Result<String> {
        let mut searched = self.consumed;
        loop {
            if let Some(at) = self.received[searched..].windows(2).position(|pair| pair == b"\r\n") {
                let end = searched + at;
                let line = String::from_utf8_lossy(&self.received[self.consumed..end]).into_owned();
                self.consumed = end + 2;
                return Ok(line);
            }
            searched = self.received.len().saturating_sub(1).max(self.consumed);
            self.fill()?;
        }
    }

    fn bulk(&mut self, len: usize) -> io::Result<Vec<u8>> {
        while self.received.len() < self.consumed + len + 2 {
            self.fill()?;
        }
        let bytes = self.received[self.consumed..][..len].to_vec();
        assert_eq!(&self.received[self.consumed + len..][..2], b"\r\n", "a bulk string ends with a line end");
        self.consumed += len + 2;
        Ok(bytes)
    }

    fn fill(&mut self) -> io::Result<()> {
        let mut buffer = [0; 65536];
        match uninterrupted(|| self.stream.read(&mut buffer))? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                self.received.extend_from_slice(&buffer[..read]);
                Ok(())
            }
        }
    }
}

/// A command in RESP.
pub fn encode(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// A reply in RESP2.
pub fn encode_reply(reply: &Value) -> Vec<u8> {
    match reply {
        Value::Simple(text) => format!("+{text}\r\n").into_bytes(),
        Value::Error(text) => format!("-{text}\r\n").into_bytes(),
        Value::Integer(number) => format!(":{number}\r\n").into_bytes(),
        Value::Bulk(bytes) => [format!("${}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat(),
        Value::Null => b"$-1\r\n".to_vec(),
        Value::Array(replies) => {
            let all: Vec<u8> = replies.iter().flat_map(encode_reply).collect();
            [format!("*{}\r\n", replies.len()).as_bytes(), &all].concat()
        }
        other => panic!("{other:?} is not encoded here"),
    }
}

/// A seed for this run: `ACKD_TEST_SEED` when set, else the time. Printed, so that a failure shows it.
pub fn seed(test: &str) -> u64 {
    seed_or(test, || {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64
    })
}

/// A seed for this run: `ACKD_TEST_SEED` when set, else the default. Printed, so that a failure shows it.
pub fn seed_or(test: &str, default: impl FnOnce() -> u64) -> u64 {
    let seed = match std::env::var("ACKD_TEST_SEED") {
        Ok(text) => text.parse().expect("ACKD_TEST_SEED is a number"),
        Err(_) => default(),
    };
    eprintln!("replay with: ACKD_TEST_SEED={seed} cargo test {test}");
    seed
}

/// A number from the environment, for the long forms of tests.
pub fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("the setting is a number"))
}

/// Takes the tests' own environment variables from a server, for which they would be configuration.
pub fn without_settings(command: &mut Command) {
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ACKD_")) {
        command.env_remove(name);
    }
}
