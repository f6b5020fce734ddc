//! A load generator: many clients on one thread, each with a pipeline of commands in flight.
//!
//! Each client sends a batch of as many commands as its pipeline is long, waits for all replies, and sends the next
//! one, as redis-benchmark does. The latency of a command is the time from sending its batch to the arrival of its
//! own reply. With a rate, the latency of a batch counts from when it was due, whether or not the client was free, so
//! that the latencies of a slow server include the time that batches waited.
//!
//! Invariant: when a run ends, no command is in flight; the server has executed exactly the commands counted.

mod command;
mod connection;
mod reply;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};
use std::{fmt, io};

use hdrhistogram::Histogram;
use rand::{SeedableRng, rngs::SmallRng};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

pub use command::{Commands, Keys, Work};
use connection::Connection;
pub use reply::Replies;

/// Memory for what is received at once.
const RECEIVE_BYTES: usize = 256 << 10;
/// Events that are taken at once.
const EVENTS_MAX: usize = 512;
/// How long a server may keep every client waiting.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Why a run ended early.
#[derive(Debug)]
pub enum LoadError {
    /// A connection failed.
    Io(io::Error),
    /// The server closed a connection.
    Closed,
    /// The server answered with an error.
    Refused(String),
    /// The server sent something that is not a reply.
    Protocol(String),
    /// The server sent more replies than there were commands.
    TooManyReplies,
    /// No reply came for a long time.
    Silence,
}

impl std::error::Error for LoadError {}

impl From<io::Error> for LoadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<rustix::io::Errno> for LoadError {
    fn from(error: rustix::io::Errno) -> Self {
        Self::Io(error.into())
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(formatter, "a connection failed: {error}"),
            Self::Closed => formatter.write_str("the server closed a connection"),
            Self::Refused(reply) => write!(formatter, "the server refused a command: {reply}"),
            Self::Protocol(line) => write!(formatter, "this is no reply: {line}"),
            Self::TooManyReplies => formatter.write_str("more replies than commands"),
            Self::Silence => write!(formatter, "no reply for {} s", SILENCE_MAX.as_secs()),
        }
    }
}

/// When a run ends.
#[derive(Clone, Copy)]
pub enum Until {
    /// No batch is sent after this time.
    Time(Duration),
    /// No batch is sent after this number of commands, or a few more to complete the last one.
    Commands(u64),
}

/// The result of a run.
pub struct Outcome {
    /// Commands that were answered.
    pub commands: u64,
    /// Time from the first command to the last reply.
    pub elapsed: Duration,
    /// Latencies in nanoseconds.
    pub latency_ns: Histogram<u64>,
    /// Share of the time for which this thread was computing: if it is near 1, the server was not the limit.
    pub busy: f64,
}

/// Clients that stay connected from run to run.
pub struct Load {
    /// The clients.
    connections: Vec<Connection>,
    /// Reports which of them are ready.
    epoll: OwnedFd,
    /// Commands of one batch.
    pipeline: usize,
    /// Time between two batches of one client; none to send them as fast as they are answered.
    interval: Option<Duration>,
    /// Makes the commands.
    commands: Commands,
    /// Clients that wait for their time, earliest first.
    waiting: BinaryHeap<Reverse<(Instant, usize)>>,
    /// Memory for what is received.
    buffer: Vec<u8>,
}

/// The state of one run.
struct Run {
    /// When it began.
    start: Instant,
    /// When it ends.
    until: Until,
    /// Commands sent so far.
    sent: u64,
    /// Clients that have commands in flight.
    busy: usize,
    /// Latencies in nanoseconds.
    latency_ns: Histogram<u64>,
}

