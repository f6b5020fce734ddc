//! Clients that send commands at the same time, and record what they saw.

use crate::common::{Client, PATIENCE, Value, encode};
use crate::history::{Command, Operation};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::io;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Keys of a history: the first ones are counters, the others hold strings.
pub const KEYS: usize = 6;
/// How many of them are counters.
const COUNTERS: usize = 2;
/// Commands of the longest pipeline.
const PIPELINE_MAX: usize = 4;
/// One pipeline in this many is abandoned: its connection is closed before the replies are read.
const ABANDON_ONE_IN: u32 = 150;

/// What the clients of a history share.
pub struct Shared {
    /// Times are measured from here.
    pub origin: Instant,
    /// Operations invoked so far.
    pub invoked: AtomicUsize,
    /// Operations after which the clients stop.
    pub operations: usize,
    /// The server's TCP port.
    pub port: u16,
    /// The server's Unix socket.
    pub socket: PathBuf,
}

/// An operation and where it belongs.
pub struct Record {
    /// The key's number.
    pub key: usize,
    /// What was seen. `after` and `returned` of operations without a reply are filled in by [`split`].
    pub operation: Operation,
    /// Operations of one client and pipeline were sent together.
    pub pipeline: u64,
}

/// The name of a key.
pub fn key_name(key: usize) -> String {
    format!("{}:{key}", if key < COUNTERS { "counter" } else { "string" })
}

impl Shared {
    /// Nanoseconds since the origin.
    pub fn now(&self) -> u64 {
        self.origin.elapsed().as_nanos() as u64
    }

    /// A connection for a client: some come over TCP, some over the Unix socket.
    fn connect(&self, client: u32) -> io::Result<Client> {
        if client.is_multiple_of(2) {
            let stream = UnixStream::connect(&self.socket)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            Ok(Client::new(Box::new(stream)))
        } else {
            let stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            Ok(Client::new(Box::new(stream)))
        }
    }
}

/// Sends random commands until all clients together have sent enough; reconnects when the connection breaks.
pub fn run(shared: &Shared, client: u32, seed: u64) -> Vec<Record> {
    let mut random = SmallRng::seed_from_u64(seed ^ u64::from(client) << 32);
    let mut connection = None;
    let mut records = Vec::new();
    let mut number = 0;
    for pipeline in 0.. {
        let commands = any_pipeline(&mut random, client, &mut number);
        if shared.invoked.fetch_add(commands.len(), Relaxed) >= shared.operations {
            break;
        }
        let mut open = connection.take().unwrap_or_else(|| connected(shared, client));
        let is_abandoned = random.random_ratio(1, ABANDON_ONE_IN);
        let holds = exchange(shared, &mut open, client, pipeline, commands, is_abandoned, &mut records);
        connection = holds.then_some(open);
        if random.random_ratio(1, 20) {
            std::thread::sleep(Duration::from_micros(random.random_range(0..3000)));
        }
    }
    records
}

/// Reads every key once.
pub fn read_all(shared: &Shared, client: u32) -> Vec<Record> {
    let mut records = Vec::new();
    let mut connection = connected(shared, client);
    for pipeline in 0..2 {
        let reads = (0..KEYS).map(|key| (key, Command::Get)).collect();
        let holds = exchange(shared, &mut connection, client, pipeline, reads, false, &mut records);
        assert!(holds, "a server that nobody disturbs breaks no connection");
    }
    records
}

fn connected(shared: &Shared, client: u32) -> Client {
    let start = Instant::now();
    loop {
        match shared.connect(client) {
            Ok(connection) => return connection,
            Err(error) => {
                assert!(start.elapsed() < PATIENCE, "client {client} gets no connection: {error}");
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Sends a pipeline and reads its replies. Returns whether the connection can still be used.
fn exchange(
    shared: &Shared,
    connection: &mut Client,
    client: u32,
    pipeline: u64,
    commands: Vec<(usize, Command)>,
    is_abandoned: bool,
    records: &mut Vec<Record>,
) -> bool {
    let encoded = |(key, command): &(usize, Command)| encode(&command.words(&key_name(*key)));
    let bytes: Vec<u8> = commands.iter().flat_map(encoded).collect();
    let invoked = shared.now();
    let mut holds = connection.send(&bytes).is_ok() && !is_abandoned;
    for (key, command) in commands {
        let reply = if holds { reply(connection) } else { None };
        holds &= reply.is_some();
        let returned = if holds { shared.now() } else { u64::MAX };
        let optional = reply.is_none();
        let operation =
            Operation { client, command, reply, invoked, returned, optional, after: None, chained: false };
        records.push(Record { key, operation, pipeline });
    }
    holds
}

/// A reply, unless the connection broke.
fn reply(connection: &mut Client) -> Option<Value> {
    match connection.reply() {
        Ok(Value::Error(text)) => panic!("a command was refused: {text}"),
        Ok(reply) => Some(reply),
        Err(error) => {
            let is_late = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
            assert!(!is_late, "no reply within {PATIENCE:?}");
            None
        }
    }
}

fn any_pipeline(random: &mut SmallRng, client: u32, number: &mut u64) -> Vec<(usize, Command)> {
    let len = if random.random_ratio(3, 4) { 1 } else { random.random_range(2..=PIPELINE_MAX) };
    (0..len)
        .map(|_| {
            *number += 1;
            let key = random.random_range(0..KEYS);
            (key, any_command(random, key, client, *number))
        })
        .collect()
}

/// A random command; except for counters, no two commands of a history write the same value.
fn any_command(random: &mut SmallRng, key: usize, client: u32, number: u64) -> Command {
    let is_counter = key < COUNTERS;
    let value = match is_counter {
        true => format!("{}", (number * 100 + u64::from(client)) * 1_000_000),
        false => format!("{client}.{number};"),
    };
    match (random.random_range(0..100), is_counter) {
        (0..40, _) => Command::Get,
        (40..60, true) => Command::Incr,
        (60..75, true) => Command::Decr,
        (40..60, false) => Command::Set(value),
        (60..75, false) => Command::Append(value),
        (75..79, _) => Command::Set(value),
        (79..83, _) => Command::SetLong(value),
        (83..86, _) => Command::GetSet(value),
        (86..89, _) => Command::SetGet(value),
        (89..94, _) => Command::SetNx(value),
        (94..98, _) => Command::Del,
        _ => Command::GetDel,
    }
}

/// The histories of the keys. `deaths` are the times by which a killed server had ended, in ascending order: an operation
/// without a reply cannot take effect after that, so what is found after the restart must stay.
pub fn split(records: Vec<Record>, deaths: &[u64]) -> Vec<Vec<Operation>> {
    let mut histories = vec![Vec::<Operation>::new(); KEYS];
    // By key: client and pipeline of the operation before, and its index.
    let mut last = [None; KEYS];
    for mut record in records {
        let operation = &mut record.operation;
        if operation.reply.is_none() {
            if operation.command == Command::Get {
                continue;
            }
            let death = deaths.partition_point(|death| *death < operation.invoked);
            operation.returned = deaths.get(death).copied().unwrap_or(u64::MAX);
        }
        let history = &mut histories[record.key];
        let place = (operation.client, record.pipeline);
        if let Some((earlier_place, earlier)) = last[record.key]
            && earlier_place == place
        {
            operation.after = Some(earlier);
            operation.chained = true;
            history[earlier].chained = true;
        }
        last[record.key] = Some((place, history.len()));
        history.push(record.operation);
    }
    histories
}