impl Load {
    /// Connects `clients` clients. `rate` is the number of commands a second that all of them send together.
    pub fn connect(
        address: SocketAddr,
        clients: usize,
        pipeline: usize,
        rate: Option<f64>,
        commands: Commands,
    ) -> Result<Self, LoadError> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut connections = Vec::with_capacity(clients);
        for index in 0..clients {
            let connection = Connection::open(address)?;
            let flags = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET;
            epoll::add(&epoll, &connection.stream, epoll::EventData::new_u64(index as u64), flags)?;
            connections.push(connection);
        }
        let interval = rate.map(|rate| Duration::from_secs_f64((clients * pipeline) as f64 / rate));
        let buffer = vec![0; RECEIVE_BYTES];
        Ok(Self { connections, epoll, pipeline, interval, commands, waiting: BinaryHeap::new(), buffer })
    }

    /// Sends commands and takes their replies.
    pub fn run(&mut self, until: Until) -> Result<Outcome, LoadError> {
        let latency_ns = Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("valid bounds");
        let start = Instant::now();
        let cpu = thread_cpu();
        let mut run = Run { start, until, sent: 0, busy: 0, latency_ns };
        for index in 0..self.connections.len() {
            match self.interval {
                None => self.send(index, start, &mut run)?,
                Some(interval) => {
                    let due = start + interval.mul_f64(index as f64 / self.connections.len() as f64);
                    self.waiting.push(Reverse((due, index)));
                }
            }
        }
        let mut events = Vec::with_capacity(EVENTS_MAX);
        loop {
            self.send_due(&mut run)?;
            if run.busy == 0 && self.waiting.is_empty() {
                break;
            }
            let timeout = Timespec::try_from(self.patience()).expect("a short time");
            events.clear();
            rustix::io::retry_on_intr(|| {
                epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&timeout))
            })?;
            if events.is_empty() && self.waiting.is_empty() && run.busy > 0 {
                return Err(LoadError::Silence);
            }
            for event in &events {
                self.go_on(event.data.u64() as usize, &mut run)?;
            }
        }
        let elapsed = start.elapsed();
        let busy = (thread_cpu() - cpu).as_secs_f64() / elapsed.as_secs_f64();
        Ok(Outcome { commands: run.sent, elapsed, latency_ns: run.latency_ns, busy })
    }

    /// How long to wait for the next event.
    fn patience(&self) -> Duration {
        match self.waiting.peek() {
            Some(Reverse((due, _))) => due.saturating_duration_since(Instant::now()),
            None => SILENCE_MAX,
        }
    }

    /// Sends the batches whose time has come.
    fn send_due(&mut self, run: &mut Run) -> Result<(), LoadError> {
        while let Some(Reverse((due, index))) = self.waiting.peek().copied() {
            let over = run.is_over(due);
            if !over && due > Instant::now() {
                break;
            }
            self.waiting.pop();
            if !over {
                self.send(index, due, run)?;
            }
        }
        Ok(())
    }

    /// Sends a client's next batch.
    fn send(&mut self, index: usize, started: Instant, run: &mut Run) -> Result<(), LoadError> {
        let connection = &mut self.connections[index];
        connection.batch.clear();
        for _ in 0..self.pipeline {
            self.commands.encode(&mut connection.batch);
        }
        run.sent += self.pipeline as u64;
        run.busy += 1;
        connection.start(self.pipeline, started)
    }

    /// Sends and receives what a client can, and lets it send its next batch when this one is answered.
    fn go_on(&mut self, index: usize, run: &mut Run) -> Result<(), LoadError> {
        let connection = &mut self.connections[index];
        if !connection.is_busy() {
            return Ok(());
        }
        connection.send()?;
        let replies = connection.receive(&mut self.buffer)?;
        let (now, started) = (Instant::now(), connection.started);
        if replies > 0 {
            let ns = now.saturating_duration_since(started).as_nanos() as u64;
            run.latency_ns.saturating_record_n(ns, replies as u64);
        }
        if connection.is_busy() {
            return Ok(());
        }
        run.busy -= 1;
        match self.interval {
            None if run.is_over(now) => {}
            None => self.send(index, now, run)?,
            Some(interval) => self.waiting.push(Reverse((started + interval, index))),
        }
        Ok(())
    }
}

impl Run {
    /// Whether no batch is sent any more.
    fn is_over(&self, now: Instant) -> bool {
        match self.until {
            Until::Time(time) => now >= self.start + time,
            Until::Commands(commands) => self.sent >= commands,
        }
    }
}

/// Time that this thread has computed.
fn thread_cpu() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Sets the keys from 0 to `keys`, and a few more, to values of `value_bytes`.
pub fn fill(address: SocketAddr, work: Work, keys: u64, value_bytes: usize) -> Result<(), LoadError> {
    let (clients, pipeline) = (16, 64.min(keys as usize));
    let commands = Commands::new(work, value_bytes, Keys::Ascending(0), SmallRng::seed_from_u64(0));
    Load::connect(address, clients, pipeline, None, commands)?.run(Until::Commands(keys))?;
    Ok(())
}

impl Outcome {
    /// A latency in microseconds that this share of the commands did not exceed.
    pub fn latency_us(&self, quantile: f64) -> f64 {
        self.latency_ns.value_at_quantile(quantile) as f64 / 1000.0
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// Length of an encoded `INCR`.
    const INCR_BYTES: usize = "*2\r\n$4\r\nINCR\r\n$16\r\nctr:000000000000\r\n".len();

    /// A server that answers each `INCR` with `reply`.
    fn server(reply: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                std::thread::spawn(move || {
                    let (mut buffer, mut received, mut answered) = ([0; 4096], 0, 0);
                    while let Ok(read @ 1..) = stream.read(&mut buffer) {
                        received += read;
                        let whole = received / INCR_BYTES;
                        if stream.write_all(&reply.repeat(whole - answered)).is_err() {
                            break;
                        }
                        answered = whole;
                    }
                });
            }
        });
        address
    }

    fn load(reply: &'static [u8], rate: Option<f64>) -> Load {
        let commands = Commands::new(Work::Incr, 0, Keys::Random(10), SmallRng::seed_from_u64(1));
        Load::connect(server(reply), 4, 5, rate, commands).unwrap()
    }

    #[test]
    fn a_run_ends_when_all_commands_are_answered() {
        let mut load = load(b":12\r\n", None);
        for _ in 0..3 {
            let outcome = load.run(Until::Commands(1000)).unwrap();
            // Each client may have a batch in flight when the number is reached.
            assert!((1000..1000 + 4 * 5).contains(&outcome.commands), "{} commands", outcome.commands);
            assert_eq!(outcome.latency_ns.len(), outcome.commands);
        }
    }

    #[test]
    fn a_rate_is_kept() {
        let outcome = load(b":12\r\n", Some(10_000.0)).run(Until::Time(Duration::from_millis(200))).unwrap();
        assert!((1900..=2100).contains(&outcome.commands), "{} commands", outcome.commands);
        assert!(outcome.elapsed < Duration::from_secs(10), "a run of 0.2 s took {:?}", outcome.elapsed);
        assert_eq!(outcome.latency_ns.len(), outcome.commands);
    }

    #[test]
    fn a_refusal_ends_the_run() {
        let refused = load(b"-ERR no\r\n", None).run(Until::Commands(10)).err().unwrap();
        assert!(matches!(refused, LoadError::Refused(_)), "{refused}");
    }
}
